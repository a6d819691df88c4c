/* Many who want to begin at once; the wheel's time is made to pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "xmpp/pace.h"

#define MANY 1000

struct one {
    struct deferred go;
    struct xmpp_pace_place place;
    enum xmpp_pace_for what;
    size_t at;        /* its place in the order in which they began, from 1 on */
    uint64_t when_ms; /* and the time */
};

static struct loop loop;
static struct xmpp_pace pace;
static struct one all[MANY];
static size_t n_begun;

static void on_go(struct deferred *d)
{
    struct one *o = container_of(d, struct one, go);

    if (!xmpp_pace_may(&pace, &o->place, o->what, &o->go))
        return;
    assert_int_equal(o->at, 0);
    o->at = ++n_begun;
    o->when_ms = loop_now(&loop);
}

static void stop(struct deferred *d)
{
    loop_stop(&loop);
}

static void run_deferred(void)
{
    struct deferred d;

    deferred_init(&d, stop);
    loop_defer(&loop, &d);
    loop_run(&loop);
}

static int setup(void **state)
{
    struct err err;

    n_begun = 0;
    xmpp_pace_init(&pace, &loop);
    if (loop_init(&loop, NULL, &err))
        return -1;
    for (size_t i = 0; i < MANY; i++) {
        all[i] = (struct one){ .what = XMPP_PACE_STANZAS };
        deferred_init(&all[i].go, on_go);
    }
    return 0;
}

static int teardown(void **state)
{
    for (size_t i = 0; i < MANY; i++) {
        loop_undefer(&all[i].go);
        xmpp_pace_leave(&pace, &all[i].place);
    }
    xmpp_pace_fini(&pace);
    loop_fini(&loop);
    return 0;
}

static void pass(uint64_t ms)
{
    timers_advance(&loop.timers, loop_now(&loop) + ms);
    run_deferred();
}

static void all_want(size_t n)
{
    for (size_t i = 0; i < n; i++)
        on_go(&all[i].go);
}

/* Threats B3: a thousand domains come back at once. */
static void STOX_S2S_06_a_thousand_are_spread(void **state)
{
    uint64_t began;
    size_t in_order = 0;
    uint64_t *when;

    all_want(MANY);
    began = loop_now(&loop);
    while (n_begun < MANY) {
        pass(25);
        assert_true(loop_now(&loop) - began <= 120000);
    }
    when = calloc(MANY, sizeof(*when));
    for (size_t i = 0; i < MANY; i++) {
        when[all[i].at - 1] = all[i].when_ms;
        in_order += i > 0 && all[i].at == all[i - 1].at + 1;
    }
    for (size_t i = 0; i + 50 < MANY; i++) /* the 51st never in the same second */
        assert_true(when[i + 50] - when[i] >= 1000);
    assert_in_range(in_order, 0, MANY / 10);
    free(when);
}

static void test_a_few_do_not_wait(void **state)
{
    all_want(XMPP_PACE_BURST);
    assert_int_equal(n_begun, XMPP_PACE_BURST);
}

/* What a stranger causes takes no more than every second turn. */
static void test_both_kinds_take_turns(void **state)
{
    size_t first = 0;

    for (size_t i = 0; i < MANY; i++)
        all[i].what = i < MANY - 50 ? XMPP_PACE_VERIFICATION : XMPP_PACE_STANZAS;
    all_want(MANY);
    while (n_begun < XMPP_PACE_BURST + 100)
        pass(25);
    for (size_t i = MANY - 50; i < MANY; i++)
        first += all[i].at > 0;
    assert_in_range(first, 48, 50);
}

static void test_those_that_leave(void **state)
{
    all_want(100);
    for (size_t i = 0; i < 100; i += 2)
        xmpp_pace_leave(&pace, &all[i].place);
    for (int i = 0; i < 200; i++)
        pass(25);
    assert_int_equal(n_begun, 50 + XMPP_PACE_BURST / 2);
    on_go(&all[10].go); /* it had left, and wants again */
    assert_int_equal(n_begun, 51 + XMPP_PACE_BURST / 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(STOX_S2S_06_a_thousand_are_spread),
        T(test_a_few_do_not_wait),
        T(test_both_kinds_take_turns),
        T(test_those_that_leave),
    };

    return cmocka_run_group_tests_name("xmpp/pace", tests, NULL, NULL);
}
