/*
 * The event loop of one thread: libuv, the timer wheel, and work that waits for the end of the turn. Everything in net,
 * sip, xmpp and bridge belongs to one loop and is only touched from it; there are no locks.
 *
 * A turn: wait, set the clock, input (libuv's callbacks), timers, deferred work.
 *
 * Promises: a stopped timer or cancelled deferral never fires. Callbacks come from the loop, never from inside a call
 * the owner is making. loop_now() is constant during one turn.
 */
#ifndef STOX_NET_LOOP_H
#define STOX_NET_LOOP_H

#include <uv.h>

#include "base/err.h"
#include "base/list.h"
#include "base/log.h"
#include "base/timers.h"

struct loop {
    uv_loop_t uv;
    struct timers timers;
    struct list deferred; /* struct deferred: run after this turn's input */
    struct log *log;      /* borrowed, outlives the loop */
    bool stopping;
    /* net/listening.h */
    struct list listening;
    struct list given;
    bool hold_datagrams; /* another process still reads the UDP sockets: they begin still */
    bool given_away;     /* another process has the listening sockets: their files stay */
};

int loop_init(struct loop *loop, struct log *log, struct err *err);

/* Runs until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

/* All handles must have been closed by their owners; closes the loop's own. */
void loop_fini(struct loop *loop);

static inline uint64_t loop_now(const struct loop *loop)
{
    return loop->timers.now_ms;
}

/*
 * Work for the end of this turn, when all input that had arrived was handled: flushing what was corked, freeing what is
 * still on the call stack. Embedded in its object. Runs once per loop_defer; deferring twice is one run.
 */
struct deferred {
    struct list link;
    void (*run)(struct deferred *d); /* may free its object */
};
void deferred_init(struct deferred *d, void (*run)(struct deferred *d));
void loop_defer(struct loop *loop, struct deferred *d);
void loop_undefer(struct deferred *d);

#endif
