/* What the files of winfo share: subscriptions (winfo.c), and what they have still to tell (winfo_news.c). */
#ifndef STOX_BRIDGE_WINFO_PARTS_H
#define STOX_BRIDGE_WINFO_PARTS_H

#include "bridge/bridge_private.h"
#include "bridge/winfo.h"
#include "map/winfo.h"

#define WINFO_PER_USER 8
#define WINFO_NEWS_MAX 2000

/* One of ours who looks. Owned by the table. */
struct winfo_user {
    struct hash_node node;
    struct bridge *bridge;
    struct list watches; /* struct winfo_watch, the oldest first */
    size_t n;
    uint16_t n_name;
    char name[]; /* bare address, prepared */
};

/* One subscription of his. */
struct winfo_watch {
    struct list link;
    struct winfo_user *user;
    struct sip_sub *sub;
    struct list news; /* struct winfo_news: of whom the next documents tell, in this order */
    size_t n_news;
    uint32_t version; /* of the next document */
    bool whole;       /* the next one has all watchers */
};

/* A watcher of whom there is something to tell. */
struct winfo_news {
    struct list link;
    unsigned waits; /* changes of his that are not on the disk yet: not to be told before */
    enum map_watcher_status status;
    enum map_watcher_event event;
    uint32_t since_s; /* wall clock */
    uint16_t n_name;
    char name[]; /* bare address */
};

/* A bare address, prepared, in parts; borrowed. */
static inline struct jid winfo_jid(struct slice name)
{
    size_t at = slice_find(name, '@');

    return (struct jid){ .local = slice_first(name, at), .domain = slice_from(name, at + 1) };
}

/* The user of this bare address, if he looks. */
struct winfo_user *winfo_user_find(const struct bridge *b, struct slice name);

/* ---- winfo_news.c ---- */

void winfo_news_free(struct winfo_watch *w); /* all of them */

/* The document that is due now: at most max bytes (0: as it likes), with all watchers, or with those of whom there are news. In the scratch
 * buffer; body empty: no memory. True: there is more to tell. */
bool winfo_put(struct winfo_watch *w, bool whole, size_t max, struct sip_content *out);

#endif
