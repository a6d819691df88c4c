/* How streams come into being: accepted, or opened for a pair or a verification; and the limits on their number. */
#include <stdlib.h>
#include <unistd.h>

#include "xmpp/component.h"
#include "xmpp/connect.h"
#include "xmpp/dialback.h"
#include "xmpp/ride.h"
#include "xmpp/stream_parts.h"

#define TX_INBOUND 65536

static void on_turn(struct deferred *d)
{
    struct xmpp_stream *s = container_of(d, struct xmpp_stream, turn);

    if (s->state == XMPP_STATE_CLOSED) {
        if (!s->conn)
            xmpp_stream_free(s);
        return;
    }
    if (s->going_on) {
        xmpp_stream_start_over(s);
        return;
    }
    if (s->close_asked) {
        s->close_asked = false;
        xmpp_stream_blame(s, XMPP_FAULT_OUR_SETTINGS);
        xmpp_stream_close(s, "an administrator closed it");
        return;
    }
    xmpp_stream_in_turn(s);
}

static struct xmpp_stream *stream_new(struct xmpp *x, bool inbound)
{
    struct xml_limits limits = {
        .element_max = XMPP_UNAUTHENTICATED_ELEMENT_MAX, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };
    struct xmpp_stream *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->x = x;
    s->inbound = inbound;
    s->serial = ++x->last_serial;
    s->look = x->look;
    s->state = inbound ? XMPP_STATE_HEADER : XMPP_STATE_CONNECTING;
    s->bytes_ms = s->stanza_ms = s->opened_ms = loop_now(x->loop);
    list_init(&s->proven);
    list_init(&s->pairs);
    list_push(&x->streams, &s->link);
    timer_init(&s->timer, xmpp_stream_on_timer);
    xmpp_handshake_init(&s->handshake, xmpp_stream_begin_tls);
    timer_init(&s->answer, xmpp_stream_sm_on_late);
    deferred_init(&s->turn, on_turn);
    s->reader = xml_reader_new(&xmpp_stream_reader_ops, s, &limits, 131072 + 8 * x->conf.stanza_max);
    if (!s->reader || !hash_add(&x->serials, &s->by_serial,
                                hash_bytes(&x->serials, slice_of((char *)&s->serial, sizeof(s->serial))))) {
        xmpp_stream_free(s);
        return NULL;
    }
    return s;
}

/* Before a byte is read: cheap refusals, without a word. */
static bool may_accept(struct xmpp *x, const struct addr *peer)
{
    char ip[ADDR_TEXT];
    unsigned held = 0;
    const char *why;

    if (x->n_unauthenticated >= 10 * (size_t)x->conf.limits.connection_limit)
        why = "too many unauthenticated connections in all";
    else if (!xmpp_tally_take(&x->ips, xmpp_source(peer, ip), x->conf.per_ip_unauthenticated))
        why = "too many unauthenticated connections from this address";
    else
        return true;
    x->counters.streams_refused++;
    if (log_allowed(&x->log_refused, loop_now(x->loop), 10, &held))
        log_info(x->loop->log, "stream-refused", LOG_Z("address", addr_ip_text(peer, ip)), LOG_Z("why", why),
                 LOG_U("held-back", held));
    return false;
}

void xmpp_stream_accept(struct xmpp *x, int fd, const struct addr *peer, bool direct)
{
    struct conn_conf conf = {
        .ops = &xmpp_stream_conn_ops, .tls = x->conf.tls, .rx_max = XMPP_RX_MAX, .tx_max = TX_INBOUND
    };
    struct xmpp_stream *s;

    if (!may_accept(x, peer)) {
        close(fd);
        return;
    }
    s = stream_new(x, true);
    if (!s) {
        char ip[ADDR_TEXT];

        xmpp_tally_give(&x->ips, xmpp_source(peer, ip));
        close(fd);
        return;
    }
    s->peer = *peer;
    s->counted_ip = true;
    x->n_unauthenticated++;
    conf.owner = s;
    s->conn = conn_accept(x->loop, &conf, fd, peer, NULL);
    if (!s->conn) {
        xmpp_stream_free(s);
        return;
    }
    xmpp_stream_start_timer(s, (uint64_t)x->conf.unauthenticated_s * 1000);
    if (direct)
        xmpp_stream_start_tls(s);
}

