/* Names that others choose: where they may lead us, and that nobody is connected to where they may not. */
#include <stdio.h>

#include "connect_rig.h"
#include "xmpp/reach.h"

static void expect_refusal(const char *said)
{
    assert_null(got);
    assert_int_equal(fate, XMPP_FATE_UNREACHABLE);
    if (!strstr(why, said))
        fail_msg("awaited: %s\ngot: %s", said, why);
    assert_int_equal(good.n_accepted, 0);
}

static void points_to(const char *first, const char *second)
{
    names.addrs[0] = first;
    names.addrs[1] = second;
}

/* good listens on 127.0.0.1, where many of these would arrive. */
static void STOX_SEC_28_no_name_leads_inside(void **state)
{
    static const struct {
        const char *ip, *said;
    } cases[] = {
        { "127.0.0.1", "127.0.0.1, a loopback address; list the network in partner-networks if that is right" },
        { "127.255.0.1", "a loopback address; list" },
        { "::1", "::1, a loopback address; list" },
        { "10.0.0.5", "10.0.0.5, a private address; list" },
        { "172.16.0.1", "a private address; list" },
        { "192.168.7.7", "a private address; list" },
        { "100.64.0.1", "a private address; list" },
        { "198.18.0.1", "a private address; list" },
        { "fd00::7", "a private address; list" },
        { "169.254.169.254", "a link-local address; list" },
        { "fe80::1", "a link-local address; list" },
        { "192.0.2.1", "a reserved address; list" },
        { "0.0.0.0", "no address of a host; nothing can be connected to there" },
        { "0.0.0.1", "no address of a host; nothing" },
        { "::", "no address of a host; nothing" },
        { "224.0.0.1", "a multicast address; nothing" },
        { "ff02::1", "a multicast address; nothing" },
        { "255.255.255.255", "the broadcast address; nothing" },
        { "::ffff:127.0.0.1", "127.0.0.1, a loopback address; list" },
        { "::127.0.0.1", " and leads to 127.0.0.1, a loopback address; list" },
        { "2002:7f00:1::1", "2002:7f00:1::1 and leads to 127.0.0.1, a loopback address; list" },
        { "2002:c0a8:707::1", " and leads to 192.168.7.7, a private address; list" },
        { "64:ff9b::7f00:1", " and leads to 127.0.0.1, a loopback address; list" },
        { "64:ff9b::a9fe:a9fe", " and leads to 169.254.169.254, a link-local address; list" },
        { "64:ff9b:1::a00:5", " and leads to 10.0.0.5, a private address; list" },
        { "64:ff9b::", " and leads to 0.0.0.0, no address of a host; nothing" },
        { "2001:0:808:808::80ff:fffe", " and leads to 127.0.0.1, a loopback address; list" },
    };

    connect_networks(NULL);
    connect_srv(10, 0, good_port, "a.example");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        points_to(cases[i].ip, NULL);
        connect_run(THEIRS, "");
        expect_refusal(cases[i].said);
        assert_non_null(strstr(why, THEIRS ": its server a.example is at "));
    }
}

static void test_the_domain_itself_likewise(void **state)
{
    connect_networks(NULL);
    names.srv_status = DNS_NO_NAME;
    connect_run(THEIRS, "");
    expect_refusal(THEIRS " is at 224.0.0.1");
    points_to("127.0.0.1", NULL);
    connect_run(THEIRS, "");
    expect_refusal(THEIRS " is at 127.0.0.1, a loopback address");
}

static void STOX_SEC_28_what_is_listed_is_reached(void **state)
{
    connect_srv(10, 0, good_port, "a.example");
    connect_networks("127.0.0.1");
    connect_run(THEIRS, "");
    assert_non_null(got);
    points_to("127.0.0.2", NULL);
    connect_run(THEIRS, "");
    assert_null(got);
    connect_networks("0.0.0.0/0"); /* everything that a host can have */
    points_to("0.0.0.0", "224.0.0.1");
    connect_run(THEIRS, "");
    assert_null(got);
    assert_non_null(strstr(why, "nothing can be connected to there"));
    points_to("127.0.0.1", NULL);
    connect_run(THEIRS, "");
    assert_non_null(got);
}

