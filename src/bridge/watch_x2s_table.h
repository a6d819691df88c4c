/*
 * The state machine of a partner's user who watches a user of ours (catalogue 8.4, with the reasons of 8.6 and the stanzas of 8.8):
 * one table, no side effects. What an event leads to is a set of actions and the next state; bridge/watch_x2s.c carries them out.
 *
 *   NONE      nothing is known
 *   ASKING    he has asked, SIP has not decided; a SUBSCRIBE is out, or a timer runs to the next one
 *   AUTH      SIP lets him, and a subscription says what there is to see
 *   IDLE      SIP lets him, and he is away: nobody looks, no subscription is refreshed
 *   RETRY     SIP lets him, the subscription is lost: a SUBSCRIBE is out, or a timer runs to the next one
 *   ENDING    he does not want it any more: Expires 0 is out
 *
 * Losing a subscription never takes an authorization away; only SIP's word or his own does.
 */
#ifndef STOX_BRIDGE_WATCH_X2S_TABLE_H
#define STOX_BRIDGE_WATCH_X2S_TABLE_H

#include "sip/subscription.h"

enum x2s_state { X2S_NONE, X2S_ASKING, X2S_AUTH, X2S_IDLE, X2S_RETRY, X2S_ENDING, X2S_STATES };

enum x2s_event {
    /* from XMPP */
    X2S_SUBSCRIBE,
    X2S_UNSUBSCRIBE,
    X2S_PROBE,
    X2S_ONLINE,  /* presence of his: he is there */
    X2S_OFFLINE, /* his last client has gone */
    /* from SIP */
    X2S_PENDING,  /* NOTIFY pending */
    X2S_ACTIVE,   /* NOTIFY active */
    X2S_REJECTED, /* 403, 489, 603; terminated;rejected: for good */
    X2S_NO_SUCH,  /* 404 and its like; terminated;noresource */
    X2S_NOT_DONE, /* 405 and its like: not by this server */
    X2S_LATER, /* all else that a SUBSCRIBE can meet; terminated;probation, giveup or without a reason that is known */
    X2S_AT_ONCE, /* 481 in a dialog; terminated;deactivated or timeout */
    X2S_NEVER,   /* terminated;invariant: what was said holds, and nothing more will be */
    X2S_LAPSED,  /* not refreshed, as nobody looked */
    X2S_ENDED,   /* our Expires 0 has met its end */
    /* of ours */
    X2S_TIMER,    /* time to ask again */
    X2S_GIVEN_UP, /* the same, but SIP has not decided for days */
    X2S_EVENTS
};

enum x2s_action {
    X2S_STORE_NONE = 1 << 0, /* the contact's state; told to others only when it is durable */
    X2S_STORE_ASKING = 1 << 1,
    X2S_STORE_AUTH = 1 << 2,
    X2S_ASK = 1 << 3,              /* SUBSCRIBE in a new dialog, unless one is out or there is a subscription */
    X2S_REFRESH = 1 << 4,          /* SUBSCRIBE in the dialog; without one X2S_ASK */
    X2S_STOP = 1 << 5,             /* Expires 0 in the dialog; without one X2S_ENDED follows at once */
    X2S_WAIT = 1 << 6,             /* the timer, by retry-after or back-off */
    X2S_WAIT_LONG = 1 << 7,        /* the timer, an hour */
    X2S_SOON = 1 << 8,             /* the timer, at once; by back-off when that has been so before */
    X2S_TELL_YES = 1 << 9,         /* subscribed, then what is known */
    X2S_TELL_NO = 1 << 10,         /* unsubscribed */
    X2S_TELL_ERROR = 1 << 11,      /* a presence error */
    X2S_TELL_STATE = 1 << 12,      /* what is known, to the one who asks */
    X2S_TELL_GONE = 1 << 13,       /* unavailable, of each resource that was told */
    X2S_TELL_GONE_LATER = 1 << 14, /* the same in 64*T1, unless the subscription is back by then (481, nothing heard) */
    X2S_FORGET = 1 << 15,          /* what is known, without a word: nobody is there to hear it */
    X2S_AGAIN = 1 << 16,           /* after the end begin anew */
    X2S_DETACH = 1 << 17,          /* the subscription that is there runs to its end by itself */
};

struct x2s_step {
    unsigned actions;
    enum x2s_state next;
};

struct x2s_step x2s_step(enum x2s_state state, enum x2s_event event);

/* Which event a final answer to SUBSCRIBE is, or a terminated NOTIFY (8.6). */
enum x2s_event x2s_event_of_status(unsigned status);
enum x2s_event x2s_event_of_reason(enum sip_sub_reason reason);
enum x2s_event x2s_event_of_end(const struct sip_sub_end *end);

const char *x2s_state_name(enum x2s_state state); /* "asking" */

#endif
