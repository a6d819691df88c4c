/* From a domain to a connection. */
#include <stdio.h>

#include "connect_rig.h"

static void STOX_S2S_01_every_target_in_order(void **state)
{
    connect_srv(20, 0, good_port, "b.example");
    connect_srv(10, 0, dead_port, "a.example");
    connect_run(THEIRS, "");
    assert_non_null(got);
    assert_non_null(strstr(names.asked, "_xmpp-server._tcp." THEIRS ":0 _xmpps-server._tcp." THEIRS ":0 a.example:"));
    assert_non_null(strstr(names.asked, " b.example:"));
}

static void test_srv_target_without_address(void **state)
{
    connect_srv(10, 0, dead_port, "a.example");
    connect_srv(20, 0, good_port, "b.example");
    names.empty = "a.example";
    connect_run(THEIRS, "");
    assert_non_null(got);
}

static void test_all_dead(void **state)
{
    connect_srv(10, 0, dead_port, "a.example");
    connect_srv(20, 0, dead_port, "b.example");
    connect_run(THEIRS, "");
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    assert_null(strstr(names.asked, " " THEIRS ":")); /* no falling back to the domain itself (6120 3.2.1) */
}

static void STOX_S2S_02_service_not_offered(void **state)
{
    connect_srv(0, 0, 0, "");
    connect_run(THEIRS, "");
    assert_int_equal(fate, XMPP_FATE_NO_SERVER);
    assert_null(strstr(names.asked, " " THEIRS ":"));
}

static void STOX_S2S_03_without_srv_the_domain_itself(void **state)
{
    static const enum dns_status none[] = { DNS_NO_DATA, DNS_NO_NAME };

    for (size_t i = 0; i < 2; i++) {
        names.srv_status = none[i];
        connect_run(THEIRS, "");
        assert_non_null(got);
    }
}

static void test_no_such_domain(void **state)
{
    names.srv_status = names.addrs_status = DNS_NO_NAME;
    connect_run(THEIRS, "");
    assert_int_equal(fate, XMPP_FATE_NO_SERVER);
    assert_string_equal(why, "DNS has no address of " THEIRS);
}

static void test_dns_fails(void **state)
{
    names.srv_status = DNS_FAILED;
    connect_run(THEIRS, "");
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    assert_non_null(strstr(why, "servfail"));
}

static void test_internationalised(void **state)
{
    names.srv_status = DNS_NO_NAME;
    connect_run("b\xC3\xBC"
                "cher.example",
                "");
    assert_non_null(strstr(names.asked, "_xmpp-server._tcp.xn--bcher-kva.example:0"));
}

static void test_proxy(void **state)
{
    char text[64];

    snprintf(text, sizeof(text), "hop.example:%u", good_port);
    connect_run(THEIRS, text);
    assert_non_null(got);
    assert_null(strstr(names.asked, "_tcp"));
}

static void test_bad_proxy(void **state)
{
    static const char *const bad[] = { "host:0", "host:x", "host:70000", ":5269" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        connect_run(THEIRS, bad[i]);
        assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
        assert_non_null(strstr(why, "proxy setting"));
    }
}

static const struct dane_record ee = { 3, 1, 0, SLICE("a key") }, odd = { 9, 1, 0, SLICE("a key") };

static void STOX_S2S_42_records_go_with_a_secure_way(void **state)
{
    connect_srv(10, 0, good_port, "a.example");
    names.secure[CONNECT_SRV] = names.secure[CONNECT_ADDRS] = names.secure[CONNECT_TLSA] = true;
    names.tlsa[0] = odd;
    names.tlsa[1] = ee;
    names.n_tlsa = 2;
    connect_run(THEIRS, "");
    assert_non_null(got);
    assert_non_null(got_dane);
    assert_string_equal(got_dane->target, "a.example");
    assert_int_equal(got_dane->n, 1);
    assert_true(slice_is(got_dane->records[0].data, "a key"));
}

