/* What a partner's server says that it takes (XEP-0478; STOX-S2S-87). A hint: what it enforces, it enforces. */
#ifndef STOX_XMPP_PEER_LIMITS_H
#define STOX_XMPP_PEER_LIMITS_H

#include <stdint.h>

#include "xmpp/xml.h"

#define NS_LIMITS "urn:xmpp:stream-limits:0"
#define XMPP_PEER_IDLE_MIN_S 15 /* a partner that calls a stream idle sooner does not make us speak all the time */

struct xmpp_peer_limits {
    uint32_t max_bytes; /* of one element; 0: not said */
    uint32_t idle_s;    /* without a byte of ours; 0: not said */
};

/* Of what holds <limits/>: the features, or a server's <bidi/>. What cannot be read was not said. */
struct xmpp_peer_limits xmpp_peer_limits_read(const struct xml *parent);

/* How long we may be silent, milliseconds: the setting, or as much less as the partner wants. */
uint64_t xmpp_peer_limits_silence_ms(const struct xmpp_peer_limits *limits, unsigned keepalive_s);

#endif
