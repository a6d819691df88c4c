/*
 * The keeper of the configuration: judges each change against what is there, writes it to the store in one transaction with
 * its audit, and hands the new configuration to those who live by it. Its copy in memory serves all reading, also while
 * the database is away; changes are refused meanwhile.
 *
 * Thread-safe; calls that change something block. Never from the loop.
 */
#ifndef STOX_STORE_KEEPER_H
#define STOX_STORE_KEEPER_H

#include "store/config.h"
#include "store/store.h"

struct keeper;

/* Called while the keeper is locked: they may look at it, not change anything through it. */
struct keeper_ops {
    /* May refuse what comes next for reasons only the daemon knows (a certificate cannot be read). From the caller's thread. */
    int (*judge)(void *owner, struct config *next, struct err *err);
    /* A new configuration counts from now on; keep it if you need it longer. In order, from the thread that changed it. */
    void (*publish)(void *owner, struct config *next);
};

struct keeper_conf {
    struct store *store;          /* borrowed */
    const struct keeper_ops *ops; /* members may be NULL */
    void *owner;
    struct log *log;
};

/* Loads everything and makes what the first start has to make: the dialback passphrase. Publishes what it loaded. */
struct keeper *keeper_open(const struct keeper_conf *conf, struct err *err);

/* Follows what other nodes change from now on, and whether the store is there; what has changed since is taken at once. */
int keeper_watch(struct keeper *k, struct err *err);

/* After store_close: the store's threads call the keeper. NULL is fine. */
void keeper_close(struct keeper *k);

/* What counts now; the caller drops it. */
struct config *keeper_config(struct keeper *k);

/* Publishes what counts now once more: something that it refers to, a certificate in its file, has changed. */
void keeper_publish(struct keeper *k);

enum request_op {
    REQUEST_NEW,   /* must not be there */
    REQUEST_SET,   /* must be there (or made on demand): the edits on what is there */
    REQUEST_PUT,   /* there or not: the edits on the defaults; secrets stay unless they are given or reset */
    REQUEST_REMOVE /* must be there; what is always there gets its defaults */
};

struct request {
    enum request_op op;
    const struct setting_kind *kind;
    struct slice name; /* as the administrator wrote it */
    const struct edit *edits;
    size_t n;
    bool conditional;     /* refuse when the revision is another */
    uint64_t if_revision; /* with conditional; 0: it must not have been stored */
};

enum keeper_result {
    KEEPER_OK,
    KEEPER_INVALID,   /* a value, a reference, a combination */
    KEEPER_EXISTS,    /* NEW of what is there */
    KEEPER_NOT_FOUND, /* SET or REMOVE of what is not there */
    KEEPER_STALE,     /* the revision is another: somebody changed it meanwhile */
    KEEPER_AWAY,      /* the store cannot take changes now */
    KEEPER_NO_MEMORY,
};

struct keeper_change {
    const struct request *requests;
    size_t n;
    bool dry;    /* judge it, change nothing */
    bool strict; /* see config_judge */
    struct slice who, from;
};

/* Of what each request is about: as it was before all of them, and as all of them leave it. Dropped by _fini. */
struct keeper_outcome {
    struct record **before, **after; /* n each; NULL: there was none, there is none */
    size_t n;
    size_t n_changed; /* requests that made a difference */
    struct config_warnings warnings;
    size_t fault;                  /* the request that failed */
    const struct setting *setting; /* the setting that failed, or NULL */
};

/* All requests or none, in one transaction; those that make no difference write nothing. out is filled in every case. */
enum keeper_result keeper_change(struct keeper *k, const struct keeper_change *change, struct keeper_outcome *out,
                                 struct err *err);
void keeper_outcome_fini(struct keeper_outcome *out);

/* What was done without changing anything, for the audit. Texts are UTF-8 without NUL; after is JSON. */
struct keeper_note {
    const char *action; /* of store_notes */
    struct slice kind, name, after;
    struct slice who, from;
};
enum keeper_result keeper_note(struct keeper *k, const struct keeper_note *note, struct err *err);

enum keeper_result keeper_audit(struct keeper *k, const struct store_audit_query *query, store_audit_fn *fn, void *arg,
                                struct err *err);

/* NULL: the store takes changes; else why it does not, copied into out. */
const char *keeper_away(struct keeper *k, char *out, size_t n);

#endif
