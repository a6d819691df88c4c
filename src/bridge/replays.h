/*
 * Messages that come again and again, as in a ring of gateways (STOX-SEC-20): how often each was seen in the last seconds.
 * The keyed hash is all that is remembered of one.
 */
#ifndef STOX_BRIDGE_REPLAYS_H
#define STOX_BRIDGE_REPLAYS_H

#include "base/recent.h"

#define REPLAYS_MS 10000
#define REPLAYS_SEEN_MAX 5     /* a partner whose stream breaks sends again what was not acknowledged; not so often */
#define REPLAYS_KEPT_MAX 65536 /* beyond them the oldest is forgotten; about 6 MB */

struct replays {
    struct recent seen;
};

void replays_init(struct replays *r);
void replays_fini(struct replays *r);

/* One message with this hash of who writes what to whom under which id. True: too often. Without memory none is. */
bool replays_is_excess(struct replays *r, uint64_t message, uint64_t now_ms);

#endif
