/*
 * Which certificates speak for a partner: the matrix of threats I3, as server and as client, and what is beside authorities
 * and names: revocation, pins, DNS. Handshakes run in memory, with a peer that shows anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <stdio.h>
#include <stdlib.h>

#include "../unit/net/test_certs.h"
#include "net/tls_priv.h"
#include "xmpp/cert.h"

#define THEM "im.fabrikam.example"
#define THEM_SAN "DNS:" THEM
#define SRV_NAME "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server."
#define XMPP_ADDR "otherName:1.3.6.1.5.5.7.8.5;UTF8:"
#define CHAIN 12

static struct cert root, stranger, mid, tight, narrow, not_ca, revoked_mid, old_mid, chain[CHAIN];
static struct tls *us;

static int setup(void **state)
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

static int teardown(void **state)
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

/* What a peer sends: its leaf, and certificates behind it in this order. */
struct shown {
    const struct cert *leaf;
    const struct cert *rest[CHAIN + 2];
    const unsigned char *staple; /* as server */
    size_t staple_n;
};

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

/* What is asked of the judge beside the certificate. */
struct asked {
    const char *domain_a, *domain_u, *target;
    const char *pin; /* NULL: none */
    const struct dane *dane;
    int version;
};

struct found {
    bool shaken;
    char fault[256]; /* when not shaken */
    struct xmpp_cert_verdict v;
    char pin[PIN_TEXT];
};

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

/* We as server or client, and a peer that shows s. */
static struct found meet(const struct shown *s, const struct asked *q, enum tls_role role)
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
    if (out.shaken)
        judge(ours, q, &out);
    ERR_clear_error();
    SSL_free(ours);
    SSL_free(theirs);
    return out;
}

/* ---- the matrix ---- */

enum by { ROOT, STRANGER, ABSENT, SELF, MID, TIGHT, NARROW, NOT_CA, REVOKED_MID, OLD_MID, LINK };

