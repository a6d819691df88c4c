/* Every stanza gets one fate, and the right one: what is confirmed was acknowledged, what was withdrawn is not repeated. */
#include <stdio.h>
#include <stdlib.h>

#include "s2s_rig.h"

static struct node a;
static struct fake server, way_back;

static void start(bool sm)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "first"));
    fake_serve(&server, sm);
    fake_expect(&server, "<body>first</body></message>");
}

static void stop(void)
{
    node_stop(&a);
    fake_close(&server);
}

static unsigned count(struct fake *f, const char *text)
{
    unsigned n = 0;

    for (const char *p = f->rx.p; p && (p = memmem(p, (size_t)(f->rx.p + f->rx.n - p), text, strlen(text))); p++)
        n++;
    return n;
}

static void test_acknowledged(void **state)
{
    start(true);
    fake_expect(&server, "<r xmlns='urn:xmpp:sm:3'/>");
    for (uint64_t t = 2; t <= 11; t++)
        node_send(&a, t, "x");
    rig_turns(5);
    assert_int_equal(count(&server, "<r xmlns"), 1); /* one question at a time */
    assert_int_equal(a.n_fates, 0);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    fake_expect(&server, "<r xmlns='urn:xmpp:sm:3'/>"); /* for the ten others, once */
    rig_turns(5);
    assert_int_equal(count(&server, "<r xmlns"), 2);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='9'/>");
    assert_int_equal(node_fate(&a, 9), XMPP_FATE_CONFIRMED);
    rig_turns(3);
    assert_int_equal(a.n_fates, 9);
    assert_true(xmpp_withdraw(a.x, 10)); /* nobody waits: no new stream after this one */
    assert_true(xmpp_withdraw(a.x, 11));
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='12'/>");
    fake_expect(&server, "<handled-count-too-high xmlns='urn:xmpp:sm:3' h='12' send-count='11'/>");
    fake_expect(&server, "</stream:stream>");
    stop();
}

/* A peer that counts what was delivered has nothing to add at first, and says by itself what is new. We go on asking then. */
static void test_goes_on_asking_after_news_it_did_not_ask_for(void **state)
{
    start(true);
    fake_expect(&server, "<r xmlns='urn:xmpp:sm:3'/>");
    node_send(&a, 2, "second");
    fake_expect(&server, "<body>second</body></message>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='0'/>");
    rig_turns(5);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    fake_expect(&server, "<r xmlns='urn:xmpp:sm:3'/>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop();
}

static void test_resent_after_break(void **state)
{
    start(true);
    node_send(&a, 2, "second");
    node_send(&a, 3, "third");
    node_send(&a, 4, "fourth");
    fake_expect(&server, "<body>fourth</body></message>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_true(xmpp_withdraw(a.x, 3)); /* written: nobody knows */
    conn_abort(server.conn);
    rig_until(server.n_accepted == 2);
    fake_serve(&server, true);
    fake_expect(&server, "<message from='romeo@" OURS "' to='juliet@" THEIRS "' id='t2'><body>second</body></message>");
    fake_expect(&server, "<body>fourth</body></message>");
    fake_lacks(&server, "third");
    fake_lacks(&server, "first");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(a.x)->resent, 2);
    rig_turns(3);
    assert_false(node_has_fate(&a, 3));
    stop();
}

static void test_withdrawn_before_written(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    node_send(&a, 1, "first");
    node_send(&a, 2, "second");
    rig_turns(2);
    assert_false(xmpp_withdraw(a.x, 1));
    assert_false(xmpp_withdraw(a.x, 2));
    assert_false(xmpp_withdraw(a.x, 2));
    assert_false(xmpp_withdraw(a.x, 0));
    fake_serve(&server, true); /* the set-up goes on */
    rig_until(rig_logged("stream-authenticated"));
    fake_lacks(&server, "<message");
    assert_int_equal(a.n_fates, 0);
    stop();
}

/* A stanza that the partner's server cannot stand must not be tried for ever. */
static void test_poison(void **state)
{
    start(true);
    for (unsigned i = 2; i <= 3; i++) {
        conn_abort(server.conn);
        rig_until(server.n_accepted == i);
        fake_serve(&server, true);
        fake_expect(&server, "<body>first</body></message>");
    }
    conn_abort(server.conn);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_LOST);
    rig_turns(3);
    assert_int_equal(server.n_accepted, 3);
    stop();
}

