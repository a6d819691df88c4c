/* What a partner's user allows: each row of the catalogue's 8.5, the stanzas of 8.8, and that no event is left out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bridge/watch_s2x_table.h"

#define NONE CONTACT_S2X_NONE
#define ASKED CONTACT_S2X_ASKED
#define GRANTED CONTACT_S2X_GRANTED
#define DENIED CONTACT_S2X_DENIED

static const struct row {
    const char *number;
    enum contact_s2x state;
    enum s2x_event event;
    unsigned actions;
    enum contact_s2x next;
} rows[] = {
    { "1", NONE, S2X_SUBSCRIBE, S2X_STORE | S2X_ASK | S2X_ACCEPT, ASKED },
    { "2", ASKED, S2X_SUBSCRIBE, S2X_ASK_LATE | S2X_ACCEPT, ASKED },
    { "3", GRANTED, S2X_SUBSCRIBE, S2X_ACCEPT | S2X_ENQUIRE, GRANTED },
    { "4", DENIED, S2X_SUBSCRIBE, S2X_REFUSE, DENIED },
    { "4, the hold-down is over", DENIED, S2X_FORGIVEN, S2X_STORE, NONE },
    { "5", ASKED, S2X_YES, S2X_STORE | S2X_TELL, GRANTED },
    { "6", ASKED, S2X_NO, S2X_STORE | S2X_END, DENIED },
    { "6", GRANTED, S2X_NO, S2X_STORE | S2X_FORGET | S2X_END, DENIED },
    { "7", GRANTED, S2X_PRESENCE, S2X_KEEP, GRANTED },
    { "8", NONE, S2X_PRESENCE, 0, NONE },
    { "8", ASKED, S2X_PRESENCE, 0, ASKED },
    { "8", DENIED, S2X_PRESENCE, 0, DENIED },
    { "9", ASKED, S2X_ERROR, S2X_STORE | S2X_END, NONE },
    { "9, not of a question", GRANTED, S2X_ERROR, 0, GRANTED },
    { "10", GRANTED, S2X_REFRESH, S2X_ENQUIRE, GRANTED },
    { "10", ASKED, S2X_REFRESH, S2X_ASK_LATE, ASKED },
    { "11, 13, 14", GRANTED, S2X_LEFT, S2X_LEAVE, GRANTED },
    { "11, STOX-PRS-70", ASKED, S2X_LEFT, S2X_LEAVE, ASKED },
    { "12", GRANTED, S2X_POLL, S2X_ACCEPT | S2X_ENQUIRE, GRANTED },
    { "12, STOX-PRS-68", NONE, S2X_POLL, S2X_ACCEPT, NONE },
    { "12, STOX-PRS-68", ASKED, S2X_POLL, S2X_ACCEPT, ASKED },
    { "12, STOX-PRS-68", DENIED, S2X_POLL, S2X_ACCEPT, DENIED },
    { "15", GRANTED, S2X_LOST, S2X_FORGET | S2X_TELL, GRANTED },
    { "15, STOX-PRS-91", GRANTED, S2X_BACK, S2X_ENQUIRE, GRANTED },
    { "8.8", NONE, S2X_YES, 0, NONE },
    { "8.8", GRANTED, S2X_YES, 0, GRANTED },
    { "5", DENIED, S2X_YES, S2X_STORE | S2X_TELL, GRANTED },
    { "8.8", NONE, S2X_NO, 0, NONE },
    { "8.8", DENIED, S2X_NO, 0, DENIED },
    { "STOX-PRS-69", ASKED, S2X_AGAIN, S2X_ASK_LATE, ASKED },
    { "STOX-PRS-65", GRANTED, S2X_UNWATCHED, S2X_STORE | S2X_FORGET | S2X_RELEASE, NONE },
    { "STOX-PRS-65", ASKED, S2X_UNWATCHED, S2X_STORE | S2X_RELEASE, NONE },
};

static void each_row_of_8_5(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct s2x_step step = s2x_step(rows[i].state, rows[i].event);

        if (step.actions != rows[i].actions || step.next != rows[i].next)
            fail_msg("row %s: actions %x, then %s", rows[i].number, step.actions, s2x_state_name(step.next));
    }
}

/* Whatever happens, what is not decided by the partner's user, by an error, by time or by a question of ours stays. */
static void nothing_else_changes_what_is_allowed(void **state)
{
    for (int from = 0; from < S2X_STATES; from++)
        for (int event = 0; event < S2X_EVENTS; event++) {
            struct s2x_step step = s2x_step((enum contact_s2x)from, (enum s2x_event)event);

            assert_int_equal((step.actions & S2X_STORE) != 0, (int)step.next != from);
            if (step.next == GRANTED && from != GRANTED)
                assert_true((from == ASKED || from == DENIED) && event == S2X_YES); /* STOX-PRS-83 */
            if (event == S2X_SUBSCRIBE || event == S2X_POLL)
                assert_true(step.actions & (S2X_ACCEPT | S2X_REFUSE)); /* each gets its answer at once (STOX-PRS-51) */
            else
                assert_false(step.actions & (S2X_ACCEPT | S2X_REFUSE));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(each_row_of_8_5),
                                        cmocka_unit_test(nothing_else_changes_what_is_allowed) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
