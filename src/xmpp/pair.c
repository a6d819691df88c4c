/* The queue of a pair of domains, and its life from one stream to the next. */
#include "xmpp/pair_parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/rand.h"
#include "xmpp/bidi.h"
#include "xmpp/component.h"
#include "xmpp/resume_out.h"
#include "xmpp/ride.h"

#define FORGET_MS 120000
#define SHORT_LIFE_MS 10000
#define SHORT_LIVES_MAX 3

static void on_turn(struct deferred *d);
static void on_retry(struct timer *t);
static void on_forget(struct timer *t);

struct pair_key {
    struct slice local, remote;
};

static bool same_pair(const struct hash_node *node, const void *key)
{
    const struct xmpp_pair *p = container_of(node, const struct xmpp_pair, node);
    const struct pair_key *k = key;

    return slice_eq(p->local, k->local) && slice_eq(p->remote, k->remote);
}

static uint64_t pair_hash(const struct xmpp *x, struct slice local, struct slice remote)
{
    return hash_more(&x->pairs, hash_bytes(&x->pairs, local), remote);
}

struct xmpp_pair *xmpp_pair_find(const struct xmpp *x, struct slice local, struct slice remote)
{
    const struct pair_key key = { local, remote };
    struct hash_node *node = hash_find(&x->pairs, pair_hash(x, local, remote), same_pair, &key);

    return node ? container_of(node, struct xmpp_pair, node) : NULL;
}

static struct xmpp_pair *pair_new(struct xmpp *x, struct slice local, struct slice remote)
{
    struct xmpp_pair *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->x = x;
    list_init(&p->owed);
    list_init(&p->queue);
    list_init(&p->window);
    list_init(&p->again);
    list_init(&p->on_stream);
    timer_init(&p->retry, on_retry);
    xmpp_confirm_init(p);
    timer_init(&p->forget, on_forget);
    deferred_init(&p->turn, on_turn);
    if (!xmpp_keep(&p->local, local) || !xmpp_keep(&p->remote, remote) ||
        !hash_add(&x->pairs, &p->node, pair_hash(x, local, remote))) {
        p->taken_off = true;
        xmpp_pair_free(p);
        return NULL;
    }
    return p;
}

void xmpp_pair_free(struct xmpp_pair *p)
{
    struct xmpp_out *o;

    if (!p)
        return;
    assert(!p->stream);
    xmpp_window_not_again(p);
    while ((o = xmpp_out_first(&p->window)) || (o = xmpp_out_first(&p->owed)) || (o = xmpp_out_first(&p->queue)))
        xmpp_out_free(o);
    xmpp_resume_free(p->resume);
    xmpp_confirm_stop(p);
    timer_stop(&p->x->loop->timers, &p->retry);
    timer_stop(&p->x->loop->timers, &p->forget);
    loop_undefer(&p->turn);
    xmpp_pace_leave(&p->x->pace, &p->place);
    if (!p->taken_off)
        hash_remove(&p->x->pairs, &p->node);
    xmpp_drop(&p->local);
    xmpp_drop(&p->remote);
    free(p->failed_why);
    free(p);
}

static void on_forget(struct timer *t)
{
    struct xmpp_pair *p = container_of(t, struct xmpp_pair, forget);

    if (!p->stream && p->n == 0)
        xmpp_pair_free(p);
}

static void forget_later(struct xmpp_pair *p)
{
    uint64_t now = loop_now(p->x->loop);
    uint64_t held = xmpp_backoff_holds(&p->backoff, now) ? p->backoff.until_ms - now : 0;

    if (!p->stream && p->n == 0 && !p->confirms_not)
        timer_start(&p->x->loop->timers, &p->forget, held + FORGET_MS);
}

static bool is_of_component(const struct xmpp_pair *p)
{
    const struct xmpp_partner *partner = p->x->conf.ops->partner(p->x->conf.owner, p->remote);

    return partner && partner->component;
}

