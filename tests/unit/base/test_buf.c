/* At stake: builders check for failure once, at their end, so a failure must stick and a bound must hold exactly. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

static void holds_exactly_max(void **state)
{
    static const size_t maxima[] = { 0, 1, 63, 64, 65, 127, 128, 1000 };

    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        struct buf b;

        buf_init(&b, maxima[i]);
        for (size_t k = 0; k < maxima[i]; k++)
            buf_char(&b, 'x');
        buf_str(&b, "");
        buf_printf(&b, "%s", "");
        assert_non_null(buf_reserve(&b, 0));
        assert_true(buf_ok(&b));
        assert_int_equal(buf_slice(&b).n, maxima[i]);
        buf_char(&b, 'y');
        assert_false(buf_ok(&b));
        assert_int_equal(b.n, maxima[i]);
        buf_clear(&b);
        assert_true(buf_ok(&b));
        buf_free(&b);
    }
}

static void failure_sticks(void **state)
{
    struct buf b;

    buf_init(&b, 4);
    buf_str(&b, "abcde");
    assert_false(buf_ok(&b));
    buf_str(&b, "x");
    buf_u64(&b, 1);
    buf_printf(&b, "%d", 1);
    assert_null(buf_reserve(&b, 1));
    assert_int_equal(b.n, 0);
    buf_clear(&b);
    assert_null(buf_reserve(&b, SIZE_MAX));
    buf_clear(&b);
    buf_str(&b, "abcd");
    assert_true(slice_is(buf_slice(&b), "abcd"));
    buf_free(&b);
    buf_free(&b);
}

static void prints(void **state)
{
    struct buf b;

    buf_init(&b, 500);
    buf_printf(&b, "%s-%d", "a", 7);
    buf_u64(&b, 0);
    buf_u64(&b, UINT64_MAX);
    assert_true(slice_is(buf_slice(&b), "a-7018446744073709551615"));
    buf_clear(&b);
    buf_printf(&b, "%0500d", 1);
    assert_true(buf_ok(&b));
    assert_int_equal(b.n, 500);
    buf_clear(&b);
    buf_printf(&b, "%0501d", 1);
    assert_false(buf_ok(&b));
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static void consumes(void **state)
{
    struct buf b;

    buf_init(&b, 100);
    buf_consume(&b, 0);
    buf_consume(&b, 5);
    buf_str(&b, "hello world");
    buf_consume(&b, 0);
    buf_consume(&b, 6);
    assert_true(slice_is(buf_slice(&b), "world"));
    buf_consume(&b, 100);
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

static void reserve_then_commit(void **state)
{
    struct buf b;
    char *at;

    buf_init(&b, 1 << 20);
    for (int i = 0; i < 1000; i++) {
        at = buf_reserve(&b, 1000);
        assert_non_null(at);
        memset(at, 'z', 1000);
        b.n += 1000;
    }
    assert_true(b.cap <= b.max);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holds_exactly_max), cmocka_unit_test(failure_sticks),      cmocka_unit_test(prints),
        cmocka_unit_test(consumes),          cmocka_unit_test(reserve_then_commit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
