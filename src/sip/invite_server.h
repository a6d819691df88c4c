/*
 * The INVITE server transaction: RFC 3261 17.2.1 with the Accepted state of RFC 6026 7.1, reliable provisional answers (RFC
 * 3262 3), and the repetition of 2xx until the ACK, which the standard gives to the UAS core (13.3.1.4) and which here
 * has the same life. Without sockets, as server.h.
 */
#ifndef STOX_SIP_INVITE_SERVER_H
#define STOX_SIP_INVITE_SERVER_H

#include "sip/server.h"

struct sip_invites {
    struct sip_servers *servers; /* wire, timers, counters, identities */
    unsigned t1_ms, t2_ms, t4_ms;
    size_t max;
    struct hash by_call;   /* From tag, Call-ID, CSeq */
    struct hash by_branch; /* branch and sent-by */
    struct list done;      /* answered finally, oldest first; beyond max the oldest goes */
    size_t n_done;
    struct buf scratch; /* a response in the making */
};

struct sip_invite_server;
struct sip_dialog;

/* What a message came with. */
struct sip_incoming {
    const struct sip_msg *m;
    const struct sip_server_id *id;
    const struct sip_source *source;
    const struct sip_peer *peer; /* the source, and what the request has proven */
    struct slice route;          /* of the source */
};

/* False: no memory. sip_invites_fini is due all the same. */
bool sip_invites_init(struct sip_invites *t);
void sip_invites_fini(struct sip_invites *t);

/* What an answer repeats of an INVITE is kept for 64*T1: larger heads are refused (513), real ones have half of this at most. */
#define SIP_INVITE_HEAD_MAX 8192
bool sip_invite_too_big(const struct sip_msg *m);

/* Are as many INVITEs waiting for our final answer as may? */
bool sip_invites_full(const struct sip_invites *t);

/* A transaction that belongs to d; nothing is sent yet. NULL: no memory. The caller has asked sip_invites_full. */
struct sip_invite_server *sip_invite_server_new(struct sip_invites *t, const struct sip_incoming *in,
                                                struct sip_dialog *d);

/* True: a retransmission, and what is to be sent for it was sent, to where it came from. */
bool sip_invites_repeat(struct sip_invites *t, const struct sip_incoming *in);

/* Is the same INVITE known by another path (482)? */
bool sip_invites_merged(const struct sip_invites *t, const struct sip_server_id *id);

/* As sip_servers_reused. id: of an INVITE, or of a CANCEL as if it were one. */
bool sip_invites_reused(const struct sip_invites *t, const struct sip_server_id *id);

/* True: the ACK belongs, by its branch, to a failure of ours, and is settled. */
bool sip_invites_ack(struct sip_invites *t, const struct sip_msg *ack);

/* The INVITE that a CANCEL means (RFC 3261 9.2), by its branch and by the rest (9.1), or NULL; *id is its identity, so that both answers have one To tag. */
struct sip_invite_server *sip_invites_cancelled(struct sip_invites *t, const struct sip_msg *cancel,
                                                struct sip_server_id *id);

/* Whose INVITE it is; NULL: it was answered finally, and its 2xx, if that is what it was, acknowledged. */
struct sip_dialog *sip_invite_server_dialog(const struct sip_invite_server *s);

/* 100, if nothing was answered yet. */
void sip_invite_server_trying(struct sip_invite_server *s);

/* 101 to 199. A reliable one has RSeq, and is repeated until sip_invite_server_prack or sip_dialog_no_prack. */
bool sip_invite_server_ring(struct sip_invite_server *s, unsigned status, struct slice headers, bool reliable);

/* True: the PRACK is for the reliable answer that waits for it. */
bool sip_invite_server_prack(struct sip_invite_server *s, uint32_t rseq, uint32_t cseq);

struct sip_final {
    unsigned status;
    const char *reason; /* NULL: the standard phrase */
    struct slice headers, body;
};

/*
 * The final answer. A failure is repeated until its ACK and belongs to nobody any more. A 2xx is repeated until
 * sip_invite_server_acked or sip_dialog_no_ack. False, only for a 2xx: no memory, nothing was sent.
 */
bool sip_invite_server_final(struct sip_invite_server *s, const struct sip_final *final);

/* The 2xx was acknowledged, or its session is gone: it is not sent any more. */
void sip_invite_server_acked(struct sip_invite_server *s);

#endif
