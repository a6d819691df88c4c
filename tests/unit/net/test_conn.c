/* Bytes through a connection: what is delivered, what is corked, what is held back, and by whom. */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn_rig.h"

static size_t echo(struct end *e, char *p, size_t n)
{
    conn_write(e->c, p, n);
    return n;
}

static void test_echo(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        r->b.on_data = echo;
        join(r, tls);
        assert_int_equal(conn_is_secure(r->a.c), tls);
        assert_string_equal(conn_tls_version(r->a.c), tls ? "TLSv1.3" : "");
        assert_true(addr_eq(conn_peer(r->a.c), &r->at));
        assert_true(addr_eq(conn_local(r->b.c), &r->at));
        assert_true(addr_eq(conn_local(r->a.c), conn_peer(r->b.c)));
        say(&r->a, "hello");
        until(r, heard(&r->a, "hello"));
        close_rig(&s);
    }
}

/* What is written before the connection is up goes out when it is. */
static void test_early_write(void **state)
{
    struct rig *r = *state;

    r->accept_wish = &server_wish;
    dial(r, r->tls, &client_wish);
    say(&r->a, "ear");
    say(&r->a, "ly");
    until(r, heard(&r->b, "early"));
}

static unsigned segments_in(int fd)
{
    struct { /* the kernel's struct is longer than the C library's */
        struct tcp_info head;
        uint64_t rates_and_bytes[4];
        uint32_t segs_out, segs_in, not_sent, min_rtt, data_segs_in;
    } info = { 0 };
    socklen_t n = sizeof(info);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    return info.data_segs_in;
}

static size_t answer_in_three(struct end *e, char *p, size_t n)
{
    char *room;

    say(e, "one ");
    say(e, "two ");
    room = conn_reserve(e->c, 100);
    assert_non_null(room);
    memcpy(room, "three", 5);
    conn_commit(e->c, 5);
    return n;
}

static void test_corking(void **state)
{
    struct rig *r = *state;
    int fd = join_raw(r);
    char got[64];

    r->b.on_data = answer_in_three;
    assert_int_equal(send(fd, "x", 1, 0), 1);
    until(r, recv(fd, got, sizeof(got), MSG_PEEK) > 0);
    assert_int_equal(recv(fd, got, sizeof(got), 0), 13);
    assert_memory_equal(got, "one two three", 13);
    assert_int_equal(segments_in(fd), 1);
    close(fd);
}

static void count_records(int write_p, int version, int type, const void *p, size_t n, SSL *ssl, void *arg)
{
    if (write_p && type == SSL3_RT_HEADER)
        ++*(int *)arg;
}

static void test_corking_tls(void **state)
{
    struct rig *r = *state;
    int records = 0;

    r->b.on_data = answer_in_three;
    join(r, true);
    turns(r, 3);
    SSL_set_msg_callback(conn_ssl(r->b.c), count_records);
    SSL_set_msg_callback_arg(conn_ssl(r->b.c), &records);
    say(&r->a, "x");
    until(r, heard(&r->a, "one two three"));
    assert_int_equal(records, 1);
    SSL_set_msg_callback(conn_ssl(r->b.c), NULL);
}

/* A peer that does not read: the queue ends the connection, not our memory. */
static void test_slow_peer(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        char block[1000];
        struct rig *r;
        void *s;
        size_t sent = 0;
        open_rig(&s);
        r = s;
        memset(block, 'x', sizeof(block));
        join(r, tls);
        conn_pause(r->b.c);
        while (conn_write(r->a.c, block, sizeof(block))) {
            sent += sizeof(block);
            assert_true(conn_tx_pending(r->a.c) <= LIMIT);
            assert_true(sent < 64 << 20);
            if (sent % 50000 == 0)
                turn(r);
        }
        assert_false(conn_write(r->a.c, "x", 1));
        assert_null(conn_reserve(r->a.c, 1));
        until(r, r->a.n_closed);
        assert_int_equal(r->a.why, CONN_END_SLOW);
        assert_non_null(strstr(r->a.text, "the peer does not read"));
        conn_resume(r->b.c);
        until(r, r->b.n_closed);
        assert_true(r->b.in.n > 0 && r->b.in.n <= sent);
        close_rig(&s);
    }
}

