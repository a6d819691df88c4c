/* SIP to XMPP: each MESSAGE gets exactly one answer, and the answer is the truth about its stanza. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sides.h"

#define ALICE "<sip:alice@contoso.example>"
#define ROMEO "sip:romeo@fabrikam.example"
#define OFFICE "192.0.2.10"

static struct sip_server *say(struct sides *s, const char *branch)
{
    return sides_sip(s, OFFICE, ALICE, ROMEO, branch, "Content-Type: text/plain\r\n", "hello");
}

static void nothing_is_answered_before_the_partner_acknowledged(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *t = say(s, "a1");

    assert_int_equal(s->n_sent, 1);
    assert_string_equal(s->sent[0].local, "contoso.example");
    assert_string_equal(s->sent[0].remote, "fabrikam.example");
    assert_non_null(strstr(s->sent[0].stanza, "<body>hello</body>"));
    sides_advance(s, 19000);
    assert_int_equal(t->answers, 0);
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->status, 200);
    sides_advance(s, 60000);
    assert_int_equal(t->answers, 1);
    sides_free(s);
}

static void each_fate_has_its_status(void **state)
{
    static const struct {
        enum xmpp_fate fate;
        unsigned status;
        const char *reason;
    } cases[] = { { XMPP_FATE_CONFIRMED, 200, "" },
                  { XMPP_FATE_UNCONFIRMED, 202, "" },
                  { XMPP_FATE_NO_SERVER, 404, "That domain has no XMPP server" },
                  { XMPP_FATE_UNREACHABLE, 504, "The partner's server cannot be reached" },
                  { XMPP_FATE_REFUSED, 504, "No connection that both sides allow" },
                  { XMPP_FATE_FULL, 480, "Too many messages wait for the partner" },
                  { XMPP_FATE_LOST, 504, "The connection broke before the partner's server acknowledged" },
                  { XMPP_FATE_TOO_LONG, 413, "The partner takes no message of that size" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        struct sip_server *t = say(s, "b1");

        s2x_settled(s->bridge, s->sent[0].token, cases[i].fate, "because (set --tls optional)");
        assert_int_equal(t->answers, 1);
        assert_int_equal(t->status, cases[i].status);
        assert_string_equal(t->reason, cases[i].reason); /* the sentence is the administrator's alone */
        assert_true(sides_logged(s, "why=\"because (set --tls optional)\""));
        s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
        assert_int_equal(t->answers, 1);
        sides_free(s);
    }
}

/* One id in all lines of two people's messages, both ways, and in the table. */
static void a_conversation_has_one_id_on_both_legs(void **state)
{
    struct sides *s = sides_new();
    struct talks_walk w;
    const struct talk *talk;
    char id[64];

    say(s, "t1");
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    sides_xmpp(
        s, "<message id='t2' from='romeo@fabrikam.example/x' to='alice@contoso.example'><body>hi</body></message>", 1);
    sides_answer(s, 0, 480);
    sides_settle_errors(s);
    sides_xmpp(s,
               "<message type='error' id='t1' from='romeo@fabrikam.example' to='alice@contoso.example'><error "
               "type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
               2);
    talks_walk(&s->bridge->talks, &w, UINT64_MAX);
    talk = talks_next(&w);
    assert_non_null(talk);
    assert_null(talks_next(&w));
    assert_int_equal(talk->ways[SCORE_S2X].n_delivered, 1);
    assert_int_equal(talk->ways[SCORE_X2S].n_failed, 1);
    assert_int_equal(talk->ways[SCORE_X2S].last.status, 480);
    assert_string_equal(talk->ways[SCORE_X2S].last.condition, "recipient-unavailable");
    assert_string_equal(talk->bounced_condition, "gone");
    for (size_t i = 0; i < 5; i++) {
        static const char *const events[] = { "message direction=sip-to-xmpp", "message-answered direction=sip-to-xmpp",
                                              "message direction=xmpp-to-sip", "message-answered direction=xmpp-to-sip",
                                              "message-bounced-late" };

        snprintf(id, sizeof(id), "%s conversation=%016llx", events[i], (unsigned long long)talk->node.hash);
        assert_true(sides_logged(s, id));
    }
    sides_free(s);
}

