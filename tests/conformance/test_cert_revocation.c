/* Certificates that their authorities have taken back: lists, stapled responses, must-staple. */
#include "certs_rig.h"

#include <openssl/ocsp.h>

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

/* Whether lists that came after the handshake name the leaf or an issuer that was sent with it. */
static void I3_STOX_S2S_38_judged_by_later_lists(void **state)
{
    struct cert good = cert_make(&(struct cert_spec){ .cn = "good", .sans = THEM_SAN }, &mid),
                bad = cert_make(&(struct cert_spec){ .cn = "bad", .sans = THEM_SAN }, &mid),
                below = cert_make(&(struct cert_spec){ .cn = "below", .sans = THEM_SAN }, &revoked_mid),
                unknown = cert_make(&(struct cert_spec){ .cn = "unknown", .sans = THEM_SAN }, &stranger),
                false_mid = cert_make(&(struct cert_spec){ .cn = "Mid", .ca = true }, NULL);
    const struct {
        const struct cert *leaf, *issuer, *signer, *revoked;
        bool ends;
    } cases[] = {
        { &good, &mid, &mid, &bad, false },
        { &bad, &mid, &mid, &bad, true },
        { &below, &revoked_mid, &root, &revoked_mid, true },
        { &good, &mid, &root, &revoked_mid, false },
        { &bad, &mid, &false_mid, &bad, false },
        { &unknown, NULL, &stranger, &unknown, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct asked q = { .domain_a = THEM, .later = cases[i].revoked, .later_by = cases[i].signer };

        use_crl(certs_write_crl("crl.pem", &stranger, NULL, 0, 3));
        for (enum tls_role role = TLS_CLIENT; role <= TLS_SERVER; role++)
            assert_int_equal(meet(&(struct shown){ .leaf = cases[i].leaf, .rest = { cases[i].issuer } }, &q, role).ends,
                             cases[i].ends);
    }
    use_crl(NULL);
    cert_free(&good);
    cert_free(&bad);
    cert_free(&below);
    cert_free(&unknown);
    cert_free(&false_mid);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I3_STOX_S2S_35_revoked_by_a_list),
        cmocka_unit_test(I3_a_forged_list_revokes_nobody_silently),
        cmocka_unit_test(I3_STOX_S2S_38_judged_by_later_lists),
        cmocka_unit_test(test_crl_files),
        cmocka_unit_test(I3_STOX_S2S_35_stapled_responses),
        cmocka_unit_test(I3_damaged_and_unwilling_responses),
        cmocka_unit_test(I3_must_staple_is_honoured),
    };

    return cmocka_run_group_tests_name("conformance/cert_revocation", tests, certs_setup, certs_teardown);
}
