/*
 * Client transactions (RFC 3261 17.1.2), without sockets: our requests, their retransmissions, and the one result of
 * each. Requests to the same target share a hop, so that a connection that comes up or breaks finds them.
 */
#ifndef STOX_SIP_CLIENT_H
#define STOX_SIP_CLIENT_H

#include "base/timers.h"
#include "sip/flow.h"

#define SIP_UDP_REQUEST_MAX 1300 /* RFC 3261 18.1.1, RFC 3428 8 */
#define SIP_HOP_WAITING_MAX 1000 /* requests that wait for one connection */

struct sip_clients {
    struct timers *timers;
    const struct sip_wire *wire;
    struct sip_counters *counters;
    struct slice host; /* our name in Via, IPv6 in brackets; borrowed */
    unsigned t1_ms, t2_ms, t4_ms;
    size_t max;

    struct hash by_branch;
    struct hash hops;    /* targets with unfinished transactions */
    struct hash marks;   /* holds nothing: its key marks our branches */
    struct hash secrets; /* holds nothing: its key makes them unguessable */
    uint64_t n_branches;
    struct buf scratch;
};

void sip_clients_init(struct sip_clients *t);

/* Transactions end without a word. */
void sip_clients_fini(struct sip_clients *t);

struct sip_client *sip_clients_send(struct sip_clients *t, const struct sip_target *target,
                                    const struct sip_send *request, sip_done *done, void *arg);
bool sip_clients_fits(struct sip_clients *t, const struct sip_target *target, const struct sip_send *r, size_t max);

/* A response: false when it is nobody's (RFC 3261 18.1.2, 17.1.3). */
bool sip_clients_response(struct sip_clients *t, const struct sip_msg *m);

/* From the transports: a connection to the target is up; there is none any more, or it refuses datagrams. */
void sip_clients_up(struct sip_clients *t, const struct sip_target *target, const struct sip_flow *flow);
void sip_clients_down(struct sip_clients *t, const struct sip_target *target);

/* True when a branch was made here. */
bool sip_clients_made_branch(const struct sip_clients *t, struct slice branch);

#endif