void xmpp_pair_fail(struct xmpp_pair *p, enum xmpp_fate fate, const char *why)
{
    if (!is_of_component(p)) /* component.c tries again by its own clock */
        xmpp_backoff_failed(&p->backoff, loop_now(p->x->loop), rand_below);
    p->failed_fate = fate;
    free(p->failed_why);
    p->failed_why = strdup(why);
    xmpp_resume_free(p->resume);
    p->resume = NULL;
    xmpp_window_not_again(p);
    xmpp_out_settle_all(&p->window, fate, why);
    xmpp_out_settle_all(&p->owed, fate, why);
    xmpp_out_settle_all(&p->queue, fate, why);
    forget_later(p);
}

/* ---- a stream for it ---- */

static bool is_idle(const struct xmpp_pair *p)
{
    return list_empty(&p->owed) && list_empty(&p->queue);
}

/* As a component's server it has a stream, or is about to have one. */
static void join_component(struct xmpp_pair *p, const struct xmpp_partner *partner)
{
    enum xmpp_fate fate;
    const char *why;

    p->stream = xmpp_component_join(p, partner, &fate, &why);
    if (p->stream && p->stream->state == XMPP_STATE_READY)
        xmpp_pair_ready(p, false);
    else if (!p->stream && why)
        xmpp_pair_fail(p, fate, why);
    else if (!p->stream)
        timer_start(&p->x->loop->timers, &p->retry, XMPP_RETRY_MS);
}

static void open_stream(struct xmpp_pair *p)
{
    const struct xmpp_partner *partner = p->x->conf.ops->partner(p->x->conf.owner, p->remote);
    enum xmpp_fate fate = XMPP_FATE_UNREACHABLE;
    const char *why = NULL;
    struct xmpp_stream *other;

    if (partner && partner->component) {
        xmpp_pace_leave(&p->x->pace, &p->place);
        join_component(p, partner);
        return;
    }
    other = p->resume ? NULL : xmpp_bidi_find(p); /* a stream that may be resumed is its own */
    if (other) {
        xmpp_pace_leave(&p->x->pace, &p->place);
        xmpp_bidi_take(other, p);
        return;
    }
    other = p->resume ? NULL : xmpp_ride_find(p);
    if (other) {
        xmpp_pace_leave(&p->x->pace, &p->place);
        xmpp_ride_take(other, p);
        return;
    }
    if (!p->x->stopping && !xmpp_pace_may(&p->x->pace, &p->place, XMPP_PACE_STANZAS, &p->turn))
        return;
    if (!p->no_sasl)
        p->establish_by_ms = loop_now(p->x->loop) + (uint64_t)p->x->conf.limits.establish_s * 1000;
    p->stream = xmpp_stream_open(p->x, p, NULL, p->establish_by_ms, &fate, &why);
    if (!p->stream)
        xmpp_pair_fail(p, fate, why);
}

static void on_turn(struct deferred *d)
{
    struct xmpp_pair *p = container_of(d, struct xmpp_pair, turn);

    if (!p->stream) {
        if (timer_running(&p->retry)) /* the next attempt has its time, whatever is sent until then */
            return;
        if (!is_idle(p) || p->no_sasl || p->resume)
            open_stream(p);
        else {
            xmpp_pace_leave(&p->x->pace, &p->place);
            forget_later(p);
        }
        return;
    }
    if (!p->ready)
        return;
    do
        xmpp_window_pump(p);
    while (xmpp_window_refuse_long(p));
    if (p->ready)
        xmpp_confirm_ask(p);
}

void xmpp_pair_turn(struct xmpp_pair *p)
{
    loop_defer(p->x->loop, &p->turn);
}

static void on_retry(struct timer *t)
{
    struct xmpp_pair *p = container_of(t, struct xmpp_pair, retry);

    if (!p->stream)
        xmpp_pair_turn(p);
    else if (p->rides && !p->ready)
        xmpp_ride_refused(p->stream, p, XMPP_FATE_UNREACHABLE, "no answer to dialback within 30 s");
}

