/*
 * Client transactions (RFC 3261 17.1.2), without sockets: our requests, their retransmissions, and the one result of
 * each. Requests to the same target share a hop, so that a connection that comes up or breaks finds them.
 */
#ifndef STOX_SIP_CLIENT_H
#define STOX_SIP_CLIENT_H

#include "base/timers.h"
#include "sip/flow.h"
#include "sip/login.h"

#define SIP_UDP_REQUEST_MAX 1300 /* RFC 3261 18.1.1, RFC 3428 8 */
#define SIP_HOP_WAITING_MAX 1000 /* requests that wait for one connection */

struct sip_clients {
    struct timers *timers;
    const struct sip_wire *wire;
    struct sip_counters *counters;
    struct sip_logins *logins;
    struct slice host; /* our name in Via, IPv6 in brackets; borrowed */
    unsigned t1_ms, t2_ms, t4_ms;
    size_t max;

    struct hash by_branch; /* and method */
    struct list accepted;  /* INVITEs that wait for more 2xx, oldest first; beyond max the oldest goes */
    size_t n_accepted;
    struct list
        completed; /* answered requests that absorb repeated answers, oldest first: where all is full they make room */
    struct hash hops;    /* targets with unfinished transactions */
    struct hash marks;   /* holds nothing: its key marks our branches */
    struct hash secrets; /* holds nothing: its key makes them unguessable */
    uint64_t n_branches;
    struct buf scratch; /* a request in the making */
    struct buf lines;   /* header lines of one */
};

void sip_clients_init(struct sip_clients *t);

/* Transactions end without a word. */
void sip_clients_fini(struct sip_clients *t);

struct sip_client *sip_clients_send(struct sip_clients *t, const struct sip_target *target,
                                    const struct sip_send *request, sip_done *done, void *arg);
bool sip_clients_fits(struct sip_clients *t, const struct sip_target *target, const struct sip_send *r, size_t max);

/* The value of our Contact in a message to this target. */
void sip_put_contact(struct buf *b, const struct sip_clients *t, const struct sip_target *target,
                     const struct sip_contact *contact);

/* A response: false when it is nobody's (RFC 3261 18.1.2, 17.1.3). */
bool sip_clients_response(struct sip_clients *t, const struct sip_msg *m);

/*
 * An INVITE (RFC 3261 17.1.1, RFC 6026), invite_client.c. heard is called for every provisional answer above 100 and once for
 * the final one, or the lack of it; the first 2xx must be answered there by sip_invite_client_ack, or it counts as a
 * fork's. What comes later is settled here: repeated answers get their ACK again, other forks' 2xx an ACK and a BYE. Reliable provisional answers get their PRACK
 * before heard, once each.
 */
typedef void sip_heard(void *arg, const struct sip_result *result);
struct sip_client *sip_clients_invite(struct sip_clients *t, const struct sip_target *target,
                                      const struct sip_send *request, sip_heard *heard, void *arg);

/* heard is called no more; a 2xx that is not answered yet gets an ACK and a BYE. */
void sip_invite_client_forget(struct sip_client *c);

/* CANCEL, as soon as it may go; without a final answer 64*T1 later the INVITE has timed out (9.1). */
void sip_invite_client_cancel(struct sip_client *c);

/* It is not repeated any more, and what it may have led to is ended: CANCEL after a provisional answer, ACK and BYE after a 2xx. */
void sip_invite_client_abandon(struct sip_client *c);

/* Inside heard: the ACK to this 2xx. It is sent, and again whenever the 2xx comes again. */
void sip_invite_client_ack(struct sip_client *c, const struct sip_msg *m, const struct sip_send *ack);

/* The highest CSeq that was used with this INVITE: of PRACKs. */
uint32_t sip_invite_client_cseq(const struct sip_client *c);

/* Has a fork with this To tag been heard of? */
bool sip_invite_client_knows(const struct sip_client *c, struct slice to_tag);

/* From the transports: a connection to the target is up; there is none any more, or it refuses datagrams. */
void sip_clients_up(struct sip_clients *t, const struct sip_target *target, const struct sip_flow *flow);
void sip_clients_down(struct sip_clients *t, const struct sip_target *target);

/* The same of a connection (its flow's link) that was refused: of what was written to it nothing was read. */
void sip_clients_refused(struct sip_clients *t, const struct sip_target *target, uint64_t link);

/* True when a branch was made here. */
bool sip_clients_made_branch(const struct sip_clients *t, struct slice branch);

#endif
