/* Two gateways talk over loopback, and one with scripted partners: set-up, its failures, life and end of streams. */
#include <stdio.h>

#include "s2s_rig.h"

static struct node a, b;
static struct fake f, server;

static void start_both(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
}

static void stop_both(void)
{
    node_stop(&a);
    node_stop(&b);
}

static void test_external_and_sm(void **state)
{
    start_both();
    assert_false(xmpp_is_linked(a.x, SLICE(THEIRS)));
    assert_true(node_send(&a, 1, "Art thou there?"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_true(xmpp_is_linked(a.x, SLICE(THEIRS)));
    assert_true(xmpp_is_linked(b.x, SLICE(OURS)));
    assert_false(xmpp_is_linked(a.x, SLICE(OURS)));
    assert_int_equal(b.n_got, 1);
    assert_string_equal(b.got.p, "romeo@" OURS ">juliet@" THEIRS ":message:Art thou there?\n");
    assert_true(rig_logged("method=sasl-external confirm=sm"));
    assert_true(rig_logged("certificate=ok"));
    for (uint64_t t = 2; t < 60; t++)
        assert_true(node_send(&a, t, "more"));
    assert_int_equal(node_fate(&a, 59), XMPP_FATE_CONFIRMED);
    assert_int_equal(a.n_fates, 59);
    assert_int_equal(xmpp_counters(a.x)->resent, 0);
    assert_true(node_send(&b, 1, "and the other way")); /* a stream of its own */
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 2);
    stop_both();
}

/* h counts what the owner has settled, in order; who asked too early hears again. */
static void test_acknowledges_what_is_handled(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.hold = true;
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<enable xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<enabled xmlns='urn:xmpp:sm:3'/>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "1") MESSAGE("j@" THEIRS, "r@" OURS, "2")
                     MESSAGE("j@" THEIRS, "r@" OURS, "3") "<r xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert_int_equal(a.n_got, 3);
    xmpp_handled(a.x, a.receipts[1]);
    xmpp_handled(a.x, a.receipts[2]);
    fake_lacks(&f, "h='2'");
    xmpp_handled(a.x, a.receipts[0]);
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    xmpp_handled(a.x, a.receipts[0]);
    xmpp_handled(a.x, 0);
    xmpp_handled(a.x, UINT64_MAX);
    fake_say(&f, "<r xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    fake_close(&f);
    rig_turns(3);
    xmpp_handled(a.x, a.receipts[1]); /* its stream is gone */
    node_stop(&a);
}

static void stops(void)
{
    xmpp_rest(a.x);
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='2'/><stream:error><system-shutdown");
}

static void is_told_to_close(void)
{
    assert_true(xmpp_close_stream(a.x, a.x->last_serial));
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='2'/></stream:stream>");
}

static void hears_of_the_end(void)
{
    fake_say(&f, "</stream:stream>");
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='2'/></stream:stream>");
}

/* Else a partner would give back to its sender, or send again, what is there. Behind the end nothing is said any more. */
static void test_what_is_handled_is_acknowledged_before_the_end(void **state)
{
    static void (*const ends[])(void) = { stops, is_told_to_close, hears_of_the_end };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        node_start(&a, OURS, THEIRS, CERT_OURS);
        a.hold = true;
        fake_to_ready(&f, &a, CERT_THEIRS);
        fake_say(&f, "<enable xmlns='urn:xmpp:sm:3'/>");
        fake_expect(&f, "<enabled xmlns='urn:xmpp:sm:3'/>");
        fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "1")
                         MESSAGE("j@" THEIRS, "r@" OURS, "2") "<r xmlns='urn:xmpp:sm:3'/>");
        fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
        fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "3"));
        rig_until(a.n_got == 3);
        xmpp_handled(a.x, a.receipts[0]);
        xmpp_handled(a.x, a.receipts[1]);
        ends[i]();
        xmpp_handled(a.x, a.receipts[2]);
        rig_turns(5);
        fake_lacks(&f, "h='3'");
        node_stop(&a);
        fake_close(&f);
    }
}

static void test_an_owed_acknowledgement_is_not_said_behind_the_end(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.hold = true;
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<enable xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<enabled xmlns='urn:xmpp:sm:3'/>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "1") "<r xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    assert_true(xmpp_close_stream(a.x, a.x->last_serial));
    fake_expect(&f, "</stream:stream>");
    xmpp_handled(a.x, a.receipts[0]);
    rig_turns(5);
    fake_lacks(&f, "h='1'");
    node_stop(&a);
    fake_close(&f);
}

