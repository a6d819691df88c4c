/* Inside src/net: what conn.c (life and owner's calls) and conn_io.c (bytes and handshake) share. */
#ifndef STOX_NET_CONN_PRIV_H
#define STOX_NET_CONN_PRIV_H

#include <stdlib.h>

#include "net/conn.h"
#include "net/wire.h"

enum {
    CONN_CHUNK = 16 * 1024, /* one TLS record, one read */
    CONN_CLOSE_MS = 2000,   /* for flushing, close_notify and the peer's FIN */
    CONN_QUEUE_KEEP = 4096, /* a queue below this is not shrunk */
    CONN_QUEUE_FIRST = 256, /* smallest allocation */
};

/* Bytes in order in one run of memory, taken from the front; no memory while empty. */
struct conn_queue {
    char *p; /* owned */
    size_t off, n, cap;
    bool secret; /* wiped before it is given back */
};

static inline char *conn_queue_head(const struct conn_queue *q)
{
    return q->p + q->off;
}

static inline void conn_queue_give_back(const struct conn_queue *q)
{
    if (q->secret && q->p)
        explicit_bzero(q->p, q->cap);
    free(q->p);
}

static inline void conn_queue_free(struct conn_queue *q)
{
    conn_queue_give_back(q);
    *q = (struct conn_queue){ .secret = q->secret };
}

static inline void conn_queue_drop(struct conn_queue *q, size_t n)
{
    q->off += n;
    q->n -= n;
}

/* Where n more bytes go; q->n is the caller's to raise. At least first bytes are allocated. NULL on memory. */
char *conn_queue_room(struct conn_queue *q, size_t n, size_t first);

/* Gives back what a mostly empty queue holds. */
void conn_queue_shrink(struct conn_queue *q);

enum conn_state {
    CONN_CONNECTING,
    CONN_HANDSHAKE, /* what is in clear goes out first */
    CONN_OPEN,
    CONN_CLOSING, /* conn_close was called: output goes out, input is thrown away */
    CONN_ENDED,   /* the socket is closed; closed() and free come from the loop */
};

struct conn {
    struct loop *loop;
    const struct conn_ops *ops; /* NULL: the owner has let go */
    void *owner;
    struct tls *tls;
    SSL *ssl; /* owned; NULL without TLS */
    uv_poll_t poll;
    struct wire wire;
    struct deferred turn; /* end of the turn: flush, resume, close */
    struct timer timer;   /* connect, close */
    struct addr peer, local;
    struct conn_queue rx; /* input that the owner left */
    struct conn_queue tx; /* output not yet sent, in clear */
    size_t tx_clear;      /* of tx: written before conn_start_tls, goes out in clear */
    size_t rx_max, tx_max;
    unsigned tx_typical; /* bytes of the last turns' output, for the first allocation */
    enum conn_state state;
    enum conn_end why;
    char *text;      /* owned: more than why says, or NULL */
    int polled;      /* events that libuv watches for us */
    bool direct_tls; /* TLS from the first byte: open() follows the handshake, else secured() */
    bool secure;     /* handshake done */
    bool paused;     /* the owner wants no input */
    bool resumed;    /* ... and now does again: look at rx and at what OpenSSL holds */
    bool tx_high;    /* tx was over half of tx_max */
    bool fin_sent;
    bool tls_broken; /* no close_notify can be sent any more */
    uint64_t connect_ms;
};

/* The only place that assigns the state. */
void conn_to(struct conn *c, enum conn_state state);

/*
 * The socket is closed now; the owner hears why from the loop. First call wins. text is copied; NULL: what c->text has
 * from an earlier look at the fault, or a general one.
 */
void conn_end(struct conn *c, enum conn_end why, const char *text);
void conn_end_printf(struct conn *c, enum conn_end why, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Tells libuv what the present state waits for. */
void conn_watch(struct conn *c);

/* Output: as much as the socket takes, nothing is told to the owner. */
void conn_flush(struct conn *c);
void conn_read(struct conn *c);
void conn_connected(struct conn *c);
void conn_handshake(struct conn *c);

/* CONN_CLOSING: flush, close_notify, FIN, wait for the peer's. */
void conn_finish(struct conn *c);

/* Does what the last flush or resume left to be done. */
void conn_settle(struct conn *c);

#endif
