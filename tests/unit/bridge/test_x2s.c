/* XMPP to SIP: one in flight for each pair, in order; a stanza counts as handled when SIP has answered, and not before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/lane.h"
#include "sides.h"

static void say(struct sides *s, const char *from, const char *to, const char *text, uint64_t number)
{
    char stanza[1024];

    snprintf(stanza, sizeof(stanza), "<message from='%s' to='%s' id='m%d'><body>%s</body></message>", from, to,
             (int)number, text);
    sides_xmpp(s, stanza, number);
}

#define ROMEO "romeo@fabrikam.example/garden"
#define ALICE "alice@contoso.example"

static void one_flies_at_a_time_and_order_is_kept(void **state)
{
    struct sides *s = sides_new();

    say(s, ROMEO, ALICE, "one", 1);
    say(s, ROMEO, ALICE, "two", 2);
    say(s, ROMEO, ALICE, "three", 3);
    say(s, "tybalt@fabrikam.example/x", ALICE, "other", 4);
    assert_int_equal(s->n_clients, 2); /* one of each sender */
    assert_string_equal(s->clients[0].body, "one");
    assert_string_equal(s->clients[0].uri, "sip:alice@contoso.example");
    assert_non_null(strstr(s->clients[0].from, "<sip:romeo@fabrikam.example;gr=garden>;tag="));
    assert_string_equal(s->clients[1].body, "other");
    assert_int_equal(s->n_handled, 0);
    sides_answer(s, 0, 200);
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->handled[0], 1);
    assert_string_equal(s->clients[2].body, "two");
    sides_answer(s, 2, 200);
    assert_string_equal(s->clients[3].body, "three");
    sides_answer(s, 3, 200);
    sides_answer(s, 1, 202);
    assert_int_equal(s->n_handled, 4);
    assert_int_equal(s->n_sent, 0); /* success says nothing */
    assert_int_equal(s->bridge->lanes.n, 0);
    assert_int_equal(s->bridge->queued_bytes, 0);
    sides_free(s);
}

/* A partner that lost its stream repeats what we had not acknowledged; to SIP it has to look like a retransmission. */
static void the_same_stanza_again_is_the_same_request(void **state)
{
    struct sides *s = sides_new();

    say(s, ROMEO, ALICE, "one", 1);
    sides_answer(s, 0, 200);
    say(s, ROMEO, ALICE, "one", 1);
    sides_answer(s, 1, 200);
    say(s, ROMEO, ALICE, "another text", 1);
    say(s, "tybalt@fabrikam.example/x", ALICE, "one", 1);
    assert_string_equal(s->clients[0].branch, s->clients[1].branch);
    assert_string_equal(s->clients[0].from, s->clients[1].from);
    assert_string_equal(s->clients[0].call_id, s->clients[1].call_id);
    assert_string_not_equal(s->clients[0].branch, s->clients[2].branch);
    assert_string_not_equal(s->clients[0].branch, s->clients[3].branch);
    sides_free(s);
}

#define LONG_THREAD                                                                                                    \
    "a thread of more than one hundred and eighty bytes, which no Call-ID of ours can hold so that it could be read "  \
    "out of it again: therefore a table keeps it, for as long as there is room and for a day at least, \u00fc&amp;="

