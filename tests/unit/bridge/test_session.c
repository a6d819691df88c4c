/* Conversations as INVITE sessions: what opens one, what flies in it, what ends it, and that no text is lost or doubled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/lane.h"
#include "bridge/session_parts.h"
#include "sides.h"

#define ROMEO "romeo@fabrikam.example/garden"
#define ALICE "alice@contoso.example"
#define SETTINGS(mode)                                                                                                 \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n im = " mode                                \
              " }\nsip-domain contoso.example { route = office }\n" SIDES_PARTNER
#define SDP "v=0\r\no=- 0 0 IN IP4 192.0.2.10\r\ns=session\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
#define PLAIN SDP "m=message 5060 sip null\r\na=accept-types:text/plain\r\n"
#define LYNC                                                                                                           \
    SDP "m=message 5060 sip sip:alice@contoso.example\r\na=accept-types:text/plain text/html "                         \
        "application/im-iscomposing+xml application/ms-imdn+xml text/x-msmsgsinvite\r\n"
#define IS_SDP "Content-Type: application/sdp\r\n"
#define IS_TEXT "Content-Type: text/plain\r\n"
#define CHATSTATES "http://jabber.org/protocol/chatstates"

static struct sides *begin(const char *settings)
{
    struct sides *s = sides_new();

    s->dialogs_max = SIDES_MAX;
    sides_apply(s, settings);
    s->n_sent = 0;
    return s;
}

static void say_in(struct sides *s, const char *thread, const char *text, uint64_t number)
{
    char stanza[1024];

    snprintf(stanza, sizeof(stanza),
             "<message from='" ROMEO "' to='" ALICE "' id='m%d' type='chat'><body>%s</body>%s%s%s</message>",
             (int)number, text, thread ? "<thread>" : "", thread ? thread : "", thread ? "</thread>" : "");
    sides_xmpp(s, stanza, number);
}

static void say(struct sides *s, const char *text, uint64_t number)
{
    say_in(s, NULL, text, number);
}

static struct sip_dialog *invited(struct sides *s, const char *call_id)
{
    return sides_invite(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", call_id, IS_SDP, LYNC);
}

static const char *error_in(const struct sides *s, size_t i)
{
    return i < s->n_sent && strstr(s->sent[i].stanza, "type='error'") ? s->sent[i].stanza : "";
}

/* ---- XMPP begins ---- */

static void STOX_SES_01_the_first_text_opens_a_session(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = &s->dialogs[0];

    say_in(s, "29377446-0CBB-4296-8958-590D79094C50", "Art thou not Romeo?", 1);
    assert_int_equal(s->n_dialogs, 1);
    assert_int_equal(s->n_clients, 0); /* no text before the answer, and none in the INVITE */
    assert_string_equal(d->call_id, "29377446-0CBB-4296-8958-590D79094C50");
    assert_string_equal(d->uri, "sip:alice@contoso.example");
    assert_string_equal(d->from, "<sip:romeo@fabrikam.example;gr=garden>");
    assert_string_equal(d->to, "<sip:alice@contoso.example>");
    assert_string_equal(d->user, "romeo");
    assert_string_equal(d->params, ";gr=garden");
    assert_non_null(strstr(d->body, "m=message 5060 sip null\r\na=accept-types:text/plain "));
    assert_null(strstr(d->headers, "text-format"));
    assert_int_equal(s->n_handled, 0);
    sides_answered(s, d, PLAIN);
    assert_int_equal(s->n_clients, 1);
    assert_ptr_equal(s->clients[0].dialog, d);
    assert_int_equal(s->clients[0].method, SIP_MESSAGE);
    assert_string_equal(s->clients[0].body, "Art thou not Romeo?");
    assert_int_equal(s->n_handled, 0);
    sides_answer(s, 0, 200);
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->n_sent, 0);
    say(s, "and a Montague?", 2); /* without a thread: in the session there is */
    assert_int_equal(s->n_dialogs, 1);
    sides_answer(s, 1, 200);
    assert_int_equal(s->n_handled, 2);
    sides_free(s);
}

static void STOX_SES_44_texts_wait_for_the_answer_in_order(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    char text[16];

    for (int i = 1; i <= 21; i++) {
        snprintf(text, sizeof(text), "text %d", i);
        say(s, text, (uint64_t)i);
    }
    assert_int_equal(s->n_dialogs, 1);
    assert_int_equal(s->n_sent, 1); /* twenty wait, one is too many */
    assert_non_null(strstr(error_in(s, 0), "resource-constraint"));
    assert_non_null(strstr(error_in(s, 0), "id='m21'"));
    sides_advance(s, 31000); /* within the time for the answer, and as long as a text waits at most */
    sides_answered(s, &s->dialogs[0], PLAIN);
    for (size_t i = 0; i < 20; i++) {
        snprintf(text, sizeof(text), "text %zu", i + 1);
        assert_int_equal(s->n_clients, i + 1);
        assert_string_equal(s->clients[i].body, text);
        sides_answer(s, i, 200);
    }
    assert_int_equal(s->n_handled, 21);
    assert_int_equal(s->bridge->lanes.n, 0);
    sides_free(s);
}