static const struct leaf {
    const char *what;
    struct cert_spec spec;
    enum by by;
    const char *domain_a, *domain_u; /* NULL: THEM */
    const char *why;                 /* in the sentence; NULL: it passes */
    const char *remedy;              /* also */
} leaves[] = {
    { "dNSName", { .cn = "x", .sans = THEM_SAN }, ROOT },
    { "dNSName, RSA", { .cn = "x", .sans = THEM_SAN, .rsa_bits = 2048 }, ROOT },
    { "dNSName by an intermediate", { .cn = "x", .sans = THEM_SAN }, MID },
    { "xmppAddr only", { .cn = "x", .sans = XMPP_ADDR THEM }, ROOT },
    { "SRVName only", { .cn = "x", .sans = SRV_NAME THEM }, ROOT },
    { "second of two", { .cn = "x", .sans = "DNS:a.example," THEM_SAN }, ROOT },
    { "wildcard of one level", { .cn = "x", .sans = "DNS:*.fabrikam.example" }, ROOT },
    { "upper case", { .cn = "x", .sans = "DNS:IM.Fabrikam.EXAMPLE" }, ROOT },
    { "trailing dot", { .cn = "x", .sans = THEM_SAN "." }, ROOT },
    { "A-label",
      { .cn = "x", .sans = "DNS:xn--bcher-kva.example" },
      ROOT,
      "xn--bcher-kva.example",
      "b\u00FCcher.example" },
    { "xmppAddr in U-labels",
      { .cn = "x", .raw_xmpp = "b\u00FCcher.example" },
      ROOT,
      "xn--bcher-kva.example",
      "b\u00FCcher.example" },
    { "server usage", { .cn = "x", .sans = THEM_SAN, .eku = "serverAuth" }, ROOT },
    { "client usage", { .cn = "x", .sans = THEM_SAN, .eku = "clientAuth" }, ROOT },
    { "both kinds of name", { .cn = "x", .sans = THEM_SAN "," SRV_NAME THEM }, MID },

    { "URI sip: only", { .cn = "x", .sans = "URI:sip:" THEM }, ROOT, .why = "does not name the domain (it names URI" },
    { "URI xmpp: only", { .cn = "x", .sans = "URI:xmpp:" THEM }, ROOT, .why = "does not name the domain" },
    { "CN only",
      { .cn = THEM },
      ROOT,
      .why = "the common name does not",
      .remedy = "one is needed with the domain as" },
    { "CN inside OU", { .cn = "x", .ou = "CN=" THEM }, ROOT, .why = "no name that counts" },
    { "CN beside another name", { .cn = THEM, .sans = "DNS:other.example" }, ROOT, .why = "it names other.example" },
    { "NUL in the name",
      { .cn = "x", .raw_dns = THEM "\0.evil.example", .raw_dns_n = sizeof(THEM "\0.evil.example") - 1 },
      ROOT,
      .why = "it names " THEM "\\x00.evil.example" },
    { "NUL behind the name",
      { .cn = "x", .raw_dns = THEM "\0", .raw_dns_n = sizeof(THEM) },
      ROOT,
      .why = "does not name" },
    { "an empty dNSName", { .cn = THEM, .raw_dns = "", .raw_dns_n = 0 }, ROOT, .why = "does not name" },
    { "partial wildcard",
      { .cn = "x", .sans = "DNS:i*.fabrikam.example" },
      ROOT,
      .why = "it names i*.fabrikam.example" },
    { "wildcard for two levels",
      { .cn = "x", .sans = "DNS:*.fabrikam.example" },
      ROOT,
      "a.im.fabrikam.example",
      .why = "does not name" },
    { "two wildcards", { .cn = "x", .sans = "DNS:*.*.example" }, ROOT, .why = "does not name" },
    { "wildcard of a top level",
      { .cn = "x", .sans = "DNS:*.example" },
      ROOT,
      "fabrikam.example",
      .why = "does not name" },
    { "wildcard of a public suffix",
      { .cn = "x", .sans = "DNS:*.co.uk" },
      ROOT,
      "fabrikam.co.uk",
      .why = "does not name" },
    { "wildcard in xmppAddr", { .cn = "x", .sans = XMPP_ADDR "*.fabrikam.example" }, ROOT, .why = "does not name" },
    { "wildcard in SRVName", { .cn = "x", .sans = SRV_NAME "*.fabrikam.example" }, ROOT, .why = "does not name" },
    { "U-label as dNSName",
      { .cn = "x",
        .raw_dns = "b\xC3\xBC"
                   "cher.example",
        .raw_dns_n = 15 },
      ROOT,
      "xn--bcher-kva.example",
      "b\u00FCcher.example",
      .why = "does not name" },
    { "xmppAddr of a user", { .cn = "x", .sans = XMPP_ADDR "juliet@" THEM }, ROOT, .why = "it names XmppAddr juliet@" },
    { "SRVName of clients",
      { .cn = "x", .sans = "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-client." THEM },
      ROOT,
      .why = "it names SRVName _xmpp-client" },
    { "parent", { .cn = "x", .sans = "DNS:fabrikam.example" }, ROOT, .why = "it names fabrikam.example" },
    { "child", { .cn = "x", .sans = "DNS:x." THEM }, ROOT, .why = "it names x." THEM },
    { "longer name", { .cn = "x", .sans = THEM_SAN ".evil.example" }, ROOT, .why = "does not name" },
    { "IP SAN", { .cn = "x", .sans = "IP:192.0.2.1" }, ROOT, .why = "no name that counts" },
    { "IP SAN for an address", { .cn = "x", .sans = "IP:192.0.2.1" }, ROOT, "192.0.2.1", .why = "no name that counts" },
    { "e-mail SAN", { .cn = "x", .sans = "email:im@" THEM }, ROOT, .why = "no name that counts" },
    { "no SAN", { .cn = "x" }, ROOT, .why = "no name that counts" },

    { "self-signed", { .cn = "x", .sans = THEM_SAN }, SELF, .why = "self-signed", .remedy = "pin it: sha256/" },
    { "unknown authority",
      { .cn = "x", .sans = THEM_SAN },
      STRANGER,
      .why = "root CN=Stranger Root is not trusted",
      .remedy = "pin it: sha256/" },
    { "unknown authority by which it is not sent",
      { .cn = "x", .sans = THEM_SAN },
      ABSENT,
      .why = "issuer CN=Stranger Root is not trusted",
      .remedy = "pin it: sha256/" },
    { "expired",
      { .cn = "x", .sans = THEM_SAN, .from_days = -20, .until_days = -10 },
      ROOT,
      .why = "certificate expired 20",
      .remedy = "must be renewed" },
    { "not yet valid",
      { .cn = "x", .sans = THEM_SAN, .from_days = 10, .until_days = 20 },
      ROOT,
      .why = "not valid before 20",
      .remedy = "check the clocks" },
    { "expired issuer",
      { .cn = "x", .sans = THEM_SAN },
      OLD_MID,
      .why = "an issuer's certificate expired",
      .remedy = "must be renewed" },
    { "code signing",
      { .cn = "x", .sans = THEM_SAN, .eku = "codeSigning" },
      ROOT,
      .why = "extended key usage",
      .remedy = "serverAuth" },
    { "CA:FALSE issuer",
      { .cn = "x", .sans = THEM_SAN },
      NOT_CA,
      .why = "no authority (CA:FALSE)",
      .remedy = "must be issued by one" },
    { "path length", { .cn = "x", .sans = THEM_SAN }, TIGHT, .why = "path length", .remedy = "issued by another" },
    { "name constraints",
      { .cn = "x", .sans = THEM_SAN },
      NARROW,
      .why = "name constraints",
      .remedy = "come from one that may" },
    { "SHA-1", { .cn = "x", .sans = THEM_SAN, .sha1 = true }, ROOT, .why = "broken hash", .remedy = "SHA-256" },
    { "RSA-1024",
      { .cn = "x", .sans = THEM_SAN, .rsa_bits = 1024 },
      ROOT,
      .why = "key is too short",
      .remedy = "2048" },
    { "chain of 12", { .cn = "x", .sans = THEM_SAN }, LINK, .why = "longer than 8", .remedy = "shorter" },
};

