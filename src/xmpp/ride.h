/*
 * Several pairs on one outbound stream (XEP-0220 2.6; STOX-S2S-67, 68). A pair that needs a stream rides on one that was
 * opened for another when that leads to the same server, was proven by dialback, as its own would have to be, and the
 * partner says with <errors/> that it can refuse one pair without ending the stream of all. Where SASL EXTERNAL could prove
 * it, it gets a stream of its own: that is the better proof. A pair that was refused on another's stream is alone from then
 * on: it neither rides nor is ridden with.
 */
#ifndef STOX_XMPP_RIDE_H
#define STOX_XMPP_RIDE_H

#include "xmpp/stream.h"

/* A stream to the pair's remote domain that may be asked to take it, or that will perhaps; NULL: it needs its own. */
struct xmpp_stream *xmpp_ride_find(const struct xmpp_pair *p);
void xmpp_ride_take(struct xmpp_stream *s, struct xmpp_pair *p);

/*
 * s has just been connected: true when a stream of the same partner leads to the very same address and takes all that s
 * was opened for. s has no purpose then.
 */
bool xmpp_ride_elsewhere(struct xmpp_stream *s);

/* Dialback has begun on s: those that wait are asked for now, or go. */
void xmpp_ride_ask(struct xmpp_stream *s);

/* It goes on with another server: what was asked on the connection before counts no more. */
void xmpp_ride_start_over(struct xmpp_stream *s);

/* s is proven by SASL: those that wait go. */
void xmpp_ride_go(struct xmpp_stream *s);

/* The partner says no to one pair. True: it has left, and the stream goes on for others. */
bool xmpp_ride_refused(struct xmpp_stream *s, struct xmpp_pair *p, enum xmpp_fate fate, const char *why);

/* The pair that the stream was opened for; NULL when it has left. */
struct xmpp_pair *xmpp_ride_opener(const struct xmpp_stream *s);

#endif
