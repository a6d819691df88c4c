/* Credentials and challenges of digest authentication: what is read, what is refused, and the hashes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sip/auth.h"
#include "sip/digest.h"

#define NONCE "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
#define CNONCE "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
#define OLD "dcd98b7102dd2f0e8b11d0f600bfb0c093"

static void is(struct slice got, const char *wanted)
{
    if (!slice_is(got, wanted))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_FMT(got), wanted);
}

/* A copy in a block of exactly its size: a sanitizer sees any read past it. */
static bool parse(const char *text, struct sip_auth *out, char **memory)
{
    size_t n = strlen(text);

    *memory = malloc(n ? n : 1);
    assert_non_null(*memory);
    memcpy(*memory, text, n);
    return sip_auth_parse(slice_of(*memory, n), out);
}

static void reads_every_parameter(void **state)
{
    struct sip_auth a;
    char *memory;

    assert_true(parse("dIgEsT username=\"Mufasa\",realm=\"http-auth@example.org\" , uri=\"/dir/index.html\",\t"
                      "ALGORITHM=SHA-256, nonce=\"" NONCE "\", nc=0000001F, cnonce=\"" CNONCE "\", qop=auth, "
                      "response=\"753927\", opaque=\"a \\\"b\\\" c\", charset=UTF-8, username*=UTF-8''J%C3%A4s, "
                      "userhash=true, stale=TRUE, x=\",realm=y\"",
                      &a, &memory));
    is(a.username, "Mufasa");
    is(a.realm, "http-auth@example.org");
    is(a.uri, "/dir/index.html");
    is(a.algorithm, "SHA-256");
    is(a.nonce, NONCE);
    is(a.nc_text, "0000001F");
    assert_int_equal(a.nc, 31);
    is(a.cnonce, CNONCE);
    is(a.qop, "auth");
    is(a.response, "753927");
    is(a.opaque, "a \\\"b\\\" c");
    assert_true(a.userhash && a.stale);
    free(memory);
}

static void refuses_what_two_could_read_differently(void **state)
{
    static const char *const bad[] = {
        "",
        "Digest",
        "Digest ",
        "Digest,realm=x",
        "Basic realm=\"x\"",
        "DigestX realm=\"x\"",
        "Digest realm",
        "Digest realm=",
        "Digest =x",
        "Digest realm=\"x",
        "Digest realm=\"x\\\"",
        "Digest realm=\"x\"nonce=\"y\"",
        "Digest realm=\"x\" nonce=\"y\"",
        "Digest realm=\"x\",",
        "Digest realm=\"x\",,nonce=\"y\"",
        "Digest realm=\"x\",realm=\"y\"",
        "Digest realm=\"x\",REALM=\"x\"",
        "Digest nc=00000001,nc=00000001",
        "Digest nc=0",
        "Digest nc=00000000",
        "Digest nc=000000001",
        "Digest nc=-0000001",
        "Digest nc=0000000g",
        "Digest nc=\"0000000\"",
        "Digest realm=\"x\" Digest realm=\"x\"",
        "Digest realm=\"x\", Digest realm=\"y\"",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct sip_auth a;
        char *memory;

        if (parse(bad[i], &a, &memory))
            fail_msg("taken: %s", bad[i]);
        assert_true(a.realm.n == 0 && a.nc == 0);
        free(memory);
    }
}

static void lists_have_words(void **state)
{
    assert_true(sip_auth_lists(SLICE("auth"), "auth"));
    assert_true(sip_auth_lists(SLICE("auth-int, AUTH"), "auth"));
    assert_false(sip_auth_lists(SLICE("auth-int"), "auth"));
    assert_false(sip_auth_lists(SLICE(""), "auth"));
    assert_false(sip_auth_lists(SLICE("authx,xauth"), "auth"));
}

static void finds_algorithms(void **state)
{
    enum sip_digest d;

    assert_true(sip_digest_by_name(SLICE(""), &d) && d == SIP_DIGEST_MD5);
    assert_true(sip_digest_by_name(SLICE("md5"), &d) && d == SIP_DIGEST_MD5);
    assert_true(sip_digest_by_name(SLICE("sha-256"), &d) && d == SIP_DIGEST_SHA_256);
    assert_true(sip_digest_by_name(SLICE("SHA-512-256"), &d) && d == SIP_DIGEST_SHA_512_256);
    assert_false(sip_digest_by_name(SLICE("MD5-sess"), &d));
    assert_false(sip_digest_by_name(SLICE("SHA-256-sess"), &d));
    assert_false(sip_digest_by_name(SLICE("SHA256"), &d));
}

