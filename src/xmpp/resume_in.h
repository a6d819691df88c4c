/*
 * Inbound streams that their partner may resume after the connection was lost (XEP-0198 5). What outlives the connection is
 * a small object: the id, which pairs of domains were proven and how, the count, and what is not handled yet.
 *
 * It waits XMPP_RESUME_S at most, is charged to the partner, and the oldest ones make room. It is only given to a stream on
 * which the very same pairs are proven, in a way that is no weaker.
 */
#ifndef STOX_XMPP_RESUME_IN_H
#define STOX_XMPP_RESUME_IN_H

#include "xmpp/repeats.h"
#include "xmpp/stream.h"

#define XMPP_RESUME_S 120
#define XMPP_RESUME_STANZAS_MAX 65536        /* that wait to be repeated, of all */
#define XMPP_RESUME_PARTNER_STANZAS_MAX 8192 /* and of one partner */

#define XMPP_RESUME_ID 32 /* hex digits: 128 bits */

struct xmpp_session {
    struct hash_node by_id;
    struct list link; /* in x->away, in the order in which they were lost */
    struct xmpp *x;
    struct xmpp_stream *stream; /* NULL: away */
    struct xmpp_sm_in *sm;      /* owned while away; else it is the stream's */
    struct xmpp_repeats repeats;
    struct list proven;        /* while away: struct xmpp_proven, owned */
    struct slice partner_name; /* while away: whom it is charged to */
    uint32_t max_s;
    struct timer timer; /* while away */
    char id[XMPP_RESUME_ID + 1];
};

/* <enable/> and <resume/> on an authenticated stream: does what is asked and answers. */
void xmpp_resume_in_enable(struct xmpp_stream *s, const struct xml *el);
void xmpp_resume_in_resume(struct xmpp_stream *s, const struct xml *el);

/* This stanza has got the number seq. True: it is a repeat that is served already. */
bool xmpp_resume_in_is_repeat(struct xmpp_stream *s, uint32_t seq, const struct xml *el);

/* A receipt of a stream that is gone. False: it is of no stream that was resumed, or can be. */
bool xmpp_resume_in_handled(struct xmpp *x, uint64_t receipt);

/* The connection of a stream is gone, and nobody had ended the stream: what can be resumed stays. Before xmpp_stream_end. */
void xmpp_resume_in_lost(struct xmpp_stream *s);

/* The stream is freed, and what was left with it. */
void xmpp_resume_in_freed(struct xmpp_stream *s);

/* A quiet stream. */
void xmpp_resume_in_rest(struct xmpp_stream *s);

/* The settings have changed: what may not be resumed any more goes. */
void xmpp_resume_in_reconsider(struct xmpp *x);

/* All that wait. */
void xmpp_resume_in_drop_all(struct xmpp *x);

#endif
