/* A partner's stream is resumed after its connection was lost (XEP-0198 5); and who may not have it, and what it may cost. */
#include <stdio.h>

#include "s2s_rig.h"
#include "xmpp/resume_in.h"

#define SM "urn:xmpp:sm:3"
#define ENABLE "<enable xmlns='" SM "' resume='true'/>"
#define R "<r xmlns='" SM "'/>"
#define NOT_FOUND "<failed xmlns='" SM "'><item-not-found"
#define M(body) MESSAGE("j@" THEIRS, "r@" OURS, body)
/* With an id of its own, as servers send. */
#define MI(id) "<message from='j@" THEIRS "' to='r@" OURS "' id='" id "'><body>" id "</body></message>"
#define TAILSPIN "tailspin.example"
#define RESULT(from, to) "<db:result from='" from "' to='" to "'>k</db:result>"
#define VALID(from, to) "<db:result from='" from "' to='" to "' type='valid'/>"

static struct node a;
static struct fake f, g;
static char id[64];

/* The value of the attribute in what came last. */
static void take_id(struct fake *p)
{
    snprintf(id, sizeof(id), "%.*s", XMPP_RESUME_ID, fake_expect(p, "' max='"));
    assert_int_equal(strspn(id, "0123456789abcdef"), XMPP_RESUME_ID);
}

static void enable(struct fake *p)
{
    fake_say(p, ENABLE);
    fake_expect(p, "<enabled xmlns='" SM "' id='");
    take_id(p);
    fake_expect(p, "120' resume='true'/>");
}

static void start(void)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_ready(&f, &a, CERT_THEIRS);
    enable(&f);
}

/* Cut, with nothing said. */
static void cut(struct fake *p)
{
    size_t away = a.x->n_away;

    fake_close(p);
    rig_until(a.x->n_away == away + 1 || a.x->counters.streams == 0);
}

static void say_resume(struct fake *p, const char *previd, unsigned h)
{
    char text[160];

    snprintf(text, sizeof(text), "<resume xmlns='" SM "' previd='%s' h='%u'/>", previd, h);
    fake_say(p, text);
}

static void expect_resumed(struct fake *p, unsigned h)
{
    char text[160];

    snprintf(text, sizeof(text), "<resumed xmlns='" SM "' previd='%s' h='%u'/>", id, h);
    fake_expect(p, text);
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&f);
}

/* SIP has answered the first, and the third out of turn, before the cut; the second while the partner is away. */
static void test_the_count_is_true_and_nothing_is_served_twice(void **state)
{
    start();
    a.hold = true;
    fake_say(&f, MI("1") MI("2") MI("3") MI("4") R);
    fake_expect(&f, "h='0'");
    rig_until(a.n_got == 4);
    xmpp_handled(a.x, a.receipts[0]);
    xmpp_handled(a.x, a.receipts[2]);
    cut(&f);
    assert_int_equal(a.x->n_away, 1);
    xmpp_handled(a.x, a.receipts[1]);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, id, 0);
    expect_resumed(&f, 3);
    fake_say(&f, MI("4") MI("5") R); /* the repeat, and a new one */
    fake_expect(&f, "h='3'");
    rig_until(a.n_got == 5);
    assert_non_null(strstr(a.got.p, ":4\n"
                                    "j@" THEIRS ">r@" OURS ":message:5\n"));
    xmpp_handled(a.x, a.receipts[3]); /* the first copy's receipt */
    xmpp_handled(a.x, a.receipts[4]);
    fake_expect(&f, "h='5'");
    assert_int_equal(a.x->carried.n, 0);
    assert_true(rig_logged("stream-resumed local=" OURS " remote=" THEIRS " direction=in handled=3 open=1"));
    stop();
}

