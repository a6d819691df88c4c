/* Server dialback in its three roles, and every way to be believed without proof that must not work. */
#include <stdio.h>

#include "s2s_rig.h"
#include "xmpp/dialback_key.h"

#define RESULT(from, to, key) "<db:result from='" from "' to='" to "'>" key "</db:result>"

static struct node a, b;
static struct fake f, server;

static void start_both(enum xmpp_need tls, int cert_a, int cert_b)
{
    node_start(&a, OURS, THEIRS, cert_a);
    node_start(&b, THEIRS, OURS, cert_b);
    node_set(&a, tls, XMPP_OPTIONAL, true);
    node_set(&b, tls, XMPP_OPTIONAL, true);
    node_points_to(&a, node_addr(&b));
    node_points_to(&b, node_addr(&a));
}

static void stop_both(void)
{
    node_stop(&a);
    node_stop(&b);
}

static const char *key_of(const char *secret, const char *receiving, const char *originating, const char *id)
{
    static char key[DIALBACK_KEY_LEN + 1];
    const struct dialback_pair pair = { slice_str(receiving), slice_str(originating), slice_str(id) };

    assert_true(dialback_key(key, slice_str(secret), &pair));
    return key;
}

/* Self-signed certificates prove nothing, so keys do; nothing but pings can confirm then. */
static void test_over_tls(void **state)
{
    start_both(XMPP_REQUIRED, CERT_SELF_SIGNED, CERT_SELF_SIGNED);
    assert_true(node_send(&a, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_true(rig_logged("method=dialback-over-tls confirm=ping"));
    assert_non_null(strstr(b.got.p, ":iq:\n"));
    assert_int_equal(a.n_got, 0); /* the answer to the ping is ours alone */
    stop_both();
}

static void test_over_tcp(void **state)
{
    start_both(XMPP_NOT_SUPPORTED, CERT_OURS, CERT_THEIRS);
    assert_true(node_send(&a, 1, "x"));
    assert_int_equal(node_fate(&a, 1), XMPP_FATE_CONFIRMED);
    assert_true(rig_logged("method=dialback-over-tcp confirm=ping"));
    assert_false(rig_logged("stream-secured"));
    stop_both();
}

static void test_falls_back_after_sasl_failure(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_listen(&server, CERT_THEIRS);
    node_points_to(&a, listener_local(server.listener));
    assert_true(node_send(&a, 1, "x"));
    fake_expect(&server, "version='1.0'");
    fake_say(&server, HEADER "<stream:features>" STARTTLS "</stream:features>");
    fake_expect(&server, "<starttls");
    fake_say(&server, "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
    fake_tls_server(&server);
    fake_expect(&server, "version='1.0'");
    fake_say(&server, "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' id='i1' "
                      "version='1.0'><stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                      "<mechanism>EXTERNAL</mechanism></mechanisms></stream:features>");
    fake_expect(&server, "mechanism='EXTERNAL'>Y29udG9zby5leGFtcGxl</auth>");
    fake_say(&server, "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>");
    fake_expect(&server, "<db:result from='" OURS "' to='" THEIRS "'>");
    fake_expect(&server, key_of("0123456789abcdef-contoso", THEIRS, OURS, "i1"));
    /* The server gives up the stream instead: another one is made, without SASL. */
    conn_close(server.conn);
    rig_until(server.n_accepted == 2);
    assert_false(node_has_fate(&a, 1));
    node_stop(&a);
    fake_close(&server);
}

/* XEP-0344: the certificate is as good as a key, no verification is made. */
static void test_certificate_saves_the_verification(void **state)
{
    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_to_tls(&f, &a, CERT_THEIRS);
    fake_say(&f, HEADER RESULT(THEIRS, OURS, "whatever"));
    fake_expect(&f, "<db:result from='" OURS "' to='" THEIRS "' type='valid'/>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    rig_until(a.n_got == 1);
    node_stop(&a);
    fake_close(&f);
}

/* What the receiving side answers at once (XEP-0220 2.5). */
static void test_refusals(void **state)
{
    static const struct {
        enum xmpp_need tls, sasl;
        bool dialback, secure;
        const char *result, *answer;
    } cases[] = {
        { XMPP_OPTIONAL, XMPP_OPTIONAL, true, true, RESULT(THEIRS, "other.example", "k"), "item-not-found" },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, true, true, RESULT("stranger.example", OURS, "k"), "forbidden" },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, true, true, RESULT(THEIRS, OURS, ""), "not-acceptable" },
        { XMPP_REQUIRED, XMPP_OPTIONAL, true, false, RESULT(THEIRS, OURS, "k"), "policy-violation" },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, false, false, RESULT(THEIRS, OURS, "k"), "policy-violation" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, cases[i].tls, cases[i].sasl, cases[i].dialback);
        if (cases[i].secure)
            fake_to_tls(&f, &a, CERT_SELF_SIGNED);
        else
            fake_connect(&f, node_addr(&a), CERT_NONE);
        fake_say(&f, HEADER);
        fake_expect(&f, "</stream:features>");
        fake_say(&f, cases[i].result);
        fake_expect(&f, "type='error'><error type='cancel'>");
        fake_expect(&f, cases[i].answer);
        fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
        fake_expect(&f, "<not-authorized");
        fake_expect_closed(&f);
        assert_int_equal(a.n_got, 0);
        node_stop(&a);
        fake_close(&f);
    }
}

/* A sender with a key, and the fake authoritative server that we ask: up to the question. */
static const char *up_to_question(void)
{
    static char id[64];

    node_start(&a, OURS, THEIRS, CERT_OURS);
    node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
    fake_listen(&server, CERT_SELF_SIGNED);
    node_points_to(&a, listener_local(server.listener));
    fake_connect(&f, node_addr(&a), CERT_NONE);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    snprintf(id, sizeof(id), "%s", fake_stream_id(&f));
    fake_say(&f, RESULT(THEIRS, OURS, "abc"));
    fake_expect(&server, "version='1.0'");
    fake_say(&server, HEADER "<stream:features/>");
    fake_expect(&server, "<db:verify from='" OURS "' to='" THEIRS "' id='");
    fake_expect(&server, id);
    fake_expect(&server, ">abc</db:verify>");
    return id;
}

static void say_verdict(struct fake *who, const char *from, const char *to, const char *id, const char *type)
{
    char text[512];

    snprintf(text, sizeof(text), "<db:verify from='%s' to='%s' id='%s' type='%s'/>", from, to, id, type);
    fake_say(who, text);
}

static void end_of_question(void)
{
    node_stop(&a);
    fake_close(&f);
    fake_close(&server);
}

static void test_verification(void **state)
{
    static const struct {
        const char *type, *answer;
        bool open;
    } cases[] = {
        { "valid", "type='valid'/>", true },
        { "invalid", "type='invalid'/></stream:stream>", false },
        { "error", "type='error'", true },
        { "VALID", "type='error'", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const char *id = up_to_question();

        say_verdict(&server, THEIRS, OURS, id, cases[i].type);
        fake_expect(&f, "<db:result from='" OURS "' to='" THEIRS "' ");
        fake_expect(&f, cases[i].answer);
        fake_expect(&server, "</stream:stream>");
        if (i == 0) {
            fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
            rig_until(a.n_got == 1);
        }
        assert_int_equal(xmpp_counters(a.x)->streams_authenticated, i == 0 ? 1 : 0);
        end_of_question();
    }
}

/* Threat I1: verdicts that nobody asked for, in every wrong place, shape and time. */
static void test_unsolicited(void **state)
{
    const char *id = up_to_question();

    say_verdict(&f, THEIRS, OURS, id, "valid"); /* on the stream of the one that wants to be believed */
    fake_say(&f, "<db:result from='" THEIRS "' to='" OURS "' type='valid'/>");
    say_verdict(&server, THEIRS, OURS, "other-id", "valid");
    say_verdict(&server, "mallory.example", OURS, id, "valid");
    say_verdict(&server, THEIRS, "second.example", id, "valid");
    say_verdict(&server, "x@" THEIRS, OURS, id, "valid");
    fake_say(&server, "<db:result from='" THEIRS "' to='" OURS "' type='valid'/>");
    fake_say(&server, "<db:verify from='" THEIRS "' to='" OURS "' type='valid'/>");
    fake_lacks(&f, "type='valid'");
    rig_advance(XMPP_VERIFY_MS);
    fake_expect(&f, "<remote-server-timeout");
    if (server.conn) /* too late */
        say_verdict(&server, THEIRS, OURS, id, "valid");
    fake_lacks(&f, "type='valid'");
    assert_int_equal(a.n_got, 0);
    assert_int_equal(xmpp_counters(a.x)->streams_authenticated, 0);
    end_of_question();
}

static void test_early_stanza(void **state)
{
    up_to_question();
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    fake_expect(&f, "<not-authorized");
    fake_expect_closed(&f);
    fake_expect(&server, "</stream:stream>"); /* nobody waits for the answer */
    assert_int_equal(a.n_got, 0);
    assert_int_equal(a.x->n_verifies, 0);
    end_of_question();
}

static void test_authority_vanishes(void **state)
{
    up_to_question();
    conn_abort(server.conn);
    fake_expect(&f, "type='error'><error type='cancel'><remote-server-timeout");
    end_of_question();
}

/* The key comes in clear, TLS follows: what the key proves was said by nobody. */
static void test_key_before_tls_is_forgotten(void **state)
{
    const char *id = up_to_question();

    fake_say(&f, STARTTLS);
    fake_expect(&f, "<proceed");
    fake_tls_client(&f);
    if (server.conn)
        say_verdict(&server, THEIRS, OURS, id, "valid");
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    fake_expect(&f, "<not-authorized");
    fake_lacks(&f, "type='valid'");
    assert_int_equal(a.n_got, 0);
    end_of_question();
}

/* The authoritative role needs no authentication and no memory, and speaks for our domains only. */
static void test_authoritative(void **state)
{
    char text[512];

    node_start(&a, OURS, THEIRS, CERT_OURS);
    fake_to_tls(&f, &a, CERT_NONE);
    node_set(&a, XMPP_REQUIRED, XMPP_OPTIONAL, true);
    fake_say(&f, HEADER);
    fake_expect(&f, "</stream:features>");
    snprintf(text, sizeof(text), "<db:verify from='" THEIRS "' to='" OURS "' id='77'>%s</db:verify>",
             key_of("0123456789abcdef-contoso", THEIRS, OURS, "77"));
    fake_say(&f, text);
    fake_expect(&f, "<db:verify from='" OURS "' to='" THEIRS "' id='77' type='valid'/>");
    snprintf(text, sizeof(text), "<db:verify from='" THEIRS "' to='" OURS "' id='78'>%s</db:verify>",
             key_of("0123456789abcdef-contoso", THEIRS, OURS, "77"));
    fake_say(&f, text);
    fake_expect(&f, "id='78' type='invalid'/>");
    fake_say(&f, "<db:verify from='" THEIRS "' to='other.example' id='79'>x</db:verify>");
    fake_expect(&f, "id='79' type='error'><error type='cancel'><item-not-found");
    node_stop(&a);
    fake_close(&f);
}

/* A server that came to ask about our key, and goes with the answer, has not failed; one that failed otherwise has. */
static void test_asking_is_no_failure(void **state)
{
    static const struct {
        const char *also;
        bool failed;
    } cases[] = {
        { "", false },
        { "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>", true },
        { RESULT(THEIRS, OURS, "abc"), true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        buf_clear(&rig_log);
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, XMPP_OPTIONAL, XMPP_OPTIONAL, true);
        fake_connect(&f, node_addr(&a), CERT_NONE);
        fake_say(&f, HEADER);
        fake_expect(&f, "</stream:features>");
        fake_say(&f, "<db:verify from='" THEIRS "' to='" OURS "' id='77'>abc</db:verify>");
        fake_expect(&f, "id='77' type='invalid'/>");
        fake_say(&f, cases[i].also);
        fake_say(&f, "</stream:stream>");
        fake_expect_closed(&f);
        assert_int_equal(rig_logged("stream-failed"), cases[i].failed);
        assert_int_equal(xmpp_counters(a.x)->streams_failed_in, cases[i].failed ? 1 : 0);
        node_stop(&a);
        fake_close(&f);
    }
}

/* What stood in the way of a partner in clear was a setting, and the administrator reads which. */
static void test_settings_in_the_way_are_named(void **state)
{
    static const struct {
        enum xmpp_need tls, sasl;
        bool dialback;
        const char *said, *log;
    } cases[] = {
        { XMPP_REQUIRED, XMPP_OPTIONAL, true, "",
          "TLS is required by your setting but the partner did not use it (set" },
        { XMPP_REQUIRED, XMPP_OPTIONAL, true, RESULT(THEIRS, OURS, "abc"), "which we answered with policy-violation" },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, false, "", "your setting allows no dialback, so nothing can prove its domain" },
        { XMPP_NOT_SUPPORTED, XMPP_OPTIONAL, true, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
          "your setting forbids TLS, which the partner may require" },
        { XMPP_OPTIONAL, XMPP_OPTIONAL, true, "", "why=\"the partner closed the stream" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        buf_clear(&rig_log);
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, cases[i].tls, cases[i].sasl, cases[i].dialback);
        fake_connect(&f, node_addr(&a), CERT_NONE);
        fake_say(&f, HEADER);
        fake_expect(&f, "</stream:features>");
        fake_say(&f, cases[i].said);
        fake_say(&f, "</stream:stream>");
        fake_expect_closed(&f);
        assert_true(rig_logged("stream-failed"));
        assert_true(rig_logged(cases[i].log));
        node_stop(&a);
        fake_close(&f);
    }
}

/* Several pairs on one stream, each with its own proof; the proof of one says nothing of another. */
static void test_pairs(void **state)
{
    const char *id = up_to_question();

    a.also = "second.example";
    say_verdict(&server, THEIRS, OURS, id, "valid");
    fake_expect(&f, "type='valid'/>");
    fake_say(&f, RESULT(THEIRS, "second.example", "abd"));
    fake_expect(&server, "<stream:stream");
    fake_say(&server, HEADER "<stream:features/>");
    fake_expect(&server, ">abd</db:verify>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@" OURS, "x"));
    rig_until(a.n_got == 1);
    say_verdict(&server, THEIRS, "second.example", id, "valid");
    fake_expect(&f, "from='second.example' to='" THEIRS "' type='valid'/>");
    fake_say(&f, MESSAGE("j@" THEIRS, "r@second.example", "x"));
    rig_until(a.n_got == 2);
    fake_say(&f, MESSAGE("j@mallory.example", "r@" OURS, "x"));
    fake_expect(&f, "<invalid-from");
    assert_int_equal(a.n_got, 2);
    end_of_question();
}

/* Outbound: what the answer to our key does to those who wait. */
static void test_answers(void **state)
{
    static const struct {
        const char *answer;
        enum xmpp_fate fate;
    } cases[] = {
        { "<db:result from='" THEIRS "' to='" OURS "' type='invalid'/>", XMPP_FATE_REFUSED },
        { "<db:result from='" THEIRS "' to='" OURS "' type='error'><error type='cancel'><forbidden "
          "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:result>",
          XMPP_FATE_UNREACHABLE },
        { "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
          XMPP_FATE_UNREACHABLE },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        node_start(&a, OURS, THEIRS, CERT_OURS);
        node_set(&a, XMPP_NOT_SUPPORTED, XMPP_NOT_SUPPORTED, true);
        fake_listen(&server, CERT_NONE);
        node_points_to(&a, listener_local(server.listener));
        assert_true(node_send(&a, 1, "x"));
        fake_expect(&server, "version='1.0'");
        fake_say(&server, HEADER "<stream:features/>"); /* no id: dialback cannot be */
        assert_int_equal(node_fate(&a, 1), XMPP_FATE_UNREACHABLE);
        rig_advance(10000);
        assert_true(node_send(&a, 2, "x"));
        rig_until(server.n_accepted == 2);
        fake_expect(&server, "version='1.0'");
        fake_say(&server, "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' "
                          "xmlns:db='jabber:server:dialback' id='9' version='1.0'><stream:features/>");
        fake_expect(&server, "</db:result>");
        fake_say(&server, "<db:result from='mallory.example' to='" OURS "' type='valid'/>"
                          "<db:result from='" THEIRS "' to='second.example' type='valid'/>");
        fake_lacks(&server, "<message");
        fake_say(&server, cases[i].answer);
        assert_int_equal(node_fate(&a, 2), cases[i].fate);
        fake_lacks(&server, "<message");
        node_stop(&a);
        fake_close(&server);
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        T(test_over_tls),
        T(test_over_tcp),
        T(test_falls_back_after_sasl_failure),
        T(test_certificate_saves_the_verification),
        T(test_refusals),
        T(test_verification),
        T(test_unsolicited),
        T(test_early_stanza),
        T(test_authority_vanishes),
        T(test_key_before_tls_is_forgotten),
        T(test_authoritative),
        T(test_asking_is_no_failure),
        T(test_settings_in_the_way_are_named),
        T(test_pairs),
        T(test_answers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
