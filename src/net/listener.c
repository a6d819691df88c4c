#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/conn.h"
#include "net/listening.h"

enum {
    ACCEPTS_PER_TURN = 64,
    BACKLOG = 1024, /* the kernel's own limit may be lower */
    PAUSE_MS = 250, /* when descriptors or memory are used up: those who wait stay in the backlog */
};

struct listener {
    struct loop *loop;
    const struct listener_ops *ops;
    void *owner;
    uv_poll_t poll;
    struct timer pause;
    struct listening listening;
    bool still; /* nobody is accepted now: net/listening.h */
    struct log_limit limit;
    struct addr local;
    int fd; /* -1: closed, freed by the loop */
};

static void on_acceptable(uv_poll_t *handle, int status, int events);

static void on_pause_over(struct timer *t)
{
    struct listener *l = container_of(t, struct listener, pause);

    if (!l->still)
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
}

static void on_hold(struct listening *listening, bool still)
{
    struct listener *l = container_of(listening, struct listener, listening);

    l->still = still;
    if (still)
        uv_poll_stop(&l->poll);
    else if (!timer_running(&l->pause))
        uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
}

/* The socket stays readable while nothing can be accepted: polling on would spin. */
static void pause_accepting(struct listener *l, int fault)
{
    char text[ADDR_TEXT];
    unsigned held;

    uv_poll_stop(&l->poll);
    timer_start(&l->loop->timers, &l->pause, PAUSE_MS);
    if (log_allowed(&l->limit, loop_now(l->loop), 1, &held))
        log_error(l->loop->log, "accept-paused", LOG_Z("local", addr_text(&l->local, text)),
                  LOG_Z("reason", uv_strerror(-fault)),
                  LOG_Z("hint", "raise LimitNOFILE, or lower the connection limits"), LOG_U("held", held));
}

/* False when this turn has no more. */
static bool accept_one(struct listener *l)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct addr peer;
    int fd = accept4(l->fd, (struct sockaddr *)&ss, &n, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        switch (errno) {
        case EAGAIN: return false;
        case EINTR:
        case ECONNABORTED: /* the fault of that one connection (accept(2)): on with the next */
        case EPERM:
        case EPROTO:
        case ENOPROTOOPT:
        case EOPNOTSUPP:
        case ENETDOWN:
        case ENETUNREACH:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENONET: return true;
        default: pause_accepting(l, errno); return false;
        }
    }
    if (addr_from_sockaddr((struct sockaddr *)&ss, &peer))
        l->ops->accepted(l->owner, l, fd, &peer);
    else
        close(fd);
    return true;
}

static void on_acceptable(uv_poll_t *handle, int status, int events)
{
    struct listener *l = handle->data;
    int n = 0;

    while (n < ACCEPTS_PER_TURN && l->fd >= 0 && !l->still && accept_one(l))
        n++;
    if (status < 0 && l->fd >= 0) /* libuv has stopped watching it */
        pause_accepting(l, -status);
}

static int open_socket(const struct addr *local, struct err *err)
{
    char text[ADDR_TEXT];
    int on = 1, fault, fd = socket(local->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
        (local->sa.sa_family != AF_INET6 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) == 0) &&
        bind(fd, &local->sa, addr_len(local)) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    fault = errno;
    if (fd >= 0)
        close(fd);
    return err_set(err, "cannot listen on %s: %s", addr_text(local, text), uv_strerror(-fault));
}

struct listener *listener_open(struct loop *loop, const struct addr *local, const struct listener_ops *ops, void *owner,
                               struct err *err)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    char text[ADDR_TEXT];
    struct listener *l;
    int fd = listening_take(loop, SOCK_STREAM, &local->sa), rc;

    if (fd < 0)
        fd = open_socket(local, err);
    if (fd < 0)
        return NULL;
    l = calloc(1, sizeof(*l));
    rc = l ? uv_poll_init(&loop->uv, &l->poll, fd) : UV_ENOMEM;
    if (rc != 0) {
        err_set(err, "cannot listen on %s: %s", addr_text(local, text), uv_strerror(rc));
        close(fd);
        free(l);
        return NULL;
    }
    l->loop = loop;
    l->ops = ops;
    l->owner = owner;
    l->fd = fd;
    l->local = *local;
    l->poll.data = l;
    timer_init(&l->pause, on_pause_over);
    if (getsockname(fd, (struct sockaddr *)&ss, &n) == 0)
        addr_from_sockaddr((struct sockaddr *)&ss, &l->local);
    l->listening = (struct listening){ .fd = fd, .type = SOCK_STREAM, .hold = on_hold };
    listening_add(loop, &l->listening);
    uv_poll_start(&l->poll, UV_READABLE, on_acceptable);
    return l;
}

/* What goes to an address of this machine comes from that address too. Routes of type local with another source (whole
 * networks that are ours) are not seen through. */
static bool is_of_this_machine(const struct addr *to)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);
    struct addr from;
    int fd;
    bool same;

    if (addr_is_loopback(to))
        return true;
    fd = socket(to->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return true; /* not known: better one connection too few */
    same = connect(fd, &to->sa, addr_len(to)) == 0 && getsockname(fd, (struct sockaddr *)&ss, &n) == 0 &&
           addr_from_sockaddr((struct sockaddr *)&ss, &from) && addr_same_ip(&from, to);
    close(fd);
    return same;
}

bool listener_takes(const struct addr *local, const struct addr *to)
{
    if (addr_port(local) != addr_port(to) || local->sa.sa_family != to->sa.sa_family)
        return false;
    if (addr_same_ip(local, to))
        return true;
    return addr_is_wildcard(local) && (addr_is_wildcard(to) || is_of_this_machine(to));
}

const struct addr *listener_local(const struct listener *l)
{
    return &l->local;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void listener_close(struct listener *l)
{
    if (!l || l->fd < 0)
        return;
    timer_stop(&l->loop->timers, &l->pause);
    listening_drop(&l->listening);
    uv_close((uv_handle_t *)&l->poll, on_listener_closed);
    close(l->fd);
    l->fd = -1;
}
