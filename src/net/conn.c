#include "net/conn_priv.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "net/tls_priv.h"

const char *conn_end_name(enum conn_end why)
{
    switch (why) {
    case CONN_END_LOCAL: return "local";
    case CONN_END_PEER: return "peer";
    case CONN_END_RESET: return "reset";
    case CONN_END_REFUSED: return "refused";
    case CONN_END_UNREACHABLE: return "unreachable";
    case CONN_END_TIMEOUT: return "timeout";
    case CONN_END_TLS:
    case CONN_END_TLS_VERSION:
    case CONN_END_TLS_REFUSED:
    case CONN_END_TLS_NONE: return "tls";
    case CONN_END_SLOW: return "slow";
    case CONN_END_MEMORY: return "memory";
    }
    return "unknown";
}

static const char *end_text(enum conn_end why)
{
    switch (why) {
    case CONN_END_LOCAL: return "closed by us";
    case CONN_END_PEER: return "closed by the peer";
    case CONN_END_RESET: return "connection reset by peer";
    case CONN_END_REFUSED: return "connection refused";
    case CONN_END_UNREACHABLE: return "it cannot be reached";
    case CONN_END_TIMEOUT: return "no answer in time";
    case CONN_END_TLS:
    case CONN_END_TLS_VERSION:
    case CONN_END_TLS_REFUSED:
    case CONN_END_TLS_NONE: return "TLS failed";
    case CONN_END_SLOW: return "the peer does not read what we send";
    case CONN_END_MEMORY: return "out of memory";
    }
    return "unknown";
}

/* Why connecting did not work. */
static enum conn_end end_of_errno(int fault)
{
    if (fault == ETIMEDOUT)
        return CONN_END_TIMEOUT;
    return fault == ECONNREFUSED ? CONN_END_REFUSED : CONN_END_UNREACHABLE;
}

void conn_to(struct conn *c, enum conn_state state)
{
    c->state = state;
}

static void conn_free(struct conn *c)
{
    SSL_free(c->ssl);
    conn_queue_free(&c->rx);
    conn_queue_free(&c->tx);
    free(c->text);
    free(c);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct conn *c = handle->data;

    if (c->ops)
        c->ops->closed(c->owner, c, c->why, c->text ? c->text : end_text(c->why));
    conn_free(c);
}

