#include "xmpp/ride.h"

#include "xmpp/bidi.h"
#include "xmpp/dialback.h"
#include "xmpp/pair_parts.h"
#include "xmpp/resume_out.h"
#include "xmpp/stream_parts.h"

static struct xmpp_pair *pair_of(struct list *on_stream)
{
    return container_of(on_stream, struct xmpp_pair, on_stream);
}

struct xmpp_pair *xmpp_ride_opener(const struct xmpp_stream *s)
{
    list_each (it, &s->pairs)
        if (!pair_of(it)->rides)
            return pair_of(it);
    return NULL;
}

static bool is_full(const struct xmpp_stream *s)
{
    unsigned n = 0;

    list_each (it, &s->pairs)
        n++;
    return n >= XMPP_PROVEN_MAX;
}

/* ---- may it? ---- */

/* What is said of the way to remote must have been true of the way that this stream went. */
static bool may_carry(const struct xmpp_stream *s, struct slice local, struct slice remote)
{
    struct xmpp_methods m = xmpp_methods_of_partner(s->x->conf.ops->partner(s->x->conf.owner, remote));
    enum xmpp_method how = xmpp_stream_is_secure(s) ? XMPP_METHOD_DIALBACK_TLS : XMPP_METHOD_DIALBACK_TCP;

    if (s->bidi && !xmpp_bidi_certifies(s, remote)) /* else it would come back on it, and could not be believed */
        return false;
    if (!s->errors_offered || s->cert_forbidden || s->method == XMPP_METHOD_SASL ||
        xmpp_object_stream(s, local, remote, how).text)
        return false;
    if (slice_eq(s->remote, remote))
        return true;
    return !s->dane_seen && (!m.sasl_over_tls || !xmpp_stream_is_secure(s) || xmpp_stream_certifies(s, remote));
}

/* The features are not known yet: it waits for them if no other stream could do better than dialback. */
static bool may_wait(const struct xmpp_stream *s, const struct xmpp_pair *p, struct slice remote)
{
    struct xmpp_methods m = xmpp_methods_of_partner(s->x->conf.ops->partner(s->x->conf.owner, remote));

    return (m.dialback_over_tls || m.dialback_over_tcp) && (!m.sasl_over_tls || p->rode) &&
           !xmpp_object(s->x, p->local, remote, XMPP_METHOD_NONE).text;
}

static bool may_take(const struct xmpp_stream *s, const struct xmpp_pair *p)
{
    if (s->inbound || s->component || s->probe || s->verifying || s->alone || s->close_asked || list_empty(&s->pairs) ||
        is_full(s))
        return false;
    switch (s->state) {
    case XMPP_STATE_CONNECTING:
    case XMPP_STATE_HEADER:
    case XMPP_STATE_FEATURES:
    case XMPP_STATE_STARTTLS:
    case XMPP_STATE_TLS:
    case XMPP_STATE_SASL: return may_wait(s, p, p->remote);
    case XMPP_STATE_DIALBACK:
    case XMPP_STATE_ENABLING:
    case XMPP_STATE_READY: return may_carry(s, p->local, p->remote);
    case XMPP_STATE_RESUMING:
    case XMPP_STATE_HANDSHAKE:
    case XMPP_STATE_VERIFYING:
    case XMPP_STATE_NEGOTIATING:
    case XMPP_STATE_CLOSING:
    case XMPP_STATE_CLOSED: break;
    }
    return false;
}

struct xmpp_stream *xmpp_ride_find(const struct xmpp_pair *p)
{
    if (p->alone || p->no_sasl || p->x->stopping)
        return NULL;
    list_each (it, &p->x->streams) {
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (slice_eq(s->remote, p->remote) && may_take(s, p))
            return s;
    }
    return NULL;
}

/* ---- on and off ---- */

static void leave(struct xmpp_pair *p)
{
    list_unlink(&p->on_stream);
    p->stream = NULL;
    p->proof = XMPP_PROOF_AWAITED;
}