static void STOX_SES_44_a_refused_INVITE_is_each_text_s_error(void **state)
{
    static const struct {
        enum sip_end_why why;
        unsigned status;
        const char *condition;
    } ends[] = {
        { SIP_END_REFUSED, 486, "recipient-unavailable" }, { SIP_END_REFUSED, 404, "item-not-found" },
        { SIP_END_REFUSED, 488, "not-acceptable" },        { SIP_END_TIMED_OUT, 0, "remote-server-timeout" },
        { SIP_END_REFUSED, 487, "remote-server-timeout" }, { SIP_END_UNREACHABLE, 0, "remote-server-timeout" },
    };

    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        struct sides *s = begin(SETTINGS("session"));

        say(s, "one", 1);
        say(s, "two", 2);
        sides_ended(s, &s->dialogs[0], ends[i].why, ends[i].status);
        assert_int_equal(s->n_sent, 2);
        for (size_t k = 0; k < 2; k++)
            if (!strstr(error_in(s, k), ends[i].condition))
                fail_msg("%u: %s", ends[i].status, s->sent[k].stanza);
        assert_int_equal(s->n_handled, 2);
        assert_int_equal(s->n_dialogs, 1);
        assert_int_equal(s->n_clients, 0);
        assert_int_equal(s->bridge->lanes.n + s->bridge->sessions.by_pair.n, 0);
        sides_free(s);
    }
}

static void STOX_SES_02_auto_falls_back_and_remembers(void **state)
{
    static const unsigned statuses[] = { 405, 415, 488, 501, 606, 0 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        struct sides *s = begin(SETTINGS("auto"));

        say(s, "one", 1);
        say(s, "two", 2);
        sides_advance(s, 32000); /* no text is given up for having waited for what failed */
        sides_ended(s, &s->dialogs[0], statuses[i] ? SIP_END_REFUSED : SIP_END_TIMED_OUT, statuses[i]);
        assert_int_equal(s->n_clients, 1);
        assert_null(s->clients[0].dialog);
        assert_string_equal(s->clients[0].body, "one");
        sides_answer(s, 0, 200);
        assert_string_equal(s->clients[1].body, "two");
        sides_answer(s, 1, 200);
        sides_advance(s, 3600 * 1000);
        say(s, "three", 3);
        assert_int_equal(s->n_dialogs, 1); /* remembered for an hour and more */
        sides_answer(s, 2, 200);
        assert_int_equal(s->n_handled, 3);
        assert_int_equal(s->n_sent, 0);
        sides_advance(s, 3600 * 1000 + 1);
        say(s, "four", 4);
        assert_int_equal(s->n_dialogs, 2);
        sides_free(s);
    }
}

static void STOX_SES_02_other_refusals_are_no_reason_to_fall_back(void **state)
{
    struct sides *s = begin(SETTINGS("auto"));

    say(s, "one", 1);
    sides_ended(s, &s->dialogs[0], SIP_END_REFUSED, 603);
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->n_sent, 1);
    say(s, "two", 2);
    assert_int_equal(s->n_dialogs, 2);
    sides_free(s);
}

static void STOX_SES_02_who_invites_us_takes_sessions(void **state)
{
    struct sides *s = begin(SETTINGS("auto"));

    say(s, "one", 1);
    sides_ended(s, &s->dialogs[0], SIP_END_REFUSED, 488);
    sides_answer(s, 0, 200);
    sides_ended(s, invited(s, "theirs"), SIP_END_BYE, 0);
    say(s, "two", 2);
    assert_int_equal(s->n_dialogs, 3);
    sides_free(s);
}

static void an_INVITE_that_rings_for_ever_is_taken_back(void **state)
{
    struct sides *s = begin(SETTINGS("session"));

    say(s, "one", 1);
    sides_advance(s, SESSION_RING_MS + 1);
    assert_true(s->dialogs[0].cancelled);
    assert_int_equal(s->n_sent, 0); /* the answer may have crossed: then the text goes */
    sides_answered(s, &s->dialogs[0], PLAIN);
    sides_answer(s, 0, 200);
    assert_int_equal(s->n_handled, 1);
    sides_free(s);
}

static void an_answer_without_a_conversation_is_a_refusal(void **state)
{
    static const char *const answers[] = { "", SDP "m=message 0 sip null\r\n", SDP "m=audio 4000 RTP/AVP 0\r\n",
                                           SDP "m=message 5060 sip null\r\na=accept-types:image/gif\r\n" };

    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        struct sides *s = begin(SETTINGS("session"));

        say(s, "one", 1);
        sides_answered(s, &s->dialogs[0], answers[i]);
        assert_true(s->dialogs[0].ended);
        assert_int_equal(s->n_clients, 0);
        assert_non_null(strstr(error_in(s, 0), "not-acceptable"));
        assert_int_equal(s->bridge->sessions.by_pair.n, 0);
        sides_free(s);
    }
}

static void a_session_that_the_other_side_has_forgotten_is_made_anew_once(void **state)
{
    struct sides *s = begin(SETTINGS("session"));

    say(s, "one", 1);
    sides_answered(s, &s->dialogs[0], PLAIN);
    sides_answer(s, 0, 200);
    say(s, "two", 2);
    sides_answer(s, 1, 481);
    assert_int_equal(s->n_dialogs, 2); /* the old one takes nothing any more */
    sides_ended(s, &s->dialogs[0], SIP_END_LOST, 481);
    sides_answered(s, &s->dialogs[1], PLAIN);
    assert_string_equal(s->clients[2].body, "two");
    assert_ptr_equal(s->clients[2].dialog, &s->dialogs[1]);
    sides_answer(s, 2, 481);
    sides_ended(s, &s->dialogs[1], SIP_END_LOST, 481);
    assert_int_equal(s->n_dialogs, 2);
    assert_int_equal(s->n_sent, 1);
    assert_int_equal(s->n_handled, 2);
    sides_free(s);
}

static void a_text_that_nobody_answered_is_not_sent_again(void **state)
{
    struct sides *s = begin(SETTINGS("session"));

    say(s, "one", 1);
    sides_answered(s, &s->dialogs[0], PLAIN);
    sides_answer(s, 0, 0);
    sides_ended(s, &s->dialogs[0], SIP_END_LOST, 0);
    assert_int_equal(s->n_dialogs, 1);
    assert_non_null(strstr(error_in(s, 0), "remote-server-timeout"));
    say(s, "two", 2);
    assert_int_equal(s->n_dialogs, 2);
    sides_free(s);
}