static const struct cert *issuer_of(enum by by)
{
    static const struct cert *const issuers[] = { [ROOT] = &root,
                                                  [STRANGER] = &stranger,
                                                  [ABSENT] = &stranger,
                                                  [MID] = &mid,
                                                  [TIGHT] = &tight,
                                                  [NARROW] = &narrow,
                                                  [NOT_CA] = &not_ca,
                                                  [OLD_MID] = &old_mid,
                                                  [REVOKED_MID] = &revoked_mid,
                                                  [LINK] = &chain[CHAIN - 1] };

    return by == SELF ? NULL : issuers[by];
}

static void expect(const char *what, const struct found *f, const char *why, const char *remedy)
{
    const char *said = f->shaken ? f->v.why : f->fault;
    bool good = f->shaken && f->v.by != XMPP_CERT_REFUSED;

    if (good != !why || (why && !strstr(said, why)) || (remedy && !strstr(said, remedy)))
        fail_msg("%s: %s, \"%s\"", what, good ? "accepted" : "refused", said);
    assert_false(good && said[0]);
}

static void both_ways(const struct leaf *l)
{
    const struct cert *by = issuer_of(l->by);
    struct cert below = { 0 }, c;
    struct shown s = { 0 };
    struct asked q = { .domain_a = l->domain_a ? l->domain_a : THEM, .domain_u = l->domain_u };

    if (l->by == TIGHT)
        below = cert_make(&(struct cert_spec){ .cn = "Below", .ca = true }, &tight);
    c = cert_make(&l->spec, below.x ? &below : by);
    s.leaf = &c;
    if (l->by == LINK) {
        for (int i = 0; i < CHAIN; i++)
            s.rest[i] = &chain[CHAIN - 1 - i];
    } else if (by && by != &root && l->by != ABSENT) {
        s.rest[0] = below.x ? &below : by;
        s.rest[1] = below.x ? by : NULL;
    }
    for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        struct found f = meet(&s, &q, role);

        expect(l->what, &f, l->why, l->remedy);
    }
    cert_free(&c);
    cert_free(&below);
}

static void I3_certificate_matrix(void **state)
{
    size_t n = sizeof(leaves) / sizeof(*leaves);

    assert_true(n >= 40);
    for (size_t i = 0; i < n; i++)
        both_ways(&leaves[i]);
}

