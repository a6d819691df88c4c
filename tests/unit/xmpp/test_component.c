/* Components stay attached, come again after a break, and follow the settings. What is said on the wire: conformance. */
#include <stdio.h>

#include "component_rig.h"

static struct node a;
static struct fake server;

static void begin(void)
{
    component_begin(&a, &server);
    xmpp_reconsider(a.x);
}

static void attach(void)
{
    begin();
    component_serve(&server);
    rig_until(rig_logged("stream-authenticated"));
}

static void end(void)
{
    component_end(&a, &server);
}

/* How often the server was connected to, when nothing more is under way. */
static unsigned attempts(void)
{
    rig_turns(10);
    return server.n_accepted;
}

static void it_attaches_before_there_is_anything_to_say(void **state)
{
    attach();
    assert_true(rig_logged("stream-authenticated local=" OURS " remote=" THEIRS " direction=out"));
    assert_true(rig_logged("method=component confirm=ping"));
    assert_int_equal(xmpp_counters(a.x)->streams, 1);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 1);
    end();
}

static void each_domain_of_ours_attaches(void **state)
{
    component_begin(&a, &server);
    a.also = "second.example";
    xmpp_reconsider(a.x);
    rig_until(server.n_accepted == 2);
    end();
}

static void what_the_server_says_becomes_what_to_do(void **state)
{
    static const struct {
        const char *says, *log;
    } cases[] = {
        { COMPONENT_HEADER STREAM_ERROR("not-authorized"), "component-secret is not the one that the server has" },
        { COMPONENT_HEADER STREAM_ERROR("host-unknown"), "the server has no component of this name: declare one" },
        { COMPONENT_HEADER STREAM_ERROR("conflict"), "another connection is attached to the server under this name" },
        { COMPONENT_HEADER STREAM_ERROR("invalid-namespace"), "no components are taken on this port" },
        { "<?xml version='1.0'?><stream:stream xmlns='jabber:component:accept' "
          "xmlns:stream='http://etherx.jabber.org/streams'>" STREAM_ERROR("host-unknown"),
          "the server has no component of this name" },
        { "<?xml version='1.0'?><stream:stream xmlns='jabber:client' "
          "xmlns:stream='http://etherx.jabber.org/streams' id='x'>",
          "takes no components (XEP-0114): check the port" },
        { "HTTP/1.1 400 Bad Request\r\n", "we sent not-well-formed" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        buf_clear(&rig_log);
        begin();
        fake_expect(&server, "to='" OURS "'>");
        fake_say(&server, cases[i].says);
        rig_until(rig_logged("stream-failed"));
        if (!rig_logged(cases[i].log))
            fail_msg("%s: %.*s", cases[i].log, (int)rig_log.n, rig_log.p);
        end();
    }
}

static void it_tries_again_more_and_more_rarely(void **state)
{
    begin();
    for (unsigned n = 1; n <= 9; n++) {
        fake_expect(&server, "to='" OURS "'>");
        fake_say(&server, COMPONENT_HEADER STREAM_ERROR("not-authorized"));
        fake_expect_closed(&server);
        assert_int_equal(attempts(), n);
        rig_advance(n < 7 ? (500u << (n - 1)) - 200
                          : 29800); /* half of the time at least; the rig's own time passes too */
        assert_int_equal(attempts(), n);
        rig_advance(n < 7 ? (500u << (n - 1)) + 200 : 30200); /* all of it */
        rig_until(server.n_accepted == n + 1);
    }
    end();
}

static void an_administrator_does_not_wait(void **state)
{
    begin();
    fake_expect(&server, "to='" OURS "'>");
    fake_say(&server, COMPONENT_HEADER STREAM_ERROR("not-authorized"));
    fake_expect_closed(&server);
    a.partner.component_secret = SLICE("sesame");
    xmpp_reconsider(a.x);
    rig_until(server.n_accepted == 2);
    component_serve(&server);
    rig_until(rig_logged("stream-authenticated"));
    end();
}

static void what_was_under_way_is_sent_again_after_a_break(void **state)
{
    attach();
    node_send(&a, 1, "first");
    fake_expect(&server, "<body>first</body></message>");
    conn_abort(server.conn);
    rig_until(server.n_accepted == 2); /* somebody waits: at once */
    component_serve(&server);
    fake_expect(&server, "<body>first</body></message>");
    fake_expect(&server, "<ping xmlns='urn:xmpp:ping'/></iq>");
    assert_false(node_has_fate(&a, 1));
    end();
}

static void a_server_that_is_away_is_told_of_at_once(void **state)
{
    struct addr to;

    component_begin(&a, &server);
    to = *listener_local(server.listener);
    listener_close(server.listener);
    server.listener = NULL;
    xmpp_reconsider(a.x);
    rig_until(rig_logged("stream-failed"));
    assert_true(rig_logged("cannot connect to 127.0.0.1:"));
    node_send(&a, 1, "into the blue");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
    assert_true(addr_port(&to) != 0);
    end();
}

static void quiet_streams_stay_and_are_tested(void **state)
{
    attach();
    for (int i = 0; i < 4; i++) {
        char pong[200];
        const char *id;

        fake_forget(&server);
        rig_advance(300000);
        fake_expect(&server, "<iq type='get' from='" OURS "' to='" THEIRS "' id='");
        id = fake_expect(&server, "'><ping xmlns='urn:xmpp:ping'/></iq>");
        snprintf(pong, sizeof(pong), "<iq type='result' from='" THEIRS "' to='" OURS "' id='%s'/>", id);
        fake_say(&server, pong);
        rig_turns(5);
    }
    assert_int_equal(attempts(), 1);
    fake_forget(&server);
    rig_advance(300000);
    fake_expect(&server, "<ping xmlns='urn:xmpp:ping'/></iq>");
    rig_advance(60000);
    fake_expect(&server, "<connection-timeout");
    fake_expect_closed(&server);
    rig_advance(1000);
    rig_until(server.n_accepted == 2);
    end();
}

static void without_the_setting_it_ends_in_order(void **state)
{
    attach();
    a.partner.component = NULL;
    xmpp_reconsider(a.x);
    fake_expect(&server, "</stream:stream>");
    fake_lacks(&server, "<stream:error>");
    fake_say(&server, "</stream:stream>");
    fake_expect_closed(&server);
    rig_advance(60000);
    assert_int_equal(attempts(), 1);
    assert_int_equal(a.x->components.n, 0);
    end();
}

static void a_new_secret_counts_at_once(void **state)
{
    attach();
    node_send(&a, 1, "before");
    fake_expect(&server, "<body>before</body></message>");
    xmpp_reconsider(a.x);
    rig_turns(5);
    assert_int_equal(attempts(), 1); /* nothing about it has changed */
    fake_lacks(&server, "</stream:stream>");
    a.partner.component_secret = SLICE("mellon");
    xmpp_reconsider(a.x);
    fake_expect(&server, "</stream:stream>");
    rig_advance(600);
    assert_int_equal(attempts(), 1); /* the server would take the second one for an intruder */
    fake_say(&server, "</stream:stream>");
    rig_until(server.n_accepted == 2);
    fake_expect(&server, "to='" OURS "'>");
    fake_say(&server, COMPONENT_HEADER);
    fake_expect(&server, "<handshake>");
    fake_lacks(&server, COMPONENT_KEY);
    fake_say(&server, "<handshake/>");
    rig_advance(600);
    fake_expect(&server, "<body>before</body></message>");
    end();
}

static void nothing_is_said_in_clear_to_the_world(void **state)
{
    struct addr far;
    struct addr_net listed[1];
    struct xmpp_limits limits;

    component_begin(&a, &server);
    limits = a.x->conf.limits;
    assert_true(addr_parse(SLICE("192.0.2.7:5347"), 0, &far));
    node_attaches_to(&a, &far, "sesame");
    xmpp_reconsider(a.x);
    rig_until(rig_logged("the address of component is 192.0.2.7"));
    assert_true(rig_logged("list the network in partner-networks"));

    assert_true(addr_net_parse(SLICE("192.0.2.0/24"), &listed[0]));
    limits.partner_networks = listed;
    limits.n_partner_networks = 1;
    xmpp_set_limits(a.x, &limits);
    buf_clear(&rig_log);
    xmpp_reconsider(a.x);
    rig_until(rig_logged("stream-connecting"));
    limits.n_partner_networks = 0;
    xmpp_set_limits(a.x, &limits);
    xmpp_reconsider(a.x);
    rig_until(rig_logged("the settings of this component have changed"));
    end();
}

static void without_a_secret_nothing_attaches(void **state)
{
    component_begin(&a, &server);
    a.partner.component_secret = SLICE("");
    xmpp_reconsider(a.x);
    rig_until(rig_logged("component-secret is not set"));
    assert_int_equal(attempts(), 0);
    node_send(&a, 1, "x");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
    end();
}

static void the_partner_has_no_other_way_in(void **state)
{
    struct fake intruder;

    attach();
    fake_connect(&intruder, node_addr(&a), CERT_THEIRS);
    fake_say(&intruder, HEADER);
    fake_expect(&intruder, "<policy-violation");
    fake_expect_closed(&intruder);
    fake_close(&intruder);
    end();
}

static void a_server_s_stream_gives_way(void **state)
{
    struct fake by_s2s;

    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&by_s2s, CERT_THEIRS);
    node_points_to(&a, listener_local(by_s2s.listener));
    assert_true(node_send(&a, 1, "first"));
    fake_serve(&by_s2s, true);
    fake_expect(&by_s2s, "<body>first</body></message>");
    fake_listen(&server, CERT_NONE);
    node_attaches_to(&a, listener_local(server.listener), "sesame");
    xmpp_reconsider(a.x);
    fake_expect(&by_s2s, "your server is attached to in another way now");
    component_serve(&server);
    fake_expect(&server, "<body>first</body></message>");
    fake_close(&by_s2s);
    end();
}