/* Filling tx_max exactly is allowed; a byte more is not. Before the connection is up nothing can leave. */
static void test_tx_max_is_exact(void **state)
{
    struct rig *r = *state;
    char *block = calloc(1, LIMIT);

    r->tx_max = LIMIT / 2;
    dial(r, r->tls, NULL);
    assert_true(conn_write(r->a.c, block, LIMIT / 2));
    assert_int_equal(conn_tx_pending(r->a.c), LIMIT / 2);
    assert_false(conn_write(r->a.c, block, 1));
    wants_end(r, &r->a, CONN_END_SLOW, "the peer does not read: 32768 bytes wait for it");
    free(block);
}

/* More in one turn than tx_max is fine when the socket takes it. */
static void test_large_turn(void **state)
{
    struct rig *r = *state;
    char block[1000];

    memset(block, 'y', sizeof(block));
    join(r, true);
    for (int i = 0; i < 100; i++)
        assert_true(conn_write(r->a.c, block, sizeof(block)));
    until(r, r->b.in.n == 100 * sizeof(block));
    assert_int_equal(r->a.n_drained, 1);
}

static uint32_t noise(uint32_t i)
{
    return i * 2654435761u ^ i >> 7;
}

/* Megabytes through small windows, written as the queue drains; every word counts. */
static void test_bulk(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        const uint32_t total = 1 << 20;
        uint32_t next = 0;
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        join(r, tls);
        until(r, ({
                  while (next < total && conn_tx_pending(r->a.c) + 4000 < LIMIT) {
                      uint32_t words[1000];
                      int k = 0;
                      for (; k < 1000 && next < total; k++)
                          words[k] = noise(next++);
                      assert_true(conn_write(r->a.c, (char *)words, (size_t)k * 4));
                  }
                  r->b.in.n == total * sizeof(uint32_t);
              }));
        for (uint32_t i = 0; i < total; i++) {
            uint32_t word;
            memcpy(&word, r->b.in.p + i * 4, 4);
            if (word != noise(i))
                fail_msg("word %u", i);
        }
        assert_true(r->a.n_drained > 0);
        close_rig(&s);
    }
}

static uint32_t dice(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 16;
}

/* One end of the walk below: numbers its bytes, checks the other's, and misbehaves within the contract. */
struct walker {
    uint32_t sent, seen, seed;
};
static struct walker walkers[2];

static size_t walk_data(struct end *e, struct walker *w, const char *p, size_t n)
{
    size_t use = dice(&w->seed) % 4 == 0 ? dice(&w->seed) % (n + 1) : n;

    for (size_t i = 0; i < use; i++) {
        if (p[i] != (char)noise(w->seen++))
            fail_msg("byte %u", w->seen - 1);
    }
    if (dice(&w->seed) % 8 == 0)
        conn_pause(e->c);
    return use;
}

static size_t walk_a(struct end *e, char *p, size_t n)
{
    return walk_data(e, &walkers[0], p, n);
}

static size_t walk_b(struct end *e, char *p, size_t n)
{
    return walk_data(e, &walkers[1], p, n);
}

static void walk_step(struct end *e, struct walker *w)
{
    size_t n = dice(&w->seed) % (dice(&w->seed) % 8 == 0 ? 20000 : 300);
    char *room;

    if (dice(&w->seed) % 3 == 0)
        conn_resume(e->c);
    if (conn_tx_pending(e->c) + n > LIMIT)
        return;
    room = conn_reserve(e->c, n);
    assert_non_null(room);
    for (size_t i = 0; i < n; i++)
        room[i] = (char)noise(w->sent++);
    conn_commit(e->c, n);
}

/* Both ends write, leave input, pause and resume as dice fall: every byte arrives once and in order. */
static void test_random_walk(void **state)
{
    for (uint32_t seed = 1; seed <= 20; seed++) {
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        walkers[0] = (struct walker){ .seed = seed };
        walkers[1] = (struct walker){ .seed = ~seed };
        r->a.on_data = walk_a;
        r->b.on_data = walk_b;
        join(r, seed % 2);
        for (int i = 0; i < 300; i++) {
            walk_step(&r->a, &walkers[0]);
            walk_step(&r->b, &walkers[1]);
            if (dice(&walkers[0].seed) % 2 == 0)
                turn(r);
        }
        until(r, ({
                  conn_pause(r->a.c); /* so that resume hands over what was left */
                  conn_pause(r->b.c);
                  conn_resume(r->a.c);
                  conn_resume(r->b.c);
                  walkers[0].seen == walkers[1].sent &&walkers[1].seen == walkers[0].sent;
              }));
        close_rig(&s);
    }
}