static void I3_an_unordered_chain_is_put_in_order(void **state)
{
    struct cert low = cert_make(&(struct cert_spec){ .cn = "Low", .ca = true }, &mid),
                c = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &low);
    struct shown s = { .leaf = &c, .rest = { &root, &stranger, &mid, &low } };

    for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        struct found f = meet(&s, &(struct asked){ .domain_a = THEM }, role);

        expect("unordered", &f, NULL, NULL);
    }
    cert_free(&low);
    cert_free(&c);
}

static void I3_a_certificate_of_a_megabyte_ends_the_handshake(void **state)
{
    size_t size = 1 << 20;
    char *name = calloc(1, size);
    struct cert c;

    memset(name, 'a', size - 1);
    c = cert_make(&(struct cert_spec){ .cn = "x", .raw_dns = name, .raw_dns_n = (int)size - 1 }, &root);
    for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
        struct found f = meet(&(struct shown){ .leaf = &c }, &(struct asked){ .domain_a = THEM }, role);

        assert_false(f.shaken);
        expect("huge", &f, "larger than 64 KiB", NULL);
    }
    cert_free(&c);
    free(name);
}

/* ---- revocation ---- */

static void use_crl(const char *file)
{
    struct err err = { "" };
    struct tls_crls *crls = file ? tls_crls_load(file, &err) : NULL;

    if (file && !crls)
        fail_msg("%s", err.text);
    tls_use_crls(us, crls);
}

static void I3_STOX_S2S_35_revoked_by_a_list(void **state)
{
    struct cert good = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &root),
                bad = cert_make(&(struct cert_spec){ .cn = "lost", .sans = THEM_SAN }, &root),
                below = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &revoked_mid),
                of_mid = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &mid);
    const struct cert *const revoked[] = { &bad, &revoked_mid };
    const struct {
        const char *what;
        struct shown s;
        int days; /* until the list is past its date */
        const char *why;
    } cases[] = {
        { "not on the list", { &good, { NULL } }, 3, NULL },
        { "on the list", { &bad, { NULL } }, 3, "certificate CN=lost is revoked" },
        { "the issuer is on the list",
          { &below, { &revoked_mid } },
          3,
          "issuer's certificate CN=Revoked Mid is revoked" },
        { "no list of its issuer", { &of_mid, { &mid } }, 3, NULL },
        { "an old list", { &good, { NULL } }, -1, NULL },
        { "on an old list", { &bad, { NULL } }, -1, "certificate CN=lost is revoked" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        use_crl(certs_write_crl("crl.pem", &root, revoked, 2, cases[i].days));
        for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
            struct found f = meet(&cases[i].s, &(struct asked){ .domain_a = THEM }, role);

            expect(cases[i].what, &f, cases[i].why, cases[i].why ? "must get a new one" : NULL);
        }
    }
    use_crl(NULL);
    cert_free(&good);
    cert_free(&bad);
    cert_free(&below);
    cert_free(&of_mid);
}

/* A list that somebody else has made under the authority's name is no list of it. */
static void I3_a_forged_list_revokes_nobody_silently(void **state)
{
    struct cert false_root = cert_make(&(struct cert_spec){ .cn = "Test Root", .ca = true }, NULL),
                c = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &root);
    const struct cert *const revoked[] = { &c };
    struct found f;

    use_crl(certs_write_crl("crl.pem", &false_root, revoked, 1, 3));
    f = meet(&(struct shown){ .leaf = &c }, &(struct asked){ .domain_a = THEM }, TLS_SERVER);
    expect("forged", &f, "CRL signature failure", NULL);
    use_crl(NULL);
    cert_free(&false_root);
    cert_free(&c);
}

static void test_crl_files(void **state)
{
    struct err err = { "" };
    const char *file = certs_write_crl("list.pem", &root, NULL, 0, 3);
    struct tls_crls *crls = tls_crls_load(file, &err);

    assert_non_null(crls);
    assert_int_equal(tls_crls_count(crls), 1);
    assert_false(tls_crls_changed(crls, file));
    certs_write("list.pem", "-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n");
    assert_true(tls_crls_changed(crls, file));
    tls_crls_free(crls);
    assert_null(tls_crls_load(file, &err));
    assert_non_null(strstr(err.text, "revocation list 1 is damaged"));
    assert_null(tls_crls_load(certs_path("none.pem"), &err));
    assert_non_null(strstr(err.text, "cannot read the revocation list file"));
    assert_null(tls_crls_load(certs_path("root.pem"), &err));
    assert_non_null(strstr(err.text, "holds no revocation list"));
    tls_crls_free(NULL);
}

