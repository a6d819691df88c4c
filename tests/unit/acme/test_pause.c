/* When certificates are renewed, and how long a failure waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "acme/pause.h"

#define DAY 86400

static void two_thirds_of_a_life_are_waited_for(void **state)
{
    assert_int_equal(acme_due_s(1000, 1000 + 90 * DAY), 1000 + 60 * DAY);
    assert_int_equal(acme_due_s(1000, 1015), 1010);
    assert_int_equal(acme_due_s(1000, 1000), 1000);
    assert_int_equal(acme_due_s(1000, 500), 500);
}

static void pauses_double_up_to_bounds(void **state)
{
    static const struct {
        unsigned failures;
        int64_t life_s;
        uint64_t retry_after_s, s;
    } cases[] = {
        { 1, 90 * DAY, 0, 600 },
        { 2, 90 * DAY, 0, 1200 },
        { 3, 0, 0, 2400 },
        { 7, 90 * DAY, 0, 38400 },
        { 8, 90 * DAY, 0, 43200 },
        { 4000000000, 90 * DAY, 0, 43200 },
        { 8, DAY, 0, 7200 },
        { 1, 60, 0, 5 },
        { 1, 1, 0, 2 },
        { 1, 90 * DAY, 300, 600 },
        { 1, 90 * DAY, 7200, 7200 },
        { 8, 90 * DAY, DAY, DAY },
        { 1, 60, 3600, 3600 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(acme_pause_s(cases[i].failures, cases[i].life_s, cases[i].retry_after_s), cases[i].s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_thirds_of_a_life_are_waited_for),
        cmocka_unit_test(pauses_double_up_to_bounds),
    };

    return cmocka_run_group_tests_name("acme pauses", tests, NULL, NULL);
}
