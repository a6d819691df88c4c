/* What is said to an ACME server: who asks, for what address, and a signature that the account's public key verifies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "acme/jws.h"
#include "base/text.h"
#include "pki/key.h"

#define HALF 32

struct state {
    EVP_PKEY *key;
    struct acme_signer *signer;
};

static int set_up(void **state)
{
    struct state *s = calloc(1, sizeof(*s));
    struct err err = { "" };

    s->key = pki_key_make(PKI_P256, &err);
    s->signer = acme_signer_new(s->key, &err);
    *state = s;
    return s->signer ? 0 : -1;
}

static int tear_down(void **state)
{
    struct state *s = *state;

    acme_signer_free(s->signer);
    pki_key_free(s->key);
    free(s);
    return 0;
}

static void unspell(struct buf *out, const char *text)
{
    struct buf padded;

    buf_init(&padded, 1u << 20);
    for (; *text; text++)
        buf_char(&padded, (char)(*text == '-' ? '+' : *text == '_' ? '/' : *text));
    while (padded.n % 4)
        buf_char(&padded, '=');
    buf_init(out, 1u << 20);
    assert_true(text_unbase64(out, buf_slice(&padded)));
    buf_free(&padded);
}

static json_t *signed_by(const struct state *s, const struct acme_head *head, struct slice payload)
{
    struct err err = { "" };
    struct buf b;
    json_t *v;

    buf_init(&b, 1u << 20);
    assert_int_equal(acme_sign(s->signer, head, payload, &b, &err), 0);
    v = json_loadb(b.p, b.n, 0, NULL);
    assert_non_null(v);
    buf_free(&b);
    return v;
}

static const char *text_of(const json_t *v, const char *member)
{
    return json_string_value(json_object_get(v, member));
}

static json_t *head_of(const json_t *jws)
{
    struct buf b;
    json_t *v;

    unspell(&b, text_of(jws, "protected"));
    v = json_loadb(b.p, b.n, 0, NULL);
    buf_free(&b);
    assert_non_null(v);
    return v;
}

static bool verifies(EVP_PKEY *key, const json_t *jws)
{
    ECDSA_SIG *pair = ECDSA_SIG_new();
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char *der = NULL;
    struct buf raw, text;
    int n;
    bool good;

    unspell(&raw, text_of(jws, "signature"));
    assert_int_equal(raw.n, 2 * HALF);
    ECDSA_SIG_set0(pair, BN_bin2bn((unsigned char *)raw.p, HALF, NULL),
                   BN_bin2bn((unsigned char *)raw.p + HALF, HALF, NULL));
    n = i2d_ECDSA_SIG(pair, &der);
    buf_init(&text, 1u << 20);
    buf_printf(&text, "%s.%s", text_of(jws, "protected"), text_of(jws, "payload"));
    good = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
           EVP_DigestVerify(ctx, der, (size_t)n, (unsigned char *)text.p, text.n) == 1;
    OPENSSL_free(der);
    EVP_MD_CTX_free(ctx);
    ECDSA_SIG_free(pair);
    buf_free(&raw);
    buf_free(&text);
    return good;
}

static void a_signature_is_verified_by_the_public_key_and_not_by_another(void **state)
{
    struct acme_head head = { .url = "https://ca.example/o", .nonce = "n1", .account = "https://ca.example/a/1" };
    struct err err = { "" };
    EVP_PKEY *other = pki_key_make(PKI_P256, &err);

    /* Often enough that a half begins with zeros. */
    for (unsigned i = 0; i < 600; i++) {
        json_t *jws = signed_by(*state, &head, SLICE("{\"a\":1}"));

        assert_true(verifies(((struct state *)*state)->key, jws));
        assert_false(verifies(other, jws));
        json_decref(jws);
    }
    pki_key_free(other);
}

static void the_header_names_the_account_or_shows_the_public_key_alone(void **state)
{
    struct acme_head head = { .url = "https://ca.example/a\"b\\c", .nonce = "n1", .account = "https://ca.example/a/1" };
    json_t *jws = signed_by(*state, &head, slice_of(NULL, 0)), *v = head_of(jws);

    assert_string_equal(text_of(jws, "payload"), "");
    assert_string_equal(text_of(v, "alg"), "ES256");
    assert_string_equal(text_of(v, "nonce"), "n1");
    assert_string_equal(text_of(v, "url"), "https://ca.example/a\"b\\c");
    assert_string_equal(text_of(v, "kid"), "https://ca.example/a/1");
    assert_null(json_object_get(v, "jwk"));
    json_decref(v);
    json_decref(jws);
    head.account = NULL;
    jws = signed_by(*state, &head, SLICE("x"));
    v = head_of(jws);
    assert_null(json_object_get(v, "kid"));
    assert_int_equal(json_object_size(json_object_get(v, "jwk")), 4);
    assert_string_equal(text_of(json_object_get(v, "jwk"), "kty"), "EC");
    json_decref(v);
    json_decref(jws);
}

/* The public key of RFC 7517 appendix A.1; the hash of its members was made by openssl dgst. */
static void a_thumbprint_is_that_of_a_known_key(void **state)
{
    static const char x[] = "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
                      y[] = "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM";
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM *params;
    EVP_PKEY *key = NULL;
    struct acme_signer *s;
    struct err err = { "" };
    struct buf point, half;
    char mark[ACME_THUMBPRINT + 1];

    buf_init(&point, 100);
    buf_char(&point, 4);
    unspell(&half, x);
    buf_put(&point, buf_slice(&half));
    buf_free(&half);
    unspell(&half, y);
    buf_put(&point, buf_slice(&half));
    buf_free(&half);
    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.n);
    params = OSSL_PARAM_BLD_to_param(build);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params), 1);
    s = acme_signer_new(key, &err);
    assert_non_null(s);
    assert_true(acme_thumbprint(s, mark));
    assert_string_equal(mark, "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
    acme_signer_free(s);
    EVP_PKEY_free(key);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    EVP_PKEY_CTX_free(ctx);
    buf_free(&point);
}

static void keys_of_other_kinds_are_refused(void **state)
{
    struct err err = { "" };
    EVP_PKEY *key = pki_key_make(PKI_RSA_2048, &err);

    assert_null(acme_signer_new(key, &err));
    assert_non_null(strstr(err.text, "ACME account"));
    pki_key_free(key);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_signature_is_verified_by_the_public_key_and_not_by_another, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(the_header_names_the_account_or_shows_the_public_key_alone, set_up, tear_down),
        cmocka_unit_test(a_thumbprint_is_that_of_a_known_key),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
    };

    return cmocka_run_group_tests_name("acme signatures", tests, NULL, NULL);
}
