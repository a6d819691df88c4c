#include "xmpp/bidi.h"

#include <stdio.h>
#include <stdlib.h>

#include "xmpp/component.h"
#include "xmpp/pair_parts.h"
#include "xmpp/stream_parts.h"

bool xmpp_bidi_is_wanted(const struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_owner(s);

    return partner && partner->bidi && !partner->component;
}

bool xmpp_bidi_certifies(const struct xmpp_stream *s, struct slice remote)
{
    return slice_eq(remote, s->remote) ? s->cert_ok : xmpp_stream_certifies(s, remote);
}

static bool may_be(const struct xmpp_stream *s)
{
    return xmpp_stream_is_secure(s) && s->cert_ok && !s->sasl_done && !s->bidi && xmpp_bidi_is_wanted(s);
}

/* ---- inbound ---- */

bool xmpp_bidi_may_offer(const struct xmpp_stream *s)
{
    return s->remote.n && may_be(s) && list_empty(&s->proven);
}

bool xmpp_bidi_accept(struct xmpp_stream *s, const struct xml *bidi)
{
    if (s->state != XMPP_STATE_NEGOTIATING || !s->bidi_offered || s->sasl_challenged || !xmpp_bidi_may_offer(s))
        return false;
    s->bidi = true;
    s->limits = xmpp_peer_limits_read(bidi); /* it sends no features (XEP-0478) */
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_NOTE, "the partner wants both directions on this stream (XEP-0288)");
    return true;
}

/* Nothing has been connected for it yet, and nobody else waits for that stream. */
static bool is_only_tried(const struct xmpp_pair *p)
{
    const struct xmpp_stream *s = p->stream;

    return !p->ready && !s->inbound && !s->component && s->state == XMPP_STATE_CONNECTING &&
           s->pairs.next == s->pairs.prev;
}

static void come_here(struct xmpp_pair *p)
{
    struct xmpp_stream *tried = p->stream;

    if (p->resume || (tried && !is_only_tried(p)))
        return;
    if (tried) {
        list_unlink(&p->on_stream);
        p->stream = NULL;
        p->rides = false;
        tried->needless = true;
        xmpp_stream_close(tried, "the partner's own stream carries both directions");
    }
    timer_stop(&p->x->loop->timers, &p->retry);
    xmpp_backoff_clear(&p->backoff);
    xmpp_pair_turn(p);
}

void xmpp_bidi_ready(struct xmpp_stream *s)
{
    if (!s->inbound || !s->bidi || s->state != XMPP_STATE_READY)
        return;
    if (!s->bidi_ms)
        s->bidi_ms = loop_now(s->x->loop);
    list_each (it, &s->proven) {
        const struct xmpp_proven *proven = container_of(it, struct xmpp_proven, link);
        struct xmpp_pair *p = proven->verify ? NULL : xmpp_pair_find(s->x, proven->local, proven->remote);

        if (p)
            come_here(p);
    }
}

static bool proves(const struct xmpp_stream *s, const struct xmpp_pair *p)
{
    list_each (it, &s->proven) {
        const struct xmpp_proven *q = container_of(it, struct xmpp_proven, link);

        if (slice_eq(q->local, p->local) && slice_eq(q->remote, p->remote))
            return !q->verify && !q->revoked;
    }
    return false;
}

struct xmpp_stream *xmpp_bidi_find(const struct xmpp_pair *p)
{
    struct xmpp_stream *newest = NULL; /* of two, the older one may have lost its other end */

    if (p->x->stopping)
        return NULL;
    list_each (it, &p->x->streams) {
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (s->inbound && s->bidi && s->state == XMPP_STATE_READY && s->conn && !s->close_asked && proves(s, p) &&
            xmpp_bidi_certifies(s, p->remote))
            newest = s;
    }
    return newest;
}

void xmpp_bidi_take(struct xmpp_stream *s, struct xmpp_pair *p)
{
    uint64_t since = loop_now(s->x->loop) - s->bidi_ms;

    if (!s->sm_in && since < XMPP_BIDI_SETTLE_MS) {
        timer_start(&s->x->loop->timers, &p->retry, XMPP_BIDI_SETTLE_MS - since);
        return;
    }
    conn_set_limits(s->conn, XMPP_RX_MAX, 2 * s->x->conf.stanza_max + XMPP_TX_SPARE);
    list_push(&s->pairs, &p->on_stream);
    p->stream = s;
    p->rides = false;
    p->proof = XMPP_PROOF_GIVEN;
    xmpp_pair_ready(p, s->sm_out.on);
    log_info(s->x->loop->log, "stream-both-ways", LOG_S("local", p->local), LOG_S("remote", p->remote),
             LOG_U("serial", s->serial), LOG_Z("direction", xmpp_stream_direction(s)),
             LOG_Z("confirm", xmpp_confirm_name(p->confirm)));
}

