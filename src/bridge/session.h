/*
 * Conversations that SIP holds as INVITE sessions with MESSAGE requests inside, Lync's and Cisco's way (catalogue 5, those of
 * INVITE; lync-gateway 7.2). A route's setting im says whether its users are spoken to so.
 *
 * XMPP has no sessions. The first text of an XMPP user opens one and waits for its answer (a text is never in the INVITE, so that
 * an INVITE without answer has delivered nothing); an INVITE of a SIP user is accepted at once, since there is nobody to ask. Each
 * MESSAGE inside is answered when its own fate is known, as any other. Lync's way of putting the first text into the INVITE
 * (ms-text-format) is not spoken: its 200 would have to say that the text was delivered. Who is not told that it is, sends it
 * again as a MESSAGE, which is answered truly.
 *
 * A session belongs to two people and a thread, which is its Call-ID: SESSIONS_PER_PAIR at most, then the one used last serves.
 * It ends by BYE of either side, by gone of the XMPP user, after session-idle of silence, by an error that says it is no more,
 * or when the settings forbid it. Until an XMPP client has written in it, texts go to its user's bare address, then to that client.
 */
#ifndef STOX_BRIDGE_SESSION_H
#define STOX_BRIDGE_SESSION_H

#include "base/hash.h"
#include "base/log.h"
#include "sip/dialog.h"
#include "xmpp/federation.h"
#include "xmpp/tally.h"

struct bridge;
struct flight;
struct lane;
struct route;
struct im_session;

#define SESSIONS_PER_PAIR 4
#define SESSION_QUEUE_MAX 20  /* texts that wait for the answer to an INVITE (STOX-SES-44) */
#define SESSION_RING_MS 32000 /* an INVITE that is not answered by then is taken back */
#define SESSION_END_BATCH 50  /* sessions ended in a millisecond, when settings end many */

struct sessions {
    struct hash by_pair;
    struct xmpp_tally counts; /* by route, partner and user of either side */
    uint64_t opened_by_sip, opened_by_xmpp, refused, failed;
    struct log_limit lines;
    size_t ending; /* by the settings of now, so far */
};

void sessions_init(struct sessions *s);
void sessions_fini(struct bridge *b); /* sessions end without a word */

/* What the stack calls. */
extern const struct sip_dialog_ops im_session_ops;

/*
 * Settings have changed: those that they forbid end soon, and carry nothing until then; others learn of another next hop. Goes on
 * from *at, 0 at first, through about n of them; false: that was the end. What passes in one before its turn has it judged at once.
 */
bool sessions_reconsider(struct bridge *b, uint64_t *at, size_t n);

/* The orderly end: up to n sessions end with BYE. True: none is left. */
bool sessions_stop(struct bridge *b, size_t n);

/* How a text of XMPP sets out. */
enum im_session_send {
    SESSION_FLIES, /* in a session: done will be called with lane; *client is its transaction */
    SESSION_WAITS, /* for the answer to our INVITE, or the ACK to ours: lane_session_up or lane_session_failed follows */
    SESSION_NOT,   /* no session with this user (im = auto): by a MESSAGE of its own */
    SESSION_TOO_LONG, /* for UDP */
    SESSION_FULL,     /* too many conversations */
    SESSION_BUSY,     /* no memory, or too many requests */
};
enum im_session_send im_session_send(struct lane *lane, struct flight *f, const struct route *route,
                                     struct sip_targets *targets, sip_done *done, struct sip_client **client);

/* The result of what flew in it; the lane is out of it. True: it was never written, and would go to another server of the route. */
bool im_session_result(struct im_session *s, const struct sip_result *result);

/* The lane is out of it, whatever comes. */
void im_session_leave(struct im_session *s);

/* A stanza of the XMPP user says gone: the session in that thread ends, without a thread all of these two (STOX-SES-40). */
void im_session_gone(struct bridge *b, const struct xmpp_stanza *stanza);

/*
 * A client of the XMPP user has gone offline, or (from a bare address) all of them: sessions that were its own are nobody's, and end
 * if the route's session-end-offline says so (STOX-SES-41).
 */
void im_session_offline(struct bridge *b, const struct jid *from, const struct jid *to);

/* The text with this stanza id goes to XMPP. True: if it comes back, its sender can be told (im_session_bounced). */
bool im_session_remember(struct im_session *s, struct slice id);

/* A text that was answered 200 has come back: told to Lync by ms-imdn (STOX-IM-25). True: it was told. */
bool im_session_bounced(struct bridge *b, const struct xmpp_stanza *error);

#endif