static void test_a_wrapping_of_what_is_listed(void **state)
{
    char text[XMPP_REACH_WHY];
    struct addr to;

    assert_true(addr_parse(SLICE("[64:ff9b::7f00:1]:5269"), 0, &to));
    assert_true(xmpp_reach_may(a.x, &to, REACH_NAME, text));
    connect_networks("64:ff9b::/96");
    assert_true(xmpp_reach_may(a.x, &to, REACH_NAME, text));
    connect_networks("64:ff9b:1::/48");
    assert_false(xmpp_reach_may(a.x, &to, REACH_NAME, text));
    assert_true(addr_parse(SLICE("[2002:808:808::1]:5269"), 0, &to));
    assert_true(xmpp_reach_may(a.x, &to, REACH_NAME, text));
}

static void test_the_others_are_tried(void **state)
{
    connect_networks("127.0.0.1");
    points_to("10.0.0.5", "127.0.0.1");
    connect_srv(10, 0, 25, "mail.example");
    connect_srv(20, 0, good_port, "a.example");
    connect_run(THEIRS, "");
    assert_non_null(got);
    assert_null(strstr(names.asked, "mail.example"));
}

/* A refusal says more than that the last target has no address. */
static void test_the_refusal_is_what_is_told(void **state)
{
    connect_networks(NULL);
    connect_srv(10, 0, good_port, "a.example");
    connect_srv(20, 0, good_port, "b.example");
    names.empty = "b.example";
    points_to("10.0.0.5", NULL);
    connect_run(THEIRS, "");
    expect_refusal(THEIRS ": its server a.example is at 10.0.0.5, a private address");
}

/* Between two look-ups the answer flips: each is judged by itself. */
static void STOX_SEC_28_each_answer_is_judged_anew(void **state)
{
    connect_networks("127.0.0.1");
    connect_srv(10, 0, good_port, "a.example");
    for (int i = 0; i < 3; i++) {
        points_to("127.0.0.1", NULL);
        connect_run(THEIRS, "");
        assert_non_null(got);
        points_to("10.0.0.5", NULL);
        connect_run(THEIRS, "");
        assert_null(got);
    }
}

static void forbid(void)
{
    connect_networks(NULL);
}

static void test_forbidden_while_it_connects(void **state)
{
    points_to("127.0.0.1", NULL);
    connect_srv(10, 0, good_port, "a.example");
    names.answered = forbid;
    connect_run(THEIRS, "");
    assert_null(got);
    assert_non_null(strstr(why, "127.0.0.1, a loopback address"));
}

static void STOX_SEC_28_ports(void **state)
{
    static const struct {
        uint16_t port;
        bool good;
    } cases[] = {
        { 0, false },    { 1, false },     { 22, false },    { 25, false },   { 80, false },   { 442, false },
        { 443, true },   { 444, false },   { 1023, false },  { 1024, true },  { 5059, true },  { 5060, false },
        { 5061, false }, { 5222, true },   { 5269, true },   { 5270, true },  { 5432, false }, { 6379, false },
        { 6670, true },  { 11211, false }, { 27019, false }, { 27020, true }, { 65535, true },
    };
    char text[XMPP_REACH_WHY];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (xmpp_reach_port_may(cases[i].port, text) != cases[i].good)
            fail_msg("port %u", cases[i].port);
    connect_srv(10, 0, 6379, "a.example");
    connect_run(THEIRS, "");
    expect_refusal(THEIRS ": its server a.example is on port 6379, which belongs to Redis");
    names.srv[0].port = 25;
    connect_run(THEIRS, "");
    expect_refusal("is on port 25: below 1024 only 443 is used for XMPP");
    assert_null(strstr(names.asked, "a.example"));
}

