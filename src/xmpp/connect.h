/*
 * From a partner's domain to a TCP connection (RFC 6120 3.2): SRV records in their order, every target and every address,
 * or the domain's own addresses when there are none; or the next hop that the settings name. Each address is judged
 * (xmpp/reach.h), and the one that was judged is the one that is connected to; no name is looked up a second time. TLSA
 * records are asked for where SRV and addresses are secure; a server whose TLSA records cannot be had is passed over
 * (RFC 7673 3.4).
 */
#ifndef STOX_XMPP_CONNECT_H
#define STOX_XMPP_CONNECT_H

#include "xmpp/trace.h"
#include "xmpp/xmpp.h"

struct xmpp_connect;

/* Exactly one is called, from the loop; the object is gone then. */
struct xmpp_connect_ops {
    /*
     * c is the owner's, who sets its callbacks at once (conn_set_owner). dane, to be freed by the owner: the server's name
     * and what DNS says of its certificate (RFC 7673); NULL when DNSSEC does not vouch for the way to it.
     */
    void (*connected)(void *owner, struct conn *c, struct dane *dane);
    /* why: a clause; borrowed until return. */
    void (*failed)(void *owner, enum xmpp_fate fate, const char *why);
};

/* proxy: "host" or "host:port", or empty. trace: what happens is noted there; may be NULL. NULL on memory. */
struct xmpp_connect *xmpp_connect_start(struct xmpp *x, struct slice remote, struct slice proxy,
                                        const struct xmpp_connect_ops *ops, void *owner, struct xmpp_trace *trace);

/* No callback will come. NULL is fine. */
void xmpp_connect_cancel(struct xmpp_connect *c);

#endif
