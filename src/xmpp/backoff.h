/*
 * How long a pair of domains that could not be connected is not tried again (RFC 6120 3.3, STOX-S2S-06). The first failure
 * holds for a random time of one to ten seconds, so that one hiccup costs a person nothing much and those that failed
 * together come back apart; each further one doubles the bound, up to ten minutes, and takes the upper half of it by
 * chance. Pure: time and chance are parameters.
 */
#ifndef STOX_XMPP_BACKOFF_H
#define STOX_XMPP_BACKOFF_H

#include <stdbool.h>
#include <stdint.h>

#define XMPP_BACKOFF_LEAST_MS 1000
#define XMPP_BACKOFF_FIRST_MS 10000 /* bound of the first */
#define XMPP_BACKOFF_MAX_MS 600000

/* All zero: nothing has failed. */
struct xmpp_backoff {
    unsigned n; /* failures in a row */
    uint64_t until_ms;
};

/* random(n) gives 0..n-1. */
void xmpp_backoff_failed(struct xmpp_backoff *b, uint64_t now_ms, uint64_t (*random)(uint64_t below));
bool xmpp_backoff_holds(const struct xmpp_backoff *b, uint64_t now_ms);

/* A stream was ready, the partner was heard of, or the settings have changed. */
void xmpp_backoff_clear(struct xmpp_backoff *b);

#endif
