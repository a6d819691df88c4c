/* What ACME servers answer: what is read of it, and what is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/answers.h"

#define ORDER "\"finalize\":\"https://ca.example/f\",\"authorizations\":[\"https://ca.example/z\"]"
#define NAME "\"identifier\":{\"type\":\"dns\",\"value\":\"contoso.example\"}"
#define HTTP "\"type\":\"http-01\",\"status\":\"pending\",\"url\":\"https://ca.example/c\""

static void a_directory_needs_its_three_addresses(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}", true },
        { "{\"newNonce\":\"https://a/n\",\"newAccount\":\"https://a/a\"}", false },
        { "{\"newNonce\":\"http://a/n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}", false },
        { "{\"newNonce\":\"https://a/\\n\",\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}", false },
        { "{\"newNonce\":7,\"newAccount\":\"https://a/a\",\"newOrder\":\"https://a/o\"}", false },
        { "[]", false },
        { "<html>", false },
        { "", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct acme_directory d;
        struct arena a;

        arena_init(&a, ACME_ARENA_MAX);
        assert_int_equal(acme_read_directory(slice_str(cases[i].text), &d, &a), cases[i].good);
        arena_reset(&a);
    }
}

static void an_order_is_read_or_is_none(void **state)
{
    static const struct {
        const char *text;
        bool good;
        enum acme_status status;
    } cases[] = {
        { "{\"status\":\"pending\"," ORDER "}", true, ACME_PENDING },
        { "{\"status\":\"valid\",\"certificate\":\"https://ca.example/x\"," ORDER "}", true, ACME_VALID },
        { "{\"status\":\"valid\"," ORDER "}", false, ACME_VALID },
        { "{\"status\":\"strange\"," ORDER "}", false, ACME_OTHER },
        { "{\"status\":\"ready\",\"finalize\":\"https://ca.example/f\",\"authorizations\":[]}", false, ACME_READY },
        { "{\"status\":\"ready\",\"finalize\":\"https://ca.example/f\",\"authorizations\":[1]}", false, ACME_READY },
        { "{\"status\":\"ready\",\"finalize\":\"ftp://ca.example/f\",\"authorizations\":[\"https://ca.example/z\"]}",
          false, ACME_READY },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct acme_order o;
        struct arena a;

        arena_init(&a, ACME_ARENA_MAX);
        assert_int_equal(acme_read_order(slice_str(cases[i].text), &o, &a), cases[i].good);
        assert_int_equal(o.status, cases[i].status);
        arena_reset(&a);
    }
}

static void a_token_is_base64url_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { "{\"status\":\"pending\"," NAME ",\"challenges\":[{" HTTP ",\"token\":\"aZ09-_\"}]}", true },
        { "{\"status\":\"pending\"," NAME ",\"challenges\":[{" HTTP ",\"token\":\"../x\"}]}", false },
        { "{\"status\":\"pending\"," NAME ",\"challenges\":[{" HTTP ",\"token\":\"\"}]}", false },
        { "{\"status\":\"pending\"," NAME ",\"challenges\":[{" HTTP "}]}", false },
        { "{\"status\":\"pending\"," NAME ",\"challenges\":[]}", true },
        { "{\"status\":\"pending\",\"challenges\":[]}", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct acme_authorization z;
        struct arena a;

        arena_init(&a, ACME_ARENA_MAX);
        assert_int_equal(acme_read_authorization(slice_str(cases[i].text), &z, &a), cases[i].good);
        arena_reset(&a);
    }
}

static void a_problem_keeps_its_type_and_what_it_says(void **state)
{
    struct acme_problem p;
    struct arena a;

    arena_init(&a, ACME_ARENA_MAX);
    acme_read_problem(SLICE("{\"type\":\"urn:ietf:params:acme:error:rateLimited\",\"detail\":\"too many\"}"), &p, &a);
    assert_true(slice_is(p.type, "rateLimited"));
    assert_true(slice_is(p.detail, "too many"));
    acme_read_problem(SLICE("Bad Gateway"), &p, &a);
    assert_int_equal(p.type.n, 0);
    arena_reset(&a);
}

static void an_address_leads_to_one_server(void **state)
{
    static const struct {
        const char *a, *b;
        bool same;
    } cases[] = {
        { "https://ca.example/dir", "https://CA.example/order?x#y", true },
        { "https://ca.example/dir", "https://ca.example:443/order", true },
        { "https://ca.example:444/dir", "https://ca.example:444", true },
        { "https://ca.example/dir", "https://ca.example:444/order", false },
        { "https://ca.example/dir", "https://ca.example.evil.example/", false },
        { "https://ca.example/dir", "https://10.0.0.1/ca.example", false },
        { "https://ca.example/dir", "https://ca.exampl/", false },
    };
    static const char *const none[] = { "https://",
                                        "https:///x",
                                        "https://:443/",
                                        "https://a@b/",
                                        "https://a:b@c.example/",
                                        "https://a.example\\@b/",
                                        "http://ca.example/",
                                        "https://a b/" };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(acme_is_url(slice_str(cases[i].a)) && acme_is_url(slice_str(cases[i].b)));
        assert_int_equal(acme_same_server(slice_str(cases[i].a), slice_str(cases[i].b)), cases[i].same);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        assert_false(acme_is_url(slice_str(none[i])));
}

static void how_long_to_wait_is_told_in_seconds_or_as_a_date(void **state)
{
    static const struct {
        const char *text;
        uint64_t s;
    } cases[] = {
        { "0", 0 },
        { "120", 120 },
        { "99999999", 86400 },
        { "99999999999999999999999", 0 },
        { "-5", 0 },
        { "5 s", 0 },
        { "", 0 },
        { "Fri, 15 Jan 2027 08:01:40 GMT", 100 }, /* 1800000000 and that */
        { "Fri, 15 Jan 2027 07:00:00 GMT", 0 },
        { "Fri, 15 Jan 2038 08:00:00 GMT", 86400 },
        { "some day", 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(acme_read_retry_after(slice_str(cases[i].text), 1800000000), cases[i].s);
}

static void each_kind_of_proof_is_found_wherever_it_stands(void **state)
{
    static const char text[] =
        "{\"status\":\"pending\"," NAME ",\"challenges\":[{\"type\":\"dns-01\"},{\"type\":\"tls-alpn-01\","
        "\"status\":\"pending\",\"url\":\"https://ca.example/t\",\"token\":\"t\"},{" HTTP ",\"token\":\"h\"}]}";
    struct acme_authorization z;
    struct arena a;

    arena_init(&a, ACME_ARENA_MAX);
    assert_true(acme_read_authorization(slice_str(text), &z, &a));
    assert_string_equal(z.proofs[ACME_TLS_ALPN_01].token, "t");
    assert_string_equal(z.proofs[ACME_HTTP_01].token, "h");
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_directory_needs_its_three_addresses),
        cmocka_unit_test(an_order_is_read_or_is_none),
        cmocka_unit_test(a_token_is_base64url_and_nothing_else),
        cmocka_unit_test(an_address_leads_to_one_server),
        cmocka_unit_test(how_long_to_wait_is_told_in_seconds_or_as_a_date),
        cmocka_unit_test(each_kind_of_proof_is_found_wherever_it_stands),
        cmocka_unit_test(a_problem_keeps_its_type_and_what_it_says),
    };

    return cmocka_run_group_tests_name("acme answers", tests, NULL, NULL);
}
