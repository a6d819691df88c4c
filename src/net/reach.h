/*
 * Where a name may lead us. Whoever can write into a DNS chooses records and addresses, and strangers can make us look names
 * up. None of them may have us connect to what only we can reach.
 */
#ifndef STOX_NET_REACH_H
#define STOX_NET_REACH_H

#include "net/addr.h"

/* By whose word an address is tried. */
enum reach_by {
    REACH_NAME,  /* DNS: a public address, or one of nets */
    REACH_FIXED, /* an administrator has set it, or the name that leads there: any that a host can have */
    REACH_LOCAL, /* where nothing is encrypted and nobody proves himself: loopback, or nets */
};

struct reach {
    const struct addr_net *nets;
    size_t n_nets;
    const char *setting; /* where an administrator lists them */
    /* Would a connection to it arrive where this program itself listens? */
    bool (*listens)(void *owner, const struct addr *to);
    void *owner;
};

#define REACH_WHY 256

/*
 * May it be connected to? Never where we listen ourselves, and nowhere that is no host. False: why says what it is, to
 * follow "NAME is at". Judges the address itself; who looks a name up again has to ask again.
 */
bool reach_may(const struct reach *r, const struct addr *to, enum reach_by by, char why[REACH_WHY]);

/* May an SRV record of this protocol ("XMPP", "SIP") send us to this port? False: why says what it is, to follow "NAME is on". */
bool reach_port_may(uint16_t port, const char *mine, char why[REACH_WHY]);

#endif