static void test_window_stops_reading(void **state)
{
    struct buf b2;

    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.hold = true;
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<enable xmlns='urn:xmpp:sm:3'/>");
    fake_expect(&f, "<enabled");
    buf_init(&b2, 1 << 20);
    for (int i = 0; i < 6000; i++)
        buf_str(&b2, "<presence from='" THEIRS "' to='" OURS "'/>");
    buf_char(&b2, 0);
    fake_say(&f, b2.p);
    buf_free(&b2);
    rig_until(a.n_got >= XMPP_SM_WINDOW / 2);
    rig_turns(20);
    assert_in_range(a.n_got, XMPP_SM_WINDOW / 2, XMPP_SM_WINDOW - 1);
    for (uint64_t i = 0; i < 6000; i++) {
        xmpp_handled(a.x, (a.receipts[0] & ~(uint64_t)UINT32_MAX) + i);
        if (i % 500 == 0)
            rig_turn();
    }
    rig_until(a.n_got == 6000);
    node_stop(&a);
    fake_close(&f);
}

static void test_pause(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_ready(&f, &a, CERT_THEIRS);
    xmpp_pause(a.x, SLICE(THEIRS), true);
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "1"));
    rig_turns(10);
    assert_int_equal(a.n_got, 0);
    xmpp_pause(a.x, SLICE(THEIRS), true); /* two want it: both have to take it back */
    xmpp_pause(a.x, SLICE(THEIRS), false);
    rig_turns(10);
    assert_int_equal(a.n_got, 0);
    xmpp_pause(a.x, SLICE(THEIRS), false);
    rig_until(a.n_got == 1);
    node_stop(&a);
    fake_close(&f);
}

/* ---- outbound: what the partner offers against what the settings want (lync-gateway 2.2) ---- */

#define PLAIN "<stream:features/>"
#define OFFER "<stream:features>" STARTTLS "</stream:features>"
#define DEMAND                                                                                                         \
    "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'><required/></starttls></stream:features>"
#define PROCEED "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"
#define SERVED                                                                                                         \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='i' version='1.0'>"
#define EXTERNAL                                                                                                       \
    "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism>"            \
    "</mechanisms></stream:features>"

static void test_matrix(void **state)
{
    static const struct {
        enum xmpp_need tls, sasl;
        bool dialback;
        const char *clear;  /* features before TLS */
        int cert;           /* of the partner */
        const char *secure; /* features after TLS */
        const char *want;   /* what we send next; NULL: the attempt ends with the log saying... */
        const char *log;
        enum xmpp_fate fate;
    } cases[] = {
        { XMPP_REQUIRED, XMPP_REQUIRED, false, OFFER, CERT_THEIRS, EXTERNAL, "<auth ", NULL, 0 },
        { XMPP_REQUIRED, XMPP_OPTIONAL, true, OFFER, CERT_THEIRS, EXTERNAL, "<auth ", NULL, 0 },
        { XMPP_REQUIRED, XMPP_OPTIONAL, true, OFFER, CERT_THEIRS, PLAIN, "<db:result ", NULL, 0 },
        { XMPP_REQUIRED, XMPP_OPTIONAL, true, OFFER, CERT_SELF_SIGNED, EXTERNAL, "<db:result ", NULL, 0 },
        { XMPP_REQUIRED, XMPP_NOT_SUPPORTED, true, OFFER, CERT_THEIRS, EXTERNAL, "<db:result ", NULL, 0 },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, true, OFFER, CERT_THEIRS, EXTERNAL, "<auth ", NULL, 0 },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, true, PLAIN, 0, NULL, "<db:result ", NULL, 0 },
        { XMPP_OPTIONAL, XMPP_REQUIRED, true, PLAIN, 0, NULL, "<db:result ", NULL, 0 },
        { XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true, OFFER, 0, NULL, "<db:result ", NULL, 0 },
        { XMPP_REQUIRED, XMPP_REQUIRED, true, OFFER, CERT_MALLORY, EXTERNAL, NULL, "does not name the domain",
          XMPP_FATE_REFUSED },
        { XMPP_REQUIRED, XMPP_REQUIRED, false, OFFER, CERT_SELF_SIGNED, EXTERNAL, NULL,
          "certificate cannot be accepted", XMPP_FATE_REFUSED },
        { XMPP_REQUIRED, XMPP_OPTIONAL, false, OFFER, CERT_THEIRS, PLAIN, NULL, "offers no SASL EXTERNAL",
          XMPP_FATE_REFUSED },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, false, PLAIN, 0, NULL, NULL,
          "offers no TLS and your setting allows no dialback", XMPP_FATE_REFUSED },
        { XMPP_NOT_SUPPORTED, XMPP_OPTIONAL, true, DEMAND, 0, NULL, NULL, "requires TLS but your setting forbids it",
          XMPP_FATE_REFUSED },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        buf_clear(&rig_log);
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, cases[i].tls, cases[i].sasl, cases[i].dialback);
        fake_listen(&server, cases[i].cert);
        node_points_to(&a, listener_local(server.listener));
        assert_true(node_send(&a, 1, "x"));
        fake_expect(&server, "version='1.0'");
        fake_say(&server, SERVED);
        fake_say(&server, cases[i].clear);
        if (cases[i].secure) {
            fake_expect(&server, "<starttls ");
            fake_say(&server, PROCEED);
            fake_tls_server(&server);
            fake_expect(&server, "version='1.0'");
            fake_say(&server, SERVED);
            fake_say(&server, cases[i].secure);
        }
        if (cases[i].want) {
            fake_expect(&server, cases[i].want);
        } else {
            assert_int_equal(node_fate(&a, 1), cases[i].fate);
            assert_true(rig_logged("stream-failed"));
            assert_true(rig_logged(cases[i].log));
        }
        fake_lacks(&server, "<message");
        node_stop(&a);
        fake_close(&server);
    }
}

