#include <errno.h>

#include "store/store_sqlite.h"

#define AUDIT                                                                                                          \
    "SELECT seq, line, at_ms, who, origin, action, kind, name, body_before, body_after FROM audit "                    \
    "WHERE (seq, line) < (?1, ?2)"
#define CONTACT "SELECT local, remote, revision, gone, x2s, s2x, x2s_since, s2x_since, added FROM contacts WHERE "
#define AUDIT_ORDER " ORDER BY seq DESC, line DESC LIMIT ?3"

static const char *const texts[SQL_N] = {
    [SQL_BEGIN_READ] = "BEGIN",
    [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
    [SQL_COMMIT] = "COMMIT",
    [SQL_ROLLBACK] = "ROLLBACK",
    [SQL_HEAD] = "SELECT seq FROM head",
    [SQL_SET_HEAD] = "UPDATE head SET seq = ?1",
    [SQL_PUT] = "INSERT INTO objects (kind, name, revision, body) VALUES (?1, ?2, ?3, ?4) "
                "ON CONFLICT (kind, name) DO UPDATE SET revision = excluded.revision, body = excluded.body",
    [SQL_PUT_AUDIT] = "INSERT INTO audit (seq, line, at_ms, who, origin, action, kind, name, body_before, body_after) "
                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    [SQL_PRESENT] = "SELECT kind, name, revision, body FROM objects WHERE body IS NOT NULL",
    [SQL_SINCE] = "SELECT kind, name, revision, body FROM objects WHERE revision > ?1",
    [SQL_AUDIT] = AUDIT AUDIT_ORDER,
    [SQL_AUDIT_KIND] = AUDIT " AND kind = ?4" AUDIT_ORDER,
    [SQL_AUDIT_NAME] = AUDIT " AND name = ?4" AUDIT_ORDER,
    [SQL_AUDIT_KIND_NAME] = AUDIT " AND kind = ?4 AND name = ?5" AUDIT_ORDER,
    [SQL_CONTACTS_HEAD] = "SELECT revision, forgotten FROM contacts_head",
    [SQL_CONTACTS_SET_HEAD] = "UPDATE contacts_head SET revision = ?1",
    [SQL_CONTACTS_PUT] = "INSERT INTO contacts (local, remote, revision, gone, x2s, s2x, x2s_since, s2x_since, added) "
                         "VALUES (?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (local, remote) DO UPDATE SET "
                         "revision = excluded.revision, gone = 0, x2s = excluded.x2s, s2x = excluded.s2x, "
                         "x2s_since = excluded.x2s_since, s2x_since = excluded.s2x_since, added = excluded.added",
    [SQL_CONTACTS_REMOVE] = "UPDATE contacts SET revision = ?3, gone = 1 WHERE local = ?1 AND remote = ?2 AND gone = 0",
    [SQL_CONTACTS_FORGET] = "DELETE FROM contacts WHERE gone = 1 AND revision <= ?1",
    [SQL_CONTACTS_SET_FORGOTTEN] = "UPDATE contacts_head SET forgotten = ?1",
    [SQL_CONTACTS_PRESENT] = CONTACT "gone = 0",
    [SQL_CONTACTS_SINCE] = CONTACT "revision > ?1",
};

static int bind(sqlite3_stmt *st, const struct store_value *values, size_t n)
{
    int rc = SQLITE_OK;

    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        const struct store_value *v = &values[i];
        int at = (int)i + 1;

        switch (v->type) {
        case STORE_TEXT: rc = sqlite3_bind_text64(st, at, v->text.p, v->text.n, SQLITE_STATIC, SQLITE_UTF8); break;
        case STORE_NUMBER: rc = sqlite3_bind_int64(st, at, v->number); break;
        case STORE_NULL: rc = sqlite3_bind_null(st, at); break;
        }
    }
    return rc;
}

/* All rows of a statement that is bound. */
static int walk(struct sqlite_store *s, sqlite3_stmt *st, sqlite_row_fn *fn, void *arg)
{
    int rc;

    if (!store_step(&s->store, sqlite3_sql(st)))
        return SQLITE_IOERR;
    while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
        rc = fn ? fn(arg, st) : SQLITE_OK;
        if (rc != SQLITE_OK)
            return rc;
    }
    return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

