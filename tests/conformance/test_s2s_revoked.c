/* Certificates that are revoked while their streams are up. */
#include "s2s_rig.h"

static struct node a, b;
static struct fake f;

static void start(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
}

/* Streams both ways, each proven by a certificate. */
static void start_linked(void)
{
    start();
    assert_true(node_send(&a, 1, "x"));
    assert_true(node_send(&b, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 2);
}

static void stop(void)
{
    node_stop(&a);
    node_stop(&b);
}

static void lists(int cert, bool forged)
{
    rig_revoke(a.tls, cert, forged);
    xmpp_revocations_changed(a.x);
    rig_turns(3);
}

static void STOX_S2S_38_ends_when_the_certificate_is_revoked(void **state)
{
    start_linked();
    lists(CERT_TWO_NAMES, false); /* somebody else's */
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 2);
    lists(CERT_THEIRS, false);
    rig_until(xmpp_counters(a.x)->streams == 0);
    assert_true(rig_logged("we sent reset: your certificate has been revoked by its authority"));
    assert_true(rig_logged("the partner sent reset"));
    stop();
}

/* Whoever can write a list under the authority's name cannot end anybody's stream with it. */
static void STOX_S2S_38_a_forged_list_ends_nothing(void **state)
{
    start_linked();
    lists(CERT_THEIRS, true);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 2);
    assert_true(node_send(&b, 2, "still there"));
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
    stop();
}

/* A handshake just before does not save it: the stream is not proven yet. */
static void STOX_S2S_38_ends_before_it_is_proven(void **state)
{
    start();
    fake_to_tls(&f, &a, CERT_THEIRS);
    lists(CERT_THEIRS, false);
    fake_expect(&f, "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    fake_expect_closed(&f);
    fake_close(&f);
    stop();
}

/* Where the settings let dialback prove a domain, the certificate was never asked. */
static void test_what_dialback_has_proven_stays(void **state)
{
    start();
    node_set(&a, XMPP_OPTIONAL, XMPP_NOT_SUPPORTED, true);
    node_set(&b, XMPP_OPTIONAL, XMPP_NOT_SUPPORTED, true);
    assert_true(node_send(&a, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    lists(CERT_THEIRS, false);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 1);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(STOX_S2S_38_ends_when_the_certificate_is_revoked, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(STOX_S2S_38_a_forged_list_ends_nothing, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(STOX_S2S_38_ends_before_it_is_proven, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(test_what_dialback_has_proven_stays, rig_setup, rig_teardown),
    };

    return cmocka_run_group_tests_name("conformance/s2s_revoked", tests, NULL, NULL);
}
