/* Inside the store: what an engine is. */
#ifndef STOX_STORE_STORE_ENGINE_H
#define STOX_STORE_STORE_ENGINE_H

#include "store/contacts.h"
#include "store/store.h"

struct store_ops {
    const char *name;
    void (*close)(struct store *s);
    enum store_result (*load)(struct store *s, uint64_t since, store_row_fn *fn, void *arg, uint64_t *seq,
                              struct err *err);
    enum store_result (*commit)(struct store *s, const struct store_commit *commit, uint64_t *seq, struct err *err);
    enum store_result (*reserve)(struct store *s, struct err *err); /* NULL: nothing to reserve; release too */
    void (*release)(struct store *s);
    enum store_result (*audit)(struct store *s, const struct store_audit_query *query, store_audit_fn *fn, void *arg,
                               struct err *err);
    int (*watch)(struct store *s, const struct store_watch *watch, struct err *err);
    enum store_result (*contacts_load)(struct store *s, uint64_t since, store_contact_fn *fn, void *arg,
                                       struct store_contacts *out, struct err *err);
    enum store_result (*contacts_write)(struct store *s, const struct store_contact *rows, size_t n, uint64_t *before,
                                        struct err *err);
};

/* The first member of each engine's own struct. */
struct store {
    const struct store_ops *ops;
    struct store_conf conf; /* url: the caller's, valid during store_open only */
};

struct store *store_sqlite_open(const struct store_conf *conf, struct err *err);
struct store *store_pg_open(const struct store_conf *conf, struct err *err);

/* The migrations, compiled in; number i is at i - 1. */
extern const unsigned store_schema; /* how many there are: the schema that this Stox knows */
extern const char *const store_migrations_sqlite[];
extern const char *const store_migrations_pg[];

/* -1 with a sentence when a schema is newer than this Stox. */
int store_schema_known(uint64_t have, struct err *err);

/* What load says when the store has less than the one who asks. */
enum store_result store_went_back(uint64_t since, uint64_t head, struct err *err);

/* ---- contacts ---- */

/* Removals are kept for this many changes; a node that was away for longer loads all. Looked at with every so manieth change. */
#define STORE_CONTACTS_KEEP 100000
#define STORE_CONTACTS_FORGET_EVERY 1000

struct store_contacts_head {
    uint64_t revision, forgotten;
};

/* With this change, are removals to be forgotten? Those up to *up_to. */
bool store_contacts_forgets(uint64_t revision, uint64_t *up_to);

/* Must all be given to somebody who knows what was before since? */
bool store_contacts_whole(uint64_t since, const struct store_contacts_head *head);

/* One parameter of a statement. */
struct store_value {
    enum { STORE_TEXT, STORE_NUMBER, STORE_NULL } type;
    struct slice text;
    int64_t number;
};

static inline struct store_value store_text(struct slice s)
{
    return (struct store_value){ STORE_TEXT, s.p ? s : SLICE(""), 0 };
}

/* A text that may not be there. */
static inline struct store_value store_optional(struct slice s)
{
    return (struct store_value){ s.p ? STORE_TEXT : STORE_NULL, s, 0 };
}

static inline struct store_value store_number(uint64_t v)
{
    return (struct store_value){ STORE_NUMBER, { NULL, 0 }, (int64_t)v };
}

/* "new", "set", "remove", or the note. */
const char *store_action(const struct store_write *w);

/* The action as one of the constants; NULL: none of them. */
const char *store_action_of(struct slice text);

/* False when a test says that this statement fails. */
static inline bool store_step(const struct store *s, const char *sql)
{
    return !s->conf.step || s->conf.step(s->conf.step_arg, sql);
}

#endif
