/* Whose certificate we show, whose we believe, and what an operator is told. Handshakes run in memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/tls_priv.h"
#include "test_certs.h"

static struct cert root, stranger; /* authorities: one is trusted, one is not */

static int setup(void **state)
{
    certs_begin();
    root = cert_make(&(struct cert_spec){ .cn = "Test Root", .ca = true }, NULL);
    stranger = cert_make(&(struct cert_spec){ .cn = "Stranger Root", .ca = true }, NULL);
    certs_write_chain("root.pem", &root, NULL);
    return 0;
}

static int teardown(void **state)
{
    cert_free(&root);
    cert_free(&stranger);
    certs_end();
    return 0;
}

static struct tls *trusting_tls(void)
{
    struct err err = { "" };
    struct tls *tls = tls_new(&err);

    assert_non_null(tls);
    assert_int_equal(tls_trust(tls, certs_path("root.pem"), &err), 0);
    return tls;
}

static void add(struct tls *tls, const char *name, const struct cert *c)
{
    struct err err = { "" };
    int rc = tls_add_identity(tls, slice_str(name), certs_write_chain("c.pem", c, NULL),
                              certs_write_key("k.pem", c, NULL), &err);

    if (rc != 0)
        fail_msg("%s", err.text);
}

/* One handshake between two sessions of tls.h, through a pair of BIOs. */
struct pair {
    SSL *client, *server;
    bool done;
};

/* Takes both. */
static struct pair meet(SSL *client, SSL *server)
{
    struct pair p = { client, server, false };
    BIO *a, *b;

    assert_non_null(client);
    assert_non_null(server);
    BIO_new_bio_pair(&a, 0, &b, 0);
    SSL_set_bio(client, a, a);
    SSL_set_bio(server, b, b);
    for (int i = 0; i < 50 && !p.done; i++) {
        int c = SSL_do_handshake(client), s = SSL_do_handshake(server);
        p.done = c == 1 && s == 1;
    }
    ERR_clear_error();
    return p;
}

static struct pair shake(struct tls *ct, const struct tls_wish *cw, struct tls *st, const struct tls_wish *sw)
{
    return meet(tls_session(ct, cw), tls_session(st, sw));
}

/* A client that is not ours: bound to a certificate (or NULL) and to nothing else. */
static SSL_CTX *foreign_client(const struct cert *c)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    SSL_CTX_set_security_level(ctx, 0);
    if (c) {
        SSL_CTX_use_certificate(ctx, c->x);
        SSL_CTX_use_PrivateKey(ctx, c->key);
    }
    return ctx;
}

static SSL *foreign_session(SSL_CTX *ctx)
{
    SSL *ssl = SSL_new(ctx);

    SSL_set_connect_state(ssl);
    return ssl;
}

static void pair_free(struct pair *p)
{
    SSL_free(p->client);
    SSL_free(p->server);
}

static const struct tls_wish as_server = { .role = TLS_SERVER };

static const char *peer_cn(SSL *ssl)
{
    static char cn[64];

    cn[0] = '\0';
    X509_NAME_get_text_by_NID(X509_get_subject_name(SSL_get0_peer_certificate(ssl)), NID_commonName, cn, sizeof(cn));
    return cn;
}

