/*
 * How the subscriptions of SIP watchers end when XMPP says no (catalogue 8.7), as one table. The other way round (8.6):
 * bridge/watch_x2s_table.h.
 */
#ifndef STOX_MAP_WATCH_REASON_H
#define STOX_MAP_WATCH_REASON_H

#include "base/slice.h"
#include "sip/sub_state.h"

/* A presence error in answer to our subscribe: how the SIP watchers' subscriptions end (8.7). Content is empty. */
void map_notice_of_error(struct slice condition, struct sip_sub_notice *out);

#endif
