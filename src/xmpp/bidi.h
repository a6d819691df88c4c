/*
 * One stream for both directions (XEP-0288; STOX-S2S-75): the partner's server writes on the stream that we opened, or we on
 * the one that it opened, so that one TCP connection suffices.
 *
 * It is negotiated only inside TLS, by the partner's setting, and where the partner's certificate proves its domain to us:
 * whoever opened the stream, our stanzas go to the very server that a stream of ours would have to find there, and its
 * stanzas come from one that an inbound stream would have had to prove. Dialback may then be the word that is exchanged, but
 * never the only proof. Stanzas go, and are taken, for the pairs of domains alone that were proven on the stream.
 *
 * Such a stream is not resumed (XEP-0198 5): what is not acknowledged when it breaks goes again on the next one.
 */
#ifndef STOX_XMPP_BIDI_H
#define STOX_XMPP_BIDI_H

#include "xmpp/stream.h"

#define NS_BIDI "urn:xmpp:bidi"
#define NS_BIDI_FEATURE "urn:xmpp:features:bidi"

/* So long ours wait for the partner to enable stream management, which confirms better than pings do. */
#define XMPP_BIDI_SETTLE_MS 500

/* ---- inbound ---- */

/* May the features that are sent now offer it? */
bool xmpp_bidi_may_offer(const struct xmpp_stream *s);

/* <bidi/> has come, perhaps with limits. False: not now, or not twice; nothing was done. */
bool xmpp_bidi_accept(struct xmpp_stream *s, const struct xml *bidi);

/* It is ready, or one pair more is proven: those that have something to send, and no stream that stands, come here. */
void xmpp_bidi_ready(struct xmpp_stream *s);

/* A stream of the partner's that carries the pair too; NULL: there is none. */
struct xmpp_stream *xmpp_bidi_find(const struct xmpp_pair *p);
void xmpp_bidi_take(struct xmpp_stream *s, struct xmpp_pair *p); /* now, or when the stream has settled */

/* Some of its proofs were revoked: our side of these pairs leaves. */
void xmpp_bidi_leave_revoked(struct xmpp_stream *s);

/* ---- outbound ---- */

/* Before we prove ourselves: asks for it, if the partner's server offers it and it may be. */
void xmpp_bidi_ask(struct xmpp_stream *s, const struct xml *features);

/* The language of what may come in. False: no memory. */
bool xmpp_bidi_keep_lang(struct xmpp_stream *s, const struct xml *root);

/* Does the certificate that the stream was secured by prove this domain of the partner's, too? */
bool xmpp_bidi_certifies(const struct xmpp_stream *s, struct slice remote);

/* The partner believes us: on a stream for both directions its stanzas of this pair count from now on. False: no memory. */
bool xmpp_bidi_prove(struct xmpp_stream *s, struct slice local, struct slice remote, enum xmpp_method method);

/* An element in jabber:server on such a stream. */
void xmpp_bidi_element(struct xmpp_stream *s, struct xml *el);

/* The stream may carry stanzas. False: no memory, and the stream was ended. */
bool xmpp_bidi_begin(struct xmpp_stream *s, bool sm);

/* The set-up goes on with another server. */
void xmpp_bidi_start_over(struct xmpp_stream *s);

/* ---- both ---- */

/* Settings have changed: do they still want it? */
bool xmpp_bidi_is_wanted(const struct xmpp_stream *s);

#endif
