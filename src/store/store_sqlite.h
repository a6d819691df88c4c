/* Inside the SQLite engine: the open file, its statements, and the sentences for what SQLite reports. */
#ifndef STOX_STORE_STORE_SQLITE_H
#define STOX_STORE_STORE_SQLITE_H

#include <sqlite3.h>

#include "base/list.h"
#include "store/store_engine.h"

enum sqlite_sql {
    SQL_BEGIN_READ,
    SQL_BEGIN_WRITE,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_HEAD,
    SQL_SET_HEAD,
    SQL_PUT,
    SQL_PUT_AUDIT,
    SQL_PRESENT,
    SQL_SINCE,
    SQL_AUDIT,
    SQL_AUDIT_KIND,
    SQL_AUDIT_NAME,
    SQL_AUDIT_KIND_NAME,
    SQL_CONTACTS_HEAD,
    SQL_CONTACTS_SET_HEAD,
    SQL_CONTACTS_PUT,
    SQL_CONTACTS_REMOVE,
    SQL_CONTACTS_FORGET,
    SQL_CONTACTS_SET_FORGOTTEN,
    SQL_CONTACTS_PRESENT,
    SQL_CONTACTS_SINCE,
    SQL_N
};

struct sqlite_store {
    struct store store;
    char *path;                      /* owned */
    sqlite3 *db;                     /* NULL: closed after a fault of the disk, opened again by whoever needs it next */
    sqlite3_stmt *statements[SQL_N]; /* owned, prepared when first used */
};

static inline struct sqlite_store *sqlite_of(struct store *s)
{
    return container_of(s, struct sqlite_store, store);
}

/* Before each call: the file is open and no transaction is. */
enum store_result sqlite_ready(struct sqlite_store *s, struct err *err);

/* The name may lead to another file by now, or to none: what we would write would be lost. STORE_FAULT with a sentence. */
enum store_result sqlite_stayed(struct sqlite_store *s, struct err *err);

/* Called with each row of an answer; anything but SQLITE_OK ends it and is what sqlite_each returns. */
typedef int sqlite_row_fn(void *arg, sqlite3_stmt *row);

/* Runs one of the statements to its end. SQLITE_OK, or what went wrong. fn may be NULL. */
int sqlite_each(struct sqlite_store *s, enum sqlite_sql which, const struct store_value *values, size_t n,
                sqlite_row_fn *fn, void *arg);

static inline int sqlite_run(struct sqlite_store *s, enum sqlite_sql which)
{
    return sqlite_each(s, which, NULL, 0, NULL, NULL);
}

/* Runs a text of several statements; fn (may be NULL) gets the rows of all. */
int sqlite_script(struct sqlite_store *s, const char *sql, sqlite_row_fn *fn, void *arg);

/* Ends a transaction that is open, undoing it. */
void sqlite_undo(struct sqlite_store *s);

/* A column of text, borrowed until the next row; .p NULL for NULL. False on memory. */
bool sqlite_text(sqlite3_stmt *row, int column, struct slice *out);

static inline uint64_t sqlite_number(sqlite3_stmt *row, int column)
{
    return (uint64_t)sqlite3_column_int64(row, column);
}

/* Opens s->path, made when it is not there, and brings its schema up to date. -1 with a sentence. */
int sqlite_open(struct sqlite_store *s, struct err *err);

int sqlite_reopen(struct sqlite_store *s, struct err *err); /* the same of a file that was there before */
void sqlite_close(struct sqlite_store *s);                  /* the file; what the log holds goes into it */

/* See store/contacts.h. */
enum store_result sqlite_contacts_load(struct store *s, uint64_t since, store_contact_fn *fn, void *arg,
                                       struct store_contacts *out, struct err *err);
enum store_result sqlite_contacts_write(struct store *s, const struct store_contact *rows, size_t n, uint64_t *before,
                                        struct err *err);

/* The result and the sentence for a code of SQLite's. */
enum store_result sqlite_fault(struct sqlite_store *s, int rc, struct err *err);

#endif
