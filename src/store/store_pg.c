#include "store/store_pg.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/rand.h"

#define CALL_MS 7000    /* what one call may take, before what its size adds */
#define RESOLVE_MS 4000 /* what may be added to find out what became of a commit */
#define WRITES_PER_MS 2
#define FETCH 2000
#define LOCK "SELECT pg_advisory_xact_lock(1400139640)" /* one number for all of Stox: whoever writes holds it */
#define BEGIN_WRITE "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
#define BEGIN_READ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
#define HEAD "SELECT seq FROM stox.head"
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

/* ---- transactions ---- */

/* Begins one, on a connection that lives: one that broke while nobody used it is replaced. */
static enum store_result begin(struct pg_store *s, const char *how, struct err *err)
{
    enum store_result result = STORE_OK;
    bool fresh;

    pg_undo(&s->pg);
    do {
        fresh = !s->pg.c;
        if (fresh)
            result = pg_connect(&s->pg, err);
        if (result == STORE_OK)
            result = pg_run(&s->pg, how, NULL, 0, NULL, err);
    } while (!s->pg.c && !fresh && clock_mono_ms() < s->pg.until_ms);
    return result;
}

/* After each call: nothing is left open, and the watching thread looks when the database was away. */
static enum store_result done(struct pg_store *s, enum store_result result)
{
    pg_undo(&s->pg);
    if (result == STORE_AWAY)
        pg_watch_doubt(&s->watch);
    return result;
}

static enum store_result read_head(struct pg_store *s, uint64_t *head, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = pg_run(&s->pg, HEAD, NULL, 0, &r, err);

    if (result == STORE_OK && PQntuples(r) != 1) {
        err_set(err, "the store is damaged: stox.head has %d rows; restore the backup", PQntuples(r));
        result = STORE_FAULT;
    }
    if (result == STORE_OK)
        *head = pg_number(r, 0, 0);
    PQclear(r);
    return result;
}

static enum store_result end_transaction(struct pg_store *s, struct err *err)
{
    PGresult *r = NULL;
    enum store_result result = pg_run(&s->pg, "COMMIT", NULL, 0, &r, err);

    /* The server answers a COMMIT that comes too late with ROLLBACK, and counts that as success. */
    if (result == STORE_OK && strcmp(PQcmdStatus(r), "COMMIT") != 0) {
        err_set(err, "the PostgreSQL database undid the change");
        result = STORE_FAULT;
    }
    PQclear(r);
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

        pg_allow(&s->pg, CALL_MS);
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

    pg_allow(&s->pg, CALL_MS);
    result = begin(s, BEGIN_READ, err);
    if (result == STORE_OK)
        result = read_head(s, &head, err);
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
            err_set(err, "the store is damaged: change %llu of the audit is neither new, set nor remove",
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

    pg_allow(&s->pg, CALL_MS);
    result = begin(s, BEGIN_READ, err);
    if (result == STORE_OK)
        result = pg_run(&s->pg, sql, values, sizeof(values) / sizeof(values[0]), &r, err);
    if (result == STORE_OK)
        result = give_audit(r, fn, arg, err);
    PQclear(r);
    return done(s, result);
}

/* ---- changing ---- */

/* A commit on its way: drawn anew for each, the tag tells it from what others wrote. */
struct attempt {
    const struct store_commit *c;
    char tag[33];
    bool sent; /* COMMIT was: only the answer to it, or the audit, says whether it counts */
};

static enum store_result put(struct pg_store *s, const struct attempt *a, size_t i, struct err *err)
{
    static const char object_sql[] =
        "INSERT INTO stox.objects (kind, name, revision, body) VALUES ($1, $2, $3, $4) "
        "ON CONFLICT (kind, name) DO UPDATE SET revision = excluded.revision, body = excluded.body";
    static const char audit_sql[] =
        "INSERT INTO stox.audit (seq, line, at_ms, who, origin, action, kind, name, "
        "body_before, body_after, tag) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
    const struct store_commit *c = a->c;
    const struct store_write *w = &c->writes[i];
    const struct store_value object[] = { store_text(w->kind), store_text(w->name), store_number(c->seq + 1),
                                          store_optional(w->body) };
    const struct store_value audit[] = {
        store_number(c->seq + 1), store_number(i + 1),          store_number((uint64_t)c->at_ms),
        store_text(c->who),       store_text(c->from),          store_text(slice_str(store_action(w))),
        store_text(w->kind),      store_text(w->name),          store_optional(w->before),
        store_optional(w->after), store_text(slice_str(a->tag))
    };
    enum store_result result = pg_batch_add(&s->pg, object_sql, object, sizeof(object) / sizeof(object[0]), err);

