/* Files of certificates, in every form and order; and those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <openssl/rand.h>
#include <stdlib.h>

#include "pki/bundle.h"
#include "pki/export.h"
#include "pki/key.h"
#include "test_certs.h"

static struct cert root, middle, leaf, other;

static int setup(void **state)
{
    root = cert_make(&(struct cert_spec){ .cn = "Root", .ca = true }, NULL);
    middle = cert_make(&(struct cert_spec){ .cn = "Middle", .ca = true }, &root);
    leaf = cert_make(&(struct cert_spec){ .cn = "edge", .sans = "DNS:contoso.example" }, &middle);
    other = cert_make(&(struct cert_spec){ .cn = "other", .sans = "DNS:other.example" }, &middle);
    return 0;
}

static int teardown(void **state)
{
    cert_free(&root);
    cert_free(&middle);
    cert_free(&leaf);
    cert_free(&other);
    return 0;
}

/* Takes over what a BIO holds. */
static struct slice taken(BIO *bio)
{
    char *p, *copy;
    long n = BIO_get_mem_data(bio, &p);

    copy = malloc((size_t)n + 1);
    assert_non_null(copy);
    memcpy(copy, p, (size_t)n);
    BIO_free(bio);
    return slice_of(copy, (size_t)n);
}

static struct slice pem_of(const struct cert *const *certs, size_t n, EVP_PKEY *key, const char *passphrase)
{
    BIO *bio = BIO_new(BIO_s_mem());

    for (size_t i = 0; i < n; i++)
        PEM_write_bio_X509(bio, certs[i]->x);
    if (key)
        PEM_write_bio_PKCS8PrivateKey(bio, key, passphrase ? EVP_aes_256_cbc() : NULL, passphrase,
                                      passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
    return taken(bio);
}

static struct slice pkcs7_of(const struct cert *const *certs, size_t n, bool pem)
{
    PKCS7 *p7 = PKCS7_new();
    BIO *bio = BIO_new(BIO_s_mem());

    PKCS7_set_type(p7, NID_pkcs7_signed);
    PKCS7_content_new(p7, NID_pkcs7_data);
    for (size_t i = 0; i < n; i++)
        PKCS7_add_certificate(p7, certs[i]->x);
    if (pem)
        PEM_write_bio_PKCS7(bio, p7);
    else
        i2d_PKCS7_bio(bio, p7);
    PKCS7_free(p7);
    return taken(bio);
}

static struct slice pfx_of(const char *pass, int rounds, int nid)
{
    STACK_OF(X509) *more = sk_X509_new_null();
    BIO *bio = BIO_new(BIO_s_mem());
    PKCS12 *pfx;

    sk_X509_push(more, root.x);
    sk_X509_push(more, middle.x);
    pfx = PKCS12_create(pass, "edge", leaf.key, leaf.x, more, nid, nid, rounds, rounds, 0);
    assert_non_null(pfx);
    i2d_PKCS12_bio(bio, pfx);
    PKCS12_free(pfx);
    sk_X509_free(more);
    return taken(bio);
}

static struct slice der_of(const struct cert *c)
{
    BIO *bio = BIO_new(BIO_s_mem());

