/*
 * From a partner's domain to TCP connections (RFC 6120 3.2): the servers that its SRV records name, with STARTTLS or direct
 * TLS (xmpp/servers.h), each with all its addresses (net/race.h), or the domain's own addresses when there are none; or the
 * next hop that the settings name, or the host that the partner's server sent us to. Each address is judged (xmpp/reach.h),
 * and the one that was judged is the one that is connected to; no name is looked up a second time. TLSA records are asked
 * for where SRV and addresses are secure; a server whose TLSA records cannot be had is passed over (RFC 7673 3.4).
 */
#ifndef STOX_XMPP_CONNECT_H
#define STOX_XMPP_CONNECT_H

#include "xmpp/redirect.h"
#include "xmpp/trace.h"
#include "xmpp/xmpp.h"

#define XMPP_CONNECT_TRIES_MAX 64 /* addresses in all: nobody's DNS makes us knock at more doors */

struct xmpp_connect;

/* From the loop. */
struct xmpp_connect_ops {
    /*
     * c is the owner's, who sets its callbacks at once (conn_set_owner). dane, to be freed by the owner: the server's name
     * and what DNS says of its certificate (RFC 7673); NULL when DNSSEC does not vouch for the way to it. direct: TLS comes
     * before the first byte. The set-up rests; it may be cancelled in here.
     */
    void (*connected)(void *owner, struct conn *c, struct dane *dane, bool direct);
    /* No server is left; the object is gone then. why: a clause; borrowed until return. */
    void (*failed)(void *owner, enum xmpp_fate fate, const char *why);
};

struct xmpp_connect_to {
    struct slice remote;
    struct slice proxy;                /* "host" or "host:port", or empty */
    const struct xmpp_redirect *other; /* NULL: none. Comes before SRV, not before the proxy */
};

/* trace may be NULL, and has to live as long as the object. NULL on memory. */
struct xmpp_connect *xmpp_connect_start(struct xmpp *x, const struct xmpp_connect_to *to,
                                        const struct xmpp_connect_ops *ops, void *owner, struct xmpp_trace *trace);

/* The connection was no way to the partner: the next address or server. One of ops follows. */
void xmpp_connect_next(struct xmpp_connect *c);

/* Is there perhaps one? */
bool xmpp_connect_has_more(const struct xmpp_connect *c);

/* No callback will come. NULL is fine. */
void xmpp_connect_cancel(struct xmpp_connect *c);

#endif
