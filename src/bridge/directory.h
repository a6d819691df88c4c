/*
 * Who is who: the read copy of the configuration that messages are judged by. Built once from a configuration, which must
 * outlive it; domains and addresses are found by hash, so that ten thousand partners cost what one costs.
 */
#ifndef STOX_BRIDGE_DIRECTORY_H
#define STOX_BRIDGE_DIRECTORY_H

#include "store/config.h"
#include "xmpp/xmpp.h"

struct directory;

/* NULL on memory. */
struct directory *directory_new(const struct config *config);
void directory_free(struct directory *d);

/* The SIP domain of ours with this name (U-labels or A-labels, lower case), or NULL. */
const struct sip_domain *directory_sip_domain(const struct directory *d, struct slice domain);

/* The partner that owns this domain, as xmpp wants to know it, or NULL: not listed. */
const struct xmpp_partner *directory_partner(const struct directory *d, struct slice domain);

/* Any route that lets this address speak, or NULL. */
const struct route *directory_route_from(const struct directory *d, const struct addr *from);

/* May this address speak for this route's domains? */
bool route_lets_speak(const struct route *route, const struct addr *from);

#endif
