/* Bytes in and out, and the handshake. All that calls the owner here runs from the loop. */
#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>

#include "net/conn_priv.h"
#include "net/tls_priv.h"

char *conn_queue_room(struct conn_queue *q, size_t n, size_t first)
{
    size_t cap;
    char *p;

    if (q->p && q->cap - q->off - q->n >= n)
        return q->p + q->off + q->n;
    if (n > SIZE_MAX / 4 - q->n)
        return NULL;
    /* Moving to the front pays when at least half of the memory is free again; else growing does. */
    if (q->p && q->off >= q->cap / 2 && q->cap - q->n >= n) {
        memmove(q->p, q->p + q->off, q->n);
        q->off = 0;
        return q->p + q->n;
    }
    cap = q->n + n > 2 * q->n ? q->n + n : 2 * q->n;
    cap = cap > first ? cap : first;
    cap = cap > CONN_QUEUE_FIRST ? cap : CONN_QUEUE_FIRST;
    p = malloc(cap);
    if (!p)
        return NULL;
    if (q->n > 0)
        memcpy(p, q->p + q->off, q->n);
    conn_queue_give_back(q);
    *q = (struct conn_queue){ .p = p, .n = q->n, .cap = cap, .secret = q->secret };
    return p + q->n;
}

void conn_queue_shrink(struct conn_queue *q)
{
    char *p;

    if (q->n == 0) {
        conn_queue_free(q);
        return;
    }
    if (q->cap <= CONN_QUEUE_KEEP || q->n > q->cap / 4 || !(p = malloc(q->n)))
        return;
    memcpy(p, q->p + q->off, q->n);
    conn_queue_give_back(q);
    *q = (struct conn_queue){ .p = p, .n = q->n, .cap = q->n, .secret = q->secret };
}

static const char *errno_text(int fault)
{
    return fault == EPIPE ? "the peer had closed the connection" : uv_strerror(-fault);
}

static enum conn_end end_of_failure(enum tls_failure failure)
{
    switch (failure) {
    case TLS_FAILURE_OTHER: break;
    case TLS_FAILURE_VERSION: return CONN_END_TLS_VERSION;
    case TLS_FAILURE_OUR_CERTIFICATE: return CONN_END_TLS_REFUSED;
    case TLS_FAILURE_NONE: return CONN_END_TLS_NONE;
    case TLS_FAILURE_MEMORY: return CONN_END_MEMORY;
    }
    return CONN_END_TLS;
}

/* OpenSSL said no, and it is neither of the two that mean "later": keeps why, before anybody empties its queue. */
static void explain_tls(struct conn *c, const char *doing)
{
    char text[256], clause[320];
    int fault = c->wire.rx_error ? c->wire.rx_error : c->wire.tx_error;
    const char *what = text;

    c->tls_broken = true;
    c->why = CONN_END_TLS;
    if (ERR_peek_error() == 0 && fault != 0) {
        c->why = c->secure ? CONN_END_RESET : CONN_END_TLS;
        what = errno_text(fault);
    } else if (ERR_peek_error() == 0 && c->wire.eof) {
        what = "the peer closed the connection";
    } else {
        c->why = end_of_failure(tls_fault_text(text, sizeof(text)));
    }
    ERR_clear_error();
    snprintf(clause, sizeof(clause), "%s: %s", doing, what);
    free(c->text);
    c->text = strdup(clause);
}

static void end_tls(struct conn *c, const char *doing)
{
    explain_tls(c, doing);
    conn_end(c, c->why, NULL);
}

/* Sends n bytes or fewer of tx, as one record with TLS. False when the socket is full or the connection broken. */
static bool send_some(struct conn *c, size_t n, bool encrypted)
{
    size_t sent = 0;
    ssize_t got;

    if (!encrypted) {
        got = wire_send(&c->wire, conn_queue_head(&c->tx), n);
        sent = got > 0 ? (size_t)got : 0;
    } else if (!SSL_write_ex(c->ssl, conn_queue_head(&c->tx), n, &sent)) {
        int e = SSL_get_error(c->ssl, 0);
        if (e != SSL_ERROR_WANT_WRITE && e != SSL_ERROR_WANT_READ && !c->wire.tx_error)
            end_tls(c, "TLS failed while sending");
        sent = 0;
    }
    conn_queue_drop(&c->tx, sent);
    return sent > 0;
}

