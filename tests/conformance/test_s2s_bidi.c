/* One stream for both directions (XEP-0288), in both roles against scripted peers, and two nodes with each other. */
#include <stdio.h>

#include "s2s_rig.h"

#include "xmpp/bidi.h"

#define BIDI "<bidi xmlns='urn:xmpp:bidi'/>"
#define FEATURE "<bidi xmlns='urn:xmpp:features:bidi'/>"
#define ERRORS "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
#define EXTERNAL "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>"
#define RESULT(from, to) "<db:result from='" from "' to='" to "'>key</db:result>"
#define VALID(from, to) "<db:result from='" from "' to='" to "' type='valid'/>"
#define ENABLE "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"
#define ENABLED "<enabled xmlns='urn:xmpp:sm:3'/>"
#define R "<r xmlns='urn:xmpp:sm:3'/>"
#define A(h) "<a xmlns='urn:xmpp:sm:3' h='" h "'/>"
#define SERVER_HEADER                                                                                                  \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "xmlns:db='jabber:server:dialback' from='" THEIRS "' to='" OURS "' id='i' version='1.0'>"

/* As we ask for it: with what we take, as there are no features of ours. */
#define ASKED                                                                                                          \
    "<bidi xmlns='urn:xmpp:bidi'><limits "                                                                             \
    "xmlns='urn:xmpp:stream-limits:0'><max-bytes>262144</max-bytes></limits></bidi>"

static struct node a, b;
static struct fake f, server;

static void start(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.partner.bidi = true;
}

/* ---- the partner has opened it ---- */

static void stop_in(void)
{
    node_stop(&a);
    fake_close(&f);
}

/* TLS stands and the features inside it are there. */
static void come(int cert)
{
    fake_to_tls(&f, &a, cert);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
}

static void authenticate(void)
{
    fake_say(&f, AUTH("="));
    fake_expect(&f, "<success");
    fake_forget(&f);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
}

static void come_both_ways(bool sm)
{
    start();
    come(CERT_THEIRS);
    fake_say(&f, BIDI);
    authenticate();
    if (sm) {
        fake_say(&f, ENABLE);
        fake_expect(&f, ENABLED); /* which names no way to resume it */
    }
}

static void expect_error(const char *condition)
{
    char want[128];

    snprintf(want, sizeof(want), "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", condition);
    fake_expect(&f, want);
    fake_expect_closed(&f);
    assert_int_equal(a.n_got, 0);
    stop_in();
}

