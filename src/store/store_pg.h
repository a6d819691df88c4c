/*
 * Inside the PostgreSQL engine: a connection whose calls end by a deadline, and the sentences for what can go wrong. Nothing
 * here blocks for longer, except that looking up a host name takes what the resolver takes.
 */
#ifndef STOX_STORE_STORE_PG_H
#define STOX_STORE_STORE_PG_H

#include <libpq-fe.h>
#include <pthread.h>
#include <stdatomic.h>

#include "store/store_engine.h"

/* A value of the URL that must not be shown. */
struct pg_secret {
    char *text; /* owned */
};

struct pg_target {
    char *url; /* owned */
    struct pg_secret secrets[2];
};

/* Takes the URL apart. -1 with a sentence that shows nothing of it. */
int pg_target_init(struct pg_target *t, const char *url, struct err *err);
void pg_target_fini(struct pg_target *t);

struct pg {
    const struct pg_target *target; /* borrowed */
    const struct store *steps;      /* borrowed: asked before each statement; NULL: not */
    PGconn *c;                      /* NULL: not connected */
    uint64_t until_ms;              /* when the call that is under way has to end, by clock_mono_ms */
    unsigned n_queued;              /* statements of a batch that were not answered yet */
    size_t queued_bytes;
};

/* Gives the call that begins this much time. */
void pg_allow(struct pg *pg, unsigned ms);

/* Connects, whether or not it was connected. Everything but STORE_OK leaves it disconnected. */
enum store_result pg_connect(struct pg *pg, struct err *err);
void pg_disconnect(struct pg *pg);

/*
 * One statement with its values, which are sent apart from it. *out (may be NULL) gets the answer, the caller's to PQclear.
 * When the connection is lost, or does not answer in time, pg->c is NULL afterwards and the result is STORE_AWAY.
 */
enum store_result pg_run(struct pg *pg, const char *sql, const struct store_value *values, size_t n, PGresult **out,
                         struct err *err);

/* Several statements in one text, without values. */
enum store_result pg_script(struct pg *pg, const char *sql, struct err *err);

/* Statements without answers, sent without waiting for each. The first that fails is what add or end says. */
enum store_result pg_batch_begin(struct pg *pg, struct err *err);
enum store_result pg_batch_add(struct pg *pg, const char *sql, const struct store_value *values, size_t n,
                               struct err *err);
/* As add, for one statement many times with nothing else between: it is parsed once, with the first. */
enum store_result pg_batch_repeat(struct pg *pg, const char *sql, bool first, const struct store_value *values,
                                  size_t n, struct err *err);
enum store_result pg_batch_end(struct pg *pg, struct err *err);

/* Ends a transaction that is open, undoing it. */
void pg_undo(struct pg *pg);

/* A field of an answer; .p NULL for NULL. */
struct slice pg_text(const PGresult *r, int row, int column);
uint64_t pg_number(const PGresult *r, int row, int column);

/* ---- transactions ---- */

#define PG_CALL_MS 7000 /* what one call may take, before what its size adds */
#define PG_BEGIN_WRITE "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"
#define PG_BEGIN_READ "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
/* One number for all of Stox: whoever writes holds it. Those who wait for it are served in the order in which they came. */
#define PG_LOCK "SELECT pg_advisory_xact_lock(1400139640)"
#define PG_RESERVE "SELECT pg_advisory_lock(1400139640)" /* the same until released, over several transactions */
#define PG_RELEASE "SELECT pg_advisory_unlock_all()"

/* Begins one, on a connection that lives: one that broke while nobody used it is replaced. */
enum store_result pg_begin(struct pg *pg, const char *how, struct err *err);
enum store_result pg_end(struct pg *pg, struct err *err); /* COMMIT */
enum store_result pg_read_head(struct pg *pg, uint64_t *head, struct err *err);

/* Brings the schema up to date. -1 with a sentence. */
int pg_migrate(struct pg *pg, struct err *err);

/* See store_commit. A lost connection is replaced, and what became of the change is looked up. */
enum store_result pg_commit(struct pg *pg, const struct store_commit *c, struct err *err);

/* ---- contacts ---- */

/* See store/contacts.h. */
enum store_result pg_contacts_load(struct pg *pg, uint64_t since, store_contact_fn *fn, void *arg,
                                   struct store_contacts *out, struct err *err);
enum store_result pg_contacts_write(struct pg *pg, const struct store_contact *rows, size_t n, uint64_t *before,
                                    struct err *err);

/* ---- watching ---- */

#define PG_CHANNEL "stox"
#define PG_CONTACTS_CHANNEL "stox_contacts"

struct pg_watch {
    struct store_watch watch;
    struct pg pg; /* a connection of its own */
    struct log *log;
    pthread_t thread;
    int wake; /* eventfd; -1: none */
    atomic_bool ending;
};

/* Starts the thread. */
int pg_watch_start(struct pg_watch *w, struct err *err);
/* The other connection had trouble: look whether the database is there, and call changed when it is again. */
void pg_watch_doubt(struct pg_watch *w);
void pg_watch_end(struct pg_watch *w); /* also when it was never started */

#endif
