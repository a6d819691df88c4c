/*
 * How fast partners may speak. What was read beyond the rate is served all the same; then the partner's streams are not read
 * until it has been waited for, so that TCP slows the partner down and nothing is lost. Kept by partner, not by stream: a
 * partner that opens twenty has no more than one that opens two.
 */
#ifndef STOX_XMPP_RATE_H
#define STOX_XMPP_RATE_H

#include "xmpp/stream.h"

#define XMPP_RATE_PAUSE_MS 5000 /* at most, at once: the answers to our own tests stand behind it in the same stream */

/* So much was read from an authenticated stream. May pause it. Without memory nothing is counted. */
void xmpp_rate_take(struct xmpp_stream *s, uint64_t stanzas, uint64_t bytes);

/* All partners begin anew, none is paused any more: the rates, or whose streams they are, may have changed. */
void xmpp_rates_forget(struct xmpp *x);

#endif
