/*
 * A hierarchical timer wheel: start and stop cost the same with ten timers or ten million. It has no clock of its own:
 * the loop advances it, and so can a test.
 */
#ifndef STOX_BASE_TIMERS_H
#define STOX_BASE_TIMERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

#define TIMERS_LEVELS 5
#define TIMERS_SLOTS 64

struct timer {
    struct list link;              /* in the wheel while running */
    uint64_t due_ms;               /* on the wheel's clock */
    void (*fire)(struct timer *t); /* may start or stop any timer, this one too, and may free its object */
};

struct timers {
    uint64_t now_ms;              /* as of the last timers_advance: monotonic */
    uint64_t tick;                /* next millisecond to run */
    size_t n;                     /* timers running */
    struct list soon;             /* started with no delay: run by the next advance */
    uint64_t busy[TIMERS_LEVELS]; /* a bit for each slot that holds timers */
    struct list slots[TIMERS_LEVELS][TIMERS_SLOTS];
};

void timers_init(struct timers *w, uint64_t now_ms);

/* Prepares a timer embedded in its object; it is not running. */
void timer_init(struct timer *t, void (*fire)(struct timer *t));

/* Runs t once, delay_ms from w->now_ms; a running timer is moved. */
void timer_start(struct timers *w, struct timer *t, uint64_t delay_ms);

/* After this it never fires; harmless when it is not running. */
void timer_stop(struct timers *w, struct timer *t);
bool timer_running(const struct timer *t);

/*
 * Sets the clock without firing: input that arrived after a wait is handled at its own time, and before the timers that
 * became due meanwhile. The clock does not go back.
 */
void timers_set_now(struct timers *w, uint64_t now_ms);

/* Fires all that is due at now_ms, in order of time. What a callback starts without delay waits for the next call. */
void timers_advance(struct timers *w, uint64_t now_ms);

/* Milliseconds from w->now_ms until the wheel wants to be advanced (may be early, never late); UINT64_MAX: never. */
uint64_t timers_wait(const struct timers *w);

#endif
