/* What a pair has written and not heard of, and the one end of each stanza. */
#include <stdlib.h>

#include "xmpp/pair_parts.h"
#include "xmpp/stream.h"

static bool same_token(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct xmpp_out, by_token)->token == *(const uint64_t *)key;
}

static uint64_t token_hash(const struct xmpp *x, uint64_t token)
{
    return hash_bytes(&x->tokens, slice_of((const char *)&token, sizeof(token)));
}

struct xmpp_out *xmpp_out_new(struct xmpp_pair *p, struct slice stanza, uint64_t token)
{
    struct xmpp_out *o = calloc(1, sizeof(*o) + stanza.n);

    if (!o)
        return NULL;
    o->pair = p;
    o->since_ms = loop_now(p->x->loop);
    o->n = stanza.n;
    if (stanza.n)
        memcpy(o->bytes, stanza.p, stanza.n);
    if (token && !hash_add(&p->x->tokens, &o->by_token, token_hash(p->x, token))) {
        free(o);
        return NULL;
    }
    o->token = token;
    list_push(token ? &p->queue : &p->owed, &o->link);
    p->n++;
    p->bytes += o->n;
    p->x->counters.queued++;
    return o;
}

void xmpp_out_free(struct xmpp_out *o)
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

struct xmpp_out *xmpp_out_first(const struct list *l)
{
    return list_empty(l) ? NULL : container_of(l->next, struct xmpp_out, link);
}

void xmpp_out_settle(struct xmpp_out *o, enum xmpp_fate fate, const char *why)
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
    xmpp_out_free(o);
    if (token && !x->freeing)
        x->conf.ops->settled(x->conf.owner, token, fate, why);
}

void xmpp_out_settle_all(struct list *l, enum xmpp_fate fate, const char *why)
{
    struct list doomed;
    struct xmpp_out *o;

    list_init(&doomed);
    list_move_all(&doomed, l);
    while ((o = xmpp_out_first(&doomed)))
        xmpp_out_settle(o, o->writes && fate != XMPP_FATE_UNCONFIRMED ? XMPP_FATE_LOST : fate, why);
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
    if (o->in_window && o->pair->confirm == XMPP_CONFIRM_SM) { /* the partner has not said that it left our buffers */
        hash_remove(&x->tokens, &o->by_token);
        o->token = 0;
        o->withdrawn = true;
        return written;
    }
    xmpp_out_free(o);
    return written;
}

/* ---- writing ---- */

/* Errors and answers do not wait for the window: two servers whose pongs did would wait for each other. */
static struct xmpp_out *next_to_write(const struct xmpp_pair *p)
{
    struct xmpp_out *o = xmpp_out_first(&p->owed);

    if (!o && (p->ahead < XMPP_AHEAD_MAX || p->confirm == XMPP_CONFIRM_NO))
        o = xmpp_out_first(&p->queue);
    return o;
}

static void wrote(struct xmpp_pair *p, struct xmpp_out *o)
{
    list_unlink(&o->link);
    list_push(&p->window, &o->link);
    o->cover = p->ping_n + 1;
    p->x->counters.stanzas_out++;
    p->stream->n_out++;
    xmpp_stream_touch(p->stream);
}

/* False: not all has been. */
static bool write_again(struct xmpp_pair *p)
{
    struct xmpp_out *o;

    while ((o = xmpp_out_first(&p->again))) {
        if (!xmpp_stream_has_room(p->stream) ||
            !xmpp_stream_write(p->stream, o->withdrawn ? p->instead : slice_of(o->bytes, o->n)))
            return false;
        p->x->counters.resent += !o->withdrawn;
        wrote(p, o);
    }
    return true;
}

void xmpp_window_again(struct xmpp_pair *p)
{
    list_move_all(&p->again, &p->window);
}

void xmpp_window_not_again(struct xmpp_pair *p)
{
    list_move_all(&p->window, &p->again);
}

void xmpp_window_pump(struct xmpp_pair *p)
{
    struct xmpp_out *o;

    if (!p->ready || !xmpp_reconsider_may_write(p) || !write_again(p))
        return;
    while (p->ready && (o = next_to_write(p)) && !xmpp_window_is_too_long(p, o->n)) {
        if (!xmpp_stream_has_room(p->stream) || !xmpp_stream_write(p->stream, slice_of(o->bytes, o->n)))
            return;
        o->in_window = true;
        p->ahead += o->n;
        o->place = xmpp_stream_sm_wrote(p->stream);
        if (o->writes++)
            p->x->counters.resent++;
        wrote(p, o);
        if (!o->token && p->confirm != XMPP_CONFIRM_SM) /* or the answers to pings would be pinged for, without end */
            xmpp_out_free(o);
    }
}

bool xmpp_window_is_too_long(const struct xmpp_pair *p, size_t n)
{
    return p->ready && p->stream->limits.max_bytes && n > p->stream->limits.max_bytes;
}

bool xmpp_window_refuse_long(struct xmpp_pair *p)
{
    struct xmpp_out *o = list_empty(&p->again) ? next_to_write(p) : NULL;

    if (!o || !xmpp_window_is_too_long(p, o->n))
        return false;
    xmpp_out_settle(o, o->writes ? XMPP_FATE_LOST : XMPP_FATE_TOO_LONG, XMPP_WHY_TOO_LONG);
    return true;
}

bool xmpp_window_is_awaited(const struct xmpp_pair *p)
{
    list_each (it, &p->window)
        if (!container_of(it, struct xmpp_out, link)->withdrawn)
            return true;
    return false;
}

/* ---- what becomes of it ---- */

void xmpp_pair_acked(struct xmpp_pair *p, uint32_t h)
{
    struct xmpp_out *o;

    if (p->confirm != XMPP_CONFIRM_SM) /* its places are of before the count began */
        return;
    while (((o = xmpp_out_first(&p->window)) || (o = xmpp_out_first(&p->again))) && (int32_t)(h - o->place) >= 0) {
        p->heard = true;
        xmpp_out_settle(o, XMPP_FATE_CONFIRMED, "acknowledged by stream management");
    }
    xmpp_pair_turn(p);
}

void xmpp_window_requeue(struct xmpp_pair *p, struct list *lost)
{
    struct list again;
    struct xmpp_out *o;

    list_init(&again);
    xmpp_window_not_again(p);
    while ((o = xmpp_out_first(&p->window))) {
        o->in_window = false;
        p->ahead -= o->n;
        list_unlink(&o->link);
        if (o->withdrawn)
            xmpp_out_free(o);
        else
            list_push(o->writes >= XMPP_WRITES_MAX ? lost : &again, &o->link);
    }
    list_move_all(&again, &p->queue);
    list_move_all(&p->queue, &again);
}
