#include "xmpp/peer_limits.h"

static uint32_t number_in(const struct xml *limits, const char *name)
{
    const struct xml *el = xml_child(limits, NS_LIMITS, name);
    uint64_t n;

    /* Digits are one piece of text: an element with others inside has none that counts. */
    if (!el || !el->first || !el->first->is_text || !slice_u64(slice_trim(el->first->text), UINT32_MAX, &n))
        return 0;
    return (uint32_t)n;
}

struct xmpp_peer_limits xmpp_peer_limits_read(const struct xml *parent)
{
    const struct xml *limits = xml_child(parent, NS_LIMITS, "limits");
    struct xmpp_peer_limits out = { 0 };

    if (limits) {
        out.max_bytes = number_in(limits, "max-bytes");
        out.idle_s = number_in(limits, "idle-seconds");
    }
    return out;
}

/* A quarter of the time is for the way there. */
uint64_t xmpp_peer_limits_silence_ms(const struct xmpp_peer_limits *limits, unsigned keepalive_s)
{
    uint64_t ours = (uint64_t)keepalive_s * 1000, theirs = (uint64_t)limits->idle_s * 750;

    if (limits->idle_s && limits->idle_s < XMPP_PEER_IDLE_MIN_S)
        theirs = XMPP_PEER_IDLE_MIN_S * 750;
    return theirs && theirs < ours ? theirs : ours;
}
