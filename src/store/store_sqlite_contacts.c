/* Contacts in SQLite. There are no other nodes, so a removed one is kept only as long as somebody may have to look again. */
#include "store/store_sqlite.h"

static int take_head(void *arg, sqlite3_stmt *row)
{
    struct store_contacts_head *head = arg;

    *head = (struct store_contacts_head){ sqlite_number(row, 0), sqlite_number(row, 1) };
    return SQLITE_OK;
}

/* ---- reading ---- */

struct walk {
    store_contact_fn *fn;
    void *arg;
    bool stopped; /* by fn, whose sentence is in err */
    struct err *err;
};

static int on_contact(void *arg, sqlite3_stmt *row)
{
    struct walk *w = arg;
    struct store_contact c = { .revision = sqlite_number(row, 2),
                               .gone = sqlite_number(row, 3) != 0,
                               .x2s = (uint8_t)sqlite_number(row, 4),
                               .s2x = (uint8_t)sqlite_number(row, 5),
                               .x2s_since_s = sqlite3_column_int64(row, 6),
                               .s2x_since_s = sqlite3_column_int64(row, 7),
                               .added = sqlite_number(row, 8) != 0 };

    if (!sqlite_text(row, 0, &c.local) || !sqlite_text(row, 1, &c.remote))
        return SQLITE_NOMEM;
    if (w->fn(w->arg, &c, w->err) == 0)
        return SQLITE_OK;
    w->stopped = true;
    return SQLITE_ABORT;
}

static int load(struct sqlite_store *s, uint64_t since, struct walk *w, struct store_contacts *out)
{
    const struct store_value from = store_number(since);
    struct store_contacts_head head = { 0 };
    int rc = sqlite_run(s, SQL_BEGIN_READ);

    if (rc == SQLITE_OK)
        rc = sqlite_each(s, SQL_CONTACTS_HEAD, NULL, 0, take_head, &head);
    *out = (struct store_contacts){ head.revision, store_contacts_whole(since, &head) };
    if (rc == SQLITE_OK && out->whole)
        rc = sqlite_each(s, SQL_CONTACTS_PRESENT, NULL, 0, on_contact, w);
    else if (rc == SQLITE_OK && head.revision > since)
        rc = sqlite_each(s, SQL_CONTACTS_SINCE, &from, 1, on_contact, w);
    return rc == SQLITE_OK ? sqlite_run(s, SQL_COMMIT) : rc;
}

enum store_result sqlite_contacts_load(struct store *store, uint64_t since, store_contact_fn *fn, void *arg,
                                       struct store_contacts *out, struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    struct walk w = { .fn = fn, .arg = arg, .err = err };
    enum store_result result = sqlite_ready(s, err);
    int rc;

    if (result != STORE_OK)
        return result;
    rc = load(s, since, &w, out);
    result = w.stopped ? STORE_NO_MEMORY : sqlite_fault(s, rc, err);
    sqlite_undo(s);
    return result == STORE_OK && out->head < since ? store_went_back(since, out->head, err) : result;
}

/* ---- changing ---- */

static int put(struct sqlite_store *s, const struct store_contact *c, uint64_t revision)
{
    const struct store_value values[] = { store_text(c->local),
                                          store_text(c->remote),
                                          store_number(revision),
                                          store_number(c->x2s),
                                          store_number(c->s2x),
                                          store_number((uint64_t)c->x2s_since_s),
                                          store_number((uint64_t)c->s2x_since_s),
                                          store_number(c->added) };

    if (c->gone)
        return sqlite_each(s, SQL_CONTACTS_REMOVE, values, 3, NULL, NULL);
    return sqlite_each(s, SQL_CONTACTS_PUT, values, sizeof(values) / sizeof(values[0]), NULL, NULL);
}

static int forget(struct sqlite_store *s, uint64_t revision)
{
    uint64_t up_to;
    struct store_value value;
    int rc;

    if (!store_contacts_forgets(revision, &up_to))
        return SQLITE_OK;
    value = store_number(up_to);
    rc = sqlite_each(s, SQL_CONTACTS_FORGET, &value, 1, NULL, NULL);
    return rc == SQLITE_OK ? sqlite_each(s, SQL_CONTACTS_SET_FORGOTTEN, &value, 1, NULL, NULL) : rc;
}

static int write_all(struct sqlite_store *s, const struct store_contact *rows, size_t n, uint64_t *before, bool *ending)
{
    struct store_contacts_head head = { 0 };
    struct store_value revision;
    int rc = sqlite_run(s, SQL_BEGIN_WRITE);

    if (rc == SQLITE_OK)
        rc = sqlite_each(s, SQL_CONTACTS_HEAD, NULL, 0, take_head, &head);
    if (rc != SQLITE_OK)
        return rc;
    *before = head.revision;
    revision = store_number(head.revision + 1);
    rc = sqlite_each(s, SQL_CONTACTS_SET_HEAD, &revision, 1, NULL, NULL);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++)
        rc = put(s, &rows[i], head.revision + 1);
    if (rc == SQLITE_OK)
        rc = forget(s, head.revision + 1);
    *ending = rc == SQLITE_OK;
    return rc == SQLITE_OK ? sqlite_run(s, SQL_COMMIT) : rc;
}

enum store_result sqlite_contacts_write(struct store *store, const struct store_contact *rows, size_t n,
                                        uint64_t *before, struct err *err)
{
    struct sqlite_store *s = sqlite_of(store);
    enum store_result result = sqlite_ready(s, err);
    bool ending = false;
    int rc;

    if (result == STORE_OK)
        result = sqlite_stayed(s, err);
    if (result != STORE_OK)
        return result;
    rc = write_all(s, rows, n, before, &ending);
    result = sqlite_fault(s, rc, err);
    sqlite_undo(s);
    if (ending && (rc & 0xff) == SQLITE_IOERR) { /* its end may stand in the log nevertheless: start anew */
        sqlite_close(s);
        return STORE_AWAY;
    }
    return result;
}
