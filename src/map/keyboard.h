/*
 * Lync's documents in a session (lync-gateway 7.2): who types, told by INFO with KeyboardActivity; and ms-imdn, that a text which
 * was answered 200 has not arrived after all. Pure functions.
 */
#ifndef STOX_MAP_KEYBOARD_H
#define STOX_MAP_KEYBOARD_H

#include "base/buf.h"
#include "map/document.h"

#define MAP_KEYBOARD_TYPE "application/xml"
#define MAP_MS_IMDN_TYPE "application/ms-imdn+xml"

/* typing: false for "idle", and for any status that nobody knows. */
enum map_document_fault map_keyboard_read(struct slice text, bool *typing);
void map_keyboard_put(struct buf *b, bool typing);

/* message_id: what the 200 to the MESSAGE said in Message-Id. uri: of the one who did not get it. */
void map_ms_imdn_put(struct buf *b, struct slice message_id, struct slice uri, unsigned status);

#endif
