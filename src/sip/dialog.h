/*
 * INVITE sessions as the stack's owner sees them: from the INVITE to the end, as caller or callee, with the requests inside.
 * RFC 3261 12-15, 17; RFC 6026; RFC 3262 (100rel); RFC 3311 (UPDATE); RFC 4028 (session timers).
 *
 * The stack settles itself: 100 at once; retransmissions; ACK, one for each repeated 2xx; 2xx until the ACK; CANCEL both ways;
 * PRACK both ways; forks (every 2xx gets its ACK, all but the first a BYE, STOX-SES-46); Record-Route, loose and strict
 * routers, tags, CSeq order (500), target refresh; 481, 491 and the retry after one; 422 and the retry after one; session
 * refresh and the BYE when none comes; UPDATE, re-INVITE (with the SDP that ops.describe gives), OPTIONS, BYE, PRACK; 405 and
 * 501 for what it does not know.
 *
 * Ownership: a sip_dialog belongs to the stack. The owner may use it from ops.invite or sip_invite on, until ops.ended has
 * been called or until it calls sip_dialog_refuse or sip_dialog_end, whichever comes first. Ops come from the loop, never
 * from inside a call that the owner is making. Every session ends in exactly one of these ways; sip_free calls nobody.
 */
#ifndef STOX_SIP_DIALOG_H
#define STOX_SIP_DIALOG_H

#include "sip/content.h"
#include "sip/destination.h"
#include "sip/sip.h"

struct sip_dialog;

enum sip_end_why {
    SIP_END_REFUSED,     /* our INVITE got a final failure: status and msg */
    SIP_END_TIMED_OUT,   /* our INVITE got no final answer: it may have arrived. Also 64*T1 after our CANCEL */
    SIP_END_UNREACHABLE, /* our INVITE was never written, or the target refuses datagrams */
    SIP_END_CANCELLED,   /* the peer took its INVITE back, by CANCEL, an early BYE or its Expires: 487 was answered */
    SIP_END_BYE,         /* the peer's BYE, which is msg; 200 was answered */
    SIP_END_NO_ACK,      /* our 2xx was not acknowledged within 64*T1; BYE was sent */
    SIP_END_NO_PRACK,    /* our reliable 1xx was not acknowledged within 64*T1; 504 was answered */
    SIP_END_EXPIRED,     /* the session timer: no refresh came, or ours was refused; BYE was sent */
    SIP_END_LOST,        /* a request of ours in it got 481, or 408 or nothing in time (BYE was sent) */
    SIP_END_BROKEN,      /* a 2xx no dialog can be made of, or no memory for it; BYE was sent where it could be */
};
const char *sip_end_name(enum sip_end_why why); /* "no-ack": for logs */

struct sip_end {
    enum sip_end_why why;
    unsigned status;           /* 0: none */
    const struct sip_msg *msg; /* borrowed until return; or NULL */
};

/*
 * Named by sip_ops.dialogs; without it INVITE gets 405. owner is that of sip_conf. All but progress and moved must be set.
 */
struct sip_dialog_ops {
    /*
     * Callee: an INVITE outside of dialogs with a good form, from a known source, to a served host. The owner answers,
     * now or later, by sip_dialog_accept or sip_dialog_refuse, unless ended comes first (CANCEL). request->txn is NULL.
     */
    void (*invite)(void *owner, struct sip_dialog *d, const struct sip_request *request);
    /* Callee: the ACK to our first 2xx came. ack (borrowed until return) holds the answer where our 2xx held the offer. */
    void (*confirmed)(void *owner, struct sip_dialog *d, const struct sip_msg *ack);
    /* Caller: a provisional answer above 100; msg is borrowed until return. May come often, and from several forks. */
    void (*progress)(void *owner, struct sip_dialog *d, const struct sip_msg *msg);
    /* Caller: the first 2xx, with its SDP; borrowed until return. Its ACK has gone, requests may follow at once. */
    void (*answered)(void *owner, struct sip_dialog *d, const struct sip_msg *msg);
    /*
     * A MESSAGE or INFO in the dialog, in order of its CSeq. Must be answered once, now or later, by sip_respond, also when
     * the session has ended meanwhile. May come before confirmed.
     */
    void (*request)(void *owner, struct sip_dialog *d, const struct sip_request *request);
    /*
     * Our session description as it stands, unchanged (RFC 3264 8, STOX-SES-42). msg: the peer's re-INVITE or UPDATE with an
     * offer to answer, or a re-INVITE without one, for which we offer; NULL: our own re-INVITE. Sets *out, borrowed until
     * the stack's owner is called again, and returns 200; or returns what the request is refused with (488): the
     * session goes on as it was. Must not end the session.
     */
    unsigned (*describe)(void *owner, struct sip_dialog *d, const struct sip_msg *msg, struct sip_content *out);
    /* sip_dialog_next_uri has changed: time to call sip_dialog_set_target, if it is to be followed. May be NULL. */
    void (*moved)(void *owner, struct sip_dialog *d);
    /* The last call about d. */
    void (*ended)(void *owner, struct sip_dialog *d, const struct sip_end *end);
};

