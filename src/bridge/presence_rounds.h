/*
 * What looks at all contacts, in slices of the loop: the house that is kept, always and slowly; and partners whose stream had broken and
 * is back, who are told again what may have been lost.
 */
#ifndef STOX_BRIDGE_PRESENCE_ROUNDS_H
#define STOX_BRIDGE_PRESENCE_ROUNDS_H

#include "base/hash.h"
#include "base/timers.h"

struct bridge;

struct presence_rounds {
    struct timer house, back;
    uint64_t house_cursor, back_cursor;
    bool again;       /* the round of those who are back begins anew when it is through */
    struct hash lost; /* struct lost_domain: partners' domains whose stream broke, and that are not told again yet */
};

void presence_rounds_init(struct bridge *b);
void presence_rounds_fini(struct bridge *b);

/* On the loop, when contacts are there. */
void presence_rounds_start(struct bridge *b);

/* A stream with the partner's domain broke, or is up. */
void presence_rounds_lost(struct bridge *b, struct slice remote);
void presence_rounds_back(struct bridge *b, struct slice remote);

#endif
