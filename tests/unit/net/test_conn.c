/* Connections over real sockets on loopback: what is delivered, what is corked, who hears of the end and how often. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/conn.h"
#include "test_certs.h"

enum { LIMIT = 1 << 16, GUARD_MS = 20000 };

/* One owner, and what it has seen. */
struct end {
    struct loop *loop;
    struct conn *c;
    struct buf in;
    int n_open, n_data, n_secured, n_drained, n_closed;
    enum conn_end why;
    char text[512];
    bool called; /* by c, now: nobody may call again */
    bool in_mine; /* inside one of our own calls on c */
    size_t (*on_data)(struct end *e, char *p, size_t n);
    void (*on_open)(struct end *e);
};

static void enter(struct end *e)
{
    assert_false(e->called);
    assert_false(e->in_mine);
    assert_int_equal(e->n_closed, 0);
    e->called = true;
}

static void on_open(void *owner, struct conn *c)
{
    struct end *e = owner;

    enter(e);
    e->n_open++;
    if (e->on_open)
        e->on_open(e);
    e->called = false;
}

static size_t on_data(void *owner, struct conn *c, char *p, size_t n)
{
    struct end *e = owner;
    size_t used = n;

    enter(e);
    assert_true(n > 0);
    e->n_data++;
    if (e->on_data)
        used = e->on_data(e, p, n);
    else
        buf_add(&e->in, p, n);
    e->called = false;
    return used;
}

static void on_secured(void *owner, struct conn *c)
{
    struct end *e = owner;

    enter(e);
    e->n_secured++;
    e->called = false;
}

static void on_drained(void *owner, struct conn *c)
{
    struct end *e = owner;

    enter(e);
    e->n_drained++;
    assert_int_equal(conn_tx_pending(c), 0);
    e->called = false;
}

static void on_closed(void *owner, struct conn *c, enum conn_end why, const char *text)
{
    struct end *e = owner;

    enter(e);
    e->n_closed++;
    e->why = why;
    snprintf(e->text, sizeof(e->text), "%s", text);
    e->c = NULL;
    e->called = false;
}

static const struct conn_ops ops = { on_open, on_data, on_secured, on_drained, on_closed };

/* A loop with a listener; what connects to it becomes b, or stays a bare descriptor. */
struct rig {
    struct loop loop;
    struct log log;
    struct tls *tls, *bare_tls;
    struct listener *listener;
    struct addr at;
    struct end a, b;
    size_t tx_max, rx_max;
    const struct tls_wish *accept_wish;
    bool accept_raw;
    int raw; /* accepted, when accept_raw */
    struct deferred stop;
};

static struct cert root;

static void on_accepted(void *owner, struct listener *l, int fd, const struct addr *peer)
{
    struct rig *r = owner;
    struct conn_conf conf = { &ops, &r->b, r->tls, r->rx_max, r->tx_max, 0 };

    if (r->accept_raw || r->b.c) {
        r->raw = fd;
        return;
    }
    r->b.c = conn_accept(&r->loop, &conf, fd, peer, r->accept_wish);
    assert_non_null(r->b.c);
}

static const struct listener_ops listener_ops = { on_accepted };

static void on_stop(struct deferred *d)
{
    loop_stop(&container_of(d, struct rig, stop)->loop);
}

static void turn(struct rig *r)
{
    loop_defer(&r->loop, &r->stop);
    loop_run(&r->loop);
}

static void turns(struct rig *r, int n)
{
    while (n-- > 0)
        turn(r);
}

#define until(r, cond)                                                                                                 \
    do {                                                                                                               \
        uint64_t end_ = clock_mono_ms() + GUARD_MS;                                                                    \
        while (!(cond)) {                                                                                              \
            turn(r);                                                                                                   \
            if (clock_mono_ms() > end_)                                                                                \
                fail_msg("never: %s (a closed: %s, b closed: %s)", #cond, (r)->a.text, (r)->b.text);                   \
        }                                                                                                              \
    } while (0)

static void quiet(struct log *log, const char *line, size_t n)
{
}

static int open_rig(void **state)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct err err = { "" };

    log_init(&r->log);
    r->log.write = quiet;
    assert_int_equal(loop_init(&r->loop, &r->log, &err), 0);
    r->tls = tls_new(&err);
    r->bare_tls = tls_new(&err);
    assert_int_equal(tls_trust(r->tls, certs_path("root.pem"), &err), 0);
    assert_int_equal(tls_add_identity(r->tls, SLICE(""), certs_path("default.pem"), certs_path("default.key"), &err), 0);
    assert_int_equal(tls_add_identity(r->tls, SLICE("a.example"), certs_path("a.pem"), certs_path("a.key"), &err), 0);
    assert_true(addr_parse(SLICE("127.0.0.1:0"), 0, &r->at));
    r->listener = listener_open(&r->loop, &r->at, &listener_ops, r, &err);
    assert_non_null(r->listener);
    r->at = *listener_local(r->listener);
    r->raw = -1;
    r->tx_max = r->rx_max = LIMIT;
    r->a.loop = r->b.loop = &r->loop;
    buf_init(&r->a.in, 64 << 20);
    buf_init(&r->b.in, 64 << 20);
    deferred_init(&r->stop, on_stop);
    *state = r;
    return 0;
}

