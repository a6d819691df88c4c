/*
 * The card of a SIP user, as XMPP asks for it (vcard-temp, XEP-0054; vCard 4, XEP-0292), from what is known of him; and the name and
 * the photo's address in the card of an XMPP user, for SIP. Pure functions.
 */
#ifndef STOX_MAP_VCARD_H
#define STOX_MAP_VCARD_H

#include "base/arena.h"
#include "base/buf.h"
#include "xmpp/jid.h"
#include "xmpp/xml.h"

#define MAP_NS_VCARD_TEMP "vcard-temp"
#define MAP_NS_VCARD4 "urn:ietf:params:xml:ns:vcard-4.0"
#define MAP_VCARD_NAME_BYTES 256
#define MAP_VCARD_PHOTO_BYTES 512 /* of its address; a longer one is none */

struct map_vcard {
    struct slice name;       /* display name; empty: the address stands for it */
    struct slice tel;        /* number of RFC 3966, "+1-201-555-0123"; empty: none */
    struct slice photo_type; /* "image/png" */
    struct slice photo;      /* its bytes; empty: none */
};

/* Appends the element <vCard/>, or <vcard/>, of this person. */
void map_put_vcard_temp(struct buf *out, const struct map_vcard *card, const struct jid *person);
void map_put_vcard4(struct buf *out, const struct map_vcard *card, const struct jid *person);

/* The name in a card of either form: that in full, else the nickname; trimmed and cut, in the arena. Empty: none, or no memory. */
struct slice map_vcard_name(struct arena *a, const struct xml *card);

/* The web address of the photo in a card of either form, if it is one of https; in the arena. Empty: none, or no memory. Photos that
 * are in the card itself are none: SIP has no room for them. */
struct slice map_vcard_photo(struct arena *a, const struct xml *card);

#endif