static void test_sni_chooses(void **state)
{
    static const struct {
        const char *sni, *identity, *want;
    } cases[] = {
        { "a.example", "", "A" },
        { "b.example", "", "B" },
        { "B.EXAMPLE", "", "B" },
        { "b.example.", "", "B" },
        { "", "", "default" },
        { "other.example", "", "default" },
        { "", "b.example", "B" },
        { "a.example", "b.example", "A" },
        { "x.a.example", "b.example", "B" },
        { "", "unknown.example", "default" },
    };
    struct tls *tls = trusting_tls();
    struct cert a = cert_make(&(struct cert_spec){ .cn = "A" }, &root),
                b = cert_make(&(struct cert_spec){ .cn = "B" }, &root),
                d = cert_make(&(struct cert_spec){ .cn = "default" }, &root);

    add(tls, "a.example", &a);
    add(tls, "B.example", &b);
    add(tls, "", &d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct tls_wish cw = { .role = TLS_CLIENT, .server_name = slice_str(cases[i].sni) };
        struct tls_wish sw = { .role = TLS_SERVER, .identity = slice_str(cases[i].identity) };
        struct pair p = shake(tls, &cw, tls, &sw);
        assert_true(p.done);
        if (strcmp(peer_cn(p.client), cases[i].want) != 0)
            fail_msg("case %zu: got %s", i, peer_cn(p.client));
        pair_free(&p);
    }
    cert_free(&a);
    cert_free(&b);
    cert_free(&d);
    tls_free(tls);
}

static void test_identity_is_replaced(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert old = cert_make(&(struct cert_spec){ .cn = "old" }, &root),
                new = cert_make(&(struct cert_spec){ .cn = "new" }, &root);
    struct tls_wish cw = { .role = TLS_CLIENT, .server_name = SLICE("a.example") };
    struct pair before, after;

    add(tls, "a.example", &old);
    before = shake(tls, &cw, tls, &(struct tls_wish){ .role = TLS_SERVER, .identity = SLICE("a.example") });
    add(tls, "a.example", &new);
    after = shake(tls, &cw, tls, &as_server);
    assert_string_equal(peer_cn(before.client), "old");
    assert_string_equal(peer_cn(after.client), "new");
    pair_free(&before);
    pair_free(&after);
    cert_free(&old);
    cert_free(&new);
    tls_free(tls);
}

/* A whole set takes the place of another while connections are up: they keep what they have. */
static void test_sets_are_swapped(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert old = cert_make(&(struct cert_spec){ .cn = "old" }, &root),
                new = cert_make(&(struct cert_spec){ .cn = "new" }, &root);
    struct tls_identities *first = tls_identities_new(), *second = tls_identities_new(), *none = tls_identities_new();
    struct tls_wish cw = { .role = TLS_CLIENT, .server_name = SLICE("a.example") };
    struct tls_wish sw = { .role = TLS_SERVER, .identity = SLICE("a.example") };
    struct pair before, after, last;
    struct err err = { "" };

    assert_true(first && second && none);
    assert_int_equal(tls_identities_add(first, tls, SLICE("A.example."), certs_write_chain("s1.pem", &old, NULL),
                                        certs_write_key("s1.key", &old, NULL), NULL, &err),
                     0);
    assert_int_equal(tls_identities_add(second, tls, SLICE("a.example"), certs_write_chain("s2.pem", &new, NULL),
                                        certs_write_key("s2.key", &new, NULL), first, &err),
                     0);
    tls_use_identities(tls, first);
    tls_identities_drop(first);
    before = shake(tls, &cw, tls, &sw);
    tls_use_identities(tls, second);
    tls_identities_drop(second);
    after = shake(tls, &cw, tls, &sw);
    tls_use_identities(tls, none);
    tls_identities_drop(none);
    last = shake(tls, &cw, tls, &sw);
    assert_string_equal(peer_cn(before.client), "old");
    assert_string_equal(peer_cn(after.client), "new");
    assert_false(last.done);
    assert_int_equal(SSL_write(before.server, "still", 5), 5);
    assert_int_equal(SSL_write(after.server, "there", 5), 5);
    pair_free(&before);
    pair_free(&after);
    pair_free(&last);
    cert_free(&old);
    cert_free(&new);
    tls_free(tls);
}

