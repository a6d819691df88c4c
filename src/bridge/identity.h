/* Whom a request is from: From, or what a trusted SIP system asserts (RFC 3325). Said, not proven: see admit.h. */
#ifndef STOX_BRIDGE_IDENTITY_H
#define STOX_BRIDGE_IDENTITY_H

#include "bridge/directory.h"
#include "map/address.h"
#include "sip/sip.h"

struct bridge;

struct identity {
    struct jid jid;
    const struct route *route; /* of the domain; NULL: it is not one of ours */
    struct slice domain;       /* as SIP writes it: A-labels */
    struct slice display;      /* his name, as SIP writes it between quotes; may be empty */
    bool hidden;               /* asserted, and not to be shown to anybody else: Privacy has "id" (RFC 3325 9.3) */
};

/*
 * False: there is no such address. P-Asserted-Identity counts when the source may speak for the asserted address's domain,
 * or for From's, and that domain's route has trust-identity; otherwise it is as if it were not there. All in the arena.
 */
bool identity_of(const struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                 struct identity *out);

/* Puts the sender of a request of ours before its header lines: for SIP systems inside of our trust domain only (9.1). from: his
 * From, without a display name. False: no memory. */
bool identity_assert(struct arena *a, struct slice from, struct slice *headers);

#endif
