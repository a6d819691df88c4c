/*
 * What passes the bridge, told to those who look: the table of conversations (talk.h), viewers (viewer.h) and tests of
 * messages (trial.h). Whoever is told decides nothing.
 */
#ifndef STOX_BRIDGE_NOTE_H
#define STOX_BRIDGE_NOTE_H

#include "bridge/bridge_private.h"

struct flight;

/* ---- SIP to XMPP ---- */

/* An admitted request, whose stanza of that id was handed over. Returns the conversation's id. */
uint64_t note_sip_in(struct bridge *b, const struct sip_request *request, const struct jid *from, const struct jid *to,
                     struct slice id);

/* A request was refused on the way in. Its conversation; 0: the two people cannot be told, or the source is not believed. */
uint64_t note_sip_refused(struct bridge *b, const struct sip_request *request, unsigned status, const char *reason,
                          const char *why);

/* The SIP stack has refused a message with 404: nobody is served there. For those who look at this moment. */
void note_sip_unserved(struct bridge *b, const struct sip_request *request, const char *reason, const char *why);

/* The final answer to a request that was handed over as the stanza of that id; reason: what its sender reads, NULL: the standard phrase. */
void note_sip_ended(struct bridge *b, uint64_t talk, struct slice id, const struct talk_end *end, const char *reason);

/* An error came for a message that was answered already, or for none. Its conversation. */
uint64_t note_bounced_late(struct bridge *b, const struct xmpp_stanza *stanza);

/* ---- XMPP to SIP ---- */

uint64_t note_xmpp_in(struct bridge *b, const struct xmpp_stanza *stanza, struct slice body);
uint64_t note_xmpp_refused(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition, const char *why);
void note_flight_sent(struct bridge *b, const struct flight *f, const struct route *route);
void note_flight_answered(struct bridge *b, const struct flight *f, const struct sip_result *result);
void note_flight_ended(struct bridge *b, const struct flight *f, const struct talk_end *end);

/* ---- presence ---- */

/*
 * A stanza of presence, in or out; SUBSCRIBE and NOTIFY of these two, out or in, with the state that it says; what Stox makes of it. By
 * one line each in the traces of those who look at this moment: nothing else is told of presence.
 */
void note_presence(struct bridge *b, const struct jid *local, const struct jid *remote, bool out, struct slice type,
                   struct slice resource);
void note_subscription(struct bridge *b, const struct jid *local, const struct jid *remote, bool out,
                       const char *method, const char *state);
void note_watch(struct bridge *b, const struct jid *local, const struct jid *remote, const char *direction,
                const char *from, const char *to);

/* ---- streams ---- */

/* See xmpp_ops.noted. */
void note_stream(struct bridge *b, struct slice local, struct slice remote, bool inbound, const char *step,
                 enum step_result result, struct slice text);

/* May the source speak for this domain of the route? NULL: a test of ours, which may. */
bool note_is_from(const struct route *route, struct slice domain, const struct sip_peer *from);

/* The condition of a stanza of type error, by its constant name. */
const char *note_condition(const struct xml *stanza);

#endif
