/* At stake: a partner's rate holds within a tenth, and no clock or setting makes the bucket turn over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/bucket.h"

static void a_burst_then_the_rate(void **state)
{
    static const struct {
        uint64_t at_ms;
        unsigned n;
        bool ok;
    } steps[] = {
        { 1000, 20, true }, { 1000, 1, false }, { 1099, 1, false }, { 1100, 1, true },        { 1100, 1, false },
        { 1350, 2, true },  { 1399, 1, false }, { 1400, 1, true },  { 1200, 1, false },       { 9000, 21, false },
        { 9000, 20, true }, { 9000, 0, true },  { 9100, 2, false }, { UINT64_MAX, 20, true },
    };
    struct bucket b = { 0 };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (bucket_try(&b, 10, 20, steps[i].n, steps[i].at_ms) != steps[i].ok)
            fail_msg("step %zu", i);
}

/* Who takes what has already come, and waits as long as he is told, is as fast as the rate in the end. */
static void debts_are_waited_for(void **state)
{
    static const unsigned rates[] = { 1, 7, 100, 4000, 1000000000 };

    for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
        struct bucket b = { 0 };
        uint64_t now = 5, piece = rates[i] / 3 + 1, taken = 0;

        while (now < 100000) {
            bucket_take(&b, rates[i], piece, now);
            taken += piece;
            now += bucket_wait(&b, rates[i], rates[i]);
        }
        assert_in_range(taken, (uint64_t)rates[i] * 100, (uint64_t)rates[i] * 104);
    }
}

static void nothing_turns_over(void **state)
{
    struct bucket b = { 0 };

    for (int i = 0; i < 10; i++)
        bucket_take(&b, 1, UINT64_MAX, 1);
    assert_false(bucket_try(&b, UINT32_MAX, UINT64_MAX, UINT32_MAX, 2));
    assert_true(bucket_wait(&b, UINT32_MAX, 0) > 0);
    assert_true(bucket_wait(&b, 1, UINT32_MAX) > UINT64_MAX / 8);
    assert_true(bucket_try(&b, UINT32_MAX, UINT32_MAX, 1, UINT64_MAX));
    assert_int_equal(bucket_wait(&b, 1, 1), 0);
}

static void a_changed_rate_counts_from_the_next_call(void **state)
{
    struct bucket b = { 0 };

    bucket_take(&b, 10, 100, 0);
    assert_int_equal(bucket_wait(&b, 10, 10), 9000);
    assert_int_equal(bucket_wait(&b, 100, 100), 0);
    assert_int_equal(bucket_wait(&b, 1, 1), 99000);
    assert_false(bucket_try(&b, 1, 10, 1, 0)); /* whoever used a larger burst waits as for an empty one */
    assert_true(bucket_try(&b, 1, 10, 1, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_the_rate),
        cmocka_unit_test(debts_are_waited_for),
        cmocka_unit_test(nothing_turns_over),
        cmocka_unit_test(a_changed_rate_counts_from_the_next_call),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
