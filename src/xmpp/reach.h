/*
 * Where a name may lead us. Partners choose their SRV targets and addresses, and so does whoever can write into their DNS;
 * a stranger's dialback makes us look them up. None of them may have us connect to what only we can reach.
 */
#ifndef STOX_XMPP_REACH_H
#define STOX_XMPP_REACH_H

#include "xmpp/xmpp.h"

/* By whose word an address is tried. */
enum xmpp_reach {
    XMPP_REACH_NAME,  /* DNS: a public address, or one of limits.partner_networks */
    XMPP_REACH_FIXED, /* the partner's proxy, which an administrator has set: any that a host can have */
    XMPP_REACH_LOCAL, /* where nothing is encrypted and nobody proves himself: loopback, or limits.partner_networks */
};

#define XMPP_REACH_WHY 256

/*
 * May it be connected to? Never where we listen ourselves, and nowhere that is no host. False: why says what it is, to
 * follow "NAME is at". Judges the address itself; who looks a name up again has to ask again.
 */
bool xmpp_reach_may(const struct xmpp *x, const struct addr *to, enum xmpp_reach how, char why[XMPP_REACH_WHY]);

/* Would a connection to it arrive where we listen ourselves? */
bool xmpp_reach_is_ours(const struct xmpp *x, const struct addr *to);

/* May an SRV record send us to this port? False: why says what it is, to follow "NAME is on". */
bool xmpp_reach_port_may(uint16_t port, char why[XMPP_REACH_WHY]);

#endif