/* The server is gone for good; what was written is tried again for as long as an establishment may take. */
static void server_dies(void)
{
    conn_abort(server.conn);
    listener_close(server.listener);
    server.listener = NULL;
}

static void test_lost_when_not_reconnected(void **state)
{
    start(true);
    server_dies();
    node_send(&a, 2, "second");
    for (unsigned i = 0; i < 59; i++)
        rig_advance(1000);
    assert_int_equal(a.n_fates, 0);
    for (unsigned i = 0; i < 20 && a.n_fates == 0; i++)
        rig_advance(1000);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_LOST);
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_LOST); /* written before the break was known */
    assert_false(node_send(&a, 3, "third"));            /* within the back-off */
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_UNREACHABLE);
    rig_advance(10000);
    assert_true(node_send(&a, 4, "fourth"));
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_UNREACHABLE);
    stop();
}

/* What was written when it died is not given up while the server starts again. */
static void test_resent_when_the_server_is_back(void **state)
{
    static struct fake again;

    start(true);
    server_dies();
    rig_turns(20);
    node_send(&a, 2, "second");
    assert_int_equal(a.n_fates, 0);
    fake_listen(&again, CERT_THEIRS);
    node_points_to(&a, listener_local(again.listener));
    for (unsigned i = 0; i < 20 && !again.n_accepted; i++)
        rig_advance(500);
    fake_serve(&again, true);
    fake_expect(&again, "<body>first</body></message>");
    fake_expect(&again, "<body>second</body></message>");
    fake_say(&again, "<a xmlns='urn:xmpp:sm:3' h='2'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
    stop();
    fake_close(&again);
}

static void test_unanswered_question(void **state)
{
    start(true);
    rig_turns(3);
    rig_advance(59000);
    assert_true(server.conn != NULL);
    rig_advance(1000);
    rig_until(server.n_accepted == 2); /* once more, for the first one */
    fake_serve(&server, true);
    fake_expect(&server, "<body>first</body>");
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='1'/>");
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    stop();
}

/* ---- the ping barrier ---- */

static const char *ping_id(void)
{
    static char id[64];

    fake_expect(&server, "<iq type='get' from='" OURS "' to='" THEIRS "' id='");
    snprintf(id, sizeof(id), "%s", fake_expect(&server, "'><ping xmlns='urn:xmpp:ping'/></iq>"));
    return id;
}

static void answer(const char *type, const char *from, const char *to, const char *id)
{
    char text[256];

    snprintf(text, sizeof(text), "<iq type='%s' from='%s' to='%s' id='%s'/>", type, from, to, id);
    fake_say(&way_back, text);
}

static void test_barrier(void **state)
{
    static const char *const types[] = { "result", "error" };

    for (size_t i = 0; i < 2; i++) {
        const char *id;

        start(false);
        id = ping_id();
        fake_to_ready(&way_back, &a, CERT_THEIRS);
        node_send(&a, 2, "second");
        fake_expect(&server, "<body>second</body>");
        fake_lacks(&server, "-2'><ping"); /* one outstanding */
        answer("get", THEIRS, OURS, id);
        answer(types[i], "juliet@" THEIRS, OURS, id);
        answer(types[i], THEIRS, "romeo@" OURS, id);
        answer(types[i], THEIRS, OURS, "other");
        rig_until(a.n_got == 4);
        assert_int_equal(a.n_fates, 0);
        answer(types[i], THEIRS, OURS, id);
        assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
        assert_false(node_has_fate(&a, 2)); /* written after the ping */
        answer(types[i], THEIRS, OURS, id); /* twice is once */
        id = ping_id();
        answer(types[i], THEIRS, OURS, id);
        assert_int_equal(node_fate(&a, 2), XMPP_FATE_CONFIRMED);
        assert_int_equal(a.n_got, 4);
        fake_close(&way_back);
        stop();
    }
}

/* ejabberd drops what it has to answer while it holds off opening a stream; its senders must not wait for the next ping. */
static void test_a_lost_ping_is_asked_again_when_the_way_back_opens(void **state)
{
    const char *id;

    start(false);
    ping_id(); /* its answer is lost */
    rig_advance(3000);
    fake_lacks(&server, "-2'><ping");
    fake_to_ready(&way_back, &a, CERT_THEIRS);
    id = ping_id();
    assert_non_null(strstr(id, "-2"));
    answer("result", THEIRS, OURS, id);
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    fake_close(&way_back);
    stop();
}

/* On the stream that is ours to send on nobody can answer for the partner. */
static void test_pong_on_wrong_stream(void **state)
{
    const char *id;
    char text[256];

    start(false);
    id = ping_id();
    snprintf(text, sizeof(text), "<iq type='result' from='" THEIRS "' to='" OURS "' id='%s'/>", id);
    fake_say(&server, text);
    rig_until(rig_logged("stream-ignored"));
    assert_int_equal(a.n_fates, 0);
    assert_int_equal(a.n_got, 0);
    stop();
}

static void test_partner_that_confirms_nothing(void **state)
{
    const char *id;

    start(false);
    ping_id();
    for (int i = 0; i < 3; i++) {
        assert_int_equal(a.n_fates, 0);
        /* Time is not real here, the acknowledgements of TCP are. */
        rig_until(conn_is_acked(xmpp_pair_find(a.x, SLICE(OURS), SLICE(THEIRS))->stream->conn));
        rig_advance(20000);
    }
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNCONFIRMED);
    assert_true(rig_logged("stream-confirms-nothing"));
    assert_true(node_send(&a, 2, "second"));
    assert_false(node_has_fate(&a, 2)); /* never from inside xmpp_send */
    assert_int_equal(node_fate(&a, 2), XMPP_FATE_UNCONFIRMED);
    /* It is remembered on the next stream, where it gets another chance. */
    conn_abort(server.conn);
    rig_until(xmpp_counters(a.x)->streams == 0);
    assert_true(node_send(&a, 3, "third"));
    rig_until(server.n_accepted == 2);
    fake_serve(&server, false);
    assert_int_equal(node_fate(&a, 3), XMPP_FATE_UNCONFIRMED);
    id = ping_id();
    fake_to_ready(&way_back, &a, CERT_THEIRS);
    answer("result", THEIRS, OURS, id);
    rig_until(rig_logged("stream-confirms "));
    node_send(&a, 4, "fourth");
    id = ping_id();
    assert_false(node_has_fate(&a, 4));
    answer("result", THEIRS, OURS, id);
    assert_int_equal(node_fate(&a, 4), XMPP_FATE_CONFIRMED);
    fake_close(&way_back);
    stop();
}