static void test_cut_again_and_again_in_the_middle_of_the_repeats(void **state)
{
    start();
    a.hold = true;
    fake_say(&f, MI("1") MI("2") MI("3") R);
    fake_expect(&f, "h='0'");
    for (int i = 0; i < 5; i++) {
        cut(&f);
        fake_to_ready(&f, &a, CERT_THEIRS);
        say_resume(&f, id, 0);
        expect_resumed(&f, 0);
        fake_say(&f, i % 2 ? MI("1") R : R);
        fake_expect(&f, "h='0'");
    }
    fake_say(&f, MI("1") MI("2") MI("3") MI("4") R);
    fake_expect(&f, "h='0'");
    assert_int_equal(a.n_got, 4);
    for (int i = 3; i >= 0; i--)
        xmpp_handled(a.x, a.receipts[i]);
    fake_expect(&f, "h='4'");
    stop();
}

/* The first connection still stands for us: it is taken over, and told so. */
static void test_a_live_stream_is_taken_over(void **state)
{
    start();
    fake_say(&f, MI("1"));
    rig_until(a.n_got == 1);
    fake_to_ready(&g, &a, CERT_THEIRS);
    say_resume(&g, id, 0);
    expect_resumed(&g, 1);
    fake_expect(&f, "<conflict");
    fake_expect(&f, "</stream:stream>");
    fake_expect_closed(&f);
    assert_int_equal(a.x->n_away, 0);
    fake_say(&g, MI("2") R);
    fake_expect(&g, "h='2'");
    fake_close(&g);
    stop();
}

static void test_the_partner_may_ask_for_less_time_and_then_it_is_over(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_ready(&f, &a, CERT_THEIRS);
    fake_say(&f, "<enable xmlns='" SM "' resume='1' max='7'/>");
    fake_expect(&f, "<enabled xmlns='" SM "' id='");
    take_id(&f);
    fake_expect(&f, "7' resume='true'/>");
    cut(&f);
    rig_advance(6900);
    assert_int_equal(a.x->n_away, 1);
    rig_advance(200);
    assert_int_equal(a.x->n_away, 0);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, id, 0);
    fake_expect(&f, NOT_FOUND);
    enable(&f); /* the stream goes on without */
    fake_say(&f, M("1") R);
    fake_expect(&f, "h='1'");
    stop();
}

static void test_what_was_ended_in_order_is_not_resumed(void **state)
{
    static const char *const ends[] = {
        "</stream:stream>", "</nonsense>",
        "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        "<a xmlns='" SM "' h='1'/>", /* which is more than we sent */
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        start();
        fake_say(&f, M("1"));
        rig_until(a.n_got == 1);
        fake_say(&f, ends[i]);
        fake_expect_closed(&f);
        rig_until(a.x->sessions.n == 0);
        assert_int_equal(a.x->n_away, 0);
        fake_close(&f);
        fake_to_ready(&f, &a, CERT_THEIRS);
        say_resume(&f, id, 0);
        fake_expect(&f, NOT_FOUND);
        stop();
    }
}

/* ---- who may not ---- */

static void test_not_before_authentication(void **state)
{
    start();
    cut(&f);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    say_resume(&f, id, 0);
    fake_expect(&f, "<not-authorized");
    fake_expect_closed(&f);
    assert_int_equal(a.x->n_away, 1); /* the partner may still have it */
    fake_close(&f);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, id, 0);
    expect_resumed(&f, 0);
    stop();
}

/* p: ready, for TAILSPIN, by a certificate that names it and THEIRS. */
static void to_ready_as_tailspin(struct fake *p)
{
    fake_connect(p, node_addr(&a), CERT_TWO_NAMES);
    fake_say(p, HEADER_FROM(TAILSPIN, OURS) STARTTLS);
    fake_expect(p, "<proceed");
    fake_tls_client(p);
    fake_say(p, HEADER_FROM(TAILSPIN, OURS));
    fake_expect(p, "<mechanism>EXTERNAL</mechanism>");
    fake_say(p, AUTH("="));
    fake_expect(p, "<success");
    fake_forget(p);
    fake_say(p, HEADER_FROM(TAILSPIN, OURS));
    fake_expect(p, "</stream:features>");
}