static size_t use_lines(struct end *e, char *p, size_t n)
{
    size_t used = 0;

    for (size_t i = 0; i < n; i++) {
        if (p[i] == '\n')
            used = i + 1;
    }
    buf_add(&e->in, p, used);
    return used;
}

/* What the owner leaves comes again with more behind it, whatever the pieces. */
static void test_dribbles(void **state)
{
    static const char text[] = "line one\nline two\n\nlast\n";

    for (int tls = 0; tls < 2; tls++) {
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        r->b.on_data = use_lines;
        join(r, tls);
        for (size_t i = 0; i < sizeof(text) - 1; i++) {
            conn_write(r->a.c, text + i, 1);
            until(r, r->b.n_data == (int)i + 1);
        }
        assert_true(heard(&r->b, text));
        close_rig(&s);
    }
}

static size_t use_none(struct end *e, char *p, size_t n)
{
    return 0;
}

static void test_rx_max(void **state)
{
    struct rig *r = *state;
    char block[100] = { 0 };

    r->rx_max = 1000;
    r->b.on_data = use_none;
    join(r, false);
    for (int i = 0; i < 9; i++) {
        conn_write(r->a.c, block, sizeof(block));
        until(r, r->b.n_data == i + 1);
    }
    conn_write(r->a.c, block, sizeof(block) - 1);
    until(r, r->b.n_data == 10);
    turns(r, 3);
    assert_int_equal(r->b.n_closed, 0);
    conn_write(r->a.c, block, 1);
    wants_end(r, &r->b, CONN_END_MEMORY, "the peer sent 1000 bytes that make no whole; at most 1000 are kept");
}

static size_t pause_and_leave(struct end *e, char *p, size_t n)
{
    conn_pause(e->c);
    return 0;
}

static void test_pause(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        char *big = malloc(200000);
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        r->rx_max = 100; /* does not count while paused */
        r->tx_max = 1 << 20;
        r->b.on_data = pause_and_leave;
        for (int i = 0; i < 200000; i++)
            big[i] = (char)i;
        join(r, tls);
        conn_write(r->a.c, big, 200000);
        conn_close(r->a.c);
        until(r, r->b.n_data == 1);
        turns(r, 20);
        assert_int_equal(r->b.n_data, 1);
        assert_int_equal(r->b.n_closed, 0);
        conn_resume(r->b.c); /* the same bytes, without any new ones; paused again */
        turns(r, 5);
        assert_int_equal(r->b.n_data, 2);
        r->b.on_data = NULL;
        assert_int_equal(r->b.n_closed, 0);
        conn_resume(r->b.c);
        assert_int_equal(r->b.n_data, 2); /* not from inside */
        wants_end(r, &r->b, CONN_END_PEER, "closed by the peer");
        assert_int_equal(r->b.in.n, 200000);
        assert_memory_equal(r->b.in.p, big, 200000);
        free(big);
        close_rig(&s);
    }
}

/* The peer goes while we are paused: seen when we resume. */
static void test_pause_then_close(void **state)
{
    for (int tls = 0; tls < 2; tls++) {
        struct rig *r;
        void *s;
        open_rig(&s);
        r = s;
        join(r, tls);
        turns(r, 3);
        conn_pause(r->b.c);
        conn_close(r->a.c);
        turns(r, 10);
        assert_int_equal(r->b.n_closed, 0);
        conn_resume(r->b.c);
        wants_end(r, &r->b, CONN_END_PEER, "closed by the peer");
        close_rig(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        RIG_TEST(test_early_write),
        RIG_TEST(test_corking),
        RIG_TEST(test_corking_tls),
        cmocka_unit_test(test_slow_peer),
        RIG_TEST(test_tx_max_is_exact),
        RIG_TEST(test_large_turn),
        cmocka_unit_test(test_bulk),
        cmocka_unit_test(test_random_walk),
        cmocka_unit_test(test_dribbles),
        RIG_TEST(test_rx_max),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_then_close),
    };

    return cmocka_run_group_tests(tests, conn_rig_certs, conn_rig_certs_drop);
}
