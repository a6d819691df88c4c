/* Settings change while more is held than one turn judges: nothing passes by the old ones, whether its turn has come or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/lane.h"
#include "bridge/session_parts.h"
#include "sides.h"

#define N_SESSIONS 500
#define N_LANES 200
#define ALONE SIDES_ORG SIDES_DOMAINS /* no partner */
#define RENAMED                                                                                                        \
    SIDES_ORG SIDES_DOMAINS                                                                                            \
        "partner litware.example { type = federated\n additional-domains = {\"fabrikam.example\"} }\n"
#define SETTINGS(mode)                                                                                                 \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n im = " mode                                \
              " }\nsip-domain contoso.example { route = office }\n" SIDES_PARTNER
#define LYNC                                                                                                           \
    "v=0\r\no=- 0 0 IN IP4 192.0.2.10\r\ns=session\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"                                \
    "m=message 5060 sip sip:alice@contoso.example\r\na=accept-types:text/plain\r\n"

static void invite(struct sides *s, int i)
{
    char from[100], call_id[50];

    snprintf(from, sizeof(from), "<sip:user%d@contoso.example>", i);
    snprintf(call_id, sizeof(call_id), "call-%d", i);
    sides_invite(s, "192.0.2.10", from, "sip:romeo@fabrikam.example", call_id, "Content-Type: application/sdp\r\n",
                 LYNC);
}

static struct sides *with_sessions(void)
{
    struct sides *s = sides_new();

    s->dialogs_max = SIDES_MAX;
    sides_apply(s, SETTINGS("session") "gateway { user-session-limit = 1000 }\n");
    for (int i = 0; i < N_SESSIONS; i++)
        invite(s, i);
    assert_int_equal(s->bridge->sessions.by_pair.n, N_SESSIONS);
    return s;
}

static size_t judged(const struct sides *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n_dialogs; i++)
        n += s->dialogs[i].ended || ((struct im_session *)s->dialogs[i].data)->generation == s->bridge->generation;
    return n;
}

static void sessions_are_judged_in_several_turns(void **state)
{
    struct sides *s = with_sessions();
    size_t n;

    sides_apply(s, SETTINGS("pager"));
    n = judged(s);
    assert_in_range(n, 1, N_SESSIONS - 1);
    sides_advance(s, 0);
    assert_true(judged(s) > n);
    for (int i = 0; i < 50; i++)
        sides_advance(s, 1);
    for (size_t i = 0; i < s->n_dialogs; i++)
        assert_true(s->dialogs[i].ended);
    assert_int_equal(s->bridge->sessions.by_pair.n, 0);
    assert_false(timer_running(&s->bridge->review.timer));
    sides_free(s);
}

static void a_session_that_was_not_judged_yet_carries_nothing(void **state)
{
    struct sides *s = with_sessions();

    sides_apply(s, SETTINGS("pager"));
    for (size_t i = 0; i < N_SESSIONS; i++)
        assert_int_equal(sides_inside(s, &s->dialogs[i], "MESSAGE", "Content-Type: text/plain\r\n", "late")->status,
                         481);
    assert_int_equal(s->n_sent, 0);
    assert_int_equal(judged(s), N_SESSIONS);
    sides_free(s);
}

/* One INVITE is answered after the settings forbid its session, before its turn: the answer does not make it one that is up. */
static void an_answer_opens_no_session_that_is_forbidden_by_now(void **state)
{
    struct sides *s = with_sessions();
    struct sip_dialog *ours = &s->dialogs[N_SESSIONS];

    sides_xmpp(
        s, "<message from='juliet@fabrikam.example/a' to='alice@contoso.example' id='m1'><body>x</body></message>", 1);
    assert_int_equal(s->n_dialogs, N_SESSIONS + 1);
    sides_apply(s, SETTINGS("session") "block alice@contoso.example { }\n");
    sides_answered(s, ours, LYNC);
    assert_int_equal(s->n_clients, 0);
    sides_advance(s, 50);
    assert_true(ours->ended);
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->n_sent, 1);
    assert_non_null(strstr(s->sent[0].stanza, "type='error'"));
    assert_int_equal(s->bridge->sessions.by_pair.n, N_SESSIONS);
    sides_free(s);
}

static void say(struct sides *s, int user, int number)
{
    char stanza[300];

    snprintf(stanza, sizeof(stanza),
             "<message from='user%d@fabrikam.example/a' to='alice@contoso.example' id='m%d'><body>x</body></message>",
             user, number);
    sides_xmpp(s, stanza, (uint64_t)number);
}

/* In each lane one flies and one waits. */
static struct sides *with_lanes(void)
{
    struct sides *s = sides_new();

    for (int i = 0; i < 2 * N_LANES; i++)
        say(s, i / 2, i);
    assert_int_equal(s->n_clients, N_LANES);
    assert_int_equal(s->bridge->lanes.n, N_LANES);
    return s;
}

static void lanes_are_judged_in_several_turns(void **state)
{
    struct sides *s = with_lanes();
    size_t n;

    sides_apply(s, ALONE);
    n = s->n_sent;
    assert_in_range(n, 1, N_LANES - 1);
    sides_advance(s, 0);
    assert_true(s->n_sent > n);
    for (int i = 0; i < 50; i++)
        sides_advance(s, 0);
    assert_int_equal(s->n_sent, N_LANES); /* each that waited, once */
    assert_int_equal(s->n_handled, N_LANES);
    assert_false(timer_running(&s->bridge->review.timer));
    sides_free(s);
}

static void a_message_that_was_not_judged_yet_does_not_set_out(void **state)
{
    struct sides *s = with_lanes();

    sides_apply(s, ALONE);
    for (size_t i = 0; i < N_LANES; i++)
        sides_answer(s, i, 200);
    assert_int_equal(s->n_clients, N_LANES);
    assert_int_equal(s->n_sent, N_LANES);
    assert_int_equal(s->bridge->lanes.n, 0);
    for (int i = 0; i < 50; i++)
        sides_advance(s, 0);
    assert_int_equal(s->n_sent, N_LANES);
    sides_free(s);
}

/* What was taken back for one change is asked for again also when the next change comes before the lane's turn. */
static void a_pause_outlives_two_changes_at_once(void **state)
{
    struct sides *s = with_lanes();

    for (int i = 0; i < LANE_PAUSE; i++)
        say(s, 7, 1000 + i);
    assert_int_equal(s->paused, 1);
    sides_apply(s, RENAMED);
    sides_apply(s, SIDES_SETTINGS);
    for (int i = 0; i < 50; i++)
        sides_advance(s, 0);
    assert_int_equal(s->paused, 1);
    assert_int_equal(s->n_sent, 0);
    sides_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_are_judged_in_several_turns),
        cmocka_unit_test(a_session_that_was_not_judged_yet_carries_nothing),
        cmocka_unit_test(an_answer_opens_no_session_that_is_forbidden_by_now),
        cmocka_unit_test(lanes_are_judged_in_several_turns),
        cmocka_unit_test(a_message_that_was_not_judged_yet_does_not_set_out),
        cmocka_unit_test(a_pause_outlives_two_changes_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
