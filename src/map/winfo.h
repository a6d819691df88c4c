/*
 * Who watches a SIP user: documents of presence.winfo (RFC 3857, RFC 3858), by which the SIP side asks him and hears what he wants.
 * Pure functions. Read and written for event presence alone.
 */
#ifndef STOX_MAP_WINFO_H
#define STOX_MAP_WINFO_H

#include "base/arena.h"
#include "base/buf.h"
#include "map/address.h"
#include "xmpp/jid.h"

#define MAP_WINFO_TYPE "application/watcherinfo+xml"
#define MAP_WINFO_MAX 65536  /* bytes of a document that is read */
#define MAP_WATCHERS_MAX 512 /* that are read of one */
#define MAP_WINFO_ARENA ((size_t)1 << 20)

enum map_watcher_status { MAP_WATCHER_PENDING, MAP_WATCHER_ACTIVE, MAP_WATCHER_WAITING, MAP_WATCHER_TERMINATED };

/* What has brought him there. */
enum map_watcher_event {
    MAP_WATCHER_SUBSCRIBE,
    MAP_WATCHER_APPROVED,
    MAP_WATCHER_DEACTIVATED,
    MAP_WATCHER_PROBATION,
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
    struct slice name;              /* display-name; may be empty */
    uint64_t expires_in_s, since_s; /* time that is left, that has gone; 0: not said */
};

struct map_winfo {
    uint64_t version; /* 0 for the first of a subscription, then one more each time; 32 bits */
    bool full;        /* all there are; else those that have changed */
    bool more;        /* there were more than are read, or with addresses that are none on XMPP */
    size_t n;
    struct map_watcher *v;
};

/* Appends the document about this person's watchers; names of domains by aliases (or NULL). One without a SIP address is left out. */
void map_put_winfo(struct buf *out, const struct jid *person, const struct map_aliases *aliases,
                   const struct map_winfo *w);

enum map_winfo_fault {
    MAP_WINFO_OK,        /* no watchers in it is none either */
    MAP_WINFO_MALFORMED, /* 400 */
    MAP_WINFO_NO_MEMORY,
};

/* Reads the lists that are of this person and of event presence; others are passed over. The arena must let it take MAP_WINFO_ARENA. */
enum map_winfo_fault map_read_winfo(struct arena *a, struct slice body, const struct jid *person,
                                    const struct map_aliases *aliases, struct map_winfo *out);

/* What to do with a document after the one of version last (RFC 3858 5); has_last: there was one in this subscription. */
enum map_winfo_order {
    MAP_WINFO_REPLACE, /* full: these are all */
    MAP_WINFO_CHANGE,  /* partial, the next one: these have changed */
    MAP_WINFO_OLD,     /* a repetition, or overtaken: nothing */
    MAP_WINFO_GAP, /* partial, and some before it are missing: the same, and refresh the subscription, which gives a full one */
};
enum map_winfo_order map_winfo_order(const struct map_winfo *w, bool has_last, uint64_t last);

#endif