/*
 * RFC 7616 3.9.1 and 3.9.2 (the last with the response of its erratum 4897: the published one is not of SHA-512/256), RFC
 * 2617 3.5, and bob of RFC 3261 22.4, whose response there is the one of RFC 2617: made anew with Python's hashlib.
 */
static const struct {
    enum sip_digest digest;
    const char *user, *realm, *password, *nonce, *cnonce, *qop, *method, *uri, *body, *response;
} vectors[] = {
    { SIP_DIGEST_MD5, "Mufasa", "http-auth@example.org", "Circle of Life", NONCE, CNONCE, "auth", "GET",
      "/dir/index.html", "", "8ca523f5e9506fed4657c9700eebdbec" },
    { SIP_DIGEST_SHA_256, "Mufasa", "http-auth@example.org", "Circle of Life", NONCE, CNONCE, "auth", "GET",
      "/dir/index.html", "", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1" },
    { SIP_DIGEST_SHA_512_256, "J\xc3\xa4s\xc3\xb8n Doe", "api@example.org", "Secret, or not?",
      "5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v", "auth", "GET",
      "/doe.json", "", "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5" },
    { SIP_DIGEST_MD5, "Mufasa", "testrealm@host.com", "Circle Of Life", OLD, "0a4f113b", "auth", "GET",
      "/dir/index.html", "", "6629fae49393a05397450978507c4ef1" },
    { SIP_DIGEST_MD5, "bob", "biloxi.com", "zanzibar", OLD, "0a4f113b", "auth", "INVITE", "sip:bob@biloxi.com", "",
      "89eb0059246c02b2f6ee02c7961d5ea3" },
    { SIP_DIGEST_SHA_256, "bob", "biloxi.com", "zanzibar", OLD, "0a4f113b", "auth", "INVITE", "sip:bob@biloxi.com", "",
      "b3b5a6c69453abafaab9ae4dccdac90a076b6c80615d5f3498e7433b6e93bf4f" },
    { SIP_DIGEST_MD5, "bob", "biloxi.com", "zanzibar", OLD, "0a4f113b", "auth-int", "INVITE", "sip:bob@biloxi.com",
      "v=0\r\n", "77226bb823dc077c1ad3537415667bae" },
    { SIP_DIGEST_SHA_256, "bob", "biloxi.com", "zanzibar", OLD, "0a4f113b", "auth-int", "MESSAGE", "sip:bob@biloxi.com",
      "hello", "1c27a585d0a182be5a73cc36fc0fdee5f9227f46b92642572e48e4822c6062c5" },
    { SIP_DIGEST_MD5, "bob", "biloxi.com", "zanzibar", OLD, "", "", "INVITE", "sip:bob@biloxi.com", "",
      "bf57e4e0d0bffc0fbaedce64d59add5e" },
};

static void hashes_as_the_standards_examples(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        char ha1[SIP_DIGEST_HEX], got[SIP_DIGEST_HEX];
        struct sip_digest_ask ask = { .digest = vectors[i].digest,
                                      .ha1 = ha1,
                                      .nonce = slice_str(vectors[i].nonce),
                                      .nc_text = SLICE("00000001"),
                                      .cnonce = slice_str(vectors[i].cnonce),
                                      .qop = slice_str(vectors[i].qop),
                                      .method = slice_str(vectors[i].method),
                                      .uri = slice_str(vectors[i].uri),
                                      .body = slice_str(vectors[i].body) };

        assert_true(sip_digest_ha1(vectors[i].digest, slice_str(vectors[i].user), slice_str(vectors[i].realm),
                                   slice_str(vectors[i].password), ha1));
        assert_true(sip_digest_response(&ask, got));
        assert_string_equal(got, vectors[i].response);
    }
}

static void hashes_what_quoted_strings_mean(void **state)
{
    char got[SIP_DIGEST_HEX];

    assert_true(sip_digest_ha1(SIP_DIGEST_SHA_256, SLICE("a\\\"b"), SLICE("r\\\\s"), SLICE("p"), got));
    assert_string_equal(got, "53c0e70d63712874f415780dac5ced257bedc86661365669036b078b81e59e4d");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_every_parameter),
        cmocka_unit_test(refuses_what_two_could_read_differently),
        cmocka_unit_test(lists_have_words),
        cmocka_unit_test(finds_algorithms),
        cmocka_unit_test(hashes_as_the_standards_examples),
        cmocka_unit_test(hashes_what_quoted_strings_mean),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
