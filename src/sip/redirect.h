/*
 * Where a 300, 301 or 302 sends a request (RFC 3261 8.1.3.4). Only the Request-URI is taken from there: the request goes to the
 * servers of its route all the same, for what a peer names must not choose whom we connect to (net/reach.h); and only to URIs that
 * the owner says this route leads to (sip_ops.leads). Each URI once, SIP_REDIRECTS_MAX in all.
 */
#ifndef STOX_SIP_REDIRECT_H
#define STOX_SIP_REDIRECT_H

#include "sip/sip.h"

#define SIP_REDIRECTS_MAX 5
#define SIP_REDIRECT_URI_MAX 1024

struct sip_redirects; /* of one request; NULL: nothing has sent it anywhere yet */

/*
 * An answer to the request with this URI. True: *next is where it is to go now (borrowed until sip_redirects_free), by the same
 * route; it is another request, with the next CSeq.
 */
bool sip_redirected(struct sip *sip, struct sip_redirects **r, struct slice route, struct slice uri,
                    const struct sip_msg *answer, struct slice *next);
void sip_redirects_free(struct sip_redirects *r); /* NULL is fine */

#endif
