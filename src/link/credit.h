/*
 * How much of one partner may be on its way between the ends of a link: an account of what is out. A stanza may go when both its
 * number and its bytes are within the bounds, or when nothing is out: so that one as long as all that may be goes, too.
 */
#ifndef STOX_LINK_CREDIT_H
#define STOX_LINK_CREDIT_H

#include <stdbool.h>
#include <stddef.h>

/* Toward the gateway: what the bridge has not taken. Less than a lane of the bridge holds beyond its pause. */
#define LINK_IN_STANZAS 64
#define LINK_IN_BYTES ((size_t)512 * 1024)
/* Toward a proxy: what has no fate. */
#define LINK_OUT_STANZAS 1024
#define LINK_OUT_BYTES ((size_t)1 << 20)

struct link_credit {
    size_t stanzas_max, bytes_max;
    size_t stanzas, bytes; /* out */
};

static inline struct link_credit link_credit_in(void)
{
    return (struct link_credit){ LINK_IN_STANZAS, LINK_IN_BYTES, 0, 0 };
}

static inline struct link_credit link_credit_out(void)
{
    return (struct link_credit){ LINK_OUT_STANZAS, LINK_OUT_BYTES, 0, 0 };
}

static inline bool link_credit_has(const struct link_credit *c, size_t bytes)
{
    return c->stanzas == 0 ||
           (c->stanzas < c->stanzas_max && bytes <= c->bytes_max && c->bytes <= c->bytes_max - bytes);
}

/* One goes. Both ends count: at the sender false means that it has to wait, at the receiver that its peer did not. */
static inline bool link_credit_take(struct link_credit *c, size_t bytes)
{
    if (!link_credit_has(c, bytes))
        return false;
    c->stanzas++;
    c->bytes += bytes;
    return true;
}

/* So many are not out any more. False: that were not so many, and the link ends. */
static inline bool link_credit_give(struct link_credit *c, size_t stanzas, size_t bytes)
{
    if (stanzas > c->stanzas || bytes > c->bytes || (stanzas == c->stanzas && bytes != c->bytes))
        return false;
    c->stanzas -= stanzas;
    c->bytes -= bytes;
    return true;
}

#endif