static void test_no_certificate(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert c = cert_make(&(struct cert_spec){ .cn = "c" }, &root);
    struct tls_wish cw = { .role = TLS_CLIENT };
    struct pair p = shake(tls, &cw, tls, &as_server);
    struct tls *bare = trusting_tls();
    struct arena arena;
    struct tls_peer peer;

    assert_false(p.done); /* a server without any cannot work */
    pair_free(&p);
    add(tls, "", &c);
    p = shake(bare, &cw, tls, &as_server);
    assert_true(p.done); /* a client without one can: dialback decides */
    arena_init(&arena, 65536);
    assert_true(tls_peer(p.server, &arena, &peer));
    assert_false(peer.presented);
    assert_false(peer.trusted);
    assert_string_equal(peer.fault, "the peer sent no certificate");
    arena_reset(&arena);
    pair_free(&p);
    cert_free(&c);
    tls_free(bare);
    tls_free(tls);
}

static void test_alpn(void **state)
{
    static const struct {
        const char *client, *server, *want;
    } cases[] = {
        { "xmpp-server", "xmpp-server", "xmpp-server" },
        { "sip", "sip", "sip" },
        { "xmpp-client", "xmpp-server", "" },
        { NULL, "xmpp-server", "" },
        { "xmpp-server", NULL, "" },
    };
    struct tls *tls = trusting_tls();
    struct cert c = cert_make(&(struct cert_spec){ .cn = "c" }, &root);

    add(tls, "", &c);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct pair p = shake(tls, &(struct tls_wish){ .role = TLS_CLIENT, .alpn = cases[i].client }, tls,
                              &(struct tls_wish){ .role = TLS_SERVER, .alpn = cases[i].server });
        const unsigned char *proto;
        unsigned n;
        assert_true(p.done);
        SSL_get0_alpn_selected(p.client, &proto, &n);
        assert_true(slice_is(slice_of((const char *)proto, n), cases[i].want));
        pair_free(&p);
    }
    cert_free(&c);
    tls_free(tls);
}

/* What a peer's certificate must look like to be believed, and what is said of it otherwise. */
static void test_verdicts(void **state)
{
    static const struct {
        const char *what;
        struct cert_spec spec;
        enum { ROOT, STRANGER, SELF } by;
        const char *fault; /* beginning of it; NULL: trusted */
    } cases[] = {
        { "plain", { .cn = "x" }, ROOT, NULL },
        { "rsa", { .cn = "x", .rsa_bits = 2048 }, ROOT, NULL },
        { "server only", { .cn = "x", .eku = "serverAuth" }, ROOT, NULL },
        { "client only", { .cn = "x", .eku = "clientAuth" }, ROOT, NULL },
        { "any usage", { .cn = "x", .eku = "anyExtendedKeyUsage" }, ROOT, NULL },
        { "sipDomain", { .cn = "x", .eku = "1.3.6.1.5.5.7.3.20" }, ROOT, NULL },
        { "code signing", { .cn = "x", .eku = "codeSigning" }, ROOT, "certificate may not be used for TLS" },
        { "expired", { .cn = "x", .from_days = -20, .until_days = -10 }, ROOT, "certificate expired 20" },
        { "future", { .cn = "x", .from_days = 10, .until_days = 20 }, ROOT, "certificate is not valid before 20" },
        { "self-signed", { .cn = "x" }, SELF, "self-signed certificate is not trusted" },
        { "unknown authority", { .cn = "x" }, STRANGER, "issuer CN=Stranger Root is not trusted" },
        { "expired and unknown",
          { .cn = "x", .from_days = -20, .until_days = -10 },
          STRANGER,
          "issuer CN=Stranger Root" },
        { "short key", { .cn = "x", .rsa_bits = 1024 }, ROOT, "certificate's key is too short" },
    };
    struct tls *us = trusting_tls();
    struct cert ours = cert_make(&(struct cert_spec){ .cn = "us" }, &root);

    add(us, "", &ours);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct cert *by = cases[i].by == ROOT ? &root : cases[i].by == STRANGER ? &stranger : NULL;
        struct cert c = cert_make(&cases[i].spec, by);
        SSL_CTX *ctx = foreign_client(&c); /* tls_add_identity would refuse most of these */
        struct pair p = meet(foreign_session(ctx), tls_session(us, &as_server));
        struct arena arena;
        struct tls_peer peer;

        if (!p.done)
            fail_msg("%s: no handshake", cases[i].what);
        arena_init(&arena, 65536);
        assert_true(tls_peer(p.server, &arena, &peer));
        assert_true(peer.presented);
        assert_true(slice_is(peer.subject, "CN=x"));
        if (peer.trusted != !cases[i].fault ||
            (cases[i].fault && strncmp(peer.fault, cases[i].fault, strlen(cases[i].fault)) != 0))
            fail_msg("%s: trusted %d, fault \"%s\"", cases[i].what, peer.trusted, peer.fault);
        arena_reset(&arena);
        pair_free(&p);
        SSL_CTX_free(ctx);
        cert_free(&c);
    }
    cert_free(&ours);
    tls_free(us);
}

