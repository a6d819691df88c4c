/* Several pairs on one outbound stream: who may ride, and that nobody is harmed by what happens to another. */
#include <stdio.h>

#include "s2s_rig.h"

#define SECOND "second.example"
#define TAILSPIN "tailspin.example"
#define ERRORS "<dialback xmlns='urn:xmpp:features:dialback'><errors/></dialback>"
#define VALID(from, to) "<db:result from='" from "' to='" to "' type='valid'/>"
#define REFUSED(from, to)                                                                                              \
    "<db:result from='" from "' to='" to "' type='error'><error type='cancel'><not-acceptable "                        \
    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>"
#define SERVER_HEADER                                                                                                  \
    "<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "       \
    "xmlns:db='jabber:server:dialback' from='" THEIRS "' to='" OURS "' id='i' version='1.0'>"

static struct node a;
static struct fake server, other;

static void start(enum xmpp_need sasl)
{
    node_start(&a, OURS, "*", CERT_OURS);
    a.also = SECOND;
    a.partner.name = SLICE(THEIRS);
    node_set(&a, XMPP_REQUIRED, sasl, true);
    fake_listen(&server, CERT_TWO_NAMES);
    node_points_to(&a, listener_local(server.listener));
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&server);
}

static bool send_as(const char *from, const char *to, uint64_t token)
{
    enum xmpp_fate fate;
    char text[256];

    snprintf(text, sizeof(text), "<message from='%s' to='%s' id='t%u'><body>%u</body></message>", from, to,
             (unsigned)token, (unsigned)token);
    return xmpp_send(a.x, slice_str(from), slice_str(to), slice_str(text), token, &fate);
}