/* ---- stapled responses ---- */

enum { GOOD, REVOKED, UNKNOWN };

/* A response about c, signed by signer in the name of issuer. Owned by the caller. */
static unsigned char *staple(const struct cert *c, const struct cert *issuer, const struct cert *signer, int status,
                             long until_s, size_t *n)
{
    OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -86400L * 3), *until = X509_gmtime_adj(NULL, until_s);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha256(), c->x, issuer->x);
    unsigned char *der = NULL;
    OCSP_RESPONSE *r;
    int len;

    assert_non_null(OCSP_basic_add1_status(basic, id,
                                           status == GOOD      ? V_OCSP_CERTSTATUS_GOOD
                                           : status == REVOKED ? V_OCSP_CERTSTATUS_REVOKED
                                                               : V_OCSP_CERTSTATUS_UNKNOWN,
                                           OCSP_REVOKED_STATUS_KEYCOMPROMISE, status == REVOKED ? from : NULL, from,
                                           until));
    assert_int_equal(OCSP_basic_sign(basic, signer->x, signer->key, EVP_sha256(), NULL, 0), 1);
    r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
    len = i2d_OCSP_RESPONSE(r, &der);
    assert_true(len > 0);
    *n = (size_t)len;
    OCSP_RESPONSE_free(r);
    OCSP_BASICRESP_free(basic);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return der;
}

static void I3_STOX_S2S_35_stapled_responses(void **state)
{
    struct cert c = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &mid),
                other = cert_make(&(struct cert_spec){ .cn = "other", .sans = THEM_SAN }, &mid),
                deputy = cert_make(&(struct cert_spec){ .cn = "deputy", .eku = "OCSPSigning" }, &mid),
                no_deputy = cert_make(&(struct cert_spec){ .cn = "no deputy", .eku = "serverAuth" }, &mid);
    const struct {
        const char *what;
        const struct cert *about, *signer;
        int status;
        long until_s;
        const char *why;
    } cases[] = {
        { "good", &c, &mid, GOOD, 86400, NULL },
        { "good, by a deputy", &c, &deputy, GOOD, 86400, NULL },
        { "revoked", &c, &mid, REVOKED, 86400, "certificate CN=x is revoked" },
        { "revoked, by a deputy", &c, &deputy, REVOKED, 86400, "certificate CN=x is revoked" },
        { "unknown", &c, &mid, UNKNOWN, 86400, "OCSP response that came with the certificate is not valid" },
        { "old", &c, &mid, GOOD, -86400, "OCSP response" },
        { "by somebody", &c, &stranger, GOOD, 86400, "OCSP response" },
        { "by one without the right", &c, &no_deputy, GOOD, 86400, "OCSP response" },
        { "by itself", &c, &c, GOOD, 86400, "OCSP response" },
        { "of another certificate", &other, &mid, GOOD, 86400, "OCSP response" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        size_t n;
        unsigned char *der = staple(cases[i].about, &mid, cases[i].signer, cases[i].status, cases[i].until_s, &n);

        for (int version = TLS1_2_VERSION; version <= TLS1_3_VERSION; version++) {
            struct shown s = { .leaf = &c, .rest = { &mid }, .staple = der, .staple_n = n };
            struct found f = meet(&s, &(struct asked){ .domain_a = THEM, .version = version }, TLS_CLIENT);

            expect(cases[i].what, &f, cases[i].why, NULL);
        }
        OPENSSL_free(der);
    }
    cert_free(&c);
    cert_free(&other);
    cert_free(&deputy);
    cert_free(&no_deputy);
}

static void I3_damaged_and_unwilling_responses(void **state)
{
    struct cert c = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &mid);
    static const unsigned char try_later[] = { 0x30, 3, 10, 1, 3 }, damaged[] = { 0x30, 0x82, 0xff, 0xff, 1 };
    struct shown s = { .leaf = &c, .rest = { &mid }, .staple = try_later, .staple_n = sizeof(try_later) };
    struct asked q = { .domain_a = THEM };
    struct found f = meet(&s, &q, TLS_CLIENT);

    expect("try later", &f, NULL, NULL);
    s.staple = damaged;
    s.staple_n = sizeof(damaged);
    f = meet(&s, &q, TLS_CLIENT);
    expect("damaged", &f, "OCSP response", "repair its stapling");
    cert_free(&c);
}

