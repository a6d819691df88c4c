#include "certs_rig.h"

#include <openssl/err.h>
#include <stdio.h>

struct cert root, stranger, mid, tight, narrow, not_ca, revoked_mid, old_mid, chain[CHAIN];
struct tls *us;

int certs_setup(void **state)
{
    struct cert ours;
    struct err err = { "" };

    certs_begin();
    root = cert_make(&(struct cert_spec){ .cn = "Test Root", .ca = true }, NULL);
    stranger = cert_make(&(struct cert_spec){ .cn = "Stranger Root", .ca = true }, NULL);
    mid = cert_make(&(struct cert_spec){ .cn = "Mid", .ca = true }, &root);
    tight = cert_make(&(struct cert_spec){ .cn = "Tight", .constraints = "critical,CA:TRUE,pathlen:0" }, &root);
    narrow = cert_make(&(struct cert_spec){ .cn = "Narrow", .ca = true, .permitted = "permitted;DNS:contoso.example" },
                       &root);
    not_ca = cert_make(&(struct cert_spec){ .cn = "Leaf as issuer" }, &root);
    revoked_mid = cert_make(&(struct cert_spec){ .cn = "Revoked Mid", .ca = true }, &root);
    old_mid = cert_make(&(struct cert_spec){ .cn = "Old Mid", .ca = true, .from_days = -20, .until_days = -10 }, &root);
    for (int i = 0; i < CHAIN; i++)
        chain[i] =
            cert_make(&(struct cert_spec){ .cn = "Link", .ca = true, .ou = (const char[]){ (char)('a' + i), 0 } },
                      i ? &chain[i - 1] : &root);
    ours = cert_make(&(struct cert_spec){ .cn = "us" }, &root);
    certs_write_chain("root.pem", &root, NULL);
    us = tls_new(&err);
    assert_non_null(us);
    assert_int_equal(tls_trust(us, certs_path("root.pem"), &err), 0);
    assert_int_equal(tls_add_identity(us, SLICE(""), certs_write_chain("us.pem", &ours, NULL),
                                      certs_write_key("us.key", &ours, NULL), &err),
                     0);
    cert_free(&ours);
    return 0;
}

int certs_teardown(void **state)
{
    struct cert *all[] = { &root, &stranger, &mid, &tight, &narrow, &not_ca, &revoked_mid, &old_mid };

    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        cert_free(all[i]);
    for (int i = 0; i < CHAIN; i++)
        cert_free(&chain[i]);
    tls_free(us);
    certs_end();
    return 0;
}

/* ---- a peer that is not ours ---- */

static int on_status(SSL *ssl, void *arg)
{
    const struct shown *s = arg;
    unsigned char *copy;

    if (!s->staple)
        return SSL_TLSEXT_ERR_NOACK;
    copy = OPENSSL_memdup(s->staple, s->staple_n);
    return SSL_set_tlsext_status_ocsp_resp(ssl, copy, (long)s->staple_n) == 1 ? SSL_TLSEXT_ERR_OK
                                                                              : SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL *foreign(const struct shown *s, bool server, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
    SSL *ssl;

    SSL_CTX_set_security_level(ctx, 0);
    SSL_CTX_set_max_proto_version(ctx, version);
    assert_int_equal(SSL_CTX_use_certificate(ctx, s->leaf->x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(ctx, s->leaf->key), 1);
    for (size_t i = 0; s->rest[i]; i++)
        assert_int_equal(SSL_CTX_add1_chain_cert(ctx, s->rest[i]->x), 1);
    SSL_CTX_set_mode(ctx, SSL_MODE_NO_AUTO_CHAIN);
    SSL_CTX_set_tlsext_status_cb(ctx, on_status);
    SSL_CTX_set_tlsext_status_arg(ctx, (void *)s);
    ssl = SSL_new(ctx);
    SSL_CTX_free(ctx);
    if (server)
        SSL_set_accept_state(ssl);
    else
        SSL_set_connect_state(ssl);
    return ssl;
}

static void judge(SSL *ours, const struct asked *q, struct found *out)
{
    struct arena arena;
    struct tls_peer peer;
    struct slice pin = slice_str(q->pin);
    struct xmpp_cert_case c = { .peer = &peer,
                                .domain_a = slice_str(q->domain_a),
                                .domain_u = slice_str(q->domain_u ? q->domain_u : q->domain_a),
                                .target = slice_str(q->target),
                                .pins = &pin,
                                .n_pins = q->pin != NULL };

    arena_init(&arena, 1 << 20);
    assert_true(tls_peer(ours, &arena, &peer));
    snprintf(out->pin, sizeof(out->pin), "%.*s", SLICE_FMT(peer.pin));
    xmpp_cert_judge(&c, &out->v);
    arena_reset(&arena);
}

static bool is_revoked_later(SSL *ours, const struct asked *q)
{
    struct err err = { "" };
    struct tls_crls *crls;

    if (!q->later)
        return false;
    crls = tls_crls_load(certs_write_crl("later.pem", q->later_by, &q->later, 1, 3), &err);
    assert_non_null(crls);
    tls_use_crls(us, crls);
    return tls_is_revoked(us, ours);
}

struct found meet(const struct shown *s, const struct asked *q, enum tls_role role)
{
    struct tls_wish wish = { .role = role, .dane = q->dane };
    SSL *ours = tls_session(us, &wish), *theirs = foreign(s, role == TLS_CLIENT, q->version);
    struct found out = { 0 };
    BIO *a, *b;

    assert_non_null(ours);
    BIO_new_bio_pair(&a, 1 << 22, &b, 1 << 22);
    SSL_set_bio(ours, a, a);
    SSL_set_bio(theirs, b, b);
    ERR_clear_error();
    for (int i = 0; i < 50 && !out.shaken; i++) {
        int t, o;

        t = SSL_do_handshake(theirs);
        ERR_clear_error(); /* what is said is said by our side */
        o = SSL_do_handshake(ours);
        if (o != 1 && SSL_get_error(ours, o) == SSL_ERROR_SSL) {
            tls_fault_text(out.fault, sizeof(out.fault));
            break;
        }
        out.shaken = t == 1 && o == 1;
    }
    if (out.shaken) {
        judge(ours, q, &out);
        out.ends = is_revoked_later(ours, q);
    }
    ERR_clear_error();
    SSL_free(ours);
    SSL_free(theirs);
    return out;
}

void expect(const char *what, const struct found *f, const char *why, const char *remedy)
{
    char said[XMPP_CERT_WHY + 256];
    bool good = f->shaken && f->v.by != XMPP_CERT_REFUSED;

    snprintf(said, sizeof(said), "%s; %s", f->shaken ? f->v.why : f->fault, f->shaken ? f->v.advice : "");
    if (good != !why || (why && !strstr(said, why)) || (remedy && !strstr(said, remedy)))
        fail_msg("%s: %s, \"%s\"", what, good ? "accepted" : "refused", said);
    assert_false(good && (f->v.why[0] || f->v.advice[0]));
}
