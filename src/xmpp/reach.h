/*
 * Where a name may lead us (net/reach.h), as XMPP asks it: partners choose their SRV targets and addresses, and a stranger's
 * dialback makes us look them up. The networks are limits.partner_networks.
 */
#ifndef STOX_XMPP_REACH_H
#define STOX_XMPP_REACH_H

#include "net/reach.h"
#include "xmpp/xmpp.h"

#define XMPP_REACH_WHY REACH_WHY

/* See reach_may. REACH_FIXED: the partner's proxy, which an administrator has set; REACH_LOCAL: an XEP-0114 component. */
bool xmpp_reach_may(const struct xmpp *x, const struct addr *to, enum reach_by by, char why[XMPP_REACH_WHY]);

/* Would a connection to it arrive where we listen ourselves? */
bool xmpp_reach_is_ours(const struct xmpp *x, const struct addr *to);

/* May an SRV record send us to this port? False: why says what it is, to follow "NAME is on". */
bool xmpp_reach_port_may(uint16_t port, char why[XMPP_REACH_WHY]);

#endif
