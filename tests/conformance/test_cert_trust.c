/* What comes before authorities and names: pins, and what DNS says (RFC 7671, RFC 7673). */
#include "certs_rig.h"

#include <stdlib.h>

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
        cmocka_unit_test(I3_pins),
        cmocka_unit_test(I3_no_certificate_where_one_is_pinned),
        cmocka_unit_test(STOX_S2S_42_what_tlsa_records_decide),
        cmocka_unit_test(STOX_S2S_42_several_records_and_pins),
        cmocka_unit_test(STOX_S2S_36_target_of_a_secure_srv),
    };

    return cmocka_run_group_tests_name("conformance/cert_trust", tests, certs_setup, certs_teardown);
}
