/* The counting of stream management (XEP-0198) in both directions, without resumption. No I/O. STOX-S2S-77. */
#ifndef STOX_XMPP_SM_H
#define STOX_XMPP_SM_H

#include <stdbool.h>
#include <stdint.h>

/* Stanzas that we write and the peer counts. All counters are modulo 2^32. */
struct xmpp_sm_out {
    bool on;
    uint32_t sent;
    uint32_t acked;
    bool asked;   /* <r/> is out, <a/> not yet in */
    bool resting; /* the last <a/> told nothing new: the next <r/> waits for a stanza or some time */
};

/* The peer's <a h=''/>. Returns how many stanzas it acknowledges newly; false when it claims more than were sent. */
bool xmpp_sm_out_ack(struct xmpp_sm_out *sm, uint32_t h, uint32_t *n_new);

/* Stanzas that the peer writes. The owner settles them in any order; only the unbroken run from the first one counts. */
#define XMPP_SM_WINDOW 4096

struct xmpp_sm_in {
    uint32_t received;
    uint32_t handled;
    uint32_t asked; /* value of received at the last <r/> */
    bool owing;     /* that <r/> was answered before all it asked for was handled: another <a/> is due then */
    uint64_t done[XMPP_SM_WINDOW / 64]; /* handled out of turn, by number modulo the window */
};

/* Counts one stanza in; *seq is its number for xmpp_sm_in_handled. False: the window is full, the caller read too far. */
bool xmpp_sm_in_received(struct xmpp_sm_in *sm, uint32_t *seq);

/* True when the unbroken run grew. Unknown and repeated numbers change nothing. */
bool xmpp_sm_in_handled(struct xmpp_sm_in *sm, uint32_t seq);

static inline uint32_t xmpp_sm_in_open(const struct xmpp_sm_in *sm)
{
    return sm->received - sm->handled;
}

#endif
