/*
 * What the tests of the store stand on: a place for a store of either engine, and PostgreSQL itself, started for the test on
 * a unix socket in a directory of its own and ended with it.
 */
#ifndef STOX_TESTS_STORE_RIG_H
#define STOX_TESTS_STORE_RIG_H

#include <pthread.h>
#include <sys/types.h>

#include "base/buf.h"
#include "store/store.h"

struct postgres {
    char dir[64];
    pid_t pid;         /* 0: not running */
    unsigned tls_port; /* of 127.0.0.1, with the certificate dir/server.crt; 0: on the unix socket only */
};

/* Makes a new cluster with a database "stox" and starts it; fails the test when that does not go. */
void postgres_make(struct postgres *pg);
void postgres_make_here(struct postgres *pg); /* the same in pg->dir, which is there and empty */
void postgres_start(struct postgres *pg);
void postgres_stop(struct postgres *pg, int signal); /* SIGINT: in order; SIGQUIT: as an accident would */
void postgres_remove(struct postgres *pg);
void postgres_certificate(struct postgres *pg); /* makes dir/server.crt and its key, for 127.0.0.1 */
/* Runs statements as the superuser in a database. */
void postgres_run(struct postgres *pg, const char *database, const char *sql);
void postgres_url(struct postgres *pg, const char *database, char *out, size_t n);

/* Where the store of one test is. On PostgreSQL there is one such place at a time, the database "stox". */
struct place {
    struct postgres *pg; /* NULL: SQLite */
    char dir[64];
    char file[100]; /* SQLite */
    char url[200];
};

void place_make(struct place *p, struct postgres *pg);
void place_remove(struct place *p);

/* Opens it; fails the test with the sentence when that does not go. */
struct store *place_open(const struct place *p);

/* So many processes open it at the same time; fails the test unless all can. */
void place_open_at_once(const struct place *p, unsigned n);

/* One write of one object, body and audit alike; body NULL: remove. */
struct store_write rig_write(const char *kind, const char *name, const char *before, const char *body);

/* One change by "anna" of n writes; what the store says. */
enum store_result rig_commit(struct store *s, uint64_t seq, const struct store_write *writes, size_t n,
                             struct err *err);

/* All that is loaded, in one order: "seq; kind/name@revision=body; ..." Fails the test on an error. */
void rig_load(struct store *s, uint64_t since, struct buf *out);

/* The audit, newest first: "seq.line action kind/name before>after; ..." */
void rig_audit(struct store *s, const struct store_audit_query *q, struct buf *out);

/* The newest change, by what is loaded and by the audit; fails the test when the two do not agree. */
uint64_t rig_head(struct store *s);

/* Mounts a small disk at dir, seen by this process and its children only. Fails the test when that is not allowed. */
void rig_small_disk(const char *dir, const char *options);
/* Fills the disk that the file ballast is on, but for so many bytes. */
void rig_fill_disk(const char *ballast, size_t leave);

/* What a store that is watched tells, and waiting for it: ten seconds at most, then the test fails. */
struct watcher {
    pthread_mutex_t lock;
    pthread_cond_t news;
    unsigned n_changed, n_away;
    char why[300];
};
void watcher_start(struct watcher *w, struct store *s);
void watcher_wait(struct watcher *w, const unsigned *count, unsigned at_least);
unsigned watcher_read(struct watcher *w, const unsigned *count);

#endif