static void on_connected(void *owner, struct conn *c, struct dane *dane, bool direct)
{
    struct xmpp_stream *s = owner;

    s->dane = dane;
    s->dane_seen = dane != NULL;
    s->conn = c;
    s->peer = *conn_peer(c);
    xmpp_stream_blame(s, XMPP_FAULT_NONE);
    conn_set_owner(c, &xmpp_stream_conn_ops, s);
    conn_set_limits(c, XMPP_RX_MAX, 2 * s->x->conf.stanza_max + XMPP_TX_SPARE);
    s->needless = xmpp_ride_elsewhere(s);
    if (s->needless) {
        xmpp_stream_hang_up(s, NULL);
        xmpp_stream_end(s, XMPP_FATE_UNREACHABLE, "the partner's other stream leads there", false);
        return;
    }
    xmpp_stream_await(s);
    if (direct) {
        xmpp_stream_start_tls(s);
        return;
    }
    xmpp_stream_become(s, XMPP_STATE_HEADER);
    xmpp_stream_put_header(s);
}

static void on_connect_failed(void *owner, enum xmpp_fate fate, const char *why)
{
    struct xmpp_stream *s = owner;

    s->connect = NULL;
    xmpp_stream_fail(s, fate, "%s", why);
}

static const struct xmpp_connect_ops stream_connect_ops = { .connected = on_connected, .failed = on_connect_failed };

const char *xmpp_stream_count(struct xmpp_stream *s, const struct xmpp_partner *partner)
{
    struct xmpp *x = s->x;
    unsigned max = partner->connection_limit ? partner->connection_limit : x->conf.limits.partner_connection_limit;

    if (x->counters.streams >= x->conf.limits.connection_limit)
        return "all streams that the settings allow are in use (connection limit)";
    if (!xmpp_keep(&s->partner_name, partner->name))
        return "out of memory";
    if (!xmpp_tally_take(&x->partners, s->partner_name, max))
        return "all streams that the settings allow this partner are in use";
    x->counters.streams++;
    s->counted = true;
    return NULL;
}

struct xmpp_connect *xmpp_stream_connect(struct xmpp_stream *s)
{
    const struct xmpp_partner *partner = xmpp_stream_partner(s);
    struct xmpp_connect_to to = { .remote = s->remote };
    struct xmpp_redirect other;

    if (!partner)
        return NULL;
    to.proxy = partner->proxy;
    if (xmpp_redirects_take(&s->x->redirects, s->local, s->remote, loop_now(s->x->loop), &other))
        to.other = &other;
    return xmpp_connect_start(s->x, &to, &stream_connect_ops, s, s->trace);
}

/* What forbids it before anything is done; NULL: nothing. */
static const char *forbidden(const struct xmpp *x, const struct xmpp_stream_wish *wish,
                             const struct xmpp_partner *partner, enum xmpp_fate *fate)
{
    *fate = XMPP_FATE_REFUSED;
    if (x->stopping)
        return "this gateway is shutting down";
    if (!partner)
        return "the partner is not listed";
    if (!x->conf.ops->serves(x->conf.owner, wish->local))
        return "the domain is not one of ours any more";
    *fate = XMPP_FATE_UNREACHABLE;
    return NULL;
}

static void take_purpose(struct xmpp_stream *s, const struct xmpp_stream_wish *wish)
{
    uint64_t now = loop_now(s->x->loop);

    if (wish->pair) {
        list_push(&s->pairs, &wish->pair->on_stream);
        s->alone = wish->pair->alone;
        wish->pair->rides = false;
        wish->pair->proof = XMPP_PROOF_AWAITED;
    }
    s->no_sasl = wish->no_sasl;
    s->verify = wish->verify;
    s->verifying = wish->verify != NULL;
    s->establish_by_ms = wish->establish_by_ms > now ? wish->establish_by_ms : now + 1;
    xmpp_stream_start_timer(s, s->establish_by_ms - now);
    LOG_AT_(s->x->loop->log, s->verifying ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, "stream-connecting",
            LOG_S("local", s->local), LOG_S("remote", s->remote), LOG_Z("direction", "out"),
            LOG_Z("for", wish->pair     ? "stanzas"
                         : s->verifying ? "verification"
                                        : "test"));
}

