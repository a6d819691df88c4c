/*
 * Where the administrator's objects are kept: SQLite in a file, or PostgreSQL by URL. The store knows rows (kind, name,
 * body as JSON text), numbers each change, and writes what changed into the audit in the same transaction. It does not
 * know what the objects mean: that is keeper's.
 *
 * Calls block and may come from any thread, one at a time: once a keeper has the store, only the keeper calls it, under its
 * lock. Never from the loop.
 */
#ifndef STOX_STORE_STORE_H
#define STOX_STORE_STORE_H

#include "base/err.h"
#include "base/log.h"

enum store_result {
    STORE_OK,
    STORE_BEHIND, /* commit: somebody else has changed something since; load it and judge again */
    STORE_AWAY, /* the database cannot be reached, or is locked, now; the sentence says so when a commit's fate is unknown */
    STORE_FULL,      /* disk or database is full or read-only: nothing was changed */
    STORE_NO_MEMORY, /* nothing was changed */
    STORE_FAULT,     /* anything else, with a sentence; nothing was changed */
};

struct store_row {
    struct slice kind, name;
    uint64_t revision;
    struct slice body; /* JSON; .p NULL: the object was removed */
};
/* row is valid during the call. Returns -1 with a sentence to stop the walk (memory). */
typedef int store_row_fn(void *arg, const struct store_row *row, struct err *err);

/* Texts are UTF-8 without NUL; a change with another one is refused. */
struct store_write {
    struct slice kind, name;    /* one write for each object */
    struct slice body;          /* JSON; .p NULL: remove */
    struct slice before, after; /* for the audit: JSON without secrets; .p NULL: there was none, there is none */
    const char *note;           /* of store_notes: nothing is changed, the audit gets this action; NULL: a change */
};

struct store_commit {
    uint64_t seq; /* the state that the writes were judged against */
    const struct store_write *writes;
    size_t n;
    struct slice who, from; /* "administrator anna", "unix", "192.0.2.5" */
    int64_t at_ms;          /* wall clock, since 1970 */
};

struct store_audit_row {
    uint64_t seq;
    uint64_t line; /* 1, 2 ... within the change: seq and line together name a row for ever */
    int64_t at_ms;
    struct slice who, from, kind, name;
    const char *action; /* "new", "set", "remove", or one of store_notes */
    struct slice before, after;
};
/* What is done and changes nothing, but is to be found in the audit: "trace", "test"; ended by NULL. */
extern const char *const store_notes[];

typedef int store_audit_fn(void *arg, const struct store_audit_row *row, struct err *err);

/*
 * Newest first: by seq, then by line. The next page goes on after the last row that was given: its seq in before, its line
 * in before_line. A page with before alone begins with the change before that one.
 */
struct store_audit_query {
    uint64_t before;         /* rows with a smaller seq; 0: from the newest */
    uint64_t before_line;    /* with before: also the rows of that seq with a smaller line */
    size_t limit;            /* rows at most */
    struct slice kind, name; /* empty: all */
};

struct store; /* opened by store_open; owner: the daemon */

struct store_conf {
    const char *url; /* "sqlite:/path" or "postgresql://..." (libpq's own syntax) */
    struct log *log; /* borrowed; written from the store's threads too */
    /* Tests: called before every statement that is sent to the database; false: this one fails as if the disk or the
     * connection had. NULL: none. */
    bool (*step)(void *arg, const char *sql);
    void *step_arg;
};

/* Opens or creates it and brings its schema up to date. NULL with a sentence: unreachable, not ours, newer than we are. */
struct store *store_open(const struct store_conf *conf, struct err *err);
const char *store_engine(const struct store *s); /* "SQLite", "PostgreSQL" */
void store_close(struct store *s);               /* NULL is fine; ends the watching thread first */

/*
 * Rows that changed after since (removed ones too), or all present ones for since 0, each object once, in no order. *seq: the
 * state they make. STORE_FAULT when the store is behind since: an older backup was put in its place.
 */
enum store_result store_load(struct store *s, uint64_t since, store_row_fn *fn, void *arg, uint64_t *seq,
                             struct err *err);

/* All or nothing, durable on return. *seq: the number the writes got: commit->seq + 1, so that the judge can know it. */
enum store_result store_commit(struct store *s, const struct store_commit *commit, uint64_t *seq, struct err *err);

/*
 * Waits for its turn and keeps others from committing until store_release, so that what is loaded now can be judged and
 * committed before anybody else's. Between the two: load and commit, and no waiting for anything else. A reservation ends
 * with its connection; then a commit may find STORE_BEHIND all the same. SQLite has no other nodes and reserves nothing.
 */
enum store_result store_reserve(struct store *s, struct err *err);
void store_release(struct store *s);

enum store_result store_audit(struct store *s, const struct store_audit_query *query, store_audit_fn *fn, void *arg,
                              struct err *err);

/*
 * From now on changed is called, from a thread of the store's, when watching has begun, whenever another node may have
 * changed something, and after every reconnection; away when the database was lost (once for each loss). Both may call the
 * store. SQLite: never, it has no other nodes. Ends with store_close, which waits for a call that is under way: close the
 * store before what arg points to.
 */
struct store_watch {
    void (*changed)(void *arg);
    void (*away)(void *arg, const char *why);
    void *arg;
    bool contacts; /* of contacts (store/contacts.h), instead of everything else */
};
int store_watch(struct store *s, const struct store_watch *watch, struct err *err);

#endif
