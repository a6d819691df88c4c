#include "bridge/watch_s2x_table.h"

#define STEP(what, to)                                                                                                 \
    {                                                                                                                  \
        .actions = (what), .next = CONTACT_S2X_##to                                                                    \
    }
#define STAY(state) STEP(0, state)

/* Numbers are the rows of catalogue 8.5. */
static const struct s2x_step table[S2X_STATES][S2X_EVENTS] = {
    [CONTACT_S2X_NONE] = {
        [S2X_SUBSCRIBE] = STEP(S2X_STORE | S2X_ASK | S2X_ACCEPT, ASKED), /* 1 */
        [S2X_POLL] = STEP(S2X_ACCEPT, NONE),                             /* 12, STOX-PRS-68 */
        [S2X_REFRESH] = STAY(NONE),
        [S2X_LEFT] = STAY(NONE),
        [S2X_YES] = STAY(NONE),                                          /* 8.8: nobody has asked */
        [S2X_NO] = STAY(NONE),
        [S2X_PRESENCE] = STAY(NONE),                                     /* 8 */
        [S2X_ERROR] = STAY(NONE),
        [S2X_LOST] = STAY(NONE),
        [S2X_BACK] = STAY(NONE),
        [S2X_AGAIN] = STAY(NONE),
        [S2X_FORGIVEN] = STAY(NONE),
        [S2X_UNWATCHED] = STAY(NONE),
    },
    [CONTACT_S2X_ASKED] = {
        [S2X_SUBSCRIBE] = STEP(S2X_ASK_LATE | S2X_ACCEPT, ASKED),        /* 2 */
        [S2X_POLL] = STEP(S2X_ACCEPT, ASKED),                            /* 12, STOX-PRS-68 */
        [S2X_REFRESH] = STEP(S2X_ASK_LATE, ASKED),                       /* 10 */
        [S2X_LEFT] = STEP(S2X_LEAVE, ASKED),                             /* 11, STOX-PRS-70: a late answer is remembered */
        [S2X_YES] = STEP(S2X_STORE | S2X_TELL, GRANTED),                 /* 5 */
        [S2X_NO] = STEP(S2X_STORE | S2X_END, DENIED),                    /* 6 */
        [S2X_PRESENCE] = STAY(ASKED),                                    /* 8 */
        [S2X_ERROR] = STEP(S2X_STORE | S2X_END, NONE),                   /* 9 */
        [S2X_LOST] = STAY(ASKED),
        [S2X_BACK] = STAY(ASKED),
        [S2X_AGAIN] = STEP(S2X_ASK_LATE, ASKED),                         /* STOX-PRS-69 */
        [S2X_FORGIVEN] = STAY(ASKED),
        [S2X_UNWATCHED] = STEP(S2X_STORE | S2X_RELEASE, NONE),           /* STOX-PRS-65 */
    },
    [CONTACT_S2X_GRANTED] = {
        [S2X_SUBSCRIBE] = STEP(S2X_ACCEPT | S2X_ENQUIRE, GRANTED),       /* 3 */
        [S2X_POLL] = STEP(S2X_ACCEPT | S2X_ENQUIRE, GRANTED),            /* 12 */
        [S2X_REFRESH] = STEP(S2X_ENQUIRE, GRANTED),                      /* 10 */
        [S2X_LEFT] = STEP(S2X_LEAVE, GRANTED),                           /* 11, 13, 14 */
        [S2X_YES] = STAY(GRANTED),
        [S2X_NO] = STEP(S2X_STORE | S2X_FORGET | S2X_END, DENIED),       /* 6 */
        [S2X_PRESENCE] = STEP(S2X_KEEP, GRANTED),                        /* 7 */
        [S2X_ERROR] = STAY(GRANTED),                                     /* of a probe, or of what he was told */
        [S2X_LOST] = STEP(S2X_FORGET | S2X_TELL, GRANTED),               /* 15 */
        [S2X_BACK] = STEP(S2X_ENQUIRE, GRANTED),                         /* 15, STOX-PRS-91 */
        [S2X_AGAIN] = STAY(GRANTED),
        [S2X_FORGIVEN] = STAY(GRANTED),
        [S2X_UNWATCHED] = STEP(S2X_STORE | S2X_FORGET | S2X_RELEASE, NONE), /* STOX-PRS-65 */
    },
    [CONTACT_S2X_DENIED] = {
        [S2X_SUBSCRIBE] = STEP(S2X_REFUSE, DENIED),                      /* 4 */
        [S2X_POLL] = STEP(S2X_ACCEPT, DENIED),                           /* 12, STOX-PRS-68 */
        [S2X_REFRESH] = STAY(DENIED),                                    /* of one who is blocked politely */
        [S2X_LEFT] = STAY(DENIED),
        [S2X_YES] = STEP(S2X_STORE | S2X_TELL, GRANTED),                 /* 5: two questions, by a start, and this answers the later */
        [S2X_NO] = STAY(DENIED),
        [S2X_PRESENCE] = STAY(DENIED),                                   /* 8 */
        [S2X_ERROR] = STAY(DENIED),
        [S2X_LOST] = STAY(DENIED),
        [S2X_BACK] = STAY(DENIED),
        [S2X_AGAIN] = STAY(DENIED),
        [S2X_FORGIVEN] = STEP(S2X_STORE, NONE),                          /* 4: the hold-down is over */
        [S2X_UNWATCHED] = STAY(DENIED),
    },
};

struct s2x_step s2x_step(enum contact_s2x state, enum s2x_event event)
{
    return table[state][event];
}

const char *s2x_state_name(enum contact_s2x state)
{
    static const char *const names[S2X_STATES] = { "none", "asked", "granted", "denied" };

    return names[state];
}
