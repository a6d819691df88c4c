/* Counts things by a key, for limits: streams of one partner, unauthenticated streams from one address. */
#ifndef STOX_XMPP_TALLY_H
#define STOX_XMPP_TALLY_H

#include "base/hash.h"

struct xmpp_tally {
    struct hash h;
};

void xmpp_tally_init(struct xmpp_tally *t);
void xmpp_tally_fini(struct xmpp_tally *t);

/* One more, unless there are max already or memory is out; then false. */
bool xmpp_tally_take(struct xmpp_tally *t, struct slice key, unsigned max);

/* One less; the key must have been taken. */
void xmpp_tally_give(struct xmpp_tally *t, struct slice key);
unsigned xmpp_tally_count(const struct xmpp_tally *t, struct slice key);

#endif
