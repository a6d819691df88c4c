/*
 * Who is typing, on both sides (catalogue 6): an isComposing document (RFC 3994) is a chat state (XEP-0085) and back. Pure
 * functions; when a state is told at all is for the bridge to say (bridge/typing.h).
 */
#ifndef STOX_MAP_TYPING_H
#define STOX_MAP_TYPING_H

#include "map/content.h"
#include "map/document.h"
#include "xmpp/jid.h"
#include "xmpp/xml.h"

enum map_chat_state {
    MAP_CHAT_NONE, /* the stanza says nothing of it */
    MAP_CHAT_ACTIVE,
    MAP_CHAT_COMPOSING,
    MAP_CHAT_PAUSED,
    MAP_CHAT_INACTIVE,
    MAP_CHAT_GONE,
};

/* What an isComposing document says. */
struct map_composing {
    bool active;        /* false for idle, and for any state that nobody knows (STOX-CS-03) */
    unsigned refresh_s; /* how long active is to be believed; 0: it does not say (RFC 3994 3.3: 120 s) */
};

enum map_document_fault map_composing_read(struct slice text, struct map_composing *out);

/* Appends a document. refresh_s is only said of active; 0: not at all. */
void map_composing_put(struct buf *b, bool active, unsigned refresh_s);

/* Is this element a chat state, or a word of that namespace? */
bool map_chat_state_is(const struct xml *el);

/* The first chat state in a message stanza. */
enum map_chat_state map_chat_state_of(const struct xml *message);

/* XEP-0085 to RFC 3994 (RFC 7573 table 4). False: SIP is told nothing of it (gone, or no state). */
bool map_chat_state_to_composing(enum map_chat_state state, bool *active);

/* RFC 3994 to XEP-0085 (RFC 7573 table 3): composing or active. */
enum map_chat_state map_chat_state_of_composing(bool active);

/* Appends a standalone chat state: type chat, one state, the thread if there is one, no body, not to be stored (STOX-CS-11).
 * Addresses without resources. */
void map_chat_state_put(struct buf *b, const struct jid *from, const struct jid *to, struct slice thread,
                        enum map_chat_state state);

#endif