static void I3_must_staple_is_honoured(void **state)
{
    struct cert c = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN, .tlsfeature = "status_request" }, &mid);
    struct shown s = { .leaf = &c, .rest = { &mid } };
    struct asked q = { .domain_a = THEM };
    struct found f = meet(&s, &q, TLS_CLIENT);
    unsigned char *der;

    expect("without", &f, "must-staple", "turn stapling on");
    der = staple(&c, &mid, &mid, GOOD, 86400, &s.staple_n);
    s.staple = der;
    f = meet(&s, &q, TLS_CLIENT);
    expect("with", &f, NULL, NULL);
    s.staple = NULL;
    f = meet(&s, &q, TLS_SERVER); /* a client has no way to staple that we could ask for */
    expect("as server", &f, NULL, NULL);
    OPENSSL_free(der);
    cert_free(&c);
}

/* ---- pins ---- */

static void I3_pins(void **state)
{
    struct cert right = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &root),
                self = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, NULL),
                nameless = cert_make(&(struct cert_spec){ .cn = "box" }, NULL),
                unknown = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &stranger),
                old_self = cert_make(&(struct cert_spec){ .cn = "x", .from_days = -9, .until_days = -2 }, NULL),
                old_unknown = cert_make(&(struct cert_spec){ .cn = "x", .from_days = -9, .until_days = -2 }, &stranger),
                old = cert_make(&(struct cert_spec){ .cn = "x", .from_days = -9, .until_days = -2 }, &root),
                usage = cert_make(&(struct cert_spec){ .cn = "x", .eku = "codeSigning" }, NULL);
    const struct {
        const char *what;
        const struct cert *c;
        bool match;
        const char *why;
        bool forbidden;
    } cases[] = {
        { "right and pinned", &right, true, NULL, false },
        { "self-signed and pinned", &self, true, NULL, false },
        { "names nothing, and pinned", &nameless, true, NULL, false },
        { "unknown authority and pinned", &unknown, true, NULL, false },
        { "right, another pin", &right, false, "is none of the partner's pins", true },
        { "self-signed, another pin", &self, false, "is none of the partner's pins", true },
        { "expired, self-signed", &old_self, true, "certificate expired", false },
        { "expired, unknown authority", &old_unknown, true, "certificate expired", false },
        { "expired", &old, true, "certificate expired", false },
        { "code signing", &usage, true, "extended key usage", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++) {
            struct shown s = { .leaf = cases[i].c };
            struct asked q = { .domain_a = THEM, .pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=" };
            struct found seen = meet(&s, &q, role), f;

            if (cases[i].match)
                q.pin = seen.pin;
            f = meet(&s, &q, role);
            expect(cases[i].what, &f, cases[i].why, cases[i].match ? NULL : seen.pin);
            assert_int_equal(f.v.forbidden, cases[i].forbidden);
            assert_true(cases[i].why || f.v.by == XMPP_CERT_PIN);
        }
    }
    cert_free(&right);
    cert_free(&self);
    cert_free(&nameless);
    cert_free(&unknown);
    cert_free(&old_self);
    cert_free(&old_unknown);
    cert_free(&old);
    cert_free(&usage);
}

static void I3_no_certificate_where_one_is_pinned(void **state)
{
    struct tls_peer peer = { .fault = "none", .unsound = "" };
    struct slice pin = SLICE("sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    struct xmpp_cert_case c = { .peer = &peer, .domain_a = SLICE(THEM), .domain_u = SLICE(THEM) };
    struct xmpp_cert_verdict v;

    xmpp_cert_judge(&c, &v);
    assert_true(v.by == XMPP_CERT_REFUSED && !v.forbidden);
    c.pins = &pin;
    c.n_pins = 1;
    xmpp_cert_judge(&c, &v);
    assert_true(v.by == XMPP_CERT_REFUSED && v.forbidden);
}

/* ---- DNS ---- */

/* The data of a record about c. Owned by the caller. */
static struct slice tlsa_data(const struct cert *c, int selector, int matching)
{
    unsigned char *der = NULL, *hash = malloc(EVP_MAX_MD_SIZE);
    int n = selector ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(c->x), &der) : i2d_X509(c->x, &der);
    unsigned len = 0;

    assert_true(n > 0 && hash);
    if (matching == 0) {
        hash = realloc(hash, (size_t)n);
        memcpy(hash, der, (size_t)n);
        len = (unsigned)n;
    } else {
        EVP_Digest(der, (size_t)n, hash, &len, matching == 1 ? EVP_sha256() : EVP_sha512(), NULL);
    }
    OPENSSL_free(der);
    return slice_of((char *)hash, len);
}

