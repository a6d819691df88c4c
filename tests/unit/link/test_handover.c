/* A gateway that hands over to another process, beside which it ends what it has; and revocation lists, which both tell. */
#include "edges_rig.h"

static struct link_gateway *before;

static void hand_over(void)
{
    before = g;
    beside = true;
    gateway_start();
    rig_until(gateway_is_ready(&g->links[0]));
    link_gateway_leave(before);
}

static void on_stopped(void *arg)
{
    *(bool *)arg = true;
}

static void end_before(void)
{
    bool stopped = false;

    link_gateway_stop(before, on_stopped, &stopped);
    rig_until(stopped);
    link_gateway_free(before);
    rig_turns(20);
}

static uint64_t opened(void)
{
    return xmpp_counters(edges[0].x)->streams_opened;
}

static void what_the_former_process_has_it_ends_and_no_stream_is_closed(void **state)
{
    uint64_t streams;

    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    told.holds = true;
    assert_true(node_send(&b, 1, "in 1."));
    rig_until(told.n_stanzas == 1);
    streams = opened();
    for (uint64_t i = 2; i <= 50; i++)
        send_one(i);
    rig_turns(2);
    hand_over();
    for (uint64_t i = 51; i <= 100; i++)
        send_one(i);
    assert_false(node_has_fate(&b, 1));
    link_gateway_handled(before, told.receipts[0]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    later_until(told.n_fates == 100);
    for (uint64_t i = 1; i <= 100; i++)
        assert_int_equal(fate_of(i), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 2, "in 2.")); /* to the new one */
    rig_until(told.n_stanzas == 2);
    link_gateway_handled(g, told.receipts[1]);
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
    end_before();
    told.holds = false;
    assert_int_equal(b.n_got, 100); /* none of them twice */
    assert_true(node_send(&b, 3, "in 3."));
    assert_int_equal(node_fate(&b, 3), XMPP_FATE_CONFIRMED);
    assert_int_equal(opened(), streams);
}

static void the_former_process_does_not_come_again_when_its_link_is_cut(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    hand_over();
    conn_abort(before->links[0].line->conn);
    buf_clear(&rig_log);
    LATER(false); /* longer than a session without a link lives */
    assert_false(rig_logged("gateway-restarted"));
    send_one(2);
    assert_int_equal(fate_of(2), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 1, "in 1."));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    end_before();
}

static void the_process_that_took_over_may_be_replaced_like_any_other(void **state)
{
    hand_over();
    end_before();
    link_gateway_free(g);
    beside = false;
    gateway_start();
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
}

static void a_partner_whose_certificate_is_revoked_loses_its_streams_at_the_proxy(void **state)
{
    send_one(1);
    assert_int_equal(fate_of(1), XMPP_FATE_CONFIRMED);
    rig_revoke(gateway.tls, CERT_THEIRS, false);
    link_gateway_revocations_changed(g);
    later_until(rig_logged("revocation-lists gateway=gw.contoso.example lists=1"));
    later_until(!xmpp_counters(edges[0].x)->streams_authenticated);
    send_one(2);
    later_until(has_fate(2));
    assert_int_equal(fate_of(2), XMPP_FATE_REFUSED);
    tls_use_crls(gateway.tls, NULL);
    link_gateway_revocations_changed(g);
    later_until(rig_logged("revocation-lists gateway=gw.contoso.example lists=0"));
    for (uint64_t i = 3; i < 100 && fate_of(i - 1) != XMPP_FATE_CONFIRMED; i++) { /* it is tried again after a while */
        LATER(false);
        send_one(i);
        later_until(has_fate(i));
    }
    assert_int_equal(told.fates[told.n_fates - 1].fate, XMPP_FATE_CONFIRMED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, edges_setup, edges_teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_the_former_process_has_it_ends_and_no_stream_is_closed),
        TEST(the_former_process_does_not_come_again_when_its_link_is_cut),
        TEST(the_process_that_took_over_may_be_replaced_like_any_other),
        TEST(a_partner_whose_certificate_is_revoked_loses_its_streams_at_the_proxy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