/* Each insecure answer on the way makes an end of it (RFC 7673 3); only the last one is asked for in vain. */
static void STOX_S2S_42_insecure_answers_say_nothing(void **state)
{
    connect_srv(10, 0, good_port, "a.example");
    names.tlsa[0] = ee;
    names.n_tlsa = 1;
    for (int insecure = CONNECT_SRV; insecure <= CONNECT_TLSA; insecure++) {
        for (int i = CONNECT_SRV; i <= CONNECT_TLSA; i++)
            names.secure[i] = i != insecure;
        names.asked[0] = '\0';
        connect_run(THEIRS, "");
        assert_non_null(got);
        if (insecure == CONNECT_TLSA)
            assert_true(got_dane && got_dane->n == 0);
        else
            assert_null(got_dane);
    }
}

/* Whoever keeps the answer back must not win by it: the next target is tried, or none. */
static void STOX_S2S_42_records_that_cannot_be_had(void **state)
{
    connect_srv(10, 0, good_port, "a.example");
    names.secure[CONNECT_SRV] = names.secure[CONNECT_ADDRS] = true;
    names.tlsa_status = DNS_FAILED;
    connect_run(THEIRS, "");
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    assert_non_null(strstr(why, "DNS cannot say whether a.example has TLSA records: servfail"));
}

static void STOX_S2S_42_without_srv_the_domain_itself(void **state)
{
    names.srv_status = DNS_NO_DATA;
    names.secure[CONNECT_SRV] = names.secure[CONNECT_ADDRS] = names.secure[CONNECT_TLSA] = true;
    names.tlsa[0] = ee;
    names.n_tlsa = 1;
    connect_run(THEIRS, "");
    assert_non_null(got);
    assert_true(got_dane && got_dane->n == 1);
    assert_string_equal(got_dane->target, THEIRS);
}

static void STOX_S2S_42_not_for_a_next_hop_of_the_settings(void **state)
{
    char text[64];

    names.secure[CONNECT_ADDRS] = names.secure[CONNECT_TLSA] = true;
    snprintf(text, sizeof(text), "hop.example:%u", good_port);
    connect_run(THEIRS, text);
    assert_non_null(got);
    assert_null(got_dane);
}

/* A domain of a partner that leads to ourselves must not make us talk to ourselves. */
static void test_never_to_ourselves(void **state)
{
    char text[ADDR_TEXT];

    connect_run(THEIRS, addr_text(node_addr(&a), text));
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
}

static void test_cancel(void **state)
{
    struct xmpp_connect_to to = { .remote = SLICE(THEIRS) };

    xmpp_connect_cancel(xmpp_connect_start(a.x, &to, &connect_ops, NULL, NULL));
    to.proxy = SLICE("::::");
    xmpp_connect_cancel(xmpp_connect_start(a.x, &to, &connect_ops, NULL, NULL));
    rig_turns(5);
    assert_false(over);
}

/* The same through the front door: what the owner is told (STOX-S2S-08). */
static void STOX_S2S_08_fate_of_the_queue(void **state)
{
    names.srv_status = names.addrs_status = DNS_NO_NAME;
    assert_true(node_send(&a, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_NO_SERVER);
    rig_advance(10000);
    names.addrs_status = DNS_FAILED;
    assert_true(node_send(&a, 2, "x"));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_UNREACHABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECT_TEST(STOX_S2S_01_every_target_in_order),
        CONNECT_TEST(test_srv_target_without_address),
        CONNECT_TEST(test_all_dead),
        CONNECT_TEST(STOX_S2S_02_service_not_offered),
        CONNECT_TEST(STOX_S2S_03_without_srv_the_domain_itself),
        CONNECT_TEST(test_no_such_domain),
        CONNECT_TEST(test_dns_fails),
        CONNECT_TEST(test_internationalised),
        CONNECT_TEST(test_proxy),
        CONNECT_TEST(test_bad_proxy),
        CONNECT_TEST(STOX_S2S_42_records_go_with_a_secure_way),
        CONNECT_TEST(STOX_S2S_42_insecure_answers_say_nothing),
        CONNECT_TEST(STOX_S2S_42_records_that_cannot_be_had),
        CONNECT_TEST(STOX_S2S_42_without_srv_the_domain_itself),
        CONNECT_TEST(STOX_S2S_42_not_for_a_next_hop_of_the_settings),
        CONNECT_TEST(test_never_to_ourselves),
        CONNECT_TEST(test_cancel),
        CONNECT_TEST(STOX_S2S_08_fate_of_the_queue),
    };

    return cmocka_run_group_tests_name("conformance/s2s_connect", tests, NULL, NULL);
}
