/*
 * Memory that partners have parts of, for what is remembered on their behalf. When there is no room, the part used longest
 * ago goes, of a partner that holds the average or more, so that none can push out what the others have.
 */
#ifndef STOX_BRIDGE_SHARES_H
#define STOX_BRIDGE_SHARES_H

#include "base/hash.h"
#include "base/list.h"

struct shares {
    struct hash by_partner; /* struct holder */
    struct list holders;    /* the same ones */
    size_t bytes, bytes_max;
    size_t n, n_max;
};

struct holder;

/* In the object that takes the room. holder NULL: it is not charged (yet). */
struct share {
    struct list link; /* of its holder, used longest ago first */
    struct holder *holder;
    size_t size;
};

/* Takes no memory yet. */
void shares_init(struct shares *s, size_t bytes_max, size_t n_max);
void shares_fini(struct shares *s); /* all shares were given back */

/* Who has to go for a new one of this size; NULL: there is room (*fits) or there never will be. The caller ends the object,
 * with shares_drop, and asks again. */
struct share *shares_payer(const struct shares *s, struct slice partner, size_t size, bool *fits);

/* Charges it to the partner. False: no memory. */
bool shares_add(struct shares *s, struct slice partner, struct share *share, size_t size);

/* It was used just now. */
void shares_touch(struct share *share);

/* Gives back; harmless when it is not charged. */
void shares_drop(struct shares *s, struct share *share);

/* Any one, or NULL: for the end of all. */
struct share *shares_any(const struct shares *s);

#endif