/* The offer may have been taken out on the way (RFC 7590 3.1): it is tried, and the sentence says what can be done. */
static void test_tls_required_not_offered(void **state)
{
    static const char *const answers[] = {
        "<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>",
        "<stream:error><unsupported-stanza-type xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "</stream:stream>", NULL, /* nothing at all */
    };

    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        buf_clear(&rig_log);
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
        fake_listen(&server, CERT_THEIRS);
        node_points_to(&a, listener_local(server.listener));
        assert_true(node_send(&a, 1, "x"));
        fake_expect(&server, "version='1.0'");
        fake_say(&server, SERVED PLAIN);
        fake_expect(&server, "<starttls ");
        if (answers[i])
            fake_say(&server, answers[i]);
        else
            rig_advance(60000);
        assert_int_equal(node_fate(&a, 1), XMPP_FATE_REFUSED);
        assert_string_equal(a.fates[0].why, THEIRS ": TLS is required by your setting but the partner offers none "
                                                   "(set --tls optional to allow it)");
        assert_int_equal(server.n_accepted, 1);
        node_stop(&a);
        fake_close(&server);
    }
}

static void test_establish_deadline(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, "version='1.0'");
    rig_advance(59000);
    assert_int_equal(a.n_fates, 0);
    rig_advance(1000);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
    assert_true(rig_logged("still waiting for the stream header"));
    node_stop(&a);
    fake_close(&server);
}

/* Our side of STARTTLS injection: what comes behind <proceed/> in clear is never looked at. */
static void test_injection_behind_proceed(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED OFFER);
    fake_expect(&server, "<starttls ");
    fake_say(&server, PROCEED SERVED "<stream:features/><success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
                                     "<db:result xmlns:db='jabber:server:dialback' from='" THEIRS "' to='" OURS
                                     "' type='valid'/>");
    rig_turns(5);
    if (server.conn) /* either the handshake is spoilt, or nothing was believed */
        fake_lacks(&server, "<message");
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 0);
    node_stop(&a);
    fake_close(&server);
}

/* ---- life and end ---- */

static void test_idle_close(void **state)
{
    start_both();
    node_send(&a, 1, "x");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    rig_advance(601000);
    rig_until(xmpp_counters(a.x)->streams == 0 && xmpp_counters(b.x)->streams == 0);
    assert_true(rig_logged("stream-closed"));
    node_send(&a, 2, "x");
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop_both();
}

