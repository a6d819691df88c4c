/*
 * Whom a request is for, and the servers that this comes to: what locating (find.h, locate.h) takes and gives.
 */
#ifndef STOX_SIP_DESTINATION_H
#define STOX_SIP_DESTINATION_H

#include "sip/sip.h"

#define SIP_MAY(transport) (1u << (transport)) /* in sip_destination.transports */
#define SIP_MAY_ANY (SIP_MAY(SIP_UDP) | SIP_MAY(SIP_TCP) | SIP_MAY(SIP_TLS))
#define SIP_HOPS_MAX 8
#define SIP_TARGETS_MAX 16

/* All borrowed. Names are A-labels, lower case, without trailing dot. */
struct sip_destination {
    struct slice route;           /* the owner's, for ops.meant */
    struct slice domain;          /* whose users: what RFC 3263 begins with when there are no hops */
    const struct addr_host *hops; /* fixed next hops, at most SIP_HOPS_MAX, the first one first */
    size_t n_hops;
    unsigned transports;             /* SIP_MAY(...): of several, UDP where neither a name nor its DNS says which */
    bool to_proxy;                   /* a Route header names the server: sip_send.to_proxy */
    struct slice tls_name;           /* what a server over TLS is asked for; empty: the hop's name, or the domain */
    const struct addr_net *networks; /* where DNS may lead besides public addresses (net/reach.h), for a domain */
    size_t n_networks;
};

/* One target of several. They are in the order to be tried, but for the draw among those of one tier (RFC 2782). */
struct sip_place {
    struct sip_target target;
    uint16_t tier;   /* 0, 1 ... */
    uint16_t weight; /* of its server */
    uint8_t server;  /* targets of one server stay together */
};

/* Shared by count, never changed. */
struct sip_targets {
    unsigned refs;
    bool drawn;          /* some tier has several servers */
    bool to_proxy;       /* of the destination */
    size_t n;            /* 1 to SIP_TARGETS_MAX */
    unsigned transports; /* of the destination */
    struct sip_place v[];
};

struct sip_targets *sip_targets_one(const struct sip_target *target, bool to_proxy); /* NULL: no memory */
struct sip_targets *sip_targets_keep(struct sip_targets *t);
void sip_targets_drop(struct sip_targets *t); /* NULL is fine */

#endif
