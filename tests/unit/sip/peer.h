/* The stack on real sockets of the loopback, and peers with plain sockets that talk to it. */
#ifndef STOX_TESTS_SIP_PEER_H
#define STOX_TESTS_SIP_PEER_H

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "fake.h"

#define WAIT_MS 20000

/* Runs the loop until something is so, or fails. */
struct until {
    struct timer timer;
    struct loop *loop;
    bool (*so)(void *arg);
    void *arg;
    uint64_t deadline_ms;
    bool met;
};

static inline void look(struct timer *timer)
{
    struct until *u = container_of(timer, struct until, timer);

    u->met = u->so(u->arg);
    if (u->met || clock_mono_ms() > u->deadline_ms)
        loop_stop(u->loop);
    else
        timer_start(&u->loop->timers, timer, 1);
}

static inline bool run_until(struct fake *f, bool (*so)(void *arg), void *arg, uint64_t ms)
{
    struct until u = { .loop = &f->loop, .so = so, .arg = arg, .deadline_ms = clock_mono_ms() + ms };

    timer_init(&u.timer, look);
    timer_start(&f->loop.timers, &u.timer, 0);
    loop_run(&f->loop);
    return u.met;
}

/* A peer with a plain socket; what it gets is collected. */
struct peer {
    int fd;
    struct addr local;
    char got[1 << 20];
    size_t n_got;
    size_t want, want_messages; /* bytes, and messages, to wait for */
    unsigned n_datagrams;
    bool closed, deaf;
};

static inline void learn_local(struct peer *p)
{
    struct sockaddr_storage ss;
    socklen_t n = sizeof(ss);

    assert_int_equal(getsockname(p->fd, (struct sockaddr *)&ss, &n), 0);
    assert_true(addr_from_sockaddr((struct sockaddr *)&ss, &p->local));
}

static inline struct peer *peer_new(int type)
{
    struct peer *p = calloc(1, sizeof(*p));
    struct addr any = fake_addr("127.0.0.1:0");

    assert_non_null(p);
    addr_set_port(&any, 0);
    p->fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(p->fd >= 0);
    assert_int_equal(bind(p->fd, &any.sa, addr_len(&any)), 0);
    learn_local(p);
    return p;
}

static inline void peer_connect(struct peer *p, const struct addr *to)
{
    assert_int_equal(connect(p->fd, &to->sa, addr_len(to)), 0);
    assert_int_equal(fcntl(p->fd, F_SETFL, O_NONBLOCK), 0);
}

static inline void peer_free(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    free(p);
}

static inline void peer_read(struct peer *p)
{
    while (!p->closed && !p->deaf && p->n_got < sizeof(p->got) - 1) {
        ssize_t n = recv(p->fd, p->got + p->n_got, sizeof(p->got) - 1 - p->n_got, MSG_DONTWAIT);

        if (n == 0 || (n < 0 && errno != EAGAIN && errno != ECONNREFUSED))
            p->closed = true;
        if (n <= 0)
            return;
        p->n_got += (size_t)n;
        p->got[p->n_got] = '\0';
        p->n_datagrams++;
    }
}

static inline bool is_closed(void *arg)
{
    peer_read(arg);
    return ((struct peer *)arg)->closed;
}

static inline bool is_done(void *arg)
{
    return ((struct fake *)arg)->n_done > 0;
}

static inline void peer_send(struct peer *p, const char *text)
{
    assert_int_equal(send(p->fd, text, strlen(text), 0), strlen(text));
}

static inline size_t count(const char *text, const char *part)
{
    size_t n = 0;

    for (; (text = strstr(text, part)); text += strlen(part))
        n++;
    return n;
}

static inline bool has_got(void *arg)
{
    struct peer *p = arg;

    peer_read(p);
    return p->n_got >= p->want && count(p->got, "\r\nCSeq: ") >= p->want_messages;
}

static inline struct fake *start(const struct sip_conf *conf, struct addr *udp, struct addr *tcp)
{
    struct fake *f = fake_new(conf);
    struct addr any = fake_addr("127.0.0.1:1");
    struct err err;

    f->sip->wire = sip_socket_wire;
    f->sip->wire.owner = f->sip;
    addr_set_port(&any, 0);
    assert_int_equal(sip_listen(f->sip, SIP_UDP, &any, &err), 0);
    assert_int_equal(sip_listen(f->sip, SIP_TCP, &any, &err), 0);
    *udp = *udp_local(container_of(f->sip->transports.udp.next, struct sip_udp, link)->udp);
    *tcp = *listener_local(container_of(f->sip->transports.listeners.next, struct sip_listener, link)->listener);
    return f;
}

/* Sends an answer to the n-th request the peer has got. */
static inline void peer_answers(struct peer *p, const struct addr *to, unsigned n)
{
    char via[256], text[1024];
    const char *at = p->got;

    for (unsigned i = 0; i <= n; i++)
        at = strstr(at + (i > 0), "Via: ");
    assert_non_null(at);
    snprintf(via, sizeof(via), "%.*s", (int)(strstr(at, "\r\n") - at), at);
    snprintf(text, sizeof(text),
             "SIP/2.0 200 OK\r\n%s\r\nFrom: <sip:juliet@example.com>;tag=j1\r\nTo: <sip:romeo@example.net>;tag=r1\r\n"
             "Call-ID: out1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
             via);
    if (to)
        assert_true(sendto(p->fd, text, strlen(text), 0, &to->sa, addr_len(to)) > 0);
    else
        peer_send(p, text);
}

#endif
