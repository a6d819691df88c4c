/* What a partner's server says that it takes (XEP-0478) is heeded. */
#include <stdio.h>
#include <stdlib.h>

#include "s2s_rig.h"

#define SERVER_HEADER                                                                                                  \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "from='" THEIRS "' to='" OURS "' id='i' version='1.0'>"
#define LIMITS(inside) "<limits xmlns='urn:xmpp:stream-limits:0'>" inside "</limits>"
#define MOST(n) "<max-bytes>" n "</max-bytes>"
#define IDLE(s) "<idle-seconds>" s "</idle-seconds>"
#define SM "<sm xmlns='urn:xmpp:sm:3'/>"
#define LONG_N 15000

static struct node a;
static struct fake server, f;

static void send_long(uint64_t token)
{
    char *body = malloc(LONG_N + 1);

    assert_non_null(body);
    memset(body, 'L', LONG_N);
    body[LONG_N] = 0;
    node_send(&a, token, body);
    free(body);
}

static void start(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
}

/* From the connection to where stanzas may go; these are the last features. */
static void serve(const char *before, const char *features)
{
    char text[1024];

    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVER_HEADER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&server, "<starttls");
    fake_say(&server, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    snprintf(text, sizeof(text),
             SERVER_HEADER "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                           "<mechanism>EXTERNAL</mechanism></mechanisms>%s</stream:features>",
             before);
    fake_say(&server, text);
    fake_expect(&server, "</auth>");
    fake_say(&server, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    fake_expect(&server, "version='1.0'");
    snprintf(text, sizeof(text), SERVER_HEADER "<stream:features>%s</stream:features>", features);
    fake_say(&server, text);
    if (strstr(features, SM)) {
        fake_expect(&server, "<enable");
        fake_say(&server, "<enabled xmlns='urn:xmpp:sm:3'/>");
    }
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&server);
}

/* Whether it was asked for before the features were known or after; what is short enough goes on, in order. */
static void STOX_S2S_87_what_the_partner_does_not_take_is_given_back_unwritten(void **state)
{
    start();
    node_send(&a, 1, "short");
    send_long(2);
    node_send(&a, 3, "short too");
    serve("", SM LIMITS(MOST("10000") IDLE("600")));
    fake_expect(&server, "id='t1'");
    fake_expect(&server, "id='t3'");
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_TOO_LONG);
    send_long(4);
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_TOO_LONG);
    fake_lacks(&server, "LLLL");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    stop();
}

/* Those of before authentication are not those of after. */
static void STOX_S2S_87_the_last_features_count(void **state)
{
    start();
    send_long(1);
    serve(LIMITS(MOST("10000")), SM);
    fake_expect(&server, "LLLL");
    stop();
}

static void STOX_S2S_87_what_cannot_be_read_is_no_limit(void **state)
{
    static const char *const strange[] = {
        LIMITS(""),
        LIMITS(MOST("")),
        LIMITS(MOST("0")),
        LIMITS(MOST("-1")),
        LIMITS(MOST("12x")),
        LIMITS(MOST("99999999999999999999")),
        LIMITS(MOST("<b>10000</b>")),
        "<limits xmlns='urn:xmpp:stream-limits:9'><max-bytes>10000</max-bytes></limits>",
        LIMITS("<max-bytes xmlns='urn:x'>10000</max-bytes>"),
    };

    for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
        char features[300];

        start();
        send_long(1);
        snprintf(features, sizeof(features), SM "%s", strange[i]);
        serve("", features);
        fake_expect(&server, "LLLL");
        stop();
    }
}

static void ready_with(const char *limits)
{
    char features[300];

    start();
    node_send(&a, 1, "x");
    snprintf(features, sizeof(features), SM "%s", limits);
    serve("", features);
    fake_expect(&server, "<r ");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
}

/* The setting is 300 s. What the partner says meanwhile is no byte of ours. */
static void STOX_S2S_87_we_are_heard_before_the_partner_calls_us_idle(void **state)
{
    ready_with(LIMITS(IDLE("60")));
    rig_advance(30000);
    fake_say(&server, " ");
    rig_turns(5);
    rig_advance(14000);
    fake_forget(&server);
    rig_turns(5);
    assert_int_equal(server.rx.n, 0);
    rig_advance(2000);
    fake_expect(&server, "<r ");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    rig_turns(5);
    fake_forget(&server);
    rig_advance(46000);
    fake_expect(&server, "<r ");
    stop();
}

static void STOX_S2S_87_nobody_makes_us_speak_all_the_time(void **state)
{
    ready_with(LIMITS(IDLE("1")));
    fake_forget(&server);
    rig_advance(9000);
    rig_turns(5);
    assert_int_equal(server.rx.n, 0);
    rig_advance(3000);
    fake_expect(&server, "<r ");
    stop();
}

static void STOX_S2S_87_keep_alive_off_stays_off(void **state)
{
    ready_with(LIMITS(IDLE("60")));
    a.partner.keep_alive = false;
    fake_forget(&server);
    rig_advance(100000);
    rig_turns(5);
    assert_int_equal(server.rx.n, 0);
    stop();
}

/* The server that opened a stream for both directions has no features; it says it with <bidi/>. */
static void STOX_S2S_87_limits_of_a_stream_for_both_directions(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.partner.bidi = true;
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_say(&f, "<bidi xmlns='urn:xmpp:bidi'>" LIMITS(MOST("10000")) "</bidi>" AUTH("="));
    fake_expect(&f, "<success");
    fake_forget(&f);
    fake_say(&f, HEADER "<enable xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<enabled");
    send_long(1);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_TOO_LONG);
    node_send(&a, 2, "short");
    fake_expect(&f, "id='t2'");
    fake_lacks(&f, "LLLL");
    node_stop(&a);
    fake_close(&f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(STOX_S2S_87_what_the_partner_does_not_take_is_given_back_unwritten),
        T(STOX_S2S_87_the_last_features_count),
        T(STOX_S2S_87_what_cannot_be_read_is_no_limit),
        T(STOX_S2S_87_we_are_heard_before_the_partner_calls_us_idle),
        T(STOX_S2S_87_nobody_makes_us_speak_all_the_time),
        T(STOX_S2S_87_keep_alive_off_stays_off),
        T(STOX_S2S_87_limits_of_a_stream_for_both_directions),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
