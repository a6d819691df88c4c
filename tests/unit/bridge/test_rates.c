/* At stake: one person cannot flood, nobody else pays for it, and a crowd of names takes no more memory than is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/rates.h"

static enum rates_verdict take(struct rates *r, const char *local, unsigned per_s, uint64_t now)
{
    const struct jid jid = { .local = slice_str(local), .domain = SLICE("fabrikam.example"), .resource = SLICE("x") };

    return rates_take(r, &jid, per_s, now);
}

static unsigned passed(struct rates *r, const char *local, unsigned per_s, uint64_t now, unsigned n)
{
    unsigned passed = 0;

    while (n-- > 0)
        passed += take(r, local, per_s, now) == RATES_PASS;
    return passed;
}

static void each_has_a_bucket_of_his_own(void **state)
{
    struct rates r;

    rates_init(&r);
    assert_int_equal(passed(&r, "romeo", 5, 1000, 100), 5 * RATES_BURST_S);
    assert_int_equal(take(&r, "romeo", 5, 1199), RATES_EXCESS);
    assert_int_equal(passed(&r, "juliet", 5, 1199, 100), 5 * RATES_BURST_S);
    assert_int_equal(passed(&r, "romeo", 5, 2000, 100), 5);
    assert_int_equal(passed(&r, "romeo", 0, 2000, 1000), 1000); /* no limit */
    rates_fini(&r);
}

static void the_silent_are_forgotten(void **state)
{
    struct rates r;
    char name[16];

    rates_init(&r);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "u%u", i);
        take(&r, name, 5, i);
    }
    assert_int_equal(r.users.hash.n, 1000);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "v%u", i);
        take(&r, name, 5, 12000);
    }
    assert_int_equal(r.users.hash.n, 1000);
    for (unsigned i = 0; i < 1000; i++)
        take(&r, "nobody", 0, 30000); /* the limit was taken away */
    assert_int_equal(r.users.hash.n, 0);
    rates_fini(&r);
}

static void a_crowd_is_bounded(void **state)
{
    struct rates r;
    char name[16];

    rates_init(&r);
    for (unsigned i = 0; i < RATES_USERS_MAX + 1000; i++) {
        snprintf(name, sizeof(name), "u%u", i);
        assert_int_equal(take(&r, name, 1, 1), RATES_PASS);
    }
    assert_in_range(r.users.hash.n, RATES_USERS_MAX - 2, RATES_USERS_MAX);
    rates_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_has_a_bucket_of_his_own),
        cmocka_unit_test(the_silent_are_forgotten),
        cmocka_unit_test(a_crowd_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
