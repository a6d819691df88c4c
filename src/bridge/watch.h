/* The health of next hops: each that a route names is asked every health-interval, by OPTIONS (sip/health.h). */
#ifndef STOX_BRIDGE_WATCH_H
#define STOX_BRIDGE_WATCH_H

#include "base/hash.h"
#include "base/timers.h"
#include "sip/health.h"
#include "sip/locate.h"

struct watch {
    struct timer timer;
    struct hash routes; /* when each is due, by name */
};

struct bridge;

void watch_init(struct watch *w);
void watch_fini(struct bridge *b);

/* On the loop, when there are listeners to send from. Routes that are new are asked within a second. */
void watch_start(struct bridge *b);

/* One next hop or server of a route, as far as it is known. */
struct watch_hop {
    const struct sip_target *target;
    struct sip_health_info health;
};

/*
 * How the servers of a route are: fn for each. False: there is no such route. *why is a clause when there is nothing to show: no
 * domain has the route, or its servers are not looked up yet.
 */
bool watch_show(const struct bridge *b, struct slice route, void (*fn)(void *arg, const struct watch_hop *hop),
                void *arg, const char **why);

/* Metrics: of all routes that are watched. */
void watch_put(const struct bridge *b, struct buf *out);

#endif
