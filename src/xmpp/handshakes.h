/*
 * How fast one address may have TLS handshakes with us as the server: each costs a signature and the check of a chain. What
 * comes faster waits for its turn, in order, and neither costs nor hears anything meanwhile; the deadline of its stream goes
 * on, and the limit on unauthenticated streams from one address bounds how many wait.
 */
#ifndef STOX_XMPP_HANDSHAKES_H
#define STOX_XMPP_HANDSHAKES_H

#include "base/hash.h"
#include "net/loop.h"

struct xmpp_handshakes {
    struct loop *loop;
    struct hash sources; /* those with handshakes a moment ago; owned */
    unsigned per_s;      /* for each source; 0: no limit */
    unsigned burst;
};

/* One that may have to wait. Embedded in its object. */
struct xmpp_handshake {
    struct list link; /* of those that wait */
    void (*begin)(struct xmpp_handshake *h);
};

void xmpp_handshakes_init(struct xmpp_handshakes *all, struct loop *loop, unsigned per_s, unsigned burst);
void xmpp_handshakes_fini(struct xmpp_handshakes *all); /* nobody may be waiting */

void xmpp_handshake_init(struct xmpp_handshake *h, void (*begin)(struct xmpp_handshake *h));

/* True: begin now. False: begin() is called from the loop when it is h's turn. source: of the peer, xmpp_source. */
bool xmpp_handshake_ask(struct xmpp_handshakes *all, struct slice source, struct xmpp_handshake *h);

bool xmpp_handshake_waits(const struct xmpp_handshake *h);

/* It waits no longer; harmless when it does not. */
void xmpp_handshake_cancel(struct xmpp_handshake *h);

#endif
