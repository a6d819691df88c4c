#include "admin/splice.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "admin/guard.h"

#define RX_MAX (2 * GUARD_HEAD_MAX) /* more than a head may have, so that the guard speaks first */
#define TX_MAX (256u << 10)
#define TX_HIGH (TX_MAX / 2) /* above it the other side is not read until all is out */
#define TX_LAST (16u << 10)  /* a closing connection has two seconds for the rest: enough for this much */
#define LAST_STEP_MS 100

enum phase {
    PHASE_HANDSHAKE,
    PHASE_WAITING, /* for a request */
    PHASE_READING, /* one has begun */
    PHASE_ANSWER,  /* it is whole, and nothing has come back yet */
    PHASE_ANSWERING,
    PHASE_EVENTS, /* an answer without end: what matters is that it is read */
    PHASE_LAST,   /* the library has closed; what waits goes out */
};

struct splice {
    struct list link;
    struct splices *all;
    struct origin origin;
    struct conn *outer, *inner; /* the administrator's, the library's; NULL: ended */
    struct guard guard;
    enum phase phase;
    struct timer timer;
    uint64_t began_ms, moved_ms; /* of the phase; the last progress in PHASE_LAST */
    size_t pending;              /* what had not been sent when the timer last looked */
};

static void splice_free(struct splice *s)
{
    timer_stop(&s->all->loop->timers, &s->timer);
    list_unlink(&s->link);
    if (s->outer)
        conn_detach(s->outer);
    if (s->inner)
        conn_detach(s->inner);
    free(s);
}

static void become(struct splice *s, enum phase phase)
{
    uint64_t now = loop_now(s->all->loop), wait = s->all->idle_ms;

    if (phase != s->phase)
        s->began_ms = now;
    s->phase = phase;
    if (phase == PHASE_READING && s->began_ms + s->all->request_ms < now + wait)
        wait = s->began_ms + s->all->request_ms > now ? s->began_ms + s->all->request_ms - now : 0;
    if (phase == PHASE_ANSWER)
        wait = SPLICE_ANSWER_MS;
    s->pending = s->outer ? conn_tx_pending(s->outer) : 0;
    timer_start(&s->all->loop->timers, &s->timer, wait);
}

/* Is the end not due yet? Then the timer looks again after *wait_ms. */
static bool may_go_on(struct splice *s, size_t pending, uint64_t *wait_ms)
{
    uint64_t now = loop_now(s->all->loop), age = now - s->began_ms;
    bool moved = pending != s->pending;

    *wait_ms = s->all->idle_ms;
    switch (s->phase) {
    case PHASE_READING: /* the library is busy with others: nobody's fault here */
        return s->inner && conn_tx_pending(s->inner) > 0 && age < SPLICE_ANSWER_MS;
    case PHASE_ANSWERING: return pending > 0 && moved && age < s->all->request_ms;
    case PHASE_EVENTS: return pending == 0 || moved;
    case PHASE_LAST:
        *wait_ms = LAST_STEP_MS;
        if (moved)
            s->moved_ms = now;
        return pending > TX_LAST && now - s->moved_ms < s->all->idle_ms && age < s->all->request_ms;
    case PHASE_HANDSHAKE:
    case PHASE_WAITING:
    case PHASE_ANSWER: break;
    }
    return false;
}

static void on_timer(struct timer *t)
{
    struct splice *s = container_of(t, struct splice, timer);
    size_t pending = s->outer ? conn_tx_pending(s->outer) : 0;
    uint64_t wait_ms;

    if (may_go_on(s, pending, &wait_ms)) {
        s->pending = pending;
        timer_start(&s->all->loop->timers, t, wait_ms);
    } else if (s->phase == PHASE_LAST && pending <= TX_LAST) {
        conn_close(s->outer); /* within two seconds */
    } else {
        splice_free(s);
    }
}