/* The partner's user names a thread, the SIP side answers in it a day later; to others its Call-ID says nothing. */
static void STOX_IM_16_a_thread_too_long_to_encode_comes_back(void **state)
{
    static const char plain[] = "Content-Type: text/plain\r\n", whole[] = "<thread>" LONG_THREAD "</thread>";
    static const struct {
        const char *from, *uri;
        bool known;
    } answers[] = {
        { "<sip:alice@contoso.example>", "sip:romeo@fabrikam.example", true },
        { "<sip:ALICE@contoso.example;gr=x>", "sip:romeo@FABRIKAM.example", true },
        { "<sip:bob@contoso.example>", "sip:romeo@fabrikam.example", false },
        { "<sip:alice@contoso.example>", "sip:tybalt@fabrikam.example", false },
    };
    struct sides *s = sides_new();

    sides_xmpp(
        s, "<message from='" ROMEO "' to='" ALICE "' id='m1'><body>x</body><thread>" LONG_THREAD "</thread></message>",
        1);
    assert_in_range(strlen(s->clients[0].call_id), 16, 255);
    assert_int_equal(strspn(s->clients[0].call_id, "0123456789abcdef"), strlen(s->clients[0].call_id));
    sides_answer(s, 0, 200);
    sides_advance(s, 24 * 3600 * 1000);
    s->call_id = s->clients[0].call_id;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        char branch[16], other[400];

        snprintf(branch, sizeof(branch), "t%zu", i);
        sides_sip(s, "192.0.2.10", answers[i].from, answers[i].uri, branch, plain, "yes");
        snprintf(other, sizeof(other), "<thread>%s</thread>", s->call_id);
        assert_int_equal(s->n_sent, i + 1);
        assert_non_null(strstr(s->sent[i].stanza, answers[i].known ? whole : other));
        s2x_settled(s->bridge, s->sent[i].token, XMPP_FATE_CONFIRMED, "");
    }
    sides_free(s);
}

/* A thread that is remembered must not be what a message is refused for. */
static void STOX_IM_16_a_thread_that_does_not_fit_is_left_out(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *t;

    sides_xmpp(
        s, "<message from='" ROMEO "' to='" ALICE "' id='m1'><body>x</body><thread>" LONG_THREAD "</thread></message>",
        1);
    s->call_id = s->clients[0].call_id;
    s->bridge->map.body_max = 100;
    t = sides_sip(s, "192.0.2.10", "<sip:alice@contoso.example>", "sip:romeo@fabrikam.example", "t1",
                  "Content-Type: text/plain\r\n", "yes");
    assert_int_equal(t->answers, 0);
    assert_non_null(strstr(s->sent[0].stanza, s->call_id));
    sides_free(s);
}

static void a_refusal_becomes_the_mapped_error_with_the_same_id(void **state)
{
    static const struct {
        unsigned status;
        const char *condition, *type;
    } cases[] = {
        { 404, "item-not-found", "cancel" },      { 403, "forbidden", "auth" },
        { 486, "recipient-unavailable", "wait" }, { 503, "internal-server-error", "cancel" },
        { 415, "not-acceptable", "modify" },      { 603, "recipient-unavailable", "wait" },
        { 0, "remote-server-timeout", "wait" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        char want[64];

        say(s, ROMEO, ALICE, "x", 7);
        sides_answer(s, 0, cases[i].status);
        assert_int_equal(s->n_sent, 1);
        snprintf(want, sizeof(want), "<%s ", cases[i].condition);
        if (!strstr(s->sent[0].stanza, want) || !strstr(s->sent[0].stanza, "id='m7'") ||
            !strstr(s->sent[0].stanza, "to='romeo@fabrikam.example/garden'") ||
            !strstr(s->sent[0].stanza, "from='alice@contoso.example'") || !strstr(s->sent[0].stanza, cases[i].type))
            fail_msg("%u: %s", cases[i].status, s->sent[0].stanza);
        assert_int_equal(s->n_handled, 1);
        sides_free(s);
    }
}

static void too_many_for_a_dead_phone_are_refused_and_the_partner_is_read_again(void **state)
{
    struct sides *s = sides_new();

    for (uint64_t i = 0; i < LANE_MAX + 5; i++)
        say(s, ROMEO, ALICE, "x", i);
    assert_int_equal(s->paused, 1);
    sides_advance(s, LANE_PROMPT_MS + 1);
    assert_int_equal(s->paused, 0); /* the phone is not prompt: its queue may overflow, the partner goes on */
    assert_int_equal(s->n_sent, 4);
    assert_non_null(strstr(s->sent[0].stanza, "resource-constraint"));
    say(s, ROMEO, ALICE, "x", 900);
    assert_int_equal(s->n_sent, 5);
    sides_advance(s, LANE_WAIT_MS);
    sides_answer(s, 0, 0);
    assert_int_equal(s->bridge->lanes.n, 0); /* all the others waited too long */
    assert_int_equal(s->n_handled, LANE_MAX + 6);
    sides_free(s);
}

/* What is refused for want of room must not leave room taken: a peer could fill memory with pairs of strangers. */
static void a_refused_first_message_leaves_no_lane(void **state)
{
    struct sides *s = sides_new();

    s->bridge->queued_bytes = LANES_BYTES_MAX + 1;
    say(s, ROMEO, ALICE, "x", 1);
    assert_int_equal(s->n_clients, 0);
    assert_non_null(strstr(s->sent[0].stanza, "resource-constraint"));
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->bridge->lanes.n, 0);
    s->bridge->queued_bytes -= LANES_BYTES_MAX + 1;
    assert_int_equal(s->bridge->queued_bytes, 0);
    sides_free(s);
}

