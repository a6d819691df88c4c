/*
 * How subscriptions end, from one machine to the other (catalogue 8.6 and 8.7), each as one table.
 */
#ifndef STOX_MAP_WATCH_REASON_H
#define STOX_MAP_WATCH_REASON_H

#include "base/slice.h"
#include "sip/sub_state.h"

/* A presence error in answer to our subscribe: how the SIP watchers' subscriptions end (8.7). Content is empty. */
void map_notice_of_error(struct slice condition, struct sip_sub_notice *out);

/* What the XMPP user is told when the notifier has ended our subscription (8.6). */
enum map_watch_tell {
    MAP_TELL_NOTHING,      /* what he knows stays true, or he still waits for an answer */
    MAP_TELL_GONE,         /* unavailable, for each resource that he knows as available */
    MAP_TELL_UNSUBSCRIBED, /* the same, and unsubscribed: the authorization is over */
    MAP_TELL_ERROR,        /* the same, and once an error of item-not-found */
};

#define MAP_WATCH_NEVER UINT32_MAX /* not by itself: only a new request makes a new subscription */

struct map_watch_end {
    enum map_watch_tell tell;
    uint32_t again_s; /* when to subscribe again; 0: at once; or MAP_WATCH_NEVER */
    bool backoff;     /* again_s is only the first of growing delays: the notifier has named none */
};

/*
 * terminated with this reason. retry_after_s: the notifier's, 0: none; it counts where 8.6 lets it, up to a day. asking: nobody has
 * said yes yet; then there is nothing that could be gone.
 */
struct map_watch_end map_watch_end_of(enum sip_sub_reason reason, unsigned retry_after_s, bool asking);

#endif