static void test_intermediate(void **state)
{
    struct tls *us = trusting_tls(), *peer_tls = trusting_tls();
    struct cert mid = cert_make(&(struct cert_spec){ .cn = "Mid", .ca = true }, &root),
                not_ca = cert_make(&(struct cert_spec){ .cn = "Leaf as issuer" }, &root),
                leaf = cert_make(&(struct cert_spec){ .cn = "x" }, &mid),
                forged = cert_make(&(struct cert_spec){ .cn = "y" }, &not_ca);
    const struct {
        const struct cert *leaf, *mid;
        const char *fault;
    } cases[] = {
        { &leaf, &mid, NULL },
        { &leaf, NULL, "issuer CN=Mid is not trusted, or the peer does not send its intermediate certificates" },
        { &forged, &not_ca,
          "certificate is signed by a certificate that is no authority (CA:FALSE); it must be issued by "
          "one" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct err err = { "" };
        struct arena arena;
        struct tls_peer peer;
        struct pair p;

        assert_int_equal(tls_add_identity(peer_tls, SLICE(""), certs_write_chain("c.pem", cases[i].leaf, cases[i].mid),
                                          certs_write_key("k.pem", cases[i].leaf, NULL), &err),
                         0);
        p = shake(us, &(struct tls_wish){ .role = TLS_CLIENT }, peer_tls, &as_server);
        assert_true(p.done);
        arena_init(&arena, 65536);
        assert_true(tls_peer(p.client, &arena, &peer));
        assert_int_equal(peer.trusted, cases[i].fault == NULL);
        assert_string_equal(peer.fault, cases[i].fault ? cases[i].fault : "");
        arena_reset(&arena);
        pair_free(&p);
    }
    cert_free(&mid);
    cert_free(&not_ca);
    cert_free(&leaf);
    cert_free(&forged);
    tls_free(us);
    tls_free(peer_tls);
}

static void test_names(void **state)
{
    static const struct {
        enum tls_name_kind kind;
        const char *text;
    } want[] = {
        { TLS_NAME_DNS, "a.example" },
        { TLS_NAME_DNS, "*.b.example" },
        { TLS_NAME_URI, "sip:a.example" },
        { TLS_NAME_XMPP, "a.example" },
        { TLS_NAME_SRV, "_xmpp-server.a.example" },
    };
    /* The last two have the right names with a wrong string type, and must not count. */
    static const char sans[] = "DNS:a.example,DNS:*.b.example,IP:192.0.2.1,URI:sip:a.example,email:x@a.example,"
                               "otherName:1.3.6.1.5.5.7.8.5;UTF8:a.example,"
                               "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.a.example,"
                               "otherName:1.3.6.1.5.5.7.8.5;IA5STRING:evil.example,"
                               "otherName:1.3.6.1.5.5.7.8.7;UTF8:_xmpp-server.evil.example";
    struct tls *tls = trusting_tls();
    struct cert c = cert_make(&(struct cert_spec){ .cn = "cn.example", .sans = sans }, &root),
                nul = cert_make(
                    &(struct cert_spec){ .cn = "x", .raw_dns = "good.example\0.evil.example", .raw_dns_n = 26 }, &root);
    struct arena arena;
    struct tls_peer peer;
    struct pair p;

    arena_init(&arena, 65536);
    add(tls, "", &c);
    p = shake(tls, &(struct tls_wish){ .role = TLS_CLIENT }, tls, &as_server);
    assert_true(p.done);
    assert_true(tls_peer(p.server, &arena, &peer)); /* mutual: the client showed the same one */
    assert_true(peer.trusted);
    assert_true(tls_peer(p.client, &arena, &peer));
    assert_int_equal(peer.n_names, sizeof(want) / sizeof(*want));
    for (size_t i = 0; i < peer.n_names; i++) {
        assert_int_equal(peer.names[i].kind, want[i].kind);
        assert_true(slice_is(peer.names[i].text, want[i].text));
    }
    pair_free(&p);
    add(tls, "", &nul);
    p = shake(tls, &(struct tls_wish){ .role = TLS_CLIENT }, tls, &as_server);
    assert_true(tls_peer(p.client, &arena, &peer));
    assert_int_equal(peer.n_names, 1);
    assert_true(slice_eq(peer.names[0].text, slice_of("good.example\0.evil.example", 26)));
    arena_reset(&arena);
    arena_init(&arena, 64); /* memory ends: said, not guessed */
    assert_false(tls_peer(p.client, &arena, &peer));
    arena_reset(&arena);
    pair_free(&p);
    cert_free(&c);
    cert_free(&nul);
    tls_free(tls);
}

static void test_many_names(void **state)
{
    struct tls *tls = trusting_tls();
    size_t size = 20 * 1000;
    char *sans = calloc(1, size);
    struct cert c;
    struct arena arena;
    struct tls_peer peer;
    struct pair p;

    for (int i = 0; i < 700; i++)
        snprintf(sans + strlen(sans), size - strlen(sans), "%sDNS:d%d.example", i ? "," : "", i);
    c = cert_make(&(struct cert_spec){ .cn = "x", .sans = sans }, &root);
    add(tls, "", &c);
    p = shake(tls, &(struct tls_wish){ .role = TLS_CLIENT }, tls, &as_server);
    assert_true(p.done);
    arena_init(&arena, 1 << 20);
    assert_true(tls_peer(p.client, &arena, &peer));
    assert_int_equal(peer.n_names, 512);
    arena_reset(&arena);
    pair_free(&p);
    cert_free(&c);
    free(sans);
    tls_free(tls);
}

/* TLS 1.2 is the floor, CBC and static RSA are gone, renegotiation is refused. */
static void test_protocol_floor(void **state)
{
    static const struct {
        int max;
        const char *ciphers;
        bool good;
    } cases[] = {
        { TLS1_3_VERSION, NULL, true },
        { TLS1_2_VERSION, NULL, true },
        { TLS1_1_VERSION, "ALL:@SECLEVEL=0", false },
        { TLS1_2_VERSION, "ECDHE-ECDSA-AES128-GCM-SHA256", true },
        { TLS1_2_VERSION, "ECDHE-ECDSA-AES256-SHA384:ECDHE-ECDSA-AES128-SHA", false },
    };
    struct tls *tls = trusting_tls();
    struct cert c = cert_make(&(struct cert_spec){ .cn = "x" }, &root);

    add(tls, "", &c);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        SSL_CTX *ctx = foreign_client(NULL);
        struct pair p;

        SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION);
        SSL_CTX_set_max_proto_version(ctx, cases[i].max);
        if (cases[i].ciphers)
            SSL_CTX_set_cipher_list(ctx, cases[i].ciphers);
        p = meet(foreign_session(ctx), tls_session(tls, &as_server));
        if (p.done != cases[i].good)
            fail_msg("case %zu: %d", i, p.done);
        if (p.done && cases[i].max == TLS1_2_VERSION) {
            char byte;
            SSL_renegotiate(p.client);
            SSL_do_handshake(p.client);
            SSL_read(p.server, &byte, 1);
            assert_int_equal(SSL_do_handshake(p.client), -1);
        }
        ERR_clear_error();
        pair_free(&p);
        SSL_CTX_free(ctx);
    }
    cert_free(&c);
    tls_free(tls);
}

