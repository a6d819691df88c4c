/*
 * The proxy's end with real streams: a scripted gateway on its link, a whole server (tests/unit/xmpp/s2s_rig.h) as the partner. What a
 * gateway is told of stanzas is what the partner's server has done.
 */
#include <stdio.h>
#include <stdlib.h>

#include "link/copy.h"
#include "link/credit.h"
#include "proxy_rig.h"
#include "xmpp/xmpp.h"

static struct addr out_at;
static struct buf settings;

/* What the gateway was told. */
static struct {
    uint64_t version;
    bool used;
    char why[LINK_WHY_MAX + 1];
    struct link_fate_frame fates[2048]; /* why: of the last one only */
    char fate_why[LINK_WHY_MAX + 1];
    size_t n_fates;
    struct buf stanzas; /* of all */
    uint64_t receipts[256];
    size_t n_stanzas, bytes;
    size_t n_up, n_down;
} told;

static void on_frame(const struct link_frame *f)
{
    switch (f->type) {
    case LINK_SETTINGS_USED:
        told.version = f->settings_used.version;
        told.used = f->settings_used.used;
        snprintf(told.why, sizeof(told.why), "%.*s", SLICE_FMT(f->settings_used.why));
        break;
    case LINK_FATE:
        assert_true(told.n_fates < 2048);
        told.fates[told.n_fates++] = f->fate;
        snprintf(told.fate_why, sizeof(told.fate_why), "%.*s", SLICE_FMT(f->fate.why));
        break;
    case LINK_STANZA:
        assert_true(told.n_stanzas < 256);
        assert_true(slice_is(f->stanza.local, OURS) && slice_is(f->stanza.remote, THEIRS));
        told.receipts[told.n_stanzas++] = f->stanza.receipt;
        told.bytes += f->stanza.stanza.n;
        buf_put(&told.stanzas, f->stanza.stanza);
        buf_char(&told.stanzas, '\n');
        break;
    case LINK_LINKED: (*(f->linked.up ? &told.n_up : &told.n_down))++; break;
    default: break;
    }
}

static int begin(void **state)
{
    if (line_rig_setup(state))
        return -1;
    memset(&told, 0, sizeof(told));
    buf_init(&told.stanzas, 1 << 20);
    buf_init(&settings, 1 << 20);
    gateway.on_frame = on_frame;
    proxy_rig_begin(proxy.pins, 1);
    return 0;
}

static int end(void **state)
{
    proxy_rig_end();
    buf_free(&told.stanzas);
    buf_free(&settings);
    return line_rig_teardown(state);
}

/* ---- what the gateway says ---- */

static void say(const struct link_frame *f)
{
    end_say(&gateway, f);
}

static void say_settings(uint64_t version, const char *partner)
{
    char where[ADDR_TEXT];
    const struct link_frame frames[] = {
        { .type = LINK_SETTINGS, .settings.version = version },
        { .type = LINK_LIMITS,
          .limits = { .connection_limit = 1000,
                      .partner_connection_limit = 20,
                      .establish_s = 60,
                      .inactivity_s = 600,
                      .keepalive_s = 300 } },
        { .type = LINK_SECRET, .secret.secret = SLICE("0123456789abcdef-contoso") },
        { .type = LINK_SERVED, .served.domain = SLICE(OURS) },
        { .type = LINK_PARTNER,
          .partner = { .name = slice_str(partner),
                       .keep_alive = true,
                       .proxy = slice_str(addr_text(&out_at, where)) } },
        { .type = LINK_SETTINGS_END, .settings_end.frames = 5 },
    };

    for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++) {
        if (frames[i].type == LINK_SETTINGS_END)
            end_say_identity(&gateway);
        say(&frames[i]);
    }
}

static void linked(void)
{
    out_at = *node_addr(&b);
    link_up_to(link_proxy_local(p, 0));
    say_settings(1, THEIRS);
    rig_until(told.version == 1);
    if (!told.used)
        fail_msg("%s", told.why);
    rig_until(gateway.session.answered_ms);
}

