/*
 * The proxy's end of links, and all that a proxy is: it owns federation (the streams), answers its questions from what gateways
 * have told, and carries stanzas and fates between the two. It decides nothing.
 *
 * Each gateway has a session. A pair of domains belongs to the oldest session whose settings have both.
 */
#ifndef STOX_LINK_PROXY_H
#define STOX_LINK_PROXY_H

#include "link/line.h"

#define LINK_GATEWAYS_MAX 16 /* sessions at a time */
#define LINK_LINES_MAX 32    /* connections, those that have not shown a pinned key with them */

struct link_proxy;

/* Everything is borrowed, and outlives the proxy. */
struct link_proxy_conf {
    struct loop *loop;
    struct tls *tls; /* with LINK_CERTIFICATE; gets the gateways' certificates */
    const struct federation_maker *federation;
    struct slice name;         /* of this host */
    const struct addr *listen; /* for gateways */
    size_t n_listen;
    const struct slice *pins; /* of gateways' keys */
    size_t n_pins;
};

struct link_proxy *link_proxy_new(const struct link_proxy_conf *conf, struct err *err);

/* Opens all listeners. */
int link_proxy_start(struct link_proxy *p, struct err *err);

/* Streams are told system-shutdown, gateways that we end; done when all of that is over. */
void link_proxy_stop(struct link_proxy *p, void (*done)(void *arg), void *arg);
void link_proxy_free(struct link_proxy *p); /* NULL is fine */

/* Where gateways are listened for; NULL: there is no such listener. */
const struct addr *link_proxy_local(const struct link_proxy *p, size_t i);

#endif
