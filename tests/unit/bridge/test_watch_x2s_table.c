/* The states of a watcher on XMPP: each row of the catalogue's 8.4, each reason of 8.6, each status, and that no event is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/watch_x2s_table.h"

struct row {
    enum x2s_state state;
    enum x2s_event event;
    unsigned actions;
    enum x2s_state next;
};

static void expect(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct x2s_step step = x2s_step(rows[i].state, rows[i].event);

        if (step.actions != rows[i].actions || step.next != rows[i].next)
            fail_msg("%s, event %d: actions %x, then %s", x2s_state_name(rows[i].state), (int)rows[i].event,
                     step.actions, x2s_state_name(step.next));
    }
}

#define EXPECT(rows) expect(rows, sizeof(rows) / sizeof((rows)[0]))

static void rows_of_the_one_who_asks(void **state)
{
    static const struct row rows[] = {
        /* 1 */ { X2S_NONE, X2S_SUBSCRIBE, X2S_STORE_ASKING | X2S_ASK, X2S_ASKING },
        /* 3 */ { X2S_ASKING, X2S_SUBSCRIBE, X2S_ASK, X2S_ASKING },
        /* 5 */ { X2S_ASKING, X2S_PENDING, 0, X2S_ASKING },
        /* 6 */ { X2S_ASKING, X2S_ACTIVE, X2S_STORE_AUTH | X2S_TELL_YES, X2S_AUTH },
        /* 7 */ { X2S_ASKING, X2S_REJECTED, X2S_STORE_NONE | X2S_TELL_NO, X2S_NONE },
        /* 8 */ { X2S_ASKING, X2S_NO_SUCH, X2S_STORE_NONE | X2S_TELL_ERROR, X2S_NONE },
        /* 9 */ { X2S_ASKING, X2S_NOT_DONE, X2S_STORE_NONE | X2S_TELL_ERROR, X2S_NONE },
        /* 13 */ { X2S_ASKING, X2S_LATER, X2S_WAIT, X2S_ASKING },
        /* 13, three days later */ { X2S_ASKING, X2S_GIVEN_UP, X2S_STORE_NONE | X2S_TELL_ERROR, X2S_NONE },
        /* 14 */ { X2S_ASKING, X2S_AT_ONCE, X2S_SOON, X2S_ASKING },
        /* 24 */ { X2S_ASKING, X2S_UNSUBSCRIBE, X2S_STORE_NONE | X2S_STOP, X2S_ENDING },
    };

    EXPECT(rows);
}

static void rows_of_the_one_who_may(void **state)
{
    static const struct row rows[] = {
        /* 2 */ { X2S_AUTH, X2S_SUBSCRIBE, X2S_TELL_YES, X2S_AUTH },
        /* 2 */ { X2S_RETRY, X2S_SUBSCRIBE, X2S_TELL_YES, X2S_RETRY },
        /* 15 */ { X2S_AUTH, X2S_ACTIVE, 0, X2S_AUTH },
        /* 17 */ { X2S_AUTH, X2S_REJECTED, X2S_STORE_NONE | X2S_TELL_GONE | X2S_TELL_NO, X2S_NONE },
        /* 18 */ { X2S_AUTH, X2S_LATER, X2S_TELL_GONE | X2S_WAIT, X2S_RETRY },
        /* 18 */ { X2S_AUTH, X2S_AT_ONCE, X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY },
        /* 19 */ { X2S_AUTH, X2S_NO_SUCH, X2S_TELL_GONE | X2S_TELL_ERROR | X2S_WAIT_LONG, X2S_RETRY },
        /* 19: once */ { X2S_RETRY, X2S_NO_SUCH, X2S_TELL_GONE | X2S_WAIT_LONG, X2S_RETRY },
        /* 20 */ { X2S_AUTH, X2S_OFFLINE, 0, X2S_IDLE },
        /* 20 */ { X2S_IDLE, X2S_LAPSED, X2S_FORGET, X2S_IDLE },
        /* 21 */ { X2S_IDLE, X2S_ONLINE, X2S_REFRESH, X2S_RETRY },
        /* 21 */ { X2S_IDLE, X2S_PROBE, X2S_TELL_STATE | X2S_REFRESH, X2S_RETRY },
        /* 22 */ { X2S_RETRY, X2S_TIMER, X2S_ASK, X2S_RETRY },
        /* 22 */ { X2S_RETRY, X2S_ACTIVE, 0, X2S_AUTH },
        /* 23 */ { X2S_AUTH, X2S_PROBE, X2S_TELL_STATE, X2S_AUTH },
    };

    EXPECT(rows);
}

static void rows_of_the_end(void **state)
{
    static const struct row rows[] = {
        /* 24 */ { X2S_AUTH, X2S_UNSUBSCRIBE, X2S_STORE_NONE | X2S_TELL_GONE | X2S_STOP, X2S_ENDING },
        /* 24 */ { X2S_RETRY, X2S_UNSUBSCRIBE, X2S_STORE_NONE | X2S_TELL_GONE | X2S_STOP, X2S_ENDING },
        /* 24 */ { X2S_IDLE, X2S_UNSUBSCRIBE, X2S_STORE_NONE | X2S_FORGET | X2S_STOP, X2S_ENDING },
        /* 25 */ { X2S_ENDING, X2S_ENDED, X2S_TELL_NO, X2S_NONE },
        /* 25 */ { X2S_ENDING, X2S_AT_ONCE, X2S_TELL_NO, X2S_NONE },
        /* 25 */ { X2S_ENDING, X2S_TIMER, X2S_DETACH | X2S_TELL_NO, X2S_NONE },
        /* not in the catalogue */ { X2S_ENDING, X2S_SUBSCRIBE, X2S_DETACH | X2S_STORE_ASKING | X2S_ASK, X2S_ASKING },
        /* STOX-PRS-29 */ { X2S_NONE, X2S_UNSUBSCRIBE, X2S_TELL_NO, X2S_NONE },
        /* STOX-PRS-33 */ { X2S_NONE, X2S_PROBE, X2S_TELL_NO, X2S_NONE },
    };

    EXPECT(rows);
}