/* A session is resumed by ticket, and its verdict about the client's certificate with it. */
static void resume(struct tls *tls, const struct cert *c, int version, bool trusted, bool is_resumed)
{
    SSL_CTX *ctx = foreign_client(c);
    SSL_SESSION *session = NULL;

    SSL_CTX_set_max_proto_version(ctx, version);
    for (int round = 0; round < 2; round++) {
        SSL *client = foreign_session(ctx);
        struct tls_peer peer;
        struct arena arena;
        struct pair p;
        char byte;

        SSL_set_tlsext_host_name(client, "a.example");
        if (session)
            SSL_set_session(client, session);
        p = meet(client, tls_session(tls, &as_server));
        assert_true(p.done);
        assert_int_equal(SSL_session_reused(p.server), is_resumed ? round : 0);
        SSL_write(p.server, "x", 1);
        SSL_read(p.client, &byte, 1); /* the ticket comes before it */
        arena_init(&arena, 65536);
        assert_true(tls_peer(p.server, &arena, &peer));
        assert_true(peer.presented);
        assert_int_equal(peer.trusted, trusted);
        assert_string_equal(peer.fault, trusted ? ""
                                                : "issuer CN=Stranger Root is not trusted, or the peer does not "
                                                  "send its intermediate certificates");
        arena_reset(&arena);
        SSL_SESSION_free(session);
        session = SSL_get1_session(p.client);
        SSL_shutdown(p.client);
        pair_free(&p);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
}

static void test_resumption(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert good = cert_make(&(struct cert_spec){ .cn = "x", .sans = "DNS:a.example" }, &root),
                bad = cert_make(&(struct cert_spec){ .cn = "x" }, &stranger);

    add(tls, "", &good);
    resume(tls, &good, TLS1_3_VERSION, true, true);
    resume(tls, &good, TLS1_2_VERSION, true, true);
    resume(tls, &bad, TLS1_3_VERSION, false, true);
    resume(tls, &bad, TLS1_2_VERSION, false, true);
    cert_free(&good);
    cert_free(&bad);
    tls_free(tls);
}

/* A ticket is good for the time of its key, a day at most (RFC 9325 4.2.1): with the next key a whole handshake follows. */
static void test_ticket_keys_change(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert good = cert_make(&(struct cert_spec){ .cn = "x", .sans = "DNS:a.example" }, &root);
    SSL_CTX *ctx = foreign_client(&good);
    SSL_SESSION *session = NULL;
    struct tls_identity *id;

    add(tls, "", &good);
    id = tls_identities_find(tls->identities, SLICE(""));
    for (int round = 0; round < 3; round++) {
        SSL *client = foreign_session(ctx);
        struct pair p;
        char byte;

        if (session)
            SSL_set_session(client, session);
        if (round == 2)
            id->tickets_until = clock_mono_ms(); /* its time is over */
        p = meet(client, tls_session(tls, &as_server));
        assert_true(p.done);
        assert_int_equal(SSL_session_reused(p.server), round == 1);
        assert_in_range(id->tickets_until - clock_mono_ms(), 1, 24 * 3600 * 1000);
        SSL_write(p.server, "x", 1);
        SSL_read(p.client, &byte, 1); /* the ticket comes before it */
        SSL_SESSION_free(session);
        session = SSL_get1_session(p.client);
        assert_int_equal(SSL_SESSION_get_max_early_data(session), 0); /* no 0-RTT */
        SSL_shutdown(p.client);
        pair_free(&p);
    }
    SSL_SESSION_free(session);
    SSL_CTX_free(ctx);
    cert_free(&good);
    tls_free(tls);
}

/*
 * Only the name in the client's hello says which certificate is ours: the ticket would be under a key that is not changed when
 * revocation lists are, and would bring a revoked certificate back.
 */
static void test_no_tickets_before_a_name(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert good = cert_make(&(struct cert_spec){ .cn = "x", .sans = "DNS:a.example" }, &root);

    add(tls, "a.example", &good);
    resume(tls, &good, TLS1_3_VERSION, true, false);
    resume(tls, &good, TLS1_2_VERSION, true, false);
    cert_free(&good);
    tls_free(tls);
}

static void wants_sentence(const char *what, struct tls *tls, const char *chain, const char *key, const char *sentence)
{
    struct err err = { "" };

    assert_int_equal(tls_add_identity(tls, SLICE("a.example"), chain, key, &err), -1);
    if (!strstr(err.text, sentence))
        fail_msg("%s: \"%s\"", what, err.text);
}

static void test_operator_sentences(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert good = cert_make(&(struct cert_spec){ .cn = "x" }, &root),
                other = cert_make(&(struct cert_spec){ .cn = "y" }, &root),
                old = cert_make(&(struct cert_spec){ .cn = "x", .from_days = -20, .until_days = -10 }, &root),
                early = cert_make(&(struct cert_spec){ .cn = "x", .from_days = 10, .until_days = 20 }, &root),
                weak = cert_make(&(struct cert_spec){ .cn = "x", .rsa_bits = 1024 }, &root);
    const char *chain = certs_write_chain("good.pem", &good, NULL), *key = certs_write_key("good.key", &good, NULL);
    struct err err = { "" };

    wants_sentence("missing", tls, "/nonexistent/c.pem", key,
                   "cannot read the certificate file /nonexistent/c.pem: no such file or directory");
    wants_sentence("missing key", tls, chain, "/nonexistent/k.pem",
                   "cannot read the key file /nonexistent/k.pem: no such file or directory");
    wants_sentence("a folder", tls, "/tmp", key, "the certificate file /tmp is no regular file");
    wants_sentence("empty", tls, certs_write("empty.pem", ""), key, "empty.pem is empty");
    wants_sentence("no PEM", tls, certs_write("text.pem", "hello\n"), key, "text.pem holds no certificate in PEM form");
    wants_sentence("damaged", tls,
                   certs_write("bad.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), key,
                   "bad.pem: the first certificate is damaged");
    wants_sentence("key is no key", tls, chain, chain, "good.pem holds no private key in PEM form");
    wants_sentence("passphrase", tls, chain, certs_write_key("locked.key", &good, "secret"),
                   "is protected by a passphrase");
    wants_sentence("mismatch", tls, chain, certs_write_key("other.key", &other, NULL),
                   "does not match the certificate in");
    wants_sentence("expired", tls, certs_write_chain("old.pem", &old, NULL), certs_write_key("old.key", &old, NULL),
                   "old.pem: the certificate expired 20");
    wants_sentence("early", tls, certs_write_chain("early.pem", &early, NULL),
                   certs_write_key("early.key", &early, NULL), "the certificate is not valid before 20");
    wants_sentence("weak", tls, certs_write_chain("weak.pem", &weak, NULL), certs_write_key("weak.key", &weak, NULL),
                   "the RSA key has 1024 bits; at least 2048 are needed");
    assert_int_equal(tls_add_identity(tls, SLICE("a.example"), chain, key, &err), 0);
    assert_int_equal(tls_trust(tls, "/nonexistent/ca.pem", &err), -1);
    assert_string_equal(err.text, "cannot read the authorities file /nonexistent/ca.pem: no such file or directory");
    assert_int_equal(tls_trust(tls, certs_path("text.pem"), &err), -1);
    assert_non_null(strstr(err.text, "cannot use the authorities in "));
    assert_int_equal(tls_trust(tls, NULL, &err), 0);
    assert_int_equal(ERR_peek_error(), 0);
    cert_free(&good);
    cert_free(&other);
    cert_free(&old);
    cert_free(&early);
    cert_free(&weak);
    tls_free(tls);
}

/* A chain above 64 KiB ends the handshake before anybody parses it; a long one is let through, not trusted. */
static void test_long_chains(void **state)
{
    struct tls *tls = trusting_tls();
    struct cert chain[12] = { cert_make(&(struct cert_spec){ .cn = "1", .ca = true }, &root) }, own;
    char *sans = calloc(1, 40 * 1000);
    SSL_CTX *ctx;
    struct tls_peer peer;
    struct arena arena;
    struct pair p;

    own = cert_make(&(struct cert_spec){ .cn = "own" }, &root);
    add(tls, "", &own);
    for (int i = 1; i < 12; i++)
        chain[i] = cert_make(&(struct cert_spec){ .cn = "n", .ca = i < 11 }, &chain[i - 1]);
    ctx = foreign_client(&chain[11]);
    for (int i = 10; i >= 0; i--)
        SSL_CTX_add1_chain_cert(ctx, chain[i].x);
    p = meet(foreign_session(ctx), tls_session(tls, &as_server));
    assert_true(p.done);
    arena_init(&arena, 65536);
    assert_true(tls_peer(p.server, &arena, &peer));
    assert_false(peer.trusted);
    assert_string_equal(peer.fault, "certificate chain is longer than 8 intermediates; it needs a shorter one");
    arena_reset(&arena);
    pair_free(&p);
    SSL_CTX_free(ctx);
    for (int i = 0; i < 12; i++)
        cert_free(&chain[i]);

    for (int i = 0; i < 1400; i++)
        snprintf(sans + strlen(sans), 40 * 1000 - strlen(sans), "%sDNS:domain%d.example", i ? "," : "", i);
    chain[0] = cert_make(&(struct cert_spec){ .cn = "big", .sans = sans }, &root);
    ctx = foreign_client(&chain[0]);
    for (int i = 0; i < 3; i++)
        SSL_CTX_add1_chain_cert(ctx, chain[0].x);
    p = meet(foreign_session(ctx), tls_session(tls, &as_server));
    assert_false(p.done);
    pair_free(&p);
    SSL_CTX_free(ctx);
    cert_free(&chain[0]);
    cert_free(&own);
    free(sans);
    tls_free(tls);
}

static void test_odd_wishes(void **state)
{
    struct tls *tls = trusting_tls();
    char name[400];

    memset(name, 'a', sizeof(name));
    assert_null(tls_session(tls, &(struct tls_wish){ .role = TLS_CLIENT, .server_name = { name, sizeof(name) } }));
    assert_null(tls_session(tls, &(struct tls_wish){ .role = TLS_CLIENT, .server_name = SLICE("a\0b") }));
    tls_free(tls);
    tls_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sni_chooses),
        cmocka_unit_test(test_identity_is_replaced),
        cmocka_unit_test(test_sets_are_swapped),
        cmocka_unit_test(test_no_certificate),
        cmocka_unit_test(test_alpn),
        cmocka_unit_test(test_verdicts),
        cmocka_unit_test(test_intermediate),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_many_names),
        cmocka_unit_test(test_protocol_floor),
        cmocka_unit_test(test_resumption),
        cmocka_unit_test(test_ticket_keys_change),
        cmocka_unit_test(test_no_tickets_before_a_name),
        cmocka_unit_test(test_operator_sentences),
        cmocka_unit_test(test_long_chains),
        cmocka_unit_test(test_odd_wishes),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
