/* The inside of sessions. session.c: the object; session_in.c: what SIP begins; session_out.c: what XMPP begins; session_hold.c: what has
 * to wait for DNS; session_status.c: what passes besides texts; session_review.c: settings, the end of all. */
#ifndef STOX_BRIDGE_SESSION_PARTS_H
#define STOX_BRIDGE_SESSION_PARTS_H

#include "bridge/lane.h"
#include "bridge/session.h"
#include "map/sdp.h"

#define SESSION_RECENT 4 /* texts whose bounce can still be told */

enum im_session_state {
    SESSION_CALLING, /* our INVITE has no answer */
    SESSION_HELD,    /* theirs has none: the way back is being looked up */
    SESSION_UP,
    SESSION_LOST,   /* the other side knows it no more: the stack is about to say so */
    SESSION_ENDING, /* its timer ends it; it carries nothing any more */
};

/* Texts of a session, in one block. */
enum im_session_name {
    SESSION_REMOTE_USER, /* XMPP */
    SESSION_REMOTE_DOMAIN,
    SESSION_LOCAL_USER, /* SIP */
    SESSION_LOCAL_DOMAIN,
    SESSION_PARTNER,
    SESSION_ROUTE,
    SESSION_NAMES,
};

/* Owned by bridge.sessions; freed by session_free. */
struct im_session {
    struct hash_node by_pair;
    struct bridge *bridge;
    struct sip_dialog *dialog; /* the stack's; NULL: it is over there */
    struct lane *lane;         /* whose flying text waits for the answer or ACK, or flies in it; NULL: none */
    struct timer timer;        /* ringing; silence; the end */
    uint64_t call;             /* of its Call-ID: a keyed hash */
    uint64_t alias;            /* of the Call-ID of another thread that it serves; 0: none */
    uint64_t used_ms;
    uint64_t recent[SESSION_RECENT]; /* stanza ids of texts to XMPP, as keyed hashes */
    char *client;                    /* owned: the XMPP resource that has written in it; NULL: none yet */
    char *gruu;                      /* owned: the SIP side's; NULL: none */
    struct im_session_hold *hold;    /* owned: session_hold.c; NULL: none */
    uint32_t generation;             /* of the directory that it was judged by */
    uint16_t n_client, n_gruu;
    uint16_t n_names[SESSION_NAMES];
    uint8_t state; /* enum im_session_state */
    uint8_t takes; /* MAP_SDP_... */
    uint8_t next_recent;
    bool called;   /* by us */
    bool known;    /* the other side knows that it is up: our requests overtake no 200 */
    bool yields;   /* to our INVITE, if that is answered (STOX-SES-38) */
    bool spoken;   /* a text has passed */
    bool keyboard; /* the SIP side told typing Lync's way */
    bool attached; /* to typing */
    char names[];
};

struct slice im_session_name(const struct im_session *s, enum im_session_name i);
struct jid im_session_remote(const struct im_session *s); /* with the client that it is locked to, if there is one */
struct jid im_session_local(const struct im_session *s);  /* with the GRUU, likewise */

/* A session of these two, in the state CALLING or UP, with its timer not running. NULL: a limit (*full), or memory. */
struct im_session *im_session_new(struct bridge *b, const struct jid *remote, const struct jid *local,
                                  const struct route *route, struct slice call_id, bool *full);
void im_session_free(struct im_session *s);

uint64_t im_session_call_hash(const struct bridge *b, struct slice call_id);

/* The sessions of these two. Those that are lost or ending do not count, but for any. */
struct im_session_search {
    uint64_t call;              /* in: of a Call-ID; 0: none */
    struct im_session *exact;   /* in whose thread call is */
    struct im_session *latest;  /* used last */
    struct im_session *oldest;  /* used longest ago */
    struct im_session *calling; /* by us, without answer */
    struct im_session *fresh;   /* begun by SIP, and not yet written in by XMPP */
    struct im_session *any;
    size_t n;
};
void im_session_search(struct bridge *b, const struct jid *remote, const struct jid *local,
                       struct im_session_search *q);

/* fn may free the session it is given, and no other. It has been judged by the settings of now. */
void im_session_each(struct bridge *b, const struct jid *remote, const struct jid *local,
                     void (*fn)(struct im_session *s, void *arg), void *arg);

/* Its answer came: it is up, until nothing has passed for session-idle. */
void im_session_up(struct im_session *s);
void im_session_used(struct im_session *s);

/* It carries nothing any more, and ends after so long. */
void im_session_end_soon(struct im_session *s, const char *why, uint64_t ms);

/* Ends it with BYE (or CANCEL), and frees it. Its lane, if it waits, is out of it and to be cared for by the caller. */
void im_session_end(struct im_session *s, const char *why);

void im_session_log(const struct im_session *s, const char *event, const char *why, unsigned status);

/* session_review.c: ends it soon if the settings of now forbid it, once. It is still there after this. */
void im_session_judge(struct im_session *s);

/* session_status.c */
void im_session_attach(struct im_session *s);
void im_session_detach(struct im_session *s);
void im_session_tell_gone(struct im_session *s);
void im_session_info(struct im_session *s, const struct sip_request *request);

/*
 * session_hold.c: the INVITE of s waits until the servers of its route are known, and is answered then. False: no memory; nothing
 * waits.
 */
bool im_session_hold(struct im_session *s, const struct route *route, const struct sip_msg *m);
void im_session_hold_free(struct im_session_hold *h); /* NULL is fine */

/* session_in.c: 200 to the INVITE of s, which is up then, to be answered by target. offer NULL: there was none. False: refused. */
bool im_session_accept(struct im_session *s, const struct sip_target *target, const struct map_sdp *offer);
/* Refuses it; s is gone, and a text that waited for it sets out anew. */
void im_session_refuse(struct im_session *s, unsigned status, const char *reason, struct slice headers);

/* session_in.c: our description. offer NULL: our offer. Borrowed until bridge.scratch is used again. */
bool im_session_describe(struct bridge *b, const struct map_sdp *offer, uint64_t id, struct sip_content *out);

/* session_out.c */
void im_session_answered(void *owner, struct sip_dialog *d, const struct sip_msg *msg);

#endif