static bool refuse(struct xmpp *x, enum xmpp_fate *fate, enum xmpp_fate why)
{
    x->counters.failed++;
    *fate = why;
    return false;
}

bool xmpp_pair_send(struct xmpp *x, struct slice local, struct slice remote, struct slice stanza, uint64_t token,
                    enum xmpp_fate *fate)
{
    struct xmpp_pair *p = xmpp_pair_find(x, local, remote);

    if (p && !p->stream && xmpp_backoff_holds(&p->backoff, loop_now(x->loop)))
        return refuse(x, fate, p->failed_fate);
    if (!p)
        p = pair_new(x, local, remote);
    if (!p || stanza.n > x->conf.stanza_max || p->n >= x->conf.queue_max_stanzas ||
        stanza.n > x->conf.queue_max_bytes - p->bytes)
        return refuse(x, fate, XMPP_FATE_FULL);
    if (xmpp_window_is_too_long(p, stanza.n))
        return refuse(x, fate, XMPP_FATE_TOO_LONG);
    if (!xmpp_out_new(p, stanza, token))
        return refuse(x, fate, XMPP_FATE_FULL);
    timer_stop(&p->x->loop->timers, &p->forget);
    xmpp_window_pump(p);
    xmpp_pair_turn(p);
    return true;
}

const char *xmpp_pair_refusal(const struct xmpp *x, struct slice local, struct slice remote, enum xmpp_fate fate)
{
    const struct xmpp_pair *p = xmpp_pair_find(x, local, remote);

    if (fate == XMPP_FATE_FULL)
        return "too much waits for the partner already, or there is no memory for more";
    if (fate == XMPP_FATE_TOO_LONG)
        return XMPP_WHY_TOO_LONG;
    return p && p->failed_why ? p->failed_why : "it could not be reached a moment ago";
}

/* ---- its stream ---- */

static void begin(struct xmpp_pair *p, enum xmpp_confirm confirm)
{
    timer_stop(&p->x->loop->timers, &p->retry);
    p->ready = true;
    p->rode = p->rides;
    p->no_sasl = false;
    p->heard = false;
    xmpp_backoff_clear(&p->backoff);
    p->ready_ms = loop_now(p->x->loop);
    xmpp_confirm_start(p);
    p->confirm = confirm;
    xmpp_pair_turn(p);
}

void xmpp_pair_put_on(struct xmpp_stream *s, struct slice remote)
{
    struct xmpp_pair *p = xmpp_pair_find(s->x, s->local, remote);

    if (!p)
        p = pair_new(s->x, s->local, remote);
    if (!p || p->stream)
        return;
    p->stream = s;
    list_push(&s->pairs, &p->on_stream);
    timer_stop(&s->x->loop->timers, &p->forget);
    xmpp_pair_ready(p, false);
}

void xmpp_pair_ready(struct xmpp_pair *p, bool sm)
{
    if (p->resume)
        xmpp_pair_resume_not(p);
    begin(p, sm ? XMPP_CONFIRM_SM : p->confirms_not ? XMPP_CONFIRM_NO : XMPP_CONFIRM_PING);
}

void xmpp_pair_resumed(struct xmpp_pair *p, uint32_t h, struct slice instead)
{
    xmpp_pair_acked(p, h); /* who is told may send more: nothing is written until the rest is in its place */
    p->instead = instead;
    xmpp_window_again(p);
    begin(p, XMPP_CONFIRM_SM);
}

void xmpp_pair_resume_later(struct xmpp_pair *p, struct xmpp_resume *r)
{
    xmpp_resume_free(p->resume);
    p->resume = r;
}

/* As when a stream without resumption breaks. */
void xmpp_pair_resume_not(struct xmpp_pair *p)
{
    struct list lost;

    xmpp_resume_free(p->resume);
    p->resume = NULL;
    list_init(&lost);
    xmpp_window_requeue(p, &lost);
    xmpp_out_settle_all(&lost, XMPP_FATE_LOST, "its stream broke too often");
}