/* ---- SIP begins ---- */

static void STOX_SES_36_an_INVITE_is_accepted_at_once(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "F6989A8C");
    struct sip_server *t;

    assert_true(d->accepted);
    assert_int_equal(s->n_sent, 0); /* nothing for the start of a session */
    assert_non_null(strstr(d->body, "m=message 5060 sip null\r\n"));
    t = sides_inside(s, d, "MESSAGE", IS_TEXT, "I take thee at thy word");
    assert_int_equal(t->answers, 0); /* nothing is answered 200 that the partner's server has not acknowledged */
    assert_int_equal(s->n_sent, 1);
    assert_non_null(strstr(s->sent[0].stanza, "to='romeo@fabrikam.example'"));
    assert_non_null(strstr(s->sent[0].stanza, "type='chat'"));
    assert_non_null(strstr(s->sent[0].stanza, "<thread>F6989A8C</thread>"));
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(t->answers, 1);
    assert_int_equal(t->status, 200);
    sides_free(s);
}

/* Its sender is not told that the text in the header has arrived, and so says it again as a MESSAGE. */
static void a_text_in_the_INVITE_is_delivered_once(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = sides_invite(
        s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "c1",
        IS_SDP "Supported: ms-text-format\r\nms-text-format: text/plain; charset=UTF-8;ms-body=SGVsbG8=\r\n", LYNC);

    assert_true(d->accepted);
    assert_null(strstr(d->headers, "text-format"));
    assert_int_equal(s->n_sent, 0);
    sides_inside(s, d, "MESSAGE", IS_TEXT, "Hello");
    assert_int_equal(s->n_sent, 1);
    sides_free(s);
}

