/*
 * A connected socket under a connection, read and written the same way with and without TLS: never SIGPIPE, a bounded
 * number of reads in one turn, no read that is known to find nothing. OpenSSL reaches it as a BIO, so that records go
 * from its own buffer straight to the kernel.
 */
#ifndef STOX_NET_WIRE_H
#define STOX_NET_WIRE_H

#include <openssl/bio.h>
#include <stdbool.h>
#include <sys/types.h>

struct wire {
    int fd;
    int rx_error;         /* errno that ended reading, or 0 */
    int tx_error;         /* errno that ended writing, or 0 */
    unsigned short reads; /* how many more in this turn */
    bool eof;             /* the peer sent FIN */
    bool tx_full;         /* the last send found no room: wait until the socket is writable */
    bool more;            /* more output follows at once: the kernel may wait for it to fill a segment */
};

/* Gives this turn its share of reads. Level-triggered polling brings what they leave. */
static inline void wire_turn(struct wire *w)
{
    w->reads = 4;
}

/* Bytes read, 0 at the peer's FIN, -1 and errno otherwise: EAGAIN when there is nothing (more in this turn). */
ssize_t wire_recv(struct wire *w, void *p, size_t n);

/* Bytes sent, or -1 and errno; EAGAIN sets tx_full. */
ssize_t wire_send(struct wire *w, const void *p, size_t n);

/* How OpenSSL calls the two above; the BIO's data is the struct wire. Freed with BIO_meth_free. */
BIO_METHOD *wire_bio_method(void);

#endif
