/* Where the requests of a dialog go: remote target and route set (RFC 3261 12.1, 12.2.1.1, 16.12.1.2). */
#ifndef STOX_SIP_ROUTE_SET_H
#define STOX_SIP_ROUTE_SET_H

#include "base/buf.h"
#include "sip/msg.h"

#define SIP_ROUTES_MAX 64 /* proxies that recorded their route; a message with more makes no dialog */

/* The URI of the one Contact, with scheme sip or sips. False: none, several, or another scheme. */
bool sip_msg_contact(const struct sip_msg *m, struct slice *uri);

/*
 * Appends the route set that m makes, as one list "first, second", in the order of our requests: that of Record-Route in a
 * request, the reverse in a response. False: too many.
 */
bool sip_route_set_put(struct buf *b, const struct sip_msg *m);

/*
 * The Request-URI and the Route line of a request by this route set to this target: loose routers as they are, a strict
 * one in the Request-URI, with the target behind the others. *uri is borrowed from the arguments.
 */
void sip_route_put(struct buf *lines, struct slice routes, struct slice target, struct slice *uri);

/* The same Request-URI alone. */
void sip_route_uri(struct slice routes, struct slice target, struct slice *uri);

/* The URI that decides where the request goes: the first route's, or the target. */
struct slice sip_route_next(struct slice routes, struct slice target);

#endif
