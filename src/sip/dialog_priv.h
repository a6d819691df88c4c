/* The inside of INVITE sessions. dialog.c: the object; dialog_in.c, dialog_out.c: requests of the peer's and of ours. */
#ifndef STOX_SIP_DIALOG_PRIV_H
#define STOX_SIP_DIALOG_PRIV_H

#include "base/timers.h"
#include "sip/dialog.h"
#include "sip/invite_server.h"

/* What a peer can make us keep of one session: Call-ID, names, Contact, route set. Beyond: 513, or BYE. */
#define SIP_DIALOG_TEXT_MAX 4096

struct hop;
struct sip_charge;
struct sip_dial;

struct sip_dialogs {
    struct hash by_call; /* Call-ID and our tag */
    struct hash charges; /* struct sip_charge, by the name of the route */
    struct hash secrets; /* holds nothing: its key makes our tags as caller */
    uint64_t n_tags;
    struct buf lines; /* header lines in the making */
};

enum dialog_state {
    DIALOG_CALLING, /* our INVITE has no final answer */
    DIALOG_RINGING, /* the peer's INVITE has none */
    DIALOG_UP,
    DIALOG_LEAVING, /* the owner has ended it: BYE as soon as our 2xx is acknowledged (RFC 3261 15) */
};

/* The texts of a dialog, in one block; any may be empty. */
enum dialog_text {
    DIALOG_CALL_ID,
    DIALOG_LOCAL,      /* From of our requests, with our tag */
    DIALOG_REMOTE,     /* To of our requests, with the peer's tag once there is one */
    DIALOG_REMOTE_TAG, /* empty: none yet, or the peer gives none (RFC 2543) */
    DIALOG_TARGET,     /* the peer's Contact URI; before there is one, where the INVITE went */
    DIALOG_ROUTES,     /* one list, in the order of our requests */
    DIALOG_CONTACT,    /* ours, in brackets */
    DIALOG_ACCOUNT,    /* sip_target.route of where our requests go */
    DIALOG_TEXTS,
};

struct sip_dialog {
    struct hash_node by_call;
    struct timer
        timer; /* session timer (session_timer.c); before there is a session, the Expires of the peer's INVITE */
    struct sip *sip;
    void *data;
    struct sip_charge *charge;        /* NULL: nobody's */
    struct hop *hop;                  /* held; where requests of ours go. NULL: not known yet */
    uint64_t hop_ms;                  /* since when it is the hop */
    struct list requests;             /* of ours, without a result */
    struct sip_dial *dial;            /* owned; our INVITE until it has its answer. NULL: none */
    struct sip_client *pending;       /* our INVITE, or the refresh under way: none other may be begun */
    struct sip_invite_server *server; /* the peer's INVITE without final answer, or with a 2xx without ACK */
    char *text;                       /* owned */
    uint64_t tag;                     /* ours */
    uint64_t refresh_at_ms;           /* UINT64_MAX: not by us */
    uint64_t bye_at_ms;               /* UINT64_MAX: the session does not expire */
    uint32_t session_s, min_se_s;     /* RFC 4028; 0: none */
    uint32_t cseq, peer_cseq;
    uint32_t invite_cseq; /* of the peer's last INVITE: its ACK has it */
    uint16_t n_text[DIALOG_TEXTS];
    uint8_t state;    /* enum dialog_state */
    uint8_t n_tries;  /* INVITEs after a 422 */
    bool called;      /* by us: the Call-ID is ours, which decides about the pause after a 491 (14.1) */
    bool secure;      /* sips */
    bool reliable;    /* the peer wants 100rel */
    bool updates;     /* the peer takes UPDATE */
    bool refreshes;   /* we do, not the peer (RFC 4028) */
    bool knows_timer; /* the peer does */
    bool confirmed;   /* the first ACK came */
    bool cancelled;   /* by the owner: our INVITE is not tried again */
};

/* dialog.c */
void sip_dialogs_init(struct sip_dialogs *t);
void sip_dialogs_fini(struct sip *sip);
uint64_t sip_dialogs_make_tag(struct sip_dialogs *t);

/* The session with this Call-ID and tag of ours, or NULL. */
struct sip_dialog *sip_dialogs_find(const struct sip *sip, struct slice call_id, struct slice our_tag);
struct sip_dialog *sip_dialogs_find_tag(const struct sip *sip, struct slice call_id, uint64_t our_tag);