void conn_flush(struct conn *c)
{
    if (c->tx.n == 0)
        return;
    if (c->tx.n <= CONN_CHUNK)
        c->tx_typical = (unsigned)c->tx.n;
    if (c->ssl)
        ERR_clear_error();
    while (c->tx.n > 0 && !c->wire.tx_full && !c->wire.tx_error && c->state != CONN_ENDED) {
        /* Without TLS there is no reason to cut. */
        size_t n = c->ssl && c->tx.n > CONN_CHUNK ? CONN_CHUNK : c->tx.n;
        c->wire.more = c->tx.n > n;
        if (!send_some(c, n, c->ssl != NULL))
            break;
    }
    c->wire.more = false;
    if (c->wire.tx_error && c->ssl)
        ERR_clear_error();
    if (c->tx.n == 0)
        conn_queue_free(&c->tx);
}

/* Sends what was written before conn_start_tls. True when all of it is out. */
static bool flush_clear(struct conn *c)
{
    while (c->tx_clear > 0 && !c->wire.tx_full && !c->wire.tx_error) {
        size_t before = c->tx.n;
        if (!send_some(c, c->tx_clear, false))
            break;
        c->tx_clear -= before - c->tx.n;
    }
    if (c->tx.n == 0)
        conn_queue_free(&c->tx);
    return c->tx_clear == 0;
}

/* What reading found, besides bytes. */
enum fill {
    FILL_MORE,  /* perhaps there is more */
    FILL_EMPTY, /* not now */
    FILL_EOF,   /* the peer closed, in order or nearly */
    FILL_FAIL,
};

static enum fill fill_plain(struct conn *c, char *p, size_t size, size_t *n)
{
    ssize_t got = wire_recv(&c->wire, p, size);

    if (got > 0)
        *n = (size_t)got;
    if (got >= 0)
        return got > 0 ? FILL_MORE : FILL_EOF;
    if (errno == EAGAIN)
        return FILL_EMPTY;
    c->why = CONN_END_RESET;
    c->text = strdup(errno_text(errno));
    return FILL_FAIL;
}

/* Several small records are handed over as one piece. Goes on until OpenSSL has nothing left: it must not hold bytes
 * that no poll would tell us of. The number of reads below bounds it. */
static enum fill fill_tls(struct conn *c, char *p, size_t size, size_t *n)
{
    size_t got;

    while (*n < size) {
        if (SSL_read_ex(c->ssl, p + *n, size - *n, &got)) {
            *n += got;
            continue;
        }
        switch (SSL_get_error(c->ssl, 0)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: return FILL_EMPTY;
        case SSL_ERROR_ZERO_RETURN: return FILL_EOF;
        default:
            /* Many XMPP and SIP peers close without close_notify. Both protocols have an end of their own inside. */
            c->tls_broken = true;
            if (c->wire.eof && !c->wire.rx_error)
                return FILL_EOF;
            explain_tls(c, c->wire.rx_error ? "TLS connection lost" : "TLS failed while receiving");
            return FILL_FAIL;
        }
    }
    return FILL_MORE;
}

/* Gives the owner p (n bytes, in rx or not) and keeps what it leaves. */
static void deliver(struct conn *c, char *p, size_t n, bool in_rx)
{
    size_t used = c->ops->data(c->owner, c, p, n);
    char *room;

    if (c->state != CONN_OPEN) {
        conn_queue_free(&c->rx);
        return;
    }
    if (used > n)
        used = n;
    if (in_rx) {
        conn_queue_drop(&c->rx, used);
        conn_queue_shrink(&c->rx);
    } else if (used < n) {
        room = conn_queue_room(&c->rx, n - used, 0);
        if (!room) {
            conn_end(c, CONN_END_MEMORY, NULL);
            return;
        }
        memcpy(room, p + used, n - used);
        c->rx.n = n - used;
    }
    if (n - used >= c->rx_max && !c->paused)
        conn_end_printf(c, CONN_END_MEMORY, "the peer sent %zu bytes that make no whole; at most %zu are kept",
                        n - used, c->rx_max);
}

/* New bytes, behind those that were left. */
static void take(struct conn *c, char *p, size_t n)
{
    char *room;

    if (c->rx.n == 0) {
        deliver(c, p, n, false);
        return;
    }
    room = conn_queue_room(&c->rx, n, 0);
    if (!room) {
        conn_end(c, CONN_END_MEMORY, NULL);
        return;
    }
    memcpy(room, p, n);
    c->rx.n += n;
    deliver(c, conn_queue_head(&c->rx), c->rx.n, true);
}