void conn_end(struct conn *c, enum conn_end why, const char *text)
{
    const struct linger cut = { .l_onoff = 1 };

    if (c->state == CONN_ENDED)
        return;
    if (c->state == CONN_CLOSING) { /* whatever came in between, the owner asked for it */
        why = CONN_END_LOCAL;
        text = end_text(why);
    }
    conn_to(c, CONN_ENDED);
    c->why = why;
    if (text) {
        free(c->text);
        c->text = strdup(text);
    }
    loop_undefer(&c->turn);
    timer_stop(&c->loop->timers, &c->timer);
    uv_close((uv_handle_t *)&c->poll, on_handle_closed);
    /* The stream is cut short anyway: the kernel shall not keep its part of it either. */
    if (c->tx.n > 0)
        setsockopt(c->wire.fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    close(c->wire.fd);
    c->wire.fd = -1;
}

void conn_end_printf(struct conn *c, enum conn_end why, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    conn_end(c, why, text);
}

static int events_wanted(const struct conn *c)
{
    int writable = c->wire.tx_full ? UV_WRITABLE : 0;

    switch (c->state) {
    case CONN_CONNECTING: return UV_WRITABLE;
    case CONN_HANDSHAKE: return c->tx_clear > 0 ? UV_WRITABLE : UV_READABLE | writable;
    case CONN_OPEN: return (c->paused ? 0 : UV_READABLE) | writable;
    case CONN_CLOSING: return (c->wire.eof || c->wire.rx_error ? 0 : UV_READABLE) | writable;
    case CONN_ENDED: return 0;
    }
    return 0;
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct conn *c = handle->data;

    if (status < 0) { /* an error waits at the socket; libuv has stopped watching it */
        c->polled = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    wire_turn(&c->wire);
    if (events & UV_WRITABLE)
        c->wire.tx_full = false;
    switch (c->state) {
    case CONN_CONNECTING: conn_connected(c); break;
    case CONN_HANDSHAKE: conn_handshake(c); break;
    case CONN_OPEN:
        if (events & UV_WRITABLE)
            conn_flush(c);
        /* Reading also finishes what TLS itself wanted to write. */
        if (((events & UV_READABLE) || c->ssl) && c->state == CONN_OPEN && !c->paused)
            conn_read(c);
        if (c->state == CONN_OPEN)
            conn_settle(c);
        break;
    case CONN_CLOSING: conn_finish(c); break;
    case CONN_ENDED: break;
    }
    conn_watch(c);
}

void conn_watch(struct conn *c)
{
    int want = events_wanted(c);

    if (c->state == CONN_ENDED || want == c->polled)
        return;
    c->polled = want;
    if (want == 0)
        uv_poll_stop(&c->poll);
    else
        uv_poll_start(&c->poll, want, on_poll);
}

static void on_turn(struct deferred *d)
{
    struct conn *c = container_of(d, struct conn, turn);

    wire_turn(&c->wire);
    if (c->state != CONN_OPEN)
        conn_queue_free(&c->rx);
    switch (c->state) {
    case CONN_CONNECTING: break;
    case CONN_HANDSHAKE: conn_handshake(c); break;
    case CONN_OPEN:
        conn_flush(c);
        conn_settle(c);
        break;
    case CONN_CLOSING: conn_finish(c); break;
    case CONN_ENDED: break;
    }
    conn_watch(c);
}

static void on_timer(struct timer *t)
{
    struct conn *c = container_of(t, struct conn, timer);

    if (c->state == CONN_CONNECTING)
        conn_end_printf(c, CONN_END_TIMEOUT, "no answer within %u.%u s", (unsigned)(c->connect_ms / 1000),
                        (unsigned)(c->connect_ms / 100 % 10));
    else
        conn_end(c, CONN_END_LOCAL, NULL);
}

/* Takes fd. */
static struct conn *conn_new(struct loop *loop, const struct conn_conf *conf, int fd, const struct addr *peer)
{
    struct conn *c = calloc(1, sizeof(*c));
    int on = 1;

    if (!c || uv_poll_init(&loop->uv, &c->poll, fd) != 0) {
        close(fd);
        free(c);
        return NULL;
    }
    c->poll.data = c;
    c->loop = loop;
    c->ops = conf->ops;
    c->owner = conf->owner;
    c->tls = conf->tls;
    c->wire.fd = fd;
    c->peer = *peer;
    c->rx_max = conf->rx_max;
    c->tx_max = conf->tx_max;
    c->connect_ms = conf->connect_ms;
    c->rx.secret = c->tx.secret = conf->secret;
    deferred_init(&c->turn, on_turn);
    timer_init(&c->timer, on_timer);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return c;
}

/* Puts TLS on the socket; the handshake is yet to come. */
static bool attach_tls(struct conn *c, const struct tls_wish *wish)
{
    BIO *bio;

    if (!c->tls)
        return false;
    c->ssl = tls_session(c->tls, wish);
    bio = c->ssl ? BIO_new(c->tls->wire) : NULL;
    if (!bio)
        return false;
    BIO_set_data(bio, &c->wire);
    SSL_set_bio(c->ssl, bio, bio);
    return true;
}

/* Of a connection that nobody knows yet. */
static struct conn *conn_drop(struct conn *c)
{
    conn_detach(c);
    return NULL;
}

static bool bind_local(struct conn *c, const struct addr *local)
{
    char text[ADDR_TEXT];
    int on = 1;

    if (addr_port(local) == 0)
        setsockopt(c->wire.fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    if (bind(c->wire.fd, &local->sa, addr_len(local)) == 0)
        return true;
    conn_end_printf(c, CONN_END_UNREACHABLE, "cannot connect from our address %s: %s", addr_text(local, text),
                    uv_strerror(-errno));
    return false;
}

struct conn *conn_connect(struct loop *loop, const struct conn_conf *conf, const struct addr *to,
                          const struct addr *local, const struct tls_wish *tls_wish)
{
    int fd = socket(to->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct conn *c = fd >= 0 ? conn_new(loop, conf, fd, to) : NULL;

    if (!c)
        return NULL;
    c->direct_tls = tls_wish != NULL;
    if (tls_wish && !attach_tls(c, tls_wish))
        return conn_drop(c);
    if (local && !bind_local(c, local))
        return c;
    if (connect(fd, &to->sa, addr_len(to)) != 0 && errno != EINPROGRESS) {
        conn_end(c, end_of_errno(errno), uv_strerror(-errno));
        return c;
    }
    if (conf->connect_ms > 0)
        timer_start(&loop->timers, &c->timer, conf->connect_ms);
    conn_watch(c);
    return c;
}

static void learn_local(struct conn *c)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);

    if (getsockname(c->wire.fd, (struct sockaddr *)&ss, &n) == 0)
        addr_from_sockaddr((struct sockaddr *)&ss, &c->local);
}

struct conn *conn_accept(struct loop *loop, const struct conn_conf *conf, int fd, const struct addr *peer,
                         const struct tls_wish *tls_wish)
{
    struct conn *c = conn_new(loop, conf, fd, peer);

    if (!c)
        return NULL;
    learn_local(c);
    c->direct_tls = tls_wish != NULL;
    if (tls_wish && !attach_tls(c, tls_wish))
        return conn_drop(c);
    conn_to(c, tls_wish ? CONN_HANDSHAKE : CONN_OPEN);
    conn_watch(c);
    return c;
}

void conn_connected(struct conn *c)
{
    int fault = 0;
    socklen_t n = sizeof(fault);

    if (getsockopt(c->wire.fd, SOL_SOCKET, SO_ERROR, &fault, &n) != 0)
        fault = errno;
    if (fault != 0) {
        conn_end(c, end_of_errno(fault), uv_strerror(-fault));
        return;
    }
    timer_stop(&c->loop->timers, &c->timer);
    learn_local(c);
    if (c->ssl) {
        conn_to(c, CONN_HANDSHAKE);
        conn_handshake(c);
        return;
    }
    conn_to(c, CONN_OPEN);
    if (c->tx.n > 0)
        loop_defer(c->loop, &c->turn);
    if (c->ops->open)
        c->ops->open(c->owner, c);
}

void conn_set_owner(struct conn *c, const struct conn_ops *ops, void *owner)
{
    c->ops = ops;
    c->owner = owner;
}

void conn_set_limits(struct conn *c, size_t rx_max, size_t tx_max)
{
    c->rx_max = rx_max;
    c->tx_max = tx_max;
}

/* May n more bytes wait? When they may not, the socket is asked first: it may well take what this turn collected. */
static bool tx_allows(struct conn *c, size_t n)
{
    if (c->state >= CONN_CLOSING || c->wire.tx_error)
        return false;
    if (n <= c->tx_max && c->tx.n <= c->tx_max - n)
        return true;
    if (c->state == CONN_OPEN) {
        conn_flush(c);
        if (c->state == CONN_OPEN && c->wire.tx_error)
            loop_defer(c->loop, &c->turn);
        if (c->state != CONN_OPEN || c->wire.tx_error)
            return false;
        if (n <= c->tx_max && c->tx.n <= c->tx_max - n)
            return true;
    }
    conn_end_printf(c, CONN_END_SLOW, "the peer does not read: %zu bytes wait for it", c->tx.n);
    return false;
}

static void tx_added(struct conn *c)
{
    if (c->tx.n > c->tx_max / 2)
        c->tx_high = true;
    if (c->state == CONN_OPEN)
        loop_defer(c->loop, &c->turn);
}

bool conn_write(struct conn *c, const char *p, size_t n)
{
    char *room;

    if (!tx_allows(c, n))
        return false;
    room = conn_queue_room(&c->tx, n, c->tx_typical);
    if (!room) {
        conn_end(c, CONN_END_MEMORY, NULL);
        return false;
    }
    if (n > 0)
        memcpy(room, p, n);
    c->tx.n += n;
    tx_added(c);
    return true;
}

char *conn_reserve(struct conn *c, size_t n)
{
    char *room;

    if (!tx_allows(c, 0))
        return NULL;
    room = conn_queue_room(&c->tx, n, c->tx_typical);
    if (!room)
        conn_end(c, CONN_END_MEMORY, NULL);
    return room;
}

void conn_commit(struct conn *c, size_t n)
{
    assert(n <= c->tx.cap - c->tx.off - c->tx.n);
    c->tx.n += n;
    if (tx_allows(c, 0))
        tx_added(c);
}

bool conn_start_tls(struct conn *c, const struct tls_wish *wish)
{
    if (c->state != CONN_OPEN || c->ssl)
        return false;
    if (!attach_tls(c, wish)) {
        conn_end(c, CONN_END_MEMORY, NULL);
        return false;
    }
    c->tx_clear = c->tx.n;
    conn_to(c, CONN_HANDSHAKE);
    loop_defer(c->loop, &c->turn);
    return true;
}

void conn_pause(struct conn *c)
{
    c->paused = true;
    c->resumed = false;
    conn_watch(c);
}

void conn_resume(struct conn *c)
{
    if (!c->paused || c->state >= CONN_CLOSING)
        return;
    c->paused = false;
    c->resumed = true;
    if (c->state == CONN_OPEN)
        loop_defer(c->loop, &c->turn);
}

void conn_close(struct conn *c)
{
    if (c->state >= CONN_CLOSING)
        return;
    if (c->state == CONN_CONNECTING) {
        conn_end(c, CONN_END_LOCAL, NULL);
        return;
    }
    conn_to(c, CONN_CLOSING);
    timer_start(&c->loop->timers, &c->timer, CONN_CLOSE_MS);
    loop_defer(c->loop, &c->turn);
}

void conn_abort(struct conn *c)
{
    conn_end(c, CONN_END_LOCAL, NULL);
}

void conn_detach(struct conn *c)
{
    c->ops = NULL;
    c->owner = NULL;
    conn_end(c, CONN_END_LOCAL, NULL);
}

const struct addr *conn_peer(const struct conn *c)
{
    return &c->peer;
}

const struct addr *conn_local(const struct conn *c)
{
    return &c->local;
}

bool conn_is_secure(const struct conn *c)
{
    return c->secure;
}

SSL *conn_ssl(struct conn *c)
{
    return c->ssl;
}

const char *conn_tls_version(const struct conn *c)
{
    return c->secure ? SSL_get_version(c->ssl) : "";
}

const char *conn_tls_cipher(const struct conn *c)
{
    return c->secure ? SSL_get_cipher_name(c->ssl) : "";
}

size_t conn_tx_pending(const struct conn *c)
{
    return c->tx.n;
}

bool conn_is_acked(const struct conn *c)
{
    int waiting = 0;

    return c->state == CONN_OPEN && c->tx.n == 0 && ioctl(c->wire.fd, SIOCOUTQ, &waiting) == 0 && waiting == 0;
}