/* Refusals are remembered for those who may speak for the sender, and say why. */
static void a_refused_message_is_in_its_conversation(void **state)
{
    struct sides *s = sides_new();
    struct talks_walk w;
    const struct talk *talk;

    sides_apply(s, SIDES_ORG SIDES_DOMAINS SIDES_PARTNER "block romeo@fabrikam.example {}\n");
    say(s, "v1");
    sides_sip(s, "192.0.2.20", ALICE, "sip:juliet@fabrikam.example", "v2", "", "no");
    talks_walk(&s->bridge->talks, &w, UINT64_MAX);
    talk = talks_next(&w);
    assert_non_null(talk);
    assert_true(slice_is(talk->remote, "romeo@fabrikam.example"));
    assert_int_equal(talk->ways[SCORE_S2X].last.status, 403);
    assert_true(slice_is(talk->ways[SCORE_S2X].last.why, "the partner's user is on the block list"));
    assert_null(talks_next(&w)); /* the other source may not speak for her */
    sides_free(s);
}

static void the_hold_time_ends_with_504_and_withdraws(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *t = say(s, "c1");

    assert_int_equal(s->sent[0].until_ms, loop_now(&s->loop) + 20000); /* whoever writes it knows that moment, too */
    s->written = true;
    sides_advance(s, 20001);
    assert_int_equal(t->status, 504);
    assert_true(s->sent[0].withdrawn);
    assert_int_equal(bridge_counters(s->bridge)->s2x_outcome_unknown, 1);
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(t->answers, 1);
    sides_free(s);
}

