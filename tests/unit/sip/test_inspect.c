/* What the stack settles itself: RFC 3261 8.2, in its order. */
#include "fake.h"

static void verdicts(void **state)
{
    static const struct {
        struct fake_request r;
        unsigned status; /* 0: handed to the owner; 1: neither answered nor handed on */
        const char *part;
    } cases[] = {
        { { 0 }, 0, NULL },
        { { .uri = "sip:example.com" }, 0, NULL }, /* no user: the owner says what that means */
        { { .uri = "SIP:juliet@EXAMPLE.com.;x=y" }, 0, NULL },
        { { .uri = "sips:juliet@example.com" }, 0, NULL },
        { { .uri = "im:juliet@example.com" }, 0, NULL },
        { { .uri = "pres:juliet@example.com" }, 0, NULL },
        { { .more = "Proxy-Require: foo\r\n" }, 0, NULL },
        { { .more = "Supported: foo\r\nRequire:\r\n" }, 0, NULL },
        { { .method = "OPTIONS" }, 200, "\r\nAllow: OPTIONS, MESSAGE\r\n" },
        { { .method = "OPTIONS" }, 200, "\r\nAccept: text/plain, text/html\r\n" },
        { { .method = "OPTIONS" }, 200, "\r\nSupported:" },
        { { .method = "OPTIONS", .uri = "sip:gw.example.net:5060" }, 200, NULL },
        { { .method = "OPTIONS", .uri = "sip:elsewhere.example" }, 404, NULL },
        { { .method = "OPTIONS", .to = "<sip:juliet@example.com>;tag=1" }, 481, NULL },
        { { .method = "INVITE" }, 405, "\r\nAllow: OPTIONS, MESSAGE\r\n" },
        { { .method = "REGISTER", .uri = "sip:elsewhere.example" }, 405, "\r\nAllow: OPTIONS, MESSAGE\r\n" },
        { { .method = "BYE", .to = "<sip:juliet@example.com>;tag=1" }, 405, "\r\nAllow: " },
        { { .method = "SUBSCRIBE", .more = "Require: foo\r\n" }, 405, NULL },
        { { .method = "NEWMETHOD", .uri = "tel:123" }, 501, "\r\nAllow: OPTIONS, MESSAGE\r\n" },
        { { .method = "message" }, 501, NULL },
        { { .method = "ACK" }, 1, NULL },
        { { .method = "ACK", .uri = "sip:elsewhere.example" }, 1, NULL },
        { { .method = "CANCEL" }, 481, NULL },
        { { .method = "CANCEL", .uri = "tel:123", .more = "Require: foo\r\n" }, 481, NULL },
        { { .uri = "tel:+1-201-555-0123" }, 416, NULL },
        { { .uri = "xmpp:juliet@example.com" }, 416, NULL },
        { { .uri = "mailto:juliet@example.com", .more = "Require: foo\r\n" }, 416, NULL },
        { { .uri = "sip:juliet@elsewhere.example" }, 404, NULL },
        { { .uri = "sip:juliet@gw.example.net" }, 404, NULL },
        { { .uri = "sip:juliet@elsewhere.example", .more = "Require: foo\r\n" }, 404, NULL },
        { { .more = "Require: foo\r\nRequire: bar , baz\r\n" }, 420, "\r\nUnsupported: foo, bar, baz\r\n" },
        { { .more = "Require: foo\r\n", .to = "<sip:juliet@example.com>;tag=1" }, 420, NULL },
        { { .to = "<sip:juliet@example.com>;tag=1" }, 481, NULL },
        /* loops */
        { { .via = "Via: SIP/2.0/UDP gw.example.net;branch=z9hG4bKa1" }, 0, NULL }, /* no listener here has the port */
        /* malformed */
        { { .cseq = "x" }, 400, "SIP/2.0 400 Bad CSeq number\r\n" },
        { { .from = "<sip:romeo@example.net;tag=1" }, 400, "SIP/2.0 400 Bad From\r\n" },
        { { .uri = "sip:juliet@" }, 400, NULL },
        { { .method = "ACK", .cseq = "x" }, 1, NULL },
        { { .method = "NEWMETHOD", .cseq = "x" }, 501, "\r\nAllow: OPTIONS, MESSAGE\r\n" },
        { { .method = "REGISTER", .cseq = "x" }, 400, NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = fake_new(NULL);
        unsigned want = cases[i].status;

        fake_take(f, SIP_UDP, "192.0.2.9:5070", fake_request(&cases[i].r));
        if (f->n_messages != (want == 0) || f->n_sent != (want > 1))
            fail_msg("case %zu: %zu handed on, %zu sent", i, f->n_messages, f->n_sent);
        if (want > 1 && (fake_status(f, 0) != want || (cases[i].part && !fake_has(fake_last(f), cases[i].part))))
            fail_msg("case %zu: %s", i, fake_last(f));
        if (want != 0)
            assert_int_equal(sip_counters(f->sip)->servers, 0); /* answered without memory */
        if (want > 1)
            assert_int_equal(fake_has(fake_last(f), ";tag="), true);
        fake_free(f);
    }
}

/* A stateless answer is the same each time, its To tag too. */
static void stateless_answers_repeat(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.uri = "tel:1"));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.uri = "tel:1"));
    assert_int_equal(f->n_sent, 2);
    assert_string_equal(f->sent[0].text, f->sent[1].text);
    fake_free(f);
}

