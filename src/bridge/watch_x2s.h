/*
 * A partner's user watches a user of ours: what XMPP asks becomes a subscription of ours on the SIP side, and its NOTIFYs become
 * presence (RFC 8048 5.2, 6.3, 7.1; catalogue 8.3, 8.4). The states are in watch_x2s_table.h; what is stored is the contact's.
 *
 * Whether the watcher is there is known from what his server tells us: his presence, where our user may see it, and his probes. A
 * watcher of whom we know that his last client has gone costs no refresh; of whom we know nothing, he counts as there.
 *
 * SUBSCRIBEs that begin a dialog leave at the pace of the setting presence-rate, in the order they were wished for: after a start,
 * or when a SIP server is back, a hundred thousand of them do not leave at once.
 */
#ifndef STOX_BRIDGE_WATCH_X2S_H
#define STOX_BRIDGE_WATCH_X2S_H

#include "base/bucket.h"
#include "bridge/contact.h"
#include "bridge/watch_x2s_table.h"
#include "map/presence.h"
#include "net/loop.h"
#include "xmpp/federation.h"

struct watch_x2s;

/* Of a bridge. */
struct watches_x2s {
    struct list all;    /* struct watch_x2s */
    struct list next;   /* those that settings or the end have still to look at */
    struct timer look;  /* looks at some of them */
    struct list wishes; /* struct watch_x2s: SUBSCRIBEs to be sent, the first one first */
    struct timer pace;
    struct list held;     /* struct watch_x2s: their newest presence waits for room in the partner's queue */
    struct timer room;    /* looks whether there is some */
    struct timer restore; /* goes on with the contacts of the store */
    uint64_t restored;    /* cursor of contacts_walk */
    struct bucket sent;
    size_t n, n_wishes;
    uint64_t subscribes, notifies, presence_out, presence_lost, presence_held; /* counted for the metrics */
};

void watches_x2s_init(struct bridge *b);
void watches_x2s_fini(struct bridge *b); /* without a word to anybody */

/* Stanzas of a partner's user to a user of ours, after the gates. Each calls federation_handled for the stanza, now or when it is durable. */
void watch_x2s_subscribe(struct bridge *b, const struct xmpp_stanza *stanza);
void watch_x2s_unsubscribe(struct bridge *b, const struct xmpp_stanza *stanza);
void watch_x2s_probe(struct bridge *b, const struct xmpp_stanza *stanza);

/* Presence of his came in for our user, from this client, or from the bare address; what it says is not looked at here. */
void watch_x2s_peer(struct bridge *b, const struct jid *remote, const struct jid *local, bool available);

/* Our user has added this one: who waits for that, where presence is published, may watch now (setting publish-approval). */
void watch_x2s_added(struct bridge *b, struct contact *c);

/* Our user has published something else, or what he had published is over. */
void watch_x2s_published(struct bridge *b, const struct jid *local);

/* What the stack says of subscriptions that are ours (sip_event_ops). */
void watch_x2s_accepted(struct sip_sub *s, unsigned expires_s);
unsigned watch_x2s_notified(struct sip_sub *s, const struct sip_sub_notified *n);
bool watch_x2s_refresh(struct sip_sub *s);
bool watch_x2s_way(struct sip_sub *s, struct arena *a, struct sip_destination *out);
void watch_x2s_ended(struct sip_sub *s, const struct sip_sub_end *end);

/* The contacts of the store are there: their subscriptions begin anew, at the pace. */
void watches_x2s_restore(struct bridge *b);

/* A stream to the partner's domain is up after it had failed: what he was told may not have arrived, and is told again. */
void watch_x2s_tell_again(struct bridge *b, struct contact *c);

/* Settings have changed: who may not any more sees nobody, and the contact rests; within some turns of the loop. */
void watches_x2s_reconsider(struct bridge *b);

/* The administrator removes it: unavailable, unsubscribed, Expires 0. The contact's row is the caller's. */
void watch_x2s_remove(struct bridge *b, struct contact *c);

/* The orderly end (STOX-PRS-93): up to n watchers are told that nobody is there any more; the subscriptions lapse. True: all are. */
bool watches_x2s_stop(struct bridge *b, size_t n);
void watches_x2s_resume(struct bridge *b); /* after watches_x2s_stop, even half of it */

/* For lists. Borrowed until return. */
struct watch_x2s_info {
    enum x2s_state state;
    const struct sip_sub *sub;  /* NULL: none */
    uint64_t retry_in_ms;       /* 0: no timer */
    bool online, online_known;  /* the watcher */
    struct map_presences known; /* in the arena */
};
void watch_x2s_show(const struct contact *c, struct arena *a, struct watch_x2s_info *out);

#endif
