/*
 * Addresses in both directions (catalogue 2.2; RFC 7247 6, RFC 7622, XEP-0106, RFC 5627). Pure functions.
 */
#ifndef STOX_MAP_ADDRESS_H
#define STOX_MAP_ADDRESS_H

#include "base/arena.h"
#include "sip/uri.h"
#include "xmpp/jid.h"

/* A domain that has one name on SIP and another on XMPP (STOX-ADDR-29). Both in prepared form: lower case, U-labels. */
struct map_alias {
    struct slice sip, xmpp;
};

struct map_aliases {
    const struct map_alias *v; /* borrowed */
    size_t n;
};

/* Why an address has no counterpart. */
enum map_address_fault {
    MAP_ADDRESS_OK,
    MAP_ADDRESS_SCHEME,    /* 416: not sip, im or pres */
    MAP_ADDRESS_SIPS,      /* 403: sips is not carried into XMPP (STOX-SEC-02) */
    MAP_ADDRESS_MALFORMED, /* 404 toward SIP, jid-malformed toward XMPP: cannot be written on the other side */
    MAP_ADDRESS_NO_MEMORY,
};

/* S2X. The resource comes from gr (a public GRUU, given by sip_gruu, may be empty); a gr that cannot be one is left out. */
enum map_address_fault map_uri_to_jid(struct arena *a, const struct sip_uri *uri, struct slice gr,
                                      const struct map_aliases *aliases, struct jid *out);

/* The same for an address as a person types it: "sip:" may be missing, white space be around. */
enum map_address_fault map_text_to_jid(struct arena *a, struct slice text, const struct map_aliases *aliases,
                                       struct jid *out);

/* X2S. Appends "sip:user@host" with A-labels; with_gr adds ";gr=" for the resource (inside the angle brackets, which the
 * caller writes). False: cannot be written (MAP_ADDRESS_MALFORMED). */
bool map_jid_to_uri(struct buf *b, const struct jid *jid, bool with_gr, const struct map_aliases *aliases);

/* XEP-0106 on one localpart. Escape appends; false when the result would begin or end with \20. */
bool map_escape_local(struct buf *b, struct slice text);
void map_unescape_local(struct buf *b, struct slice local);

#endif