/* An INVITE to send. Via, tags, CSeq, Contact, Max-Forwards, Allow, Supported (timer, 100rel) and Session-Expires are the
 * stack's; another Supported line may stand in headers. Everything is copied. */
struct sip_invite {
    struct slice uri;      /* Request-URI */
    struct slice from, to; /* whole header values without tags */
    struct slice call_id;  /* unique to this INVITE */
    struct slice user;     /* user part of our Contact, escaped; empty: none */
    struct slice params;   /* further URI parameters of our Contact, escaped, each with its ';': ";gr=x" */
    struct slice route;    /* charged with the session; only its sources may speak in it. Empty: nobody, any */
    unsigned max_forwards; /* 70 */
    unsigned expires_s;    /* how long we wait for a final answer (13.2.1); 0: it does not say */
    struct slice headers;  /* further lines, each with CRLF, already safe: Content-Type ... */
    struct slice body;     /* the offer: never empty */
};

/*
 * Starts a session: progress, then answered or ended follow. One server after the other is tried (dial.h says when), and whoever
 * asks for credentials gets them. There is no limit for how long it may ring: the owner cancels. targets are kept by count. data:
 * as by sip_dialog_set_data. NULL: no memory, dialogs_max or the route's share is reached, all targets ask to be left alone, or
 * the INVITE is too large for them (sip_invite_fits); ops will not be called.
 */
struct sip_dialog *sip_invite(struct sip *sip, struct sip_targets *targets, const struct sip_invite *invite,
                              void *data);

/* Is there a target that it may go to: over UDP with 1300 bytes at most, else over TCP where the destination allows that? */
bool sip_invite_fits(struct sip *sip, const struct sip_targets *targets, const struct sip_invite *invite);

/*
 * Takes our INVITE back: CANCEL goes as soon as the peer has shown that it knows the INVITE (RFC 3261 9.1). The outcome is
 * told all the same: ended, usually with 487; or answered, when a 2xx was under way: sip_dialog_end is due then, or not.
 * Harmless when it is too late.
 */
void sip_dialog_cancel(struct sip_dialog *d);

/* A provisional answer, 101 to 199, to the INVITE; reliable where the peer requires that, then one after the other: false
 * when the one before still waits for its PRACK, and nothing was sent. No body. */
bool sip_dialog_ring(struct sip_dialog *d, unsigned status, struct slice headers);

struct sip_accept {
    const struct sip_target *target; /* where our requests in this dialog go */
    struct slice user, params;       /* our Contact, as in struct sip_invite; user empty: that of the Request-URI */
    struct sip_content content;      /* the answer; to an INVITE without offer, the offer */
    struct slice headers;            /* further lines, each with CRLF, already safe */
};

/*
 * 200 to the INVITE. Requests may be sent at once; a BYE waits for the ACK. False: no memory, or what the peer wants us to
 * keep is too much; 500 or 513 was answered, d is gone, ended will not be called.
 */
bool sip_dialog_accept(struct sip_dialog *d, const struct sip_accept *accept);

/* Refuses the INVITE with 300 to 699; d is gone. reason NULL: the standard phrase. headers as in sip_respond. */
void sip_dialog_refuse(struct sip_dialog *d, unsigned status, const char *reason, struct slice headers);

/*
 * A request in the dialog, after answered or sip_dialog_accept: MESSAGE, INFO ... with one result, as sip_send. After a 481,
 * a 408 or SIP_TIMED_OUT, ended follows done (RFC 3261 12.2.1.2); not after SIP_UNREACHABLE: another target may do better.
 * done is called even when the session ends or is ended meanwhile; sip_client_forget spares it. NULL: no memory, too
 * many, or too large for UDP (sip_dialog_fits).
 */
struct sip_client *sip_dialog_send(struct sip_dialog *d, enum sip_method method, const struct sip_content *content,
                                   sip_done *done, void *arg);
bool sip_dialog_fits(struct sip_dialog *d, enum sip_method method, const struct sip_content *content);

/*
 * Ends the session, whatever its state: CANCEL, 480 or BYE go when they may, the stack does the rest by itself. headers: more
 * lines of a BYE that goes at once (Reason for example); usually empty. d is gone.
 */
void sip_dialog_end(struct sip_dialog *d, struct slice headers);

/* The owner's own state; the stack never looks at it. */
void sip_dialog_set_data(struct sip_dialog *d, void *data);
void *sip_dialog_data(const struct sip_dialog *d);

/* Borrowed while d is there and has not moved. The remote target is the peer's Contact URI: empty before there is one. */
struct slice sip_dialog_call_id(const struct sip_dialog *d);
struct slice sip_dialog_remote_target(const struct sip_dialog *d);

/* The URI that decides where our next request goes: the first route, or the remote target (RFC 3261 12.2.1.1, 8.1.2). */
struct slice sip_dialog_next_uri(const struct sip_dialog *d);

/* Our requests go there from now on. False: no memory, nothing was changed. */
bool sip_dialog_set_target(struct sip_dialog *d, const struct sip_target *target);

/* The same to the best of these that is not where they go now: for when that cannot be reached. False: there is none. */
bool sip_dialog_move(struct sip_dialog *d, const struct sip_targets *targets);

#endif
