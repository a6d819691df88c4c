/* Addresses as the catalogue asks for them (STOX-ADDR-17 to 21). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "xmpp/jid.h"

static struct arena arena;

static int set_up(void **state)
{
    arena_init(&arena, 1 << 20);
    return 0;
}

static int tear_down(void **state)
{
    arena_reset(&arena);
    return 0;
}

static struct jid parsed(const char *text)
{
    struct jid j;

    if (!jid_parse(&arena, slice_str(text), &j))
        fail_msg("refused: %s", text);
    return j;
}

static bool refused(const char *text)
{
    struct jid j;

    return !jid_parse(&arena, slice_str(text), &j);
}

static void STOX_ADDR_17_parts_have_1_to_1023_bytes(void **state)
{
    static char as[1024];
    struct slice out;

    memset(as, 'a', sizeof(as));
    assert_true(jid_prep_local(&arena, slice_of(as, 1), &out));
    assert_true(jid_prep_local(&arena, slice_of(as, 1023), &out));
    assert_false(jid_prep_local(&arena, slice_of(as, 1024), &out));
    assert_false(jid_prep_local(&arena, slice_of(as, 0), &out));
    assert_true(jid_prep_resource(&arena, slice_of(as, 1023), &out));
    assert_false(jid_prep_resource(&arena, slice_of(as, 1024), &out));
    assert_false(jid_prep_resource(&arena, slice_of(as, 0), &out));
    assert_false(jid_prep_domain(&arena, slice_of(as, 1024), &out));
    assert_false(jid_prep_domain(&arena, slice_of(as, 0), &out));
}

static void STOX_ADDR_18_localparts_are_case_mapped(void **state)
{
    struct jid upper = parsed("ROMEO@example.net"), lower = parsed("romeo@example.net");
    struct jid capital = parsed("\u03A3@example.com"), small = parsed("\u03C3@example.com");
    struct jid final = parsed("\u03C2@example.com");

    assert_true(jid_eq(&upper, &lower));
    assert_true(jid_eq(&capital, &small));
    assert_false(jid_eq(&capital, &final));
    assert_true(refused("henry\u2163@example.com"));
    assert_true(refused("\u265A@example.com"));
}

static void STOX_ADDR_19_resources_keep_their_case(void **state)
{
    struct jid upper = parsed("a@example.com/ABC"), lower = parsed("a@example.com/abc");
    struct jid decomposed = parsed("a@example.com/u\u0308 b"), composed = parsed("a@example.com/\u00FC\u2003b");

    assert_false(jid_eq(&upper, &lower));
    assert_true(jid_bare_eq(&upper, &lower));
    assert_true(jid_eq(&decomposed, &composed));
}

static void STOX_ADDR_20_domains_have_both_forms(void **state)
{
    struct jid u = parsed("a@b\u00FCcher.example"), ascii = parsed("a@xn--bcher-kva.example");
    struct jid upper = parsed("a@B\u00DCCHER.EXAMPLE.");
    struct slice out;

    assert_true(slice_is(ascii.domain, "b\u00FCcher.example"));
    assert_true(jid_eq(&u, &ascii));
    assert_true(jid_eq(&u, &upper));
    assert_true(jid_domain_to_ascii(&arena, u.domain, &out));
    assert_true(slice_is(out, "xn--bcher-kva.example"));
}

static void STOX_ADDR_21_malformed_is_refused(void **state)
{
    static const char *const malformed[] = {
        "\"juliet\"@example.com",
        "foo bar@example.com",
        "juliet@example.com/ foo",
        "@example.com/",
        "henry\u2163@example.com",
        "\u265A@example.com",
        "juliet@",
        "/foobar",
        "@example.net",
        "a@",
        "\"juliet\"@example.net",
        "",
    };

    for (size_t i = 0; i < sizeof(malformed) / sizeof(malformed[0]); i++) {
        if (!refused(malformed[i]))
            fail_msg("accepted: %s", malformed[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(STOX_ADDR_17_parts_have_1_to_1023_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(STOX_ADDR_18_localparts_are_case_mapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(STOX_ADDR_19_resources_keep_their_case, set_up, tear_down),
        cmocka_unit_test_setup_teardown(STOX_ADDR_20_domains_have_both_forms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(STOX_ADDR_21_malformed_is_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