static void STOX_S2S_42_what_tlsa_records_decide(void **state)
{
    struct cert right = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &root),
                self = cert_make(&(struct cert_spec){ .cn = "box" }, NULL),
                old = cert_make(&(struct cert_spec){ .cn = "x", .from_days = -9, .until_days = -2 }, NULL),
                signing = cert_make(&(struct cert_spec){ .cn = "x", .eku = "codeSigning" }, NULL),
                theirs = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN }, &stranger),
                hosted = cert_make(&(struct cert_spec){ .cn = "x", .sans = "DNS:xmpp.host.example" }, &stranger),
                misnamed = cert_make(&(struct cert_spec){ .cn = "x", .sans = "DNS:other.example" }, &stranger),
                odd = cert_make(&(struct cert_spec){ .cn = "x", .sans = THEM_SAN, .eku = "codeSigning" }, &stranger);
    const struct {
        const char *what;
        int usage, selector, matching;
        const struct cert *about, *shown, *issuer;
        const char *why;
    } cases[] = {
        { "3 1 1 of a self-signed one", 3, 1, 1, &self, &self, NULL, NULL },
        { "3 0 1", 3, 0, 1, &self, &self, NULL, NULL },
        { "3 1 2", 3, 1, 2, &self, &self, NULL, NULL },
        { "3 0 0", 3, 0, 0, &self, &self, NULL, NULL },
        { "3 1 0", 3, 1, 0, &self, &self, NULL, NULL },
        { "3 1 1 of an expired one", 3, 1, 1, &old, &old, NULL, NULL },
        { "3 1 1 with another usage", 3, 1, 1, &signing, &signing, NULL, NULL },
        { "3 1 1 of another, an authority's", 3, 1, 1, &self, &right, NULL, "none of those that the DNS names" },
        { "3 1 1 of another", 3, 1, 1, &right, &self, NULL, "none of those that the DNS names" },
        { "2 0 1", 2, 0, 1, &stranger, &theirs, &stranger, NULL },
        { "2 1 1", 2, 1, 1, &stranger, &theirs, &stranger, NULL },
        { "2 0 1, the target's name", 2, 0, 1, &stranger, &hosted, &stranger, NULL },
        { "2 0 1, another name", 2, 0, 1, &stranger, &misnamed, &stranger, "does not name the domain" },
        { "2 0 1, wrong usage", 2, 0, 1, &stranger, &odd, &stranger, "extended key usage" },
        { "2 0 1 of another authority", 2, 0, 1, &root, &theirs, &stranger, "none of those that the DNS names" },
        { "1 1 1 of a trusted one", 1, 1, 1, &right, &right, NULL, NULL },
        { "1 1 1 of one that is not trusted", 1, 1, 1, &theirs, &theirs, &stranger, "is not trusted" },
        { "1 1 1 of another", 1, 1, 1, &self, &right, NULL, "none of those that the DNS names" },
        { "0 0 1 of a trusted one", 0, 0, 1, &root, &right, NULL, NULL },
        { "0 0 1 of another authority", 0, 0, 1, &stranger, &right, NULL, "none of those that the DNS names" },
        { "usage unknown", 9, 1, 1, &self, &right, NULL, NULL },
        { "selector unknown", 3, 2, 1, &self, &right, NULL, NULL },
        { "matching unknown", 3, 1, 9, &self, &right, NULL, NULL },
        { "unknown, self-signed", 9, 1, 1, &self, &self, NULL, "self-signed" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct dane_record r = { (uint8_t)cases[i].usage, (uint8_t)cases[i].selector, (uint8_t)cases[i].matching,
                                 tlsa_data(cases[i].about, cases[i].selector == 1, cases[i].matching % 9) };
        struct dane *dane = dane_new("xmpp.host.example", &r, 1);
        struct shown s = { .leaf = cases[i].shown, .rest = { cases[i].issuer } };
        struct asked q = { .domain_a = THEM, .target = "xmpp.host.example", .dane = dane };
        struct found f = meet(&s, &q, TLS_CLIENT);

        expect(cases[i].what, &f, cases[i].why, NULL);
        if (dane->n && !cases[i].why)
            assert_int_equal(f.v.by, XMPP_CERT_DANE);
        if (cases[i].why && strstr(cases[i].why, "the DNS names"))
            assert_true(f.v.forbidden);
        free(dane);
        free((char *)r.data.p);
    }
    cert_free(&right);
    cert_free(&self);
    cert_free(&old);
    cert_free(&signing);
    cert_free(&theirs);
    cert_free(&hosted);
    cert_free(&misnamed);
    cert_free(&odd);
}