/* What nobody waits for is not asked about: answers to pings would be pinged for. */
static void test_nobody_waits(void **state)
{
    enum xmpp_fate fate;
    const char *id;

    start(false);
    id = ping_id();
    fake_to_ready(&way_back, &a, CERT_THEIRS);
    answer("result", THEIRS, OURS, id);
    node_fate(&a, 1);
    assert_true(
        xmpp_send(a.x, SLICE(OURS), SLICE(THEIRS), SLICE("<presence from='" OURS "' to='" THEIRS "'/>"), 0, &fate));
    fake_expect(&server, "<presence");
    fake_lacks(&server, "-2'><ping");
    assert_int_equal(xmpp_counters(a.x)->queued, 0);
    fake_close(&way_back);
    stop();
}

/* ---- bounds ---- */

static void test_full(void **state)
{
    struct xmpp_conf conf;
    char *big = malloc(300000);
    enum xmpp_fate fate;
    unsigned n = 0;

    memset(big, 'x', 299999);
    big[299999] = 0;
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_conf(&conf, &a);
    conf.queue_max_stanzas = 10;
    node_start_with(&a, &conf);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    while (node_send(&a, ++n, "x"))
        assert_true(n < 20);
    assert_int_equal(n, 11);
    assert_int_equal(node_fate(&a, 11), XMPP_FATE_FULL);
    assert_false(node_send(&a, 50, big)); /* more than a stanza may be */
    assert_int_equal(node_fate(&a, 50), XMPP_FATE_FULL);
    assert_false(xmpp_send(a.x, SLICE(OURS), SLICE("stranger.example"), SLICE("<message/>"), 7, &fate));
    assert_int_equal(fate, XMPP_FATE_REFUSED);
    free(big);
    stop();
}