/* Another partner, or another domain of the same partner, knows the id and asks while it is away, and while it lives. */
static void test_not_by_another_domain(void **state)
{
    for (int i = 0; i < 4; i++) {
        start();
        a.second_domain = TAILSPIN;
        a.second = a.partner;
        if (i < 2)
            a.second.name = SLICE(TAILSPIN);
        if (i % 2)
            cut(&f);
        to_ready_as_tailspin(&g);
        say_resume(&g, id, 0);
        fake_expect(&g, NOT_FOUND);
        assert_int_equal(a.x->n_away, i % 2);
        if (i % 2) {
            fake_to_ready(&f, &a, CERT_THEIRS);
            say_resume(&f, id, 0);
            expect_resumed(&f, 0);
        } else {
            fake_say(&f, M("still mine") R);
            fake_expect(&f, "h='1'");
        }
        fake_close(&g);
        stop();
    }
}

static void test_not_to_another_domain_of_ours(void **state)
{
    start();
    a.also = "second.example";
    cut(&f);
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    fake_say(&f, HEADER_FROM(THEIRS, "second.example") STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    fake_say(&f, HEADER_FROM(THEIRS, "second.example"));
    fake_expect(&f, "<mechanism>EXTERNAL</mechanism>");
    fake_say(&f, AUTH("="));
    fake_expect(&f, "<success");
    fake_forget(&f);
    fake_say(&f, HEADER_FROM(THEIRS, "second.example"));
    fake_expect(&f, "</stream:features>");
    say_resume(&f, id, 0);
    fake_expect(&f, NOT_FOUND);
    stop();
}

/* What was proven by certificate is not given to one that was proven by dialback. */
static void test_not_by_a_weaker_proof(void **state)
{
    start();
    cut(&f);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_say(&f, RESULT(THEIRS, OURS));
    fake_expect(&f, VALID(OURS, THEIRS)); /* XEP-0344: by the certificate, but it is dialback */
    say_resume(&f, id, 0);
    fake_expect(&f, NOT_FOUND);
    stop();
}

static void test_ids_that_nobody_was_given_or_that_are_used_up(void **state)
{
    static const char *const ids[] = { "", "x", "0123456789abcdef0123456789abcdef",
                                       "0123456789abcdef0123456789abcdef0" };
    char cased[64];

    start();
    cut(&f);
    fake_to_ready(&f, &a, CERT_THEIRS);
    for (size_t i = 0; i < 4; i++) {
        say_resume(&f, ids[i], 0);
        fake_expect(&f, NOT_FOUND);
    }
    snprintf(cased, sizeof(cased), "%s", id);
    cased[XMPP_RESUME_ID - 1] = cased[XMPP_RESUME_ID - 1] == '0' ? '1' : '0';
    say_resume(&f, cased, 0);
    fake_expect(&f, NOT_FOUND);
    fake_say(&f, "<resume xmlns='" SM "' h='0'/>");
    fake_expect(&f, NOT_FOUND);
    for (int i = 0; i < 2; i++) { /* no h, or none that is one */
        fake_say(&f, "<resume xmlns='" SM "' previd='x' h='-1'/><resume xmlns='" SM "' previd='x'/>");
        fake_expect(&f, "<bad-request");
        fake_expect(&f, "<bad-request");
    }
    say_resume(&f, id, 0);
    expect_resumed(&f, 0);
    say_resume(&f, id, 0); /* twice on one stream */
    fake_expect(&f, "<unexpected-request");
    fake_say(&f, ENABLE);
    fake_expect(&f, "<unexpected-request");
    fake_say(&f, M("1") R);
    fake_expect(&f, "h='1'");
    stop();
}

static void test_h_of_what_we_never_sent_ends_the_stream_that_says_it(void **state)
{
    start();
    cut(&f);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, id, 1);
    fake_expect(&f, "<handled-count-too-high xmlns='" SM "' h='1' send-count='0'/>");
    fake_expect_closed(&f);
    fake_close(&f);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, id, 0);
    expect_resumed(&f, 0);
    stop();
}

