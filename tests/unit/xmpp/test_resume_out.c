/* Our stream is resumed with a partner that offers it (XEP-0198 5): nothing is lost or doubled, and no answer is believed
 * that cannot be true. */
#include <stdio.h>

#include "s2s_rig.h"
#include "xmpp/resume_out.h"

#define SM "urn:xmpp:sm:3"
#define ENABLE "<enable xmlns='" SM "' resume='true'/>"
#define R "<r xmlns='" SM "'/>"
#define INSTEAD "<iq type='result' id='withdrawn' from='" OURS "' to='" THEIRS "'/>"
#define SERVED                                                                                                         \
    "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "                            \
    "xmlns:db='jabber:server:dialback' id='i' version='1.0'>"
#define BODY(text) "<body>" text "</body>"

static struct node a;
static struct fake server;

static void say_enabled(const char *id)
{
    char text[8192];

    snprintf(text, sizeof(text), "<enabled xmlns='" SM "' id='%s' resume='true' max='300'/>", id);
    fake_say(&server, text);
}

/* A stream that can be resumed by the id "one", on which three messages were written. */
static void start(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "first"));
    fake_serve_proven(&server, true);
    fake_expect(&server, ENABLE);
    say_enabled("one");
    fake_expect(&server, BODY("first"));
    assert_true(node_send(&a, 2, "second"));
    assert_true(node_send(&a, 3, "third"));
    fake_expect(&server, BODY("third"));
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&server);
}

static void cut(void)
{
    unsigned n = server.n_accepted;

    conn_detach(server.conn);
    server.conn = NULL;
    rig_until(server.n_accepted == n + 1);
}

static void answer(const char *name, const char *attributes)
{
    char text[256];

    snprintf(text, sizeof(text), "<%s xmlns='" SM "' %s/>", name, attributes);
    fake_say(&server, text);
}

/* Cut, and the next stream as far as the question, which names id and what we have of the partner's stanzas. */
static void cut_and_asked(const char *id, unsigned h)
{
    char text[256];

    cut();
    fake_serve_proven(&server, true);
    snprintf(text, sizeof(text), "<resume xmlns='" SM "' previd='%s' h='%u'/>", id, h);
    fake_expect(&server, text);
    fake_lacks(&server, "<body>"); /* before the answer nothing is written */
}

static void test_what_is_handled_is_settled_and_the_rest_goes_again_by_the_same_numbers(void **state)
{
    start();
    cut_and_asked("one", 0);
    assert_int_equal(a.n_fates, 0);
    assert_true(node_send(&a, 4, "fourth"));
    answer("resumed", "previd='one' h='1'");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    fake_expect(&server, BODY("second"));
    fake_expect(&server, BODY("third"));
    fake_expect(&server, BODY("fourth"));
    fake_lacks(&server, BODY("first"));
    fake_expect(&server, R);
    answer("a", "h='4'");
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    assert_int_equal(a.n_fates, 4);
    assert_int_equal(xmpp_counters(a.x)->resent, 2);
    assert_true(rig_logged("stream-resumed local=" OURS " remote=" THEIRS " direction=out handled=1 open=2"));
    stop();
}

