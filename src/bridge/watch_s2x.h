/*
 * A user of ours watches a partner's user: what SIP subscribes to becomes a subscription on XMPP, and the presence that comes is
 * told in NOTIFYs (RFC 8048 5.3, 6.2, 7.2; catalogue 8.2, 8.5). The states are in watch_s2x_table.h; what is stored is the contact's.
 *
 * SIP is answered at once, whatever the partner does: with pending until he says `subscribed`, which alone grants (STOX-PRS-51, 83).
 * His presence is kept for each of our users who watches him, as XMPP sends it to each, in one packed block; a NOTIFY tells all of
 * it (STOX-PRS-74). What nobody watches is not kept. Nothing that came from SIP is ever told here (STOX-PRS-94).
 *
 * Memory: about 300 bytes for a pair that is watched, 100 for each dialog, and his presence.
 */
#ifndef STOX_BRIDGE_WATCH_S2X_H
#define STOX_BRIDGE_WATCH_S2X_H

#include "base/bucket.h"
#include "bridge/contact.h"
#include "map/presence.h"
#include "net/loop.h"
#include "sip/subscription.h"
#include "xmpp/federation.h"

/* Of a bridge. */
struct watches_s2x {
    struct list all;      /* struct watch_s2x */
    struct list next;     /* those that settings or the end have still to look at */
    struct timer look;    /* looks at some of them */
    struct hash by_token; /* whose `subscribe` has no fate yet */
    struct hash domains;  /* struct watched_domain: the partners' domains that are watched */
    struct list probes;   /* struct watch_s2x: probes to be sent, the first one first */
    struct timer pace;
    struct bucket sent;
    int64_t since_s; /* wall clock: when this process began */
    size_t n, n_dialogs;
    uint64_t subscribes, refused, notices, presence_in, probes_out; /* counted for the metrics */
};

void watches_s2x_init(struct bridge *b);
void watches_s2x_fini(struct bridge *b); /* without a word to anybody; the stack is still there, or was never */

/* ---- what SIP says (sip_event_ops, of notifiers) ---- */

void watch_s2x_subscribe(struct bridge *b, struct sip_sub *s, const struct sip_request *request, unsigned expires_s);
void watch_s2x_describe(struct sip_sub *s, bool last, struct sip_sub_notice *out);
void watch_s2x_refreshed(struct sip_sub *s);
bool watch_s2x_way(struct sip_sub *s, struct arena *a, struct sip_destination *out);
void watch_s2x_ended(struct sip_sub *s, const struct sip_sub_end *end);

/* ---- what XMPP says: stanzas of a partner's user to a user of ours ---- */

/* subscribed, unsubscribed. They call federation_handled for the stanza, now or when it is durable. */
void watch_s2x_subscribed(struct bridge *b, const struct xmpp_stanza *stanza);
void watch_s2x_unsubscribed(struct bridge *b, const struct xmpp_stanza *stanza);

/* Available, or unavailable. */
void watch_s2x_presence(struct bridge *b, const struct xmpp_stanza *stanza);

/* What local, who watches, knows of remote: whether any client of his is there. Blind: not watched, or nothing was said yet. */
enum watch_s2x_sight { WATCH_S2X_BLIND, WATCH_S2X_AWAY, WATCH_S2X_THERE };
enum watch_s2x_sight watch_s2x_sight(const struct bridge *b, const struct jid *local, const struct jid *remote);

/* A presence stanza of type error: perhaps the answer to our `subscribe`. */
void watch_s2x_error(struct bridge *b, const struct xmpp_stanza *stanza);

/* The fate of our `subscribe`. False: the token is none of these. */
bool watch_s2x_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why);

/* The last stream with the partner's domain has broken; one is up (again). */
void watch_s2x_domain_lost(struct bridge *b, struct slice remote);
void watch_s2x_domain_back(struct bridge *b, struct slice remote);

/* ---- what we say ---- */

/* Settings have changed: those who may not any more hear so, within some turns of the loop. */
void watches_s2x_reconsider(struct bridge *b);

/* An administrator has removed the contact: subscriptions end, unsubscribe. Another node, or a store that is away, has changed it:
 * subscriptions follow (contact.h). */
void watch_s2x_removed(struct bridge *b, struct contact *c, enum contact_s2x before);
void watch_s2x_changed(struct bridge *b, struct contact *c, enum contact_s2x before);

/* Nobody has watched him for so long that the partner's user is told so (STOX-PRS-65)? Asked of every contact now and then. */
void watch_s2x_keep_house(struct bridge *b, struct contact *c);

/* The orderly end (STOX-PRS-93): up to n subscriptions are told. True: none is left. */
bool watches_s2x_stop(struct bridge *b, size_t n);

#endif
