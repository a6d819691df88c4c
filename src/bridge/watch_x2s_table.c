#include "bridge/watch_x2s_table.h"

#define STEP(what, to)                                                                                                 \
    {                                                                                                                  \
        .actions = (what), .next = (to)                                                                                \
    }
#define STAY(to) STEP(0, to)

/* Numbers are the rows of catalogue 8.4. */
static const struct x2s_step table[X2S_STATES][X2S_EVENTS] = {
    [X2S_NONE] = {
        [X2S_SUBSCRIBE] = STEP(X2S_STORE_ASKING | X2S_ASK, X2S_ASKING), /* 1 */
        [X2S_UNSUBSCRIBE] = STEP(X2S_TELL_NO, X2S_NONE),               /* STOX-PRS-29 */
        [X2S_PROBE] = STEP(X2S_TELL_NO, X2S_NONE),                     /* STOX-PRS-33 */
    },
    [X2S_ASKING] = {
        [X2S_SUBSCRIBE] = STEP(X2S_ASK, X2S_ASKING),                       /* 3: only where the timer runs */
        [X2S_UNSUBSCRIBE] = STEP(X2S_STORE_NONE | X2S_STOP, X2S_ENDING),   /* 24 */
        [X2S_PROBE] = STAY(X2S_ASKING),
        [X2S_ONLINE] = STAY(X2S_ASKING),
        [X2S_OFFLINE] = STAY(X2S_ASKING),
        [X2S_PENDING] = STAY(X2S_ASKING),                                  /* 5 */
        [X2S_ACTIVE] = STEP(X2S_STORE_AUTH | X2S_TELL_YES, X2S_AUTH),      /* 6 */
        [X2S_REJECTED] = STEP(X2S_STORE_NONE | X2S_TELL_NO, X2S_NONE),     /* 7 */
        [X2S_NO_SUCH] = STEP(X2S_STORE_NONE | X2S_TELL_ERROR, X2S_NONE),   /* 8 */
        [X2S_NOT_DONE] = STEP(X2S_STORE_NONE | X2S_TELL_ERROR, X2S_NONE),  /* 9, 11, 12 */
        [X2S_LATER] = STEP(X2S_WAIT, X2S_ASKING),                          /* 13, 14 */
        [X2S_AT_ONCE] = STEP(X2S_SOON, X2S_ASKING),                        /* 14 */
        [X2S_NEVER] = STAY(X2S_ASKING),
        [X2S_LAPSED] = STEP(X2S_SOON, X2S_ASKING),
        [X2S_ENDED] = STEP(X2S_SOON, X2S_ASKING),
        [X2S_TIMER] = STEP(X2S_ASK, X2S_ASKING),
        [X2S_GIVEN_UP] = STEP(X2S_STORE_NONE | X2S_TELL_ERROR, X2S_NONE), /* 13 */
    },
    [X2S_AUTH] = {
        [X2S_SUBSCRIBE] = STEP(X2S_TELL_YES, X2S_AUTH),                                    /* 2 */
        [X2S_UNSUBSCRIBE] = STEP(X2S_STORE_NONE | X2S_TELL_GONE | X2S_STOP, X2S_ENDING),   /* 24 */
        [X2S_PROBE] = STEP(X2S_TELL_STATE, X2S_AUTH),                                      /* 23 */
        [X2S_ONLINE] = STEP(X2S_REFRESH, X2S_AUTH),                                        /* STOX-PRS-14 */
        [X2S_OFFLINE] = STAY(X2S_IDLE),                                                    /* 20 */
        [X2S_PENDING] = STEP(X2S_TELL_GONE, X2S_AUTH),                                     /* STOX-PRS-47 */
        [X2S_ACTIVE] = STAY(X2S_AUTH),                                                     /* 15: the difference is told */
        [X2S_REJECTED] = STEP(X2S_STORE_NONE | X2S_TELL_GONE | X2S_TELL_NO, X2S_NONE),     /* 17 */
        [X2S_NO_SUCH] = STEP(X2S_TELL_GONE | X2S_TELL_ERROR | X2S_WAIT_LONG, X2S_RETRY),   /* 19 */
        [X2S_NOT_DONE] = STEP(X2S_TELL_GONE | X2S_WAIT, X2S_RETRY),                        /* 18 */
        [X2S_LATER] = STEP(X2S_TELL_GONE | X2S_WAIT, X2S_RETRY),                           /* 18 */
        [X2S_AT_ONCE] = STEP(X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY),                   /* 18 */
        [X2S_NEVER] = STAY(X2S_RETRY),
        [X2S_LAPSED] = STEP(X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY),
        [X2S_ENDED] = STEP(X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY),
        [X2S_TIMER] = STEP(X2S_ASK, X2S_AUTH),
        [X2S_GIVEN_UP] = STEP(X2S_ASK, X2S_AUTH),
    },
    [X2S_IDLE] = {
        [X2S_SUBSCRIBE] = STEP(X2S_TELL_YES | X2S_REFRESH, X2S_RETRY),
        [X2S_UNSUBSCRIBE] = STEP(X2S_STORE_NONE | X2S_FORGET | X2S_STOP, X2S_ENDING),      /* 24 */
        [X2S_PROBE] = STEP(X2S_TELL_STATE | X2S_REFRESH, X2S_RETRY),                       /* 21, STOX-PRS-34 */
        [X2S_ONLINE] = STEP(X2S_REFRESH, X2S_RETRY),                                       /* 21 */
        [X2S_OFFLINE] = STAY(X2S_IDLE),
        [X2S_PENDING] = STEP(X2S_FORGET, X2S_IDLE),
        [X2S_ACTIVE] = STAY(X2S_IDLE),
        [X2S_REJECTED] = STEP(X2S_STORE_NONE | X2S_FORGET | X2S_TELL_NO, X2S_NONE),        /* 17 */
        [X2S_NO_SUCH] = STEP(X2S_FORGET, X2S_IDLE),
        [X2S_NOT_DONE] = STEP(X2S_FORGET, X2S_IDLE),
        [X2S_LATER] = STEP(X2S_FORGET, X2S_IDLE),
        [X2S_AT_ONCE] = STEP(X2S_FORGET, X2S_IDLE),
        [X2S_NEVER] = STAY(X2S_IDLE),
        [X2S_LAPSED] = STEP(X2S_FORGET, X2S_IDLE),                                         /* 20 */
        [X2S_ENDED] = STEP(X2S_FORGET, X2S_IDLE),
        [X2S_TIMER] = STAY(X2S_IDLE),
        [X2S_GIVEN_UP] = STAY(X2S_IDLE),
    },
    [X2S_RETRY] = {
        [X2S_SUBSCRIBE] = STEP(X2S_TELL_YES, X2S_RETRY),                                   /* 2 */
        [X2S_UNSUBSCRIBE] = STEP(X2S_STORE_NONE | X2S_TELL_GONE | X2S_STOP, X2S_ENDING),   /* 24 */
        [X2S_PROBE] = STEP(X2S_TELL_STATE | X2S_ASK, X2S_RETRY),                           /* 21, 23 */
        [X2S_ONLINE] = STEP(X2S_ASK, X2S_RETRY),                                           /* 21 */
        [X2S_OFFLINE] = STAY(X2S_IDLE),                                                    /* 20 */
        [X2S_PENDING] = STAY(X2S_RETRY),
        [X2S_ACTIVE] = STAY(X2S_AUTH),                                                     /* 22 */
        [X2S_REJECTED] = STEP(X2S_STORE_NONE | X2S_TELL_GONE | X2S_TELL_NO, X2S_NONE),     /* 17 */
        [X2S_NO_SUCH] = STEP(X2S_TELL_GONE | X2S_WAIT_LONG, X2S_RETRY),                    /* 19: the error was told */
        [X2S_NOT_DONE] = STEP(X2S_TELL_GONE | X2S_WAIT, X2S_RETRY),
        [X2S_LATER] = STEP(X2S_TELL_GONE | X2S_WAIT, X2S_RETRY),
        [X2S_AT_ONCE] = STEP(X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY),
        [X2S_NEVER] = STAY(X2S_RETRY),
        [X2S_LAPSED] = STEP(X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY),
        [X2S_ENDED] = STEP(X2S_TELL_GONE_LATER | X2S_SOON, X2S_RETRY),
        [X2S_TIMER] = STEP(X2S_ASK, X2S_RETRY),                                            /* 22 */
        [X2S_GIVEN_UP] = STEP(X2S_ASK, X2S_RETRY),
    },
    [X2S_ENDING] = {
        [X2S_SUBSCRIBE] = STEP(X2S_DETACH | X2S_STORE_ASKING | X2S_ASK, X2S_ASKING), /* he has changed his mind */
        [X2S_UNSUBSCRIBE] = STAY(X2S_ENDING),
        [X2S_PROBE] = STAY(X2S_ENDING),
        [X2S_ONLINE] = STAY(X2S_ENDING),
        [X2S_OFFLINE] = STAY(X2S_ENDING),
        [X2S_PENDING] = STAY(X2S_ENDING),
        [X2S_ACTIVE] = STAY(X2S_ENDING),
        [X2S_REJECTED] = STEP(X2S_TELL_NO, X2S_NONE),  /* 25 */
        [X2S_NO_SUCH] = STEP(X2S_TELL_NO, X2S_NONE),   /* 25 */
        [X2S_NOT_DONE] = STEP(X2S_TELL_NO, X2S_NONE),  /* 25 */
        [X2S_LATER] = STEP(X2S_TELL_NO, X2S_NONE),     /* 25 */
        [X2S_AT_ONCE] = STEP(X2S_TELL_NO, X2S_NONE),   /* 25, 26 */
        [X2S_NEVER] = STEP(X2S_TELL_NO, X2S_NONE),
        [X2S_LAPSED] = STEP(X2S_TELL_NO, X2S_NONE),
        [X2S_ENDED] = STEP(X2S_TELL_NO, X2S_NONE),     /* 25, 26 */
        [X2S_TIMER] = STEP(X2S_DETACH | X2S_TELL_NO, X2S_NONE), /* 25: nothing has come */
        [X2S_GIVEN_UP] = STEP(X2S_DETACH | X2S_TELL_NO, X2S_NONE),
    },
};