static void strangers(void **state)
{
    static const char *const methods[] = { "MESSAGE", "OPTIONS", "INVITE",  "CANCEL", "REGISTER", "SUBSCRIBE",
                                           "NOTIFY",  "BYE",     "PUBLISH", "REFER",  "XYZ",      "ACK" };

    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        struct fake *f = fake_new(NULL);

        f->stranger = true;
        fake_take(f, SIP_UDP, "192.0.2.66", FAKE(.method = methods[i]));
        fake_take(f, SIP_UDP, "192.0.2.66", FAKE(.method = methods[i], .cseq = "x"));
        assert_int_equal(f->n_sent, 0);
        assert_int_equal(sip_counters(f->sip)->dropped_unknown_source, 2);
        assert_int_equal(fake_take(f, SIP_TCP, "192.0.2.66", FAKE(.method = methods[i])), SIP_CLOSE);
        assert_int_equal(f->n_sent, strcmp(methods[i], "ACK") ? 1 : 0);
        if (f->n_sent)
            assert_int_equal(fake_status(f, 0), 403);
        assert_int_equal(f->n_messages, 0);
        fake_free(f);
    }
}

static void body_limit(void **state)
{
    struct fake *f = fake_new(NULL);
    char *body = malloc(65538);

    assert_non_null(body);
    memset(body, 'x', 65537);
    body[65537] = '\0';
    fake_take(f, SIP_TCP, "192.0.2.9", FAKE(.body = body));
    assert_int_equal(fake_status(f, 0), 413);
    assert_int_equal(f->n_messages, 0);
    body[65536] = '\0';
    fake_take(f, SIP_TCP, "192.0.2.9", FAKE(.body = body));
    assert_int_equal(f->n_messages, 1);
    free(body);
    fake_free(f);
}

static void own_branch_is_a_loop(void **state)
{
    struct fake *f = fake_new(NULL);
    char via[256], branch[64];

    fake_request_out(f, SIP_UDP, "192.0.2.9:5060", NULL, "Hi");
    assert_int_equal(sscanf(strstr(fake_last(f), "branch="), "branch=%63[^;]", branch), 1);
    snprintf(via, sizeof(via),
             "Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKp\r\nVia: SIP/2.0/UDP somewhere.example;branch=%s", branch);
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.via = via));
    assert_int_equal(fake_status(f, 1), 482);
    assert_int_equal(f->n_messages, 0);
    fake_free(f);
}

static void cancel_of_a_message(void **state)
{
    struct fake *f = fake_new(NULL);

    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(0));
    fake_take(f, SIP_UDP, "192.0.2.9", FAKE(.method = "CANCEL"));
    assert_int_equal(fake_status(f, 0), 200);
    sip_respond(f->txns[0], 200, NULL, slice_of(NULL, 0)); /* the message is served all the same */
    assert_int_equal(f->n_sent, 2);
    fake_free(f);
}

static void framing_faults_close(void **state)
{
    static const struct {
        const char *text;
        unsigned status; /* 0: no answer */
        enum sip_next next;
    } cases[] = {
        { "MESSAGE sip:juliet@example.com SIP/7.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\nContent-Length: "
          "0\r\n",
          505, SIP_GO_ON },
        { "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"
          "Content-Length: -1\r\n",
          400, SIP_CLOSE },
        { "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"
          "Content-Length: 999999\r\n",
          513, SIP_CLOSE },
        { "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.9;branch=z9hG4bKa\r\n"
          "Content-Length: 0\r\n",
          400, SIP_GO_ON },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake *f = fake_new(NULL);
        char text[1024];

        snprintf(text, sizeof(text), "%sTo: <sip:juliet@example.com>\r\nFrom: <sip:romeo@example.net>;tag=1\r\n\r\n",
                 cases[i].text);
        if (fake_take(f, SIP_TCP, "192.0.2.9", text) != cases[i].next)
            fail_msg("case %zu: goes on or closes", i);
        if (f->n_sent != (cases[i].status != 0) || (f->n_sent && fake_status(f, 0) != cases[i].status))
            fail_msg("case %zu: %s", i, f->n_sent ? fake_last(f) : "no answer");
        fake_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),
        cmocka_unit_test(stateless_answers_repeat),
        cmocka_unit_test(strangers),
        cmocka_unit_test(body_limit),
        cmocka_unit_test(own_branch_is_a_loop),
        cmocka_unit_test(cancel_of_a_message),
        cmocka_unit_test(framing_faults_close),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
