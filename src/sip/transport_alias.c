/* Connections for what did not begin on them: requests over one that was accepted (RFC 5923), responses whose own is gone. */
#include "net/reach.h"
#include "sip/stack.h"

/* An accepted connection whose peer has said that it listens at this port, and shown a valid certificate. */
static bool stands_for(const struct sip_stream *s, const struct sip_target *target)
{
    return !s->opened && s->up && !s->closing && s->cert && s->alias == addr_port(&target->addr) &&
           s->target.transport == SIP_TLS && addr_same_ip(&s->target.addr, &target->addr);
}

struct sip_stream *sip_stream_adopt(struct sip *sip, const struct sip_target *target)
{
    struct sip_transports *t = &sip->transports;

    if (target->transport != SIP_TLS || target->apart)
        return NULL;
    list_each (l, &t->streams) {
        struct sip_stream *s = container_of(l, struct sip_stream, link);
        const char *why;

        if (!stands_for(s, target) || !sip_stream_is_meant(s, target, &why))
            continue;
        if (!hash_add(&t->by_target, &s->by_target, sip_target_hash(&t->by_target, target)))
            return NULL;
        s->target = *target;
        s->opened = true;
        return s;
    }
    return NULL;
}

/* Where the response may go instead. False: nowhere. */
static bool back_target(struct sip *sip, const struct sip_flow *flow, struct sip_target *out)
{
    char why[REACH_WHY];

    *out = (struct sip_target){ .transport = flow->transport, .addr = flow->peer, .apart = SIP_APART_BACK };
    addr_set_port(&out->addr, flow->back);
    return flow->back && !addr_is_unusable(&out->addr) && reach_port_may(flow->back, "SIP", why) &&
           !sip_listens_at(sip, &out->addr);
}

bool sip_stream_send_back(struct sip *sip, const struct sip_flow *flow, const char *p, size_t n)
{
    struct sip_target target;
    struct sip_stream *s;

    if (!back_target(sip, flow, &target))
        return false;
    s = sip_stream_find(sip, &target);
    if (!s)
        s = sip_stream_open(sip, &target);
    if (!s || s->closing)
        return false;
    if (s->up)
        return sip_stream_send(sip, s->id, p, n);
    if (n > s->back.max - s->back.n || !buf_reserve(&s->back, n))
        return false;
    buf_add(&s->back, p, n);
    return true;
}
