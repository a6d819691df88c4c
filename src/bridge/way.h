/*
 * The way to a SIP domain, as its route's settings say: what sip/locate.h finds servers for, and whom TLS has to show there
 * (STOX-SEC-04).
 */
#ifndef STOX_BRIDGE_WAY_H
#define STOX_BRIDGE_WAY_H

#include "bridge/directory.h"
#include "sip/destination.h"

#define WAY_MEM 2048
#define WAY_ARENA_MAX (64 * 1024)

/* Borrowed from route, domain and the arena. False: a name that DNS cannot have, or no memory. */
bool way_to(struct arena *arena, const struct route *route, struct slice domain, struct sip_destination *out);

/* Its first hop, if that is an address: nothing has to be looked up. False: it is a name, or there is no hop. */
bool way_first(const struct sip_destination *to, struct sip_target *out);

/* The same for a route by itself: to the first domain that has it. False: none has. */
bool way_of_route(struct arena *arena, const struct directory *d, const struct route *route,
                  struct sip_destination *out);

/* May a request that is sent elsewhere (3xx) go to this URI by this route? To users of its SIP domains, and to its next hops. */
bool way_leads(const struct directory *d, const struct route *route, const struct sip_uri *uri);

/*
 * A target has shown this certificate: is it the one that we want to see there? It must name one of tls-names; without these the
 * next hop as the settings name it, or the SIP domain. False: *why says why not.
 */
bool way_is_meant(const struct route *route, const struct sip_target *target, const struct sip_peer *peer,
                  const char **why);

#endif