static void test_cut_again_and_again(void **state)
{
    start();
    for (unsigned i = 0; i < 7; i++) { /* and nothing is acknowledged */
        cut_and_asked("one", 0);
        answer("resumed", "previd='one' h='0'");
        fake_expect(&server, i % 2 ? BODY("first") : BODY("third"));
    }
    cut_and_asked("one", 0);
    answer("resumed", "previd='one' h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    stop();
}

/* It breaks whenever the same stanza is written: not for ever. */
static void test_resumed_in_vain_it_goes_on_without_resumption(void **state)
{
    start();
    for (unsigned i = 0; i < XMPP_RESUME_IN_VAIN_MAX; i++) {
        cut_and_asked("one", 0);
        answer("resumed", "previd='one' h='0'");
        fake_expect(&server, BODY("third"));
    }
    cut();
    fake_serve_proven(&server, true);
    fake_expect(&server, "<enable");
    answer("enabled", "");
    fake_expect(&server, BODY("third"));
    answer("a", "h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    stop();
}

static void test_failed_it_is_repeated_on_a_stream_anew(void **state)
{
    static const struct {
        const char *h;
        unsigned n_known;
    } cases[] = { { "", 0 }, { "h='2'", 2 }, { "h='3'", 3 }, { "h='4'", 0 }, { "h='4294967295'", 0 }, { "h='x'", 0 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        start();
        cut_and_asked("one", 0);
        answer("failed", cases[i].h);
        fake_expect(&server, ENABLE);
        rig_turns(3);
        assert_int_equal(a.n_fates, cases[i].n_known);
        say_enabled("two");
        if (cases[i].n_known < 3)
            fake_expect(&server, BODY("third"));
        assert_true(node_send(&a, 4, "fourth"));
        fake_expect(&server, BODY("fourth"));
        cut_and_asked("two", 0);
        answer("resumed", cases[i].n_known == 3   ? "previd='two' h='1'"
                          : cases[i].n_known == 2 ? "previd='two' h='2'"
                                                  : "previd='two' h='4'");
        assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
        assert_int_equal(a.n_fates, 4);
        stop();
    }
}

/* More than was sent, less than was acknowledged, another id: the stream ends, and all of it is repeated elsewhere. */
static void test_answers_that_cannot_be_true(void **state)
{
    static const char *const answers[] = { "previd='one' h='4'", "previd='one' h='0'", "previd='one' h='4294967295'",
                                           "previd='two' h='2'", "previd='one'",       "h='2'" };

    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        start();
        answer("a", "h='1'");
        assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
        cut_and_asked("one", 0);
        answer("resumed", answers[i]);
        fake_expect(&server, "<undefined-condition");
        rig_advance(500);
        rig_until(server.n_accepted == 3);
        fake_serve(&server, true);
        fake_expect(&server, BODY("second"));
        fake_expect(&server, BODY("third"));
        answer("a", "h='2'");
        assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
        assert_int_equal(a.n_fates, 3);
        stop();
    }
}

/* Who was told that it is not delivered is told the truth: it is not sent again, and the others keep their numbers. */
static void test_a_withdrawn_one_keeps_its_place(void **state)
{
    start();
    assert_true(xmpp_withdraw(a.x, 2));
    cut_and_asked("one", 0);
    assert_true(xmpp_withdraw(a.x, 1)); /* between two streams, too */
    answer("resumed", "previd='one' h='0'");
    fake_expect(&server, INSTEAD INSTEAD);
    fake_expect(&server, BODY("third"));
    fake_lacks(&server, BODY("first"));
    fake_lacks(&server, BODY("second"));
    answer("a", "h='2'");
    rig_turns(3);
    assert_int_equal(a.n_fates, 0);
    answer("a", "h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    assert_int_equal(a.n_fates, 1);
    stop();
}

static void test_it_tries_until_the_server_is_back(void **state)
{
    static struct fake again;

    start();
    listener_close(server.listener);
    server.listener = NULL;
    conn_detach(server.conn);
    server.conn = NULL;
    rig_turns(20);
    assert_int_equal(a.n_fates, 0);
    fake_listen(&again, CERT_THEIRS);
    node_points_to(&a, listener_local(again.listener));
    for (unsigned i = 0; i < 20 && !again.n_accepted; i++)
        rig_advance(500);
    fake_serve_proven(&again, true);
    fake_expect(&again, "<resume xmlns='" SM "' previd='one' h='0'/>");
    fake_say(&again, "<resumed xmlns='" SM "' previd='one' h='3'/>");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    stop();
    fake_close(&again);
}

static void test_a_server_that_stays_away_is_given_up_and_the_fate_is_true(void **state)
{
    start();
    listener_close(server.listener);
    server.listener = NULL;
    conn_detach(server.conn);
    server.conn = NULL;
    for (unsigned i = 0; i < 200 && a.n_fates < 3; i++)
        rig_advance(500);
    for (uint64_t t = 1; t <= 3; t++)
        assert_int_equal(node_fate(&a, t), XMPP_FATE_LOST);
    stop();
}

/* An unanswered question: the connection is given up without a word, so that what it carried can be resumed. */
static void test_a_black_hole_is_left_and_resumed(void **state)
{
    start();
    rig_turns(3);
    rig_advance(60000);
    rig_until(server.n_accepted == 2);
    fake_lacks(&server, "stream:error");
    fake_serve_proven(&server, true);
    fake_expect(&server, "<resume");
    answer("resumed", "previd='one' h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    stop();
}

/* The partner ended it: that was no loss of the connection. */
static void test_what_was_ended_in_order_is_not_resumed(void **state)
{
    static const char *const ends[] = {
        "</stream:stream>",
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
        "<a xmlns='" SM "' h='9'/>",
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        start();
        fake_say(&server, ends[i]);
        rig_until(server.n_accepted == 2);
        fake_serve(&server, true);
        fake_expect(&server, BODY("third"));
        fake_lacks(&server, "<resume");
        answer("a", "h='3'");
        assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
        stop();
    }
}

/* Nothing is open: there is nothing to resume for, and the next message gets a stream of its own. */
static void test_nothing_open_nothing_resumed(void **state)
{
    start();
    answer("a", "h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    conn_detach(server.conn);
    server.conn = NULL;
    rig_until(xmpp_counters(a.x)->streams == 0);
    rig_turns(5);
    assert_int_equal(server.n_accepted, 1);
    assert_true(node_send(&a, 4, "fourth"));
    rig_until(server.n_accepted == 2);
    fake_serve(&server, true);
    fake_expect(&server, BODY("fourth"));
    answer("a", "h='1'");
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    stop();
}

static void test_ids_that_cannot_be_used(void **state)
{
    char attributes[XMPP_RESUME_ID_MAX + 200];
    static const char *const given[] = { "resume='true'", "id='one'", "id='one' resume='false'",
                                         "id='' resume='true'" };

    for (size_t i = 0; i < 5; i++) {
        node_start(&a, OURS, THEIRS, CERT_OURS);
        fake_listen(&server, CERT_THEIRS);
        node_points_to(&a, listener_local(server.listener));
        assert_true(node_send(&a, 1, "first"));
        fake_serve_proven(&server, true);
        fake_expect(&server, ENABLE);
        if (i < 4)
            snprintf(attributes, sizeof(attributes), "<enabled xmlns='" SM "' %s/>", given[i]);
        else
            snprintf(attributes, sizeof(attributes), "<enabled xmlns='" SM "' resume='1' id='%0*d'/>",
                     XMPP_RESUME_ID_MAX + 1, 1);
        fake_say(&server, attributes);
        fake_expect(&server, BODY("first"));
        cut();
        fake_serve(&server, true);
        fake_expect(&server, BODY("first"));
        answer("a", "h='1'");
        assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
        stop();
    }
}

/* SASL was the proof; the partner refuses it now: the stream is set up by dialback, and not resumed. */
static void test_not_by_a_weaker_proof(void **state)
{
    start();
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    cut();
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&server, "<starttls");
    fake_say(&server, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    fake_say(&server, SERVED "<stream:features><sm xmlns='" SM "'/>"
                             "<dialback xmlns='urn:xmpp:features:dialback'/></stream:features>");
    fake_expect(&server, "</db:result>");
    fake_say(&server, "<db:result from='" THEIRS "' to='" OURS "' type='valid'/>");
    fake_expect(&server, ENABLE);
    fake_lacks(&server, "<resume");
    say_enabled("two");
    fake_expect(&server, BODY("third"));
    answer("a", "h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    stop();
}

static void test_not_when_it_is_not_offered_any_more(void **state)
{
    start();
    cut();
    fake_serve(&server, false);
    fake_expect(&server, BODY("third"));
    fake_lacks(&server, "<resume");
    assert_true(xmpp_withdraw(a.x, 1));
    assert_true(xmpp_withdraw(a.x, 2));
    assert_true(xmpp_withdraw(a.x, 3));
    stop();
}

static void test_what_is_not_allowed_any_more_is_not_resumed(void **state)
{
    start();
    cut();
    fake_expect(&server, "version='1.0'");
    a.partner_domain = "nobody.example";
    xmpp_reconsider(a.x);
    fake_expect(&server, "<policy-violation");
    for (uint64_t t = 1; t <= 3; t++)
        assert_int_equal(node_fate(&a, t), XMPP_FATE_LOST);
    a.partner_domain = THEIRS;
    xmpp_reconsider(a.x);
    rig_turns(2);
    assert_true(node_send(&a, 4, "fourth"));
    rig_until(server.n_accepted == 3);
    fake_serve(&server, true);
    fake_expect(&server, BODY("fourth"));
    fake_lacks(&server, "<resume");
    answer("a", "h='1'");
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    stop();
}

static void test_not_at_shutdown(void **state)
{
    start();
    cut();
    fake_serve_proven(&server, true);
    fake_expect(&server, "<resume");
    node_stop(&a); /* each has its fate; nothing is left */
    fake_close(&server);
}

/* Stanzas that the partner wrote on this stream count for it, though we drop them. */
static void test_we_say_what_we_have_of_the_partners(void **state)
{
    start();
    fake_say(&server, MESSAGE("j@" THEIRS, "r@" OURS, "x") MESSAGE("j@" THEIRS, "r@" OURS, "y") R);
    fake_expect(&server, "<a xmlns='" SM "' h='2'/>");
    cut_and_asked("one", 2);
    answer("resumed", "previd='one' h='3'");
    fake_say(&server, R);
    fake_expect(&server, "<a xmlns='" SM "' h='2'/>");
    stop();
}

/* The counters wrap at 2^32. */
static void test_the_count_goes_on_over_2_32(void **state)
{
    struct xmpp_stream *s;

    start();
    answer("a", "h='3'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    s = container_of(a.x->streams.next, struct xmpp_stream, link);
    s->sm_out.sent = s->sm_out.acked = UINT32_MAX - 1;
    for (uint64_t t = 4; t <= 7; t++)
        assert_true(node_send(&a, t, t == 7 ? "seventh" : "x"));
    fake_expect(&server, BODY("seventh"));
    cut_and_asked("one", 0);
    answer("resumed", "previd='one' h='4294967295'");
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    fake_expect(&server, BODY("seventh"));
    answer("a", "h='1'");
    assert_int_equal(node_fate(&a, 6), XMPP_FATE_CONFIRMED);
    rig_turns(2);
    assert_false(node_has_fate(&a, 7));
    answer("a", "h='2'");
    assert_int_equal(node_fate(&a, 7), XMPP_FATE_CONFIRMED);
    stop();
}

/* Who is told of a confirmation sends more at once: that comes behind what goes again. */
static void test_what_is_sent_on_hearing_a_fate_comes_behind(void **state)
{
    start();
    a.insists = true;
    cut_and_asked("one", 0);
    answer("resumed", "previd='one' h='2'");
    fake_expect(&server, BODY("third"));
    fake_expect(&server, BODY("again"));
    fake_expect(&server, BODY("again"));
    fake_lacks(&server, BODY("second"));
    a.insists = false;
    answer("a", "h='5'");
    assert_int_equal(node_fate(&a, 1001), XMPP_FATE_CONFIRMED);
    stop();
}

/* More than fits into the send queue at once: it goes as there is room. */
static void test_a_large_window_goes_again(void **state)
{
    static char large[60000];
    enum xmpp_fate fate;

    memset(large, 'x', sizeof(large) - 1);
    start();
    for (unsigned i = 0; i < 15; i++) { /* answers and errors do not wait for the window */
        struct buf b;

        buf_init(&b, 1 << 17);
        buf_printf(&b, "<message from='" OURS "' to='" THEIRS "' id='%u'><body>%s</body></message>", i, large);
        assert_true(xmpp_send(a.x, SLICE(OURS), SLICE(THEIRS), buf_slice(&b), 0, &fate));
        buf_free(&b);
    }
    fake_expect(&server, "id='14'");
    cut_and_asked("one", 0);
    answer("resumed", "previd='one' h='0'");
    fake_expect(&server, BODY("first"));
    fake_expect(&server, "id='14'");
    answer("a", "h='18'");
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_CONFIRMED);
    rig_until(xmpp_counters(a.x)->queued == 0);
    assert_int_equal(server.n_accepted, 2);
    stop();
}

/* Both ends are ours: cut at every point of a talk, each message arrives once, in order. */
static void test_two_gateways(void **state)
{
    struct node b;
    char expected[4096] = "";
    uint64_t t = 0;

    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_start(&b, THEIRS, OURS, CERT_THEIRS);
    node_points_to(&a, node_addr(&b));
    for (unsigned turns = 0; turns < 24; turns++) {
        struct xmpp_pair *p;

        for (unsigned i = 0; i < 3; i++) {
            char body[32];

            snprintf(body, sizeof(body), "%u", (unsigned)++t);
            assert_true(node_send(&a, t, body));
            snprintf(expected + strlen(expected), sizeof(expected) - strlen(expected),
                     "romeo@" OURS ">juliet@" THEIRS ":message:%s\n", body);
        }
        p = xmpp_pair_find(a.x, SLICE(OURS), SLICE(THEIRS));
        rig_turns((int)turns);
        if (p && p->stream && p->ready)
            conn_abort(p->stream->conn);
    }
    for (unsigned i = 0; i < 400 && !node_has_fate(&a, t); i++) /* it may rest before it tries again */
        rig_advance(500);
    assert_int_equal(node_fate(&a, t), XMPP_FATE_CONFIRMED);
    for (uint64_t each = 1; each <= t; each++)
        assert_int_equal(node_fate(&a, each), XMPP_FATE_CONFIRMED);
    assert_string_equal(b.got.p, expected);
    assert_true(rig_logged("direction=in handled="));
    node_stop(&a);
    node_stop(&b);
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_what_is_handled_is_settled_and_the_rest_goes_again_by_the_same_numbers),
        T(test_cut_again_and_again),
        T(test_resumed_in_vain_it_goes_on_without_resumption),
        T(test_failed_it_is_repeated_on_a_stream_anew),
        T(test_answers_that_cannot_be_true),
        T(test_a_withdrawn_one_keeps_its_place),
        T(test_it_tries_until_the_server_is_back),
        T(test_a_server_that_stays_away_is_given_up_and_the_fate_is_true),
        T(test_a_black_hole_is_left_and_resumed),
        T(test_what_was_ended_in_order_is_not_resumed),
        T(test_nothing_open_nothing_resumed),
        T(test_ids_that_cannot_be_used),
        T(test_not_by_a_weaker_proof),
        T(test_not_when_it_is_not_offered_any_more),
        T(test_what_is_not_allowed_any_more_is_not_resumed),
        T(test_not_at_shutdown),
        T(test_we_say_what_we_have_of_the_partners),
        T(test_the_count_goes_on_over_2_32),
        T(test_what_is_sent_on_hearing_a_fate_comes_behind),
        T(test_a_large_window_goes_again),
        T(test_two_gateways),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
