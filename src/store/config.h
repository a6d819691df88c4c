/*
 * The whole configuration as one value: all records at one moment. Built completely, checked, then used; half of one
 * never exists, and none ever changes. Shared by count across threads.
 */
#ifndef STOX_STORE_CONFIG_H
#define STOX_STORE_CONFIG_H

#include "store/model.h"
#include "store/record.h"

struct config_list {
    struct record **v; /* by name, in byte order */
    size_t n;
};

struct config {
    atomic_uint refs;
    uint64_t seq; /* number of the last change it has; 0: nothing was ever stored */
    struct config_list lists[MODEL_N_KINDS];
};

/* With what is always there and nothing else. NULL on memory. */
struct config *config_new(void);

/* One step from one configuration to the next. */
struct config_step {
    const struct setting_kind *kind;
    struct slice name;    /* normal form */
    struct record *after; /* borrowed; NULL: it is removed (what is always there gets its defaults) */
};

/* from with the steps made, as number seq; at most one step for each object. NULL on memory. */
struct config *config_next(const struct config *from, const struct config_step *steps, size_t n, uint64_t seq);

struct config *config_keep(struct config *c);
void config_drop(struct config *c); /* NULL is fine */

/* By name in normal form; NULL: there is none. Borrowed from c. */
struct record *config_find(const struct config *c, const struct setting_kind *kind, struct slice name);

static inline const struct config_list *config_list(const struct config *c, const struct setting_kind *kind)
{
    return &c->lists[model_index(kind)];
}

const struct gateway *config_gateway(const struct config *c);
const struct org *config_org(const struct config *c);

/* The typed object of record i of a list. */
#define CONFIG_OBJECT(type, list, i) ((const struct type *)(list)->v[i]->object)

/* What the one who made a change should know, though it is allowed. */
struct config_warnings {
    struct buf text; /* one sentence a line */
    size_t n;
};

/*
 * One object alone: combinations of its settings that cannot work. -1 with a sentence. strict: what the Control Panel refused
 * is refused too. warnings may be NULL.
 */
int config_judge(const struct record *r, bool strict, struct config_warnings *warnings, struct err *err);

/* All objects together: names that must be unique, references that must resolve. -1 with a sentence at the first fault. */
int config_check(const struct config *c, struct err *err);

#endif