/* The peer has closed. What the owner wrote in this turn may still reach it. */
static void read_eof(struct conn *c)
{
    conn_flush(c);
    if (c->state != CONN_OPEN)
        return;
    if (c->ssl && !c->tls_broken && c->tx.n == 0 && !c->wire.tx_error)
        SSL_shutdown(c->ssl);
    ERR_clear_error();
    conn_end(c, CONN_END_PEER, c->tls_broken ? "closed by the peer, without TLS close_notify" : NULL);
}

void conn_read(struct conn *c)
{
    char scratch[CONN_CHUNK];
    enum fill status = FILL_MORE;

    if (c->ssl)
        ERR_clear_error();
    while (status == FILL_MORE && c->state == CONN_OPEN && !c->paused) {
        size_t n = 0;
        status = c->ssl ? fill_tls(c, scratch, sizeof(scratch), &n) : fill_plain(c, scratch, sizeof(scratch), &n);
        if (n > 0)
            take(c, scratch, n);
    }
    if (c->state != CONN_OPEN)
        return;
    if (c->ssl)
        SSL_free_buffers(c->ssl); /* handshake messages, tickets too, leave buffers that the releasing mode misses */
    if (c->ssl && tls_rekeys_too_often(c->ssl))
        conn_end(c, CONN_END_TLS, "the peer changes its keys all the time (TLS key updates)");
    else if (status == FILL_FAIL)
        conn_end(c, c->why, NULL);
    else if (status == FILL_EOF && !c->paused) /* a paused owner finds it again when it resumes */
        read_eof(c);
}

void conn_settle(struct conn *c)
{
    if (c->state == CONN_OPEN && c->tx_high && c->tx.n == 0) {
        c->tx_high = false;
        if (c->ops->drained)
            c->ops->drained(c->owner, c);
    }
    if (c->state == CONN_OPEN && c->resumed && !c->paused) {
        c->resumed = false;
        if (c->rx.n > 0)
            deliver(c, conn_queue_head(&c->rx), c->rx.n, true);
        if (c->state == CONN_OPEN && !c->paused)
            conn_read(c);
    }
    /* Sending failed; the peer's last words may still be in the socket. */
    if (c->state == CONN_OPEN && c->wire.tx_error && !c->paused)
        conn_read(c);
    if (c->state == CONN_OPEN && c->wire.tx_error)
        conn_end(c, CONN_END_RESET, errno_text(c->wire.tx_error));
}

static void handshake_done(struct conn *c)
{
    c->secure = true;
    conn_to(c, CONN_OPEN);
    if (c->tx.n > 0)
        loop_defer(c->loop, &c->turn);
    if (c->direct_tls && c->ops->open)
        c->ops->open(c->owner, c);
    else if (!c->direct_tls && c->ops->secured)
        c->ops->secured(c->owner, c);
    /* The peer's first bytes may have come with its last handshake message. */
    if (c->state == CONN_OPEN && !c->paused)
        conn_read(c);
}

void conn_handshake(struct conn *c)
{
    int rc;

    if (!flush_clear(c)) {
        if (c->wire.tx_error)
            conn_end(c, CONN_END_RESET, errno_text(c->wire.tx_error));
        return;
    }
    ERR_clear_error();
    rc = SSL_do_handshake(c->ssl);
    if (rc == 1) {
        handshake_done(c);
        return;
    }
    rc = SSL_get_error(c->ssl, rc);
    if (rc != SSL_ERROR_WANT_READ && rc != SSL_ERROR_WANT_WRITE)
        end_tls(c, "TLS handshake failed");
}

/* False when close_notify and FIN have to wait for room in the socket. */
static bool send_fin(struct conn *c)
{
    if (c->fin_sent)
        return true;
    ERR_clear_error();
    if (c->secure && !c->tls_broken && SSL_shutdown(c->ssl) < 0 && c->wire.tx_full)
        return false;
    ERR_clear_error();
    c->fin_sent = true;
    shutdown(c->wire.fd, SHUT_WR);
    return true;
}

void conn_finish(struct conn *c)
{
    char scratch[CONN_CHUNK];

    if (c->ssl && !c->secure) {
        /* The handshake will not be finished: only what was written before it can be sent. */
        if (flush_clear(c))
            conn_queue_free(&c->tx);
    } else {
        conn_flush(c);
    }
    if (c->state != CONN_CLOSING)
        return;
    if (c->wire.tx_error || (c->tx.n == 0 && send_fin(c) && c->wire.eof)) {
        conn_end(c, CONN_END_LOCAL, NULL);
        return;
    }
    while (wire_recv(&c->wire, scratch, sizeof(scratch)) > 0)
        continue;
    if (c->wire.rx_error || (c->wire.eof && c->fin_sent))
        conn_end(c, CONN_END_LOCAL, NULL);
}
