/* Counting stanzas for XEP-0198: nothing is acknowledged that was not handled, and no count is believed that cannot be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "xmpp/sm.h"

static void test_out(void **state)
{
    static const struct {
        uint32_t sent, acked, h;
        bool ok;
        uint32_t n;
    } cases[] = {
        { 0, 0, 0, true, 0 },
        { 5, 0, 3, true, 3 },
        { 5, 3, 5, true, 2 },
        { 5, 5, 5, true, 0 },
        { 5, 3, 6, false, 0 },
        { 5, 3, 2, false, 0 }, /* back */
        { 0, 0, 1, false, 0 }, /* nothing was sent */
        { 5, 0, UINT32_MAX, false, 0 },
        { 2, UINT32_MAX - 1, 1, true, 3 }, /* around 2^32 */
        { 2, UINT32_MAX - 1, UINT32_MAX, true, 1 },
        { 2, UINT32_MAX - 1, 3, false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct xmpp_sm_out sm = { .sent = cases[i].sent, .acked = cases[i].acked };
        uint32_t n = 0;

        assert_int_equal(xmpp_sm_out_ack(&sm, cases[i].h, &n), cases[i].ok);
        assert_int_equal(n, cases[i].n);
        assert_int_equal(sm.acked, cases[i].ok ? cases[i].h : cases[i].acked);
    }
}

static void test_in_order(void **state)
{
    struct xmpp_sm_in *sm = calloc(1, sizeof(*sm));
    uint32_t seq[3];

    for (int i = 0; i < 3; i++)
        assert_true(xmpp_sm_in_received(sm, &seq[i]));
    assert_false(xmpp_sm_in_handled(sm, seq[2]));
    assert_false(xmpp_sm_in_handled(sm, seq[1]));
    assert_int_equal(sm->handled, 0);
    assert_true(xmpp_sm_in_handled(sm, seq[0]));
    assert_int_equal(sm->handled, 3);
    assert_false(xmpp_sm_in_handled(sm, seq[0])); /* twice */
    assert_false(xmpp_sm_in_handled(sm, 77));     /* never received */
    assert_int_equal(sm->handled, 3);
    free(sm);
}

/* Against a slow, obvious model, through the end of the counter. */
static void test_in_model(void **state)
{
    enum { N = 20000, FIRST = 0xfffff000 };
    struct xmpp_sm_in *sm = calloc(1, sizeof(*sm));
    bool *done = calloc(N, sizeof(*done));
    unsigned received = 0, model = 0, rnd = 1;

    sm->received = sm->handled = sm->asked = FIRST;
    while (model < N) {
        uint32_t seq;

        rnd = rnd * 1103515245u + 12345u;
        if (received < N && (rnd >> 16) % 2 && xmpp_sm_in_received(sm, &seq)) {
            assert_int_equal(seq, (uint32_t)(FIRST + received));
            received++;
        } else if (received > model) {
            unsigned k = model + (rnd >> 8) % (received - model);

            xmpp_sm_in_handled(sm, (uint32_t)(FIRST + k));
            done[k] = true;
            while (model < N && done[model])
                model++;
        }
        assert_int_equal(sm->handled, (uint32_t)(FIRST + model));
        assert_true(xmpp_sm_in_open(sm) <= XMPP_SM_WINDOW);
    }
    free(done);
    free(sm);
}

static void test_window(void **state)
{
    struct xmpp_sm_in *sm = calloc(1, sizeof(*sm));
    uint32_t seq;

    for (int i = 0; i < XMPP_SM_WINDOW; i++)
        assert_true(xmpp_sm_in_received(sm, &seq));
    assert_false(xmpp_sm_in_received(sm, &seq));
    assert_true(xmpp_sm_in_handled(sm, 0));
    assert_true(xmpp_sm_in_received(sm, &seq));
    free(sm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_out),
        cmocka_unit_test(test_in_order),
        cmocka_unit_test(test_in_model),
        cmocka_unit_test(test_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
