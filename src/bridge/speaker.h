/*
 * Who may speak for our SIP domains: by the source's address, by the certificate it has shown, or by both, as the domain's
 * route says (STOX-ARCH-08, STOX-SEC-06, STOX-SEC-08, STOX-SEC-09).
 */
#ifndef STOX_BRIDGE_SPEAKER_H
#define STOX_BRIDGE_SPEAKER_H

#include "bridge/directory.h"
#include "sip/sip.h"

/* May it speak for this domain, which is one of the route's? */
bool speaker_may(const struct route *route, struct slice domain, const struct sip_peer *peer);

/* A route for one of whose domains it may speak, or NULL: nobody knows it. */
const struct route *speaker_route(const struct directory *d, const struct sip_peer *peer);

/* Has the route's next hop shown the certificate that we want to see there? domain: whose users are to be reached. */
bool speaker_is_next_hop(const struct route *route, struct slice domain, const struct sip_peer *peer);

#endif