void xmpp_bidi_leave_revoked(struct xmpp_stream *s)
{
    struct list *it = s->pairs.next;

    while (s->inbound && it != &s->pairs) {
        struct xmpp_pair *p = container_of(it, struct xmpp_pair, on_stream);

        it = it->next;
        if (proves(s, p))
            continue;
        list_unlink(&p->on_stream);
        xmpp_pair_ended(p, XMPP_FATE_REFUSED, "the settings do not allow this pair on the partner's stream any more",
                        false);
    }
}

/* ---- outbound ---- */

/* One that waits to go on where a lost stream stood needs a stream that can be resumed. */
static bool has_use_for_it(const struct xmpp_stream *s)
{
    list_each (it, &s->pairs)
        if (container_of(it, struct xmpp_pair, on_stream)->resume)
            return false;
    return !s->verifying && (s->probe || !list_empty(&s->pairs));
}

void xmpp_bidi_ask(struct xmpp_stream *s, const struct xml *features)
{
    char text[160];

    if (!xml_child(features, NS_BIDI_FEATURE, "bidi") || !may_be(s) || !has_use_for_it(s))
        return;
    snprintf(text, sizeof(text),
             "<bidi xmlns='" NS_BIDI "'><limits xmlns='" NS_LIMITS "'><max-bytes>%zu</max-bytes></limits></bidi>",
             s->x->conf.stanza_max);
    s->bidi = xmpp_stream_write(s, slice_str(text));
    xmpp_stream_note(s, XMPP_STEP_STREAM, STEP_NOTE, "we ask for both directions on this stream (XEP-0288)");
}

bool xmpp_bidi_keep_lang(struct xmpp_stream *s, const struct xml *root)
{
    return !xmpp_bidi_is_wanted(s) || xmpp_keep(&s->lang, slice_first(xml_lang(root), 64));
}

bool xmpp_bidi_prove(struct xmpp_stream *s, struct slice local, struct slice remote, enum xmpp_method method)
{
    struct xmpp_proven *p;

    if (!s->bidi || !xmpp_bidi_certifies(s, remote))
        return true;
    p = xmpp_proven_of(&s->proven, local, remote);
    if (!p)
        return false;
    p->method = method;
    p->revoked = false;
    log_info(s->x->loop->log, "stream-both-ways", LOG_S("local", local), LOG_S("remote", remote),
             LOG_U("serial", s->serial), LOG_Z("direction", xmpp_stream_direction(s)));
    return true;
}

void xmpp_bidi_element(struct xmpp_stream *s, struct xml *el)
{
    switch (s->state) {
    case XMPP_STATE_ENABLING:
    case XMPP_STATE_READY:
    case XMPP_STATE_CLOSING: break;
    default: xmpp_stream_error(s, XMPP_STREAM_NOT_AUTHORIZED, NULL); return;
    }
    if (!slice_is(el->name, "message") && !slice_is(el->name, "presence") && !slice_is(el->name, "iq"))
        xmpp_stream_error(s, XMPP_STREAM_UNSUPPORTED_STANZA_TYPE, NULL);
    else if (el->prefixed) /* RFC 6120 4.8.5 */
        xmpp_stream_error(s, XMPP_STREAM_BAD_NAMESPACE_PREFIX, NULL);
    else
        xmpp_stream_in_stanza(s, el);
}

/* A stream of a test is counted nowhere; by this name it is paused and slowed down as the others. */
static bool take_name(struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_owner(s);

    return s->partner_name.n || (partner && xmpp_keep(&s->partner_name, partner->name));
}

bool xmpp_bidi_begin(struct xmpp_stream *s, bool sm)
{
    if (!s->bidi)
        return true;
    if (sm && !s->sm_in)
        s->sm_in = calloc(1, sizeof(*s->sm_in));
    if ((sm && !s->sm_in) || !take_name(s)) {
        xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL);
        return false;
    }
    if (xmpp_tally_count(&s->x->paused, s->partner_name) > 0)
        xmpp_stream_pause(s, true, s->window_paused);
    return true;
}

void xmpp_bidi_start_over(struct xmpp_stream *s)
{
    s->bidi = false;
    xmpp_proven_free_all(&s->proven);
}
