/* Ends of work: for good (stop), or until further notice (drain). */
#include "bridge/bridge_private.h"
#include "bridge/presence.h"

#define LOOK_MS 20
#define A_LOOK 2000    /* sessions and watches that are ended in one look */
#define LAST_MS 2000u  /* after a hand-over: for what came last over connections of this process */
#define COUNT_MS 1000u /* after a hand-over: how long partners' streams stay open for the answers of SIP */
#define TELL_MS 3000u  /* on top of the bound: until all of them were told */

static bool is_under_way(struct bridge *b)
{
    bool counted = !b->lanes.n || loop_now(b->loop) >= b->leaving_ms + COUNT_MS;

    if (b->phase == BRIDGE_LEAVING && (!counted || federation_leave_close(b->federation)))
        return true;
    return b->counters.held || b->lanes.n || b->contacts.n_changes;
}

/* False: not everybody was told yet. */
static bool end_conversations(struct bridge *b)
{
    bool told = presence_stop(b, A_LOOK);

    return sessions_stop(b, A_LOOK) && told;
}

/* Repetitions of what was answered here are still known here; then the last requests are refused, and it stops. */
static void end_leaving(struct bridge *b)
{
    uint64_t now = loop_now(b->loop);

    if (!sip_is_busy(b->sip) || now >= b->drain_until_ms) {
        b->phase = BRIDGE_STOPPING;
        b->drain_until_ms = now + LAST_MS;
    }
    timer_start(&b->loop->timers, &b->drain, LOOK_MS);
}

/* Looks again until nothing is under way or the time is up; then what is left goes back and the streams are closed. */
static void on_drain(struct timer *t)
{
    struct bridge *b = container_of(t, struct bridge, drain);
    uint64_t now = loop_now(b->loop);

    if (is_under_way(b) && now < b->drain_until_ms) {
        timer_start(&b->loop->timers, &b->drain, LOOK_MS);
        return;
    }
    if (b->phase != BRIDGE_LEAVING)
        x2s_give_back_all(b);
    if (!end_conversations(b) && now < b->drain_until_ms + TELL_MS) {
        timer_start(&b->loop->timers, &b->drain, LOOK_MS);
        return;
    }
    if (b->phase == BRIDGE_LEAVING) {
        end_leaving(b);
        return;
    }
    if (b->phase == BRIDGE_STOPPING) {
        federation_stop(b->federation, b->on_stopped, b->on_stopped_arg);
        return;
    }
    b->quiet = true;
    federation_rest(b->federation);
    log_info(b->log, "drained", LOG_Z("state", "nothing is under way, streams are closed, new work is refused"));
}

void bridge_drain_init(struct bridge *b)
{
    timer_init(&b->drain, on_drain);
}

static uint64_t stop_ms(const struct bridge *b)
{
    return directory_gateway(b->directory)->stop_s * 1000ull;
}

static void begin(struct bridge *b, enum bridge_phase phase)
{
    if (b->phase < BRIDGE_LEAVING)
        b->drain_until_ms = loop_now(b->loop) + stop_ms(b);
    b->phase = phase;
    federation_refuse(b->federation, true);
    timer_start(&b->loop->timers, &b->drain, 0);
}

void bridge_stop(struct bridge *b, void (*done)(void *arg), void *arg)
{
    if (b->phase == BRIDGE_STOPPING)
        return;
    b->on_stopped = done;
    b->on_stopped_arg = arg;
    begin(b, BRIDGE_STOPPING);
}

void bridge_drain(struct bridge *b)
{
    if (b->phase == BRIDGE_SERVING)
        begin(b, BRIDGE_DRAINING);
}

void bridge_resume(struct bridge *b)
{
    if (b->phase != BRIDGE_DRAINING)
        return;
    timer_stop(&b->loop->timers, &b->drain);
    b->phase = BRIDGE_SERVING;
    b->quiet = false;
    federation_refuse(b->federation, false);
    presence_resume(b);
}

void bridge_freeze(struct bridge *b)
{
    if (b->phase == BRIDGE_SERVING)
        b->phase = BRIDGE_FROZEN;
}

bool bridge_is_frozen(const struct bridge *b)
{
    return b->phase == BRIDGE_FROZEN && !b->contacts.n_changes;
}

void bridge_thaw(struct bridge *b)
{
    if (b->phase != BRIDGE_FROZEN)
        return;
    b->phase = BRIDGE_SERVING;
    presence_start(b);
}

void bridge_leave(struct bridge *b, sip_pass *pass, void *pass_arg, void (*done)(void *arg), void *arg)
{
    b->phase = BRIDGE_LEAVING;
    b->left = true;
    b->on_stopped = done;
    b->on_stopped_arg = arg;
    b->leaving_ms = loop_now(b->loop);
    b->drain_until_ms = b->leaving_ms + stop_ms(b);
    sip_leave(b->sip, pass, pass_arg);
    federation_leave(b->federation);
    timer_start(&b->loop->timers, &b->drain, 0);
}

void bridge_work(const struct bridge *b, struct bridge_work *out)
{
    *out = (struct bridge_work){ .phase = b->phase,
                                 .quiet = b->quiet,
                                 .held = b->counters.held,
                                 .queued = b->counters.queued,
                                 .sessions = b->sessions.by_pair.n,
                                 .streams = federation_counters(b->federation)->streams_authenticated,
                                 .stop_ms = stop_ms(b) };
}