/* The proxy is the administrator's own word. */
static void test_proxies(void **state)
{
    static const char *const nowhere[] = { "0.0.0.0", "224.0.0.1", "255.255.255.255", "[::]", "[64:ff9b::]" };
    char text[64];

    connect_networks(NULL);
    snprintf(text, sizeof(text), "127.0.0.1:%u", good_port);
    connect_run(THEIRS, text);
    assert_non_null(got);
    snprintf(text, sizeof(text), "hop.example:%u", good_port);
    connect_run(THEIRS, text);
    assert_non_null(got);
    for (size_t i = 0; i < sizeof(nowhere) / sizeof(nowhere[0]); i++) {
        connect_run(THEIRS, nowhere[i]);
        assert_null(got);
        assert_non_null(strstr(why, "the partner's proxy "));
        assert_non_null(strstr(why, "nothing can be connected to there"));
    }
    points_to("0.0.0.0", NULL);
    connect_run(THEIRS, text);
    assert_null(got);
    assert_non_null(strstr(why, "the partner's proxy hop.example is at 0.0.0.0"));
}

static struct addr also;

static bool listens(void *owner, const struct addr *to)
{
    return listener_takes(&also, to);
}

/* Neither a name nor a proxy, nor a wrapping, leads to where we listen, whatever is listed. */
static void STOX_SEC_28_never_to_ourselves(void **state)
{
    struct xmpp_ops ops = *a.x->conf.ops;
    uint16_t own = addr_port(node_addr(&a));
    struct addr any;
    struct err err = { "" };
    char text[64];

    ops.listens = listens;
    a.x->conf.ops = &ops;
    connect_srv(10, 0, own, "a.example");
    points_to("127.0.0.1", NULL);
    connect_run(THEIRS, "");
    expect_refusal("where this gateway itself listens");
    points_to("64:ff9b::7f00:1", NULL);
    connect_run(THEIRS, "");
    expect_refusal(" and leads to 127.0.0.1, where this gateway itself listens");
    snprintf(text, sizeof(text), "127.0.0.1:%u", own);
    connect_run(THEIRS, text);
    expect_refusal("the partner's proxy 127.0.0.1 is at 127.0.0.1:");
    assert_true(addr_parse(SLICE("127.0.0.1"), good_port, &also)); /* the owner's own */
    names.srv[0].port = good_port;
    points_to("127.0.0.1", NULL);
    connect_run(THEIRS, "");
    expect_refusal("where this gateway itself listens");
    assert_true(addr_parse(SLICE("0.0.0.0:0"), 0, &any));
    assert_int_equal(xmpp_listen(a.x, &any, &err), 0);
    names.srv[0].port =
        addr_port(listener_local(container_of(a.x->listeners.prev, struct xmpp_listener, link)->listener));
    points_to("127.8.8.8", NULL);
    connect_run(THEIRS, "");
    expect_refusal("127.8.8.8:");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONNECT_TEST(STOX_SEC_28_no_name_leads_inside),
        CONNECT_TEST(test_the_domain_itself_likewise),
        CONNECT_TEST(STOX_SEC_28_what_is_listed_is_reached),
        CONNECT_TEST(test_a_wrapping_of_what_is_listed),
        CONNECT_TEST(test_the_others_are_tried),
        CONNECT_TEST(test_the_refusal_is_what_is_told),
        CONNECT_TEST(STOX_SEC_28_each_answer_is_judged_anew),
        CONNECT_TEST(test_forbidden_while_it_connects),
        CONNECT_TEST(STOX_SEC_28_ports),
        CONNECT_TEST(test_proxies),
        CONNECT_TEST(STOX_SEC_28_never_to_ourselves),
    };

    return cmocka_run_group_tests_name("conformance/s2s_reach", tests, NULL, NULL);
}