/* Is there something to be resumed for, and may it succeed yet? */
static bool waits_for_resumption(struct xmpp_pair *p, bool was_ready, enum xmpp_fate fate)
{
    if (!p->resume || p->x->stopping)
        return false;
    xmpp_window_not_again(p);
    if (list_empty(&p->window))
        return false;
    return was_ready || (fate == XMPP_FATE_UNREACHABLE &&
                         loop_now(p->x->loop) - p->broke_ms < (uint64_t)p->x->conf.limits.establish_s * 1000);
}

/*
 * What was written before the break the partner may have, so that "not delivered" would be a guess: while somebody waits for
 * it, we try to hear more, as long as an establishment may take. And a network that has just broken may break once more.
 */
static bool may_try_again(const struct xmpp_pair *p)
{
    uint64_t since = loop_now(p->x->loop) - p->broke_ms;

    if (p->x->stopping || !p->broke_ms || since >= (uint64_t)p->x->conf.limits.establish_s * 1000)
        return false;
    if (since < XMPP_BROKE_MS)
        return true;
    list_each (it, &p->queue)
        if (container_of(it, struct xmpp_out, link)->writes)
            return true;
    return false;
}

void xmpp_pair_ended(struct xmpp_pair *p, enum xmpp_fate fate, const char *why, bool retry)
{
    bool was_ready = p->ready;
    struct list lost;

    p->stream = NULL;
    p->ready = false;
    xmpp_confirm_stop(p);
    timer_stop(&p->x->loop->timers, &p->retry);
    if (!was_ready && p->rides && !p->x->stopping) { /* it was another's stream: that says nothing of this pair */
        p->rode = p->rides = false;
        p->alone = p->alone || !retry;
        xmpp_pair_turn(p);
        return;
    }
    if (retry && !was_ready && !p->no_sasl) {
        p->no_sasl = true;
        xmpp_pair_turn(p);
        return;
    }
    p->no_sasl = false;
    if (was_ready)
        p->broke_ms = loop_now(p->x->loop);
    if (waits_for_resumption(p, was_ready, fate)) {
        if (was_ready)
            xmpp_pair_turn(p);
        else
            timer_start(&p->x->loop->timers, &p->retry, XMPP_RETRY_MS);
        return;
    }
    xmpp_resume_free(p->resume);
    p->resume = NULL;
    list_init(&lost);
    xmpp_window_requeue(p, &lost);
    if (!was_ready && fate == XMPP_FATE_UNREACHABLE && may_try_again(p)) {
        timer_start(&p->x->loop->timers, &p->retry, XMPP_RETRY_MS);
        return;
    }
    if (!was_ready || p->x->stopping) {
        list_move_all(&lost, &p->queue);
        list_move_all(&p->queue, &lost);
        xmpp_pair_fail(p, fate, why);
        return;
    }
    p->n_short = !p->heard && loop_now(p->x->loop) - p->ready_ms < SHORT_LIFE_MS ? p->n_short + 1 : 0;
    xmpp_out_settle_all(&lost, XMPP_FATE_LOST, why);
    if (p->n_short > SHORT_LIVES_MAX) {
        p->n_short = 0;
        xmpp_pair_fail(p, XMPP_FATE_UNREACHABLE, why);
    }
    xmpp_pair_turn(p); /* at once: somebody may wait */
}

void xmpp_pair_reconsider(struct xmpp_pair *p, bool gone)
{
    p->alone = false;
    if (p->stream)
        return;
    xmpp_backoff_clear(&p->backoff);
    if (!gone || p->n == 0)
        return;
    xmpp_pace_leave(&p->x->pace, &p->place);
    p->place.due = true;
    timer_stop(&p->x->loop->timers, &p->retry); /* the turn asks for a stream, and is told that there is none */
    xmpp_pair_turn(p);
}

void xmpp_pair_drained(struct xmpp_pair *p)
{
    xmpp_pair_turn(p);
}