static void a_bounce_within_the_hold_time_decides(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *first = say(s, "d1"), *second = say(s, "d2");

    sides_xmpp(
        s,
        "<message type='error' id='d2' from='romeo@fabrikam.example' to='alice@contoso.example'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        1);
    assert_int_equal(second->status, 604);
    assert_int_equal(first->answers, 0);
    assert_true(s->sent[1].withdrawn);
    assert_int_equal(s->handled[0], 1);
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(first->status, 200);
    sides_free(s);
}

/* Only the person we wrote to can bounce: another one's error with the right id changes nothing. */
static void a_bounce_from_somebody_else_changes_nothing(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *t = say(s, "e1");

    sides_xmpp(
        s,
        "<message type='error' id='e1' from='tybalt@fabrikam.example' to='alice@contoso.example'><error type='cancel'>"
        "<item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>",
        1);
    assert_int_equal(t->answers, 0);
    assert_int_equal(bridge_counters(s->bridge)->bounces_late, 1);
    sides_free(s);
}

static void who_may_not_speak_is_refused(void **state)
{
    static const struct {
        const char *ip, *from, *uri;
        unsigned status;
    } cases[] = {
        { OFFICE, "<sip:alice@other.example>", ROMEO, 403 },        /* From of another route */
        { OFFICE, "<sip:alice@fabrikam.example>", ROMEO, 403 },     /* From of the partner */
        { OFFICE, "<sip:alice@contoso.example.evil>", ROMEO, 403 }, /* no match by prefix */
        { OFFICE, "<sip:alice@sub.contoso.example>", ROMEO, 403 },  /* nor by suffix */
        { OFFICE, "<sip:contoso.example>", ROMEO, 403 },            /* nobody */
        { "192.0.2.20", ALICE, ROMEO, 403 },                        /* a known source, not of this route */
        { OFFICE, ALICE, "sip:romeo@unlisted.example", 404 },       /* no such partner */
        { OFFICE, ALICE, "sip:bob@contoso.example", 404 },          /* SIP to SIP is not relayed */
        { OFFICE, ALICE, "sip:fabrikam.example", 404 },             /* a domain, not a person */
        { OFFICE, ALICE, "sips:romeo@fabrikam.example", 403 },      /* sips cannot be kept up */
        { OFFICE, ALICE, "sip:%20romeo@fabrikam.example", 404 },    /* no JID can say this */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s = sides_new();
        struct sip_server *t =
            sides_sip(s, cases[i].ip, cases[i].from, cases[i].uri, "f1", "Content-Type: text/plain\r\n", "x");

        if (t->answers != 1 || t->status != cases[i].status || s->n_sent)
            fail_msg("case %zu: %u answers, status %u, %zu stanzas", i, t->answers, t->status, s->n_sent);
        sides_free(s);
    }
}

static void a_partner_that_is_full_is_480_and_not_503(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *t;

    s->refuse_sends = true;
    s->refusal = XMPP_FATE_FULL;
    t = say(s, "g1");
    assert_int_equal(t->status, 480);
    assert_non_null(strstr(t->headers, "Retry-After"));
    sides_free(s);
}

static void STOX_SEC_15_a_sip_user_who_floods_is_480(void **state)
{
    static const char plain[] = "Content-Type: text/plain\r\n", romeo[] = "sip:romeo@fabrikam.example";
    struct sides *s = sides_new();
    struct sip_server *t = NULL;
    char branch[8];

    sides_apply(s, SIDES_SETTINGS "gateway { sip-user-message-rate = 1 }\n");
    for (int i = 0; i < 11; i++) {
        snprintf(branch, sizeof(branch), "b%d", i);
        t = sides_sip(s, "192.0.2.10", "<sip:alice@contoso.example>", romeo, branch, plain, "x");
    }
    assert_int_equal(s->n_sent, 10);
    assert_int_equal(t->status, 480);
    assert_non_null(strstr(t->headers, "Retry-After: "));
    t = sides_sip(s, "192.0.2.10", "<sip:bob@contoso.example>", romeo, "c", plain, "x");
    assert_int_equal(t->answers, 0);
    assert_int_equal(s->bridge->counters.s2x_throttled, 1);
    sides_free(s);
}

static void an_empty_text_is_200_and_nothing_is_sent(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *t = sides_sip(s, OFFICE, ALICE, ROMEO, "h1", "Content-Type: text/plain\r\n", "");

    assert_int_equal(t->status, 200);
    assert_int_equal(s->n_sent, 0);
    sides_free(s);
}

/* A ring of gateways brings the same words of the same conversation back while the first copy is still held. */
static void a_message_that_comes_back_is_a_loop(void **state)
{
    struct sides *s = sides_new();
    const char *ring = "Content-Type: text/plain\r\n";
    struct sip_server *first = sides_sip(s, OFFICE, ALICE, ROMEO, "k1", ring, "round"), *back, *other, *later;

    s->call_id = "c-k1";
    back = sides_sip(s, OFFICE, "<sip:alice@contoso.example;gr=x>", ROMEO, "k2", ring, "round");
    assert_int_equal(back->status, 482);
    other = sides_sip(s, OFFICE, ALICE, ROMEO, "k3", ring, "another text");
    assert_int_equal(other->answers, 0);
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(first->status, 200);
    later = sides_sip(s, OFFICE, ALICE, ROMEO, "k4", ring, "round"); /* he may say it again */
    assert_int_equal(later->answers, 0);
    assert_int_equal(s->n_sent, 3);
    sides_free(s);
}

static void requests_still_held_at_the_end_are_freed(void **state)
{
    struct sides *s = sides_new();

    for (int i = 0; i < 50; i++) {
        char branch[16];

        snprintf(branch, sizeof(branch), "i%d", i);
        say(s, branch);
    }
    assert_int_equal(bridge_counters(s->bridge)->held, 50);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_answered_before_the_partner_acknowledged),
        cmocka_unit_test(each_fate_has_its_status),
        cmocka_unit_test(a_conversation_has_one_id_on_both_legs),
        cmocka_unit_test(a_refused_message_is_in_its_conversation),
        cmocka_unit_test(the_hold_time_ends_with_504_and_withdraws),
        cmocka_unit_test(a_bounce_within_the_hold_time_decides),
        cmocka_unit_test(a_bounce_from_somebody_else_changes_nothing),
        cmocka_unit_test(who_may_not_speak_is_refused),
        cmocka_unit_test(a_partner_that_is_full_is_480_and_not_503),
        cmocka_unit_test(STOX_SEC_15_a_sip_user_who_floods_is_480),
        cmocka_unit_test(an_empty_text_is_200_and_nothing_is_sent),
        cmocka_unit_test(a_message_that_comes_back_is_a_loop),
        cmocka_unit_test(requests_still_held_at_the_end_are_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
