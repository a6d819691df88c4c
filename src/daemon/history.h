/*
 * What has passed in each of the last minutes of this process, a day of them: for those who would rather look than read.
 * Of the loop's thread.
 */
#ifndef STOX_DAEMON_HISTORY_H
#define STOX_DAEMON_HISTORY_H

#include "bridge/bridge.h"
#include "net/loop.h"

#define HISTORY_MINUTES 1440

struct history_minute {
    uint32_t to_xmpp, to_sip; /* messages that came in */
    uint32_t failed;          /* those that ended in an error, either way */
    uint32_t streams;         /* authenticated, at its end */
};

struct history;

/* Both are borrowed and outlive it. NULL with a sentence. */
struct history *history_new(struct loop *loop, struct bridge *bridge, struct err *err);
void history_free(struct history *h); /* NULL is fine */

/* The last max minutes, oldest first, the one that has not ended yet behind them. Returns how many; out has room for max + 1. */
size_t history_read(const struct history *h, struct history_minute *out, size_t max);

#endif