/* Any of several records will do; a pin counts all the same. */
static void STOX_S2S_42_several_records_and_pins(void **state)
{
    struct cert c = cert_make(&(struct cert_spec){ .cn = "box" }, NULL),
                next = cert_make(&(struct cert_spec){ .cn = "box" }, NULL);
    struct dane_record r[] = { { 3, 1, 1, tlsa_data(&next, 1, 1) }, { 3, 1, 1, tlsa_data(&c, 1, 1) } };
    struct dane *dane = dane_new("t.example", r, 2);
    struct asked q = { .domain_a = THEM, .dane = dane };
    struct found f = meet(&(struct shown){ .leaf = &c }, &q, TLS_CLIENT);

    expect("second of two", &f, NULL, NULL);
    q.pin = "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    f = meet(&(struct shown){ .leaf = &c }, &q, TLS_CLIENT);
    expect("not pinned", &f, "none of the partner's pins", NULL);
    free(dane);
    free((char *)r[0].data.p);
    free((char *)r[1].data.p);
    cert_free(&c);
    cert_free(&next);
}

/* Without TLSA records a secure SRV makes its target a name beside the domain (RFC 7673 4.1); an insecure one does not. */
static void STOX_S2S_36_target_of_a_secure_srv(void **state)
{
    struct cert c = cert_make(&(struct cert_spec){ .cn = "x", .sans = "DNS:xmpp.host.example" }, &root),
                srv = cert_make(&(struct cert_spec){ .cn = "x", .sans = SRV_NAME "xmpp.host.example" }, &root);
    struct asked q = { .domain_a = THEM };
    struct found f = meet(&(struct shown){ .leaf = &c }, &q, TLS_CLIENT);

    expect("insecure", &f, "does not name the domain", NULL);
    q.target = "xmpp.host.example";
    f = meet(&(struct shown){ .leaf = &c }, &q, TLS_CLIENT);
    expect("secure", &f, NULL, NULL);
    f = meet(&(struct shown){ .leaf = &srv }, &q, TLS_CLIENT);
    expect("an SRVName is of domains", &f, "does not name the domain", NULL);
    cert_free(&c);
    cert_free(&srv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I3_certificate_matrix),
        cmocka_unit_test(I3_an_unordered_chain_is_put_in_order),
        cmocka_unit_test(I3_a_certificate_of_a_megabyte_ends_the_handshake),
        cmocka_unit_test(I3_STOX_S2S_35_revoked_by_a_list),
        cmocka_unit_test(I3_a_forged_list_revokes_nobody_silently),
        cmocka_unit_test(test_crl_files),
        cmocka_unit_test(I3_STOX_S2S_35_stapled_responses),
        cmocka_unit_test(I3_damaged_and_unwilling_responses),
        cmocka_unit_test(I3_must_staple_is_honoured),
        cmocka_unit_test(I3_pins),
        cmocka_unit_test(I3_no_certificate_where_one_is_pinned),
        cmocka_unit_test(STOX_S2S_42_what_tlsa_records_decide),
        cmocka_unit_test(STOX_S2S_42_several_records_and_pins),
        cmocka_unit_test(STOX_S2S_36_target_of_a_secure_srv),
    };

    return cmocka_run_group_tests_name("conformance/certs", tests, setup, teardown);
}
