/* A connection of a link: whose key it is, HELLO, numbered frames across cuts, silence, and what ends it. */
#include <stdio.h>

#include "line_rig.h"

static void say_handled(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i <= to; i++) {
        const struct link_frame f = { .type = LINK_HANDLED, .handled.receipt = i };

        assert_true(link_session_send(&gateway.session, &f));
    }
}

static void say_fates(uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i <= to; i++) {
        const struct link_frame f = { .type = LINK_FATE, .fate.id = i };

        assert_true(link_session_send(&proxy.session, &f));
    }
}

static void heard_in_order(const struct end *e, uint64_t from, uint64_t to)
{
    assert_int_equal(e->n_heard, to - from + 1);
    for (uint64_t i = from; i <= to; i++)
        assert_int_equal(e->heard[i - from], i);
}

static void frames_go_both_ways_and_are_acknowledged(void **state)
{
    const struct link_frame early = { .type = LINK_HANDLED, .handled.receipt = 1 };

    assert_false(link_session_send(&gateway.session, &early)); /* there is nobody to keep it for */
    link_up();
    say_handled(1, 3);
    assert_int_equal(gateway.n_new, 1);
    assert_int_equal(proxy.n_new, 1);
    assert_true(slice_is(link_line_name(gateway.line), "edge.contoso.example"));
    assert_true(slice_is(link_line_name(proxy.line), "gw.contoso.example"));
    say_fates(1, 2);
    say_handled(4, 4);
    rig_until(gateway.session.numbered.n_acked == 4 && proxy.session.numbered.n_acked == 2);
    heard_in_order(&proxy, 1, 4);
    heard_in_order(&gateway, 1, 2);
    rig_until(gateway.n_alive && proxy.n_alive); /* the first question, and its answer */
    assert_true(link_lease_holds(&proxy.session.lease, loop_now(&rig_loop)));
    assert_in_range(gateway.session.answered_ms, 1, loop_now(&rig_loop));
}

static void a_session_goes_on_after_a_cut_and_each_frame_is_taken_once(void **state)
{
    uint64_t sent = 0;

    link_up();
    for (int round = 0; round < 5; round++) {
        say_handled(sent + 1, sent + 100);
        say_fates(sent + 1, sent + 100);
        sent += 100;
        rig_turns(round); /* the cut comes sooner or later */
        cut();
        say_handled(sent + 1, sent + 10);
        say_fates(sent + 1, sent + 10);
        sent += 10;
        link_up();
    }
    rig_until(proxy.n_heard >= sent && gateway.n_heard >= sent);
    heard_in_order(&proxy, 1, sent);
    heard_in_order(&gateway, 1, sent);
    rig_until(gateway.session.numbered.n_acked == sent && proxy.session.numbered.n_acked == sent);
    assert_int_equal(gateway.n_new, 1);
    assert_int_equal(proxy.n_new, 1);
}

static void a_proxy_that_was_started_anew_begins_a_session(void **state)
{
    link_up();
    say_handled(1, 5);
    rig_until(proxy.n_heard == 5);
    cut();
    proxy.session.begun = false;
    say_handled(6, 9); /* gone with the session: its owner knows what becomes of them */
    link_up();
    assert_int_equal(gateway.n_new, 2);
    say_handled(10, 12);
    rig_until(proxy.n_heard == 8);
    assert_int_equal(proxy.heard[5], 10);
}

static void what_is_numbered_waits_until_the_owner_has_said_what_comes_first(void **state)
{
    const struct link_frame settings = { .type = LINK_SETTINGS, .settings.version = 1 };

    gateway.slow = true;
    link_up();
    say_handled(1, 3);
    rig_until(proxy.session.lease.answered); /* the line works */
    assert_int_equal(proxy.n_heard, 0);
    assert_true(link_line_write(gateway.line, &settings));
    link_line_go(gateway.line);
    rig_until(proxy.n_heard == 4);
    assert_int_equal(proxy.heard[0], LINK_SETTINGS);
    assert_int_equal(proxy.heard[1], 1);
}

static void much_that_waits_goes_in_pieces_and_all_of_it(void **state)
{
    static char bytes[100000];
    const struct link_frame f = { .type = LINK_SEND,
                                  .send = { .id = 1,
                                            .local = SLICE("a.example"),
                                            .remote = SLICE("b.example"),
                                            .stanza = slice_of(bytes, sizeof(bytes)) } };
    size_t n = 0;

    link_up();
    while (link_session_send(&gateway.session, &f))
        n++;
    assert_in_range(n, 75, 85); /* 8 MiB: more than may wait in the connection */
    rig_until(proxy.n_heard == n && gateway.session.numbered.n_acked == n);
    assert_int_equal(gateway.n_closed, 0);
}

