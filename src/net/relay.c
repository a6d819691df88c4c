#include "net/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/listening.h"

#define DATAGRAM_MAX 65535u
#define WAITING_MAX ((size_t)16 << 20) /* never reached: sockets are still before */
#define WAITING_MUCH ((size_t)1 << 20)
#define CHUNK 65536
#define CHUNKS_PER_TURN 16
#define LAST_WORDS_MS 1000

/* Before the bytes of each datagram. Both ends may be of different versions of Stox, on one machine: this stays as it is. */
struct head {
    struct sockaddr_in6 local, from; /* or in its beginning a sockaddr_in */
    uint32_t n;
};

struct relay {
    struct loop *loop;
    uv_poll_t poll;
    int fd; /* -1: closed, freed by libuv */
    struct buf waiting;
    struct relay **self; /* NULL: it does not follow */
    bool still;          /* too much waits */
};

static void on_writable(uv_poll_t *poll, int status, int events);

static void on_closed(uv_handle_t *handle)
{
    struct relay *r = container_of((uv_poll_t *)handle, struct relay, poll);

    buf_free(&r->waiting);
    free(r);
}

static void shut(struct relay *r)
{
    if (r->fd < 0)
        return;
    if (r->self)
        *r->self = NULL;
    uv_close((uv_handle_t *)&r->poll, on_closed);
    close(r->fd);
    r->fd = -1;
}

static struct relay *relay_new(struct loop *loop, int fd)
{
    struct relay *r = calloc(1, sizeof(*r));

    if (!r || uv_poll_init(&loop->uv, &r->poll, fd)) {
        free(r);
        close(fd);
        return NULL;
    }
    r->loop = loop;
    r->fd = fd;
    buf_init(&r->waiting, WAITING_MAX);
    return r;
}

/* ---- the old one ---- */

/* False: the other process is gone. */
static bool flush(struct relay *r)
{
    while (r->waiting.n) {
        ssize_t n = send(r->fd, r->waiting.p, r->waiting.n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN;
        buf_consume(&r->waiting, (size_t)n);
    }
    return true;
}

static void hold(struct relay *r, bool still)
{
    if (r->still != still) {
        r->still = still;
        listening_hold(r->loop, SOCK_DGRAM, still);
    }
}

/* Nobody takes them: the sockets are read on, for what is ours. */
static void give_up(struct relay *r)
{
    buf_clear(&r->waiting);
    uv_poll_stop(&r->poll);
    hold(r, false);
}

static void watch(struct relay *r)
{
    if (!flush(r)) {
        give_up(r);
        return;
    }
    if (r->waiting.n)
        uv_poll_start(&r->poll, UV_WRITABLE, on_writable);
    else
        uv_poll_stop(&r->poll);
    hold(r, r->waiting.n > WAITING_MUCH);
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    watch(container_of(poll, struct relay, poll));
}

struct relay *relay_open(struct loop *loop, int fd)
{
    return relay_new(loop, fd);
}

bool relay_pass(struct relay *r, const struct addr *local, const struct addr *from, const char *p, size_t n)
{
    struct head head = { .n = (uint32_t)n };

    memcpy(&head.local, &local->sa, addr_len(local));
    memcpy(&head.from, &from->sa, addr_len(from));
    if (r->fd < 0 || n > DATAGRAM_MAX || !buf_reserve(&r->waiting, sizeof(head) + n)) {
        r->waiting.failed = false;
        return false;
    }
    buf_add(&r->waiting, (const char *)&head, sizeof(head));
    buf_add(&r->waiting, p, n);
    watch(r);
    return true;
}

void relay_close(struct relay *r)
{
    struct pollfd out;

    if (!r || r->fd < 0)
        return;
    if (r->self) {
        shut(r);
        return;
    }
    listening_hold(r->loop, SOCK_DGRAM, true);
    out = (struct pollfd){ .fd = r->fd, .events = POLLOUT };
    while (flush(r) && r->waiting.n && poll(&out, 1, LAST_WORDS_MS) > 0)
        ;
    shut(r);
}

/* ---- the new one ---- */

/* The bytes after the head at p; false: there is no such socket, or an address is none. */
static void hand_in(struct relay *r, const struct head *head, char *p)
{
    struct addr local, from;
    struct udp *u;

    if (!addr_from_sockaddr((const struct sockaddr *)&head->local, &local) ||
        !addr_from_sockaddr((const struct sockaddr *)&head->from, &from))
        return;
    u = udp_at(r->loop, &local);
    if (u)
        udp_take(u, &from, p, head->n);
}

/* False: it speaks another language. */
static bool take_all(struct relay *r)
{
    struct head head;
    size_t at = 0;

    while (r->waiting.n - at >= sizeof(head)) {
        memcpy(&head, r->waiting.p + at, sizeof(head));
        if (head.n > DATAGRAM_MAX)
            return false;
        if (r->waiting.n - at - sizeof(head) < head.n)
            break;
        hand_in(r, &head, r->waiting.p + at + sizeof(head));
        at += sizeof(head) + head.n;
    }
    buf_consume(&r->waiting, at);
    return true;
}

static void end(struct relay *r)
{
    struct loop *loop = r->loop;

    log_info(loop->log, "relay-ended", LOG_Z("effect", "the process before is done: datagrams are read here"));
    loop->hold_datagrams = false;
    shut(r);
    listening_hold(loop, SOCK_DGRAM, false);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct relay *r = container_of(poll, struct relay, poll);

    for (int i = 0; i < CHUNKS_PER_TURN; i++) {
        ssize_t n = -1;

        if (buf_reserve(&r->waiting, CHUNK))
            n = recv(r->fd, r->waiting.p + r->waiting.n, CHUNK, MSG_DONTWAIT);
        else
            errno = ENOMEM;
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n > 0)
            r->waiting.n += (size_t)n;
        if (n <= 0 || !take_all(r)) {
            end(r);
            return;
        }
    }
}

bool relay_follow(struct loop *loop, int fd, struct relay **self)
{
    struct relay *r = relay_new(loop, fd);

    if (!r)
        return false;
    r->self = self;
    *self = r;
    uv_poll_start(&r->poll, UV_READABLE, on_readable);
    return true;
}
