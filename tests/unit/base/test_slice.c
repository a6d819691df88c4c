/* At stake: every parser and every comparison of names rests on slices. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/slice.h"

#define S(lit) SLICE(lit)

static void compares(void **state)
{
    static const struct {
        struct slice a, b;
        bool eq, ieq, starts, istarts, ends;
        int cmp;
    } cases[] = {
        { { "", 0 }, { NULL, 0 }, true, true, true, true, true, 0 },
        { { "abc", 3 }, { "abc", 3 }, true, true, true, true, true, 0 },
        { { "aBc", 3 }, { "AbC", 3 }, false, true, false, true, false, 1 },
        { { "abcd", 4 }, { "abc", 3 }, false, false, true, true, false, 1 },
        { { "ABCD", 4 }, { "abc", 3 }, false, false, false, true, false, -1 },
        { { "abc", 3 }, { "bc", 2 }, false, false, false, false, true, -1 },
        { { "ab", 2 }, { "abc", 3 }, false, false, false, false, false, -1 },
        { { "a\0b", 3 }, { "a\0c", 3 }, false, false, false, false, false, -1 },
        { { "[", 1 }, { "{", 1 }, false, false, false, false, false, -1 },               /* 0x20 apart, not letters */
        { { "\xC3\x84", 2 }, { "\xC3\xA4", 2 }, false, false, false, false, false, -1 }, /* not ASCII: not folded */
        { { "\xFF", 1 }, { "a", 1 }, false, false, false, false, false, 1 },             /* bytes are unsigned */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice a = cases[i].a, b = cases[i].b;
        int cmp = slice_cmp(a, b);

        assert_int_equal(slice_eq(a, b), cases[i].eq);
        assert_int_equal(slice_ieq(a, b), cases[i].ieq);
        assert_int_equal(slice_starts(a, b), cases[i].starts);
        assert_int_equal(slice_istarts(a, b), cases[i].istarts);
        assert_int_equal(slice_ends(a, b), cases[i].ends);
        assert_int_equal((cmp > 0) - (cmp < 0), cases[i].cmp);
        cmp = slice_cmp(b, a);
        assert_int_equal((cmp > 0) - (cmp < 0), -cases[i].cmp);
    }
}

static void cuts(void **state)
{
    static const struct {
        const char *text, *head, *rest;
        bool found;
    } cases[] = {
        { "a=b", "a", "b", true }, { "a=b=c", "a", "b=c", true }, { "=b", "", "b", true },
        { "a=", "a", "", true },   { "abc", "abc", "", false },   { "", "", "", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice head, rest;

        assert_int_equal(slice_cut(slice_str(cases[i].text), '=', &head, &rest), cases[i].found);
        assert_true(slice_is(head, cases[i].head));
        assert_true(slice_is(rest, cases[i].rest));
    }
    assert_int_equal(slice_find(slice_of(NULL, 0), 'x'), 0);
    assert_int_equal(slice_from(S("abc"), 4).n, 0);
    assert_int_equal(slice_first(S("abc"), 9).n, 3);
}

static void trims(void **state)
{
    static const struct {
        const char *text, *trimmed;
    } cases[] = { { "", "" }, { " \t\r\n", "" }, { " a b\t", "a b" }, { "a", "a" }, { "\va", "\va" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(slice_is(slice_trim(slice_str(cases[i].text)), cases[i].trimmed));
}

static void reads_numbers(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool ok;
        uint64_t v;
    } cases[] = {
        { "0", 0, true, 0 },
        { "1", 0, false, 0 },
        { "65535", 65535, true, 65535 },
        { "65536", 65535, false, 0 },
        { "0065535", 65535, true, 65535 },
        { "4294967295", UINT32_MAX, true, UINT32_MAX },
        { "4294967296", UINT32_MAX, false, 0 },
        { "18446744073709551615", UINT64_MAX, true, UINT64_MAX },
        { "18446744073709551616", UINT64_MAX, false, 0 },
        { "99999999999999999999999", UINT64_MAX, false, 0 },
        { "", 9, false, 0 },
        { "-1", 9, false, 0 },
        { "+1", 9, false, 0 },
        { " 1", 9, false, 0 },
        { "1 ", 9, false, 0 },
        { "1a", 99, false, 0 },
        { ":", 99, false, 0 },
        { "/", 99, false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t v = 4711;

        assert_int_equal(slice_u64(slice_str(cases[i].text), cases[i].max, &v), cases[i].ok);
        assert_int_equal(v, cases[i].ok ? cases[i].v : 4711);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),
        cmocka_unit_test(cuts),
        cmocka_unit_test(trims),
        cmocka_unit_test(reads_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