struct xmpp_stream *xmpp_stream_open_wish(struct xmpp *x, const struct xmpp_stream_wish *wish, enum xmpp_fate *fate,
                                          const char **why)
{
    const struct xmpp_partner *partner = x->conf.ops->partner(x->conf.owner, wish->remote);
    struct xmpp_stream *s = NULL;

    *why = forbidden(x, wish, partner, fate);
    if (!*why) {
        s = stream_new(x, false);
        *why =
            !s || !xmpp_keep(&s->local, wish->local) || !xmpp_keep(&s->remote, wish->remote) ? "out of memory" : NULL;
    }
    if (!*why && wish->pair) /* a verification answers to its own limits: strangers can cause them; so do tests */
        *why = xmpp_stream_count(s, partner);
    if (!*why) {
        s->probe = wish->probe;
        s->trace = wish->probe ? wish->trace : wish->verify ? NULL : xmpp_trace_new();
        s->connect = xmpp_stream_connect(s);
        *why = s->connect ? NULL : "out of memory";
    }
    if (*why) {
        if (s)
            xmpp_stream_free(s);
        x->counters.streams_failed++;
        log_warning(x->loop->log, "stream-failed", LOG_S("local", wish->local), LOG_S("remote", wish->remote),
                    LOG_Z("direction", "out"), LOG_Z("why", *why));
        return NULL;
    }
    take_purpose(s, wish);
    return s;
}

struct xmpp_stream *xmpp_stream_open(struct xmpp *x, struct xmpp_pair *pair, struct xmpp_verify *verify,
                                     uint64_t establish_by_ms, enum xmpp_fate *fate, const char **why)
{
    const struct xmpp_stream_wish wish = { .local = pair ? pair->local : verify->local,
                                           .remote = pair ? pair->remote : verify->remote,
                                           .pair = pair,
                                           .verify = verify,
                                           .no_sasl = pair && pair->no_sasl,
                                           .establish_by_ms = establish_by_ms };

    return xmpp_stream_open_wish(x, &wish, fate, why);
}

struct xmpp_stream *xmpp_stream_attach(struct xmpp_component *c, const struct xmpp_partner *partner, const char **why)
{
    struct xmpp *x = c->x;
    struct conn_conf conf = { .ops = &xmpp_stream_conn_ops,
                              .rx_max = XMPP_RX_MAX,
                              .tx_max = 2 * x->conf.stanza_max + XMPP_TX_SPARE,
                              .connect_ms = (uint64_t)x->conf.connect_s * 1000 };
    struct xmpp_stream *s = stream_new(x, false);

    *why = !s || !xmpp_keep(&s->local, c->local) || !xmpp_keep(&s->remote, c->partner) ? "out of memory"
                                                                                       : xmpp_stream_count(s, partner);
    if (!*why) {
        conf.owner = s;
        s->peer = *partner->component;
        s->conn = conn_connect(x->loop, &conf, partner->component, NULL, NULL);
        *why = s->conn ? NULL : "no socket or memory";
    }
    if (*why) {
        if (s)
            xmpp_stream_free(s);
        return NULL;
    }
    s->component = c;
    xml_reader_alias(s->reader, NS_COMPONENT, NS_SERVER);
    xmpp_stream_start_timer(s, (uint64_t)x->conf.limits.establish_s * 1000);
    log_info(x->loop->log, "stream-connecting", LOG_S("local", c->local), LOG_S("remote", c->partner),
             LOG_Z("direction", "out"), LOG_Z("for", "component"));
    return s;
}