static void a_prompt_recipient_slows_the_partner_and_loses_nothing(void **state)
{
    struct sides *s = sides_new();

    for (uint64_t i = 0; i < LANE_PAUSE + 2; i++)
        say(s, ROMEO, ALICE, "x", i);
    assert_int_equal(s->paused, 1);
    for (size_t i = 0; i < LANE_PAUSE + 2; i++)
        sides_answer(s, i, 200);
    assert_int_equal(s->paused, 0);
    assert_int_equal(s->n_sent, 0);
    assert_int_equal(s->n_handled, LANE_PAUSE + 2);
    sides_free(s);
}

static void a_gruu_that_is_gone_is_tried_at_the_address_of_record(void **state)
{
    struct sides *s = sides_new();

    say(s, ROMEO, ALICE "/desk", "x", 1);
    assert_string_equal(s->clients[0].uri, "sip:alice@contoso.example;gr=desk");
    sides_answer(s, 0, 480);
    assert_int_equal(s->n_clients, 2);
    assert_string_equal(s->clients[1].uri, "sip:alice@contoso.example");
    sides_answer(s, 1, 480);
    assert_int_equal(s->n_clients, 2);
    assert_int_equal(s->n_sent, 1);
    sides_free(s);
}

static void too_long_for_udp_is_a_policy_violation(void **state)
{
    struct sides *s = sides_new();

    s->too_long = true;
    say(s, ROMEO, ALICE, "x", 1);
    sides_answer(s, 0, 0);
    assert_non_null(strstr(s->sent[0].stanza, "<policy-violation "));
    assert_int_equal(s->n_handled, 1);
    sides_free(s);
}

/* Ten seconds' worth at once, then the rate; the stanza too many is given back, and only its sender pays. */
static void STOX_SEC_15_a_user_who_floods_is_refused_and_nobody_else(void **state)
{
    struct sides *s = sides_new();
    size_t n_refused;

    sides_apply(s, SIDES_SETTINGS "gateway { user-message-rate = 1 }\n");
    for (uint64_t i = 1; i <= 15; i++)
        say(s, i % 2 ? ROMEO : "romeo@fabrikam.example/orchard", ALICE, "x", i);
    assert_int_equal(s->n_sent, 5);
    assert_non_null(strstr(s->sent[0].stanza, "id='m11'"));
    assert_non_null(strstr(s->sent[0].stanza, "<error type='wait' by='contoso.example'><resource-constraint "));
    say(s, "tybalt@fabrikam.example/x", ALICE, "x", 16);
    assert_int_equal(s->n_sent, 5);
    sides_advance(s, 1000);
    n_refused = s->n_sent;
    say(s, ROMEO, ALICE, "x", 17);
    assert_int_equal(s->n_sent, n_refused);
    say(s, ROMEO, ALICE, "x", 18);
    assert_int_equal(s->n_sent, n_refused + 1);
    assert_int_equal(s->bridge->counters.x2s_throttled, 6);
    sides_apply(s, SIDES_SETTINGS "gateway { user-message-rate = 0 }\n");
    n_refused = s->n_sent;
    for (uint64_t i = 20; i < 50; i++)
        say(s, ROMEO, ALICE, "x", i);
    assert_int_equal(s->n_sent, n_refused);
    sides_free(s);
}