int sqlite_each(struct sqlite_store *s, enum sqlite_sql which, const struct store_value *values, size_t n,
                sqlite_row_fn *fn, void *arg)
{
    sqlite3_stmt **st = &s->statements[which];
    int rc = SQLITE_OK;

    if (!*st)
        rc = sqlite3_prepare_v3(s->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, st, NULL);
    if (rc == SQLITE_OK)
        rc = bind(*st, values, n);
    if (rc == SQLITE_OK)
        rc = walk(s, *st, fn, arg);
    if (*st) {
        sqlite3_reset(*st);
        sqlite3_clear_bindings(*st);
    }
    return rc;
}

int sqlite_script(struct sqlite_store *s, const char *sql, sqlite_row_fn *fn, void *arg)
{
    int rc = SQLITE_OK;

    while (rc == SQLITE_OK && *sql) {
        sqlite3_stmt *st = NULL;

        rc = sqlite3_prepare_v2(s->db, sql, -1, &st, &sql);
        if (rc == SQLITE_OK && st)
            rc = walk(s, st, fn, arg);
        sqlite3_finalize(st);
    }
    return rc;
}

void sqlite_undo(struct sqlite_store *s)
{
    if (s->db && !sqlite3_get_autocommit(s->db))
        sqlite_run(s, SQL_ROLLBACK);
}

bool sqlite_text(sqlite3_stmt *row, int column, struct slice *out)
{
    *out = slice_of(NULL, 0);
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return true;
    out->p = (const char *)sqlite3_column_text(row, column);
    out->n = (size_t)sqlite3_column_bytes(row, column);
    return out->p != NULL;
}

/* ---- sentences ---- */

static bool is_full(int error)
{
    return error == ENOSPC || error == EDQUOT || error == EFBIG;
}

static enum store_result io_fault(struct sqlite_store *s, int rc, struct err *err)
{
    int error = sqlite3_system_errno(s->db);

    if (rc == SQLITE_IOERR_NOMEM)
        return sqlite_fault(s, SQLITE_NOMEM, err);
    if (is_full(error))
        return sqlite_fault(s, SQLITE_FULL, err);
    if (error == EROFS)
        return sqlite_fault(s, SQLITE_READONLY, err);
    err_set(err, "the store %s cannot be read or written: %s (SQLite error %d): look at the disk", s->path,
            error ? strerror(error) : "input or output failed", rc);
    return STORE_FAULT;
}

static enum store_result open_fault(struct sqlite_store *s, struct err *err)
{
    int error = sqlite3_system_errno(s->db);

    if (is_full(error))
        return sqlite_fault(s, SQLITE_FULL, err);
    err_set(err, "the store %s cannot be opened: %s: it and its directory must belong to the user that Stox runs as",
            s->path, error ? strerror(error) : "permission denied");
    return STORE_FAULT;
}

enum store_result sqlite_fault(struct sqlite_store *s, int rc, struct err *err)
{
    switch (rc & 0xff) {
    case SQLITE_OK: return STORE_OK;
    case SQLITE_NOMEM: err_set(err, "out of memory while using the store %s", s->path); return STORE_NO_MEMORY;
    case SQLITE_FULL: err_set(err, "the store %s cannot grow: the disk is full: make room", s->path); return STORE_FULL;
    case SQLITE_READONLY:
        err_set(err,
                "the store %s cannot be written: the file or its file system is read-only, or the file was replaced",
                s->path);
        return STORE_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        err_set(err, "the store %s is locked by another process: end that one, or wait until it is done", s->path);
        return STORE_AWAY;
    case SQLITE_CORRUPT:
        err_set(err, "the store %s is damaged (%s): stop Stox and restore the backup", s->path, sqlite3_errmsg(s->db));
        return STORE_FAULT;
    case SQLITE_NOTADB:
        err_set(err, "%s is no store of Stox: it is no SQLite database; it was left as it is", s->path);
        return STORE_FAULT;
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH: return open_fault(s, err);
    case SQLITE_IOERR: return io_fault(s, rc, err);
    default:
        err_set(err, "the store %s failed: %s (SQLite error %d)", s->path, sqlite3_errmsg(s->db), rc);
        return STORE_FAULT;
    }
}