    return result == STORE_OK ? pg_batch_add(&s->pg, audit_sql, audit, sizeof(audit) / sizeof(audit[0]), err) : result;
}

static enum store_result put_all(struct pg_store *s, const struct attempt *a, struct err *err)
{
    const struct store_value seq = store_number(a->c->seq + 1);
    enum store_result result = pg_batch_begin(&s->pg, err);

    if (result == STORE_OK)
        result = pg_batch_add(&s->pg, "UPDATE stox.head SET seq = $1", &seq, 1, err);
    for (size_t i = 0; i < a->c->n && result == STORE_OK; i++)
        result = put(s, a, i, err);
    if (result == STORE_OK)
        result = pg_batch_add(&s->pg, "SELECT pg_notify('" PG_CHANNEL "', '')", NULL, 0, err);
    return result == STORE_OK ? pg_batch_end(&s->pg, err) : result;
}

/* STORE_BEHIND, nothing written, when the store is not where the change was judged. */
static enum store_result write_once(struct pg_store *s, struct attempt *a, struct err *err)
{
    enum store_result result = begin(s, BEGIN_WRITE, err);
    uint64_t head = 0;

    if (result == STORE_OK)
        result = pg_run(&s->pg, LOCK, NULL, 0, NULL, err);
    if (result == STORE_OK)
        result = read_head(s, &head, err);
    if (result == STORE_OK && head != a->c->seq)
        result = STORE_BEHIND;
    if (result == STORE_OK)
        result = put_all(s, a, err);
    if (result != STORE_OK)
        return result;
    a->sent = true;
    return end_transaction(s, err);
}

/* Is our change in the audit? Whoever writes holds the lock until its fate is decided, so we take it before we look. */
static enum store_result look(struct pg_store *s, const struct attempt *a, bool *there, struct err *err)
{
    const struct store_value values[] = { store_number(a->c->seq + 1), store_text(slice_str(a->tag)) };
    enum store_result result = begin(s, BEGIN_WRITE, err);
    PGresult *r = NULL;

    if (result == STORE_OK)
        result = pg_run(&s->pg, LOCK, NULL, 0, NULL, err);
    if (result == STORE_OK)
        result = pg_run(&s->pg, "SELECT 1 FROM stox.audit WHERE seq = $1 AND tag = $2 LIMIT 1", values, 2, &r, err);
    if (result == STORE_OK)
        *there = PQntuples(r) == 1;
    PQclear(r);
    pg_undo(&s->pg);
    return result;
}

/* The connection was lost before COMMIT was answered. STORE_OK: it counts. *again: it does not, and surely never will. */
static enum store_result resolve(struct pg_store *s, const struct attempt *a, bool *again, struct err *err)
{
    bool there = false;

    pg_allow(&s->pg, RESOLVE_MS);
    *again = false;
    if (look(s, a, &there, err) != STORE_OK) {
        err_wrap(err,
                 "the database was lost while the change was being written, and whether it was written is unknown: "
                 "look at the settings before you make it again");
        return STORE_AWAY;
    }
    *again = !there;
    return there ? STORE_OK : STORE_AWAY;
}

static enum store_result write_surely(struct pg_store *s, struct attempt *a, struct err *err)
{
    enum store_result result = STORE_AWAY;
    bool again = true;

