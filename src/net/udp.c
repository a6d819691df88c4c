#include "net/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buf.h"
#include "net/listening.h"

#define BATCH 64
#define BATCHES_PER_TURN 4
#define QUEUE_MAX 1024
#define QUEUE_MAX_BYTES ((size_t)4 << 20)
#define QUEUE_KEEP_BYTES ((size_t)512 << 10)
#define SOCKET_BUFFER_BYTES (4 << 20)
#define ERRORS_PER_TURN 64
#define REPORTS_PER_FLUSH 16

/*
 * Each datagram of a batch has room for the largest there is. Only pages that were written to cost memory, so ordinary
 * traffic uses one or two pages a slot. The odd part of the stride keeps the slots from sharing cache sets.
 */
#define DATAGRAM_MAX ((size_t)65535)
#define SLOT_STRIDE ((size_t)65536 + 832)
#define AREA_BYTES (BATCH * SLOT_STRIDE)

struct outgoing {
    struct addr to;
    size_t n; /* its bytes follow those of the one before in udp.bytes */
};

struct udp {
    struct loop *loop;
    const struct udp_ops *ops;
    void *owner;
    uv_poll_t poll;
    struct deferred flush;
    struct listening listening;
    int fd;
    bool still;   /* not read now: net/listening.h */
    bool closed;  /* udp_close was called; the memory stays until libuv lets go of it */
    bool blocked; /* the kernel takes no more; we wait to be writable */
    struct addr local;
    struct udp_counters counters;

    char *area; /* BATCH slots */
    struct mmsghdr in[BATCH];
    struct iovec in_iov[BATCH];
    struct addr in_from[BATCH];

    struct outgoing queue[QUEUE_MAX];
    size_t n_queue;
    struct buf bytes;
};

static void on_poll(uv_poll_t *poll, int status, int events);

static void watch(struct udp *u)
{
    int events = (u->still ? 0 : UV_READABLE) | (u->blocked ? UV_WRITABLE : 0);

    if (events)
        uv_poll_start(&u->poll, events, on_poll);
    else
        uv_poll_stop(&u->poll);
}

static void on_hold(struct listening *l, bool still)
{
    struct udp *u = container_of(l, struct udp, listening);

    u->still = still;
    watch(u);
}

static bool is_refusal(uint32_t error)
{
    return error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH || error == EHOSTDOWN ||
           error == EACCES || error == EPERM || error == ENOPROTOOPT;
}

static bool is_from_icmp(struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);

    for (; c; c = CMSG_NXTHDR(m, c)) {
        struct sock_extended_err e;

        if (!(c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_RECVERR) &&
            !(c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_RECVERR))
            continue;
        memcpy(&e, CMSG_DATA(c), sizeof(e));
        return is_refusal(e.ee_errno);
    }
    return false;
}

