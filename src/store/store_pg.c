#include "store/store_pg.h"

#include <stdlib.h>

#include "base/list.h"

#define FETCH 2000
#define TEXT_OF_(x) #x
#define TEXT_OF(x) TEXT_OF_(x)

struct pg_store {
    struct store store;
    struct pg_target target;
    struct pg pg;
    struct pg_watch watch;
};

static struct pg_store *of(struct store *s)
{
    return container_of(s, struct pg_store, store);
}

/* After each call: nothing is left open, and the watching thread looks when the database was away. */
static enum store_result done(struct pg_store *s, enum store_result result)
{
    pg_undo(&s->pg);
    if (result == STORE_AWAY)
        pg_watch_doubt(&s->watch);
    return result;
}

/* ---- reading ---- */

static enum store_result give_rows(const PGresult *r, store_row_fn *fn, void *arg, struct err *err)
{
    for (int i = 0; i < PQntuples(r); i++) {
        const struct store_row row = { pg_text(r, i, 0), pg_text(r, i, 1), pg_number(r, i, 2), pg_text(r, i, 3) };

        if (fn(arg, &row, err))
            return STORE_NO_MEMORY;
    }
    return STORE_OK;
}

/* In parts, so that neither memory nor the time for one answer grows with what is stored. */
static enum store_result fetch_all(struct pg_store *s, uint64_t since, store_row_fn *fn, void *arg, struct err *err)
{
    static const char present[] =
        "DECLARE rows NO SCROLL CURSOR FOR SELECT kind, name, revision, body FROM stox.objects "
        "WHERE body IS NOT NULL";
    static const char changed[] =
        "DECLARE rows NO SCROLL CURSOR FOR SELECT kind, name, revision, body FROM stox.objects "
        "WHERE revision > $1";
    const struct store_value from = store_number(since);
    enum store_result result = pg_run(&s->pg, since ? changed : present, &from, since ? 1 : 0, NULL, err);
    int n = FETCH;

    while (result == STORE_OK && n == FETCH) {
        PGresult *r = NULL;

        pg_allow(&s->pg, PG_CALL_MS);
        result = pg_run(&s->pg, "FETCH " TEXT_OF(FETCH) " FROM rows", NULL, 0, &r, err);
        n = result == STORE_OK ? PQntuples(r) : 0;
        if (result == STORE_OK)
            result = give_rows(r, fn, arg, err);
        PQclear(r);
    }
    return result;
}

static enum store_result on_load(struct store *store, uint64_t since, store_row_fn *fn, void *arg, uint64_t *seq,
                                 struct err *err)
{
    struct pg_store *s = of(store);
    enum store_result result;
    uint64_t head = 0;

    pg_allow(&s->pg, PG_CALL_MS);
    result = pg_begin(&s->pg, PG_BEGIN_READ, err);
    if (result == STORE_OK)
        result = pg_read_head(&s->pg, &head, err);
    if (result == STORE_OK && head < since)
        result = store_went_back(since, head, err);
    if (result == STORE_OK && head > since)
        result = fetch_all(s, since, fn, arg, err);
    if (result == STORE_OK)
        *seq = head;
    return done(s, result);
}

static enum store_result give_audit(const PGresult *r, store_audit_fn *fn, void *arg, struct err *err)
{
    for (int i = 0; i < PQntuples(r); i++) {
        const struct store_audit_row row = { .seq = pg_number(r, i, 0),
                                             .line = pg_number(r, i, 1),
                                             .at_ms = (int64_t)pg_number(r, i, 2),
                                             .who = pg_text(r, i, 3),
                                             .from = pg_text(r, i, 4),
                                             .action = store_action_of(pg_text(r, i, 5)),
                                             .kind = pg_text(r, i, 6),
                                             .name = pg_text(r, i, 7),
                                             .before = pg_text(r, i, 8),
                                             .after = pg_text(r, i, 9) };

        if (!row.action) {
            err_set(err, "the store is damaged: change %llu of the audit has no action that this Stox knows",
                    (unsigned long long)row.seq);
            return STORE_FAULT;
        }
        if (fn(arg, &row, err))
            return STORE_NO_MEMORY;
    }
    return STORE_OK;
}