static void a_key_that_is_not_pinned_gets_no_frame(void **state)
{
    proxy.pins[0] = slice_str(proxy.pin); /* of somebody else */
    gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
    rig_until(gateway.n_closed && proxy.n_closed);
    assert_int_equal(proxy.reason, LINK_STRANGER);
    assert_non_null(strstr(proxy.why, gateway.pin)); /* what has to be pinned, if it is the right one */
    assert_int_equal(gateway.reason, LINK_CUT);
    assert_int_equal(proxy.n_new + gateway.n_new, 0);
    proxy.pins[0] = slice_str(gateway.pin);
    gateway.pins[0] = slice_str(gateway.pin);
    gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
    rig_until(gateway.n_closed == 2 && proxy.n_closed == 2);
    assert_int_equal(gateway.reason, LINK_STRANGER);
    assert_int_equal(proxy.n_new + gateway.n_new, 0);
}

static void a_refusal_says_why(void **state)
{
    proxy.refuses = true;
    gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
    rig_until(gateway.n_closed && proxy.n_closed);
    assert_int_equal(gateway.reason, LINK_TOO_MANY);
    assert_string_equal(gateway.why, "the other end says too-many: the test wants none");
    assert_int_equal(gateway.n_new, 0);
}

static void an_address_where_nobody_is_ends_with_a_reason(void **state)
{
    struct addr nobody = *listener_local(outer);

    listener_close(outer);
    outer = NULL;
    gateway.line = link_line_connect(&gateway.conf, &nobody);
    rig_until(gateway.n_closed);
    assert_int_equal(gateway.reason, LINK_CUT);
    assert_string_equal(gateway.why,
                        "connection refused: no proxy listens at this address and port, or a firewall refuses it");
}

/* HELLO of a proxy, up to its session. */
#define HELLO(magic, versions, role, session)                                                                          \
    "\x01\0\0\0\x09" magic versions role "\0\0\0\x10"                                                                  \
    "0123456789abcdef" session "\0\0\0\0\0\0\0\0\0\0\0\0\x01x\0\0\0\0"
#define SESSION                                                                                                        \
    "\0\0\0\x10"                                                                                                       \
    "fedcba9876543210"

static void what_is_no_hello_of_a_proxy_is_refused_by_name(void **state)
{
    static const struct {
        struct slice hello;
        enum link_reason reason;
        const char *why;
    } cases[] = {
        { SLICE("\0\0\0\x4d" HELLO("stox-lime", "\0\x01\0\x01", "\x01", SESSION)), LINK_BAD_FRAME, "no stoxd" },
        { SLICE("\0\0\0\x4d" HELLO("stox-link", "\0\x01\0\x01", "\x00", SESSION)), LINK_BAD_FRAME,
          "both ends are gateways" },
        { SLICE("\0\0\0\x4d" HELLO("stox-link", "\0\x02\0\x09", "\x01", SESSION)), LINK_NO_VERSION,
          "no version of the link in common" },
        { SLICE("\0\0\0\x3d" HELLO("stox-link", "\0\x01\0\x01", "\x01", "\0\0\0\0")), LINK_BAD_FRAME, "no session" },
        { SLICE("\0\0\0\x3e" HELLO("stox-link", "\0\x01\0\x01", "\x01", "\0\0\0\x01s")), LINK_BAD_FRAME, "no session" },
        { SLICE("\0\0\0\x09\x04\0\0\0\0\0\0\0\x01"), LINK_BAD_FRAME, "another frame before HELLO" },
        { SLICE("GET / HTTP/1.1\r\n\r\n"), LINK_BAD_FRAME, "a frame: it is longer than any such frame may be" },
    };

    raw.wanted = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned closed = gateway.n_closed;

        gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
        raw_say(cases[i].hello);
        rig_until(gateway.n_closed > closed && !raw.conn);
        if (gateway.reason != cases[i].reason || !strstr(gateway.why, cases[i].why))
            fail_msg("case %zu: %s: %s", i, link_reason_name(gateway.reason), gateway.why);
    }
    assert_int_equal(gateway.n_new, 0);
}

static void raw_up(void)
{
    unsigned up = gateway.n_up;

    raw.wanted = true;
    gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
    raw_say(SLICE("\0\0\0\x4d" HELLO("stox-link", "\0\x01\0\x01", "\x01", SESSION)));
    rig_until(gateway.n_up > up);
}