static void send_until(uint64_t id, uint64_t until_ms)
{
    char text[200];
    struct link_frame f = {
        .type = LINK_SEND,
        .send = { .id = id, .awaited = true, .until_ms = until_ms, .local = SLICE(OURS), .remote = SLICE(THEIRS) }
    };

    f.send.stanza = slice_of(text, (size_t)snprintf(text, sizeof(text),
                                                    "<message from='romeo@" OURS "' to='juliet@" THEIRS
                                                    "' id='m%u'><body>out %u</body></message>",
                                                    (unsigned)id, (unsigned)id));
    say(&f);
}

static void send_one(uint64_t id)
{
    send_until(id, loop_now(&rig_loop) + 20000);
}

static void say_handled(uint64_t receipt)
{
    const struct link_frame f = { .type = LINK_HANDLED, .handled.receipt = receipt };

    say(&f);
}

static void give_back(size_t stanzas, size_t bytes)
{
    const struct link_frame f = { .type = LINK_CREDIT, .credit = { SLICE(THEIRS), stanzas, bytes } };

    say(&f);
}

static bool got(const char *text)
{
    return b.got.n && memmem(b.got.p, b.got.n, text, strlen(text));
}

static bool heard(const char *text)
{
    return told.stanzas.n && memmem(told.stanzas.p, told.stanzas.n, text, strlen(text));
}

/* ---- */

static void without_a_gateway_partners_are_told_to_come_later(void **state)
{
    assert_true(node_send(&b, 1, "in 1"));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_UNREACHABLE);
    assert_true(rig_logged("the partner sent system-shutdown"));
}

static void a_stanza_goes_out_and_its_fate_is_what_the_partners_server_says(void **state)
{
    linked();
    send_one(1);
    rig_until(told.n_fates == 1);
    assert_int_equal(told.fates[0].id, 1);
    assert_int_equal(told.fates[0].fate, XMPP_FATE_CONFIRMED);
    assert_true(told.fates[0].written);
    assert_true(got("romeo@" OURS ">juliet@" THEIRS ":message:out 1"));
    assert_int_equal(told.n_up, 1);
    assert_true(rig_logged("method=sasl-external")); /* by the certificate that came over the link */
}

