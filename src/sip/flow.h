/*
 * What the transaction layers know of the transports: a flow is a way to one peer, and a wire carries bytes over flows.
 * The tests put a wire of their own in place of sockets.
 */
#ifndef STOX_SIP_FLOW_H
#define STOX_SIP_FLOW_H

#include "base/hash.h"
#include "sip/sip.h"

/* A way to one peer. It may be gone when it is used: the link then leads nowhere, and nothing is sent. */
struct sip_flow {
    enum sip_transport transport;
    struct addr peer; /* where to */
    uint16_t back;    /* of a response: the peer's port for a connection of our own, should its own be gone; 0: none */
    uint64_t link;    /* which socket or connection of ours; numbers are never used again */
};

/* Where a message came from. */
struct sip_source {
    struct addr addr; /* source address of the packet or connection */
    enum sip_transport transport;
    uint64_t link;
    const struct tls_name *names; /* of the connection's certificate; borrowed for the call */
    size_t n_names;
};

enum sip_reach {
    SIP_REACH_UP,     /* can be written to */
    SIP_REACH_COMING, /* connecting: sip_clients_up or sip_clients_down follows, from the loop */
    SIP_REACH_NONE,   /* there is no way now */
};

struct sip_wire {
    void *owner;
    /* Copies the bytes out. False: nothing was sent. Never to multicast, broadcast or unspecified addresses. */
    bool (*send)(void *owner, const struct sip_flow *flow, const char *p, size_t n);
    /* Looks for a flow to a target, opens a connection if need be. *flow is set unless SIP_REACH_NONE. */
    enum sip_reach (*reach)(void *owner, const struct sip_target *target, struct sip_flow *flow);
    /* The port of our listener that a Via towards this target names; 0: none. */
    uint16_t (*via_port)(void *owner, const struct sip_target *target);
};

uint64_t sip_target_hash(const struct hash *h, const struct sip_target *target);
bool sip_target_eq(const struct sip_target *a, const struct sip_target *b);

#endif
