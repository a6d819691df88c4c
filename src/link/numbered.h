/*
 * The numbered frames of one session, as one of its ends sees them: those it has sent stay until the peer has taken them, and those it
 * takes are counted. So each is taken exactly once, whatever becomes of connections. Numbers are never on the wire: both ends count.
 */
#ifndef STOX_LINK_NUMBERED_H
#define STOX_LINK_NUMBERED_H

#include "link/frame.h"

/* Of what is kept. A sender that is full takes no stanzas from its source until it is not; what must be told all the same has room. */
#define LINK_KEPT_FULL ((size_t)4 << 20)
#define LINK_KEPT_MAX (2 * LINK_KEPT_FULL)

struct link_numbered {
    struct buf kept;  /* frames as bytes, in order; those from the front on are taken */
    size_t front;     /* bytes at its beginning that were taken */
    size_t written;   /* bytes of it that this connection has got */
    uint64_t n_sent;  /* in this session */
    uint64_t n_acked; /* of these, taken by the peer */
    uint64_t n_taken; /* of the peer's */
    uint64_t n_told;  /* of these, by ACK */
};

void link_numbered_init(struct link_numbered *n);
void link_numbered_fini(struct link_numbered *n); /* may be used again after init */

/* Sends it, from now on. False: there is no room or no memory, or it is not as the table says; nothing was done. */
bool link_numbered_add(struct link_numbered *n, const struct link_frame *frame);
bool link_numbered_is_full(const struct link_numbered *n);

/* What this connection has still to be given; and that so much of it was. */
struct slice link_numbered_unwritten(const struct link_numbered *n);
void link_numbered_wrote(struct link_numbered *n, size_t bytes);

/* The peer has taken so many in all. False: that cannot be, and the link ends. */
bool link_numbered_acked(struct link_numbered *n, uint64_t taken);

/* The same at the beginning of another connection: the rest goes again on it. False: no session goes on so. */
bool link_numbered_again(struct link_numbered *n, uint64_t taken);

/* One of the peer's was taken. */
static inline void link_numbered_took(struct link_numbered *n)
{
    n->n_taken++;
}

/* An ACK is due: out says it. */
bool link_numbered_owes(struct link_numbered *n, struct link_frame *out);

#endif
