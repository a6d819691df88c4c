/*
 * Event subscriptions as the stack's owner sees them, as notifier and as subscriber: SUBSCRIBE and NOTIFY, one dialog for each.
 * RFC 6665; RFC 3856 for presence; RFC 3857 for presence.winfo, as notifier; RFC 3903 (PUBLISH).
 *
 * The stack settles itself: tags, CSeq order (500), route sets, the remote target and its refresh, retransmissions, credentials;
 * 481 for NOTIFY and SUBSCRIBE that belong to nothing, 489 with Allow-Events, 423 with Min-Expires, 400 for a NOTIFY without
 * Subscription-State, CANCEL (no effect, STOX-PRS-85), a second Event in a dialog (403), Event's id (echoed); as notifier a NOTIFY after
 * every 2xx, one in flight at a time, the pace of them (ops.describe), expiry, which failures of a NOTIFY end it (6665 4.2.2); as
 * subscriber NOTIFY before the 2xx, forks (the first dialog wins, 481 for the others), Timer N, refresh in time with jitter, 423 and
 * the retry after one (once, up to a day), which failures of a refresh end it (6665 4.1.2.2).
 *
 * NOTIFYs and SUBSCRIBEs of ours go out in turns: of one route a bounded number is under way, the others wait for theirs, so that a
 * storm of changes leaves room for everything else, and a server that does not answer holds up nobody but its own watchers. A NOTIFY
 * that met no server (unreachable, 503 with Retry-After) is tried again with a growing pause, by then with the newest state.
 *
 * Ownership: a sip_sub belongs to the stack. The owner may use it from ops.subscribe or sip_subscribe on, until ops.ended was called
 * or until it calls sip_sub_refuse or sip_sub_drop, whichever comes first. Ops come from the loop, never from inside a call that
 * the owner is making. sip_free calls nobody.
 *
 * Memory: about 400 bytes each with its texts; found by hash, timers in the wheel. 200,000 are ordinary.
 */
#ifndef STOX_SIP_SUBSCRIPTION_H
#define STOX_SIP_SUBSCRIPTION_H

#include "sip/destination.h"
#include "sip/sip.h"
#include "sip/sub_state.h"

struct sip_sub;

/* A NOTIFY of the peer. Borrowed until return. */
struct sip_sub_notified {
    enum sip_sub_state state; /* a word that nobody knows counts as active (6665 4.1.3) */
    enum sip_sub_reason reason;
    unsigned retry_after_s;    /* 0: none */
    const struct sip_msg *msg; /* with its body and Content-Type */
};

enum sip_sub_end_why {
    SIP_SUB_END_REFUSED, /* subscriber: the first SUBSCRIBE got a final failure: status, msg */
    SIP_SUB_END_LOST,    /* subscriber: a later one was refused in a way that ends it, or nothing came: status */
    SIP_SUB_END_SILENT,  /* subscriber: a 2xx and no NOTIFY within 64*T1 (Timer N) */
    SIP_SUB_END_UNREACHABLE, /* subscriber: no server took the first SUBSCRIBE, none answered it, or its turn did not come */
    SIP_SUB_END_TERMINATED, /* the notifier's NOTIFY said so: reason, retry_after_s. Subscriber: notified was called before.
                                 Notifier: ops.describe said so */
    SIP_SUB_END_LAPSED,     /* subscriber: not refreshed because ops.refresh said no; its time is over */
    SIP_SUB_END_UNSUBSCRIBED, /* notifier: the peer's Expires 0. Subscriber: ours was answered, and the last NOTIFY came or never will */
    SIP_SUB_END_EXPIRED, /* notifier: the peer did not refresh it */
    SIP_SUB_END_FAILED,  /* notifier: a NOTIFY was refused in a way that ends it, or never answered: status */
};
const char *sip_sub_end_name(enum sip_sub_end_why why); /* "expired": for logs */

struct sip_sub_end {
    enum sip_sub_end_why why;
    unsigned status;              /* 0: none */
    enum sip_no_answer no_answer; /* with status 0 of REFUSED, LOST, UNREACHABLE, FAILED: why there was none */
    enum sip_sub_reason reason;
    unsigned retry_after_s;    /* of the NOTIFY, or of Retry-After in a failure; 0: none */
    const struct sip_msg *msg; /* borrowed until return; or NULL */
};

enum sip_publishing {
    SIP_PUBLISHING_UNSERVED,  /* 404 */
    SIP_PUBLISHING_FORBIDDEN, /* 405 */
    SIP_PUBLISHING_ALLOWED,
};

/* Named by sip_ops.events; without it SUBSCRIBE, NOTIFY and PUBLISH get 405. owner is that of sip_conf. All must be set but publish, publishes and offers_winfo. */
struct sip_event_ops {
    /*
     * Notifier: a SUBSCRIBE outside of dialogs with a good form, from a known source, to a served host, for event "presence", whose
     * Accept takes PIDF; or for "presence.winfo", whose Accept takes that, to a host that offers_winfo (sip_sub_is_winfo). expires_s: granted (the stack has cut it to the limits; 0: a poll). The owner answers in the call or later,
     * by sip_sub_accept or sip_sub_refuse; spec: at once. request->txn is NULL.
     */
    void (*subscribe)(void *owner, struct sip_sub *s, const struct sip_request *request, unsigned expires_s);
    /*
     * Notifier: a NOTIFY may leave now: what does it say? Asked at the moment it is built, so that the newest state wins and nothing is
     * kept meanwhile. last: the subscription ends by Expires 0, by a poll or by its expiry; the stack says terminated;reason=timeout
     * whatever state is, and takes only the content. Over UDP alone there is
     * room for out->body_max bytes of body. A state TERMINATED ends it by this NOTIFY; ended follows. Must not end it otherwise.
     */
    void (*describe)(void *owner, struct sip_sub *s, bool last, struct sip_sub_notice *out);
    /* Notifier: a refresh has come and was answered 200; its NOTIFY asks describe in a moment. For who counts them. May be NULL. */
    void (*refreshed)(void *owner, struct sip_sub *s, const struct sip_msg *msg);

