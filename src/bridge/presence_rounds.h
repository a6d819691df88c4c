/*
 * What looks at all contacts, in slices of the loop: subscriptions that a start has to make anew, settings that have changed, partners
 * who are back and are told again, and the house that is kept.
 */
#ifndef STOX_BRIDGE_PRESENCE_ROUNDS_H
#define STOX_BRIDGE_PRESENCE_ROUNDS_H

#include "base/hash.h"
#include "base/timers.h"

struct bridge;

enum presence_round {
    ROUND_RESTORE,  /* since the start */
    ROUND_SETTINGS, /* they have changed */
    ROUND_BACK,     /* streams are back */
    ROUND_HOUSE,    /* always, slowly */
    ROUNDS
};

struct presence_rounds {
    struct timer timer;
    struct timer house;
    struct {
        uint64_t cursor;
        bool on;
        bool again; /* it has to begin anew when it is through */
    } round[ROUNDS];
    struct hash lost; /* partners' domains whose stream broke, and was not there since or has come back just now */
    uint64_t stop_cursor;
    bool stopped; /* everybody has heard that we end */
};

void presence_rounds_init(struct bridge *b);
void presence_rounds_fini(struct bridge *b);

/* On the loop, when contacts are there. */
void presence_rounds_start(struct bridge *b);
void presence_rounds_begin(struct bridge *b, enum presence_round round);

/* A stream with the partner's domain broke, or is up. */
void presence_rounds_lost(struct bridge *b, struct slice remote);
void presence_rounds_back(struct bridge *b, struct slice remote);

#endif
