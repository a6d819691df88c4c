/*
 * What one resolver has said, kept whole, and what came of connecting to where it led: all that a verdict about DNS is made of. Tests
 * write it by hand.
 */
#ifndef STOX_DEPLOY_HEARD_H
#define STOX_DEPLOY_HEARD_H

#include "base/arena.h"
#include "base/list.h"
#include "net/dns.h"

enum heard_type { HEARD_SRV, HEARD_ADDRS, HEARD_TLSA, HEARD_CAA };

struct heard {
    struct list link;
    enum heard_type type;
    const char *name; /* that was asked for; of TLSA the host's */
    uint16_t port;    /* of TLSA; else 0 */
    enum { HEARD_WAITS, HEARD_ASKED, HEARD_ANSWERED } state;
    struct dns_answer answer; /* once answered; what it points to is the book's */
};

/* A connection that was tried. */
struct reached {
    struct list link;
    struct addr to;
    bool open;
    bool refused;    /* somebody there has said no; else nothing came back */
    const char *why; /* when it is not open */
};

struct book {
    struct arena *arena;  /* borrowed */
    const char *resolver; /* as administrators call it */
    bool validates;       /* there is a trust anchor: insecure means unsigned */
    const char *nonce;    /* a label that nobody has published: what answers for it answers for everything */
    struct list heard;    /* struct heard.link */
    struct list reached;  /* struct reached.link */
    bool short_of_memory;
};

void book_init(struct book *b, struct arena *arena, const char *resolver, const char *nonce);

/* The entry of a question; made when there is none. NULL on memory. */
struct heard *book_want(struct book *b, enum heard_type type, const char *name, uint16_t port);

/* Its answer, copied. */
void book_answer(struct book *b, struct heard *h, const struct dns_answer *answer);
void book_reached(struct book *b, const struct addr *to, bool open, bool refused, const char *why);

/* What was said; a question that was not asked, or not answered, has failed. Never NULL. */
const struct dns_answer *book_find(const struct book *b, enum heard_type type, const char *name, uint16_t port);
const struct reached *book_find_reached(const struct book *b, const struct addr *to); /* NULL: not tried */

/* Has it answered anything at all? */
bool book_is_silent(const struct book *b);

#endif