/* ICMP errors wait in a queue of their own, each with the destination of the datagram that it is about (ip(7)). */
static void read_errors(struct udp *u)
{
    for (int i = 0; i < ERRORS_PER_TURN && !u->closed; i++) {
        struct sockaddr_storage name;
        union {
            struct cmsghdr align;
            char bytes[512];
        } control;
        struct msghdr m = {
            .msg_name = &name, .msg_namelen = sizeof(name), .msg_control = &control, .msg_controllen = sizeof(control)
        };
        struct addr to;

        if (recvmsg(u->fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
            return;
        if (u->ops->refused && is_from_icmp(&m) && addr_from_sockaddr((const struct sockaddr *)&name, &to))
            u->ops->refused(u->owner, u, &to);
    }
}

/* Hands over one datagram. Nobody can be answered on port 0. */
static void hand_over(struct udp *u, size_t i)
{
    struct addr from;
    size_t n = u->in[i].msg_len;

    u->in[i].msg_hdr.msg_namelen = sizeof(u->in_from[i]);
    if (!addr_from_sockaddr(&u->in_from[i].sa, &from) || addr_port(&from) == 0)
        return;
    u->counters.in++;
    u->counters.in_bytes += n;
    u->ops->datagram(u->owner, u, &from, u->in_iov[i].iov_base, n);
}

/* True when there may be more. */
static bool receive_batch(struct udp *u)
{
    int n = recvmmsg(u->fd, u->in, BATCH, MSG_DONTWAIT, NULL);

    if (n < 0)
        return errno != EAGAIN; /* anything else is a pending error, which is now taken */
    u->counters.batches++;
    for (int i = 0; i < n && !u->closed; i++)
        hand_over(u, (size_t)i);
    if (u->ops->batch_end && !u->closed)
        u->ops->batch_end(u->owner, u);
    return n == BATCH;
}

/* Fills in the headers of the next datagrams from number first, whose bytes begin at offset at. */
static unsigned prepare(struct udp *u, size_t first, size_t at, struct mmsghdr *out, struct iovec *iov)
{
    unsigned k = 0;

    for (; k < BATCH && first + k < u->n_queue; k++) {
        struct outgoing *o = &u->queue[first + k];

        iov[k] = (struct iovec){ u->bytes.p + at, o->n };
        out[k].msg_hdr =
            (struct msghdr){ .msg_name = &o->to, .msg_namelen = addr_len(&o->to), .msg_iov = &iov[k], .msg_iovlen = 1 };
        at += o->n;
    }
    return k;
}

/* Takes the first n datagrams, which are size bytes, off the queue. */
static void drop_from_queue(struct udp *u, size_t n, size_t size)
{
    u->n_queue -= n;
    if (u->n_queue > 0)
        memmove(u->queue, u->queue + n, u->n_queue * sizeof(u->queue[0]));
    buf_consume(&u->bytes, size);
    if (u->n_queue == 0 && u->bytes.cap > QUEUE_KEEP_BYTES)
        buf_free(&u->bytes);
}

/*
 * Sends what waits until the kernel takes no more. An error may be an old one that belongs to another destination (the
 * kernel reports it once): a datagram is given up when it fails twice. Up to n_max destinations that cannot be reached
 * are put into refused; returns how many.
 */
static size_t flush(struct udp *u, struct addr *refused, size_t n_max)
{
    struct mmsghdr out[BATCH];
    struct iovec iov[BATCH];
    size_t sent = 0, at = 0, failed_once = SIZE_MAX, n_refused = 0;
    bool blocked = false;

    while (sent < u->n_queue && !blocked) {
        unsigned k = prepare(u, sent, at, out, iov);
        int n = sendmmsg(u->fd, out, k, MSG_DONTWAIT | MSG_NOSIGNAL);

        for (int i = 0; i < n; i++, sent++) {
            at += u->queue[sent].n;
            u->counters.out++;
            u->counters.out_bytes += u->queue[sent].n;
        }
        if (n >= 0 || errno == EINTR) {
            continue;
        } else if (errno == EAGAIN) {
            blocked = true;
        } else if (failed_once != sent) {
            failed_once = sent;
        } else {
            if (is_refusal((uint32_t)errno) && n_refused < n_max)
                refused[n_refused++] = u->queue[sent].to;
            u->counters.out_dropped++;
            at += u->queue[sent++].n;
        }
    }
    drop_from_queue(u, sent, at);
    if (blocked != u->blocked) {
        u->blocked = blocked;
        watch(u);
    }
    return n_refused;
}

static void flush_and_report(struct udp *u)
{
    struct addr refused[REPORTS_PER_FLUSH];
    size_t n = flush(u, refused, u->ops->refused ? REPORTS_PER_FLUSH : 0);

    for (size_t i = 0; i < n && !u->closed; i++)
        u->ops->refused(u->owner, u, &refused[i]);
}

static void on_flush(struct deferred *d)
{
    flush_and_report(container_of(d, struct udp, flush));
}

/* A negative status says that errors wait, and that libuv has stopped to watch. */
static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct udp *u = container_of(poll, struct udp, poll);

    if (status < 0)
        read_errors(u);
    for (int i = 0; i < BATCHES_PER_TURN && !u->closed && !u->still && receive_batch(u); i++)
        ;
    if (u->closed)
        return;
    if (u->blocked && (events & UV_WRITABLE))
        flush_and_report(u);
    if (status < 0 && !u->closed)
        watch(u);
}

bool udp_send(struct udp *u, const struct addr *to, const char *p, size_t n)
{
    bool full = u->n_queue == QUEUE_MAX || n > QUEUE_MAX_BYTES - u->bytes.n;

    if (u->closed)
        return false;
    if (full && !u->blocked)
        flush(u, NULL, 0);
    if (n > DATAGRAM_MAX || u->n_queue == QUEUE_MAX || !buf_reserve(&u->bytes, n)) {
        u->bytes.failed = false;
        u->counters.out_dropped++;
        return false;
    }
    buf_add(&u->bytes, p, n);
    u->queue[u->n_queue++] = (struct outgoing){ .to = *to, .n = n };
    if (!u->blocked)
        loop_defer(u->loop, &u->flush);
    return true;
}

static void free_udp(struct udp *u)
{
    if (u->area)
        munmap(u->area, AREA_BYTES);
    buf_free(&u->bytes);
    free(u);
}

/* Not having these is no reason to fail: the kernel then tells us less, or drops earlier. */
static void set_options(int fd, sa_family_t family)
{
    int on = 1, bytes = SOCKET_BUFFER_BYTES;

    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) < 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    if (family == AF_INET6) {
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVERR, &on, sizeof(on));
    } else {
        (void)setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof(on));
    }
}

