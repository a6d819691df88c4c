/* What is held with each route, counted, so that one route's peers do not use up what all share. */
#ifndef STOX_SIP_CHARGE_H
#define STOX_SIP_CHARGE_H

#include "base/hash.h"
#include "base/list.h"

/* One route's; lives as long as anything is charged to it, or flies. */
struct sip_charge {
    struct hash_node node;
    size_t n;
    size_t n_flying;        /* of subscriptions: requests of ours under way (sub_queue.c) */
    struct list waiting;    /* ... and those whose turn comes later */
    struct list in_waiting; /* in the list of routes where some wait */
    size_t n_name;
    char name[];
};

/* One more with this route. NULL: no memory, or *full: it has max (0: no bound). */
struct sip_charge *sip_charge_take(struct hash *charges, struct slice route, size_t max, bool *full);
void sip_charge_drop(struct hash *charges, struct sip_charge *c);
void sip_charge_landed(struct hash *charges, struct sip_charge *c); /* one less is flying */

static inline struct slice sip_charge_name(const struct sip_charge *c)
{
    return slice_of(c->name, c->n_name);
}

#endif