static void INVITEs_pass_the_gates_that_texts_pass(void **state)
{
#define FROM "<sip:" ALICE ">"
#define TO "sip:romeo@fabrikam.example"
    static const struct {
        const char *settings, *ip, *from, *uri, *type, *offer;
        unsigned status;
    } cases[] = {
        { SETTINGS("pager"), "192.0.2.10", FROM, TO, IS_SDP, LYNC, 405 },
        { SETTINGS("session"), "192.0.2.66", FROM, TO, IS_SDP, LYNC, 403 },
        { SETTINGS("session"), "192.0.2.10", "<sip:alice@other.example>", TO, IS_SDP, LYNC, 403 },
        { SETTINGS("session"), "192.0.2.10", FROM, "sip:romeo@stranger.example", IS_SDP, LYNC, 404 },
        { SETTINGS("session"), "192.0.2.10", FROM, "sip:fabrikam.example", IS_SDP, LYNC, 404 },
        { SETTINGS("session") "block romeo@fabrikam.example { }\n", "192.0.2.10", FROM, TO, IS_SDP, LYNC, 403 },
        { SETTINGS("session") "policy global { federation = no }\n", "192.0.2.10", FROM, TO, IS_SDP, LYNC, 403 },
        { SETTINGS("session"), "192.0.2.10", FROM, TO, IS_SDP, SDP "m=audio 4000 RTP/AVP 0\r\n", 488 },
        { SETTINGS("session"), "192.0.2.10", FROM, TO, IS_SDP, SDP "m=message 7654 TCP/MSRP *\r\n", 488 },
        { SETTINGS("session"), "192.0.2.10", FROM, TO, IS_SDP, "nonsense", 400 },
        { SETTINGS("session"), "192.0.2.10", FROM, TO, IS_TEXT, "hello", 415 },
        { SETTINGS("session"), "192.0.2.10", FROM, TO, "", "", 0 },
        { SETTINGS("auto"), "192.0.2.10", FROM, TO, IS_SDP, LYNC, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sides *s;
        struct sip_dialog *d;

        if (strstr(cases[i].settings, "federation = no")) /* one record of a name */
            s = begin(
                "org { federation = no }\nroute office { transport = udp\n next-hop = \"192.0.2.10\"\n im = session }\n"
                "sip-domain contoso.example { route = office }\n" SIDES_PARTNER);
        else
            s = begin(cases[i].settings);
        d = sides_invite(s, cases[i].ip, cases[i].from, cases[i].uri, "c1", cases[i].type, cases[i].offer);
        if (d->refused != cases[i].status || d->accepted != !cases[i].status)
            fail_msg("%zu: %u, not %u", i, d->refused, cases[i].status);
        assert_int_equal(s->bridge->sessions.by_pair.n, d->accepted);
        sides_free(s);
    }
}

static void STOX_SES_06_other_media_get_port_0(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = sides_invite(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "c1", IS_SDP,
                                        SDP "m=audio 4000 RTP/AVP 0\r\nm=message 5060 sip null\r\n");

    assert_non_null(strstr(d->body, "m=audio 0 RTP/AVP 0\r\nm=message 5060 sip null\r\n"));
    sides_free(s);
}

static void STOX_SES_42_what_is_unchanged_keeps_its_version(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");
    char before[2048];

    strcpy(before, d->body);
    assert_int_equal(sides_describe(s, d, LYNC), 200);
    assert_string_equal(d->body, before);
    assert_int_equal(sides_describe(s, d, ""), 200);
    assert_string_equal(d->body, before);
    assert_int_equal(sides_describe(s, d, SDP "m=audio 4000 RTP/AVP 0\r\n"), 488);
    assert_int_equal(sides_describe(s, d, LYNC "m=video 4000 RTP/AVP 31\r\n"), 200);
    assert_string_not_equal(d->body, before);
    sides_inside(s, d, "MESSAGE", IS_TEXT, "still here");
    assert_int_equal(s->n_sent, 1);
    sides_free(s);
}

static void STOX_SES_37_texts_go_to_the_client_that_wrote(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");

    sides_inside(s, d, "MESSAGE", IS_TEXT, "one");
    assert_non_null(strstr(s->sent[0].stanza, "to='romeo@fabrikam.example'"));
    say_in(s, "c1", "reply", 1);
    sides_answer(s, 0, 200);
    sides_inside(s, d, "MESSAGE", IS_TEXT, "two");
    assert_non_null(strstr(s->sent[1].stanza, "to='" ROMEO "'"));
    sides_ended(s, d, SIP_END_BYE, 0);
    d = invited(s, "c2");
    sides_inside(s, d, "MESSAGE", IS_TEXT, "three");
    assert_non_null(strstr(s->sent[s->n_sent - 1].stanza, "to='romeo@fabrikam.example'"));
    sides_free(s);
}

static void STOX_SES_38_one_session_for_two_people_and_a_thread(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");

    sides_inside(s, d, "MESSAGE", IS_TEXT, "hello");
    say_in(s, "of-the-client-s-own", "reply", 1); /* who was written to answers in the session */
    assert_ptr_equal(s->clients[0].dialog, d);
    sides_answer(s, 0, 200);
    say_in(s, "of-the-client-s-own", "again", 2);
    assert_ptr_equal(s->clients[1].dialog, d);
    sides_answer(s, 1, 200);
    say_in(s, "another", "beginning", 3);
    assert_int_equal(s->n_dialogs, 2);
    sides_answered(s, &s->dialogs[1], PLAIN);
    sides_answer(s, 2, 200);
    say_in(s, "c1", "first", 4);
    assert_ptr_equal(s->clients[3].dialog, d);
    sides_answer(s, 3, 200);
    for (uint64_t i = 5; i < 12; i++) { /* no more than there may be: the last one used serves */
        size_t before = s->n_dialogs;
        char thread[8];

        snprintf(thread, sizeof(thread), "t%d", (int)i);
        say_in(s, thread, "x", i);
        if (s->n_dialogs > before)
            sides_answered(s, &s->dialogs[before], PLAIN);
        sides_answer(s, s->n_clients - 1, 200);
    }
    assert_int_equal(s->n_dialogs, SESSIONS_PER_PAIR);
    assert_int_equal(s->n_handled, 11);
    sides_free(s);
}

static void STOX_SES_38_of_two_that_cross_the_lower_Call_ID_stays(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *theirs;

    say_in(s, "m-ours", "mine", 1);
    theirs = invited(s, "a-theirs");
    assert_true(theirs->accepted);
    assert_true(s->dialogs[0].ended);
    assert_int_equal(s->n_clients, 0); /* it would overtake our 200 */
    sides_acked(s, theirs, "");
    assert_ptr_equal(s->clients[0].dialog, theirs);
    assert_string_equal(s->clients[0].body, "mine");
    sides_answer(s, 0, 200);
    say_in(s, "m-ours", "more", 2);
    assert_ptr_equal(s->clients[1].dialog, theirs);
    sides_answer(s, 1, 200);
    assert_int_equal(s->bridge->sessions.by_pair.n, 1);
    sides_free(s);

    s = begin(SETTINGS("session"));
    say_in(s, "m-ours", "mine", 1);
    theirs = invited(s, "z-theirs");
    assert_true(theirs->accepted);
    sides_inside(s, theirs, "MESSAGE", IS_TEXT, "yours"); /* lost, if theirs were refused */
    assert_int_equal(s->n_sent, 1);
    sides_answered(s, &s->dialogs[0], PLAIN);
    sides_advance(s, 1);
    assert_true(theirs->ended);
    assert_false(s->dialogs[0].ended);
    assert_string_equal(s->clients[0].body, "mine");
    assert_ptr_equal(s->clients[0].dialog, &s->dialogs[0]);
    sides_answer(s, 0, 200);
    assert_int_equal(s->bridge->sessions.by_pair.n, 1);
    sides_free(s);
}

/* What waits for the ACK of a session sets out in it, or in another one where it ends instead. */
static void texts_wait_for_the_ACK(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");

    say_in(s, "c1", "one", 1);
    say_in(s, "c1", "two", 2);
    assert_int_equal(s->n_clients, 0);
    sides_acked(s, d, "");
    assert_string_equal(s->clients[0].body, "one");
    sides_answer(s, 0, 200);
    assert_string_equal(s->clients[1].body, "two");
    sides_acked(s, d, ""); /* doubled */
    assert_int_equal(s->n_clients, 2);
    sides_free(s);

    s = begin(SETTINGS("session"));
    d = invited(s, "c1");
    say_in(s, "c1", "one", 1);
    sides_inside(s, d, "MESSAGE", IS_TEXT, "hello"); /* its ACK is lost */
    assert_string_equal(s->clients[0].body, "one");
    sides_free(s);

    s = begin(SETTINGS("session"));
    d = invited(s, "c1");
    say_in(s, "c1", "one", 1);
    sides_ended(s, d, SIP_END_BYE, 0);
    assert_int_equal(s->n_dialogs, 2);
    sides_answered(s, &s->dialogs[1], PLAIN);
    assert_string_equal(s->clients[0].body, "one");
    sides_free(s);

    s = begin(SETTINGS("session"));
    d = sides_invite(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "c1", "", "");
    say_in(s, "c1", "one", 1);
    sides_acked(s, d, SDP "m=audio 4000 RTP/AVP 0\r\n");
    sides_advance(s, 1);
    assert_true(d->ended);
    assert_int_equal(s->n_dialogs, 2);
    sides_answered(s, &s->dialogs[1], PLAIN);
    assert_string_equal(s->clients[0].body, "one");
    sides_free(s);
}

static void a_session_of_ours_that_comes_back_is_refused(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d;

    say_in(s, "ring", "mine", 1);
    assert_int_equal(invited(s, "ring")->refused, 482);
    sides_free(s);

    s = begin(SETTINGS("session"));
    d = invited(s, "again"); /* a peer that was restarted knows nothing of before */
    assert_true(invited(s, "again")->accepted);
    sides_advance(s, 1);
    assert_true(d->ended);
    assert_int_equal(s->bridge->sessions.by_pair.n, 1);
    sides_free(s);
}

/* ---- the end ---- */

static void STOX_SES_39_BYE_is_gone(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");

    sides_inside(s, d, "MESSAGE", IS_TEXT, "one");
    sides_ended(s, d, SIP_END_BYE, 0);
    assert_int_equal(s->n_sent, 2);
    assert_non_null(strstr(s->sent[1].stanza, "<gone xmlns='" CHATSTATES "'/>"));
    assert_non_null(strstr(s->sent[1].stanza, "<thread>c1</thread>"));
    assert_null(strstr(s->sent[1].stanza, "<body>"));
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, ""); /* a held text has its own end */
    assert_int_equal(s->servers[0].status, 200);
    sides_ended(s, invited(s, "c2"), SIP_END_BYE, 0); /* in which nobody has said anything */
    assert_int_equal(s->n_sent, 2);
    sides_free(s);
}

