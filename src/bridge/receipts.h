/*
 * Which receipt belongs to which message (catalogue 7; RFC 5438, XEP-0184, XEP-0333). A message whose sender wants to be told
 * what became of it leaves an entry, under a fingerprint of its id and of both people: only the one it went to finds it again
 * (STOX-RCP-11). Each disposition is told once (RCP-09), and only what somebody has said: nothing is made up (RCP-15), unless a
 * route's receipt-on-200 says so (RCP-06).
 *
 * Lost entries, dropped receipts: the message is not touched by it, and its sender knows no less than without receipts.
 */
#ifndef STOX_BRIDGE_RECEIPTS_H
#define STOX_BRIDGE_RECEIPTS_H

#include "bridge/lane.h"
#include "bridge/shares.h"

#define RECEIPTS_MAX 100000                   /* messages; beyond them the oldest of a partner goes (STOX-RCP-17) */
#define RECEIPTS_BYTES_MAX ((size_t)32 << 20) /* likewise */

/* Do receipts pass between this SIP user and XMPP (route setting imdn)? */
bool receipts_pass(const struct bridge *b, const struct jid *local);

/* ---- a text of XMPP that goes to SIP ---- */

/*
 * If its sender wants receipts, and the way to its recipient has them: makes the form that asks for them, in f, and remembers
 * it. type: of the stanza; nonce: what the request's ids derive from. Without memory it goes without.
 */
void receipts_ask(struct bridge *b, struct flight *f, struct slice type, uint64_t nonce);

/* It goes without, or not at all: what was remembered of it is forgotten. Harmless when nothing was. */
void receipts_withdraw(struct bridge *b, struct flight *f);

/* SIP has accepted it, with this status. */
void receipts_on_answer(struct bridge *b, const struct flight *f, unsigned status);

/* A notification of the SIP user local. */
void receipts_from_sip(struct bridge *b, const struct jid *local, const struct jid *remote,
                       const struct map_imdn *imdn);

/* ---- a text of SIP that goes to XMPP ---- */

/* Remembers what its sender wants to be told. id: of the stanza. Returns what receipts_forget takes; 0: nothing. */
uint64_t receipts_expect(struct bridge *b, const struct jid *local, const struct jid *remote, struct slice id,
                         const struct map_imdn_ask *ask);

/* Its final response says that it was not delivered: no notification says so again (STOX-RCP-09). */
void receipts_forget(struct bridge *b, uint64_t receipt);

/* A receipt of the XMPP user remote. */
void receipts_from_xmpp(struct bridge *b, const struct jid *remote, const struct jid *local,
                        const struct map_receipt *receipt);

/* It came back after its final response (STOX-RCP-10). True: its sender had asked for that, and is told. */
bool receipts_bounced(struct bridge *b, const struct xmpp_stanza *error);

#endif