static void STOX_S2S_75_advertised_by_setting_inside_TLS_for_a_good_certificate(void **state)
{
    start();
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_lacks(&f, "urn:xmpp:features:bidi");
    fake_say(&f, STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    fake_say(&f, HEADER);
    fake_expect(&f, FEATURE);
    authenticate();
    fake_lacks(&f, "urn:xmpp:features:bidi"); /* it is too late then */
    stop_in();
    start();
    a.partner.bidi = false;
    come(CERT_THEIRS);
    fake_lacks(&f, "urn:xmpp:features:bidi");
    stop_in();
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    come(CERT_SELF_SIGNED); /* dialback may prove it, but by that alone nothing of ours goes back */
    fake_lacks(&f, "urn:xmpp:features:bidi");
    stop_in();
}

static void STOX_S2S_75_our_stanzas_go_on_the_partners_stream(void **state)
{
    come_both_ways(true);
    node_send(&a, 1, "out");
    fake_expect(&f, "id='t1'><body>out</body></message>");
    fake_expect(&f, R);
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "in") A("1"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    rig_until(a.n_got == 1);
    fake_say(&f, R);
    fake_expect(&f, A("1"));
    assert_int_equal(xmpp_counters(a.x)->streams, 1);
    assert_true(rig_logged("stream-both-ways"));
    stop_in();
}

static void STOX_S2S_75_without_stream_management_a_ping_confirms(void **state)
{
    const char *id;
    char pong[300];

    come_both_ways(false);
    node_send(&a, 1, "out");
    fake_lacks(&f, "<message"); /* the partner may be about to enable it */
    rig_advance(XMPP_BIDI_SETTLE_MS);
    fake_expect(&f, "<body>out</body></message>");
    fake_expect(&f, "<iq type='get' from='" OURS "' to='" THEIRS "' id='");
    id = fake_expect(&f, "'><ping xmlns='urn:xmpp:ping'/>");
    snprintf(pong, sizeof(pong), "<iq type='result' from='" THEIRS "' to='" OURS "' id='%s'/>", id);
    fake_say(&f, pong);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    stop_in();
}

/* What was written before the count began is not taken for acknowledged by it. */
static void STOX_S2S_75_a_count_that_begins_late_covers_what_comes_after(void **state)
{
    come_both_ways(false);
    rig_advance(XMPP_BIDI_SETTLE_MS);
    node_send(&a, 1, "early");
    fake_expect(&f, "<ping ");
    fake_say(&f, ENABLE);
    fake_expect(&f, ENABLED);
    fake_say(&f, A("0"));
    rig_turns(5);
    assert_false(node_has_fate(&a, 1));
    node_send(&a, 2, "late");
    fake_expect(&f, "<body>late</body></message>");
    fake_say(&f, A("1"));
    rig_turns(5);
    assert_false(node_has_fate(&a, 1));
    assert_false(node_has_fate(&a, 2)); /* the pair goes on by its pings */
    assert_non_null(f.conn);
    stop_in();
}

static void STOX_S2S_75_nothing_is_sent_before_the_partner_is_proven(void **state)
{
    start();
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    come(CERT_THEIRS);
    fake_say(&f, BIDI);
    node_send(&a, 1, "out");
    rig_until(server.n_accepted == 1); /* it takes another way */
    fake_lacks(&f, "<message");
    authenticate();
    fake_lacks(&f, "<message");
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

static void STOX_S2S_75_an_attempt_that_leads_nowhere_gives_way(void **state)
{
    struct addr nowhere;

    start();
    assert_true(addr_parse(SLICE("192.0.2.1:5269"), 0, &nowhere));
    node_points_to(&a, &nowhere);
    node_send(&a, 1, "out");
    rig_turns(3);
    if (node_has_fate(&a, 1)) { /* this machine knows at once that nothing is there */
        node_stop(&a);
        return;
    }
    come(CERT_THEIRS);
    fake_say(&f, BIDI);
    authenticate();
    fake_say(&f, ENABLE);
    fake_expect(&f, "<body>out</body></message>");
    rig_until(xmpp_counters(a.x)->streams == 1);
    stop_in();
}

static void STOX_S2S_75_only_the_proven_pair_goes_back(void **state)
{
    come_both_ways(true);
    a.also = "second.example";
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    a.domain = "second.example"; /* whom the next message is from */
    node_send(&a, 1, "of the other");
    rig_until(server.n_accepted == 1);
    fake_lacks(&f, "of the other");
    a.domain = OURS;
    a.also = "second.example";
    node_send(&a, 2, "of this one");
    fake_expect(&f, "of this one");
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

/* The certificate answers for the domain, so that its key need not be asked for; each pair counts from its own proof on. */
static void STOX_S2S_75_by_dialback_each_pair_from_its_proof_on(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_NOT_SUPPORTED, true);
    a.also = "second.example";
    come(CERT_THEIRS);
    fake_say(&f, BIDI);
    fake_say(&f, RESULT(THEIRS, OURS));
    fake_expect(&f, VALID(OURS, THEIRS));
    fake_say(&f, ENABLE);
    node_send(&a, 1, "first");
    fake_expect(&f, "<body>first</body>");
    fake_say(&f, RESULT(THEIRS, "second.example"));
    fake_expect(&f, VALID("second.example", THEIRS));
    a.domain = "second.example";
    a.also = OURS;
    node_send(&a, 2, "second");
    fake_expect(&f, "<body>second</body>");
    assert_int_equal(a.x->n_verifies, 0);
    stop_in();
}

static void STOX_S2S_63_no_key_is_verified_on_the_stream_that_brought_it(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_NOT_SUPPORTED, true);
    a.partner_domain = "*";
    a.partner.name = SLICE(THEIRS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    come(CERT_THEIRS);
    fake_say(&f, BIDI);
    fake_say(&f, RESULT(THEIRS, OURS));
    fake_expect(&f, VALID(OURS, THEIRS));
    a.partner_domain = THEIRS;
    fake_say(&f, ENABLE);
    node_send(&a, 1, "back");
    fake_expect(&f, "<body>back</body>");
    a.partner_domain = "*";
    fake_say(&f, RESULT("tailspin.example", OURS)); /* which the certificate does not name */
    rig_until(server.n_accepted == 1);
    fake_lacks(&f, "<db:verify");
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

static void STOX_S2S_75_bidi_is_refused_in_clear_twice_and_too_late(void **state)
{
    start();
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER BIDI);
    expect_error("not-authorized");
    start();
    come(CERT_THEIRS);
    fake_say(&f, BIDI BIDI);
    expect_error("not-authorized");
    start();
    come(CERT_THEIRS);
    authenticate();
    fake_say(&f, BIDI);
    expect_error("unsupported-stanza-type");
    start();
    a.partner.bidi = false; /* not offered */
    come(CERT_THEIRS);
    fake_say(&f, BIDI);
    expect_error("not-authorized");
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    come(CERT_SELF_SIGNED); /* not offered: no certificate proves it */
    fake_say(&f, BIDI);
    expect_error("not-authorized");
}

static void STOX_S2S_75_a_stanza_before_its_proof_ends_the_stream(void **state)
{
    start();
    come(CERT_THEIRS);
    fake_say(&f, BIDI MESSAGE("j@" THEIRS, "r@" OURS, "early"));
    expect_error("not-authorized");
}

static void STOX_S2S_75_no_second_authentication_among_stanzas(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    come(CERT_THEIRS);
    fake_say(&f, BIDI RESULT(THEIRS, OURS));
    fake_expect(&f, VALID(OURS, THEIRS));
    fake_say(&f, AUTH("="));
    expect_error("policy-violation");
}

/* What was not acknowledged goes again, by the same id, on a stream of our own. */
static void STOX_S2S_75_a_broken_stream_loses_nothing_in_silence(void **state)
{
    come_both_ways(true);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    node_send(&a, 1, "one");
    node_send(&a, 2, "two");
    fake_expect(&f, "id='t2'");
    fake_say(&f, A("1"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    conn_abort(f.conn);
    fake_serve(&server, true);
    fake_expect(&server, "id='t2'");
    fake_lacks(&server, "id='t1'");
    fake_say(&server, A("1"));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

static void STOX_S2S_75_such_a_stream_resumes_nothing(void **state)
{
    come_both_ways(false);
    fake_say(&f, "<resume xmlns='urn:xmpp:sm:3' previd='x' h='0'/>");
    fake_expect(&f, "<failed xmlns='urn:xmpp:sm:3'><item-not-found");
    stop_in();
}

/* Used one way it is not idle the other way; and it ends in order when nothing passes at all. */
static void STOX_S2S_75_both_ways_keep_it_from_being_idle(void **state)
{
    come_both_ways(true);
    node_send(&a, 1, "out");
    fake_expect(&f, R);
    fake_say(&f, A("1"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    for (int i = 0; i < 3; i++) {
        rig_advance(250000);
        fake_say(&f, i == 1 ? " " : A("1"));
        rig_turns(3);
        if (i == 1)
            fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "in"));
        rig_turns(5);
    }
    fake_lacks(&f, "</stream:stream>");
    rig_advance(250000);
    fake_say(&f, A("1"));
    rig_turns(3);
    rig_advance(200000);
    fake_expect(&f, "</stream:stream>");
    fake_say(&f, "</stream:stream>");
    fake_expect_closed(&f);
    stop_in();
}

static void STOX_S2S_75_settings_that_do_not_want_it_any_more_end_it(void **state)
{
    come_both_ways(true);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    node_send(&a, 1, "kept");
    fake_expect(&f, "id='t1'");
    a.partner.bidi = false;
    xmpp_reconsider(a.x);
    fake_expect(&f, "<reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>");
    fake_expect_closed(&f);
    fake_serve(&server, true); /* by the new settings */
    fake_expect(&server, "id='t1'");
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

/* ---- we have opened it ---- */

static void start_out(int cert)
{
    start();
    fake_listen(&server, cert);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
}

static void stop_out(void)
{
    node_stop(&a);
    fake_close(&server);
}

/* Up to the features inside TLS. */
static void serve(const char *features)
{
    char text[1024];

    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVER_HEADER "<stream:features>" STARTTLS FEATURE "</stream:features>");
    fake_expect(&server, "<starttls");
    fake_lacks(&server, "<bidi"); /* not before TLS */
    fake_say(&server, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    snprintf(text, sizeof(text), SERVER_HEADER "<stream:features>%s</stream:features>", features);
    fake_say(&server, text);
}

static void serve_external(const char *features)
{
    char text[1024];

    serve(EXTERNAL FEATURE);
    fake_expect(&server, ASKED "<auth ");
    fake_expect(&server, "</auth>");
    fake_say(&server, "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>");
    fake_expect(&server, "version='1.0'");
    snprintf(text, sizeof(text), SERVER_HEADER "<stream:features>%s</stream:features>", features);
    fake_say(&server, text);
}

static void serve_both_ways(void)
{
    start_out(CERT_THEIRS);
    serve_external("<sm xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&server, "<enable xmlns='urn:xmpp:sm:3'/>"); /* resumption is not asked for */
    fake_say(&server, ENABLED);
    fake_expect(&server, "id='t1'");
}

static void acknowledge(void)
{
    fake_say(&server, A("1"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
}

static void expect_error_out(const char *condition)
{
    char want[128];

    snprintf(want, sizeof(want), "<stream:error><%s xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>", condition);
    fake_expect(&server, want);
    fake_expect_closed(&server);
    assert_int_equal(a.n_got, 0);
    stop_out();
}

static void STOX_S2S_75_the_partners_stanzas_come_on_our_stream(void **state)
{
    serve_both_ways();
    acknowledge();
    a.hold = true; /* SIP has not answered yet */
    fake_say(&server, MESSAGE("j@" THEIRS, "r@" OURS, "back") R);
    rig_until(a.n_got == 1);
    fake_expect(&server, A("0"));
    xmpp_handled(a.x, a.receipts[0]);
    fake_expect(&server, A("1"));
    assert_int_equal(xmpp_counters(a.x)->streams, 1);
    stop_out();
}

static void STOX_S2S_75_asked_for_by_setting_offer_and_certificate(void **state)
{
    start_out(CERT_THEIRS);
    serve(EXTERNAL); /* no offer */
    fake_expect(&server, "</auth>");
    fake_lacks(&server, "<bidi");
    stop_out();
    start_out(CERT_THEIRS);
    a.partner.bidi = false;
    serve(EXTERNAL FEATURE);
    fake_expect(&server, "</auth>");
    fake_lacks(&server, "<bidi");
    stop_out();
    start_out(CERT_SELF_SIGNED);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    serve(ERRORS FEATURE);
    fake_expect(&server, "<db:result ");
    fake_lacks(&server, "<bidi");
    fake_say(&server, VALID(THEIRS, OURS) MESSAGE("j@" THEIRS, "r@" OURS, "back"));
    rig_until(rig_logged("stream-ignored")); /* one way, as without it */
    assert_int_equal(a.n_got, 0);
    stop_out();
}

static void STOX_S2S_75_nothing_is_taken_before_we_are_believed(void **state)
{
    start_out(CERT_THEIRS);
    serve(EXTERNAL FEATURE);
    fake_expect(&server, "</auth>");
    fake_say(&server, MESSAGE("j@" THEIRS, "r@" OURS, "early"));
    expect_error_out("not-authorized");
}

static void STOX_S2S_75_nothing_is_taken_of_another_pair(void **state)
{
    serve_both_ways();
    acknowledge();
    fake_say(&server, MESSAGE("j@mallory.example", "r@" OURS, "foreign"));
    expect_error_out("invalid-from");
    serve_both_ways();
    acknowledge();
    a.also = "second.example";
    fake_say(&server, MESSAGE("j@" THEIRS, "r@second.example", "other pair"));
    expect_error_out("invalid-from");
    serve_both_ways();
    acknowledge();
    fake_say(&server, "<notify/>");
    expect_error_out("unsupported-stanza-type");
}

static void serve_dialback(void)
{
    start_out(CERT_TWO_NAMES);
    a.also = "second.example";
    node_set(&a, XMPP_REQUIRED, XMPP_NOT_SUPPORTED, true);
    a.partner_domain = "*";
    a.partner.name = SLICE(THEIRS);
    serve(ERRORS FEATURE);
    fake_expect(&server, ASKED "<db:result from='" OURS "'");
    fake_say(&server, VALID(THEIRS, OURS));
    fake_expect(&server, "id='t1'");
}

static void STOX_S2S_75_by_dialback_the_certificate_is_what_proves_the_partner(void **state)
{
    serve_dialback();
    fake_say(&server, MESSAGE("j@" THEIRS, "r@" OURS, "back"));
    rig_until(a.n_got == 1);
    fake_say(&server, RESULT("tailspin.example", OURS)); /* one more of its domains, which the certificate names */
    fake_expect(&server, VALID(OURS, "tailspin.example"));
    fake_say(&server, MESSAGE("t@tailspin.example", "r@" OURS, "too"));
    rig_until(a.n_got == 2);
    fake_say(&server, RESULT("mallory.example", OURS));
    fake_expect(&server, "<db:result from='" OURS "' to='mallory.example' type='error'>");
    fake_expect(&server, "<not-authorized");
    fake_say(&server, RESULT(THEIRS, "second.example")); /* which we have not proven to it */
    fake_expect(&server, "<db:result from='second.example' to='" THEIRS "' type='error'>");
    fake_lacks(&server, "<db:verify");
    assert_int_equal(a.x->n_verifies, 0);
    stop_out();
}

static void STOX_S2S_75_a_pair_that_rides_comes_back_from_its_proof_on(void **state)
{
    enum xmpp_fate fate;

    serve_dialback();
    assert_true(xmpp_send(a.x, SLICE("second.example"), SLICE(THEIRS),
                          SLICE("<message from='s@second.example' to='j@" THEIRS "' id='t2'/>"), 2, &fate));
    fake_expect(&server, "<db:result from='second.example'");
    fake_say(&server, VALID(THEIRS, "second.example") MESSAGE("j@" THEIRS, "s@second.example", "back"));
    fake_expect(&server, "id='t2'");
    rig_until(a.n_got == 1);
    assert_int_equal(server.n_accepted, 1);
    stop_out();
}

static void STOX_S2S_75_what_a_broken_stream_of_ours_had_not_goes_again(void **state)
{
    serve_both_ways();
    conn_abort(server.conn);
    rig_until(server.n_accepted == 2);
    serve_external("<sm xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&server, "<enable xmlns='urn:xmpp:sm:3'/>");
    fake_say(&server, ENABLED);
    fake_expect(&server, "id='t1'");
    fake_say(&server, A("1"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    stop_out();
}

/* A pause of the partner holds for what comes this way, too. */
static void STOX_S2S_75_a_paused_partner_is_not_read_there(void **state)
{
    serve_both_ways();
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), true));
    fake_say(&server, MESSAGE("j@" THEIRS, "r@" OURS, "waits"));
    rig_turns(10);
    assert_int_equal(a.n_got, 0);
    assert_true(xmpp_pause(a.x, SLICE(THEIRS), false));
    rig_until(a.n_got == 1);
    stop_out();
}

/* ---- two of us ---- */

static void see(void *arg, const struct xmpp_stream_info *info)
{
    unsigned *n = arg;

    assert_true(info->both);
    n[info->inbound]++;
}

static void STOX_S2S_75_two_gateways_need_one_connection(void **state)
{
    unsigned n[2] = { 0, 0 };

    start();
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    b.partner.bidi = true;
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
    for (uint64_t t = 1; t <= 20; t++) {
        node_send(&a, t, "to b");
        assert_int_equal(node_fate(&a, t), XMPP_FATE_CONFIRMED);
        node_send(&b, t, "to a");
        assert_int_equal(node_fate(&b, t), XMPP_FATE_CONFIRMED);
    }
    assert_int_equal(a.n_got, 20);
    assert_int_equal(b.n_got, 20);
    xmpp_each_stream(a.x, see, n);
    xmpp_each_stream(b.x, see, n);
    assert_int_equal(n[0], 1);
    assert_int_equal(n[1], 1);
    assert_int_equal(xmpp_counters(a.x)->streams, 1);
    assert_int_equal(xmpp_counters(b.x)->streams, 1);
    node_stop(&a);
    node_stop(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(STOX_S2S_63_no_key_is_verified_on_the_stream_that_brought_it),
        T(STOX_S2S_75_advertised_by_setting_inside_TLS_for_a_good_certificate),
        T(STOX_S2S_75_our_stanzas_go_on_the_partners_stream),
        T(STOX_S2S_75_without_stream_management_a_ping_confirms),
        T(STOX_S2S_75_a_count_that_begins_late_covers_what_comes_after),
        T(STOX_S2S_75_nothing_is_sent_before_the_partner_is_proven),
        T(STOX_S2S_75_an_attempt_that_leads_nowhere_gives_way),
        T(STOX_S2S_75_only_the_proven_pair_goes_back),
        T(STOX_S2S_75_by_dialback_each_pair_from_its_proof_on),
        T(STOX_S2S_75_bidi_is_refused_in_clear_twice_and_too_late),
        T(STOX_S2S_75_a_stanza_before_its_proof_ends_the_stream),
        T(STOX_S2S_75_no_second_authentication_among_stanzas),
        T(STOX_S2S_75_a_broken_stream_loses_nothing_in_silence),
        T(STOX_S2S_75_such_a_stream_resumes_nothing),
        T(STOX_S2S_75_both_ways_keep_it_from_being_idle),
        T(STOX_S2S_75_settings_that_do_not_want_it_any_more_end_it),
        T(STOX_S2S_75_the_partners_stanzas_come_on_our_stream),
        T(STOX_S2S_75_asked_for_by_setting_offer_and_certificate),
        T(STOX_S2S_75_nothing_is_taken_before_we_are_believed),
        T(STOX_S2S_75_nothing_is_taken_of_another_pair),
        T(STOX_S2S_75_by_dialback_the_certificate_is_what_proves_the_partner),
        T(STOX_S2S_75_a_pair_that_rides_comes_back_from_its_proof_on),
        T(STOX_S2S_75_what_a_broken_stream_of_ours_had_not_goes_again),
        T(STOX_S2S_75_a_paused_partner_is_not_read_there),
        T(STOX_S2S_75_two_gateways_need_one_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