static void a_paused_partner_is_not_read(void **state)
{
    attach();
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), true));
    fake_say(&server, MESSAGE("juliet@" THEIRS, "romeo@" OURS, "wait"));
    rig_turns(10);
    assert_int_equal(a.n_got, 0);
    xmpp_pause(a.x, SLICE(THEIRS), false);
    rig_until(a.n_got == 1);
    end();
}

static void one_that_is_closed_comes_again(void **state)
{
    attach();
    assert_true(xmpp_close_stream(a.x, a.x->last_serial));
    fake_expect(&server, "</stream:stream>");
    fake_say(&server, "</stream:stream>");
    rig_until(server.n_accepted == 2);
    component_serve(&server);
    rig_until(xmpp_counters(a.x)->streams_authenticated == 1);
    end();
}

static void limits_count_them(void **state)
{
    component_begin(&a, &server);
    a.partner.connection_limit = 1;
    a.also = "second.example";
    xmpp_reconsider(a.x);
    rig_until(rig_logged("all streams that the settings allow this partner are in use"));
    assert_int_equal(attempts(), 1);
    end();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(it_attaches_before_there_is_anything_to_say),
        TEST(each_domain_of_ours_attaches),
        TEST(what_the_server_says_becomes_what_to_do),
        TEST(it_tries_again_more_and_more_rarely),
        TEST(an_administrator_does_not_wait),
        TEST(what_was_under_way_is_sent_again_after_a_break),
        TEST(a_server_that_is_away_is_told_of_at_once),
        TEST(quiet_streams_stay_and_are_tested),
        TEST(without_the_setting_it_ends_in_order),
        TEST(a_new_secret_counts_at_once),
        TEST(nothing_is_said_in_clear_to_the_world),
        TEST(without_a_secret_nothing_attaches),
        TEST(the_partner_has_no_other_way_in),
        TEST(a_server_s_stream_gives_way),
        TEST(a_paused_partner_is_not_read),
        TEST(one_that_is_closed_comes_again),
        TEST(limits_count_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
