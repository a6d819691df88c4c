/*
 * Who is typing to whom (catalogue 6; RFC 3994, XEP-0085): for each pair of people, an XMPP user of a partner (remote) and a
 * SIP user of ours (local), what each side was last told of the other. Here it is decided whether a state is told, when, and
 * when it runs out; how it looks is map/typing.h's.
 *
 * Toward XMPP: a state is told once (STOX-CS-04), runs out by itself (CS-05), and nothing is told to a contact whose texts
 * come without chat states (CS-12). Toward SIP: only to someone who wrote in this conversation within ten minutes (CS-09,
 * CS-15), at most once in five seconds, composing again every minute while it lasts (CS-06), and not for a day to someone
 * whose side has refused it (CS-07; bridge/abilities.h).
 *
 * What is told may get lost: nobody waits for it, nobody hears of a failure, and a text never waits for it.
 */
#ifndef STOX_BRIDGE_TYPING_H
#define STOX_BRIDGE_TYPING_H

#include "bridge/shares.h"
#include "map/typing.h"

struct bridge;

#define TYPING_BYTES_MAX                                                                                               \
    ((size_t)16 << 20)         /* some 60000 pairs; the one used longest ago goes, as bridge/shares.h says */
#define TYPING_REPLY_MS 600000 /* a SIP user who wrote so lately may be told */
#define TYPING_GAP_MS 5000
#define TYPING_REFRESH_MS 60000
#define TYPING_EXPIRY_S 120 /* of a state without refresh (RFC 3994 3.3) */

struct typings {
    struct hash pairs;
    struct shares shares;
};

void typings_init(struct typings *t);
void typings_fini(struct bridge *b);

/*
 * How a SIP user is told. Without one: by a MESSAGE of its own, as pager mode does. A session that tells it in its own way
 * (isComposing in the dialog, Lync's INFO with KeyboardActivity) attaches one for as long as it lasts. Then neither the ten
 * minutes nor a 415 to MESSAGE count, since the session itself is the other side's consent.
 */
struct typing_way {
    /* refresh_s: how long active may be believed without another word. Called from the loop or from typing_from_xmpp; must
     * not detach. */
    void (*tell)(void *arg, bool active, unsigned refresh_s);
    unsigned gap_ms;     /* at most one in so long; 0: TYPING_GAP_MS */
    unsigned refresh_ms; /* active is told again after so long; 0: TYPING_REFRESH_MS */
};

/* way is constant, arg is given to tell. One at a time: the later takes over. False: no memory, nothing is told that way. */
bool typing_attach(struct bridge *b, const struct jid *remote, const struct jid *local, const struct typing_way *way,
                   void *arg);
/* Takes it back if it is the one with this arg. */
void typing_detach(struct bridge *b, const struct jid *remote, const struct jid *local, const void *arg);

/* The SIP user types, or has stopped. refresh_s: for how long that is to be believed; 0: not said. */
void typing_from_sip(struct bridge *b, const struct jid *remote, const struct jid *local, bool active,
                     unsigned refresh_s);

/* What was told to the XMPP user came back: he is told no more until he says something. */
void typing_bounced(struct bridge *b, const struct jid *remote, const struct jid *local);

/* The SIP user has left the conversation (STOX-CS-08). */
void typing_gone_from_sip(struct bridge *b, const struct jid *remote, const struct jid *local);

/* A text of the SIP user is on its way to XMPP: he has stopped typing, and may be told of the other's. thread: of the
 * conversation; empty: none. */
void typing_text_from_sip(struct bridge *b, const struct jid *remote, const struct jid *local, struct slice thread);

/* Has the SIP user written to this XMPP user, as far as is remembered? Then he may know of him. */
bool typing_wrote(const struct bridge *b, const struct jid *remote, const struct jid *local);

/*
 * The SIP user has seen this message of the XMPP user. A marker says so of all before it as well, so that it only moves forward
 * (STOX-RCP-14): false for one that is older than the latest seen.
 */
bool typing_marks(struct bridge *b, const struct jid *remote, const struct jid *local, uint64_t serial);

/* A stanza without text of the XMPP user says this. gone: he is told to have stopped; that the session ends is its own. */
void typing_from_xmpp(struct bridge *b, const struct jid *remote, const struct jid *local, enum map_chat_state state);

/* A text of the XMPP user is on its way to SIP, with this state in it: that he has stopped goes without saying (CS-10). */
void typing_text_from_xmpp(struct bridge *b, const struct jid *remote, const struct jid *local,
                           enum map_chat_state state, struct slice thread);

#endif