static int close_rig(void **state)
{
    struct rig *r = *state;

    if (r->a.c)
        conn_detach(r->a.c);
    if (r->b.c)
        conn_detach(r->b.c);
    listener_close(r->listener);
    if (r->raw >= 0)
        close(r->raw);
    turns(r, 3);
    loop_fini(&r->loop);
    tls_free(r->tls);
    tls_free(r->bare_tls);
    buf_free(&r->a.in);
    buf_free(&r->b.in);
    free(r);
    assert_int_equal(ERR_peek_error(), 0);
    return 0;
}

static struct conn *dial(struct rig *r, struct tls *tls, const struct tls_wish *wish)
{
    struct conn_conf conf = { &ops, &r->a, tls, r->rx_max, r->tx_max, 5000 };

    r->a.c = conn_connect(&r->loop, &conf, &r->at, NULL, wish);
    assert_non_null(r->a.c);
    return r->a.c;
}

static const struct tls_wish client_wish = { .role = TLS_CLIENT, .server_name = { "a.example", 9 }, .alpn = "xmpp-server" };
static const struct tls_wish server_wish = { .role = TLS_SERVER, .alpn = "xmpp-server" };

/* a and b, connected; over TLS if asked. */
static void join(struct rig *r, bool tls)
{
    r->accept_wish = tls ? &server_wish : NULL;
    dial(r, r->tls, tls ? &client_wish : NULL);
    until(r, r->a.n_open == 1 && r->b.c && (!tls || r->b.n_open == 1));
}

/* A plain nonblocking socket connected to the listener, and b at its other end. */
static int join_raw(struct rig *r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, &r->at.sa, addr_len(&r->at)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    until(r, r->b.c != NULL);
    return fd;
}

static bool heard(const struct end *e, const char *s)
{
    return slice_is(buf_slice(&e->in), s);
}

static void say(struct end *e, const char *s)
{
    assert_true(conn_write(e->c, s, strlen(s)));
}

static void wants_end(struct rig *r, struct end *e, enum conn_end why, const char *text)
{
    until(r, e->n_closed == 1);
    if (e->why != why || strcmp(e->text, text) != 0)
        fail_msg("ended: %s, \"%s\"", conn_end_name(e->why), e->text);
}

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
    struct tcp_info info = { 0 };
    socklen_t n = sizeof(info);

    assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
    return info.tcpi_data_segs_in;
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

/* Both sides as XMPP has it: request in clear, answer in clear, then TLS. */
static size_t starttls_server(struct end *e, char *p, size_t n)
{
    if (conn_is_secure(e->c)) {
        buf_add(&e->in, p, n);
        return n;
    }
    say(e, "<proceed/>");
    assert_true(conn_start_tls(e->c, &server_wish));
    say(e, "first words"); /* must not leave in clear */
    return 11;
}

static size_t starttls_client(struct end *e, char *p, size_t n)
{
    if (conn_is_secure(e->c)) {
        buf_add(&e->in, p, n);
        return n;
    }
    assert_true(slice_is(slice_of(p, n), "<proceed/>"));
    assert_true(conn_start_tls(e->c, &client_wish));
    say(e, "stream");
    return 10;
}

static void test_starttls(void **state)
{
    struct rig *r = *state;

    r->a.on_data = starttls_client;
    r->b.on_data = starttls_server;
    join(r, false);
    say(&r->a, "<starttls/>");
    until(r, heard(&r->b, "stream") && heard(&r->a, "first words"));
    assert_int_equal(r->a.n_secured, 1);
    assert_int_equal(r->b.n_secured, 1);
    assert_int_equal(r->a.n_open, 1);
    assert_int_equal(r->b.n_open, 0);
    assert_string_equal(conn_tls_version(r->b.c), "TLSv1.3");
    assert_false(conn_start_tls(r->b.c, &server_wish)); /* once only */
}

