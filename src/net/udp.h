/*
 * A UDP socket in batches: up to 64 datagrams per recvmmsg, and all that was sent in one turn of the loop leaves in one
 * sendmmsg. One wake-up per message would cost five times the message.
 */
#ifndef STOX_NET_UDP_H
#define STOX_NET_UDP_H

#include "net/addr.h"
#include "net/loop.h"

struct udp;

struct udp_ops {
    /* One datagram; p is borrowed until return. */
    void (*datagram)(void *owner, struct udp *u, const struct addr *from, char *p, size_t n);
    /* An ICMP error came back for a destination: it refuses datagrams (may be NULL). */
    void (*refused)(void *owner, struct udp *u, const struct addr *to);
    /* All datagrams of this batch were handed over (may be NULL). */
    void (*batch_end)(void *owner, struct udp *u);
};

/* Binds to local. NULL with err set on failure. */
struct udp *udp_open(struct loop *loop, const struct addr *local, const struct udp_ops *ops, void *owner,
                     struct err *err);
void udp_close(struct udp *u);

/* The one of this loop that is bound there; NULL: none. */
struct udp *udp_at(struct loop *loop, const struct addr *local);

/* As if it had just come by the socket. */
void udp_take(struct udp *u, const struct addr *from, char *p, size_t n);

/* Where it is bound, with the real port. */
const struct addr *udp_local(const struct udp *u);

/* Copies p and sends at the end of the turn. False (dropped and counted) when 1024 datagrams already wait. */
bool udp_send(struct udp *u, const struct addr *to, const char *p, size_t n);

struct udp_counters {
    uint64_t in, in_bytes, out, out_bytes, out_dropped, batches;
};
const struct udp_counters *udp_counters(const struct udp *u);

#endif