static void test_keep_alive(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    node_send(&a, 1, "x");
    fake_serve(&server, true);
    fake_expect(&server, "<r ");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    node_fate(&a, 1);
    fake_to_ready(&f, &a, CERT_THEIRS);
    rig_turns(3);
    fake_forget(&f);
    rig_advance(301000);
    fake_expect(&server, "<r xmlns='urn:xmpp:sm:3'/>");
    rig_until(f.rx.n == 1);
    assert_memory_equal(f.rx.p, " ", 1);
    rig_advance(60000);
    fake_expect(&server, "<connection-timeout");
    fake_expect_closed(&server);
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

static void test_keep_alive_by_ping(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    node_send(&a, 1, "x");
    fake_serve(&server, false);
    fake_expect(&server, "<ping");
    xmpp_withdraw(a.x, 1);
    rig_advance(20000);
    rig_advance(300000);
    fake_expect(&server, "<ping");
    rig_advance(60000);
    fake_expect(&server, "<connection-timeout");
    node_stop(&a);
    fake_close(&server);
}

/* In no time, so that none comes back meanwhile. */
static void take_all_turns(struct node *n)
{
    char source[ADDR_TEXT];
    struct xmpp_handshake h;
    int taken = 0;

    xmpp_handshake_init(&h, NULL);
    while (xmpp_handshake_ask(&n->x->handshakes, xmpp_source(node_addr(n), source), &h))
        taken++;
    xmpp_handshake_cancel(&h);
    assert_true(taken >= XMPP_HANDSHAKES_BURST - 1); /* the caller had one */
}

/* Beyond the burst a handshake waits for its turn; who gives up, or is cut by the deadline, has none. */
static void test_handshakes_in_turn(void **state)
{
    struct xmpp_conf conf;
    struct fake late[3];

    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_conf(&conf, &a);
    conf.per_ip_handshakes = 1;
    node_start_with(&a, &conf);
    fake_to_tls(&f, &a, CERT_NONE);
    fake_close(&f);
    take_all_turns(&a);
    for (int i = 0; i < 3; i++) {
        fake_connect(&late[i], node_addr(&a), CERT_NONE);
        fake_say(&late[i], HEADER STARTTLS "injected");
        fake_expect(&late[i], "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
        rig_turns(2);
    }
    fake_close(&late[0]); /* not noticed before its turn, which then passes quickly */
    rig_turns(5);
    assert_int_equal(a.x->n_unauthenticated, 3);
    rig_advance(2500);
    fake_tls_client(&late[1]);
    assert_int_equal(a.x->n_unauthenticated, 2);
    rig_advance(30000);
    rig_until(a.x->n_unauthenticated == 0);
    fake_close(&late[1]);
    fake_close(&late[2]);
    node_stop(&a);
}

static void test_inbound_limits(void **state)
{
    struct xmpp_conf conf;
    struct fake more[4];
    unsigned streams;

    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_conf(&conf, &a);
    conf.per_ip_unauthenticated = 3;
    conf.limits.partner_connection_limit = 2;
    node_start_with(&a, &conf);
    for (int i = 0; i < 4; i++)
        fake_connect(&more[i], node_addr(&a), CERT_NONE);
    rig_until(more[3].closed);
    assert_int_equal(a.x->n_unauthenticated, 3);
    rig_advance(30000); /* an absolute deadline (threat D8) */
    for (int i = 0; i < 4; i++) {
        rig_until(more[i].closed);
        fake_close(&more[i]);
    }
    assert_int_equal(a.x->n_unauthenticated, 0);
    fake_to_ready(&more[0], &a, CERT_THEIRS);
    fake_to_ready(&more[1], &a, CERT_THEIRS);
    fake_to_tls(&more[2], &a, CERT_THEIRS);
    fake_say(&more[2], HEADER AUTH("="));
    fake_expect(&more[2], "<resource-constraint");
    streams = xmpp_counters(a.x)->streams;
    fake_close(&more[0]);
    rig_until(xmpp_counters(a.x)->streams < streams);
    fake_close(&more[2]);
    fake_to_ready(&more[2], &a, CERT_THEIRS);
    node_stop(&a);
    fake_close(&more[1]);
    fake_close(&more[2]);
}

static void test_slow_header(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_connect(&f, node_addr(&a), CERT_NONE);
    for (int i = 0; i < 7 && !f.closed; i++) {
        fake_say(&f, "<");
        rig_turns(2);
        rig_advance(5000);
    }
    assert_true(f.closed);
    node_stop(&a);
    fake_close(&f);
}

/* RFC 6120 4.4: both sides close their half; what comes meanwhile still counts. */
static void test_close_handshake(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "</stream:stream>");
    fake_expect(&f, "</stream:stream>");
    fake_expect_closed(&f);
    fake_close(&f);

    fake_to_ready(&f, &a, CERT_THEIRS);
    rig_advance(601000);
    fake_expect(&f, "</stream:stream>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "late"));
    rig_until(a.n_got == 1);
    assert_false(f.closed);
    rig_advance(10000);
    fake_expect_closed(&f);
    node_stop(&a);
    fake_close(&f);
}

/* One user's odd address is answered, it does not end the stream of all. */
static void test_malformed_address(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<message from='j@" THEIRS "' to='a b@" OURS "' id='7'><body>x</body></message>");
    fake_serve(&server, true);
    fake_expect(&server, "<message type='error' from='a b@" OURS "' to='j@" THEIRS "' id='7'>");
    fake_expect(&server, "<jid-malformed");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "fine"));
    rig_until(a.n_got == 1);
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_external_and_sm),
        T(test_acknowledges_what_is_handled),
        T(test_what_is_handled_is_acknowledged_before_the_end),
        T(test_an_owed_acknowledgement_is_not_said_behind_the_end),
        T(test_window_stops_reading),
        T(test_pause),
        T(test_matrix),
        T(test_tls_required_not_offered),
        T(test_establish_deadline),
        T(test_injection_behind_proceed),
        T(test_idle_close),
        T(test_keep_alive),
        T(test_keep_alive_by_ping),
        T(test_inbound_limits),
        T(test_handshakes_in_turn),
        T(test_slow_header),
        T(test_close_handshake),
        T(test_malformed_address),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
