#include "xmpp/pair.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "xmpp/stream.h"
#include "xmpp/writer.h"

#define FORGET_MS 120000
#define ASK_AGAIN_MS 1000
#define PING_OLD_MS 2000 /* an answer that has not come by then was not on its way */
#define SHORT_LIFE_MS 10000
#define SHORT_LIVES_MAX 3
#define PREFIX_LEN 16

static void on_turn(struct deferred *d);
static void on_answer_late(struct timer *t);
static void on_forget(struct timer *t);

const char *xmpp_confirm_name(enum xmpp_confirm c)
{
    switch (c) {
    case XMPP_CONFIRM_PING: return "ping";
    case XMPP_CONFIRM_SM: return "sm";
    case XMPP_CONFIRM_NO: return "no";
    }
    return "?";
}

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
    timer_init(&p->answer, on_answer_late);
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

static bool same_token(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct xmpp_out, by_token)->token == *(const uint64_t *)key;
}

static uint64_t token_hash(const struct xmpp *x, uint64_t token)
{
    return hash_bytes(&x->tokens, slice_of((const char *)&token, sizeof(token)));
}

static void out_free(struct xmpp_out *o)
{
    struct xmpp_pair *p = o->pair;

    list_unlink(&o->link);
    if (o->token)
        hash_remove(&p->x->tokens, &o->by_token);
    p->n--;
    p->bytes -= o->n;
    if (o->in_window)
        p->ahead -= o->n;
    p->x->counters.queued--;
    free(o);
}

/* The end of one stanza. The owner may send and withdraw others meanwhile. */
static void settle(struct xmpp_out *o, enum xmpp_fate fate, const char *why)
{
    struct xmpp *x = o->pair->x;
    uint64_t token = o->token;

    if (!o->withdrawn) {
        if (fate == XMPP_FATE_CONFIRMED)
            x->counters.confirmed++;
        else if (fate == XMPP_FATE_UNCONFIRMED)
            x->counters.unconfirmed++;
        else
            x->counters.failed++;
    }
    out_free(o);
    if (token && !x->freeing)
        x->conf.ops->settled(x->conf.owner, token, fate, why);
}

static struct xmpp_out *first_of(struct list *l)
{
    return list_empty(l) ? NULL : container_of(l->next, struct xmpp_out, link);
}

static void settle_all(struct list *l, enum xmpp_fate fate, const char *why)
{
    struct list doomed;
    struct xmpp_out *o;

    list_init(&doomed);
    list_move_all(&doomed, l);
    while ((o = first_of(&doomed)))
        settle(o, o->writes && fate != XMPP_FATE_UNCONFIRMED ? XMPP_FATE_LOST : fate, why);
}

void xmpp_pair_free(struct xmpp_pair *p)
{
    struct xmpp_out *o;

    if (!p)
        return;
    assert(!p->stream);
    while ((o = first_of(&p->window)) || (o = first_of(&p->owed)) || (o = first_of(&p->queue)))
        out_free(o);
    timer_stop(&p->x->loop->timers, &p->answer);
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
    settle_all(&p->window, fate, why);
    settle_all(&p->owed, fate, why);
    settle_all(&p->queue, fate, why);
    forget_later(p);
}

/* ---- writing ---- */

static bool is_idle(const struct xmpp_pair *p)
{
    return list_empty(&p->owed) && list_empty(&p->queue);
}

/* Errors and answers do not wait for the window: two servers whose pongs did would wait for each other. */
static struct xmpp_out *next_to_write(const struct xmpp_pair *p)
{
    struct xmpp_out *o = first_of((struct list *)&p->owed);

    if (!o && (p->ahead < XMPP_AHEAD_MAX || p->confirm == XMPP_CONFIRM_NO))
        o = first_of((struct list *)&p->queue);
    return o;
}

static void pump(struct xmpp_pair *p)
{
    struct xmpp_out *o;

    while (p->ready && (o = next_to_write(p))) {
        if (!xmpp_stream_has_room(p->stream) || !xmpp_stream_write(p->stream, slice_of(o->bytes, o->n)))
            return;
        list_unlink(&o->link);
        list_push(&p->window, &o->link);
        o->in_window = true;
        p->ahead += o->n;
        o->cover = p->ping_n + 1;
        p->sm.sent++;
        p->sm.resting = false;
        p->x->counters.stanzas_out++;
        p->stream->n_out++;
        if (o->writes++)
            p->x->counters.resent++;
        xmpp_stream_touch(p->stream);
        if (!o->token && p->confirm != XMPP_CONFIRM_SM) /* or the answers to pings would be pinged for, without end */
            out_free(o);
    }
}

