/* The queue of a pair of domains, and its life from one stream to the next. */
#include "xmpp/pair_parts.h"

#include <assert.h>
#include <stdlib.h>

#include "base/rand.h"
#include "xmpp/stream.h"

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

struct xmpp_pair *xmpp_pair_find(struct xmpp *x, struct slice local, struct slice remote)
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
    while ((o = xmpp_out_first(&p->window)) || (o = xmpp_out_first(&p->owed)) || (o = xmpp_out_first(&p->queue)))
        xmpp_out_free(o);
    xmpp_confirm_stop(p);
    timer_stop(&p->x->loop->timers, &p->retry);
    timer_stop(&p->x->loop->timers, &p->forget);
    loop_undefer(&p->turn);
    xmpp_pace_leave(&p->x->pace, &p->place);
    if (!p->taken_off)
        hash_remove(&p->x->pairs, &p->node);
    xmpp_drop(&p->local);
    xmpp_drop(&p->remote);
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

void xmpp_pair_fail(struct xmpp_pair *p, enum xmpp_fate fate, const char *why)
{
    xmpp_backoff_failed(&p->backoff, loop_now(p->x->loop), rand_below);
    p->failed_fate = fate;
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

static void open_stream(struct xmpp_pair *p)
{
    enum xmpp_fate fate = XMPP_FATE_UNREACHABLE;
    const char *why = NULL;

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
        if (!is_idle(p) || p->no_sasl)
            open_stream(p);
        else {
            xmpp_pace_leave(&p->x->pace, &p->place);
            forget_later(p);
        }
        return;
    }
    if (!p->ready)
        return;
    xmpp_window_pump(p);
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
    if (!xmpp_out_new(p, stanza, token))
        return refuse(x, fate, XMPP_FATE_FULL);
    timer_stop(&p->x->loop->timers, &p->forget);
    xmpp_window_pump(p);
    xmpp_pair_turn(p);
    return true;
}

/* ---- its stream ---- */

void xmpp_pair_ready(struct xmpp_pair *p, bool sm)
{
    p->ready = true;
    p->no_sasl = false;
    xmpp_backoff_clear(&p->backoff);
    p->ready_ms = loop_now(p->x->loop);
    xmpp_confirm_start(p);
    p->confirm = sm ? XMPP_CONFIRM_SM : p->confirms_not ? XMPP_CONFIRM_NO : XMPP_CONFIRM_PING;
    xmpp_pair_turn(p);
}

/*
 * What was written before the break the partner may have, so that "not delivered" would be a guess: while somebody waits for
 * it, we try to hear more, as long as an establishment may take.
 */
static bool may_try_again(const struct xmpp_pair *p)
{
    if (p->x->stopping || loop_now(p->x->loop) - p->broke_ms >= (uint64_t)p->x->conf.limits.establish_s * 1000)
        return false;
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
    if (retry && !was_ready && !p->no_sasl) {
        p->no_sasl = true;
        xmpp_pair_turn(p);
        return;
    }
    p->no_sasl = false;
    list_init(&lost);
    xmpp_window_requeue(p, &lost);
    if (was_ready)
        p->broke_ms = loop_now(p->x->loop);
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
    p->n_short = loop_now(p->x->loop) - p->ready_ms < SHORT_LIFE_MS ? p->n_short + 1 : 0;
    xmpp_out_settle_all(&lost, XMPP_FATE_LOST, why);
    if (p->n_short > SHORT_LIVES_MAX) {
        p->n_short = 0;
        xmpp_pair_fail(p, XMPP_FATE_UNREACHABLE, why);
    }
    xmpp_pair_turn(p); /* at once: somebody may wait */
}

void xmpp_pair_reconsider(struct xmpp_pair *p, bool gone)
{
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