static void refuse(struct splice *s, enum guard_fault fault)
{
    static const struct {
        unsigned status;
        const char *title, *detail;
    } faults[] = {
        [GUARD_MALFORMED] = { 400, "Bad Request", "the request's head is not strict HTTP/1.1" },
        [GUARD_LENGTH] = { 411, "Length Required", "send the body with Content-Length, without Transfer-Encoding" },
        [GUARD_TOO_LARGE] = { 413, "Content Too Large", "a body may have 16 MiB at most" },
        [GUARD_LONG_HEAD] = { 431, "Request Header Fields Too Large",
                              "request line and header may have 16 KiB at most" },
    };
    char body[256], head[512];
    int n = snprintf(body, sizeof(body),
                     "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u,\"detail\":\"%s\",\"code\":\"%s\"}\n",
                     faults[fault].title, faults[fault].status, faults[fault].detail,
                     fault == GUARD_TOO_LARGE ? "too-large" : "bad-request");
    int m = snprintf(head, sizeof(head),
                     "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\nContent-Length: %d\r\n"
                     "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
                     "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nConnection: close\r\n\r\n",
                     faults[fault].status, faults[fault].title, n);

    /* With an answer to an earlier request under way ours would be taken for a part of it. */
    if (s->phase == PHASE_WAITING || s->phase == PHASE_READING) {
        conn_write(s->outer, head, (size_t)m);
        conn_write(s->outer, body, (size_t)n);
    }
    conn_close(s->outer);
    if (s->inner)
        conn_detach(s->inner);
    s->inner = NULL;
}

/* From the administrator: whole heads, and bodies as they come. */
static size_t on_outer_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct splice *s = owner;
    enum guard_fault fault = GUARD_OK;
    size_t at = 0;

    while (at < n && s->inner) {
        size_t used;

        if (conn_tx_pending(s->inner) > TX_HIGH) {
            conn_pause(c);
            break;
        }
        used = guard_pass(&s->guard, slice_of(p + at, n - at), &fault);
        if (fault != GUARD_OK) {
            refuse(s, fault);
            return n;
        }
        if (used == 0)
            break;
        if (!conn_write(s->inner, p + at, used))
            return n;
        at += used;
    }
    if (!s->inner)
        return n;
    become(s, guard_is_inside(&s->guard, n - at) ? PHASE_READING : PHASE_ANSWER);
    return at;
}

/* The head of an answer that does not end (events.h)? The library writes heads as a whole. */
static bool is_events(struct slice answer)
{
    static const char type[] = "\r\nContent-Type: text/event-stream\r\n";
    const char *end = memmem(answer.p, answer.n, "\r\n\r\n", 4);

    return end && memmem(answer.p, (size_t)(end - answer.p) + 2, type, sizeof(type) - 1) != NULL;
}

/* From the library. */
static size_t on_inner_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct splice *s = owner;

    if (!s->outer || !conn_write(s->outer, p, n))
        return n;
    if (conn_tx_pending(s->outer) > TX_HIGH)
        conn_pause(c);
    if (s->phase == PHASE_ANSWER && is_events(slice_of(p, n)))
        become(s, PHASE_EVENTS);
    else if (s->phase == PHASE_ANSWER || s->phase == PHASE_ANSWERING)
        become(s, PHASE_ANSWERING);
    return n;
}

static void on_outer_drained(void *owner, struct conn *c)
{
    struct splice *s = owner;

    if (s->inner)
        conn_resume(s->inner);
}

static void on_inner_drained(void *owner, struct conn *c)
{
    struct splice *s = owner;

    if (s->outer)
        conn_resume(s->outer);
}

static void on_outer_open(void *owner, struct conn *c)
{
    become(owner, PHASE_WAITING);
}

static void on_outer_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct splice *s = owner;

    if (s->phase == PHASE_HANDSHAKE)
        log_debug(s->all->loop->log, "admin-handshake-failed", LOG_Z("why", text));
    s->outer = NULL;
    splice_free(s);
}

