/* Until when a proxy may write, and how much of one partner may be on its way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "link/credit.h"
#include "link/lease.h"

static void a_lease_lasts_from_the_question_and_not_from_the_answer(void **state)
{
    struct link_lease l = { 0 };

    assert_false(link_lease_holds(&l, 0)); /* nothing was answered */
    assert_int_equal(link_lease_end(&l), 0);
    link_lease_ask(&l, 1000);
    assert_true(link_lease_answer(&l, 1000, 50));
    assert_true(link_lease_holds(&l, 1000 + LINK_LEASE_MS - 1));
    assert_false(link_lease_holds(&l, 1000 + LINK_LEASE_MS));
    link_lease_ask(&l, 3000);
    assert_false(link_lease_holds(&l, 3500)); /* asked is not answered */
    assert_true(link_lease_answer(&l, 3000, 2050));
    assert_true(link_lease_holds(&l, 3500));
    assert_int_equal(link_lease_end(&l), 3000 + LINK_LEASE_MS);
}

static void an_answer_to_no_question_ends_the_link(void **state)
{
    struct link_lease l = { 0 };

    assert_false(link_lease_answer(&l, 1, 50));
    link_lease_ask(&l, 1000);
    assert_false(link_lease_answer(&l, 1001, 50)); /* of later on: a lease without end */
    assert_true(link_lease_answer(&l, 900, 50));
    assert_false(link_lease_answer(&l, 899, 50));
    assert_false(link_lease_answer(&l, 1000, 49)); /* the gateway's clock does not go back */
    assert_true(link_lease_answer(&l, 1000, 50));
}

static void a_deadline_is_never_later_than_the_gateways_and_early_by_a_round_trip_at_most(void **state)
{
    static const struct {
        uint64_t ahead, there, back; /* the gateway's clock; ms that question and answer take */
    } cases[] = { { 0, 0, 0 },       { 0, 1, 1 },       { 70000, 0, 900 },
                  { 70000, 900, 0 }, { 5, 9000, 9000 }, { 1ull << 60, 3, 400 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint64_t asked = 123456, gateway = asked + cases[i].there + cases[i].ahead;
        const uint64_t until = gateway + 20000; /* by the gateway's clock; by the proxy's that is: */
        const uint64_t truth = until - cases[i].ahead;
        struct link_lease l = { 0 };
        uint64_t deadline;

        link_lease_ask(&l, asked);
        assert_true(link_lease_answer(&l, asked, gateway));
        deadline = link_lease_deadline(&l, until);
        assert_in_range(deadline, truth - LINK_EARLY_MS - cases[i].there - cases[i].back, truth - LINK_EARLY_MS);
    }
}

static void deadlines_at_the_ends_of_the_clock(void **state)
{
    struct link_lease l = { 0 };

    assert_int_equal(link_lease_deadline(&l, 0), UINT64_MAX);
    assert_int_equal(link_lease_deadline(&l, 5), 0); /* nothing is known of the gateway's clock */
    link_lease_ask(&l, 1000);
    assert_true(link_lease_answer(&l, 1000, 5000));
    assert_int_equal(link_lease_deadline(&l, 0), UINT64_MAX);
    assert_int_equal(link_lease_deadline(&l, 1), 0); /* long over */
    assert_int_equal(link_lease_deadline(&l, 5000 + LINK_EARLY_MS), 0);
    assert_int_equal(link_lease_deadline(&l, 5000 + LINK_EARLY_MS + 1), 1001);
    assert_true(link_lease_deadline(&l, INT64_MAX) > 1000);
    l.proxy_ms = UINT64_MAX - 1;
    assert_int_equal(link_lease_deadline(&l, INT64_MAX), UINT64_MAX);
}

/* Were the gateway as quick as it can be to give it to another, and the answer as slow as it can be. */
static void two_proxies_never_have_a_lease_for_the_same_stanza(void **state)
{
    assert_true(LINK_LEASE_MS + LINK_EARLY_MS <= LINK_MOVE_MS);
    assert_true(2 * LINK_PING_MS < LINK_LEASE_MS); /* one answer that is late costs no lease */
    assert_true(LINK_MOVE_MS < LINK_SILENCE_MS && LINK_SILENCE_MS < LINK_SESSION_MS);
}

static void credit_bounds_number_and_bytes_and_lets_one_go_when_nothing_is_out(void **state)
{
    struct link_credit c = { 3, 100, 0, 0 };

    assert_true(link_credit_take(&c, 1000)); /* longer than all, alone */
    assert_false(link_credit_take(&c, 0));
    assert_true(link_credit_give(&c, 1, 1000));
    assert_true(link_credit_take(&c, 60));
    assert_false(link_credit_take(&c, 41));
    assert_true(link_credit_take(&c, 40));
    assert_true(link_credit_take(&c, 0));
    assert_false(link_credit_take(&c, 0)); /* three are out */
    assert_false(link_credit_give(&c, 4, 100));
    assert_false(link_credit_give(&c, 1, 101));
    assert_false(link_credit_give(&c, 3, 99)); /* bytes of nothing */
    assert_true(link_credit_give(&c, 2, 100));
    assert_true(link_credit_give(&c, 1, 0));
    assert_int_equal(c.stanzas + c.bytes, 0);
    assert_false(link_credit_give(&c, 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lease_lasts_from_the_question_and_not_from_the_answer),
        cmocka_unit_test(an_answer_to_no_question_ends_the_link),
        cmocka_unit_test(a_deadline_is_never_later_than_the_gateways_and_early_by_a_round_trip_at_most),
        cmocka_unit_test(deadlines_at_the_ends_of_the_clock),
        cmocka_unit_test(two_proxies_never_have_a_lease_for_the_same_stanza),
        cmocka_unit_test(credit_bounds_number_and_bytes_and_lets_one_go_when_nothing_is_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
