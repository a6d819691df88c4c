/* How connections end: who hears of it, why, and how often. */
#include <stdlib.h>
#include <unistd.h>

#include "conn_rig.h"

static void test_refused(void **state)
{
    struct rig *r = *state;

    listener_close(r->listener);
    r->listener = NULL;
    turns(r, 2);
    dial(r, r->tls, NULL);
    say(&r->a, "hello?");
    wants_end(r, &r->a, CONN_END_REFUSED, "connection refused");
    assert_int_equal(r->a.n_open, 0);
}

static void test_unusable_local(void **state)
{
    struct rig *r = *state;
    struct conn_conf conf = { &rig_conn_ops, &r->a, NULL, 100, 100, 5000 };
    struct addr local;

    assert_true(addr_parse(SLICE("192.0.2.77:0"), 0, &local));
    r->a.c = conn_connect(&r->loop, &conf, &r->at, &local, NULL);
    assert_non_null(r->a.c);
    assert_int_equal(r->a.n_closed, 0); /* never from inside the call */
    wants_end(r, &r->a, CONN_END_UNREACHABLE, "cannot connect from our address 192.0.2.77:0: address not available");
    assert_true(addr_parse(SLICE("127.0.0.1:0"), 0, &local));
    r->a.n_closed = 0;
    r->a.c = conn_connect(&r->loop, &conf, &r->at, &local, NULL);
    until(r, r->a.n_open);
}

/* A listener whose backlog is full answers nothing at all. */
static void test_connect_timeout(void **state)
{
    struct rig *r = *state;
    int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fill[8];
    struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof(sin);

    assert_int_equal(bind(silent, (struct sockaddr *)&sin, n), 0);
    assert_int_equal(listen(silent, 0), 0);
    getsockname(silent, (struct sockaddr *)&sin, &n);
    for (int i = 0; i < 8; i++) {
        fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        connect(fill[i], (struct sockaddr *)&sin, n);
    }
    addr_from_sockaddr((struct sockaddr *)&sin, &r->at);
    dial(r, r->tls, &client_wish);
    turns(r, 5);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 4900);
    turns(r, 5);
    assert_int_equal(r->a.n_closed + r->a.n_open, 0);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 200);
    wants_end(r, &r->a, CONN_END_TIMEOUT, "no answer within 5.0 s");
    for (int i = 0; i < 8; i++)
        close(fill[i]);
    close(silent);
}

static void test_close(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        join(r, tls);
        say(&r->a, "goodbye");
        conn_close(r->a.c);
        conn_close(r->a.c);
        assert_false(conn_write(r->a.c, "x", 1));
        wants_end(r, &r->b, CONN_END_PEER, "closed by the peer");
        wants_end(r, &r->a, CONN_END_LOCAL, "closed by us");
        assert_true(heard(&r->b, "goodbye"));
        turns(r, 3);
        close_rig(&s);
    }
}

/* conn_close brings out even what the socket could not take at once. */
static void test_close_flushes(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        size_t n = 8 << 20;
        char *big = calloc(1, n);
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        r->tx_max = n;
        join(r, tls);
        conn_pause(r->b.c);
        assert_true(conn_write(r->a.c, big, n));
        conn_close(r->a.c);
        turns(r, 5);
        assert_true(conn_tx_pending(r->a.c) > 0);
        conn_resume(r->b.c);
        wants_end(r, &r->b, CONN_END_PEER, "closed by the peer");
        wants_end(r, &r->a, CONN_END_LOCAL, "closed by us");
        assert_int_equal(r->b.in.n, n);
        free(big);
        close_rig(&s);
    }
}

/* A peer that never closes its side does not hold us longer than 2 s; what it still sends is not delivered. */
static void test_close_waits_two_seconds(void **state)
{
    struct rig *r = *state;
    int fd = join_raw(r);
    char got[8];

    conn_close(r->b.c);
    until(r, recv(fd, got, sizeof(got), 0) == 0);
    assert_int_equal(send(fd, "still here", 10, MSG_NOSIGNAL), 10);
    turns(r, 5);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 1900);
    turns(r, 5);
    assert_int_equal(r->b.n_closed, 0);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 200);
    wants_end(r, &r->b, CONN_END_LOCAL, "closed by us");
    assert_int_equal(r->b.n_data, 0);
    close(fd);
}

static void test_close_in_handshake(void **state)
{
    struct rig *r = *state;
    int fd;
    char got[8];

    r->accept_wish = &server_wish;
    fd = join_raw(r);
    say(&r->b, "never seen");
    conn_close(r->b.c);
    until(r, recv(fd, got, sizeof(got), 0) == 0);
    close(fd);
    wants_end(r, &r->b, CONN_END_LOCAL, "closed by us");
}

static size_t abort_inside(struct end *e, char *p, size_t n)
{
    conn_write(e->c, "never", 5);
    conn_abort(e->c);
    conn_abort(e->c);
    assert_false(conn_write(e->c, "x", 1));
    conn_pause(e->c);
    conn_resume(e->c);
    conn_close(e->c);
    assert_int_equal(e->n_closed, 0);
    return n;
}

static size_t detach_inside(struct end *e, char *p, size_t n)
{
    conn_detach(e->c);
    e->c = NULL;
    return 0;
}

static size_t close_inside(struct end *e, char *p, size_t n)
{
    conn_write(e->c, "bye", 3);
    conn_close(e->c);
    return 0;
}

static void test_ends_inside_data(void **state)
{
    static const struct {
        size_t (*on_data)(struct end *e, char *p, size_t n);
        int n_closed;
        const char *peer_hears;
    } cases[] = { { abort_inside, 1, "" }, { detach_inside, 0, "" }, { close_inside, 1, "bye" } };

    for (int i = 0; i < 6; i++) {
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        r->b.on_data = cases[i / 2].on_data;
        join(r, i % 2);
        say(&r->a, "x");
        until(r, r->a.n_closed && r->b.n_closed >= cases[i / 2].n_closed);
        turns(r, 5);
        assert_int_equal(r->b.n_closed, cases[i / 2].n_closed);
        if (r->b.n_closed)
            assert_int_equal(r->b.why, CONN_END_LOCAL);
        assert_true(heard(&r->a, cases[i / 2].peer_hears));
        assert_int_equal(r->b.n_data, 1);
        close_rig(&s);
    }
}

static void test_peer_reset(void **state)
{
    struct rig *r = *state;
    const struct linger cut = { 1, 0 };
    int fd = join_raw(r);

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    close(fd);
    wants_end(r, &r->b, CONN_END_RESET, "connection reset by peer");
}

/* The peer's last words are read even when our own output has failed before. */
static void test_last_words(void **state)
{
    struct rig *r = *state;
    const struct linger cut = { 1, 0 };
    int fd = join_raw(r);

    conn_pause(r->b.c);
    turns(r, 2);
    assert_int_equal(send(fd, "I am leaving", 12, 0), 12);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &cut, sizeof(cut));
    close(fd);
    say(&r->b, "x");
    conn_resume(r->b.c);
    until(r, r->b.n_closed);
    assert_true(heard(&r->b, "I am leaving"));
    assert_int_equal(r->b.why, CONN_END_RESET);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_refused),
        RIG_TEST(test_unusable_local),
        RIG_TEST(test_connect_timeout),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_flushes),
        RIG_TEST(test_close_waits_two_seconds),
        RIG_TEST(test_close_in_handshake),
        cmocka_unit_test(test_ends_inside_data),
        RIG_TEST(test_peer_reset),
        RIG_TEST(test_last_words),
    };

    return cmocka_run_group_tests(tests, conn_rig_certs, conn_rig_certs_drop);
}
