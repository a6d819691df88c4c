/*
 * Streams of ours that we resume after the connection was lost, with partners that offer it (XEP-0198 5). Meanwhile the pair
 * keeps its window: what the partner has not handled goes again by the same numbers, behind what it says it has.
 *
 * The new stream is set up as any other. It may resume only by a proof that is no weaker than that of the lost one; else,
 * and when the partner does not know the id any more, the pair goes on as without resumption.
 */
#ifndef STOX_XMPP_RESUME_OUT_H
#define STOX_XMPP_RESUME_OUT_H

#include "xmpp/stream.h"

#define XMPP_RESUME_ID_MAX 4000   /* bytes; what XEP-0198 5 would not have longer */
#define XMPP_RESUME_IN_VAIN_MAX 8 /* in a row, and nothing was acknowledged */

/* Owned by the stream while that is connected, then by its pair. */
struct xmpp_resume {
    struct slice id;
    struct slice instead; /* a stanza of no consequence, that keeps the place of a withdrawn one */
    struct xmpp_sm_out sm;
    uint32_t n_ignored; /* stanzas that the partner wrote */
    enum xmpp_method method;
    unsigned n_in_vain;
    uint32_t acked_before; /* when it was resumed last */
};

void xmpp_resume_free(struct xmpp_resume *r); /* NULL is fine */

/* <enable/>, and the partner's <enabled/>. */
void xmpp_resume_out_enable(struct xmpp_stream *s);
void xmpp_resume_out_enabled(struct xmpp_stream *s, const struct xml *el);

/* The connection of a stream is gone, and nobody had ended the stream: its pair may resume it. Before xmpp_stream_end. */
void xmpp_resume_out_lost(struct xmpp_stream *s);

/* It is proven: <resume/> if its pair waits for that. False: it was not sent, and what waited is queued again. */
bool xmpp_resume_out_ask(struct xmpp_stream *s);

enum xmpp_resume_result {
    XMPP_RESUME_NO_ANSWER, /* it is something else; or the stream has ended */
    XMPP_RESUME_RESUMED,   /* the window was settled as far as the partner has it, and the count goes on */
    XMPP_RESUME_FAILED,    /* what it did not have is queued again */
};
enum xmpp_resume_result xmpp_resume_out_answer(struct xmpp_stream *s, const struct xml *el);

#endif
