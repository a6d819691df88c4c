/*
 * How often a message may still be handed on: SIP's Max-Forwards, carried over XMPP as a header of that name (XEP-0131), so that
 * it goes on counting behind another gateway that reads it (STOX-SEC-20, RFC 7247 8). Servers in between leave it alone, as
 * they leave every payload (RFC 6120 8.4); clients overlook it.
 */
#ifndef STOX_MAP_HOPS_H
#define STOX_MAP_HOPS_H

#include "sip/msg.h"
#include "xmpp/xml.h"

#define MAP_HOPS 70 /* where nothing is said (RFC 3261 8.1.1.6) */

/* Puts what is left behind us into the message stanza that ends out. Without memory for it the count begins anew. */
void map_hops_put(struct buf *out, const struct sip_msg *m);

/* How often this stanza may still be handed on. 0: not at all. */
unsigned map_hops_of(struct arena *a, const struct xml *stanza);

#endif