static void what_is_no_message_is_answered_or_left(void **state)
{
    static const struct {
        const char *stanza, *answer; /* NULL: none */
    } cases[] = {
        { "<iq type='get' id='1' from='fabrikam.example' to='contoso.example'><ping xmlns='urn:xmpp:ping'/></iq>",
          "<iq type='result'" },
        { "<iq type='get' id='1' from='a@fabrikam.example/r' to='alice@contoso.example'><q xmlns='x'/></iq>",
          "service-unavailable" },
        { "<iq type='set' id='1' from='a@fabrikam.example/r' to='contoso.example'/>", "bad-request" },
        { "<iq type='get' from='a@fabrikam.example/r' to='contoso.example'><q xmlns='x'/></iq>", "bad-request" },
        { "<iq type='what' id='1' from='a@fabrikam.example/r' to='contoso.example'><q xmlns='x'/></iq>",
          "bad-request" },
        { "<iq type='result' id='1' from='a@fabrikam.example/r' to='contoso.example'/>", NULL },
        { "<iq type='error' id='1' from='a@fabrikam.example/r' to='contoso.example'/>", NULL },
        { "<presence from='a@fabrikam.example/r' to='alice@contoso.example'/>", NULL },
        { "<presence type='subscribe' from='a@fabrikam.example' to='contoso.example'/>", "service-unavailable" },
        { "<message type='groupchat' from='a@fabrikam.example/r' to='alice@contoso.example'><body>x</body></message>",
          "service-unavailable" },
        { "<message from='a@fabrikam.example/r' to='contoso.example'><body>x</body></message>", "service-unavailable" },
        { "<message from='a@fabrikam.example/r' to='alice@contoso.example'><event xmlns='x'/></message>", NULL },
        { "<message type='error' from='a@fabrikam.example/r' to='alice@contoso.example'><body>x</body></message>",
          NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();

        sides_xmpp(s, cases[i].stanza, i + 1);
        if (s->n_clients || s->n_handled != 1 || s->n_sent != (cases[i].answer ? 1 : 0) ||
            (cases[i].answer && !strstr(s->sent[0].stanza, cases[i].answer)))
            fail_msg("case %zu: %zu requests, %zu handled, %zu stanzas: %s", i, s->n_clients, s->n_handled, s->n_sent,
                     s->sent[0].stanza);
        sides_free(s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_flies_at_a_time_and_order_is_kept),
        cmocka_unit_test(the_same_stanza_again_is_the_same_request),
        cmocka_unit_test(STOX_IM_16_a_thread_too_long_to_encode_comes_back),
        cmocka_unit_test(STOX_IM_16_a_thread_that_does_not_fit_is_left_out),
        cmocka_unit_test(a_refusal_becomes_the_mapped_error_with_the_same_id),
        cmocka_unit_test(too_many_for_a_dead_phone_are_refused_and_the_partner_is_read_again),
        cmocka_unit_test(a_refused_first_message_leaves_no_lane),
        cmocka_unit_test(a_prompt_recipient_slows_the_partner_and_loses_nothing),
        cmocka_unit_test(a_gruu_that_is_gone_is_tried_at_the_address_of_record),
        cmocka_unit_test(too_long_for_udp_is_a_policy_violation),
        cmocka_unit_test(STOX_SEC_15_a_user_who_floods_is_refused_and_nobody_else),
        cmocka_unit_test(what_is_no_message_is_answered_or_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
