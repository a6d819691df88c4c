/* At stake: what is published of our certificates. TLSA records and the names, against certificates made on the spot. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "net/tls_chain.h"
#include "test_certs.h"

static struct fixture {
    struct cert ca, leaf, other;
    struct tls_chain *chain;
} f;

static int set_up(void **state)
{
    const struct cert_spec ca = { .cn = "authority", .ca = true };
    const struct cert_spec leaf = { .cn = "x", .sans = "DNS:contoso.example,DNS:*.fabrikam.example" };

    certs_begin();
    f.ca = cert_make(&ca, NULL);
    f.leaf = cert_make(&leaf, &f.ca);
    f.other = cert_make(&leaf, NULL);
    f.chain = tls_chain_load(certs_write_chain("chain.pem", &f.leaf, &f.ca), NULL);
    assert_non_null(f.chain);
    return 0;
}

static int tear_down(void **state)
{
    tls_chain_free(f.chain);
    cert_free(&f.ca);
    cert_free(&f.leaf);
    cert_free(&f.other);
    certs_end();
    return 0;
}

/* The data that a record of this kind has for this certificate, by OpenSSL's own hands. */
static struct slice data_of(const struct cert *c, uint8_t selector, uint8_t matching, unsigned char out[4096])
{
    unsigned char *der = NULL, *key = NULL;
    int n = i2d_X509(c->x, &der), n_key = i2d_PUBKEY(c->key, &key);
    unsigned n_out = selector ? (unsigned)n_key : (unsigned)n;
    const unsigned char *in = selector ? key : der;

    assert_true(n > 0 && n_key > 0 && n_out < 4096);
    if (matching)
        assert_int_equal(EVP_Digest(in, n_out, out, &n_out, matching == 1 ? EVP_sha256() : EVP_sha512(), NULL), 1);
    else
        memcpy(out, in, n_out);
    OPENSSL_free(der);
    OPENSSL_free(key);
    return slice_of((const char *)out, n_out);
}

static enum tls_chain_fit fit(uint8_t usage, uint8_t selector, uint8_t matching, const struct cert *of)
{
    unsigned char bytes[4096];
    const struct dane_record r = { usage, selector, matching, data_of(of, selector, matching, bytes) };

    return tls_chain_fits(f.chain, &r);
}

static void each_kind_of_record_fits_its_certificate(void **state)
{
    for (uint8_t selector = 0; selector < 2; selector++) {
        for (uint8_t matching = 0; matching < 3; matching++) {
            for (uint8_t usage = DANE_PKIX_TA; usage <= DANE_EE; usage++) {
                bool of_leaf = usage == DANE_PKIX_EE || usage == DANE_EE;

                assert_int_equal(fit(usage, selector, matching, of_leaf ? &f.leaf : &f.ca), TLS_CHAIN_FITS);
                assert_int_equal(fit(usage, selector, matching, &f.other),
                                 of_leaf ? TLS_CHAIN_FITS_NOT : TLS_CHAIN_UNKNOWN);
            }
        }
    }
    assert_int_equal(fit(DANE_EE, 1, 1, &f.ca), TLS_CHAIN_FITS_NOT);
}

static void the_hash_is_that_of_3_1_1(void **state)
{
    unsigned char hash[TLS_KEY_HASH], bytes[4096];
    struct slice want = data_of(&f.leaf, 1, 1, bytes);

    assert_true(tls_chain_key_hash(f.chain, hash));
    assert_true(slice_eq(want, slice_of((const char *)hash, sizeof(hash))));
}

static void names_are_dns_names_alone(void **state)
{
    assert_true(tls_chain_names(f.chain, "contoso.example"));
    assert_true(tls_chain_names(f.chain, "im.fabrikam.example"));
    assert_false(tls_chain_names(f.chain, "fabrikam.example"));
    assert_false(tls_chain_names(f.chain, "a.b.fabrikam.example"));
    assert_false(tls_chain_names(f.chain, "x"));
}

static void what_is_no_certificate_is_said(void **state)
{
    struct err err = { "" };

    assert_null(tls_chain_load(certs_write("text.pem", "hello\n"), &err));
    assert_non_null(strstr(err.text, "holds no certificate in PEM form"));
    assert_null(tls_chain_load("/does/not/exist.pem", &err));
    assert_non_null(strstr(err.text, "/does/not/exist.pem"));
    assert_null(tls_chain_load(certs_write("empty.pem", ""), NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_record_fits_its_certificate),
        cmocka_unit_test(the_hash_is_that_of_3_1_1),
        cmocka_unit_test(names_are_dns_names_alone),
        cmocka_unit_test(what_is_no_certificate_is_said),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