static bool somebody_waits(const struct xmpp_pair *p)
{
    list_each (it, &p->window)
        if (!container_of(it, struct xmpp_out, link)->withdrawn)
            return true;
    return false;
}

static void ask_sm(struct xmpp_pair *p)
{
    if (p->sm.asked || p->sm.resting || !xmpp_stream_write(p->stream, SLICE("<r xmlns='" NS_SM "'/>")))
        return;
    p->sm.asked = true;
    timer_start(&p->x->loop->timers, &p->answer, XMPP_ANSWER_MS);
}

static void ask_ping(struct xmpp_pair *p, bool idle)
{
    struct buf b;

    buf_init(&b, 8192);
    buf_str(&b, "<iq type='get'");
    xml_put_attr(&b, "from", p->local);
    xml_put_attr(&b, "to", p->remote);
    buf_printf(&b, " id='%s-%llu'><ping xmlns='" NS_PING "'/></iq>", p->ping_prefix,
               (unsigned long long)(p->ping_n + 1));
    if (buf_ok(&b) && xmpp_stream_write(p->stream, buf_slice(&b))) {
        p->ping_n++;
        p->ping_open = true;
        p->ping_idle = idle;
        p->ping_ms = loop_now(p->x->loop);
        timer_start(&p->x->loop->timers, &p->answer, idle ? XMPP_ANSWER_MS : XMPP_BARRIER_MS);
    } else { /* memory may be there again soon */
        timer_start(&p->x->loop->timers, &p->answer, ASK_AGAIN_MS);
    }
    buf_free(&b);
}

/* End of the turn: one question for all that was written in it. */
static void ask(struct xmpp_pair *p)
{
    switch (p->confirm) {
    case XMPP_CONFIRM_SM:
        if (!list_empty(&p->window))
            ask_sm(p);
        break;
    case XMPP_CONFIRM_PING:
        if ((!p->ping_open || p->ping_idle) && somebody_waits(p))
            ask_ping(p, false);
        break;
    case XMPP_CONFIRM_NO:
        if (p->ping_n == 0 && !list_empty(&p->window))
            ask_ping(p, true); /* once for each stream: perhaps it has learned to answer */
        settle_all(&p->window, XMPP_FATE_UNCONFIRMED, "written; this partner confirms nothing");
        break;
    }
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
        if (timer_running(&p->answer)) /* the next attempt has its time, whatever is sent until then */
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
    pump(p);
    ask(p);
}

static void do_turn(struct xmpp_pair *p)
{
    loop_defer(p->x->loop, &p->turn);
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
    struct xmpp_out *o;

    if (p && !p->stream && xmpp_backoff_holds(&p->backoff, loop_now(x->loop)))
        return refuse(x, fate, p->failed_fate);
    if (!p)
        p = pair_new(x, local, remote);
    if (!p || stanza.n > x->conf.stanza_max || p->n >= x->conf.queue_max_stanzas ||
        stanza.n > x->conf.queue_max_bytes - p->bytes)
        return refuse(x, fate, XMPP_FATE_FULL);
    o = calloc(1, sizeof(*o) + stanza.n);
    if (!o)
        return refuse(x, fate, XMPP_FATE_FULL);
    o->pair = p;
    o->n = stanza.n;
    if (stanza.n)
        memcpy(o->bytes, stanza.p, stanza.n);
    if (token && !hash_add(&x->tokens, &o->by_token, token_hash(x, token))) {
        free(o);
        return refuse(x, fate, XMPP_FATE_FULL);
    }
    o->token = token;
    list_push(token ? &p->queue : &p->owed, &o->link);
    p->n++;
    p->bytes += o->n;
    x->counters.queued++;
    timer_stop(&p->x->loop->timers, &p->forget);
    pump(p);
    do_turn(p);
    return true;
}