/* ---- several pairs ---- */

static void test_all_pairs_that_were_proven_must_be_proven_again(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.also = "second.example";
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER RESULT(THEIRS, OURS) RESULT(THEIRS, "second.example"));
    fake_expect(&f, VALID("second.example", THEIRS));
    enable(&f);
    cut(&f);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER RESULT(THEIRS, "second.example"));
    fake_expect(&f, VALID("second.example", THEIRS));
    say_resume(&f, id, 0);
    fake_expect(&f, NOT_FOUND);
    fake_say(&f, RESULT(THEIRS, OURS));
    fake_expect(&f, VALID(OURS, THEIRS));
    say_resume(&f, id, 0);
    expect_resumed(&f, 0);
    stop();
}

/* ---- what it may cost ---- */

/* A partner may leave as many behind as it may have streams; the oldest go. */
static void test_a_flood_of_cut_streams_is_bounded_and_does_not_touch_another_partner(void **state)
{
    char first[64], last[64];

    start();
    a.second_domain = TAILSPIN;
    a.second = a.partner;
    a.second.name = SLICE(TAILSPIN);
    to_ready_as_tailspin(&g);
    enable(&g);
    snprintf(first, sizeof(first), "%s", id);
    fake_close(&g);
    rig_until(a.x->n_away == 1);
    for (int i = 0; i < 50; i++) {
        fake_close(&f);
        fake_to_ready(&f, &a, CERT_THEIRS);
        enable(&f);
        fake_say(&f, M("x") R);
        fake_expect(&f, "h='1'");
    }
    snprintf(last, sizeof(last), "%s", id);
    fake_close(&f);
    rig_until(a.x->counters.streams == 0);
    assert_int_equal(a.x->n_away, 21);
    assert_int_equal(a.x->sessions.n, 21);
    to_ready_as_tailspin(&f);
    say_resume(&f, first, 0);
    fake_expect(&f, "<resumed");
    fake_close(&f);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, last, 0);
    fake_expect(&f, "<resumed");
    stop();
    assert_true(rig_logged("stream-resumed"));
}

static void say_many(struct fake *p, unsigned first, unsigned n)
{
    struct buf m;

    buf_init(&m, 1 << 20);
    for (unsigned i = 0; i < n; i++)
        buf_printf(&m, "<message from='j@" THEIRS "' to='r@" OURS "' id='n%u'/>", first + i);
    buf_str(&m, R);
    assert_true(buf_ok(&m));
    buf_char(&m, 0);
    fake_say(p, m.p);
    buf_free(&m);
}

/* What SIP does not answer adds up over streams of one partner: only so much is kept to be known again. */
static void test_stanzas_that_wait_to_be_repeated_are_bounded(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    a.hold = true;
    for (unsigned i = 0; i < 20; i++) {
        fake_to_ready(&f, &a, CERT_THEIRS);
        enable(&f);
        say_many(&f, i * 1000, 1000);
        rig_until(a.n_got == (i + 1) * 1000);
        fake_close(&f);
        rig_until(a.x->counters.streams == 0);
        assert_true(a.x->carried.n <= XMPP_RESUME_PARTNER_STANZAS_MAX);
    }
    assert_int_equal(a.x->n_away, 8);
    rig_advance(XMPP_RESUME_S * 1000 + 1000);
    assert_int_equal(a.x->n_away, 0);
    assert_int_equal(a.x->carried.n, 0);
    fake_connect(&f, node_addr(&a), CERT_THEIRS);
    stop();
}

/* ---- shutdown, settings ---- */

static void on_stopped(void *arg)
{
    ((struct node *)arg)->stopped = true;
}

