/* What the files of watch_s2x share: the object and its events (watch_s2x.c), SIP's side (watch_s2x_dialog.c), the presence that is
 * kept (watch_s2x_known.c), streams and probes (watch_s2x_domain.c), settings, the end, the house (watch_s2x_rest.c). */
#ifndef STOX_BRIDGE_WATCH_S2X_PARTS_H
#define STOX_BRIDGE_WATCH_S2X_PARTS_H

#include "bridge/bridge_private.h"
#include "bridge/watch_s2x.h"
#include "bridge/watch_s2x_table.h"

#define WATCH_ASK_AGAIN_S 86400 /* STOX-PRS-69 */
#define WATCH_PROBE_S 60        /* one probe for a pair in this time (STOX-PRS-35) */
#define WATCH_LINGER_MS 600000  /* what is known stays so long for those who poll */
#define WATCH_GRACE_MS 60000    /* a partner's domain without stream: then nobody is known to be there */
#define WATCH_ASK_ID "ask-"     /* of our `subscribe`: an error with such an id is its answer */

/* One SIP dialog. Owned by its watch, until the stack says ended or we end it. */
struct s2x_dialog {
    struct list link; /* in watch_s2x.dialogs */
    struct watch_s2x *watch;
    struct sip_sub *sub;
    bool poll;
};

/* `subscribe` is on its way: found by its token, until it has its fate. */
struct s2x_question {
    struct hash_node node;
    struct watch_s2x *watch;
    uint64_t token;
};

/* A partner's domain that somebody watches; goes with the last one. */
struct watched_domain {
    struct hash_node node;
    struct bridge *bridge;
    struct list watches; /* of_domain */
    struct list next;    /* of_domain: those that have still to hear of what has become of the stream */
    struct timer grace;  /* from when its stream broke */
    struct timer round;  /* tells some of next */
    bool away;           /* it broke, and none has come since */
    bool lost;           /* what next is told: that nobody is known to be there, or that there is a stream again */
    size_t n;            /* watches, and who is at work on them */
    uint16_t n_name;
    char name[];
};

/* Owned by its contact (contact->s2x_watch), from the first dialog on until nobody needs it. */
struct watch_s2x {
    struct list link; /* in watches_s2x.all or .next */
    struct list of_domain;
    struct list probe; /* in watches_s2x.probes, or in none */
    struct bridge *bridge;
    struct contact *contact;
    struct watched_domain *domain;
    struct list dialogs;
    struct timer timer;         /* the question again; the end of lingering */
    struct map_packed *known;   /* his presence; NULL: unknown */
    struct s2x_question *asked; /* our `subscribe` without fate; NULL: none */
    uint64_t changed_ms;        /* his presence */
    uint64_t linger_ms;         /* until when it stays without dialogs */
    uint32_t probed_s;          /* 0: never */
    uint32_t end_retry_s;       /* what S2X_END says, while it waits to be durable */
    uint16_t waits;             /* calls of contact_then that have not come back */
    uint16_t due;               /* enum s2x_action: what to do when it is durable */
    enum contact_s2x shown : 8; /* what is durable, and may be told */
    bool lost : 1;              /* there is no stream with his domain: he is told as away */
    uint8_t busy;               /* events that are at work on it: it is not freed */
    uint8_t end_reason;         /* enum sip_sub_reason, with end_retry_s */
};

/* What an event brings along. */
struct s2x_cause {
    const struct xmpp_stanza *stanza; /* or NULL; S2X_YES, S2X_NO: it is handled when the change is durable */
    struct s2x_dialog *dialog;        /* S2X_SUBSCRIBE, S2X_POLL: not answered yet */
    const struct sip_request *request;
    const char *condition; /* of S2X_ERROR; NULL: undefined */
};

/* w may be gone on return. */
void watch_s2x_event(struct watch_s2x *w, enum s2x_event event, const struct s2x_cause *cause);

/* That of a contact; made if there is none. NULL: no memory. */
struct watch_s2x *watch_s2x_of(struct bridge *b, struct contact *c);
void watch_s2x_free(struct watch_s2x *w);
/* Nothing happens to it for now: its timer is set to what is next, or it goes. */
void watch_s2x_rest(struct watch_s2x *w);

/* ---- watch_s2x_dialog.c ---- */

/* 200 and NOTIFY; the dialog is gone if that fails. */
void watch_s2x_accept(struct s2x_dialog *d, const struct sip_request *request);
void watch_s2x_refuse(struct s2x_dialog *d, const struct sip_request *request);
void watch_s2x_tell(struct watch_s2x *w, bool urgent);
void watch_s2x_end(struct watch_s2x *w, const struct sip_sub_notice *notice);
void watch_s2x_dialog_free(struct s2x_dialog *d);
size_t watch_s2x_n_dialogs(const struct watch_s2x *w);

/* ---- watch_s2x_known.c ---- */

/* Takes the stanza into what is known. True: there is something to tell. */
bool watch_s2x_keep(struct watch_s2x *w, const struct xmpp_stanza *stanza);
void watch_s2x_forget(struct watch_s2x *w);
/* What may be said of him, as a document in b->scratch; empty: nothing is known. away: that he is not there, whatever is known.
 * max: bytes of it, as of map_put_pidf. */
void watch_s2x_put(struct watch_s2x *w, bool away, size_t max, struct sip_content *out);

/* ---- watch_s2x_domain.c ---- */

/* False: no memory. */
bool watch_s2x_join_domain(struct watch_s2x *w);
void watch_s2x_leave_domain(struct watch_s2x *w);
void watch_s2x_domain_tidy(struct watched_domain *d);
/* A probe, in its turn. again: also where there was one lately. */
void watch_s2x_enquire(struct watch_s2x *w, bool again);
void watch_s2x_on_pace(struct timer *t);

/* ---- watch_s2x_rest.c ---- */

void watch_s2x_on_look(struct timer *t);

#endif