bool xmpp_pair_withdraw(struct xmpp *x, uint64_t token)
{
    struct hash_node *node = token ? hash_find(&x->tokens, token_hash(x, token), same_token, &token) : NULL;
    struct xmpp_out *o;
    bool written;

    if (!node)
        return false;
    o = container_of(node, struct xmpp_out, by_token);
    written = o->writes > 0;
    x->counters.failed++;
    if (o->in_window && o->pair->confirm == XMPP_CONFIRM_SM) { /* its place is still counted */
        hash_remove(&x->tokens, &o->by_token);
        o->token = 0;
        o->withdrawn = true;
        return written;
    }
    out_free(o);
    return written;
}

/* ---- what the partner's server says of it ---- */

bool xmpp_pair_acked(struct xmpp_pair *p, uint32_t h)
{
    struct xmpp_out *o;
    uint32_t n;

    if (!xmpp_sm_out_ack(&p->sm, h, &n))
        return false;
    p->sm.asked = false;
    p->misses = 0;
    timer_stop(&p->x->loop->timers, &p->answer);
    /* A peer that counts only what was delivered may have nothing to add for long: asking at once would never rest. */
    if (n == 0 && !list_empty(&p->window)) {
        p->sm.resting = true;
        timer_start(&p->x->loop->timers, &p->answer, ASK_AGAIN_MS);
    }
    while (n-- > 0 && (o = first_of(&p->window)))
        settle(o, XMPP_FATE_CONFIRMED, "acknowledged by stream management");
    do_turn(p);
    return true;
}

/* "<prefix>-<number>" of this stream's pings. */
static bool ping_number(const struct xmpp_pair *p, struct slice id, uint64_t *n)
{
    return slice_starts(id, slice_of(p->ping_prefix, PREFIX_LEN)) && id.n > PREFIX_LEN && id.p[PREFIX_LEN] == '-' &&
           slice_u64(slice_from(id, PREFIX_LEN + 1), UINT64_MAX, n);
}

bool xmpp_pair_pong(struct xmpp *x, struct slice local, struct slice remote, struct slice id)
{
    struct xmpp_pair *p = xmpp_pair_find(x, local, remote);
    struct xmpp_out *o;
    uint64_t n;

    if (!p || !p->ready || !ping_number(p, id, &n))
        return false;
    if (n > p->ping_n || n <= p->ping_answered)
        return true;
    p->ping_answered = n;
    p->misses = 0;
    if (n == p->ping_n) {
        p->ping_open = false;
        timer_stop(&p->x->loop->timers, &p->answer);
    }
    if (p->confirm == XMPP_CONFIRM_NO) {
        p->confirm = XMPP_CONFIRM_PING;
        p->confirms_not = false;
        log_info(x->loop->log, "stream-confirms", LOG_S("local", p->local), LOG_S("remote", p->remote),
                 LOG_Z("confirm", "ping"));
    }
    if (p->confirm == XMPP_CONFIRM_PING)
        while ((o = first_of(&p->window)) && o->cover <= n)
            settle(o, XMPP_FATE_CONFIRMED, "acknowledged by ping");
    do_turn(p);
    return true;
}

void xmpp_pair_way_back(struct xmpp *x, struct slice local, struct slice remote)
{
    struct xmpp_pair *p = xmpp_pair_find(x, local, remote);

    if (p && !p->stream)
        xmpp_backoff_clear(&p->backoff);
    if (!p || !p->ready || !p->ping_open || p->confirm != XMPP_CONFIRM_PING ||
        loop_now(x->loop) - p->ping_ms < PING_OLD_MS)
        return;
    p->ping_open = false;
    do_turn(p);
}

static void confirms_no_more(struct xmpp_pair *p)
{
    p->confirm = XMPP_CONFIRM_NO;
    p->confirms_not = true;
    log_warning(p->x->loop->log, "stream-confirms-nothing", LOG_S("local", p->local), LOG_S("remote", p->remote),
                LOG_Z("confirm", "no"),
                LOG_Z("why", "three pings were left unanswered; messages are accepted without confirmation until one "
                             "is answered: the partner must answer XEP-0199 or offer XEP-0198"));
    do_turn(p);
}