struct x2s_step x2s_step(enum x2s_state state, enum x2s_event event)
{
    return table[state][event];
}

enum x2s_event x2s_event_of_status(unsigned status)
{
    switch (status) {
    case 403:
    case 489:
    case 603: return X2S_REJECTED; /* STOX-PRS-17 */
    case 404:
    case 410:
    case 416:
    case 484:
    case 485:
    case 604: return X2S_NO_SUCH;
    case 401:
    case 407:
    case 405:
    case 406:
    case 420:
    case 423: /* more than a day (STOX-PRS-24) */
    case 501: return X2S_NOT_DONE;
    case 481: return X2S_AT_ONCE; /* STOX-PRS-18 */
    default: return status >= 300 && status < 400 ? X2S_NOT_DONE : X2S_LATER;
    }
}

enum x2s_event x2s_event_of_reason(enum sip_sub_reason reason)
{
    switch (reason) {
    case SIP_REASON_DEACTIVATED:
    case SIP_REASON_TIMEOUT: return X2S_AT_ONCE;
    case SIP_REASON_REJECTED: return X2S_REJECTED;
    case SIP_REASON_NORESOURCE: return X2S_NO_SUCH;
    case SIP_REASON_INVARIANT: return X2S_NEVER;
    case SIP_REASON_PROBATION:
    case SIP_REASON_GIVEUP:
    case SIP_REASON_NONE: break;
    }
    return X2S_LATER;
}

enum x2s_event x2s_event_of_end(const struct sip_sub_end *end)
{
    switch (end->why) {
    case SIP_SUB_END_REFUSED: return end->status == 481 ? X2S_LATER : x2s_event_of_status(end->status);
    case SIP_SUB_END_LOST: return end->status ? x2s_event_of_status(end->status) : X2S_AT_ONCE;
    case SIP_SUB_END_TERMINATED: return x2s_event_of_reason(end->reason);
    case SIP_SUB_END_LAPSED: return X2S_LAPSED;
    case SIP_SUB_END_UNSUBSCRIBED: return X2S_ENDED;
    case SIP_SUB_END_SILENT:
    case SIP_SUB_END_UNREACHABLE:
    case SIP_SUB_END_EXPIRED: /* of notifiers */
    case SIP_SUB_END_FAILED: break;
    }
    return X2S_LATER;
}

const char *x2s_state_name(enum x2s_state state)
{
    static const char *const names[X2S_STATES] = { "none", "asking", "active", "idle", "retry", "ending" };

    return names[state];
}