static void test_nothing_is_kept_at_shutdown(void **state)
{
    start();
    cut(&f);
    assert_int_equal(a.x->n_away, 1);
    fake_to_ready(&f, &a, CERT_THEIRS);
    enable(&f);
    xmpp_stop(a.x, on_stopped, &a);
    fake_expect(&f, "<system-shutdown");
    rig_turns(3);
    assert_int_equal(a.x->n_away, 0);
    assert_int_equal(a.x->sessions.n, xmpp_counters(a.x)->streams_authenticated);
    fake_close(&f);
    rig_until(a.stopped);
    assert_int_equal(a.x->sessions.n, 0);
    stop();
}

static void test_what_is_not_allowed_any_more_is_not_resumed(void **state)
{
    for (int i = 0; i < 4; i++) {
        start();
        cut(&f);
        if (i == 0)
            a.partner_domain = "nobody.example";
        else if (i == 1)
            node_set(&a, XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true);
        else if (i == 2)
            a.domain = "other.example";
        xmpp_reconsider(a.x);
        rig_turns(2);
        assert_int_equal(a.x->n_away, i == 3 ? 1 : 0); /* the last: nothing was tightened */
        a.domain = OURS;
        a.partner_domain = THEIRS;
        node_set(&a, XMPP_REQUIRED, XMPP_REQUIRED, false);
        fake_to_ready(&f, &a, CERT_THEIRS);
        say_resume(&f, id, 0);
        fake_expect(&f, i == 3 ? "<resumed" : NOT_FOUND);
        stop();
    }
}

/* Cut at the very moment when the settings change: what counts is how things stand when all is done. */
static void test_cut_in_the_turn_of_a_change(void **state)
{
    start();
    a.partner_domain = "nobody.example";
    xmpp_reconsider(a.x);
    fake_close(&f);
    rig_until(xmpp_counters(a.x)->streams == 0);
    assert_int_equal(a.x->n_away, 0);
    assert_int_equal(a.x->sessions.n, 0);
    a.partner_domain = THEIRS;
    fake_to_ready(&f, &a, CERT_THEIRS);
    stop();
}

/* The counters wrap at 2^32. */
static void test_the_count_goes_on_over_2_32(void **state)
{
    struct xmpp_session *k;

    start();
    k = container_of(a.x->streams.next, struct xmpp_stream, link)->session;
    k->sm->received = k->sm->handled = k->sm->asked = UINT32_MAX - 1;
    a.hold = true;
    fake_say(&f, MI("1") MI("2") MI("3") MI("4") R);
    fake_expect(&f, "h='4294967294'");
    rig_until(a.n_got == 4);
    xmpp_handled(a.x, a.receipts[0]);
    cut(&f);
    fake_to_ready(&f, &a, CERT_THEIRS);
    say_resume(&f, id, 0);
    expect_resumed(&f, UINT32_MAX);
    fake_say(&f, MI("2") MI("3") MI("4") R);
    for (int i = 1; i < 4; i++)
        xmpp_handled(a.x, a.receipts[i]);
    fake_expect(&f, "h='2'");
    assert_int_equal(a.n_got, 4);
    stop();
}

#define T(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_the_count_is_true_and_nothing_is_served_twice),
        T(test_cut_again_and_again_in_the_middle_of_the_repeats),
        T(test_a_live_stream_is_taken_over),
        T(test_the_partner_may_ask_for_less_time_and_then_it_is_over),
        T(test_what_was_ended_in_order_is_not_resumed),
        T(test_not_before_authentication),
        T(test_not_by_another_domain),
        T(test_not_to_another_domain_of_ours),
        T(test_not_by_a_weaker_proof),
        T(test_ids_that_nobody_was_given_or_that_are_used_up),
        T(test_h_of_what_we_never_sent_ends_the_stream_that_says_it),
        T(test_all_pairs_that_were_proven_must_be_proven_again),
        T(test_a_flood_of_cut_streams_is_bounded_and_does_not_touch_another_partner),
        T(test_stanzas_that_wait_to_be_repeated_are_bounded),
        T(test_nothing_is_kept_at_shutdown),
        T(test_what_is_not_allowed_any_more_is_not_resumed),
        T(test_cut_in_the_turn_of_a_change),
        T(test_the_count_goes_on_over_2_32),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