/* A session in no state yet, charged to route. NULL: no memory, or *full (dialogs_max, or the route's share). */
struct sip_dialog *sip_dialog_new(struct sip *sip, struct slice route, bool *full);
bool sip_dialog_enter(struct sip_dialog *d); /* into the table; has its tag and Call-ID. False: no memory */

/* Nobody is told. What is under way of it runs on by itself. */
void sip_dialog_free(struct sip_dialog *d);

/* ended, if the owner is there, then sip_dialog_free. */
void sip_dialog_finish(struct sip_dialog *d, enum sip_end_why why, const struct sip_msg *msg);

struct slice sip_dialog_text(const struct sip_dialog *d, enum dialog_text i);

/* All texts anew; parts may be the present ones. False, nothing changed: too much, or no memory. */
bool sip_dialog_set_texts(struct sip_dialog *d, const struct slice parts[DIALOG_TEXTS]);
bool sip_dialog_too_big(const struct slice parts[DIALOG_TEXTS]);
bool sip_dialog_set_text(struct sip_dialog *d, enum dialog_text i, struct slice text);

/* Our Contact for requests over this transport. user and params as in struct sip_invite. */
void sip_dialog_put_contact(struct buf *b, struct sip *sip, const struct sip_target *target, bool secure,
                            struct slice user, struct slice params);

/* The peer's Contact, from a request or 2xx that refreshes it (12.2.1.2, 12.2.2). */
void sip_dialog_refresh_target(struct sip_dialog *d, const struct sip_msg *m);

/* Is route the one that the session is charged to? */
bool sip_dialog_is_of_route(const struct sip_dialog *d, struct slice route);

/* Where our requests go; the hop itself may be shared with other routes. */
struct sip_target sip_dialog_target(const struct sip_dialog *d);

/* Lines that each INVITE, UPDATE and 2xx to them has: Contact, Allow, Supported. */
void sip_dialog_put_usual(const struct sip_dialog *d, struct buf *b);

/* The lines, empty, with room for all that may come, so that slices of it stay where they are. NULL: no memory. */
struct buf *sip_dialogs_lines(struct sip *sip);

/* dialog_out.c: sends a BYE, if there is a way and memory for it. */
void sip_dialog_bye(struct sip_dialog *d, struct slice headers);

/* A refresh of the session: UPDATE where the peer takes it, else re-INVITE. False: it could not be sent. */
bool sip_dialog_refresh(struct sip_dialog *d);

/* dialog_request.c: a request with a To tag, but no ACK or CANCEL. */
void sip_dialog_request(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in);

/* dialog_in.c, from receive.c. */
void sip_dialogs_invite(struct sip *sip, const struct sip_incoming *in); /* an INVITE without To tag */
void sip_dialogs_ack(struct sip *sip, const struct sip_incoming *in);
bool sip_dialogs_cancel(struct sip *sip, const struct sip_incoming *in); /* false: it means no INVITE */

/* 200 to the peer's INVITE with our description, repeated until its ACK. False: no memory; nothing was sent. */
bool sip_dialog_final_ok(struct sip_dialog *d, const struct sip_content *content, struct slice headers);

/* dialog_in.c: the peer's INVITE has no final answer, and its Expires is over (13.3.1): 487. */
void sip_dialog_overdue(struct sip_dialog *d);

/* dialog_in.c, from invite_server.c: what the peer has not acknowledged in time. */
void sip_dialog_no_ack(struct sip_dialog *d);
void sip_dialog_no_prack(struct sip_dialog *d);

/* session_timer.c (RFC 4028) */
void sip_session_init(struct sip_dialog *d);
void sip_session_put_wish(const struct sip_dialog *d, struct buf *b, bool refresher); /* lines of our request */

/* 0, or 422 with its lines: the peer's request wants too short a session. */
unsigned sip_session_check(const struct sip *sip, const struct sip_msg *m, struct buf *b);

/* What the peer's request asks for, the lines of our 2xx to it, and what follows once that was sent. */
void sip_session_note(struct sip_dialog *d, const struct sip_msg *m);
void sip_session_put_answer(const struct sip_dialog *d, struct buf *b);
void sip_session_begin(struct sip_dialog *d);

void sip_session_agreed(struct sip_dialog *d, const struct sip_msg *m);    /* from the peer's 2xx */
bool sip_session_too_small(struct sip_dialog *d, const struct sip_msg *m); /* its 422; false: asking again is in vain */
void sip_session_later(struct sip_dialog *d, uint64_t ms);                 /* our next try to refresh */
void sip_session_stop(struct sip_dialog *d);

#endif
