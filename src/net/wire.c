#include "net/wire.h"

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

ssize_t wire_recv(struct wire *w, void *p, size_t n)
{
    ssize_t got;

    if (w->eof)
        return 0;
    if (w->rx_error || w->reads == 0) {
        errno = w->rx_error ? w->rx_error : EAGAIN;
        return -1;
    }
    do
        got = recv(w->fd, p, n, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0) {
        if (errno == EWOULDBLOCK)
            errno = EAGAIN;
        if (errno != EAGAIN)
            w->rx_error = errno;
        return -1;
    }
    w->eof = got == 0 && n > 0;
    /* A short read has emptied the socket: asking again would only cost a system call. */
    w->reads = (size_t)got < n ? 0 : (unsigned short)(w->reads - 1);
    return got;
}

ssize_t wire_send(struct wire *w, const void *p, size_t n)
{
    ssize_t sent;

    if (w->tx_error) {
        errno = w->tx_error;
        return -1;
    }
    do
        sent = send(w->fd, p, n, MSG_NOSIGNAL | (w->more ? MSG_MORE : 0));
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EWOULDBLOCK)
        errno = EAGAIN;
    if (sent < 0 && errno != EAGAIN)
        w->tx_error = errno;
    w->tx_full = sent < 0 ? errno == EAGAIN : (size_t)sent < n;
    return sent;
}

static int bio_read(BIO *bio, char *p, int n)
{
    ssize_t got = n > 0 ? wire_recv(BIO_get_data(bio), p, (size_t)n) : 0;

    BIO_clear_retry_flags(bio);
    if (got < 0 && errno == EAGAIN)
        BIO_set_retry_read(bio);
    return (int)got;
}

static int bio_write(BIO *bio, const char *p, int n)
{
    ssize_t sent = n > 0 ? wire_send(BIO_get_data(bio), p, (size_t)n) : 0;

    BIO_clear_retry_flags(bio);
    if (sent < 0 && errno == EAGAIN)
        BIO_set_retry_write(bio);
    return (int)sent;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *arg)
{
    switch (cmd) {
    case BIO_CTRL_FLUSH: return 1;
    case BIO_CTRL_EOF: return ((struct wire *)BIO_get_data(bio))->eof;
    default: return 0;
    }
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

BIO_METHOD *wire_bio_method(void)
{
    BIO_METHOD *m = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "wire");

    if (m && BIO_meth_set_read(m, bio_read) && BIO_meth_set_write(m, bio_write) && BIO_meth_set_ctrl(m, bio_ctrl) &&
        BIO_meth_set_create(m, bio_create))
        return m;
    BIO_meth_free(m);
    return NULL;
}