/* CVE-2011-0411: what came in one piece with <starttls/> is not part of the protected stream. */
static void test_starttls_injection(void **state)
{
    struct rig *r = *state;
    int fd = join_raw(r);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    char got[64];
    size_t n;

    r->b.on_data = starttls_server;
    assert_int_equal(send(fd, "<starttls/><evil/>", 18, 0), 18);
    until(r, recv(fd, got, sizeof(got), MSG_PEEK) > 0);
    assert_int_equal(recv(fd, got, sizeof(got), 0), 10); /* and nothing of "first words" */
    SSL_set_fd(ssl, fd);
    until(r, SSL_connect(ssl) == 1);
    until(r, SSL_read_ex(ssl, got, sizeof(got), &n));
    assert_true(slice_is(slice_of(got, n), "first words"));
    assert_true(SSL_write_ex(ssl, "good", 4, &n));
    until(r, r->b.in.n > 0);
    assert_true(heard(&r->b, "good"));
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

static size_t starttls_client_lazy(struct end *e, char *p, size_t n)
{
    assert_false(conn_is_secure(e->c));
    if (n < 10)
        return 0;
    assert_true(conn_start_tls(e->c, &client_wish));
    return 0; /* even what the owner calls unused is gone */
}

/* The mirror: a man in the middle adds stanzas behind <proceed/>, in the same piece, or after it. */
static void test_starttls_injection_to_client(void **state)
{
    struct rig *r = *state;

    r->accept_raw = true;
    r->a.on_data = starttls_client_lazy;
    dial(r, r->tls, NULL);
    until(r, r->raw >= 0 && r->a.n_open);
    assert_int_equal(send(r->raw, "<proc", 5, 0), 5);
    until(r, r->a.n_data == 1);
    assert_int_equal(send(r->raw, "eed/><evil/>", 12, 0), 12);
    until(r, r->a.n_data == 2);
    turns(r, 5);
    assert_int_equal(r->a.n_data, 2);
    assert_int_equal(r->a.n_closed, 0); /* still in the handshake */
    assert_int_equal(send(r->raw, "<evil/>", 7, 0), 7);
    wants_end(r, &r->a, CONN_END_TLS, "TLS handshake failed: the peer does not speak TLS here");
}

static void test_direct_tls_names(void **state)
{
    struct rig *r = *state;
    struct arena arena;
    struct tls_peer peer;
    const unsigned char *alpn;
    unsigned n;

    join(r, true);
    arena_init(&arena, 1 << 16);
    assert_true(tls_peer(conn_ssl(r->a.c), &arena, &peer)); /* chosen by SNI */
    assert_true(peer.trusted);
    assert_int_equal(peer.n_names, 3);
    assert_true(slice_is(peer.names[0].text, "a.example"));
    assert_int_equal(peer.names[1].kind, TLS_NAME_SRV);
    assert_true(slice_is(peer.names[1].text, "_xmpp-server.a.example"));
    assert_int_equal(peer.names[2].kind, TLS_NAME_XMPP);
    assert_true(tls_peer(conn_ssl(r->b.c), &arena, &peer)); /* mutual: the client's default */
    assert_true(peer.presented && peer.trusted);
    assert_true(slice_is(peer.subject, "CN=default"));
    SSL_get0_alpn_selected(conn_ssl(r->b.c), &alpn, &n);
    assert_true(slice_is(slice_of((const char *)alpn, n), "xmpp-server"));
    arena_reset(&arena);
}

static void test_untrusted_is_let_through(void **state)
{
    struct rig *r = *state;
    struct arena arena;
    struct tls_peer peer;

    r->accept_wish = &server_wish;
    dial(r, r->bare_tls, &client_wish); /* trusts nobody, shows nothing */
    until(r, r->a.n_open == 1 && r->b.n_open == 1);
    arena_init(&arena, 1 << 16);
    assert_true(tls_peer(conn_ssl(r->a.c), &arena, &peer));
    assert_false(peer.trusted);
    assert_string_equal(peer.fault,
                        "issuer CN=Test Root is not trusted, or the peer does not send its intermediate certificates");
    assert_true(tls_peer(conn_ssl(r->b.c), &arena, &peer));
    assert_false(peer.presented);
    arena_reset(&arena);
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
    struct conn_conf conf = { &ops, &r->a, NULL, 100, 100, 5000 };
    struct addr local;

    assert_true(addr_parse(SLICE("192.0.2.77:0"), 0, &local));
    r->a.c = conn_connect(&r->loop, &conf, &r->at, &local, NULL);
    assert_non_null(r->a.c);
    assert_int_equal(r->a.n_closed, 0); /* never from inside the call */
    wants_end(r, &r->a, CONN_END_REFUSED,
              "cannot connect from our address 192.0.2.77:0: address not available");
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
        until(r, r->a.n_closed);
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

static void test_truncated_tls(void **state)
{
    struct rig *r = *state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    int fd;

    r->accept_wish = &server_wish;
    fd = join_raw(r);
    SSL_set_fd(ssl, fd);
    until(r, SSL_connect(ssl) == 1);
    until(r, r->b.n_open);
    close(fd);
    wants_end(r, &r->b, CONN_END_PEER, "closed by the peer, without TLS close_notify");
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

static void test_damaged_record(void **state)
{
    struct rig *r = *state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    char forged[5 + 40] = { 0x17, 0x03, 0x03, 0, 40 };
    int fd;

    r->accept_wish = &server_wish;
    fd = join_raw(r);
    SSL_set_fd(ssl, fd);
    until(r, SSL_connect(ssl) == 1);
    assert_int_equal(SSL_write(ssl, "good", 4), 4);
    assert_int_equal(send(fd, forged, sizeof(forged), 0), sizeof(forged));
    wants_end(r, &r->b, CONN_END_TLS, "TLS failed while receiving: a record was damaged on the way");
    assert_true(heard(&r->b, "good"));
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

static void test_handshake_sentences(void **state)
{
    static const struct {
        const char *send;
        bool close;
        const char *text;
    } cases[] = {
        { "GET / HTTP/1.1\r\n\r\n", false, "TLS handshake failed: the peer speaks plain HTTP" },
        { "<?xml version='1.0'?><stream:stream>", false, "TLS handshake failed: the peer does not speak TLS here" },
        { "\x16\x03\x01", true, "TLS handshake failed: the peer closed the connection" },
        { "\x15\x03\x01\x00\x02\x02\x28", false,
          "TLS handshake failed: the peer found nothing in common (alert handshake_failure)" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig *r;
        void *s;
        int fd;
        size_t n = i == 3 ? 7 : strlen(cases[i].send);
        open_rig(&s);
        r = s;
        r->accept_wish = &server_wish;
        fd = join_raw(r);
        assert_int_equal(send(fd, cases[i].send, n, 0), n);
        if (cases[i].close)
            shutdown(fd, SHUT_WR);
        wants_end(r, &r->b, CONN_END_TLS, cases[i].text);
        close(fd);
        close_rig(&s);
    }
}

static void test_old_client(void **state)
{
    struct rig *r = *state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    int fd;

    SSL_set_min_proto_version(ssl, TLS1_VERSION);
    SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
    SSL_set_security_level(ssl, 0);
    SSL_set_cipher_list(ssl, "ALL:@SECLEVEL=0");
    r->accept_wish = &server_wish;
    fd = join_raw(r);
    SSL_set_fd(ssl, fd);
    SSL_connect(ssl);
    wants_end(r, &r->b, CONN_END_TLS,
              "TLS handshake failed: no common protocol version: the peer offers neither TLS 1.2 nor 1.3");
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
}

/* A server that insists on a certificate from an authority it knows: its alert is what our administrator must read. */
static void test_refused_certificate(void **state)
{
    struct rig *r = *state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    SSL *ssl;

    SSL_CTX_use_certificate_file(ctx, certs_path("a.pem"), SSL_FILETYPE_PEM);
    SSL_CTX_use_PrivateKey_file(ctx, certs_path("a.key"), SSL_FILETYPE_PEM);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    ssl = SSL_new(ctx);
    r->accept_raw = true;
    dial(r, r->tls, &client_wish);
    until(r, r->raw >= 0);
    SSL_set_fd(ssl, r->raw);
    until(r, SSL_accept(ssl) == 1 || r->a.n_closed);
    assert_int_equal(r->a.why, CONN_END_TLS);
    assert_string_equal(r->a.text, "TLS failed while receiving: the peer does not trust the issuer of our certificate "
                                   "(alert unknown_ca)");
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

/* Descriptors run out: accepting pauses instead of spinning, and goes on later. */
static void test_listener_without_descriptors(void **state)
{
    struct rig *r = *state;
    struct rlimit was, low;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), spare = dup(0);

    getrlimit(RLIMIT_NOFILE, &was);
    low = was;
    low.rlim_cur = (rlim_t)spare + 1;
    close(spare);
    while ((spare = dup(0)) >= 0 && spare < (int)low.rlim_cur - 1)
        continue;
    setrlimit(RLIMIT_NOFILE, &low);
    assert_int_equal(connect(fd, &r->at.sa, addr_len(&r->at)), 0);
    turns(r, 10);
    assert_null(r->b.c);
    setrlimit(RLIMIT_NOFILE, &was);
    timers_advance(&r->loop.timers, loop_now(&r->loop) + 300);
    until(r, r->b.c != NULL);
    close(spare);
    close(fd);
}

static void test_listener_sentences(void **state)
{
    struct rig *r = *state;
    struct err err = { "" };
    struct addr a;
    char text[ADDR_TEXT], want[256];
    struct listener *six;

    assert_null(listener_open(&r->loop, &r->at, &listener_ops, r, &err));
    snprintf(want, sizeof(want), "cannot listen on %s: address already in use", addr_text(&r->at, text));
    assert_string_equal(err.text, want);
    assert_true(addr_parse(SLICE("192.0.2.7:5061"), 0, &a));
    assert_null(listener_open(&r->loop, &a, &listener_ops, r, &err));
    assert_string_equal(err.text, "cannot listen on 192.0.2.7:5061: address not available");
    assert_true(addr_parse(SLICE("[::]:0"), 0, &a)); /* does not take IPv4's port */
    addr_set_port(&a, addr_port(&r->at));
    six = listener_open(&r->loop, &a, &listener_ops, r, &err);
    if (six)
        listener_close(six);
    else
        assert_non_null(strstr(err.text, "cannot listen on [::]"));
    listener_close(NULL);
}

static int make_certs(void **state)
{
    struct cert def, a;

    certs_begin();
    root = cert_make(&(struct cert_spec){ .cn = "Test Root", .ca = true }, NULL);
    def = cert_make(&(struct cert_spec){ .cn = "default", .sans = "DNS:default.example" }, &root);
    a = cert_make(&(struct cert_spec){ .cn = "a",
                                       .sans = "DNS:a.example,"
                                               "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.a.example,"
                                               "otherName:1.3.6.1.5.5.7.8.5;UTF8:a.example" },
                  &root);
    certs_write_chain("root.pem", &root, NULL);
    certs_write_chain("default.pem", &def, NULL);
    certs_write_key("default.key", &def, NULL);
    certs_write_chain("a.pem", &a, NULL);
    certs_write_key("a.key", &a, NULL);
    cert_free(&def);
    cert_free(&a);
    return 0;
}

static int drop_certs(void **state)
{
    cert_free(&root);
    certs_end();
    return 0;
}

#define RIG_TEST(f) cmocka_unit_test_setup_teardown(f, open_rig, close_rig)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo),
        RIG_TEST(test_early_write),
        RIG_TEST(test_corking),
        RIG_TEST(test_corking_tls),
        RIG_TEST(test_starttls),
        RIG_TEST(test_starttls_injection),
        RIG_TEST(test_starttls_injection_to_client),
        RIG_TEST(test_direct_tls_names),
        RIG_TEST(test_untrusted_is_let_through),
        cmocka_unit_test(test_slow_peer),
        RIG_TEST(test_tx_max_is_exact),
        RIG_TEST(test_large_turn),
        cmocka_unit_test(test_bulk),
        RIG_TEST(test_refused),
        RIG_TEST(test_unusable_local),
        RIG_TEST(test_connect_timeout),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_flushes),
        RIG_TEST(test_close_waits_two_seconds),
        RIG_TEST(test_close_in_handshake),
        cmocka_unit_test(test_dribbles),
        RIG_TEST(test_rx_max),
        cmocka_unit_test(test_pause),
        cmocka_unit_test(test_pause_then_close),
        cmocka_unit_test(test_ends_inside_data),
        RIG_TEST(test_peer_reset),
        RIG_TEST(test_last_words),
        RIG_TEST(test_truncated_tls),
        RIG_TEST(test_damaged_record),
        cmocka_unit_test(test_handshake_sentences),
        RIG_TEST(test_old_client),
        RIG_TEST(test_refused_certificate),
        RIG_TEST(test_listener_without_descriptors),
        RIG_TEST(test_listener_sentences),
    };

    return cmocka_run_group_tests(tests, make_certs, drop_certs);
}
