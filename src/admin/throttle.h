/*
 * How often a password may be tried: THROTTLE_TRIES a minute for each key (an account, an address). Bounded: when the table
 * is full the key that was tried longest ago is forgotten.
 */
#ifndef STOX_ADMIN_THROTTLE_H
#define STOX_ADMIN_THROTTLE_H

#include "base/slice.h"

#define THROTTLE_TRIES 5
#define THROTTLE_WINDOW_MS 60000
#define THROTTLE_KEYS 1024

struct throttle_entry {
    char key[72];
    uint64_t tries_ms[THROTTLE_TRIES]; /* the latest ones, oldest first; 0: none */
};

struct throttle {
    struct throttle_entry entries[THROTTLE_KEYS];
};

/* 0: go on, and this try counts. Else how many seconds to wait. now_ms is never 0. */
unsigned throttle_try(struct throttle *t, struct slice key, uint64_t now_ms);

/* How many seconds a try would have to wait; it counts as none. */
unsigned throttle_left(const struct throttle *t, struct slice key, uint64_t now_ms);

/* The try was right: it counts no more. */
void throttle_forgive(struct throttle *t, struct slice key);

#endif
