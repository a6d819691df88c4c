/* Server dialback (XEP-0220) in its three roles: initiating, receiving, authoritative. STOX-S2S-60..71. */
#ifndef STOX_XMPP_DIALBACK_H
#define STOX_XMPP_DIALBACK_H

#include "xmpp/stream.h"

/* Receiving: asks the authoritative server of remote whether a key is good. Owned by x->verifies. */
struct xmpp_verify {
    struct list link;
    struct xmpp *x;
    struct xmpp_stream *in;     /* who waits for the answer; NULL: gone */
    struct xmpp_stream *via;    /* where it is asked */
    struct xmpp_proven *proven; /* the pair on in */
    bool sent;
    struct slice local, remote, id, key;
    struct timer timer;
    struct deferred start;
    struct xmpp_pace_place place;
};

/* Inbound streams: <db:result/> and <db:verify/>, requests and (unsolicited) answers. */
void xmpp_dialback_in(struct xmpp_stream *s, const struct xml *el);

/* Initiating: sends the key of one of the stream's pairs; NULL: of its own domains, for a test. */
void xmpp_dialback_ask(struct xmpp_stream *s, struct xmpp_pair *p);

/* Outbound streams: answers to <db:result/> and <db:verify/>. */
void xmpp_dialback_out(struct xmpp_stream *s, const struct xml *el);

/* The stream that was opened for it can be used now. */
void xmpp_verify_send(struct xmpp_verify *v, struct xmpp_stream *via);

/* A stream ends: verifications that it asked for, or carries. why: a stanza error condition for the latter. */
void xmpp_dialback_stream_ended(struct xmpp_stream *s, const char *condition);

void xmpp_verify_free(struct xmpp_verify *v);

#endif
