/* The settings have changed: what they no longer allow ends, and everything else goes on. */
#include "xmpp/bidi.h"
#include "xmpp/reach.h"
#include "xmpp/stream.h"

/* All of 10,000 streams in one turn of the loop would take 20 ms, and to end them a second. */
#define WORK_MAX 800   /* of a turn: that many are only looked at */
#define WORK_OF_END 16 /* what it takes to end one */
#define LOOK_MS 1      /* between two turns */

/* Why the partner's settings do not allow this method. */
static const char *method_refused(const struct xmpp_partner *p, enum xmpp_method how)
{
    if (p->component)
        return "your server is attached to in another way now";
    if (how == XMPP_METHOD_COMPONENT)
        return "your server is not attached to any more";
    if (how == XMPP_METHOD_DIALBACK_TCP)
        return p->tls == XMPP_REQUIRED ? "TLS is required for your domain now" : "dialback is not accepted any more";
    if (p->tls == XMPP_NOT_SUPPORTED)
        return "TLS is not used with your domain any more";
    if (how == XMPP_METHOD_SASL)
        return "SASL is not accepted from your domain any more";
    return p->dialback ? "SASL EXTERNAL is required for your domain now" : "dialback is not accepted any more";
}

struct xmpp_objection xmpp_object(const struct xmpp *x, struct slice local, struct slice remote, enum xmpp_method how)
{
    const struct xmpp_partner *partner = remote.n ? x->conf.ops->partner(x->conf.owner, remote) : NULL;
    struct xmpp_objection no = { .error = XMPP_STREAM_POLICY_VIOLATION };

    if (local.n && !x->conf.ops->serves(x->conf.owner, local)) {
        no.error = XMPP_STREAM_HOST_GONE;
        no.text = "the domain is not served here any more";
    } else if (remote.n && !partner) {
        no.text = "there is no longer a federation with your domain";
    } else if (partner && how != XMPP_METHOD_NONE && !xmpp_methods_allow(xmpp_methods_of_partner(partner), how)) {
        no.text = method_refused(partner, how);
    }
    return no;
}

struct xmpp_objection xmpp_object_stream(const struct xmpp_stream *s, struct slice local, struct slice remote,
                                         enum xmpp_method how)
{
    struct xmpp_objection no = xmpp_object(s->x, local, remote, how);
    const struct xmpp_partner *p = remote.n ? s->x->conf.ops->partner(s->x->conf.owner, remote) : NULL;

    if (no.text || !p || how == XMPP_METHOD_NONE || xmpp_cert_is_pinned(s->pin, p->pins, p->n_pins))
        return no;
    if (p->n_pins)
        no.text = "the key of your certificate is none of those that are expected from your domain";
    else if (s->cert_by == XMPP_CERT_PIN &&
             (how == XMPP_METHOD_SASL || s->inbound || s->bidi)) /* XEP-0344 proves by it too */
        no.text = "your certificate is not accepted any more: its key is not pinned";
    return no;
}

/* ---- inbound ---- */

/* Judges each proven pair anew; an objection only when there were some and none is left. */
static struct xmpp_objection judge_pairs(struct xmpp_stream *s, bool *any)
{
    struct xmpp_objection last = { .text = NULL };
    bool left = false;

    *any = false;
    list_each (it, &s->proven) {
        struct xmpp_proven *p = container_of(it, struct xmpp_proven, link);
        struct xmpp_objection no;

        if (p->verify) /* judged when its verdict is there */
            continue;
        no = xmpp_object_stream(s, p->local, p->remote, p->method);
        *any = true;
        p->revoked = no.text != NULL;
        if (no.text)
            last = no;
        else
            left = true;
    }
    return left ? (struct xmpp_objection){ .text = NULL } : last;
}

/* It counts for the partner that it belongs to now. Without memory it goes on counting for the former name. */
static void count_anew(struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_owner(s);
    struct slice name = { 0 };

    if (!s->counted || !partner || slice_eq(partner->name, s->partner_name) || !xmpp_keep(&name, partner->name))
        return;
    if (!xmpp_tally_take(&s->x->partners, name, UINT32_MAX)) {
        xmpp_drop(&name);
        return;
    }
    xmpp_tally_give(&s->x->partners, s->partner_name);
    xmpp_drop(&s->partner_name);
    s->partner_name = name;
}

static struct xmpp_objection judge_inbound(struct xmpp_stream *s)
{
    bool any;
    struct xmpp_objection no = judge_pairs(s, &any);

    return any ? no : xmpp_object(s->x, s->local, s->remote, XMPP_METHOD_NONE);
}

/* ---- outbound ---- */

/* What a stream is proven by, or is about to be. */
static enum xmpp_method method_of(const struct xmpp_stream *s)
{
    if (s->method != XMPP_METHOD_NONE || (s->state != XMPP_STATE_DIALBACK && s->state != XMPP_STATE_VERIFYING))
        return s->method;
    return xmpp_stream_is_secure(s) ? XMPP_METHOD_DIALBACK_TLS : XMPP_METHOD_DIALBACK_TCP;
}

/* A set-up that has no connection yet judges its addresses by itself (connect.c). */
static bool leads_where_it_may(const struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = s->x->conf.ops->partner(s->x->conf.owner, s->remote);
    char why[XMPP_REACH_WHY];

    return !s->conn || !partner || partner->proxy.n || xmpp_reach_may(s->x, &s->peer, REACH_NAME, why);
}

/* Pairs that are no longer allowed leave a stream that carries others. What they wait for gets its fate elsewhere. */
static struct xmpp_objection judge_carried(struct xmpp_stream *s)
{
    struct xmpp_objection last = { .text = NULL };
    struct list *it = s->pairs.next;
    bool left = false;