static void STOX_CS_08_gone_both_ways(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d;

    say_in(s, "t1", "one", 1); /* without chat states: its user is told none (STOX-CS-12) */
    sides_answered(s, &s->dialogs[0], LYNC);
    sides_answer(s, 0, 200);
    sides_ended(s, &s->dialogs[0], SIP_END_BYE, 0);
    assert_int_equal(s->n_sent, 0);
    sides_xmpp(s,
               "<message from='" ROMEO "' to='" ALICE "' id='m2' type='chat'><body>two</body><thread>t1</thread>"
               "<active xmlns='" CHATSTATES "'/></message>",
               2);
    d = &s->dialogs[1];
    sides_answered(s, d, LYNC);
    sides_answer(s, 1, 200);
    sides_ended(s, d, SIP_END_BYE, 0);
    assert_int_equal(s->n_sent, 1);
    assert_non_null(strstr(s->sent[0].stanza, "<gone xmlns='" CHATSTATES "'/><thread>t1</thread>"));
    say_in(s, "t2", "three", 3);
    d = &s->dialogs[2];
    sides_answered(s, d, LYNC);
    sides_answer(s, 2, 200);
    sides_xmpp(s,
               "<message from='" ROMEO "' to='" ALICE "' type='chat'><gone xmlns='" CHATSTATES
               "'/><thread>t3</thread></message>",
               4);
    sides_advance(s, 1);
    assert_false(d->ended); /* another thread's */
    sides_xmpp(s, "<message from='" ROMEO "' to='" ALICE "' type='chat'><gone xmlns='" CHATSTATES "'/></message>", 5);
    sides_advance(s, 1);
    assert_true(d->ended);
    sides_free(s);
}

static void STOX_SES_40_gone_and_silence_are_BYE(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1"), *other = invited(s, "c2");

    sides_inside(s, d, "MESSAGE", IS_TEXT, "one");
    sides_xmpp(s,
               "<message from='" ROMEO "' to='" ALICE "' type='chat'><thread>c1</thread><gone xmlns='" CHATSTATES
               "'/></message>",
               1);
    sides_advance(s, 1);
    assert_true(d->ended);
    assert_false(other->ended);
    assert_int_equal(s->n_handled, 1);
    sides_advance(s, 599000);
    sides_inside(s, other, "MESSAGE", IS_TEXT, "still there");
    sides_advance(s, 599000);
    assert_false(other->ended);
    sides_advance(s, 2000);
    assert_true(other->ended);
    assert_int_equal(s->bridge->sessions.by_pair.n, 0);
    sides_free(s);
}

#define OFFLINE(from) "<presence from='" from "' to='" ALICE "' type='unavailable'/>"

