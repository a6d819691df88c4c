/*
 * The state machine of a user of ours who watches a partner's user: layer A of catalogue 8.5, what the partner's user has allowed
 * (enum contact_s2x), with the errors of 8.7 and the stanzas of 8.8. One table, no side effects: what an event leads to is a set of
 * actions and the next state; bridge/watch_s2x.c carries them out. Layer D, each SIP dialog, is the stack's: pending, active or
 * terminated follows from A whenever a NOTIFY is written.
 *
 * A dialog that ends never takes a grant away; only the partner's user does, or nobody's wish for a month.
 */
#ifndef STOX_BRIDGE_WATCH_S2X_TABLE_H
#define STOX_BRIDGE_WATCH_S2X_TABLE_H

#include "bridge/contact.h"

enum s2x_event {
    /* from SIP */
    S2X_SUBSCRIBE, /* a new dialog */
    S2X_POLL,      /* a new dialog with Expires 0 */
    S2X_REFRESH,   /* a known one goes on; 200 was answered and a NOTIFY follows */
    S2X_LEFT,      /* the last dialog has ended, or not even the last NOTIFY arrived */
    /* from XMPP */
    S2X_YES,      /* subscribed */
    S2X_NO,       /* unsubscribed */
    S2X_PRESENCE, /* available, or unavailable */
    S2X_ERROR,    /* our question came back, or could not be put */
    S2X_LOST,     /* for a while there has been no stream with his domain */
    S2X_BACK,     /* there is one again */
    /* of ours */
    S2X_AGAIN,     /* a day has passed without an answer, and somebody still wants one */
    S2X_FORGIVEN,  /* he said no so long ago that he may be asked once more */
    S2X_UNWATCHED, /* nobody has watched him for so many days */
    S2X_EVENTS
};

enum s2x_action {
    S2X_STORE = 1 << 0,    /* the next state; what follows here is told when it is durable */
    S2X_ASK = 1 << 1,      /* `subscribe`, when durable */
    S2X_ASK_LATE = 1 << 2, /* the same, if the last one is older than a day, or than this process */
    S2X_ACCEPT = 1 << 3,   /* 200, and a NOTIFY with what may be told */
    S2X_REFUSE = 1 << 4,   /* 403, or polite blocking: 200, and a NOTIFY that he is away */
    S2X_ENQUIRE = 1 << 5,  /* a probe, unless his presence is known */
    S2X_KEEP = 1 << 6,     /* his presence, and all dialogs are told in time */
    S2X_FORGET = 1 << 7,   /* his presence */
    S2X_TELL = 1 << 8,     /* all dialogs, at once */
    S2X_END = 1 << 9,      /* all dialogs end, with the reason of the event */
    S2X_LEAVE = 1 << 10,   /* `unavailable` of our user to him */
    S2X_RELEASE = 1 << 11, /* `unsubscribe` */
};

struct s2x_step {
    unsigned actions;
    enum contact_s2x next;
};

#define S2X_STATES CONTACT_S2X_N

struct s2x_step s2x_step(enum contact_s2x state, enum s2x_event event);

const char *s2x_state_name(enum contact_s2x state); /* "asked" */

#endif