    /* Subscriber: the first 2xx, or what shows that it was lost. Not where a terminated NOTIFY was there before. */
    void (*accepted)(void *owner, struct sip_sub *s, unsigned expires_s);
    /*
     * Subscriber: a NOTIFY of the dialog, in order, also before the 2xx. Returns what it is answered with: 200, or 400 or 415 (with
     * Accept) for a body that is not taken, when the last one counts on. After a terminated one ended follows. s may be dropped in it.
     */
    unsigned (*notified)(void *owner, struct sip_sub *s, const struct sip_sub_notified *n);
    /* Subscriber: it is time to refresh. False: it is to lapse (STOX-PRS-15). */
    bool (*refresh)(void *owner, struct sip_sub *s);

    /*
     * Where requests of this subscription go now; all in *out borrowed until return or in the arena. False: nowhere any more. Only
     * looks it up: it is the one op that also comes from inside of a call, sip_sub_end and sip_sub_unsubscribe, after which the owner
     * is not asked any more.
     */
    bool (*way)(void *owner, struct sip_sub *s, struct arena *a, struct sip_destination *out);

    /* The last call about s. */
    void (*ended)(void *owner, struct sip_sub *s, const struct sip_sub_end *end);

    /* PUBLISH for event "presence" with a good form, from a known source. Answered once, now or later, by sip_respond. NULL: 405. */
    void (*publish)(void *owner, const struct sip_request *request);
    /* May users of this host (of a Request-URI, lower case, no trailing dot) publish here? Empty: anybody at all. NULL: those of every
     * host that sip_ops.serves, with publish. */
    enum sip_publishing (*publishes)(void *owner, struct slice host);
    /* Do users of this host (likewise) learn here who watches them, by presence.winfo? NULL: none do. */
    bool (*offers_winfo)(void *owner, struct slice host);
};

/* The values of what may be asked of us. */
struct sip_sub_limits {
    unsigned expires_s, expires_min_s, expires_max_s; /* 3600 where no Expires is; shorter: 423; longer: cut */
    unsigned pace_ms; /* between two NOTIFYs of a subscription, but for the last one and those after a 2xx: 5000 */
    size_t max,
        max_per_route; /* subscriptions held at once, both ways; full: 503, or 480 for a route's share. 0: no share */
};
void sip_set_sub_limits(struct sip *sip, const struct sip_sub_limits *limits);

/* Subscriber: a SUBSCRIBE to send. Texts are copied. */
struct sip_subscribe {
    struct slice uri;      /* Request-URI */
    struct slice from, to; /* whole header values without tags */
    struct slice user;     /* user part of our Contact, escaped */
    struct slice params;   /* further URI parameters of it, each with its ';' */
    struct slice route;    /* charged with it; only its sources may speak in it. At most SIP_ROUTE_MAX */
    unsigned expires_s;    /* 0: a poll: one NOTIFY, then ended with TERMINATED */
    struct slice accept;   /* value of Accept */
};

/* NULL: no memory, or full. data: as by sip_sub_set_data. */
struct sip_sub *sip_subscribe(struct sip *sip, const struct sip_subscribe *subscribe, void *data);

/* Subscriber: refreshes now (STOX-PRS-14), unless one is under way. */
void sip_sub_refresh(struct sip_sub *s);

/*
 * Subscriber: Expires 0 in the dialog; ended follows. Before there is a dialog: as soon as there is one. Where it goes is asked here, so
 * that the owner may set data to NULL afterwards, and know nothing of it any more; accepted, notified and ended still come.
 */
void sip_sub_unsubscribe(struct sip_sub *s);

/* Notifier: 200 with Expires; NOTIFY follows at once (describe). False: no memory; 500 was answered and s is gone. */
bool sip_sub_accept(struct sip_sub *s, struct slice user, struct slice params); /* of our Contact */
/* Notifier: refuses the SUBSCRIBE with 300 to 699; s is gone. */
void sip_sub_refuse(struct sip_sub *s, unsigned status, const char *reason, struct slice headers);
/* Notifier: something has changed: a NOTIFY goes as soon as it may. urgent: the pace does not hold it (pending becomes active). */
void sip_sub_changed(struct sip_sub *s, bool urgent);
/* Notifier: ends it by a NOTIFY with this notice (terminated), which no pace holds; copied. s is gone. */
void sip_sub_end(struct sip_sub *s, const struct sip_sub_notice *notice);

/* Either role: forgotten without a word (a SUBSCRIBE that waits for its answer gets 480). s is gone. */
void sip_sub_drop(struct sip_sub *s);

bool sip_sub_is_winfo(const struct sip_sub *s); /* of presence.winfo; else of presence */

void sip_sub_set_data(struct sip_sub *s, void *data);
void *sip_sub_data(const struct sip_sub *s);

/* For lists: borrowed while s is there. */
struct sip_sub_info {
    bool notifier;
    enum sip_sub_state state;
    unsigned expires_in_s; /* of what is granted */
    struct slice call_id, remote_target, route;
    uint64_t notices;        /* NOTIFYs, out or in */
    uint64_t last_notice_ms; /* of the loop's clock; 0: none */
};
void sip_sub_show(const struct sip_sub *s, struct sip_sub_info *out);

#endif