/* The client that writes in it goes: the session is nobody's, and ends by session-idle, or at once. */
static void STOX_SES_41_offline(void **state)
{
    static const struct {
        const char *im, *presence;
        bool unlocks, ends;
    } cases[] = {
        { "session", OFFLINE(ROMEO), true, false },
        { "session\n session-end-offline = yes", OFFLINE(ROMEO), true, true },
        { "session\n session-end-offline = yes", OFFLINE("romeo@fabrikam.example"), true, true },
        { "session\n session-end-offline = yes", OFFLINE("romeo@fabrikam.example/elsewhere"), false, false },
        { "session\n session-end-offline = yes", OFFLINE("mercutio@fabrikam.example/garden"), false, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char settings[2048];
        struct sip_dialog *d;
        struct sides *s;

        snprintf(settings, sizeof(settings), "%s%s%s",
                 SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n im = ", cases[i].im,
                 " }\nsip-domain contoso.example { route = office }\n" SIDES_PARTNER);
        s = begin(settings);
        d = invited(s, "c1");
        sides_acked(s, d, "");
        say_in(s, "c1", "here I am", 1);
        sides_answer(s, 0, 200);
        sides_xmpp(s, cases[i].presence, 2);
        sides_advance(s, 10);
        assert_int_equal(d->ended, cases[i].ends);
        if (!cases[i].ends) {
            sides_inside(s, d, "MESSAGE", IS_TEXT, "who is there?");
            assert_int_equal(strstr(s->sent[s->n_sent - 1].stanza, " to='romeo@fabrikam.example'") != NULL,
                             cases[i].unlocks);
        }
        sides_free(s);
    }
}

/* Whom she watches is offline when no client of his is there any more; until then he may write from another one. */
static void STOX_SES_41_offline_is_without_any_client(void **state)
{
    struct sides *s = begin(SETTINGS("session\n session-end-offline = yes"));
    struct sip_dialog *d = invited(s, "c1");

    sides_acked(s, d, "");
    assert_true(sides_subscribe(s, "192.0.2.10", "sip:" ALICE, "sip:romeo@fabrikam.example", 3600)->accepted);
    sides_advance(s, 1);
    sides_xmpp(s, "<presence from='romeo@fabrikam.example' to='" ALICE "' type='subscribed'/>", 1);
    sides_settle_contacts(s, true);
    sides_xmpp(s, "<presence from='" ROMEO "' to='" ALICE "'/>", 2);
    sides_xmpp(s, "<presence from='romeo@fabrikam.example/balcony' to='" ALICE "'/>", 3);
    say_in(s, "c1", "here I am", 4);
    sides_answer(s, 0, 200);
    sides_xmpp(s, OFFLINE(ROMEO), 5);
    sides_advance(s, 10);
    assert_false(d->ended);
    sides_inside(s, d, "MESSAGE", IS_TEXT, "who is there?");
    assert_non_null(strstr(s->sent[s->n_sent - 1].stanza, " to='romeo@fabrikam.example'"));
    sides_xmpp(s, OFFLINE("romeo@fabrikam.example/balcony"), 6);
    sides_advance(s, 10);
    assert_true(d->ended);
    sides_free(s);
}

static void settings_end_what_they_forbid_and_nothing_else(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");
    struct sip_dialog *bob =
        sides_invite(s, "192.0.2.10", "<sip:bob@contoso.example>", "sip:romeo@fabrikam.example", "c2", IS_SDP, LYNC);

    sides_apply(s, SETTINGS("auto"));
    sides_advance(s, 10);
    assert_false(d->ended || bob->ended);
    sides_apply(s, SETTINGS("session") "block alice@contoso.example { }\n");
    assert_int_equal(sides_inside(s, d, "MESSAGE", IS_TEXT, "one")->status, 481); /* at once */
    sides_advance(s, 10);
    assert_true(d->ended);
    assert_false(bob->ended);
    sides_apply(s, SETTINGS("pager"));
    sides_advance(s, 10);
    assert_true(bob->ended);
    assert_int_equal(s->bridge->sessions.by_pair.n, 0);
    sides_free(s);
}

static void a_text_that_waits_for_its_session_is_judged_by_new_settings(void **state)
{
    struct sides *s = begin(SETTINGS("session"));

    say(s, "one", 1);
    sides_apply(s, SETTINGS("pager"));
    sides_advance(s, 10);
    assert_true(s->dialogs[0].ended);
    assert_int_equal(s->n_clients, 1);
    assert_null(s->clients[0].dialog);
    sides_answer(s, 0, 200);
    assert_int_equal(s->n_handled, 1);
    sides_free(s);
}

static void a_text_that_flies_when_its_session_ends_has_one_end(void **state)
{
    struct sides *s = begin(SETTINGS("session"));

    say(s, "one", 1);
    sides_answered(s, &s->dialogs[0], PLAIN);
    say(s, "two", 2);
    sides_xmpp(s, "<message from='" ROMEO "' to='" ALICE "' type='chat'><gone xmlns='" CHATSTATES "'/></message>", 3);
    sides_advance(s, 1);
    assert_true(s->dialogs[0].ended);
    assert_int_equal(s->n_dialogs, 1);
    assert_int_equal(s->n_clients, 1);
    sides_answer(s, 0, 200);
    assert_int_equal(s->n_dialogs, 2); /* the next one's */
    sides_answered(s, &s->dialogs[1], PLAIN);
    sides_apply(s, SETTINGS("session") "block alice@contoso.example { }\n");
    sides_advance(s, 1);
    assert_true(s->dialogs[1].ended);
    sides_answer(s, 1, 200); /* what SIP says of it is the truth */
    assert_int_equal(s->n_clients, 2);
    assert_int_equal(s->n_sent, 0);
    assert_int_equal(s->n_handled, 3);
    assert_int_equal(s->bridge->lanes.n + s->bridge->sessions.by_pair.n, 0);
    sides_free(s);
}

static void another_next_hop_is_where_sessions_go_on(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");
    struct addr other;

    sides_apply(s, SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.11\"\n im = session }\n"
                             "sip-domain contoso.example { route = office }\n" SIDES_PARTNER);
    assert_true(addr_parse(SLICE("192.0.2.11"), 5060, &other));
    assert_true(addr_eq(&d->target.addr, &other));
    assert_false(d->ended);
    sides_free(s);
}

#define BY_NAME(more)                                                                                                  \
    SIDES_ORG                                                                                                          \
    "route office { transport = udp\n next-hop = \"pool.contoso.example\"\n sources = { \"192.0.2.10\" }\n im = "      \
    "session\n" more " }\nsip-domain contoso.example { route = office }\n" SIDES_PARTNER

static struct sip_dialog *held(struct sides **s)
{
    struct sip_dialog *d;

    *s = begin(BY_NAME(""));
    (*s)->looks_up = true;
    d = invited(*s, "c1");
    assert_false(d->accepted || d->refused);
    assert_int_equal(sides_looks(*s), 1);
    return d;
}

/* The first INVITE of all, and nothing is known yet of the servers that its answer and our requests go to. */
static void an_invite_waits_until_the_way_back_is_known(void **state)
{
    struct sip_target known = { .transport = SIP_UDP };
    struct sip_dialog *d;
    struct sides *s;

    assert_true(addr_parse(SLICE("192.0.2.10"), 5060, &known.addr));
    d = held(&s);
    sides_located(s, &known);
    assert_true(d->accepted && addr_eq(&d->target.addr, &known.addr));
    assert_non_null(strstr(d->body, "m=message 5060 sip null"));
    sides_inside(s, d, "MESSAGE", IS_TEXT, "at last");
    assert_non_null(strstr(s->sent[0].stanza, "<body>at last</body>"));
    sides_free(s);

    d = held(&s); /* what is written to him meanwhile waits for it, and goes into it */
    say(s, "one", 1);
    say(s, "two", 2);
    assert_int_equal(s->n_clients + s->n_dialogs, 1);
    sides_located(s, &known);
    assert_int_equal(s->n_clients, 0); /* nor before its ACK */
    sides_acked(s, d, "");
    assert_int_equal(s->n_clients, 1);
    assert_ptr_equal(s->clients[0].dialog, d);
    sides_answer(s, 0, 200);
    sides_answer(s, 1, 200);
    assert_int_equal(s->n_handled, 2);
    assert_int_equal(s->n_dialogs, 1);
    sides_free(s);
}

static void an_invite_that_waited_in_vain(void **state)
{
    struct sip_dialog *d;
    struct sides *s;

    d = held(&s);
    sides_located(s, NULL);
    assert_int_equal(d->refused, 480);
    assert_int_equal(s->bridge->sessions.by_pair.n, 0);
    sides_free(s);

    d = held(&s);
    say(s, "one", 1);
    sides_located(s, NULL);
    assert_int_equal(d->refused, 480);
    sides_settle_errors(s);
    assert_non_null(strstr(error_in(s, 0), "remote-server-timeout"));
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->bridge->sessions.by_pair.n + s->bridge->lanes.n, 0);
    sides_free(s);

    d = held(&s); /* its caller takes it back, by CANCEL or its Expires */
    sides_ended(s, d, SIP_END_CANCELLED, 0);
    assert_int_equal(sides_looks(s), 0);
    assert_int_equal(s->bridge->sessions.by_pair.n, 0);
    sides_free(s);

    d = held(&s);
    sides_apply(s, BY_NAME("") "block alice@contoso.example { }\n");
    sides_advance(s, 10);
    assert_true(d->ended);
    assert_int_equal(sides_looks(s), 0);
    sides_free(s);

    d = held(&s); /* and the gateway may end */
    sides_free(s);

    s = begin(BY_NAME("")); /* no memory to look it up */
    assert_int_equal(invited(s, "c1")->refused, 503);
    sides_free(s);
}

