/* At stake: a message's date decides whether it has expired (STOX-IM-45) and when a user is told that it was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <time.h>

#include "base/clock.h"

static void rfc3339(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t wall_s;
    } cases[] = {
        { "1970-01-01T00:00:00Z", true, 0 },
        { "2026-01-31T23:59:59Z", true, 1769903999 },
        { "2000-02-29T12:00:00Z", true, 951825600 },
        { "1969-12-31T23:59:59Z", true, -1 },
        { "0000-01-01T00:00:00Z", true, -62167219200 },
        { "9999-12-31T23:59:59Z", true, 253402300799 },
        { "2016-12-31T23:59:60Z", true, 1483228800 }, /* a leap second */
        { "2026-01-31T23:59:59.123456789Z", true, 1769903999 },
        { "2026-02-01T00:59:59+01:00", true, 1769903999 },
        { "2026-01-31T18:29:59.5-05:30", true, 1769903999 },
        { "2026-01-31t23:59:59z", true, 1769903999 },
        { "2026-01-31T23:59:59-00:00", true, 1769903999 },
        { "", false, 0 },
        { "2026-01-31", false, 0 },
        { "2026-01-31T23:59:59", false, 0 },
        { "2026-01-31T23:59:59.Z", false, 0 },
        { "2026-01-31T23:59Z", false, 0 },
        { "2026-01-31 23:59:59Z", false, 0 },
        { "2026-01-31T23:59:59Z ", false, 0 },
        { "2026-01-31T23:59:59+0100", false, 0 },
        { "2026-01-31T23:59:59+24:00", false, 0 },
        { "2026-01-31T23:59:59+01:60", false, 0 },
        { "2026-01-31T24:00:00Z", false, 0 },
        { "2026-01-31T23:60:00Z", false, 0 },
        { "2026-01-31T23:59:61Z", false, 0 },
        { "2026-02-29T00:00:00Z", false, 0 },
        { "1900-02-29T00:00:00Z", false, 0 },
        { "2026-04-31T00:00:00Z", false, 0 },
        { "2026-00-10T00:00:00Z", false, 0 },
        { "2026-13-10T00:00:00Z", false, 0 },
        { "2026-01-00T00:00:00Z", false, 0 },
        { "+026-01-01T00:00:00Z", false, 0 },
        { "20260131T23:59:59", false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t wall_s = 4711;

        if (clock_parse_rfc3339(slice_str(cases[i].text), &wall_s) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        assert_int_equal(wall_s, cases[i].ok ? cases[i].wall_s : 4711);
    }
}

static void sip_date(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        int64_t wall_s;
    } cases[] = {
        { "Sat, 13 Nov 2010 23:29:00 GMT", true, 1289690940 }, /* RFC 3261 20.17 */
        { "Thu, 01 Jan 1970 00:00:00 GMT", true, 0 },
        { "sat, 13 nov 2010 23:29:00 gmt", true, 1289690940 },
        { "Sun, 13 Nov 2010 23:29:00 GMT", true, 1289690940 }, /* wrong day of the week */
        { "Sat, 13 Nov 2010 23:29:00 UTC", false, 0 },
        { "Sat, 13 Nov 2010 23:29:00", false, 0 },
        { "Sat, 13 Nov 2010 23:29:00 GMT ", false, 0 },
        { "Sat,13 Nov 2010 23:29:00 GMT", false, 0 },
        { "Sat, 3 Nov 2010 23:29:00 GMT", false, 0 },
        { "Sat, 31 Nov 2010 23:29:00 GMT", false, 0 },
        { "Sat, 13 Nob 2010 23:29:00 GMT", false, 0 },
        { "Fri, 01 Jan 2010 16:00:00 EST", false, 0 },
        { "", false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t wall_s = 4711;

        if (clock_parse_sip_date(slice_str(cases[i].text), &wall_s) != cases[i].ok)
            fail_msg("%s", cases[i].text);
        assert_int_equal(wall_s, cases[i].ok ? cases[i].wall_s : 4711);
    }
}

/* Every day of 1600 years and odd seconds, against the C library and back. */
static void agrees_with_the_c_library(void **state)
{
    struct buf b;

    buf_init(&b, 100);
    for (int64_t t = -INT64_C(14831769600); t < INT64_C(40000000000); t += 86399) {
        time_t time = t;
        struct tm tm;
        char want[64];
        int64_t back;

        gmtime_r(&time, &tm);
        strftime(want, sizeof(want), "%Y-%m-%dT%H:%M:%SZ", &tm);
        buf_clear(&b);
        clock_put_rfc3339(&b, t);
        if (!slice_is(buf_slice(&b), want))
            fail_msg("%lld: %s", (long long)t, want);
        assert_true(clock_parse_rfc3339(buf_slice(&b), &back));
        assert_int_equal(back, t);
        strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        buf_clear(&b);
        clock_put_sip_date(&b, t);
        if (!slice_is(buf_slice(&b), want))
            fail_msg("%lld: %s", (long long)t, want);
        assert_true(clock_parse_sip_date(buf_slice(&b), &back));
        assert_int_equal(back, t);
    }
    buf_free(&b);
}

static void stays_within_four_digit_years(void **state)
{
    static const struct {
        int64_t wall_s;
        const char *text;
    } cases[] = { { INT64_MIN, "0000-01-01T00:00:00Z" },
                  { INT64_MAX, "9999-12-31T23:59:59Z" },
                  { 253402300800, "9999-12-31T23:59:59Z" } };
    struct buf b;

    buf_init(&b, 100);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&b);
        clock_put_rfc3339(&b, cases[i].wall_s);
        assert_true(slice_is(buf_slice(&b), cases[i].text));
    }
    buf_free(&b);
}

static void clocks_run(void **state)
{
    assert_true(clock_wall_s() > 1700000000);
    assert_true(clock_mono_ms() > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc3339),
        cmocka_unit_test(sip_date),
        cmocka_unit_test(agrees_with_the_c_library),
        cmocka_unit_test(stays_within_four_digit_years),
        cmocka_unit_test(clocks_run),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