static enum store_result on_audit(struct store *store, const struct store_audit_query *q, store_audit_fn *fn, void *arg,
                                  struct err *err)
{
    static const char sql[] =
        "SELECT seq, line, at_ms, who, origin, action, kind, name, body_before, body_after FROM stox.audit "
        "WHERE (seq, line) < ($1, $2) AND ($4 = '' OR kind = $4) AND ($5 = '' OR name = $5) "
        "ORDER BY seq DESC, line DESC LIMIT $3";
    const struct store_value values[] = { store_number(q->before ? q->before : INT64_MAX), store_number(q->before_line),
                                          store_number(q->limit), store_text(q->kind), store_text(q->name) };
    struct pg_store *s = of(store);
    PGresult *r = NULL;
    enum store_result result;

    pg_allow(&s->pg, PG_CALL_MS);
    result = pg_begin(&s->pg, PG_BEGIN_READ, err);
    if (result == STORE_OK)
        result = pg_run(&s->pg, sql, values, sizeof(values) / sizeof(values[0]), &r, err);
    if (result == STORE_OK)
        result = give_audit(r, fn, arg, err);
    PQclear(r);
    return done(s, result);
}

/* ---- changing ---- */

static enum store_result on_commit(struct store *store, const struct store_commit *c, uint64_t *seq, struct err *err)
{
    struct pg_store *s = of(store);
    enum store_result result = pg_commit(&s->pg, c, err);

    if (result == STORE_OK)
        *seq = c->seq + 1;
    return done(s, result);
}

static enum store_result on_contacts_load(struct store *store, uint64_t since, store_contact_fn *fn, void *arg,
                                          struct store_contacts *out, struct err *err)
{
    struct pg_store *s = of(store);

    return done(s, pg_contacts_load(&s->pg, since, fn, arg, out, err));
}

static enum store_result on_contacts_write(struct store *store, const struct store_contact *rows, size_t n,
                                           uint64_t *before, struct err *err)
{
    struct pg_store *s = of(store);

    return done(s, pg_contacts_write(&s->pg, rows, n, before, err));
}

/* By a transaction of its own, which tells a broken connection and makes a new one. */
static enum store_result on_reserve(struct store *store, struct err *err)
{
    struct pg_store *s = of(store);
    enum store_result result;

    pg_allow(&s->pg, PG_CALL_MS);
    result = pg_begin(&s->pg, PG_BEGIN_WRITE, err);
    if (result == STORE_OK)
        result = pg_run(&s->pg, PG_RESERVE, NULL, 0, NULL, err);
    return done(s, result);
}

static void on_release(struct store *store)
{
    struct pg_store *s = of(store);
    struct err ignored;

    pg_allow(&s->pg, PG_CALL_MS);
    if (s->pg.c && pg_run(&s->pg, PG_RELEASE, NULL, 0, NULL, &ignored) != STORE_OK)
        pg_disconnect(&s->pg); /* nothing may stay reserved */
}

/* ---- start and end ---- */

static int on_watch(struct store *store, const struct store_watch *watch, struct err *err)
{
    struct pg_store *s = of(store);

    s->watch.watch = *watch;
    return pg_watch_start(&s->watch, err);
}

static void on_close(struct store *store)
{
    struct pg_store *s = of(store);

    pg_watch_end(&s->watch);
    pg_disconnect(&s->pg);
    pg_target_fini(&s->target);
    free(s);
}

static const struct store_ops ops = {
    .name = "PostgreSQL",
    .close = on_close,
    .load = on_load,
    .commit = on_commit,
    .reserve = on_reserve,
    .release = on_release,
    .audit = on_audit,
    .watch = on_watch,
    .contacts_load = on_contacts_load,
    .contacts_write = on_contacts_write,
};

struct store *store_pg_open(const struct store_conf *conf, struct err *err)
{
    struct pg_store *s = calloc(1, sizeof(*s));

    if (!s) {
        err_set(err, "out of memory");
        return NULL;
    }
    s->store = (struct store){ &ops, *conf };
    s->pg = (struct pg){ .target = &s->target, .steps = &s->store };
    s->watch = (struct pg_watch){ .pg = { .target = &s->target }, .log = conf->log, .wake = -1 };
    if (pg_target_init(&s->target, conf->url, err) == 0 && pg_migrate(&s->pg, err) == 0)
        return &s->store;
    on_close(&s->store);
    return NULL;
}