static void on_answer_late(struct timer *t)
{
    struct xmpp_pair *p = container_of(t, struct xmpp_pair, answer);

    if (!p->stream)
        do_turn(p);
    if (!p->ready)
        return;
    if (p->confirm == XMPP_CONFIRM_SM && !p->sm.asked) {
        p->sm.resting = false;
        do_turn(p);
        return;
    }
    if (p->confirm == XMPP_CONFIRM_PING && !p->ping_open) {
        do_turn(p);
        return;
    }
    if (p->confirm == XMPP_CONFIRM_NO) {
        p->ping_open = false;
        return;
    }
    if (p->confirm == XMPP_CONFIRM_SM || p->ping_idle) {
        xmpp_stream_error(p->stream, XMPP_STREAM_CONNECTION_TIMEOUT, "no answer within 60 s");
        return;
    }
    p->ping_open = false;
    if (++p->misses < XMPP_BARRIER_MISSES) {
        do_turn(p);
        return;
    }
    if (!xmpp_stream_is_taken(p->stream)) /* what we wrote is not even on its way: no live stream */
        xmpp_stream_error(p->stream, XMPP_STREAM_CONNECTION_TIMEOUT, "no answer within 60 s");
    else
        confirms_no_more(p);
}

void xmpp_pair_keep_alive(struct xmpp_pair *p)
{
    switch (p->confirm) {
    case XMPP_CONFIRM_SM: ask_sm(p); break;
    case XMPP_CONFIRM_PING:
        if (!p->ping_open)
            ask_ping(p, true);
        break;
    case XMPP_CONFIRM_NO: xmpp_stream_write(p->stream, SLICE(" ")); break;
    }
}

/* ---- its stream ---- */

void xmpp_pair_ready(struct xmpp_pair *p, bool sm)
{
    p->ready = true;
    p->no_sasl = false;
    xmpp_backoff_clear(&p->backoff);
    p->ready_ms = loop_now(p->x->loop);
    p->sm = (struct xmpp_sm_out){ 0 };
    p->ping_n = p->ping_answered = 0;
    p->ping_open = p->ping_idle = false;
    p->misses = 0;
    rand_hex(p->ping_prefix, PREFIX_LEN);
    p->confirm = sm ? XMPP_CONFIRM_SM : p->confirms_not ? XMPP_CONFIRM_NO : XMPP_CONFIRM_PING;
    do_turn(p);
}

/* What the broken stream had not acknowledged goes in front again, except what nobody wants or was written too often. */
static void requeue(struct xmpp_pair *p, struct list *lost)
{
    struct list again;
    struct xmpp_out *o;

    list_init(&again);
    while ((o = first_of(&p->window))) {
        o->in_window = false;
        p->ahead -= o->n;
        list_unlink(&o->link);
        if (o->withdrawn)
            out_free(o);
        else
            list_push(o->writes >= XMPP_WRITES_MAX ? lost : &again, &o->link);
    }
    list_move_all(&again, &p->queue);
    list_move_all(&p->queue, &again);
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
    timer_stop(&p->x->loop->timers, &p->answer);
    if (retry && !was_ready && !p->no_sasl) {
        p->no_sasl = true;
        do_turn(p);
        return;
    }
    p->no_sasl = false;
    list_init(&lost);
    requeue(p, &lost);
    if (was_ready)
        p->broke_ms = loop_now(p->x->loop);
    if (!was_ready && fate == XMPP_FATE_UNREACHABLE && may_try_again(p)) {
        timer_start(&p->x->loop->timers, &p->answer, XMPP_RETRY_MS);
        return;
    }
    if (!was_ready || p->x->stopping) {
        list_move_all(&lost, &p->queue);
        list_move_all(&p->queue, &lost);
        xmpp_pair_fail(p, fate, why);
        return;
    }
    p->n_short = loop_now(p->x->loop) - p->ready_ms < SHORT_LIFE_MS ? p->n_short + 1 : 0;
    settle_all(&lost, XMPP_FATE_LOST, why);
    if (p->n_short > SHORT_LIVES_MAX) {
        p->n_short = 0;
        xmpp_pair_fail(p, XMPP_FATE_UNREACHABLE, why);
    }
    do_turn(p); /* at once: somebody may wait */
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
    timer_stop(&p->x->loop->timers, &p->answer); /* the turn asks for a stream, and is told that there is none */
    do_turn(p);
}

void xmpp_pair_drained(struct xmpp_pair *p)
{
    do_turn(p);
}