static void sessions_are_bounded(void **state)
{
    struct sides *s = begin(SETTINGS("session") "gateway { user-session-limit = 3 }\n");
    char from[100];

    for (int i = 0; i < 5; i++) {
        char call_id[16];
        struct sip_dialog *d;

        snprintf(from, sizeof(from), "<sip:user%d@contoso.example>", i);
        snprintf(call_id, sizeof(call_id), "c%d", i);
        d = sides_invite(s, "192.0.2.10", from, "sip:romeo@fabrikam.example", call_id, IS_SDP, LYNC);
        assert_int_equal(d->refused, i < 3 ? 0 : 480);
        assert_true(!d->refused || strstr(d->headers, "Retry-After"));
    }
    say(s, "one", 1);
    assert_non_null(strstr(error_in(s, 0), "resource-constraint"));
    assert_int_equal(s->n_handled, 1);
    sides_ended(s, &s->dialogs[0], SIP_END_BYE, 0);
    say(s, "two", 2);
    assert_int_equal(s->n_handled, 1); /* there is room again */
    sides_free(s);
}

static void stopped(void *arg)
{
    *(bool *)arg = true;
}

static void an_orderly_end_says_BYE(void **state)
{
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");
    bool done = false;

    sides_inside(s, d, "MESSAGE", IS_TEXT, "one");
    bridge_stop(s->bridge, stopped, &done);
    sides_advance(s, 30);
    assert_false(d->ended);
    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, ""); /* first what is under way */
    assert_int_equal(s->servers[0].status, 200);
    sides_advance(s, 30);
    assert_true(d->ended);
    assert_true(done);
    sides_free(s);
}

/* ---- besides texts ---- */

static void typing_in_Lync_s_way(void **state)
{
    static const char typing[] = "<KeyboardActivity><status status=\"type\"/></KeyboardActivity>";
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");

    assert_int_equal(sides_inside(s, d, "INFO", "Content-Type: application/xml\r\n", typing)->status, 200);
    assert_int_equal(s->n_sent, 1);
    assert_non_null(strstr(s->sent[0].stanza, "<composing xmlns='" CHATSTATES "'/>"));
    sides_inside(s, d, "INFO", "Content-Type: application/xml\r\n", typing);
    assert_int_equal(s->n_sent, 1);
    sides_advance(s, 121000); /* nobody has said that it is over */
    assert_int_equal(s->n_sent, 2);
    assert_non_null(strstr(s->sent[1].stanza, "<active "));
    assert_int_equal(sides_inside(s, d, "INFO", "Content-Type: application/xml\r\n", "<x/>")->status, 400);
    assert_int_equal(sides_inside(s, d, "INFO", "Content-Type: application/dtmf\r\n", "x")->status, 415);
    assert_int_equal(sides_inside(s, d, "INFO", "", "")->status, 200);
    assert_int_equal(sides_inside(s, d, "REFER", "", "")->status, 405);
    sides_xmpp(s, "<message from='" ROMEO "' to='" ALICE "' type='chat'><composing xmlns='" CHATSTATES "'/></message>",
               1);
    assert_int_equal(s->n_clients, 1);
    assert_int_equal(s->clients[0].method, SIP_INFO);
    assert_ptr_equal(s->clients[0].dialog, d);
    assert_non_null(strstr(s->clients[0].body, "<status status=\"type\" />"));
    sides_free(s);
}

