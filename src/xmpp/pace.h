/*
 * How many set-ups we begin a second (threats B3): when a thousand partners are lost at once, their pairs come back one by
 * one and in random order, whatever is queued for them. Those for stanzas and those for verifications, which a stranger can
 * cause, take turns when both have to wait, so that neither starves the other.
 */
#ifndef STOX_XMPP_PACE_H
#define STOX_XMPP_PACE_H

#include "base/bucket.h"
#include "net/loop.h"

/* In no second more than 50. */
#define XMPP_PACE_PER_S 40
#define XMPP_PACE_BURST 10

enum xmpp_pace_for { XMPP_PACE_STANZAS, XMPP_PACE_VERIFICATION };

/* Embedded in whoever wants to begin. All zero: does not wait. */
struct xmpp_pace_place {
    struct deferred *go;
    enum xmpp_pace_for what;
    size_t at; /* among those that wait, from 1 on; 0: not there */
    bool due;  /* its turn has come and was not used yet */
};

struct xmpp_pace_queue {
    struct xmpp_pace_place **v; /* owned array of borrowed places, in no order */
    size_t n, cap;
};

struct xmpp_pace {
    struct loop *loop;
    struct bucket bucket;
    struct xmpp_pace_queue queues[2]; /* by enum xmpp_pace_for */
    enum xmpp_pace_for last;
    struct timer timer;
};

void xmpp_pace_init(struct xmpp_pace *p, struct loop *loop);
void xmpp_pace_fini(struct xmpp_pace *p); /* nobody may wait any more */

/* True: begin now. False: go is deferred when the turn has come, and asks again. Asking while waiting is harmless. */
bool xmpp_pace_may(struct xmpp_pace *p, struct xmpp_pace_place *place, enum xmpp_pace_for what, struct deferred *go);

/* It does not want to begin any more, or goes away. */
void xmpp_pace_leave(struct xmpp_pace *p, struct xmpp_pace_place *place);

#endif
