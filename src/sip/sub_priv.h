/*
 * The inside of event subscriptions. subscription.c: the object; sub_queue.c: when requests of ours go, and how; notifier.c:
 * SUBSCRIBE in; notify.c: NOTIFY out; subscriber.c: SUBSCRIBE out; notified.c: NOTIFY in; publish.c.
 */
#ifndef STOX_SIP_SUB_PRIV_H
#define STOX_SIP_SUB_PRIV_H

#include "base/timers.h"
#include "sip/attempt.h"
#include "sip/invite_server.h"
#include "sip/subscription.h"

/* What a peer can make us keep of one: Call-ID, names, Contact, route set. Beyond: 513. */
#define SIP_SUB_TEXT_MAX 4096
#define SIP_EVENT "presence"
#define SIP_EVENT_WINFO "presence.winfo" /* RFC 3857; as notifier */
#define SIP_PIDF "application/pidf+xml"
#define SIP_WINFO "application/watcherinfo+xml"
#define SIP_SUB_FLYING_MAX                                                                                             \
    500 /* requests of ours under way with one route, and at most an eighth of all transactions */
#define SIP_SUB_NEVER UINT64_MAX
#define SIP_SUB_PAUSE_MIN_S 10 /* before a NOTIFY that met no server is tried again, doubled each time */
#define SIP_SUB_PAUSE_MAX_S 300
#define SIP_SUB_MIN_EXPIRES_MAX_S 86400 /* what a 423 may ask of us (STOX-PRS-24) */

struct sip_charge;
struct sub_flight;

struct sip_subs {
    struct hash by_call; /* Call-ID and our tag */
    struct hash charges; /* struct sip_charge, by the name of the route */
    struct list flights; /* struct sub_flight */
    size_t n_flying;
    struct list waiting; /* struct sip_charge: routes with some that wait for their turn */
    struct sip_sub_limits limits;
    struct buf lines; /* header lines in the making; taken whole at the start, so that only length can be too much */
};

/* What is kept for the last request of one whose owner has turned away from it (sub_rest.c). */
struct sub_rest {
    struct sip_destination to;
    struct sip_sub_notice notice; /* of a notifier */
    _Alignas(max_align_t) char memory[];
};

enum sub_phase {
    SUB_ASKED,    /* notifier: the owner has not answered the first SUBSCRIBE */
    SUB_STARTING, /* subscriber: no NOTIFY has come: there is no dialog */
    SUB_UP,
    SUB_ENDING, /* subscriber: the owner unsubscribes */
    SUB_OVER,   /* notifier: the owner is done with it, and the last NOTIFY is under way, or due with what rest says */
};

enum sub_text {
    SUB_CALL_ID,
    SUB_LOCAL,  /* without our tag */
    SUB_REMOTE, /* with the peer's tag, once there is one */
    SUB_TARGET, /* the peer's Contact URI; of a subscriber without a dialog, the Request-URI */
    SUB_ROUTES, /* one list, in the order of our requests */
    SUB_USER,   /* of our Contact */
    SUB_PARAMS, /* likewise */
    SUB_ID,     /* of Event; empty: none */
    SUB_ACCEPT, /* subscriber: value of Accept */
    SUB_TEXTS,
};

struct sip_sub {
    struct hash_node by_call;
    struct timer timer;  /* the next of due_ms, limit_ms, expires_ms */
    struct list waiting; /* in its charge's, while its turn has not come */
    struct sip *sip;
    void *data;
    struct sip_charge *charge;
    struct sub_flight *flight; /* our request without a result; NULL: none */
    union {
        struct sip_server *txn; /* SUB_ASKED: the SUBSCRIBE; NULL: it is answered */
        struct sub_rest *rest;  /* otherwise; owned; NULL: the owner still says */
    };
    char *text;        /* owned */
    uint64_t tag;      /* ours */
    uint64_t due_ms;   /* our next request: NOTIFY or SUBSCRIBE */
    uint64_t limit_ms; /* SUB_ASKED: our patience with the owner. SUB_OVER: with the last NOTIFY. Subscriber: Timer N */
    uint64_t expires_ms; /* the subscription's end */
    uint64_t last_notice_ms;
    uint32_t granted_s; /* subscriber: at most this is believed of a NOTIFY's expires */
    uint32_t asked_s;   /* subscriber: what the next SUBSCRIBE asks for */
    uint32_t notices;
    uint32_t cseq, peer_cseq;
    uint16_t n_text[SUB_TEXTS];
    uint16_t tag_at, n_tag; /* the peer's tag in SUB_REMOTE */
    uint16_t pause_s;       /* notifier: after a NOTIFY that met no server; 0: the last one did */
    enum sub_phase phase : 4;
    enum sip_sub_state state : 4; /* what the last NOTIFY said */
    uint8_t why;                  /* enum sip_sub_end_why: with ending */
    bool notifier : 1;
    bool winfo : 1;     /* notifier: of presence.winfo, not of presence */
    bool secure : 1;    /* sips */
    bool in_dialog : 1; /* the peer's tag is known */
    bool ending : 1;    /* notifier: the next NOTIFY is the last, because of why */
    bool bare : 1;      /* notifier: the next NOTIFY goes without a body, which was too long for UDP */
    bool lengthy : 1;   /* notifier: the last NOTIFY would have been over UDP, but for its length */
    bool
        brief : 1; /* notifier: the next NOTIFY is to be short enough for UDP, as nobody has taken the longer one over TCP */
    bool accepted : 1;  /* subscriber: a 2xx came */
    bool forced : 1;    /* subscriber: the refresh is the owner's wish */
    bool lapsing : 1;   /* subscriber: is not refreshed */
    bool again : 1;     /* subscriber: after a 423 */
    bool poll : 1;      /* subscriber: one NOTIFY is all */
    bool said_over : 1; /* subscriber, SUB_ENDING: the terminated NOTIFY has come before the 2xx */
};