    for (unsigned tries = 0; again && tries < 2; tries++) {
        a->sent = false;
        result = write_once(s, a, err);
        again = result == STORE_AWAY && !s->pg.c && clock_mono_ms() < s->pg.until_ms;
        if (result == STORE_AWAY && !s->pg.c && a->sent) {
            result = resolve(s, a, &again, err);
            if (result == STORE_AWAY && !again)
                return result;
        }
    }
    if (result == STORE_AWAY)
        err_wrap(err, "nothing was changed");
    return result;
}

static enum store_result on_commit(struct store *store, const struct store_commit *c, uint64_t *seq, struct err *err)
{
    struct pg_store *s = of(store);
    struct attempt a = { .c = c };
    enum store_result result;

    rand_hex(a.tag, sizeof(a.tag) - 1);
    pg_allow(&s->pg, CALL_MS + (unsigned)(c->n / WRITES_PER_MS));
    result = write_surely(s, &a, err);
    if (result == STORE_OK)
        *seq = c->seq + 1;
    return done(s, result);
}

/* ---- the schema ---- */

static int schema_fault(struct pg_store *s, const char *what, struct err *err)
{
    return err_set(err, "the PostgreSQL database \"%s\" %s; it was left as it is", PQdb(s->pg.c), what);
}

/* *version: the last migration it has had. In a transaction that holds the lock. */
static int read_version(struct pg_store *s, uint64_t *version, struct err *err)
{
    static const char what_sql[] = "SELECT to_regclass('stox.version') IS NOT NULL, EXISTS (SELECT FROM pg_class WHERE "
                                   "relnamespace = to_regnamespace('stox'))";
    PGresult *r = NULL;
    bool is_ours, is_used;
    int rc = 0;

    if (pg_run(&s->pg, what_sql, NULL, 0, &r, err) != STORE_OK)
        return -1;
    is_ours = slice_is(pg_text(r, 0, 0), "t");
    is_used = slice_is(pg_text(r, 0, 1), "t");
    PQclear(r);
    *version = 0;
    if (!is_ours)
        return is_used ? schema_fault(s, "has a schema \"stox\" that is no store of Stox", err) : 0;
    if (pg_run(&s->pg, "SELECT number FROM stox.version", NULL, 0, &r, err) != STORE_OK)
        return -1;
    if (PQntuples(r) == 1)
        *version = pg_number(r, 0, 0);
    else
        rc = schema_fault(s, "has a table stox.version that is not as Stox made it", err);
    PQclear(r);
    return rc ? rc : store_schema_known(*version, err);
}

/* One migration, the next one. *ready: there was none left. */
static int migrate_once(struct pg_store *s, bool *ready, struct err *err)
{
    struct store_value number;
    uint64_t version;

    pg_allow(&s->pg, CALL_MS);
    *ready = false;
    if (begin(s, BEGIN_WRITE, err) != STORE_OK || pg_run(&s->pg, LOCK, NULL, 0, NULL, err) != STORE_OK ||
        read_version(s, &version, err))
        return -1;
    *ready = version == store_schema;
    if (*ready)
        return 0;
    number = store_number(version + 1);
    if (pg_script(&s->pg, store_migrations_pg[version], err) != STORE_OK ||
        pg_run(&s->pg, "UPDATE stox.version SET number = $1", &number, 1, NULL, err) != STORE_OK ||
        end_transaction(s, err) != STORE_OK)
        return -1;
    log_info(s->store.conf.log, "store-schema", LOG_Z("database", PQdb(s->pg.c)), LOG_U("schema", version + 1));
    return 0;
}

static int migrate(struct pg_store *s, struct err *err)
{
    bool ready = false;
    int rc = 0;

    while (rc == 0 && !ready) {
        rc = migrate_once(s, &ready, err);
        pg_undo(&s->pg);
    }
    return rc;
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

static const struct store_ops ops = { "PostgreSQL", on_close, on_load, on_commit, on_audit, on_watch };

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
    if (pg_target_init(&s->target, conf->url, err) == 0 && migrate(s, err) == 0)
        return &s->store;
    on_close(&s->store);
    return NULL;
}
