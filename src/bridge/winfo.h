/*
 * presence.winfo (RFC 3857, 3858; STOX-PRS-87), where a route has `publish` and no presence server tells it: a user of ours sees who of the
 * partners' watches him, or asks to; himself alone, from where he may speak at all (bridge/admit.h).
 *
 * The first document of a subscription has version 0 and all watchers, each refresh has all of them again, and what changes in between
 * is told alone: pending when somebody asks, active when he may watch, terminated when that is over. What does not fit into a NOTIFY
 * (over UDP) follows in the next one. Nobody is told of what is not on the disk yet. What our user does about it is bridge/watch_x2s.h.
 *
 * Memory: about 200 bytes for a subscription, 8 of a user at most; and until it is told, what has changed, at most 2000 watchers of each.
 */
#ifndef STOX_BRIDGE_WINFO_H
#define STOX_BRIDGE_WINFO_H

#include "base/hash.h"
#include "bridge/watch_x2s_table.h"
#include "sip/subscription.h"

struct bridge;
struct contact;

/* Of a bridge. */
struct winfos {
    struct hash users; /* struct winfo_user */
    size_t n;          /* subscriptions */
    uint64_t notices, refused;
};

void winfos_init(struct bridge *b);
void winfos_fini(struct bridge *b); /* without a word to anybody */

/* What the stack says of such subscriptions (sip_event_ops). */
void winfo_subscribe(struct bridge *b, struct sip_sub *s, const struct sip_request *request);
void winfo_describe(struct sip_sub *s, bool last, struct sip_sub_notice *out);
void winfo_refreshed(struct sip_sub *s);
bool winfo_way(struct sip_sub *s, struct arena *a, struct sip_destination *out);
void winfo_ended(struct sip_sub *s, const struct sip_sub_end *end);

/* The partner's user of this contact has asked, or may watch, or does so no longer, because of why; not on the disk yet. */
void winfo_changed(struct bridge *b, struct contact *c, enum x2s_event why);

/* Settings have changed. */
void winfos_reconsider(struct bridge *b);

/* The orderly end: about n are told. True: none is left. */
bool winfos_stop(struct bridge *b, size_t n);

#endif