/* --- subscription.c --- */
void sip_subs_init(struct sip_subs *t);
void sip_subs_fini(struct sip *sip);

/* The one with this Call-ID and tag of ours, or NULL. */
struct sip_sub *sip_subs_find(const struct sip *sip, struct slice call_id, struct slice our_tag);
struct sip_sub *sip_subs_find_tag(const struct sip *sip, struct slice call_id, uint64_t our_tag);

/* In no table yet, charged to route. NULL: no memory, or *status says which limit: 503 or 480. */
struct sip_sub *sip_sub_new(struct sip *sip, struct slice route, unsigned *status);
bool sip_sub_enter(struct sip_sub *s); /* has its Call-ID and tag. False: no memory */
void sip_sub_free(struct sip_sub *s);  /* what is under way runs on */

/* The owner hears the end, unless it has; s is gone. */
void sip_sub_finish(struct sip_sub *s, const struct sip_sub_end *end);

struct slice sip_sub_text(const struct sip_sub *s, enum sub_text i);
bool sip_sub_set_texts(struct sip_sub *s, const struct slice parts[SUB_TEXTS]);

/* SUB_REMOTE is from now on this value with this tag, which is a part of it. */
void sip_sub_set_tag(struct sip_sub *s, struct slice remote, struct slice tag);
struct slice sip_sub_remote_tag(const struct sip_sub *s);

/* The peer's Contact, from a request or 2xx that refreshes it. */
void sip_sub_refresh_target(struct sip_sub *s, const struct sip_msg *m);

/* Runs the timer until what comes next. */
void sip_sub_schedule(struct sip_sub *s);

/* A request of the peer's that does not belong here, for its route, its tag or its CSeq. True: it was answered so. */
bool sip_sub_is_foreign(struct sip_sub *s, const struct sip_incoming *in);

struct buf *sip_subs_lines(struct sip *sip); /* empty */
struct sip_contact sip_sub_contact(const struct sip_sub *s);

/* The Contact line of an answer to what came from there. */
void sip_sub_put_contact(struct buf *b, const struct sip_sub *s, const struct sip_target *back);

/* --- sub_queue.c --- */

/* A request of ours is due: it goes when its route's turn is there, by sip_notify_go or sip_subscribe_go. */
void sip_sub_queue(struct sip_sub *s);

/* Others may go now. */
void sip_subs_pump(struct sip *sip);

/*
 * Sends method by the dialog of s with these lines (Route, Event and all but Contact), with the next CSeq. False: no memory,
 * or too much is under way. The result goes to sip_notify_done or sip_subscribe_done; nowhere once s is gone.
 */
bool sip_sub_fly(struct sip_sub *s, enum sip_method method, const struct sip_destination *to, struct slice lines,
                 struct slice body);

/* What is under way of it runs on, and nobody hears of it. */
void sip_sub_let_fly(struct sip_sub *s);
void sip_subs_fini_flights(struct sip *sip);

/* Lines that each request has: Route, Event. */
void sip_sub_put_dialog(const struct sip_sub *s, struct buf *b);

/* --- sub_rest.c --- */

/* Where it goes now, and this notice. NULL: nowhere, or no memory. Owned by the caller. */
struct sub_rest *sip_sub_make_rest(struct sip_sub *s, const struct sip_sub_notice *notice);

/* Where it goes: as its rest or its owner says. */
bool sip_sub_way(struct sip_sub *s, struct arena *a, struct sip_destination *to);

/* --- by role --- */
void sip_notifier_time(struct sip_sub *s, uint64_t now); /* something is due */
void sip_notify_go(struct sip_sub *s);
void sip_notify_done(struct sip_sub *s, const struct sip_result *result);
bool sip_sub_status_ends(unsigned status); /* the dialog usage: RFC 6665 4.1.2.2, 4.2.2; RFC 5057 */
void sip_subscriber_time(struct sip_sub *s, uint64_t now);
void sip_subscribe_go(struct sip_sub *s);
void sip_subscribe_done(struct sip_sub *s, const struct sip_result *result);

/* subscriber.c, for what a NOTIFY says. over: terminated, or a poll has its answer; s may be gone. */
void sip_subscriber_over(struct sip_sub *s, const struct sip_sub_end *end);
void sip_subscriber_lasts(struct sip_sub *s, uint32_t expires_s); /* from now on; refreshed in time */
void sip_subscriber_in_dialog(struct sip_sub *s);                 /* its first NOTIFY has come */

/* --- from receive.c: requests that inspection lets through --- */
void sip_subs_take(struct sip *sip, const struct sip_incoming *in); /* SUBSCRIBE, NOTIFY */
void sip_subs_publish(struct sip *sip, const struct sip_incoming *in);

/* Is a request of this event package (presence.winfo, or presence)? 0, 400 or 489 with its lines in sip->headers. */
unsigned sip_sub_check_event(struct sip *sip, const struct sip_msg *m, bool winfo, struct slice *id);

/* notifier.c, notified.c */
void sip_notifier_asked(struct sip *sip, const struct sip_incoming *in);
void sip_notifier_refreshed(struct sip_sub *s, const struct sip_incoming *in);
void sip_subscriber_notified(struct sip_sub *s, const struct sip_incoming *in);

#endif