static void a_partners_stanza_counts_when_the_gateway_says_that_it_is_handled(void **state)
{
    linked();
    assert_true(node_send(&b, 1, "in 1"));
    rig_until(told.n_stanzas == 1);
    assert_true(heard("<body>in 1</body></message>\n"));
    rig_turns(20);
    assert_false(node_has_fate(&b, 1));
    say_handled(told.receipts[0]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

static void settings_that_cannot_be_used_are_refused_and_the_former_stay(void **state)
{
    linked();
    say_settings(2, OURS); /* a partner's and ours */
    rig_until(told.version == 2);
    assert_false(told.used);
    assert_string_equal(told.why, "the domain \"" OURS "\" is there twice");
    say_settings(3, OURS); /* again and again: it is logged once */
    rig_until(told.version == 3);
    assert_false(told.used);
    assert_int_equal(n_logged("error settings-not-used"), 1);
    send_one(1);
    rig_until(told.n_fates == 1);
    assert_int_equal(told.fates[0].fate, XMPP_FATE_CONFIRMED);
    say_settings(4, "tailspin.example");
    rig_until(told.version == 4);
    assert_true(told.used);
    send_one(2);
    rig_until(told.n_fates == 2);
    assert_int_equal(told.fates[1].fate, XMPP_FATE_REFUSED);
    rig_until(xmpp_counters(b.x)->streams == 0); /* it was shown out */
}

static void a_partner_that_writes_more_than_there_is_credit_for_is_not_read_on(void **state)
{
    char last[32];
    size_t n = 120, given = 0;

    linked();
    for (size_t i = 1; i <= n; i++) {
        snprintf(last, sizeof(last), "in %zu.", i);
        assert_true(node_send(&b, i, last));
    }
    rig_until(told.n_stanzas == LINK_IN_STANZAS);
    rig_turns(50);
    assert_int_equal(told.n_stanzas, LINK_IN_STANZAS);
    while (told.n_stanzas < n) { /* all that came is given back, and so much comes again */
        size_t more = told.n_stanzas - given, bytes = told.bytes;

        given = told.n_stanzas;
        told.bytes = 0;
        give_back(more, bytes);
        rig_until(told.n_stanzas == (given + LINK_IN_STANZAS < n ? given + LINK_IN_STANZAS : n));
        rig_turns(50);
        assert_in_range(told.n_stanzas, 1, given + LINK_IN_STANZAS);
    }
    for (size_t i = 0; i < n; i++)
        say_handled(told.receipts[i]);
    assert_int_equal(node_fate(&b, n), XMPP_FATE_CONFIRMED);
    assert_int_equal(gateway.n_closed, 0);
}

/* ---- partners that do not answer ---- */

static struct fake silent;

/* As linked; but the partner's server takes the connection and says nothing. */
static void linked_to_silence(void)
{
    fake_listen(&silent, CERT_NONE);
    linked();
    out_at = *listener_local(silent.listener);
    say_settings(2, THEIRS);
    rig_until(told.version == 2 && told.used);
}

/* Time passes, and the gateway answers each question. */
static void pass(unsigned s)
{
    while (s-- > 0) {
        unsigned alive = gateway.n_alive;

        rig_advance(LINK_PING_MS);
        rig_until(gateway.n_alive > alive);
        rig_turns(5);
    }
}

static void beyond_its_credit_a_gateway_is_shown_out(void **state)
{
    linked_to_silence();
    for (uint64_t i = 1; i <= LINK_OUT_STANZAS; i++)
        send_one(i);
    rig_turns(20);
    assert_int_equal(gateway.n_closed, 0);
    send_one(LINK_OUT_STANZAS + 1);
    rig_until(gateway.n_closed == 1);
    assert_int_equal(gateway.reason, LINK_OVER_CREDIT);
    assert_int_equal(told.n_fates, 0);
    fake_close(&silent);
}

static void what_is_not_written_in_time_is_taken_back_before_its_owner_gives_it_up(void **state)
{
    linked_to_silence();
    send_until(1, loop_now(&rig_loop) + 5000);
    send_one(2);
    pass(4);
    assert_int_equal(told.n_fates, 0);
    pass(1);
    rig_until(told.n_fates == 1);
    assert_int_equal(told.fates[0].id, 1);
    assert_int_equal(told.fates[0].fate, LINK_FATE_TAKEN_BACK);
    assert_false(told.fates[0].written);
    send_until(3, loop_now(&rig_loop) + LINK_EARLY_MS / 2);
    rig_until(told.n_fates == 2);
    assert_int_equal(told.fates[1].fate, LINK_FATE_TAKEN_BACK);
    fake_close(&silent);
}

static void a_withdrawn_stanza_has_no_fate_and_gives_its_credit_back(void **state)
{
    const struct link_frame withdraw = { .type = LINK_WITHDRAW, .withdraw.id = 1 };

    linked_to_silence();
    for (uint64_t i = 1; i <= LINK_OUT_STANZAS; i++)
        send_one(i);
    say(&withdraw);
    say(&withdraw); /* as if a fate had been under way */
    send_one(LINK_OUT_STANZAS + 1);
    rig_turns(20);
    assert_int_equal(gateway.n_closed + told.n_fates, 0);
    fake_close(&silent);
}

static void a_partner_that_cannot_be_reached_is_told_as_it_is(void **state)
{
    linked();
    out_at.v4.sin_port = htons(1);
    say_settings(2, THEIRS);
    rig_until(told.version == 2);
    send_one(1);
    rig_until(told.n_fates == 1);
    assert_int_equal(told.fates[0].fate, XMPP_FATE_UNREACHABLE);
    assert_false(told.fates[0].written);
    assert_non_null(strstr(told.fate_why, "cannot connect to "));
    send_one(2); /* back-off: refused at once, for the same reason */
    rig_until(told.n_fates == 2);
    assert_int_equal(told.fates[1].fate, XMPP_FATE_UNREACHABLE);
    assert_non_null(strstr(told.fate_why, "cannot connect to "));
}

/* ---- cuts ---- */

static void cut_gateway(void)
{
    link_line_free(gateway.line);
    gateway.line = NULL;
}

static void a_fate_that_comes_during_a_cut_is_told_once_when_it_is_over(void **state)
{
    linked();
    for (uint64_t i = 1; i <= 20; i++) {
        size_t before = told.n_fates;

        send_one(i);
        rig_turns((int)i % 5 + 1);
        cut_gateway();
        rig_turns(10);
        link_up_to(link_proxy_local(p, 0));
        rig_until(told.n_fates == before + 1);
        assert_int_equal(told.fates[before].id, i);
        assert_int_equal(told.fates[before].fate, XMPP_FATE_CONFIRMED);
    }
    assert_int_equal(gateway.n_new, 1); /* one session all the while */
}

static void without_its_gateway_a_proxy_writes_nothing_more(void **state)
{
    linked_to_silence();
    send_one(1);
    rig_turns(10);
    cut_gateway();
    rig_advance(LINK_LEASE_MS);
    rig_turns(5);
    link_up_to(link_proxy_local(p, 0));
    rig_until(told.n_fates == 1);
    assert_int_equal(told.fates[0].fate, LINK_FATE_TAKEN_BACK);
    assert_false(told.fates[0].written);
    assert_int_equal(gateway.n_new, 1);
    fake_close(&silent);
}

static void a_gateway_that_does_not_come_back_leaves_nothing(void **state)
{
    linked();
    send_one(1);
    rig_until(told.n_fates == 1);
    cut_gateway();
    rig_turns(5);
    rig_advance(LINK_SESSION_MS + 1);
    rig_until(xmpp_counters(b.x)->streams == 0);
    assert_true(rig_logged("gateway-gone"));
}

static void a_gateway_that_was_started_anew_finds_the_streams_as_they_were(void **state)
{
    linked();
    send_one(1);
    rig_until(told.n_fates == 1);
    cut_gateway();
    end_begin_process(&gateway, 'n');
    told.n_up = 0;
    link_up_to(link_proxy_local(p, 0));
    rig_until(told.n_up == 1 && gateway.session.answered_ms);
    send_one(1); /* ids are of the session */
    rig_until(told.n_fates == 2);
    assert_int_equal(told.fates[1].fate, XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(b.x)->streams_opened, 1);
    assert_int_equal(gateway.n_new, 2);
}

static void what_the_former_process_had_not_answered_comes_again(void **state)
{
    linked();
    assert_true(node_send(&b, 1, "first"));
    rig_until(told.n_stanzas == 1);
    cut_gateway();
    end_begin_process(&gateway, 'n');
    buf_clear(&told.stanzas);
    link_up_to(link_proxy_local(p, 0));
    rig_turns(20);
    assert_int_equal(told.n_stanzas, 1); /* by whose settings? */
    say_settings(2, THEIRS);
    rig_until(told.n_stanzas == 2);
    assert_true(heard("<body>first</body>"));
    assert_int_not_equal(told.receipts[0], told.receipts[1]);
    assert_false(node_has_fate(&b, 1));
    say_handled(told.receipts[1]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_int_equal(xmpp_counters(b.x)->streams_opened, 1); /* no stream was closed for it */
}

/* It had come by a connection that is gone since; its stream was resumed. */
static void what_a_resumed_stream_had_brought_counts_after_its_gateway_was_killed(void **state)
{
    linked();
    assert_true(node_send(&b, 1, "first"));
    rig_until(told.n_stanzas == 1);
    conn_abort(container_of(b.x->streams.next, struct xmpp_stream, link)->conn);
    while (!rig_logged("stream-resumed"))
        pass(1);
    cut_gateway();
    end_begin_process(&gateway, 'n');
    link_up_to(link_proxy_local(p, 0));
    say_settings(2, THEIRS);
    rig_until(told.n_stanzas == 2);
    rig_turns(20);
    assert_false(node_has_fate(&b, 1));
    say_handled(told.receipts[1]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    assert_true(node_send(&b, 2, "second"));
    rig_until(told.n_stanzas == 3);
    say_handled(told.receipts[2]);
    assert_int_equal(node_fate(&b, 2), XMPP_FATE_CONFIRMED);
}

static void what_the_new_settings_do_not_allow_is_given_to_nobody(void **state)
{
    linked();
    assert_true(node_send(&b, 1, "first"));
    rig_until(told.n_stanzas == 1);
    cut_gateway();
    end_begin_process(&gateway, 'n');
    link_up_to(link_proxy_local(p, 0));
    say_settings(2, "tailspin.example");
    rig_until(told.version == 2);
    rig_until(xmpp_counters(b.x)->streams == 0);
    assert_int_equal(told.n_stanzas, 1);
    assert_false(node_has_fate(&b, 1));
    say_settings(3, THEIRS);
    rig_until(told.version == 3);
    while (told.n_stanzas == 1) /* its server tries again */
        pass(1);
    say_handled(told.receipts[1]);
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
}

/* ---- what no gateway may say, and no partner ---- */

static void a_receipt_that_was_not_given_ends_the_link(void **state)
{
    linked();
    say_handled(77);
    rig_until(gateway.n_closed == 1);
    assert_string_equal(gateway.why, "the other end says bad-frame: HANDLED, receipt: this was not given to it");
}

static void credit_that_was_not_used_ends_the_link(void **state)
{
    linked();
    give_back(1, 0);
    rig_until(gateway.n_closed == 1);
    assert_string_equal(gateway.why, "the other end says bad-frame: CREDIT: more comes back than was used up");
}

static void a_stanza_that_grows_too_long_goes_back_to_its_sender(void **state)
{
    char *text = malloc(60001);

    linked();
    memset(text, '\'', 60000);
    text[60000] = '\0';
    assert_true(node_send(&b, 1, text));
    assert_int_equal(node_fate(&b, 1), XMPP_FATE_CONFIRMED);
    rig_until(got("juliet@" OURS ">romeo@" THEIRS ":message:\n")); /* an error has no body */
    assert_int_equal(told.n_stanzas, 0);
    free(text);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(without_a_gateway_partners_are_told_to_come_later),
        TEST(a_stanza_goes_out_and_its_fate_is_what_the_partners_server_says),
        TEST(a_partners_stanza_counts_when_the_gateway_says_that_it_is_handled),
        TEST(settings_that_cannot_be_used_are_refused_and_the_former_stay),
        TEST(a_partner_that_writes_more_than_there_is_credit_for_is_not_read_on),
        TEST(beyond_its_credit_a_gateway_is_shown_out),
        TEST(what_is_not_written_in_time_is_taken_back_before_its_owner_gives_it_up),
        TEST(a_withdrawn_stanza_has_no_fate_and_gives_its_credit_back),
        TEST(a_partner_that_cannot_be_reached_is_told_as_it_is),
        TEST(a_fate_that_comes_during_a_cut_is_told_once_when_it_is_over),
        TEST(without_its_gateway_a_proxy_writes_nothing_more),
        TEST(a_gateway_that_does_not_come_back_leaves_nothing),
        TEST(a_gateway_that_was_started_anew_finds_the_streams_as_they_were),
        TEST(what_the_former_process_had_not_answered_comes_again),
        TEST(what_a_resumed_stream_had_brought_counts_after_its_gateway_was_killed),
        TEST(what_the_new_settings_do_not_allow_is_given_to_nobody),
        TEST(a_receipt_that_was_not_given_ends_the_link),
        TEST(credit_that_was_not_used_ends_the_link),
        TEST(a_stanza_that_grows_too_long_goes_back_to_its_sender),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
