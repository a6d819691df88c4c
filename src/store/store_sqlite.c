#include "store/store_sqlite.h"

#include <stdlib.h>

enum store_result sqlite_ready(struct sqlite_store *s, struct err *err)
{
    sqlite_undo(s);
    return s->db || sqlite_reopen(s, err) == 0 ? STORE_OK : STORE_AWAY;
}

/* ---- reading ---- */

static int take_number(void *arg, sqlite3_stmt *row)
{
    *(uint64_t *)arg = sqlite_number(row, 0);
    return SQLITE_OK;
}

/* A walk over rows that somebody else wants; stopped: he did not want more, his sentence is in err. */
struct walk {
    store_row_fn *row;
    store_audit_fn *audit;
    void *arg;
    bool stopped;
    struct err *err;
};

static int on_object(void *arg, sqlite3_stmt *st)
{
    struct walk *w = arg;
    struct store_row row = { .revision = sqlite_number(st, 2) };

    if (!sqlite_text(st, 0, &row.kind) || !sqlite_text(st, 1, &row.name) || !sqlite_text(st, 3, &row.body))
        return SQLITE_NOMEM;
    if (w->row(w->arg, &row, w->err) == 0)
        return SQLITE_OK;
    w->stopped = true;
    return SQLITE_ABORT;
}

static int load(struct sqlite_store *s, uint64_t since, struct walk *w, uint64_t *seq)
{
    const struct store_value from = store_number(since);
    int rc = sqlite_run(s, SQL_BEGIN_READ);

    if (rc == SQLITE_OK)
        rc = sqlite_each(s, SQL_HEAD, NULL, 0, take_number, seq);
    if (rc == SQLITE_OK && *seq > since)
        rc = sqlite_each(s, since ? SQL_SINCE : SQL_PRESENT, &from, since ? 1 : 0, on_object, w);
    if (rc == SQLITE_OK)
        rc = sqlite_run(s, SQL_COMMIT);
    return rc;
}

static enum store_result on_load(struct store *store, uint64_t since, store_row_fn *fn, void *arg, uint64_t *seq,
                                 struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct walk w = { .row = fn, .arg = arg, .err = err };
    uint64_t head = 0;
    enum store_result result = sqlite_ready(s, err);
    int rc;

    if (result != STORE_OK)
        return result;
    rc = load(s, since, &w, &head);
    result = w.stopped ? STORE_NO_MEMORY : sqlite_fault(s, rc, err);
    sqlite_undo(s);
    if (result == STORE_OK && head < since)
        return store_went_back(since, head, err);
    if (result == STORE_OK)
        *seq = head;
    return result;
}

static int on_audit_row(void *arg, sqlite3_stmt *st)
{
    struct walk *w = arg;
    struct store_audit_row row = { .seq = sqlite_number(st, 0),
                                   .line = sqlite_number(st, 1),
                                   .at_ms = sqlite3_column_int64(st, 2) };
    struct slice action;
    struct slice *const to[] = { &row.who, &row.from, &action, &row.kind, &row.name, &row.before, &row.after };

    for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++)
        if (!sqlite_text(st, (int)i + 3, to[i]))
            return SQLITE_NOMEM;
    row.action = store_action_of(action);
    if (!row.action)
        return SQLITE_CORRUPT;
    if (w->audit(w->arg, &row, w->err) == 0)
        return SQLITE_OK;
    w->stopped = true;
    return SQLITE_ABORT;
}

static enum store_result on_audit(struct store *store, const struct store_audit_query *q, store_audit_fn *fn, void *arg,
                                  struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct walk w = { .audit = fn, .arg = arg, .err = err };
    struct store_value values[5] = { store_number(q->before ? q->before : INT64_MAX), store_number(q->before_line),
                                     store_number(q->limit) };
    enum sqlite_sql which = q->kind.n && q->name.n ? SQL_AUDIT_KIND_NAME
                            : q->kind.n            ? SQL_AUDIT_KIND
                            : q->name.n            ? SQL_AUDIT_NAME
                                                   : SQL_AUDIT;
    enum store_result result = sqlite_ready(s, err);
    size_t n = 3;
    int rc;

    if (result != STORE_OK)
        return result;
    if (q->kind.n)
        values[n++] = store_text(q->kind);
    if (q->name.n)
        values[n++] = store_text(q->name);
    rc = sqlite_each(s, which, values, n, on_audit_row, &w);
    return w.stopped ? STORE_NO_MEMORY : sqlite_fault(s, rc, err);
}

/* ---- changing ---- */

