/*
 * Who watches a SIP user: documents of presence.winfo (RFC 3857, RFC 3858), by which the one who is watched learns it. Pure functions.
 * Written for event presence alone; they are never read: what a SIP system decides about watchers it says in the subscription itself.
 */
#ifndef STOX_MAP_WINFO_H
#define STOX_MAP_WINFO_H

#include "base/buf.h"
#include "map/address.h"
#include "xmpp/jid.h"

#define MAP_WINFO_TYPE "application/watcherinfo+xml"
#define MAP_WINFO_MAX 65536 /* bytes of a document */

enum map_watcher_status { MAP_WATCHER_PENDING, MAP_WATCHER_ACTIVE, MAP_WATCHER_TERMINATED };

/* What has brought him there. */
enum map_watcher_event {
    MAP_WATCHER_SUBSCRIBE,
    MAP_WATCHER_APPROVED,
    MAP_WATCHER_REJECTED,
    MAP_WATCHER_TIMEOUT,
    MAP_WATCHER_GIVEUP,
    MAP_WATCHER_NORESOURCE,
};

struct map_watcher {
    struct slice id; /* of the subscription, as its notifier names it */
    struct jid who;  /* bare */
    enum map_watcher_status status;
    enum map_watcher_event event;
    uint64_t since_s; /* that have gone since he was there; 0: not said */
};

struct map_winfo {
    uint32_t version; /* 0 for the first of a subscription, then one more each time */
    bool full;        /* all there are; else those that have changed */
    size_t n;
    const struct map_watcher *v;
};

/*
 * Appends the document about this person's watchers, as many of them as fit into max bytes, in their order; names of domains by aliases
 * (or NULL). Returns how many are done with: those that follow belong into the next document, a partial one. One without a SIP address,
 * or who alone does not fit, is left out.
 */
size_t map_put_winfo(struct buf *out, const struct jid *person, const struct map_aliases *aliases,
                     const struct map_winfo *w, size_t max);

#endif
