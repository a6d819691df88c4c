/*
 * A record is one object of the administrator's: a partner, a route, a policy, with its name, its revision and its values
 * in typed form. It never changes once made: a change makes a new one. Records are shared by count between the
 * configurations they belong to, across threads.
 */
#ifndef STOX_STORE_RECORD_H
#define STOX_STORE_RECORD_H

#include <stdatomic.h>

#include "store/setting.h"

struct record {
    atomic_uint refs;
    const struct setting_kind *kind;
    struct slice name;  /* in normal form; "" where there is one object only */
    uint64_t revision;  /* number of the change that made it; 0: it has its defaults and was never stored */
    uint64_t given;     /* bit i: setting i was given; the others have their defaults */
    const void *object; /* kind->size bytes: struct partner ... */
    struct arena arena; /* owns name, object and what it points to */
};

enum edit_op {
    EDIT_SET,   /* these values instead of what was there */
    EDIT_RESET, /* back to the default */
    EDIT_ADD,   /* lists: these too */
    EDIT_REMOVE /* lists: without these */
};

struct edit {
    const struct setting *setting;
    enum edit_op op;
    const struct slice *texts; /* borrowed */
    size_t n;
};

/*
 * A new record of this kind and name: base (NULL: the defaults) with the edits made. NULL with a sentence that begins with
 * the setting it is about (SETTING_HIDDEN leaves a secret as it is); *fault, when not NULL, gets that setting, or NULL when it is about the name or the whole.
 */
struct record *record_make(const struct setting_kind *kind, struct slice name, const struct record *base,
                           const struct edit *edits, size_t n, const struct setting **fault, struct err *err);

struct record *record_keep(struct record *r); /* one user more; returns r */
void record_drop(struct record *r);           /* one less; NULL is fine */

static inline bool record_gives(const struct record *r, size_t setting)
{
    return (r->given >> setting & 1) != 0;
}

/* Same values, given ones alike? Names and revisions do not count. */
bool record_same(const struct record *a, const struct record *b);

#endif
