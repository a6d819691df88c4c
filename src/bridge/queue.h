/* What waits, both ways, as administrators see it. */
#ifndef STOX_BRIDGE_QUEUE_H
#define STOX_BRIDGE_QUEUE_H

#include "bridge/bridge.h"

/* Toward SIP one for each two people, toward XMPP one for each two domains. Everything is borrowed until fn returns. */
struct bridge_queue_info {
    bool to_sip;
    struct slice from, to;      /* addresses; toward XMPP domains */
    struct slice local, remote; /* domains */
    size_t n, bytes, n_written; /* written: of n, on their way, and not answered or acknowledged */
    uint64_t since_ms;          /* of the loop: the oldest of them */
    const char *waits_for;
    uint64_t until_ms; /* then something else happens; 0: not by time */
    const char *then;  /* what becomes of them */
    uint64_t then_ms;  /* of the oldest, when; 0: not by time */
    uint64_t stream;   /* toward XMPP; 0: none */
};

/* How far a walk has come; zero at first. */
struct bridge_queue_at {
    uint64_t at;
    bool to_xmpp;
};
/* Goes on through a part of them that takes little time: there may be a hundred thousand. False: that was the end. What waits all
 * the while is met once. */
bool bridge_walk_queue(struct bridge *b, struct bridge_queue_at *at,
                       void (*fn)(void *arg, const struct bridge_queue_info *info), void *arg);

#endif
