#include "base/clock.h"
#include "base/rand.h"
#include "store/store_pg.h"

#define RESOLVE_MS 4000 /* what may be added to find out what became of a commit */
#define WRITES_PER_MS 2

/* A commit on its way: drawn anew for each, the tag tells it from what others wrote. */
struct attempt {
    const struct store_commit *c;
    char tag[33];
    bool sent; /* COMMIT was: only the answer to it, or the audit, says whether it counts */
};

static enum store_result put_object(struct pg *pg, const struct attempt *a, size_t i, struct err *err)
{
    static const char sql[] =
        "INSERT INTO stox.objects (kind, name, revision, body) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (kind, name) DO UPDATE SET revision = excluded.revision, body = excluded.body";
    const struct store_write *w = &a->c->writes[i];
    const struct store_value values[] = { store_text(w->kind), store_text(w->name), store_number(a->c->seq + 1),
                                          store_optional(w->body) };

    return pg_batch_repeat(pg, sql, i == 0, values, sizeof(values) / sizeof(values[0]), err);
}

static enum store_result put_audit(struct pg *pg, const struct attempt *a, size_t i, struct err *err)
{
    static const char sql[] = "INSERT INTO stox.audit (seq, line, at_ms, who, origin, action, kind, name, "
                              "body_before, body_after, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    const struct store_commit *c = a->c;
    const struct store_write *w = &c->writes[i];
    const struct store_value values[] = {
        store_number(c->seq + 1), store_number(i + 1),          store_number((uint64_t)c->at_ms),
        store_text(c->who),       store_text(c->from),          store_text(slice_str(store_action(w))),
        store_text(w->kind),      store_text(w->name),          store_optional(w->before),
        store_optional(w->after), store_text(slice_str(a->tag))
    };

    return pg_batch_repeat(pg, sql, i == 0, values, sizeof(values) / sizeof(values[0]), err);
}

static enum store_result put_all(struct pg *pg, const struct attempt *a, struct err *err)
{
    const struct store_value seq = store_number(a->c->seq + 1);
    enum store_result result = pg_batch_begin(pg, err);

    if (result == STORE_OK)
        result = pg_batch_add(pg, "UPDATE stox.head SET seq = $1", &seq, 1, err);
    for (size_t i = 0; i < a->c->n && result == STORE_OK; i++)
        result = a->c->writes[i].note ? STORE_OK : put_object(pg, a, i, err);
    for (size_t i = 0; i < a->c->n && result == STORE_OK; i++)
        result = put_audit(pg, a, i, err);
    if (result == STORE_OK)
        result = pg_batch_add(pg, "SELECT pg_notify('" PG_CHANNEL "', '')", NULL, 0, err);
    return result == STORE_OK ? pg_batch_end(pg, err) : result;
}

/* STORE_BEHIND, nothing written, when the store is not where the change was judged. */
static enum store_result write_once(struct pg *pg, struct attempt *a, struct err *err)
{
    enum store_result result = pg_begin(pg, PG_BEGIN_WRITE, err);
    uint64_t head = 0;

    if (result == STORE_OK)
        result = pg_run(pg, PG_LOCK, NULL, 0, NULL, err);
    if (result == STORE_OK)
        result = pg_read_head(pg, &head, err);
    if (result == STORE_OK && head != a->c->seq)
        result = STORE_BEHIND;
    if (result == STORE_OK)
        result = put_all(pg, a, err);
    if (result != STORE_OK)
        return result;
    a->sent = true;
    return pg_end(pg, err);
}

/* Is our change in the audit? Whoever writes holds the lock until its fate is decided, so we take it before we look. */
static enum store_result look(struct pg *pg, const struct attempt *a, bool *there, struct err *err)
{
    const struct store_value values[] = { store_number(a->c->seq + 1), store_text(slice_str(a->tag)) };
    enum store_result result = pg_begin(pg, PG_BEGIN_WRITE, err);
    PGresult *r = NULL;

    if (result == STORE_OK)
        result = pg_run(pg, PG_LOCK, NULL, 0, NULL, err);
    if (result == STORE_OK)
        result = pg_run(pg, "SELECT 1 FROM stox.audit WHERE seq = $1 AND tag = $2 LIMIT 1", values, 2, &r, err);
    if (result == STORE_OK)
        *there = PQntuples(r) == 1;
    PQclear(r);
    pg_undo(pg);
    return result;
}

/* COMMIT was sent and not answered. STORE_OK: it counts. *again: it does not, and surely never will. */
static enum store_result resolve(struct pg *pg, const struct attempt *a, bool *again, struct err *err)
{
    bool there = false;

    pg_allow(pg, RESOLVE_MS);
    *again = false;
    if (look(pg, a, &there, err) != STORE_OK) {
        err_wrap(err,
                 "the database was lost while the change was being written, and whether it was written is unknown: "
                 "look at the settings before you make it again");
        return STORE_AWAY;
    }
    *again = !there;
    return there ? STORE_OK : STORE_AWAY;
}

static enum store_result write_surely(struct pg *pg, struct attempt *a, struct err *err)
{
    enum store_result result = STORE_AWAY;
    bool again = true;

    for (unsigned tries = 0; again && tries < 2; tries++) {
        a->sent = false;
        result = write_once(pg, a, err);
        again = result == STORE_AWAY && !pg->c && clock_mono_ms() < pg->until_ms;
        if (result != STORE_OK && a->sent && (result == STORE_AWAY || !pg->c)) {
            result = resolve(pg, a, &again, err);
            if (result == STORE_AWAY && !again)
                return result;
        }
    }
    if (result == STORE_AWAY)
        err_wrap(err, "nothing was changed");
    return result;
}

enum store_result pg_commit(struct pg *pg, const struct store_commit *c, struct err *err)
{
    struct attempt a = { .c = c };

    rand_hex(a.tag, sizeof(a.tag) - 1);
    pg_allow(pg, PG_CALL_MS + (unsigned)(c->n / WRITES_PER_MS));
    return write_surely(pg, &a, err);
}