/* It looks for another stream, or opens one. */
static void let_go(struct xmpp_pair *p)
{
    leave(p);
    p->rides = p->rode = false;
    timer_stop(&p->x->loop->timers, &p->retry);
    xmpp_pair_turn(p);
}

static void ask(struct xmpp_stream *s, struct xmpp_pair *p)
{
    timer_start(&s->x->loop->timers, &p->retry, XMPP_RIDE_MS);
    xmpp_dialback_ask(s, p);
}

void xmpp_ride_take(struct xmpp_stream *s, struct xmpp_pair *p)
{
    xmpp_resume_free(s->resume); /* what several pairs have sent stands in one count */
    s->resume = NULL;
    list_push(&s->pairs, &p->on_stream);
    p->stream = s;
    p->rides = true;
    p->proof = XMPP_PROOF_AWAITED;
    log_info(s->x->loop->log, "stream-shared", LOG_S("local", p->local), LOG_S("remote", p->remote),
             LOG_U("serial", s->serial), LOG_S("opened-from", s->local), LOG_S("opened-to", s->remote));
    if (s->state == XMPP_STATE_DIALBACK || s->state == XMPP_STATE_ENABLING || s->state == XMPP_STATE_READY)
        ask(s, p);
}

static struct xmpp_stream *find_same_address(const struct xmpp_stream *s, const struct xmpp_pair *p)
{
    list_each (it, &s->x->streams) {
        struct xmpp_stream *t = container_of(it, struct xmpp_stream, link);

        if (t != s && t->conn && addr_eq(&t->peer, &s->peer) && slice_eq(t->partner_name, s->partner_name) &&
            may_take(t, p))
            return t;
    }
    return NULL;
}

bool xmpp_ride_elsewhere(struct xmpp_stream *s)
{
    struct xmpp_pair *p = xmpp_ride_opener(s);
    struct xmpp_stream *t;

    if (!p || p->resume || s->alone || s->no_sasl || s->dane || s->pairs.next != s->pairs.prev)
        return false;
    t = find_same_address(s, p);
    if (!t)
        return false;
    leave(p);
    xmpp_ride_take(t, p);
    return true;
}

void xmpp_ride_start_over(struct xmpp_stream *s)
{
    list_each (it, &s->pairs) {
        pair_of(it)->proof = XMPP_PROOF_AWAITED;
        timer_stop(&s->x->loop->timers, &pair_of(it)->retry);
    }
}

void xmpp_ride_ask(struct xmpp_stream *s)
{
    list_each_safe (it, tmp, &s->pairs) {
        struct xmpp_pair *p = pair_of(it);

        if (!p->rides || p->proof != XMPP_PROOF_AWAITED)
            continue;
        if (may_carry(s, p->local, p->remote))
            ask(s, p);
        else {
            p->alone = !s->errors_offered;
            let_go(p);
        }
    }
}

void xmpp_ride_go(struct xmpp_stream *s)
{
    list_each_safe (it, tmp, &s->pairs)
        if (pair_of(it)->rides)
            let_go(pair_of(it));
}

bool xmpp_ride_refused(struct xmpp_stream *s, struct xmpp_pair *p, enum xmpp_fate fate, const char *why)
{
    bool others = s->pairs.next != s->pairs.prev;

    if (!p->rides && !others)
        return false;
    log_warning(s->x->loop->log, "stream-pair-refused", LOG_S("local", p->local), LOG_S("remote", p->remote),
                LOG_U("serial", s->serial), LOG_Z("why", why),
                LOG_Z("next", p->rides ? "a stream of its own" : "none"));
    p->alone = true;
    if (p->rides) {
        let_go(p);
        if (!others)
            xmpp_stream_close(s, "nobody rides on it any more");
    } else {
        leave(p);
        xmpp_pair_ended(p, fate, why, false);
    }
    return true;
}