static void typing_is_told_only_to_who_takes_it(void **state)
{
    static const char composing[] =
        "<message from='" ROMEO "' to='" ALICE "' type='chat'><composing xmlns='" CHATSTATES "'/></message>";
    struct sides *s = begin(SETTINGS("session"));

    sides_xmpp(s, composing, 1); /* a state opens nothing (STOX-CS-15) */
    assert_int_equal(s->n_dialogs, 0);
    (void)sides_invite(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "c1", IS_SDP, PLAIN);
    sides_xmpp(s, composing, 2);
    assert_int_equal(s->n_clients, 0);
    sides_free(s);

    s = begin(SETTINGS("session"));
    (void)sides_invite(s, "192.0.2.10", "<sip:" ALICE ">", "sip:romeo@fabrikam.example", "c1", IS_SDP,
                       SDP "m=message 5060 sip null\r\na=accept-types:text/plain application/im-iscomposing+xml\r\n");
    sides_acked(s, &s->dialogs[0], "");
    sides_xmpp(s, composing, 3);
    assert_int_equal(s->n_clients, 1);
    assert_int_equal(s->clients[0].method, SIP_MESSAGE);
    assert_non_null(strstr(s->clients[0].headers, "application/im-iscomposing+xml"));
    assert_non_null(strstr(s->clients[0].body, "<state>active</state>"));
    sides_free(s);
}

static void STOX_IM_25_Lync_is_told_of_a_bounce_by_ms_imdn(void **state)
{
    static const char bounce[] =
        "<message from='romeo@fabrikam.example' to='" ALICE "' type='error' id='%s'><error type='cancel'>"
        "<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>";
    struct sides *s = begin(SETTINGS("session"));
    struct sip_dialog *d = invited(s, "c1");
    struct sip_server *t = sides_inside(s, d, "MESSAGE", IS_TEXT, "one");
    char stanza[512], id[100], expect[200];

    s2x_settled(s->bridge, s->sent[0].token, XMPP_FATE_CONFIRMED, "");
    assert_int_equal(sscanf(t->headers, "Message-Id: %99[^\r]", id), 1);
    snprintf(stanza, sizeof(stanza), bounce, "made-up");
    sides_xmpp(s, stanza, 1);
    assert_int_equal(s->n_clients, 0);
    snprintf(stanza, sizeof(stanza), bounce, id);
    sides_xmpp(s, stanza, 2);
    assert_int_equal(s->n_clients, 1);
    assert_int_equal(s->clients[0].method, SIP_NOTIFY);
    assert_ptr_equal(s->clients[0].dialog, d);
    snprintf(expect, sizeof(expect), "<message-id>%s</message-id>", id);
    assert_non_null(strstr(s->clients[0].body, expect));
    assert_non_null(strstr(s->clients[0].body, "uri='sip:romeo@fabrikam.example'"));
    sides_xmpp(s, stanza, 3); /* told once */
    assert_int_equal(s->n_clients, 1);
    sides_free(s);
}

static void a_session_is_small(void **state)
{
    assert_in_range(sizeof(struct im_session), 1, 512);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_SES_01_the_first_text_opens_a_session),
        cmocka_unit_test(STOX_SES_44_texts_wait_for_the_answer_in_order),
        cmocka_unit_test(STOX_SES_44_a_refused_INVITE_is_each_text_s_error),
        cmocka_unit_test(STOX_SES_02_auto_falls_back_and_remembers),
        cmocka_unit_test(STOX_SES_02_other_refusals_are_no_reason_to_fall_back),
        cmocka_unit_test(STOX_SES_02_who_invites_us_takes_sessions),
        cmocka_unit_test(an_INVITE_that_rings_for_ever_is_taken_back),
        cmocka_unit_test(an_answer_without_a_conversation_is_a_refusal),
        cmocka_unit_test(a_session_that_the_other_side_has_forgotten_is_made_anew_once),
        cmocka_unit_test(a_text_that_nobody_answered_is_not_sent_again),
        cmocka_unit_test(STOX_SES_36_an_INVITE_is_accepted_at_once),
        cmocka_unit_test(a_text_in_the_INVITE_is_delivered_once),
        cmocka_unit_test(INVITEs_pass_the_gates_that_texts_pass),
        cmocka_unit_test(STOX_SES_06_other_media_get_port_0),
        cmocka_unit_test(STOX_SES_42_what_is_unchanged_keeps_its_version),
        cmocka_unit_test(STOX_SES_37_texts_go_to_the_client_that_wrote),
        cmocka_unit_test(STOX_SES_38_one_session_for_two_people_and_a_thread),
        cmocka_unit_test(STOX_SES_38_of_two_that_cross_the_lower_Call_ID_stays),
        cmocka_unit_test(texts_wait_for_the_ACK),
        cmocka_unit_test(a_session_of_ours_that_comes_back_is_refused),
        cmocka_unit_test(STOX_SES_39_BYE_is_gone),
        cmocka_unit_test(STOX_SES_41_offline),
        cmocka_unit_test(STOX_SES_41_offline_is_without_any_client),
        cmocka_unit_test(STOX_CS_08_gone_both_ways),
        cmocka_unit_test(STOX_SES_40_gone_and_silence_are_BYE),
        cmocka_unit_test(settings_end_what_they_forbid_and_nothing_else),
        cmocka_unit_test(a_text_that_waits_for_its_session_is_judged_by_new_settings),
        cmocka_unit_test(a_text_that_flies_when_its_session_ends_has_one_end),
        cmocka_unit_test(another_next_hop_is_where_sessions_go_on),
        cmocka_unit_test(an_invite_waits_until_the_way_back_is_known),
        cmocka_unit_test(an_invite_that_waited_in_vain),
        cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(an_orderly_end_says_BYE),
        cmocka_unit_test(typing_in_Lync_s_way),
        cmocka_unit_test(typing_is_told_only_to_who_takes_it),
        cmocka_unit_test(STOX_IM_25_Lync_is_told_of_a_bounce_by_ms_imdn),
        cmocka_unit_test(a_session_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