/* Threat D15: what a partner does not read does not pile up. */
static void test_partner_that_does_not_read(void **state)
{
    char *big = malloc(60001);
    uint64_t t = 2;

    memset(big, 'x', 60000);
    big[60000] = 0;
    start(true);
    conn_pause(server.conn);
    while (t < 120 && node_send(&a, t, big)) {
        t++;
        rig_turn();
    }
    assert_true(t < 30);
    assert_int_equal(node_fate(&a, t), XMPP_FATE_FULL);
    conn_resume(server.conn);
    rig_until(count(&server, "</message>") == 3); /* so much goes ahead of the acknowledgements */
    rig_turns(5);
    assert_int_equal(count(&server, "</message>"), 3);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='3'/>");
    rig_until(count(&server, "</message>") == 5);
    fake_say(&server, "<a xmlns='urn:xmpp:sm:3' h='5'/>");
    assert_int_equal(node_fate(&a, 5), XMPP_FATE_CONFIRMED);
    free(big);
    stop();
}

/* A full window holds messages back, where they can still be withdrawn, but no answers: both sides' could wait for each other. */
static void test_answers_overtake_a_full_window(void **state)
{
    char *big = calloc(1, 40001);

    memset(big, 'x', 40000);
    start(true);
    node_send(&a, 2, big);
    node_send(&a, 3, big);
    node_send(&a, 4, "fourth");
    node_send(&a, 0, "answer");
    fake_expect(&server, "<body>answer</body></message>");
    fake_lacks(&server, "fourth");
    assert_false(xmpp_withdraw(a.x, 4)); /* not written */
    free(big);
    stop();
}

/* The owner may send and withdraw while it is being told. */
static void test_owner_insists(void **state)
{
    start(true);
    a.insists = true;
    for (uint64_t t = 2; t < 10; t++)
        node_send(&a, t, "x");
    server_dies();
    for (unsigned i = 0; i < 80 && a.n_fates < 18; i++)
        rig_advance(1000);
    assert_int_equal(a.n_fates, 18);
    a.insists = false;
    stop();
}

static void test_stop_with_a_queue(void **state)
{
    start(true);
    node_send(&a, 2, "second");
    xmpp_counters(a.x);
    node_stop(&a);
    assert_int_equal(a.n_fates, 2);
    assert_int_equal(a.fates[0].fate, XMPP_FATE_LOST);
    fake_expect(&server, "<system-shutdown");
    fake_close(&server);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_acknowledged),
        T(test_goes_on_asking_after_news_it_did_not_ask_for),
        T(test_resent_after_break),
        T(test_withdrawn_before_written),
        T(test_poison),
        T(test_lost_when_not_reconnected),
        T(test_resent_when_the_server_is_back),
        T(test_unanswered_question),
        T(test_barrier),
        T(test_a_lost_ping_is_asked_again_when_the_way_back_opens),
        T(test_pong_on_wrong_stream),
        T(test_partner_that_confirms_nothing),
        T(test_nobody_waits),
        T(test_full),
        T(test_partner_that_does_not_read),
        T(test_answers_overtake_a_full_window),
        T(test_owner_insists),
        T(test_stop_with_a_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
