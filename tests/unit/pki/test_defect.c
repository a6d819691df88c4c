/* Every defect of a certificate: found, and told in exactly this sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "pki/bundle.h"
#include "pki/key.h"
#include "test_certs.h"

static struct cert root, middle, old_root;

static int setup(void **state)
{
    root = cert_make(&(struct cert_spec){ .cn = "Root", .ca = true, .from_days = -1, .until_days = 4000 }, NULL);
    middle = cert_make(&(struct cert_spec){ .cn = "Middle", .ca = true, .from_days = -1, .until_days = 2000 }, &root);
    old_root = cert_make(&(struct cert_spec){ .cn = "Unknown", .ca = true, .from_days = -1, .until_days = 4000 }, NULL);
    return 0;
}

static int teardown(void **state)
{
    cert_free(&root);
    cert_free(&middle);
    cert_free(&old_root);
    return 0;
}

static const char *day(int days)
{
    static char text[4][16];
    static int turn;
    char *out = text[turn++ % 4];
    time_t t = time(NULL) + days * 86400L;
    struct tm tm;

    gmtime_r(&t, &tm);
    strftime(out, 16, "%Y-%m-%d", &tm);
    return out;
}

struct one {
    struct cert_spec spec;
    bool no_middle;            /* the chain is the leaf alone */
    const struct cert *by;     /* issuer; NULL: middle */
    bool self;                 /* self-signed */
    bool client, foreign_key;  /* what it is checked for */
    const char *name;          /* that it must have */
    enum pki_defect_kind kind; /* PKI_FINE: none is found */
    const char *text;          /* with DATE for a date */
    int days;                  /* which date */
};

static void assert_sentence(const char *text, const struct one *one)
{
    const char *at = strstr(one->text, "DATE");
    char expected[600];

    if (at)
        snprintf(expected, sizeof(expected), "%.*s%s%s", (int)(at - one->text), one->text, day(one->days), at + 4);
    assert_string_equal(text, at ? expected : one->text);
}

static void check_one(const struct one *one)
{
    struct cert_spec spec = one->spec;
    X509_STORE *trust = X509_STORE_new();
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct slice name = slice_str(one->name);
    struct pki_defects found;
    struct pki_case c = { .chain = chain,
                          .profile = one->client ? PKI_SERVER_CLIENT : PKI_SERVER,
                          .names = &name,
                          .n_names = name.n > 0,
                          .trust = trust,
                          .now_s = time(NULL),
                          .warn_days = 30 };
    struct cert leaf;

    spec.cn = spec.cn ? spec.cn : "edge";
    spec.sans = spec.sans ? spec.sans : "DNS:contoso.example";
    if (!spec.until_days) {
        spec.from_days = -1;
        spec.until_days = 100;
    }
    leaf = cert_make(&spec, one->self ? NULL : one->by ? one->by : &middle);
    X509_STORE_add_cert(trust, root.x);
    sk_X509_push(chain, leaf.x);
    if (!one->no_middle && !one->self && !one->by)
        sk_X509_push(chain, middle.x);
    c.key = one->foreign_key ? root.key : leaf.key;
    pki_check(&c, &found);
    if (one->kind == PKI_FINE) {
        assert_int_equal(found.n, 0);
    } else {
        assert_int_equal(found.n, 1);
        assert_sentence(found.v[0].text, one);
        assert_int_equal(found.v[0].kind, one->kind);
    }
    cert_free(&leaf);
    sk_X509_free(chain);
    X509_STORE_free(trust);
}

