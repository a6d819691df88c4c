/*
 * MESSAGE requests that are no text: who is typing, and what became of a message (RFC 3994, RFC 5438); and the form of a text
 * that asks what becomes of it. All slices are in the arena.
 */
#ifndef STOX_MAP_STATUS_H
#define STOX_MAP_STATUS_H

#include "map/im.h"

/*
 * Does this message stanza tell nothing but a status: a chat state, or a receipt? What goes with these may be in it (thread,
 * hints, ids, delay, nick); nothing else may, or it would be a message of another kind.
 */
bool map_is_status(const struct xml *message);

/* nonce: random. thread: of the conversation, or empty. refresh_s: see map_composing_put. */
enum map_im map_composing_to_message(struct arena *a, const struct map_conf *conf, const struct jid *from,
                                     const struct jid *to, struct slice thread, uint64_t nonce, bool active,
                                     unsigned refresh_s, struct map_im_message *out);

/*
 * A notification from the one who got a message to the one who wrote it. Of about, ids, date, routes and state are the
 * caller's; the rest is filled in here. It goes by the first route, or else to to (STOX-RCP-08).
 */
enum map_im map_imdn_to_message(struct arena *a, const struct map_conf *conf, const struct jid *from,
                                const struct jid *to, uint64_t nonce, struct map_imdn_about *about,
                                struct map_im_message *out);

/* A text made by map_im_to_message, as CPIM that asks for what its sender asks for. */
struct map_asking {
    struct slice message_id; /* for whom it cannot be guessed, the same for the same text again */
    struct slice headers, body;
};
enum map_im map_im_ask(struct arena *a, const struct map_conf *conf, const struct jid *from, const struct jid *to,
                       uint64_t nonce, const struct map_im_message *text, struct map_asking *out);

#endif
