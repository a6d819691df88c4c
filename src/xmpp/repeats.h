/*
 * What came on a stream that can be resumed and does not count as handled yet, when its connection is lost. Its sender
 * repeats it on the next stream, because only SIP's answer counts; it is known again by a fingerprint, and is not served
 * twice. No I/O. XEP-0198 5.
 *
 * A stanza keeps its receipt for as long as SIP takes. Its number in the count may change hands: the first copy is carried,
 * and the repeat, when it comes, is bound to it.
 */
#ifndef STOX_XMPP_REPEATS_H
#define STOX_XMPP_REPEATS_H

#include "base/hash.h"
#include "base/list.h"
#include "xmpp/sm.h"
#include "xmpp/xml.h"

/* Of one stream and those that resume it. */
struct xmpp_repeats {
    struct hash *by_receipt; /* of all streams: struct xmpp_carried */
    struct list carried;     /* first the unbound ones in their order, then those that are bound, by their numbers */
    unsigned n;              /* of both */
    unsigned
        n_numbered;   /* while away: so many of the first stand, one by one, behind sm->handled in the peer's count */
    unsigned n_left;  /* so many stanzas more may be repeats */
    bool out_of_step; /* the peer has left out one, or put one between: the numbers of the others are not known */
    bool blind;       /* there was no memory for a fingerprint: it cannot be resumed */
    uint64_t *prints; /* of the open stanzas, by number modulo the window; NULL: none is open */
};

struct xmpp_carried {
    struct list link;
    struct hash_node by_receipt;
    struct xmpp_repeats *of;
    uint64_t receipt, print;
    uint32_t seq; /* while bound: the number under which it counts */
    bool bound, done;
};

void xmpp_repeats_init(struct xmpp_repeats *r, struct hash *by_receipt);
void xmpp_repeats_fini(struct xmpp_repeats *r);

/* By which a stanza is known again: kind, addresses, type and id; without an id also by what is in it. */
uint64_t xmpp_repeats_print(const struct hash *keyed, const struct xml *el);

/* A stanza has got this number. True: it is a repeat, and is served already. */
bool xmpp_repeats_is_one(struct xmpp_repeats *r, struct xmpp_sm_in *sm, uint32_t seq, uint64_t print);

/* The connection is lost. serial: of its stream, as in the receipts. False: it cannot be resumed (memory, or too much). */
bool xmpp_repeats_carry(struct xmpp_repeats *r, struct xmpp_sm_in *sm, uint32_t serial);

/* It is resumed: sm counts on behind what was handled meanwhile. */
void xmpp_repeats_go_on(struct xmpp_repeats *r, struct xmpp_sm_in *sm);

struct xmpp_carried *xmpp_repeats_find(const struct hash *by_receipt, uint64_t receipt);

/* It is handled. True: *seq counts as handled now. c may be gone. */
bool xmpp_repeats_handled(struct xmpp_carried *c, uint32_t *seq);

/* Nothing is open: gives back the memory that a quiet stream does not need. */
void xmpp_repeats_rest(struct xmpp_repeats *r);

#endif
