#include "net/loop.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>

#include "base/clock.h"

/*
 * We sleep in poll() on libuv's own descriptor and only then let libuv dispatch, without waiting. That costs one system
 * call per turn and buys a place between waking and the first callback where the clock is set: a timer started by the
 * first datagram after a quiet minute counts from that datagram.
 */

#define DEFERRED_ROUNDS 8
#define CLOSING_TURNS 64

int loop_init(struct loop *loop, struct log *log, struct err *err)
{
    int rc;

    *loop = (struct loop){ .log = log };
    rc = uv_loop_init(&loop->uv);
    if (rc < 0)
        return err_set(err, "cannot make an event loop: %s", uv_strerror(rc));
    timers_init(&loop->timers, clock_mono_ms());
    list_init(&loop->deferred);
    list_init(&loop->listening);
    list_init(&loop->given);
    return 0;
}

void deferred_init(struct deferred *d, void (*run)(struct deferred *d))
{
    list_init(&d->link);
    d->run = run;
}

void loop_defer(struct loop *loop, struct deferred *d)
{
    if (list_empty(&d->link))
        list_push(&loop->deferred, &d->link);
}

void loop_undefer(struct deferred *d)
{
    list_unlink(&d->link);
}

/* What deferred work defers runs in a further round. After some rounds the rest waits for the next turn. */
static void run_deferred(struct loop *loop)
{
    for (int round = 0; round < DEFERRED_ROUNDS && !list_empty(&loop->deferred); round++) {
        struct list due, *l;

        list_init(&due);
        list_move_all(&due, &loop->deferred);
        while ((l = list_pop(&due))) {
            struct deferred *d = container_of(l, struct deferred, link);

            d->run(d);
        }
    }
}

/* Milliseconds the loop may sleep, in the form poll() wants: -1 without end. */
static int sleep_ms(struct loop *loop)
{
    int uv_ms = uv_loop_alive(&loop->uv) ? uv_backend_timeout(&loop->uv) : -1;
    uint64_t wait_ms, late_ms;

    if (!list_empty(&loop->deferred) || uv_ms == 0)
        return 0;
    wait_ms = timers_wait(&loop->timers);
    if (wait_ms == UINT64_MAX)
        return uv_ms;
    late_ms = clock_mono_ms() - loop_now(loop);
    wait_ms = wait_ms > late_ms ? wait_ms - late_ms : 0;
    if (wait_ms > INT_MAX)
        wait_ms = INT_MAX;
    return uv_ms >= 0 && (uint64_t)uv_ms < wait_ms ? uv_ms : (int)wait_ms;
}

static void turn(struct loop *loop)
{
    struct pollfd ready = { .fd = uv_backend_fd(&loop->uv), .events = POLLIN };
    int ms = sleep_ms(loop);

    if (ms != 0)
        poll(&ready, 1, ms); /* woken early, by a signal, is as good as a turn without input */
    timers_set_now(&loop->timers, clock_mono_ms());
    uv_run(&loop->uv, UV_RUN_NOWAIT);
    timers_advance(&loop->timers, loop_now(loop));
    run_deferred(loop);
}

void loop_run(struct loop *loop)
{
    loop->stopping = false;
    while (!loop->stopping)
        turn(loop);
}

void loop_stop(struct loop *loop)
{
    loop->stopping = true;
}

void loop_fini(struct loop *loop)
{
    int rc = UV_EBUSY;

    for (int i = 0; i < CLOSING_TURNS && rc == UV_EBUSY; i++) {
        run_deferred(loop);
        uv_run(&loop->uv, UV_RUN_NOWAIT);
        rc = uv_loop_close(&loop->uv);
    }
    if (rc < 0)
        log_error(loop->log, "loop-not-closed", LOG_Z("reason", uv_strerror(rc)));
}
