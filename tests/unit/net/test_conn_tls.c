/* TLS on a connection: from the start, from the middle on, and everything that can go wrong with it. */
#include <openssl/err.h>
#include <unistd.h>

#include "conn_rig.h"

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
    until(r, recv(fd, got, sizeof(got), MSG_PEEK) >= 10);
    turns(r, 5);
    assert_int_equal(recv(fd, got, sizeof(got), 0), 10); /* at once, and nothing of "first words" */
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
    wants_end(r, &r->a, CONN_END_TLS_NONE, "TLS handshake failed: the peer does not speak TLS here");
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

/* TLS 1.3 KeyUpdate, asked for by either side, is nobody's business but OpenSSL's. */
static void test_key_update(void **state)
{
    struct rig *r = *state;

    join(r, true);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(SSL_key_update(conn_ssl(r->a.c), SSL_KEY_UPDATE_REQUESTED), 1);
        say(&r->a, "x");
        until(r, r->b.in.n == (size_t)i + 1);
        say(&r->b, "y");
        until(r, r->a.in.n == (size_t)i + 1);
    }
}

/* ... as long as it is not all that the peer does: 10,000 of them are not answered for ever. */
static void test_key_updates_without_end(void **state)
{
    struct rig *r = *state;
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    int fd, n = 0;

    r->accept_wish = &server_wish;
    fd = join_raw(r);
    SSL_set_fd(ssl, fd);
    until(r, SSL_connect(ssl) == 1);
    until(r, r->b.n_open);
    while (n < 10000 && !r->b.n_closed) {
        if (SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED) != 1 || SSL_do_handshake(ssl) != 1)
            break;
        n++;
        turn(r);
    }
    assert_true(n > 60 && n < 10000);
    wants_end(r, &r->b, CONN_END_TLS, "the peer changes its keys all the time (TLS key updates)");
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
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
    shutdown(fd, SHUT_WR);
    wants_end(r, &r->b, CONN_END_PEER, "closed by the peer, without TLS close_notify");
    close(fd);
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
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct rig *r;
        void *s;
        int fd;
        size_t n = strlen(cases[i].send);
        open_rig(&s);
        r = s;
        r->accept_wish = &server_wish;
        fd = join_raw(r);
        assert_int_equal(send(fd, cases[i].send, n, 0), n);
        if (cases[i].close)
            shutdown(fd, SHUT_WR);
        wants_end(r, &r->b, cases[i].close ? CONN_END_TLS : CONN_END_TLS_NONE, cases[i].text);
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
    wants_end(r, &r->b, CONN_END_TLS_VERSION,
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
    assert_int_equal(r->a.why, CONN_END_TLS_REFUSED);
    assert_string_equal(r->a.text, "TLS failed while receiving: the peer does not trust the issuer of our certificate "
                                   "(alert unknown_ca)");
    ERR_clear_error();
    SSL_free(ssl);
    SSL_CTX_free(ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(test_starttls),
        RIG_TEST(test_starttls_injection),
        RIG_TEST(test_starttls_injection_to_client),
        RIG_TEST(test_direct_tls_names),
        RIG_TEST(test_untrusted_is_let_through),
        RIG_TEST(test_key_update),
        RIG_TEST(test_key_updates_without_end),
        RIG_TEST(test_truncated_tls),
        RIG_TEST(test_damaged_record),
        cmocka_unit_test(test_handshake_sentences),
        RIG_TEST(test_old_client),
        RIG_TEST(test_refused_certificate),
    };

    return cmocka_run_group_tests(tests, conn_rig_certs, conn_rig_certs_drop);
}
