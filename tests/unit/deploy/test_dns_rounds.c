/* At stake: a record that somebody takes out of DNS, and nobody looks for days; and a gateway that asks DNS all the time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/dns_rounds.h"

#define MINUTE 60000u
#define HOUR (60u * MINUTE)

static struct fixture {
    struct log log;
    struct loop loop;
    struct dns_rounds *rounds;
    uint64_t start_ms, last_ms;
    unsigned every_h, n_looks;
    bool fails; /* a look does not begin */
} f;

static unsigned every_h(void *owner)
{
    return ((struct fixture *)owner)->every_h;
}

static uint64_t last_ms(void *owner)
{
    return ((struct fixture *)owner)->last_ms;
}

static void look(void *owner)
{
    struct fixture *fix = owner;

    fix->n_looks++;
    if (!fix->fails)
        fix->last_ms = loop_now(&fix->loop);
}

static int set_up(void **state)
{
    const struct dns_rounds_conf conf = {
        .loop = &f.loop, .every_h = every_h, .last_ms = last_ms, .look = look, .owner = &f
    };
    struct err err;

    f = (struct fixture){ .every_h = 6 };
    log_init(&f.log);
    assert_int_equal(loop_init(&f.loop, &f.log, &err), 0);
    f.start_ms = loop_now(&f.loop);
    f.rounds = dns_rounds_new(&conf, &err);
    assert_non_null(f.rounds);
    return 0;
}

static int tear_down(void **state)
{
    dns_rounds_free(f.rounds);
    loop_fini(&f.loop);
    return 0;
}

/* To this time after the start, minute by minute; what goes off the loop comes back before the next one. */
static void pass_until(uint64_t ms)
{
    while (loop_now(&f.loop) < f.start_ms + ms) {
        timers_advance(&f.loop.timers, loop_now(&f.loop) + MINUTE);
        uv_run(&f.loop.uv, UV_RUN_DEFAULT);
    }
}

static void the_first_one_comes_minutes_after_the_start(void **state)
{
    pass_until(2 * MINUTE);
    assert_int_equal(f.n_looks, 0);
    pass_until(4 * MINUTE);
    assert_int_equal(f.n_looks, 1);
}

static void then_one_comes_each_time_the_last_one_is_old_enough(void **state)
{
    pass_until(6 * HOUR);
    assert_int_equal(f.n_looks, 1);
    pass_until(6 * HOUR + 5 * MINUTE);
    assert_int_equal(f.n_looks, 2);
    pass_until(24 * HOUR);
    assert_int_equal(f.n_looks, 4);
}

static void who_looks_by_hand_puts_the_next_one_off(void **state)
{
    pass_until(5 * HOUR);
    f.last_ms = loop_now(&f.loop);
    pass_until(10 * HOUR);
    assert_int_equal(f.n_looks, 1);
    pass_until(11 * HOUR + 2 * MINUTE);
    assert_int_equal(f.n_looks, 2);
}

static void one_that_cannot_begin_is_tried_again_after_a_minute(void **state)
{
    f.fails = true;
    pass_until(6 * MINUTE);
    assert_int_equal(f.n_looks, 4);
    f.fails = false;
    pass_until(HOUR);
    assert_int_equal(f.n_looks, 5);
}

static void none_comes_where_the_setting_says_never_until_it_says_otherwise(void **state)
{
    f.every_h = 0;
    pass_until(48 * HOUR);
    assert_int_equal(f.n_looks, 0);
    f.every_h = 24;
    pass_until(48 * HOUR + 2 * MINUTE);
    assert_int_equal(f.n_looks, 1);
}

static void it_ends_while_one_begins(void **state)
{
    timers_advance(&f.loop.timers, f.start_ms + DNS_ROUNDS_FIRST_MS);
    dns_rounds_free(f.rounds);
    f.rounds = NULL;
    assert_int_equal(f.n_looks, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_one_comes_minutes_after_the_start),
        TEST(then_one_comes_each_time_the_last_one_is_old_enough),
        TEST(who_looks_by_hand_puts_the_next_one_off),
        TEST(one_that_cannot_begin_is_tried_again_after_a_minute),
        TEST(none_comes_where_the_setting_says_never_until_it_says_otherwise),
        TEST(it_ends_while_one_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
