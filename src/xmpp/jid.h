/* XMPP addresses (RFC 7622): localpart by PRECIS UsernameCaseMapped, domainpart by IDNA2008, resourcepart by OpaqueString. */
#ifndef STOX_XMPP_JID_H
#define STOX_XMPP_JID_H

#include "base/arena.h"
#include "base/buf.h"

#define JID_PART_MAX 1023

struct jid {
    struct slice local;    /* empty: none */
    struct slice domain;   /* U-labels, lower case, no trailing dot; never empty */
    struct slice resource; /* empty: none */
};

/* Splits and prepares. False: malformed (jid-malformed). The parts are in the arena. ASCII that is already in normal form
 * takes a short way. */
bool jid_parse(struct arena *a, struct slice text, struct jid *out);

/* Prepare one part into the arena; false when it is not allowed (empty and over 1023 bytes too). */
bool jid_prep_local(struct arena *a, struct slice in, struct slice *out);
bool jid_prep_domain(struct arena *a, struct slice in, struct slice *out); /* A-labels become U-labels */
bool jid_prep_resource(struct arena *a, struct slice in, struct slice *out);

/* The domain in A-labels, as DNS, SIP and certificates write it. */
bool jid_domain_to_ascii(struct arena *a, struct slice domain, struct slice *out);

void jid_put(struct buf *b, const struct jid *j);
void jid_put_bare(struct buf *b, const struct jid *j);
bool jid_eq(const struct jid *a, const struct jid *b);
bool jid_bare_eq(const struct jid *a, const struct jid *b);

#endif