static void only_SIP_s_word_or_his_own_takes_an_authorization_away(void **state)
{
    static const enum x2s_state may[] = { X2S_AUTH, X2S_IDLE, X2S_RETRY };

    for (size_t i = 0; i < sizeof(may) / sizeof(may[0]); i++)
        for (enum x2s_event e = 0; e < X2S_EVENTS; e++) {
            struct x2s_step step = x2s_step(may[i], e);
            bool taken = e == X2S_REJECTED || e == X2S_UNSUBSCRIBE;

            assert_int_equal((step.actions & X2S_STORE_NONE) != 0, taken);
            assert_int_equal(step.next == X2S_NONE || step.next == X2S_ENDING, taken);
            assert_int_equal(step.next == X2S_ASKING, false);
        }
}

/* Whatever comes, what is told and what is stored go together. */
static void what_is_told_is_what_is_stored(void **state)
{
    for (enum x2s_state s = 0; s < X2S_STATES; s++)
        for (enum x2s_event e = 0; e < X2S_EVENTS; e++) {
            struct x2s_step step = x2s_step(s, e);

            if (step.next == X2S_NONE && s != X2S_NONE && s != X2S_ENDING)
                assert_true(step.actions & X2S_STORE_NONE);
            if (step.actions & X2S_STORE_NONE)
                assert_true(step.next == X2S_NONE || step.next == X2S_ENDING);
            if (step.actions & X2S_TELL_YES)
                assert_true(step.next == X2S_AUTH || step.next == X2S_RETRY);
            if (s == X2S_NONE) /* nothing that comes from SIP makes anything */
                assert_true(e == X2S_SUBSCRIBE || step.next == X2S_NONE);
        }
}

static void STOX_PRS_17_18_19_statuses(void **state)
{
    static const struct {
        unsigned status;
        enum x2s_event event;
    } rows[] = {
        { 403, X2S_REJECTED }, { 489, X2S_REJECTED }, { 603, X2S_REJECTED }, { 404, X2S_NO_SUCH },
        { 410, X2S_NO_SUCH },  { 416, X2S_NO_SUCH },  { 484, X2S_NO_SUCH },  { 485, X2S_NO_SUCH },
        { 604, X2S_NO_SUCH },  { 405, X2S_NOT_DONE }, { 406, X2S_NOT_DONE }, { 420, X2S_NOT_DONE },
        { 501, X2S_NOT_DONE }, { 401, X2S_NOT_DONE }, { 407, X2S_NOT_DONE }, { 302, X2S_NOT_DONE },
        { 423, X2S_NOT_DONE }, { 481, X2S_AT_ONCE },  { 408, X2S_LATER },    { 480, X2S_LATER },
        { 486, X2S_LATER },    { 500, X2S_LATER },    { 503, X2S_LATER },    { 504, X2S_LATER },
        { 0, X2S_LATER },      { 699, X2S_LATER },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(x2s_event_of_status(rows[i].status), rows[i].event);
}

static void STOX_PRS_22_reasons(void **state)
{
    static const enum x2s_event events[] = {
        [SIP_REASON_NONE] = X2S_LATER,         [SIP_REASON_DEACTIVATED] = X2S_AT_ONCE,
        [SIP_REASON_PROBATION] = X2S_LATER,    [SIP_REASON_REJECTED] = X2S_REJECTED,
        [SIP_REASON_TIMEOUT] = X2S_AT_ONCE,    [SIP_REASON_GIVEUP] = X2S_LATER,
        [SIP_REASON_NORESOURCE] = X2S_NO_SUCH, [SIP_REASON_INVARIANT] = X2S_NEVER,
    };

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        struct sip_sub_end end = { .why = SIP_SUB_END_TERMINATED, .reason = (enum sip_sub_reason)i };

        assert_int_equal(x2s_event_of_end(&end), events[i]);
    }
}

static void ends(void **state)
{
    static const struct {
        struct sip_sub_end end;
        enum x2s_event event;
    } rows[] = {
        { { .why = SIP_SUB_END_REFUSED, .status = 404 }, X2S_NO_SUCH },
        { { .why = SIP_SUB_END_REFUSED, .status = 481 }, X2S_LATER }, /* there was no dialog: it is no better at once */
        { { .why = SIP_SUB_END_LOST, .status = 481 }, X2S_AT_ONCE },
        { { .why = SIP_SUB_END_LOST }, X2S_AT_ONCE },
        { { .why = SIP_SUB_END_SILENT }, X2S_LATER },
        { { .why = SIP_SUB_END_UNREACHABLE }, X2S_LATER },
        { { .why = SIP_SUB_END_LAPSED }, X2S_LAPSED },
        { { .why = SIP_SUB_END_UNSUBSCRIBED }, X2S_ENDED },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(x2s_event_of_end(&rows[i].end), rows[i].event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_one_who_asks),
        cmocka_unit_test(rows_of_the_one_who_may),
        cmocka_unit_test(rows_of_the_end),
        cmocka_unit_test(only_SIP_s_word_or_his_own_takes_an_authorization_away),
        cmocka_unit_test(what_is_told_is_what_is_stored),
        cmocka_unit_test(STOX_PRS_17_18_19_statuses),
        cmocka_unit_test(STOX_PRS_22_reasons),
        cmocka_unit_test(ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
