/*
 * Carries bytes between an administrator's connection and the HTTP library: TLS and deadlines are here, on the loop, and
 * the library sees a socketpair. What goes in has passed the guard.
 *
 * Limits: SPLICE_MAX connections over TCP, SPLICE_MAX_PER_ADDRESS of them from one address (several people's browsers,
 * behind a proxy), and SPLICE_MAX over the unix socket; one that is between two requests gives way. A request must make
 * progress every SPLICE_IDLE_MS and be whole after SPLICE_REQUEST_MS; so must the reading of the answer.
 */
#ifndef STOX_ADMIN_SPLICE_H
#define STOX_ADMIN_SPLICE_H

#include "admin/origin.h"
#include "net/conn.h"

#define SPLICE_MAX 64
#define SPLICE_MAX_PER_ADDRESS 32
#define SPLICE_IDLE_MS 10000
#define SPLICE_REQUEST_MS 60000
#define SPLICE_ANSWER_MS 300000 /* what a handler may take: a large change waits for its database */

struct splices {
    struct loop *loop;
    struct tls *tls; /* borrowed; NULL without TLS */
    /* Gives one end of a socketpair to the HTTP library, which owns it from then on. */
    bool (*hand_over)(void *owner, int fd, const struct origin *origin);
    void *owner;
    unsigned idle_ms, request_ms;
    struct list all;
    struct log_limit limit;
};

void splices_init(struct splices *s, struct loop *loop, struct tls *tls);
void splices_close(struct splices *s); /* cuts all */

/* Takes an accepted socket. */
void splice_accept(struct splices *s, int fd, const struct origin *origin);

#endif
