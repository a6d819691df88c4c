#include "sip/transport.h"

#include "sip/stack.h"

void sip_transports_init(struct sip_transports *t)
{
    list_init(&t->udp);
    list_init(&t->listeners);
    list_init(&t->streams);
    hash_init(&t->by_link);
    hash_init(&t->by_target);
    t->last_link = 0;
    t->n_streams = 0;
}

void sip_transports_fini(struct sip *sip)
{
    struct sip_transports *t = &sip->transports;

    list_each_safe (l, tmp, &t->listeners)
        sip_listener_free(container_of(l, struct sip_listener, link));
    list_each_safe (l, tmp, &t->udp)
        sip_udp_free(container_of(l, struct sip_udp, link));
    list_each_safe (l, tmp, &t->streams)
        sip_stream_free(container_of(l, struct sip_stream, link));
    hash_free(&t->by_link);
    hash_free(&t->by_target);
}

static bool wire_send(void *owner, const struct sip_flow *flow, const char *p, size_t n)
{
    struct sip *sip = owner;
    char to[ADDR_TEXT];
    bool sent = false;
    unsigned held;

    switch (flow->transport) {
    case SIP_UDP:
        if (!addr_is_unusable(&flow->peer) && addr_port(&flow->peer))
            sent = sip_udp_send(sip, flow->link, &flow->peer, p, n);
        break;
    case SIP_TCP:
    case SIP_TLS: sent = sip_stream_send(sip, flow->link, p, n) || sip_stream_send_back(sip, flow, p, n); break;
    }
    if (!sent && log_allowed(&sip->log_lost, loop_now(sip->loop), 5, &held))
        log_info(sip->loop->log, "sip-not-sent", LOG_Z("to", addr_text(&flow->peer, to)),
                 LOG_Z("transport", sip_transport_name(flow->transport)),
                 LOG_Z("reason", flow->transport == SIP_UDP ? "address cannot be sent to, or too much waits"
                                                            : "the connection is gone"),
                 LOG_U("not-logged", held));
    return sent;
}

static enum sip_reach reach_udp(struct sip *sip, const struct sip_target *target, struct sip_flow *flow)
{
    struct sip_udp *u = sip_udp_for(sip, &target->addr);

    if (!u)
        return SIP_REACH_NONE;
    flow->link = u->id;
    return SIP_REACH_UP;
}

static enum sip_reach reach_stream(struct sip *sip, const struct sip_target *target, struct sip_flow *flow)
{
    struct sip_stream *s = sip_stream_find(sip, target);

    if (!s)
        s = sip_stream_adopt(sip, target);
    if (!s)
        s = sip_stream_open(sip, target);
    if (!s)
        return SIP_REACH_NONE;
    flow->link = s->id;
    return s->up ? SIP_REACH_UP : SIP_REACH_COMING;
}

static enum sip_reach wire_reach(void *owner, const struct sip_target *target, struct sip_flow *flow)
{
    if (addr_is_unusable(&target->addr) || !addr_port(&target->addr))
        return SIP_REACH_NONE;
    flow->transport = target->transport;
    flow->peer = target->addr;
    switch (target->transport) {
    case SIP_UDP: return reach_udp(owner, target, flow);
    case SIP_TCP:
    case SIP_TLS: return reach_stream(owner, target, flow);
    }
    return SIP_REACH_NONE;
}

static uint16_t wire_via_port(void *owner, const struct sip_target *target)
{
    struct sip *sip = owner;
    struct sip_transports *t = &sip->transports;

    if (target->transport == SIP_UDP) {
        struct sip_udp *u = sip_udp_for(sip, &target->addr);

        return u ? addr_port(udp_local(u->udp)) : 0;
    }
    list_each (l, &t->listeners) {
        const struct sip_listener *listener = container_of(l, struct sip_listener, link);

        if (listener->transport == target->transport)
            return addr_port(listener_local(listener->listener));
    }
    return 0;
}

const struct sip_wire sip_socket_wire = { .send = wire_send, .reach = wire_reach, .via_port = wire_via_port };

static bool is_listener(const struct addr *local, const struct addr *ip, uint16_t port)
{
    return (!ip || addr_same_ip(local, ip)) && (!port || addr_port(local) == port);
}

/* Is there a listener at this address (any, when NULL) and port (any, when 0)? */
static bool listens_at(const struct sip *sip, const struct addr *ip, uint16_t port)
{
    const struct sip_transports *t = &sip->transports;

    list_each (l, &t->udp) {
        if (is_listener(udp_local(container_of(l, struct sip_udp, link)->udp), ip, port))
            return true;
    }
    list_each (l, &t->listeners) {
        if (is_listener(listener_local(container_of(l, struct sip_listener, link)->listener), ip, port))
            return true;
    }
    return false;
}

bool sip_listens_at(void *owner, const struct addr *to)
{
    const struct sip *sip = owner;
    const struct sip_transports *t = &sip->transports;

    list_each (l, &t->udp)
        if (listener_takes(udp_local(container_of(l, struct sip_udp, link)->udp), to))
            return true;
    list_each (l, &t->listeners)
        if (listener_takes(listener_local(container_of(l, struct sip_listener, link)->listener), to))
            return true;
    return sip->conf.ops->listens && sip->conf.ops->listens(sip->conf.owner, to);
}

bool sip_is_our_sent_by(const struct sip *sip, struct slice host, uint16_t port)
{
    struct addr ip;

    if (!port)
        port = 5060;
    if (!listens_at(sip, NULL, port))
        return false;
    if (slice_ieq(host, sip->clients.host))
        return true;
    return addr_parse_ip(host, 0, &ip) && listens_at(sip, &ip, port);
}

bool sip_is_our_host(const struct sip *sip, struct slice host)
{
    struct addr ip;

    return slice_ieq(host, sip->clients.host) || (addr_parse_ip(host, 0, &ip) && listens_at(sip, &ip, 0));
}
