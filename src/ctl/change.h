/* A batch of changes: all or none. Every command that changes the configuration ends here. */
#ifndef STOX_CTL_CHANGE_H
#define STOX_CTL_CHANGE_H

#include <jansson.h>

#include "ctl/ctl.h"
#include "store/setting.h"

#define CHANGES_MAX 200000

struct changes {
    json_t *list;       /* owned */
    size_t n_removals;  /* of objects; these are asked about */
    struct slice first; /* the first that is removed, for the question */
};

/* False with a sentence said. */
bool changes_init(struct ctl *c, struct changes *changes);
void changes_fini(struct changes *changes);

/* op: "new", "set", "put", "remove". values is taken over; NULL for "remove". */
enum ctl_exit changes_add(struct ctl *c, struct changes *changes, const char *op, const struct setting_kind *kind,
                          struct slice name, json_t *values);

/*
 * Asks where that is due (removals, --confirm on), sends the batch as --what-if and --strict say, and prints what
 * came of it, warnings too. asked: the command has asked already.
 */
enum ctl_exit changes_run(struct ctl *c, struct changes *changes, bool asked);

/* The same as a trial that changes nothing. */
enum ctl_exit changes_try(struct ctl *c, struct changes *changes);

/* Prints what differs between two records of a kind as lines of "- setting: value" and "+ setting: value". */
void change_put_difference(struct buf *out, const json_t *before, const json_t *after);

/* Does --confirm (or --force) say so? -1: it says nothing. -2: it says something else, and that was said. */
int change_confirm(struct ctl *c);

/* Asks before removing; false with a sentence said. */
bool change_may_remove(struct ctl *c, const char *noun, size_t n, struct slice first);

#endif