    i2d_X509_bio(bio, c->x);
    return taken(bio);
}

static void expect_chain(const struct pki_source *from, const struct cert *const *chain, size_t n, bool key)
{
    struct pki_bundle b;
    struct pki_defect defect;
    bool ok = pki_bundle_read(&b, from, &defect);

    assert_string_equal(defect.text, "");
    assert_true(ok);
    assert_int_equal(sk_X509_num(b.chain), (int)n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(X509_cmp(sk_X509_value(b.chain, (int)i), chain[i]->x), 0);
    assert_int_equal(b.key != NULL, key);
    if (key)
        assert_true(pki_key_same(b.key, leaf.key));
    pki_bundle_fini(&b);
}

static void expect_defect(const struct pki_source *from, enum pki_defect_kind kind, const char *text)
{
    struct pki_bundle b;
    struct pki_defect defect;

    assert_false(pki_bundle_read(&b, from, &defect));
    assert_string_equal(defect.text, text);
    assert_int_equal(defect.kind, kind);
    pki_bundle_fini(&b);
}

#define CERTS(...) ((const struct cert *const[]){ __VA_ARGS__ })

static void every_form_gives_the_chain_in_its_order(void **state)
{
    const struct {
        struct slice bytes;
        const char *passphrase;
        size_t n;
        bool key;
    } cases[] = {
        { pem_of(CERTS(&leaf, &middle, &root), 3, NULL, NULL), NULL, 3, false },
        { pem_of(CERTS(&root, &middle, &leaf), 3, NULL, NULL), NULL, 3, false },
        { pem_of(CERTS(&middle, &leaf), 2, leaf.key, NULL), NULL, 2, true },
        { pem_of(CERTS(&leaf, &leaf, &middle), 3, leaf.key, "correct horse"), "correct horse", 2, true },
        { pkcs7_of(CERTS(&root, &leaf, &middle), 3, true), NULL, 3, false },
        { pkcs7_of(CERTS(&root, &leaf, &middle), 3, false), NULL, 3, false },
        { pfx_of("correct horse", 2048, NID_aes_256_cbc), "correct horse", 3, true },
        { pfx_of("", 1, NID_aes_256_cbc), NULL, 3, true },
        { der_of(&leaf), NULL, 1, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pki_source from = { .bytes = cases[i].bytes, .passphrase = slice_str(cases[i].passphrase) };

        expect_chain(&from, CERTS(&leaf, &middle, &root), cases[i].n, cases[i].key);
        free((char *)cases[i].bytes.p);
    }
}

static void the_leaf_is_the_one_of_the_key(void **state)
{
    struct slice both = pem_of(CERTS(&other, &middle, &leaf, &root), 4, NULL, NULL);
    struct slice key = pem_of(NULL, 0, leaf.key, NULL);
    struct pki_source from = { .bytes = both, .wanted = leaf.key };

    expect_chain(&from, CERTS(&leaf, &middle, &root), 3, false);
    from = (struct pki_source){ .bytes = both, .key_bytes = key };
    expect_chain(&from, CERTS(&leaf, &middle, &root), 3, true);
    free((char *)both.p);
    free((char *)key.p);
}

static void what_cannot_be_read_is_named_with_its_remedy(void **state)
{
    enum { N_LITERAL = 7 }; /* the first ones; the others are made, and freed */
    const struct {
        struct slice bytes;
        const char *passphrase;
        enum pki_defect_kind kind;
        const char *text;
    } cases[] = {
        { SLICE(""), NULL, PKI_NOT_A_CERTIFICATE, "the file is empty" },
        { SLICE("hello"), NULL, PKI_NOT_A_CERTIFICATE,
          "the file holds no certificate: neither PEM nor DER, PKCS#7 or PKCS#12" },
        { SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n"), NULL, PKI_NOT_A_CERTIFICATE,
          "block 1 of the file is no PEM to its end: fetch the file again" },
        { SLICE("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), NULL, PKI_NOT_A_CERTIFICATE,
          "certificate 1 of the file is damaged: fetch the file again" },
        { SLICE("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n"), NULL, PKI_NOT_A_CERTIFICATE,
          "the PKCS#7 part of the file is damaged: fetch the file again" },
        { SLICE("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"), NULL,
          PKI_NOT_A_CERTIFICATE,
          "the file holds a request and no certificate: send it to your authority, and import what comes back" },
        { SLICE("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), NULL, PKI_NOT_A_CERTIFICATE,
          "the key in the file is damaged, or of a kind that is not supported: export it again" },
        { pem_of(NULL, 0, leaf.key, NULL), NULL, PKI_NOT_A_CERTIFICATE, "the file holds no certificate" },
        { pem_of(CERTS(&leaf), 1, leaf.key, "correct horse"), NULL, PKI_PASSPHRASE_MISSING,
          "the key is under a passphrase: give it along" },
        { pem_of(CERTS(&leaf), 1, leaf.key, "correct horse"), "battery staple", PKI_PASSPHRASE_WRONG,
          "the passphrase does not open the key: check it" },
        { pfx_of("correct horse", 2048, NID_aes_256_cbc), NULL, PKI_PASSPHRASE_MISSING,
          "the PKCS#12 file is under a passphrase: give it along" },
        { pfx_of("correct horse", 2048, NID_aes_256_cbc), "battery staple", PKI_PASSPHRASE_WRONG,
          "the passphrase does not open the PKCS#12 file: check it" },
        { pem_of(CERTS(&other, &middle), 2, leaf.key, NULL), NULL, PKI_WRONG_KEY,
          "the key does not belong to the certificate for other.example; give the key that it was requested with" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pki_source from = { .bytes = cases[i].bytes, .passphrase = slice_str(cases[i].passphrase) };

        expect_defect(&from, cases[i].kind, cases[i].text);
        if (i >= N_LITERAL)
            free((char *)cases[i].bytes.p);
    }
}

static void a_certificate_of_another_key_than_the_request_is_refused(void **state)
{
    struct slice pem = pem_of(CERTS(&other, &middle), 2, NULL, NULL);
    struct pki_source from = { .bytes = pem, .wanted = leaf.key };

    expect_defect(&from, PKI_WRONG_KEY,
                  "the certificate for other.example is not for the key of this request; import the one that the "
                  "authority made from it, or request a new one");
    free((char *)pem.p);
}

static void what_is_too_large_is_not_looked_at(void **state)
{
    char *large = calloc(1, PKI_BUNDLE_MAX + 1);
    struct pki_source from = { .bytes = slice_of(large, PKI_BUNDLE_MAX + 1) };
    BIO *bio = BIO_new(BIO_s_mem());
    struct slice many;

    assert_non_null(large);
    expect_defect(
        &from, PKI_TOO_LARGE,
        "the file has 262145 bytes and a certificate with its issuers less than 262144: is it the right one?");
    free(large);
    for (int i = 0; i <= PKI_CHAIN_MAX; i++) {
        struct cert c = cert_make(&(struct cert_spec){ .cn = "one of many" }, &middle);

        PEM_write_bio_X509(bio, c.x);
        cert_free(&c);
    }
    many = taken(bio);
    from = (struct pki_source){ .bytes = many };
    expect_defect(&from, PKI_TOO_LARGE,
                  "the file holds more than 16 certificates; leave only the one for this server and its issuers in it");
    free((char *)many.p);
}

static void a_file_cannot_ask_for_hours_of_work(void **state)
{
    struct slice pfx = pfx_of("x", 1, NID_aes_256_cbc);
    struct pki_source from = { .bytes = pfx, .passphrase = SLICE("x") };
    PKCS12 *p;
    const unsigned char *at = (const unsigned char *)pfx.p;
    const ASN1_INTEGER *rounds = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    struct slice slow;

    p = d2i_PKCS12(NULL, &at, (long)pfx.n);
    assert_int_equal(PKCS12_set_mac(p, "x", 1, NULL, 0, 2, EVP_sha256()), 1);
    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, p);
    ASN1_INTEGER_set((ASN1_INTEGER *)rounds, 2000000000);
    i2d_PKCS12_bio(bio, p);
    PKCS12_free(p);
    slow = taken(bio);
    from.bytes = slow;
    expect_defect(&from, PKI_NOT_A_CERTIFICATE,
                  "the PKCS#12 file is under its passphrase by a method that takes too long, or that is not known; "
                  "export it anew with AES-256");
    free((char *)pfx.p);
    free((char *)slow.p);
}

static void what_is_exported_comes_back(void **state)
{
    STACK_OF(X509) *chain = sk_X509_new_null();

    sk_X509_push(chain, leaf.x);
    sk_X509_push(chain, middle.x);
    for (enum pki_form form = PKI_PEM; form <= PKI_PKCS12; form++) {
        for (int key = 0; key < 2; key++) {
            struct pki_export e = { .chain = chain,
                                    .key = key ? leaf.key : NULL,
                                    .form = form,
                                    .passphrase = SLICE("correct horse"),
                                    .friendly_name = SLICE("Edge") };
            struct pki_source from = { .passphrase = SLICE("correct horse") };
            struct err err = { "" };
            struct buf out;

            buf_init(&out, PKI_BUNDLE_MAX);
            assert_int_equal(pki_export(&e, &out, &err), 0);
            from.bytes = buf_slice(&out);
            expect_chain(&from, CERTS(&leaf, &middle), 2, key);
            if (key) {
                from.passphrase.p = NULL;
                expect_defect(&from, PKI_PASSPHRASE_MISSING,
                              form == PKI_PEM ? "the key is under a passphrase: give it along"
                                              : "the PKCS#12 file is under a passphrase: give it along");
            }
            pki_wipe(&out);
        }
    }
    sk_X509_free(chain);
}

static void a_key_leaves_only_under_a_passphrase(void **state)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct pki_export e = { .chain = chain, .key = leaf.key, .passphrase = SLICE("short") };
    struct err err = { "" };
    struct buf out;

    sk_X509_push(chain, leaf.x);
    buf_init(&out, PKI_BUNDLE_MAX);
    assert_int_equal(pki_export(&e, &out, &err), -1);
    assert_string_equal(err.text, "a key leaves only under a passphrase of at least 8 characters");
    assert_int_equal(out.n, 0);
    pki_wipe(&out);
    sk_X509_free(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form_gives_the_chain_in_its_order),
        cmocka_unit_test(the_leaf_is_the_one_of_the_key),
        cmocka_unit_test(what_cannot_be_read_is_named_with_its_remedy),
        cmocka_unit_test(a_certificate_of_another_key_than_the_request_is_refused),
        cmocka_unit_test(what_is_too_large_is_not_looked_at),
        cmocka_unit_test(a_file_cannot_ask_for_hours_of_work),
        cmocka_unit_test(what_is_exported_comes_back),
        cmocka_unit_test(a_key_leaves_only_under_a_passphrase),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
