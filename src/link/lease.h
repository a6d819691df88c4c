/*
 * Until when a proxy may write what a gateway has given it (docs/PERIMETER.md, "Deadlines", "Lease"). The proxy asks with its clock (PING), the
 * gateway answers with its own (PONG): that moment of the gateway's was not before the question. So every limit that is
 * computed from both errs toward too early, by a round trip at most, however late an answer comes. Times are in ms.
 */
#ifndef STOX_LINK_LEASE_H
#define STOX_LINK_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#define LINK_PING_MS 1000
#define LINK_SILENCE_MS 10000 /* nothing from the other end for so long ends the connection */
#define LINK_LEASE_MS 2500    /* since the last question that was answered, the proxy may write */
#define LINK_MOVE_MS 3000     /* since the last answer, the gateway waits before another proxy may */
#define LINK_EARLY_MS 500     /* before its owner gives a stanza up: time for the news to arrive */
#define LINK_SESSION_MS 20000 /* a session outlives its connection by so much */

/* The proxy's side. Zeroed: nothing was asked. */
struct link_lease {
    uint64_t asked_ms;             /* the last question */
    uint64_t proxy_ms, gateway_ms; /* the last one that was answered, and what was */
    bool answered;
};

void link_lease_ask(struct link_lease *l, uint64_t now_ms);

/* False: this was never asked, or the gateway's clock went back; the link ends. */
bool link_lease_answer(struct link_lease *l, uint64_t proxy_ms, uint64_t gateway_ms);

/* Another connection of the session: what was answered still holds; what was asked is not answered any more. */
static inline bool link_lease_holds(const struct link_lease *l, uint64_t now_ms)
{
    return l->answered && now_ms < l->proxy_ms + LINK_LEASE_MS;
}

/* When it ends, by the proxy's clock; 0: it has not begun. */
static inline uint64_t link_lease_end(const struct link_lease *l)
{
    return l->answered ? l->proxy_ms + LINK_LEASE_MS : 0;
}

/* When, by the proxy's clock, what the gateway gives up at until_ms has to be taken back. 0: at once. until_ms 0: UINT64_MAX. */
uint64_t link_lease_deadline(const struct link_lease *l, uint64_t until_ms);

#endif
