/*
 * What passes besides texts: who is typing, and receipts. The gates and rates are those of texts; but nobody waits for any of
 * it, so that what may not pass, or fails, is dropped without a word to anybody but the counters.
 */
#ifndef STOX_BRIDGE_STATUS_H
#define STOX_BRIDGE_STATUS_H

#include "bridge/lane.h"

/* Does this message stanza tell nothing but a status? Then it is never refused, only dropped. */
bool status_is(const struct xmpp_stanza *stanza);

/* What it tells, of a stanza that may pass: of one that is a status, of one whose text is on its way to SIP. */
void status_from_xmpp(struct bridge *b, const struct xmpp_stanza *stanza);
void status_beside_text(struct bridge *b, const struct xmpp_stanza *stanza);

/* MAP_IM_STATUS of a request that may pass. Answers it: 200 says that we have taken it, and no more than that. */
void status_from_sip(struct bridge *b, struct sip_server *txn, const struct jid *local, const struct jid *remote,
                     const struct map_im_stanza *made);

/* Is this error stanza the echo of a status of ours? These have no id, as texts always have. */
bool status_bounced(struct bridge *b, const struct xmpp_stanza *error);

/* Puts a message that nobody waits for on the lane of these two; what it points to is copied. */
void status_to_sip(struct bridge *b, const struct jid *remote, const struct jid *local, enum flight_kind kind,
                   const struct map_im_message *message);

/* May this user of ours reach that one of a partner, now? */
bool status_may_pass(const struct bridge *b, const struct jid *local, const struct jid *remote);

/* The partner that what is remembered for this domain is charged to. */
struct slice status_partner(const struct bridge *b, struct slice domain);

/* On its lane: it was answered, or cannot be sent. */
void status_ended(struct flight *f, struct bridge *b, unsigned status);

#endif