static void what_a_proxy_may_not_say_ends_the_link_by_name(void **state)
{
    static const struct {
        struct slice bytes;
        const char *why;
    } cases[] = {
        { SLICE("\0\0\0\x4d" HELLO("stox-link", "\0\x01\0\x01", "\x01", SESSION)), "a second HELLO" },
        { SLICE("\0\0\0\x09\x03\0\0\0\0\0\0\0\x01"), "ACK counts frames that were never sent" },
        { SLICE("\0\0\0\x11\x05\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01"), "PONG: this end may not send it" },
        { SLICE("\0\0\0\x09\x24\0\0\0\0\0\0\0\x01"), "HANDLED: this end may not send it" },
        { SLICE("\0\0\0\x09\x04\x80\0\0\0\0\0\0\0"), "PING, proxy_ms: a value or a length is out of its bounds" },
        { SLICE("\0\0\0\x01\x63"), "a frame: its type is unknown" },
        { SLICE("\xff\xff\xff\xff"), "a frame: it is longer than any such frame may be" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned closed = gateway.n_closed;

        raw_up();
        buf_clear(&raw.heard);
        raw_say(cases[i].bytes);
        rig_until(gateway.n_closed > closed && !raw.conn);
        assert_int_equal(gateway.reason, LINK_BAD_FRAME);
        if (strcmp(gateway.why, cases[i].why) != 0)
            fail_msg("case %zu: %s", i, gateway.why);
        assert_non_null(memmem(raw.heard.p, raw.heard.n, cases[i].why, strlen(cases[i].why))); /* it was told */
    }
}

static void a_proxy_that_claims_frames_of_a_session_is_not_believed(void **state)
{
    raw.wanted = true;
    gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
    raw_say(SLICE("\0\0\0\x4d\x01\0\0\0\x09stox-link\0\x01\0\x01\x01\0\0\0\x10"
                  "0123456789abcdef" SESSION "\0\0\0\0\0\0\0\x01\0\0\0\0\x01x\0\0\0\0"));
    rig_until(gateway.n_closed);
    assert_int_equal(gateway.reason, LINK_BAD_FRAME);
    assert_string_equal(gateway.why, "HELLO counts frames that were never sent");
    assert_int_equal(gateway.n_up, 0);
}

static void silence_ends_the_link_before_and_after_hello(void **state)
{
    raw.wanted = true;
    gateway.line = link_line_connect(&gateway.conf, listener_local(outer));
    rig_until(raw.open);
    rig_advance(LINK_SILENCE_MS + 2 * LINK_PING_MS);
    rig_until(gateway.n_closed == 1 && !raw.conn);
    assert_int_equal(gateway.reason, LINK_SILENT);
    raw_up();
    rig_advance(LINK_SILENCE_MS + 2 * LINK_PING_MS);
    rig_until(gateway.n_closed == 2);
    assert_int_equal(gateway.reason, LINK_SILENT);
    assert_string_equal(gateway.why, "nothing was heard for 10 s");
}

/* As after a stop of the process: the clock is set, and what has arrived comes before timers. */
static void what_comes_after_silence_is_not_taken(void **state)
{
    link_up();
    rig_until(gateway.n_alive && proxy.n_alive);
    timers_set_now(&rig_loop.timers, loop_now(&rig_loop) + LINK_SILENCE_MS);
    say_fates(1, 3);
    rig_until(gateway.n_closed == 1 && proxy.n_closed == 1);
    assert_int_equal(gateway.reason, LINK_SILENT);
    assert_int_equal(gateway.n_heard, 0);
    link_up(); /* the session goes on */
    rig_until(gateway.n_heard == 3);
    heard_in_order(&gateway, 1, 3);
}

static void questions_keep_a_quiet_link_up(void **state)
{
    link_up();
    for (int i = 0; i < 30; i++) {
        unsigned alive = proxy.n_alive;

        rig_advance(LINK_PING_MS + 1);
        rig_until(proxy.n_alive > alive);
        assert_true(link_lease_holds(&proxy.session.lease, loop_now(&rig_loop)));
    }
    assert_int_equal(gateway.n_closed + proxy.n_closed, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, line_rig_setup, line_rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(frames_go_both_ways_and_are_acknowledged),
        TEST(a_session_goes_on_after_a_cut_and_each_frame_is_taken_once),
        TEST(a_proxy_that_was_started_anew_begins_a_session),
        TEST(what_is_numbered_waits_until_the_owner_has_said_what_comes_first),
        TEST(much_that_waits_goes_in_pieces_and_all_of_it),
        TEST(a_key_that_is_not_pinned_gets_no_frame),
        TEST(a_refusal_says_why),
        TEST(an_address_where_nobody_is_ends_with_a_reason),
        TEST(what_is_no_hello_of_a_proxy_is_refused_by_name),
        TEST(what_a_proxy_may_not_say_ends_the_link_by_name),
        TEST(a_proxy_that_claims_frames_of_a_session_is_not_believed),
        TEST(silence_ends_the_link_before_and_after_hello),
        TEST(what_comes_after_silence_is_not_taken),
        TEST(questions_keep_a_quiet_link_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