    list_each (l, &s->pairs) {
        const struct xmpp_pair *p = container_of(l, struct xmpp_pair, on_stream);
        struct xmpp_objection no = xmpp_object_stream(s, p->local, p->remote, method_of(s));

        left = left || !no.text;
        if (no.text)
            last = no;
    }
    if (!left)
        return last;
    while (it != &s->pairs) {
        struct xmpp_pair *p = container_of(it, struct xmpp_pair, on_stream);
        struct xmpp_objection no = xmpp_object_stream(s, p->local, p->remote, method_of(s));

        it = it->next;
        if (!no.text)
            continue;
        list_unlink(&p->on_stream);
        xmpp_pair_ended(p, XMPP_FATE_REFUSED, no.text, false);
    }
    return (struct xmpp_objection){ .text = NULL };
}

static struct xmpp_objection judge_outbound(struct xmpp_stream *s)
{
    bool any;
    struct xmpp_objection no =
        list_empty(&s->pairs) ? xmpp_object_stream(s, s->local, s->remote, method_of(s)) : judge_carried(s);

    (void)judge_pairs(s, &any); /* of a stream for both directions; what is left of ours keeps it */
    if (!no.text && !leads_where_it_may(s))
        no = (struct xmpp_objection){ XMPP_STREAM_POLICY_VIOLATION,
                                      "the address of your server is not accepted any more" };
    if (no.error == XMPP_STREAM_HOST_GONE) /* that is for the receiving side to say (RFC 6120 4.9.3.7) */
        no.error = XMPP_STREAM_POLICY_VIOLATION;
    return no;
}

/* ---- all ---- */

/* Of one that is still being set up, the certificate may be about to prove it. */
static bool is_revoked(const struct xmpp_stream *s)
{
    SSL *ssl = s->conn ? conn_ssl(s->conn) : NULL;

    return ssl && (s->state != XMPP_STATE_READY || xmpp_stream_rests_on_certificate(s)) &&
           tls_is_revoked(s->x->conf.tls, ssl);
}

static void reconsider_stream(struct xmpp_stream *s, bool revocations)
{
    struct xmpp_objection no;

    if (s->state == XMPP_STATE_CLOSED)
        return;
    if (s->component) { /* whether it stays: component.c */
        xmpp_stream_pause(s, xmpp_tally_count(&s->x->paused, s->partner_name) > 0, s->window_paused);
        return;
    }
    if (revocations && s->state != XMPP_STATE_CLOSING && is_revoked(s)) {
        xmpp_stream_error(s, XMPP_STREAM_RESET, "your certificate has been revoked by its authority");
        return;
    }
    if (s->bidi && xmpp_stream_owner(s) && !xmpp_bidi_is_wanted(s)) {
        xmpp_stream_error(s, XMPP_STREAM_RESET, "one stream for both directions is not used with your domain any more");
        return;
    }
    no = s->inbound ? judge_inbound(s) : judge_outbound(s);
    if (no.text) {
        xmpp_stream_blame(s, XMPP_FAULT_OUR_SETTINGS);
        xmpp_stream_refuse(s, no.error, no.text);
        return;
    }
    count_anew(s);
    xmpp_bidi_leave_revoked(s);
    if (xmpp_stream_hears(s) && s->partner_name.n)
        xmpp_stream_pause(s, xmpp_tally_count(&s->x->paused, s->partner_name) > 0, s->window_paused);
}

static void reconsider_pair(struct hash_node *node, void *arg)
{
    struct xmpp_pair *p = container_of(node, struct xmpp_pair, node);
    bool waits = !p->stream && p->n > 0; /* few do; all others only cost a look, as this is done in one turn */

    xmpp_pair_reconsider(p, waits && xmpp_object(p->x, p->local, p->remote, XMPP_METHOD_NONE).text != NULL);
}

static bool has_ended(const struct xmpp_stream *s)
{
    return s->state == XMPP_STATE_CLOSING || s->state == XMPP_STATE_CLOSED;
}

/* Returns how much work that was. */
static unsigned look_at(struct xmpp_stream *s)
{
    bool had_ended = has_ended(s);

    s->look = s->x->look;
    reconsider_stream(s, s->x->revocations);
    return has_ended(s) && !had_ended ? WORK_OF_END : 1;
}

void xmpp_reconsider_streams(struct xmpp *x)
{
    unsigned work = 0;

    list_each_safe (it, tmp, &x->streams) {
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (s->look == x->look)
            continue;
        if (work >= WORK_MAX) {
            timer_start(&x->loop->timers, &x->look_on, LOOK_MS);
            return;
        }
        work += look_at(s);
    }
    x->revocations = false;
}

void xmpp_reconsider_on_time(struct timer *t)
{
    struct xmpp *x = container_of(t, struct xmpp, look_on);

    if (!x->stopping)
        xmpp_reconsider_streams(x);
}

bool xmpp_reconsider_may_read(struct xmpp_stream *s)
{
    if (s->look == s->x->look || s->component)
        return true;
    (void)look_at(s);
    return !has_ended(s);
}

/* Nobody may be told anything here: what is not allowed stays where it is until the stream's turn. */
bool xmpp_reconsider_may_write(const struct xmpp_pair *p)
{
    const struct xmpp_stream *s = p->stream;

    return s->look == s->x->look || s->component || !xmpp_object_stream(s, p->local, p->remote, method_of(s)).text;
}

void xmpp_reconsider_pairs(struct xmpp *x)
{
    hash_each(&x->pairs, reconsider_pair, NULL);
}