/* Up to the question of dialback, with these features inside TLS. */
static void serve_dialback(struct fake *f, const char *features)
{
    char text[1024];

    fake_expect(f, "version='1.0'");
    fake_say(f, SERVER_HEADER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(f, "<starttls");
    fake_say(f, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(f);
    fake_expect(f, "version='1.0'");
    snprintf(text, sizeof(text), SERVER_HEADER "<stream:features>%s</stream:features>", features);
    fake_say(f, text);
}

#define SM "<sm xmlns='urn:xmpp:sm:3'/>"

/* A stream of OURS to THEIRS that is ready, with stream management; message 1 is on it. */
static void start_ready(enum xmpp_need sasl, const char *features)
{
    start(sasl);
    send_as(OURS, THEIRS, 1);
    serve_dialback(&server, features);
    fake_expect(&server, "<db:result from='" OURS "' to='" THEIRS "'>");
    fake_say(&server, VALID(THEIRS, OURS));
    fake_expect(&server, "<enable");
    fake_say(&server, "<enabled xmlns='urn:xmpp:sm:3' resume='true' id='r1'/>");
    fake_expect(&server, "<body>1</body>");
}

static void ride(void)
{
    start_ready(XMPP_OPTIONAL, ERRORS SM);
    send_as(SECOND, THEIRS, 2);
    fake_expect(&server, "<db:result from='" SECOND "' to='" THEIRS "'>");
    fake_lacks(&server, "<body>2</body>"); /* not before it is proven */
    fake_say(&server, VALID(THEIRS, SECOND));
    fake_expect(&server, "<body>2</body>");
    assert_int_equal(server.n_accepted, 1);
    assert_int_equal(xmpp_counters(a.x)->streams, 1);
}

static void a_second_domain_of_ours_rides_and_one_count_acknowledges_both(void **state)
{
    ride();
    send_as(OURS, THEIRS, 3);
    send_as(SECOND, THEIRS, 4);
    fake_expect(&server, "<body>4</body>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    rig_turns(5);
    assert_int_equal(a.n_fates, 2);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    assert_false(node_has_fate(&a, 4));
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='4'/>");
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    stop();
}

static void what_a_broken_stream_of_two_had_not_acknowledged_goes_out_again(void **state)
{
    ride();
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    conn_abort(server.conn);
    rig_until(server.n_accepted == 2);
    fake_expect(&server, "from='" SECOND "' to='" THEIRS "'");
    fake_say(&server, SERVER_HEADER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&server, "<starttls");
    fake_say(&server, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(&server);
    fake_say(&server, SERVER_HEADER "<stream:features>" ERRORS SM "</stream:features>");
    fake_expect(&server, "<db:result from='" SECOND "'");
    fake_say(&server, VALID(THEIRS, SECOND));
    fake_expect(&server, "<enable");
    fake_say(&server, "<enabled xmlns='urn:xmpp:sm:3' resume='true' id='r1'/>");
    fake_expect(&server, "<body>2</body>");
    fake_lacks(&server, "<body>1</body>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop();
}

static void the_refused_gets_a_stream_of_its_own_and_harms_nobody(void **state)
{
    start_ready(XMPP_OPTIONAL, ERRORS SM);
    fake_listen(&other, CERT_TWO_NAMES);
    node_points_to(&a, listener_local(other.listener)); /* where the next stream goes */
    send_as(SECOND, THEIRS, 2);
    fake_expect(&server, "<db:result from='" SECOND "'");
    fake_say(&server, REFUSED(THEIRS, SECOND));
    rig_until(other.n_accepted == 1);
    serve_dialback(&other, ERRORS);
    fake_expect(&other, "<db:result from='" SECOND "'");
    fake_say(&other, VALID(THEIRS, SECOND));
    fake_expect(&other, "<body>2</body>");
    send_as(OURS, THEIRS, 3);
    fake_expect(&server, "<body>3</body>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    assert_int_equal(a.n_fates, 2);
    conn_abort(other.conn); /* it is remembered: the next one is its own, too */
    rig_until(other.n_accepted == 2);
    fake_lacks(&server, "<body>2</body>");
    stop();
    fake_close(&other);
}

static void one_that_gets_no_answer_goes_alone(void **state)
{
    start_ready(XMPP_OPTIONAL, ERRORS SM);
    send_as(SECOND, THEIRS, 2);
    fake_expect(&server, "<db:result from='" SECOND "'");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    rig_advance(30000);
    rig_until(server.n_accepted == 2);
    stop();
}

/* Two gateways; the far one serves two domains at one address, and its certificate names both, or only the first. */
static void another_domain_of_the_partner_at_the_same_address_rides_if_it_is_certified(void **state)
{
    for (int both = 0; both < 2; both++) {
        static struct node b;

        node_start(&a, OURS, "*", CERT_SELF_SIGNED);
        node_start(&b, THEIRS, OURS, both ? CERT_TWO_NAMES : CERT_THEIRS);
        a.partner.name = SLICE(THEIRS);
        b.also = TAILSPIN;
        node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
        node_set(&b, XMPP_REQUIRED, XMPP_OPTIONAL, true);
        node_points_to(&a, node_addr(&b));
        node_points_to(&b, node_addr(&a));
        send_as(OURS, THEIRS, 1);
        assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
        send_as(OURS, TAILSPIN, 2);
        assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
        assert_true(xmpp_is_linked(a.x, SLICE(THEIRS)));
        assert_true(xmpp_is_linked(a.x, SLICE(TAILSPIN)));
        assert_int_equal(rig_logged("stream-shared local=" OURS " remote=" TAILSPIN), both);
        node_stop(&a);
        node_stop(&b);
    }
}

/* Neither rides: no <errors/>; a proof by certificate; SASL required. */
static void nobody_rides_where_it_may_not(void **state)
{
    start_ready(XMPP_OPTIONAL, SM);
    send_as(SECOND, THEIRS, 2);
    rig_until(server.n_accepted == 2);
    assert_false(rig_logged("stream-shared"));
    stop();
    for (int required = 0; required < 2; required++) {
        start(required ? XMPP_REQUIRED : XMPP_OPTIONAL);
        send_as(OURS, THEIRS, 1);
        fake_serve(&server, true);
        fake_expect(&server, "<body>1</body>");
        send_as(SECOND, THEIRS, 2);
        rig_until(server.n_accepted == 2);
        assert_false(rig_logged("stream-shared"));
        stop();
    }
}

static void a_domain_that_is_no_longer_served_leaves_the_others_alone(void **state)
{
    ride();
    a.also = NULL;
    xmpp_reconsider(a.x);
    rig_until(node_has_fate(&a, 2));
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_LOST);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    send_as(OURS, THEIRS, 3);
    fake_expect(&server, "<body>3</body>");
    assert_int_equal(server.n_accepted, 1);
    stop();
}

static void one_verdict_that_nobody_asked_for_proves_nothing(void **state)
{
    start_ready(XMPP_OPTIONAL, ERRORS SM);
    fake_say(&server, VALID(THEIRS, SECOND));
    rig_until(rig_logged("a dialback verdict that nobody asked for"));
    send_as(SECOND, THEIRS, 2);
    fake_expect(&server, "<db:result from='" SECOND "'");
    fake_lacks(&server, "<body>2</body>");
    stop();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(a_second_domain_of_ours_rides_and_one_count_acknowledges_both),
        T(what_a_broken_stream_of_two_had_not_acknowledged_goes_out_again),
        T(the_refused_gets_a_stream_of_its_own_and_harms_nobody),
        T(one_that_gets_no_answer_goes_alone),
        T(another_domain_of_the_partner_at_the_same_address_rides_if_it_is_certified),
        T(nobody_rides_where_it_may_not),
        T(a_domain_that_is_no_longer_served_leaves_the_others_alone),
        T(one_verdict_that_nobody_asked_for_proves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