static int open_socket(struct udp *u, const struct addr *local, struct err *err)
{
    struct sockaddr_storage bound;
    socklen_t n = sizeof(bound);

    bool given;

    u->fd = listening_take(u->loop, SOCK_DGRAM, &local->sa);
    given = u->fd >= 0;
    if (!given)
        u->fd = socket(local->sa.sa_family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (u->fd < 0)
        return err_set(err, "%s", strerror(errno));
    set_options(u->fd, local->sa.sa_family);
    if (!given && bind(u->fd, &local->sa, addr_len(local)) < 0)
        return err_set(err, "%s", strerror(errno));
    if (getsockname(u->fd, (struct sockaddr *)&bound, &n) < 0)
        return err_set(err, "%s", strerror(errno));
    addr_from_sockaddr((const struct sockaddr *)&bound, &u->local);
    return 0;
}

static int make_area(struct udp *u, struct err *err)
{
    char *area = mmap(NULL, AREA_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (area == MAP_FAILED)
        return err_set(err, "%s", strerror(errno));
    u->area = area;
    for (size_t i = 0; i < BATCH; i++) {
        u->in_iov[i] = (struct iovec){ area + i * SLOT_STRIDE, DATAGRAM_MAX };
        u->in[i].msg_hdr = (struct msghdr){
            .msg_name = &u->in_from[i], .msg_namelen = sizeof(u->in_from[i]), .msg_iov = &u->in_iov[i], .msg_iovlen = 1
        };
    }
    return 0;
}

struct udp *udp_open(struct loop *loop, const struct addr *local, const struct udp_ops *ops, void *owner,
                     struct err *err)
{
    char text[ADDR_TEXT];
    struct udp *u = calloc(1, sizeof(*u));
    int rc;

    addr_text(local, text);
    if (!u) {
        err_set(err, "cannot receive UDP on %s: out of memory", text);
        return NULL;
    }
    u->loop = loop;
    u->ops = ops;
    u->owner = owner;
    u->fd = -1;
    deferred_init(&u->flush, on_flush);
    buf_init(&u->bytes, QUEUE_MAX_BYTES);
    rc = open_socket(u, local, err);
    if (rc == 0)
        rc = make_area(u, err);
    if (rc == 0 && uv_poll_init(&loop->uv, &u->poll, u->fd) < 0)
        rc = err_set(err, "the event loop refuses the socket");
    if (rc < 0) {
        err_wrap(err, "cannot receive UDP on %s", text);
        if (u->fd >= 0)
            close(u->fd);
        free_udp(u);
        return NULL;
    }
    u->listening = (struct listening){ .fd = u->fd, .type = SOCK_DGRAM, .hold = on_hold };
    u->still = loop->hold_datagrams;
    listening_add(loop, &u->listening);
    watch(u);
    return u;
}

struct udp *udp_at(struct loop *loop, const struct addr *local)
{
    list_each (it, &loop->listening) {
        struct listening *l = container_of(it, struct listening, link);
        struct udp *u = l->type == SOCK_DGRAM ? container_of(l, struct udp, listening) : NULL;

        if (u && addr_same_ip(&u->local, local) && addr_port(&u->local) == addr_port(local))
            return u;
    }
    return NULL;
}

void udp_take(struct udp *u, const struct addr *from, char *p, size_t n)
{
    u->counters.in++;
    u->counters.in_bytes += n;
    u->ops->datagram(u->owner, u, from, p, n);
    if (u->ops->batch_end && !u->closed)
        u->ops->batch_end(u->owner, u);
}

static void on_closed(uv_handle_t *handle)
{
    free_udp(container_of((uv_poll_t *)handle, struct udp, poll));
}

void udp_close(struct udp *u)
{
    if (!u || u->closed)
        return;
    if (!u->blocked)
        flush(u, NULL, 0); /* the last words */
    u->closed = true;
    listening_drop(&u->listening);
    loop_undefer(&u->flush);
    uv_poll_stop(&u->poll);
    uv_close((uv_handle_t *)&u->poll, on_closed);
    close(u->fd);
    u->fd = -1;
}

const struct addr *udp_local(const struct udp *u)
{
    return &u->local;
}

const struct udp_counters *udp_counters(const struct udp *u)
{
    return &u->counters;
}
