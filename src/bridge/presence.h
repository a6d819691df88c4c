/*
 * Presence between both sides: what comes in is given to the machine of its direction, watch_s2x.h (a user of ours watches a
 * partner's) or watch_x2s.h (the other way round). Catalogue 8; RFC 8048.
 *
 * The gates of messages hold here too (gate.h, admit.h). A question that may not pass is answered so; a statement that may not
 * pass, or that nobody has asked for, is dropped without a word (STOX-PRS-57, 92, 97).
 */
#ifndef STOX_BRIDGE_PRESENCE_H
#define STOX_BRIDGE_PRESENCE_H

#include "bridge/directory.h"
#include "sip/subscription.h"

struct bridge;
struct gate_refusal;

/* A presence stanza from a partner, to be given to federation_handled by who takes it, now or later. */
void presence_stanza(struct bridge *b, const struct xmpp_stanza *stanza);

/* For sip_ops.events; owner is the bridge. */
extern const struct sip_event_ops presence_ops;

void presence_init(struct bridge *b);
void presence_fini(struct bridge *b); /* without a word to anybody */

/* On the loop, when contacts are there and something listens. */
void presence_start(struct bridge *b);

/* Settings have changed. */
void presence_reconsider(struct bridge *b);

/* The orderly end: about n of those who watch are told. True: all have been. */
bool presence_stop(struct bridge *b, size_t n);
void presence_resume(struct bridge *b); /* it goes on after all: as after a start */

/* The fate of a stanza of ours. False: the token is none of presence. */
bool presence_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why);

/* A stream with a partner's domain is up; one broke. */
void presence_link(struct bridge *b, struct slice remote, bool up);

/* Our user has written to him: where the route says so, that adds him (contact.h). */
void presence_wrote(struct bridge *b, const struct jid *local, const struct jid *remote);

/*
 * May presence pass between these two now: the organisation, the policy of our user, the partner, the block list, and the settings
 * `presence` of route and partner? The route to our user, or NULL with no filled in. Whose word it needs is not asked here.
 */
const struct route *presence_route(const struct bridge *b, const struct jid *local, const struct jid *remote,
                                   struct gate_refusal *no);

/* May the partner's user ask ours to let him watch, by the type of his partner (docs/PRESENCE.md)? False: no is filled in. */
bool presence_may_ask(const struct bridge *b, const struct jid *local, const struct jid *remote,
                      struct gate_refusal *no);

/* Has our user added him? Looked up for partners whose type asks for it (gate_asks_added); false for all others. */
bool presence_added(const struct bridge *b, const struct jid *local, const struct jid *remote);

/* Sends <presence type='...'/> from our user's to the other's bare address, or to a full one. token as in federation_send. False:
 * *fate says why not. */
bool presence_send(struct bridge *b, const struct jid *local, const struct jid *remote, const char *type,
                   struct slice id, uint64_t token, enum xmpp_fate *fate);

#endif
