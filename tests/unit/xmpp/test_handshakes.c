/* At stake: who asks for handshakes without end gets the rate and waits for more; nobody else notices; no turn is lost. */
#include "xmpp/handshakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define N 200

static struct loop loop;
static struct xmpp_handshakes all;
static struct xmpp_handshake asked[N];
static unsigned n_begun;

static void on_begin(struct xmpp_handshake *h)
{
    assert_ptr_equal(h, &asked[n_begun]); /* in order */
    n_begun++;
}

static int start(void **state)
{
    timers_init(&loop.timers, 1000);
    xmpp_handshakes_init(&all, &loop, 50, 64);
    n_begun = 0;
    for (size_t i = 0; i < N; i++)
        xmpp_handshake_init(&asked[i], on_begin);
    return 0;
}

static int stop(void **state)
{
    xmpp_handshakes_fini(&all);
    assert_int_equal(loop.timers.n, 0);
    return 0;
}

/* Those that need not wait count at once. */
static void ask(struct slice source, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        n_begun += xmpp_handshake_ask(&all, source, &asked[i]);
}

static void pass(uint64_t ms)
{
    for (uint64_t i = 0; i < ms; i++)
        timers_advance(&loop.timers, loop.timers.now_ms + 1);
}

static void a_burst_then_in_turn(void **state)
{
    struct xmpp_handshake other;

    ask(SLICE("192.0.2.1"), N);
    assert_int_equal(n_begun, 64);
    assert_false(xmpp_handshake_waits(&asked[63]));
    assert_true(xmpp_handshake_waits(&asked[64]));
    xmpp_handshake_init(&other, on_begin);
    assert_true(xmpp_handshake_ask(&all, SLICE("192.0.2.2"), &other)); /* another address */
    pass(1000);
    assert_int_equal(n_begun, 64 + 50);
    pass(2000);
    assert_int_equal(n_begun, N);
}

/* One whose stream has ended takes nobody's turn. */
static void who_goes_is_passed_over(void **state)
{
    ask(SLICE("192.0.2.1"), 66);
    xmpp_handshake_cancel(&asked[65]);
    xmpp_handshake_cancel(&asked[65]); /* harmless */
    pass(1000);
    assert_int_equal(n_begun, 65);
}

static void addresses_are_forgotten(void **state)
{
    char name[16];

    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "192.0.2.%u", i);
        assert_true(xmpp_handshake_ask(&all, slice_str(name), &asked[0]));
    }
    ask(SLICE("198.51.100.1"), 64);
    assert_int_equal(all.sources.n, 101);
    pass(20);
    assert_int_equal(all.sources.n, 1);
    pass(64 * 20);
    assert_int_equal(all.sources.n, 0);
}

static void without_a_limit_nobody_waits(void **state)
{
    all.per_s = 0;
    ask(SLICE("192.0.2.1"), N);
    assert_int_equal(n_begun, N);
    assert_int_equal(all.sources.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_burst_then_in_turn, start, stop),
        cmocka_unit_test_setup_teardown(who_goes_is_passed_over, start, stop),
        cmocka_unit_test_setup_teardown(addresses_are_forgotten, start, stop),
        cmocka_unit_test_setup_teardown(without_a_limit_nobody_waits, start, stop),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