/* The library has said all it will: the rest of it still goes out. */
static void on_inner_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct splice *s = owner;

    s->inner = NULL;
    if (!s->outer)
        return;
    become(s, PHASE_LAST);
    s->moved_ms = s->began_ms;
    if (s->pending <= TX_LAST)
        conn_close(s->outer);
    else
        timer_start(&s->all->loop->timers, &s->timer, LAST_STEP_MS);
}

static const struct conn_ops outer_ops = {
    .open = on_outer_open, .data = on_outer_data, .drained = on_outer_drained, .closed = on_outer_closed
};
static const struct conn_ops inner_ops = { .data = on_inner_data,
                                           .drained = on_inner_drained,
                                           .closed = on_inner_closed };

void splices_init(struct splices *s, struct loop *loop, struct tls *tls)
{
    *s = (struct splices){ .loop = loop, .tls = tls, .idle_ms = SPLICE_IDLE_MS, .request_ms = SPLICE_REQUEST_MS };
    list_init(&s->all);
}

void splices_close(struct splices *s)
{
    list_each_safe (it, next, &s->all)
        splice_free(container_of(it, struct splice, link));
}

static bool may_accept(struct splices *all, const struct origin *origin)
{
    size_t n = 0, same = 0;
    unsigned held;
    char ip[ADDR_TEXT];
    struct addr source = origin_source(origin);

    list_each (it, &all->all) {
        const struct splice *s = container_of(it, struct splice, link);

        if ((s->origin.kind == ORIGIN_UNIX) != (origin->kind == ORIGIN_UNIX))
            continue;
        n++;
        if (origin->kind != ORIGIN_UNIX) {
            struct addr other = origin_source(&s->origin);

            same += addr_same_ip(&other, &source);
        }
    }
    if (n < SPLICE_MAX && same < SPLICE_MAX_PER_ADDRESS)
        return true;
    if (log_allowed(&all->limit, loop_now(all->loop), 5, &held))
        log_warning(all->loop->log, "admin-connection-refused",
                    LOG_Z("from", origin->kind == ORIGIN_UNIX ? "unix" : addr_ip_text(&origin->peer, ip)),
                    LOG_Z("why", n < SPLICE_MAX ? "too many connections from this address" : "too many connections"),
                    LOG_U("held-back", held));
    return false;
}

/* Both ends; takes fd in every case. */
static bool connect_ends(struct splice *s, int fd)
{
    struct conn_conf conf = {
        .ops = &outer_ops, .owner = s, .tls = s->all->tls, .rx_max = RX_MAX, .tx_max = TX_MAX, .secret = true
    };
    const struct tls_wish wish = { .role = TLS_SERVER };
    int pair[2];

    s->outer = conn_accept(s->all->loop, &conf, fd, &s->origin.peer, s->origin.kind == ORIGIN_TLS ? &wish : NULL);
    if (!s->outer || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0)
        return false;
    conf.ops = &inner_ops;
    conf.tls = NULL;
    s->inner = conn_accept(s->all->loop, &conf, pair[0], &s->origin.peer, NULL);
    if (s->inner)
        return s->all->hand_over(s->all->owner, pair[1], &s->origin);
    close(pair[1]);
    return false;
}

void splice_accept(struct splices *all, int fd, const struct origin *origin)
{
    struct splice *s = may_accept(all, origin) ? calloc(1, sizeof(*s)) : NULL;

    if (!s) {
        close(fd);
        return;
    }
    s->all = all;
    s->origin = *origin;
    list_push(&all->all, &s->link);
    timer_init(&s->timer, on_timer);
    if (!connect_ends(s, fd)) {
        splice_free(s);
        return;
    }
    s->began_ms = loop_now(all->loop);
    become(s, origin->kind == ORIGIN_TLS ? PHASE_HANDSHAKE : PHASE_WAITING);
}