static void every_defect_has_its_sentence(void **state)
{
    static const struct one cases[] = {
        { .kind = PKI_FINE },
        { .client = true, .spec.eku = "serverAuth,clientAuth", .kind = PKI_FINE },
        { .name = "contoso.example", .kind = PKI_FINE },
        { .name = "_xmpp-server.contoso.example", .kind = PKI_FINE },
        { .spec.sans = "DNS:*.contoso.example", .name = "im.contoso.example", .kind = PKI_FINE },
        { .spec.sans = "otherName:1.3.6.1.5.5.7.8.7;IA5STRING:_xmpp-server.contoso.example",
          .name = "contoso.example",
          .kind = PKI_FINE },
        { .foreign_key = true,
          .kind = PKI_WRONG_KEY,
          .text = "the key does not belong to the certificate for contoso.example" },
        { .spec = { .from_days = -20, .until_days = -10 },
          .kind = PKI_EXPIRED,
          .days = -10,
          .text = "the certificate for contoso.example expired DATE; get a new one" },
        { .spec = { .from_days = 5, .until_days = 100 },
          .kind = PKI_NOT_YET_VALID,
          .days = 5,
          .text = "the certificate for contoso.example is not valid before DATE; check this machine's clock, or wait" },
        { .spec = { .from_days = -5, .until_days = 10 },
          .kind = PKI_EXPIRES_SOON,
          .days = 10,
          .text = "the certificate for contoso.example expires DATE, in 10 days; request its successor now" },
        { .spec.rsa_bits = 1024,
          .kind = PKI_WEAK_KEY,
          .text = "the key of the certificate for contoso.example is too weak (RSA, 1024 bits); RSA needs 2048 bits at "
                  "least: request a new one" },
        { .spec.sha1 = true,
          .kind = PKI_WEAK_SIGNATURE,
          .text = "the certificate for contoso.example is signed with sha1, which is not accepted any more; ask the "
                  "authority for one with SHA-256" },
        { .spec.eku = "clientAuth",
          .kind = PKI_WRONG_PURPOSE,
          .text = "the certificate for contoso.example is not made for servers; request one with the profile server" },
        { .spec.eku = "emailProtection",
          .client = true,
          .kind = PKI_WRONG_PURPOSE,
          .text = "the certificate for contoso.example is not made for servers; request one with the profile server" },
        { .spec.eku = "serverAuth",
          .client = true,
          .kind = PKI_WRONG_PURPOSE,
          .text =
              "the certificate for contoso.example is made for servers only, and is needed for clients too; request "
              "one with the profile server+client" },
        { .no_middle = true,
          .kind = PKI_CHAIN_INCOMPLETE,
          .text = "the certificate of the issuer of contoso.example, \"CN=Middle\", is missing; add the authority's "
                  "intermediate certificates to the file" },
        { .by = &root, .kind = PKI_FINE },
        { .by = &old_root,
          .kind = PKI_CHAIN_INCOMPLETE,
          .text = "the certificate of the issuer of contoso.example, \"CN=Unknown\", is missing; add the authority's "
                  "intermediate certificates to the file" },
        { .self = true,
          .kind = PKI_SELF_SIGNED,
          .text =
              "the certificate for contoso.example is self-signed; only partners who have been given its pin accept "
              "it" },
        { .spec.ca = true,
          .kind = PKI_IS_AUTHORITY,
          .text = "the certificate for contoso.example is an authority's own; import the one that was made for this "
                  "gateway" },
        { .name = "fabrikam.example",
          .kind = PKI_NAME_MISSING,
          .text =
              "the certificate for contoso.example does not name fabrikam.example, so that nobody accepts it there; "
              "request one that does" },
        { .spec.sans = "DNS:*.contoso.example",
          .name = "contoso.example",
          .kind = PKI_NAME_MISSING,
          .text =
              "the certificate for *.contoso.example does not name contoso.example, so that nobody accepts it there; "
              "request one that does" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_one(&cases[i]);
}

static void all_defects_are_named_at_once(void **state)
{
    struct cert leaf = cert_make(&(struct cert_spec){ .cn = "edge",
                                                      .sans = "DNS:a.example",
                                                      .rsa_bits = 1024,
                                                      .sha1 = true,
                                                      .eku = "clientAuth",
                                                      .from_days = -9,
                                                      .until_days = -2 },
                                 &middle);
    const struct slice names[] = { SLICE("b.example"), SLICE("c.example") };
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct pki_case c = { .chain = chain, .key = root.key, .names = names, .n_names = 2, .now_s = time(NULL) };
    static const enum pki_defect_kind expected[] = { PKI_WRONG_KEY,     PKI_WEAK_KEY,    PKI_WEAK_SIGNATURE,
                                                     PKI_WRONG_PURPOSE, PKI_EXPIRED,     PKI_CHAIN_INCOMPLETE,
                                                     PKI_NAME_MISSING,  PKI_NAME_MISSING };
    struct pki_defects found;

    sk_X509_push(chain, leaf.x);
    pki_check(&c, &found);
    assert_int_equal(found.n, sizeof(expected) / sizeof(expected[0]));
    for (size_t i = 0; i < found.n; i++)
        assert_int_equal(found.v[i].kind, expected[i]);
    assert_int_equal(pki_defects_weight(&found), PKI_FATAL);
    sk_X509_free(chain);
    cert_free(&leaf);
}

static void what_a_certificate_says_cannot_break_a_sentence(void **state)
{
    struct cert leaf =
        cert_make(&(struct cert_spec){ .cn = "edge", .raw_dns = "a\nb\"\x1b[31m", .raw_dns_n = 10 }, NULL);
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct pki_case c = { .chain = chain, .now_s = time(NULL) };
    struct pki_defects found;

    sk_X509_push(chain, leaf.x);
    pki_check(&c, &found);
    assert_true(found.n > 0);
    for (size_t i = 0; i < found.n; i++)
        for (const char *p = found.v[i].text; *p; p++)
            assert_true(*p >= ' ' && *p <= '~');
    sk_X509_free(chain);
    cert_free(&leaf);
}

static void every_kind_has_a_name_and_a_weight(void **state)
{
    for (enum pki_defect_kind kind = PKI_FINE; kind <= PKI_EXPIRES_SOON; kind++)
        assert_non_null(pki_defect_name(kind));
    assert_int_equal(pki_defect_weight(PKI_WRONG_KEY), PKI_FATAL);
    assert_int_equal(pki_defect_weight(PKI_NAME_MISSING), PKI_SERIOUS);
    assert_int_equal(pki_defect_weight(PKI_EXPIRES_SOON), PKI_HINT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_defect_has_its_sentence),
        cmocka_unit_test(all_defects_are_named_at_once),
        cmocka_unit_test(what_a_certificate_says_cannot_break_a_sentence),
        cmocka_unit_test(every_kind_has_a_name_and_a_weight),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
