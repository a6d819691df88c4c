/*
 * One stream connection: TCP, with TLS from the first byte, or from the middle on (STARTTLS). Input comes to the owner as
 * bytes in order; output is collected during a turn of the loop and leaves as one TLS record and one write (corking).
 * Buffers are given back while idle, so that a quiet stream costs little.
 */
#ifndef STOX_NET_CONN_H
#define STOX_NET_CONN_H

#include "net/addr.h"
#include "net/loop.h"
#include "net/tls.h"

struct conn;

/* Why a connection ended, as the owner's closed() hears it. */
enum conn_end {
    CONN_END_LOCAL,       /* conn_close was called */
    CONN_END_PEER,        /* the peer closed in order (FIN, close_notify) */
    CONN_END_RESET,       /* the peer or the network cut it */
    CONN_END_REFUSED,     /* connect: nobody listens there */
    CONN_END_UNREACHABLE, /* connect: no route, no network */
    CONN_END_TIMEOUT,     /* connect took too long */
    CONN_END_TLS,         /* handshake or record failure; text says which */
    CONN_END_TLS_VERSION, /* of these: no common version */
    CONN_END_TLS_REFUSED, /* of these: the peer refuses our certificate */
    CONN_END_TLS_NONE,    /* of these: what it answers is no TLS */
    CONN_END_SLOW,        /* the send queue is full: the peer does not read */
    CONN_END_MEMORY,
};
const char *conn_end_name(enum conn_end why);

/* Called from the loop, never from inside a call on the same connection. */
struct conn_ops {
    /* Connected, and TLS is up if it was asked for at connect. Not called for accepted plain connections. */
    void (*open)(void *owner, struct conn *c);
    /*
     * Bytes. Returns how many were used; what is left comes again, with more behind it. An owner that leaves rx_max
     * bytes unused is closed. After conn_start_tls in here, whatever was received and not used is thrown away, and is
     * never seen again (STARTTLS injection, CVE-2011-0411).
     */
    size_t (*data)(void *owner, struct conn *c, char *p, size_t n);
    /* The handshake that conn_start_tls began is done. */
    void (*secured)(void *owner, struct conn *c);
    /* The send queue, once over half of tx_max, is empty again. May be NULL. */
    void (*drained)(void *owner, struct conn *c);
    /* The last call; c is freed after it. text: a clause for the log, never NULL. */
    void (*closed)(void *owner, struct conn *c, enum conn_end why, const char *text);
};

struct conn_conf {
    const struct conn_ops *ops;
    void *owner;
    struct tls *tls; /* may be NULL when TLS is never used */
    size_t rx_max;   /* most unused input the owner may leave */
    size_t tx_max;   /* most output waiting for the peer; one more byte ends the connection with CONN_END_SLOW */
    uint64_t connect_ms;
    bool secret; /* passwords and keys pass: what waited is wiped before its memory is given back */
};

/* Starts to connect. local: address to bind to, or NULL. tls_wish: direct TLS, or NULL. NULL on memory or sockets. */
struct conn *conn_connect(struct loop *loop, const struct conn_conf *conf, const struct addr *to,
                          const struct addr *local, const struct tls_wish *tls_wish);

/* Takes an accepted socket. tls_wish: direct TLS (then open() is called when it is up), or NULL. NULL: fd was closed. */
struct conn *conn_accept(struct loop *loop, const struct conn_conf *conf, int fd, const struct addr *peer,
                         const struct tls_wish *tls_wish);

void conn_set_owner(struct conn *c, const struct conn_ops *ops, void *owner);
void conn_set_limits(struct conn *c, size_t rx_max, size_t tx_max);

/* Copies p into this turn's output. False when the connection is ending (the owner will hear or has asked for it). */
bool conn_write(struct conn *c, const char *p, size_t n);

/* Output in place: room for n bytes, then how many were written there. NULL as false above. */
char *conn_reserve(struct conn *c, size_t n);
void conn_commit(struct conn *c, size_t n);

/* STARTTLS: what was written before goes out in clear, then the handshake starts. Unread input is thrown away. */
bool conn_start_tls(struct conn *c, const struct tls_wish *wish);

/* Stop and go on reading: flow control toward the peer. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* Sends what waits, then close_notify and FIN, and waits at most 2 s for that; closed() follows. No more data() calls. */
void conn_close(struct conn *c);

/* Cuts at once; closed() follows from the loop with CONN_END_LOCAL. */
void conn_abort(struct conn *c);

/* Forgets the owner: no callback comes any more, closed() neither; the rest as conn_abort. */
void conn_detach(struct conn *c);

const struct addr *conn_peer(const struct conn *c);
const struct addr *conn_local(const struct conn *c);
bool conn_is_secure(const struct conn *c);
SSL *conn_ssl(struct conn *c);                      /* NULL without TLS */
const char *conn_tls_version(const struct conn *c); /* "TLSv1.3", or "" */
const char *conn_tls_cipher(const struct conn *c);
size_t conn_tx_pending(const struct conn *c);

/* Has the peer's kernel acknowledged every byte we wrote? Then the line was alive a moment ago. */
bool conn_is_acked(const struct conn *c);

/* A listening TCP socket. */
struct listener;
struct listener_ops {
    /* The owner takes fd. */
    void (*accepted)(void *owner, struct listener *l, int fd, const struct addr *peer);
};
struct listener *listener_open(struct loop *loop, const struct addr *local, const struct listener_ops *ops, void *owner,
                               struct err *err);
const struct addr *listener_local(const struct listener *l);
void listener_close(struct listener *l);

/*
 * Would a connection to this address arrive at a listener that is bound to local? One bound to 0.0.0.0 or [::] takes what
 * goes to any address of this machine in its family: the kernel is asked which those are, nothing is sent.
 */
bool listener_takes(const struct addr *local, const struct addr *to);

#endif