static int put(struct sqlite_store *s, const struct store_commit *c, size_t i, uint64_t seq)
{
    const struct store_write *w = &c->writes[i];
    const struct store_value object[] = { store_text(w->kind), store_text(w->name), store_number(seq),
                                          store_optional(w->body) };
    const struct store_value audit[] = {
        store_number(seq),       store_number(i + 1), store_number((uint64_t)c->at_ms),
        store_text(c->who),      store_text(c->from), store_text(slice_str(store_action(w))),
        store_text(w->kind),     store_text(w->name), store_optional(w->before),
        store_optional(w->after)
    };
    int rc = w->note ? SQLITE_OK : sqlite_each(s, SQL_PUT, object, sizeof(object) / sizeof(object[0]), NULL, NULL);

    return rc == SQLITE_OK ? sqlite_each(s, SQL_PUT_AUDIT, audit, sizeof(audit) / sizeof(audit[0]), NULL, NULL) : rc;
}

/* How far a commit came. */
struct progress {
    uint64_t head; /* where the store was: what is judged against another state is not written */
    bool ending;   /* COMMIT was tried */
};

static int commit(struct sqlite_store *s, const struct store_commit *c, struct progress *at)
{
    const struct store_value seq = store_number(c->seq + 1);
    int rc = sqlite_run(s, SQL_BEGIN_WRITE);

    if (rc == SQLITE_OK)
        rc = sqlite_each(s, SQL_HEAD, NULL, 0, take_number, &at->head);
    if (rc != SQLITE_OK || at->head != c->seq)
        return rc;
    rc = sqlite_each(s, SQL_SET_HEAD, &seq, 1, NULL, NULL);
    for (size_t i = 0; i < c->n && rc == SQLITE_OK; i++)
        rc = put(s, c, i, c->seq + 1);
    at->ending = rc == SQLITE_OK;
    return rc == SQLITE_OK ? sqlite_run(s, SQL_COMMIT) : rc;
}

/*
 * COMMIT failed on the disk. Its end may stand in the log nevertheless, and count after the next start: so start anew, now,
 * and look. failed and err: what the disk said.
 */
static enum store_result resolve(struct sqlite_store *s, const struct store_commit *c, enum store_result failed,
                                 struct err *err)
{
    const struct err why = err ? *err : (struct err){ "" };
    uint64_t head = 0;

    sqlite_close(s);
    if (sqlite_reopen(s, err) || sqlite_each(s, SQL_HEAD, NULL, 0, take_number, &head) != SQLITE_OK) {
        err_set(
            err,
            "the disk failed while the change was being written, and whether it was written is unknown: look at the "
            "settings before you make it again: %s",
            why.text);
        return STORE_AWAY;
    }
    err_set(err, "%s", why.text);
    return head == c->seq + 1 ? STORE_OK : failed;
}

enum store_result sqlite_stayed(struct sqlite_store *s, struct err *err)
{
    int moved = 0;

    if (sqlite3_file_control(s->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved) != SQLITE_OK || !moved)
        return STORE_OK;
    err_set(err, "the store %s was moved away or deleted while Stox was using it: put it back, then restart Stox",
            s->path);
    return STORE_FAULT;
}

static enum store_result try_commit(struct sqlite_store *s, const struct store_commit *c, struct err *err)
{
    struct progress at = { .head = c->seq };
    enum store_result result;
    int rc;

    if (sqlite_stayed(s, err) != STORE_OK)
        return STORE_FAULT;
    rc = commit(s, c, &at);
    result = sqlite_fault(s, rc, err);
    sqlite_undo(s);
    if (at.ending && (rc & 0xff) == SQLITE_IOERR)
        return resolve(s, c, result, err);
    if (result == STORE_AWAY)
        err_wrap(err, "nothing was changed");
    return result == STORE_OK && at.head != c->seq ? STORE_BEHIND : result;
}

static enum store_result on_commit(struct store *store, const struct store_commit *c, uint64_t *seq, struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    enum store_result result = sqlite_ready(s, err);

    if (result != STORE_OK) {
        err_wrap(err, "nothing was changed");
        return result;
    }
    result = try_commit(s, c, err);
    if (result == STORE_OK)
        *seq = c->seq + 1;
    return result;
}

/* ---- start and end ---- */

static int on_watch(struct store *store, const struct store_watch *watch, struct err *err)
{
    return 0;
}

static void on_close(struct store *store)
{
    struct sqlite_store *s = sqlite_of(store);

    sqlite_close(s);
    free(s->path);
    free(s);
}

static const struct store_ops ops = {
    .name = "SQLite",
    .close = on_close,
    .load = on_load,
    .commit = on_commit,
    .audit = on_audit,
    .watch = on_watch,
    .contacts_load = sqlite_contacts_load,
    .contacts_write = sqlite_contacts_write,
};

struct store *store_sqlite_open(const struct store_conf *conf, struct err *err)
{
    struct sqlite_store *s = calloc(1, sizeof(*s));
    struct slice path = slice_from(slice_str(conf->url), strlen("sqlite:"));

    if (!s) {
        err_set(err, "out of memory");
        return NULL;
    }
    s->store = (struct store){ &ops, *conf };
    s->path = strdup(path.n ? path.p : "");
    if (!s->path)
        err_set(err, "out of memory");
    else if (sqlite_open(s, err) == 0)
        return &s->store;
    on_close(&s->store);
    return NULL;
}
