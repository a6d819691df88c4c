/*
 * How a gateway hears what a proxy says that partners have said. It believes that the pair of domains is proven, and nothing else: every
 * stanza is read anew, and is taken only if it is exactly one, its sender's domain is a partner's and none of ours, its recipient's is
 * ours, and both are the frame's pair.
 */
#ifndef STOX_LINK_EAR_H
#define STOX_LINK_EAR_H

#include "link/frames.h"

struct link_ear;

/* ops.partner, serves and stanza are asked and told. NULL on memory. */
struct link_ear *link_ear_new(const struct xmpp_ops *ops, void *owner);
void link_ear_free(struct link_ear *ear); /* NULL is fine */

enum link_heard {
    LINK_TAKEN, /* ops.stanza was told */
    LINK_NOT_OURS, /* settings have no such pair of domains now; a moment ago it may have been right. Not handled: its stream
                       ends by the same settings, and the partner's server has it back */
    LINK_A_LIE,     /* no proxy sends this: the link ends. The ear is of no use any more */
    LINK_NO_MEMORY, /* likewise */
};

/* why: a clause, for all but TAKEN. */
enum link_heard link_ear_hear(struct link_ear *ear, const struct link_stanza_frame *frame, const char **why);

#endif
