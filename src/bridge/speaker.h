/*
 * Who may speak for our SIP domains: by the source's address, by the certificate it has shown, by the password that the
 * request has proven, or by two of them, as the domain's route says (STOX-ARCH-08, STOX-SEC-06, STOX-SEC-08, STOX-SEC-09).
 */
#ifndef STOX_BRIDGE_SPEAKER_H
#define STOX_BRIDGE_SPEAKER_H

#include "bridge/directory.h"
#include "sip/sip.h"

/* Is the source, whatever the request proves, one of the route's? Where a password alone counts every source is. domain: one
 * of the route's. */
bool speaker_is_source(const struct route *route, struct slice domain, const struct sip_peer *peer);

/* May it speak for this domain, which is one of the route's? */
bool speaker_may(const struct route *route, struct slice domain, const struct sip_peer *peer);

/* A route that knows the source, by its address or certificate, or NULL: nobody does. */
const struct route *speaker_route(const struct directory *d, const struct sip_peer *peer);

/*
 * By whose name requests of this way's first server come (sip_ops.source): several routes may lead to the same one. The route's own
 * where that is not known beforehand.
 */
struct slice speaker_of_hop(const struct directory *d, const struct route *route, const struct sip_target *target);

/* Has the route's next hop shown the certificate that we want to see there? domain: whose users are to be reached. */
bool speaker_is_next_hop(const struct route *route, struct slice domain, const struct sip_peer *peer);

#endif
