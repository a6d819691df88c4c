/* How long a failure holds; time and chance are given. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xmpp/backoff.h"

static uint64_t lowest(uint64_t below)
{
    return 0;
}

static uint64_t highest(uint64_t below)
{
    return below - 1;
}

static void STOX_S2S_06_the_first_failure_holds_for_a_random_time(void **state)
{
    struct xmpp_backoff low = { 0 }, high = { 0 };

    assert_false(xmpp_backoff_holds(&low, 0));
    xmpp_backoff_failed(&low, 1000, lowest);
    assert_true(xmpp_backoff_holds(&low, 1999));
    assert_false(xmpp_backoff_holds(&low, 2000));
    xmpp_backoff_failed(&high, 1000, highest);
    assert_true(xmpp_backoff_holds(&high, 10999));
    assert_false(xmpp_backoff_holds(&high, 11000));
}

static void STOX_S2S_06_each_further_one_doubles_the_bound(void **state)
{
    static const uint64_t at_least[] = { 1000, 10000, 20000, 40000, 80000, 160000, 300000, 300000, 300000 };
    static const uint64_t at_most[] = { 10000, 20000, 40000, 80000, 160000, 320000, 600000, 600000, 600000 };
    struct xmpp_backoff low = { 0 }, high = { 0 };

    for (size_t i = 0; i < sizeof(at_least) / sizeof(at_least[0]); i++) {
        xmpp_backoff_failed(&low, 7, lowest);
        xmpp_backoff_failed(&high, 7, highest);
        assert_int_equal(low.until_ms, 7 + at_least[i]);
        assert_int_equal(high.until_ms, 7 + at_most[i]);
    }
    for (int i = 0; i < 100000; i++)
        xmpp_backoff_failed(&high, 7, highest);
    assert_int_equal(high.until_ms, 7 + XMPP_BACKOFF_MAX_MS);
}

static void test_a_success_forgets_all_of_it(void **state)
{
    struct xmpp_backoff b = { 0 };

    for (int i = 0; i < 5; i++)
        xmpp_backoff_failed(&b, 0, highest);
    xmpp_backoff_clear(&b);
    assert_false(xmpp_backoff_holds(&b, 0));
    xmpp_backoff_failed(&b, 0, highest);
    assert_int_equal(b.until_ms, XMPP_BACKOFF_FIRST_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_S2S_06_the_first_failure_holds_for_a_random_time),
        cmocka_unit_test(STOX_S2S_06_each_further_one_doubles_the_bound),
        cmocka_unit_test(test_a_success_forgets_all_of_it),
    };

    return cmocka_run_group_tests_name("xmpp/backoff", tests, NULL, NULL);
}
