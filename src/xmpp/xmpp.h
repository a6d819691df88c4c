/*
 * XMPP federation in this process: the streams themselves. Its owner speaks to it through xmpp/federation.h, where these calls are
 * explained; those who have made it themselves (tests, tools, measuring programs) may call it directly.
 */
#ifndef STOX_XMPP_XMPP_H
#define STOX_XMPP_XMPP_H

#include "net/conn.h"
#include "net/dns.h"
#include "xmpp/federation.h"

struct xmpp;

/* The maker of it (local.c). Everything is borrowed, and outlives what is made. */
struct xmpp_local {
    struct federation_maker maker; /* xmpp_local_make */
    struct tls *tls;
    struct dns *dns;
    const struct addr *listen; /* for STARTTLS; opened by federation_start */
    size_t n_listen;
    const struct addr *direct; /* for TLS from the first byte (XEP-0368) */
    size_t n_direct;
};
struct federation *xmpp_local_make(const struct federation_maker *maker, struct loop *loop,
                                   const struct federation_conf *conf, struct err *err);

struct xmpp_conf {
    const struct xmpp_ops *ops;
    void *owner;
    struct tls *tls;
    struct dns *dns;
    struct slice dialback_secret; /* see federation_set_secret */
    struct xmpp_limits limits;
    unsigned per_ip_unauthenticated; /* 64; of IPv6 by /64 */
    unsigned per_ip_handshakes;      /* 50: TLS handshakes of inbound streams, a second; 0: no limit */
    unsigned unauthenticated_s;      /* 30: life of an inbound stream before authentication */
    unsigned connect_s;              /* 10 for one address */
    size_t stanza_max;               /* 256 KiB */
    size_t queue_max_stanzas;        /* per pair, unsent and unacknowledged: 2048 */
    size_t queue_max_bytes;          /* per pair: 1 MiB */
    unsigned port;                   /* 5269; tests may differ */
};

struct xmpp *xmpp_new(struct loop *loop, const struct xmpp_conf *conf, struct err *err);
void xmpp_stop(struct xmpp *x, void (*done)(void *arg), void *arg);
void xmpp_free(struct xmpp *x);
void xmpp_refuse(struct xmpp *x, bool refuse);
void xmpp_rest(struct xmpp *x);
/* leave.c */
void xmpp_leave(struct xmpp *x);
size_t xmpp_leave_close(struct xmpp *x);

int xmpp_listen(struct xmpp *x, const struct addr *local, struct err *err);
/* Where partners begin with TLS at the first byte (XEP-0368). */
int xmpp_listen_direct(struct xmpp *x, const struct addr *local, struct err *err);

bool xmpp_send(struct xmpp *x, struct slice local, struct slice remote, struct slice stanza, uint64_t token,
               enum xmpp_fate *fate);
const char *xmpp_refusal(const struct xmpp *x, struct slice local, struct slice remote, enum xmpp_fate fate);
bool xmpp_withdraw(struct xmpp *x, uint64_t token);
bool xmpp_is_crowded(const struct xmpp *x, struct slice local, struct slice remote);
bool xmpp_is_linked(const struct xmpp *x, struct slice remote);
void xmpp_handled(struct xmpp *x, uint64_t receipt);
bool xmpp_pause(struct xmpp *x, struct slice remote, bool pause);

/* Of the stream that a stanza came on. */
static inline uint64_t xmpp_stream_of_receipt(uint64_t receipt)
{
    return receipt >> 32;
}

/* Also once when ops can be asked for the first time: components attach then. */
void xmpp_reconsider(struct xmpp *x);
void xmpp_revocations_changed(struct xmpp *x);
void xmpp_set_limits(struct xmpp *x, const struct xmpp_limits *limits);
bool xmpp_set_secret(struct xmpp *x, struct slice secret);

void xmpp_each_stream(const struct xmpp *x, xmpp_stream_fn *fn, void *arg);
bool xmpp_show_stream(const struct xmpp *x, uint64_t id, xmpp_detail_fn *fn, void *arg);
bool xmpp_close_stream(struct xmpp *x, uint64_t id);
/* queue.c */
bool xmpp_walk_queue(struct xmpp *x, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg);
const struct xmpp_counters *xmpp_counters(const struct xmpp *x);

#endif
