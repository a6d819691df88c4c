/*
 * Digest authentication toward next hops (RFC 3261 22.2, 22.3; RFC 7616; RFC 8760): a request that is answered with 401 or
 * 407 goes once more, with the route's next-hop-user; what was asked is remembered, so that later requests carry the answer
 * at once. SHA-256 is preferred, and MD5 answered only where the route allows it.
 *
 * A password that was refused is not shown again for a while: accounts get locked by that.
 */
#ifndef STOX_BRIDGE_LOGIN_H
#define STOX_BRIDGE_LOGIN_H

#include "base/hash.h"
#include "sip/sip.h"
#include "store/model.h"

struct bridge;

#define LOGIN_PAUSE_MS 30000

struct logins {
    struct hash asked; /* struct login: by route, one for its server (401) and one for a proxy (407) */
};

/* Of one request, however often it goes. Zero at first. */
struct login_state {
    unsigned n_signed; /* how often it carried credentials */
    bool retried[2];   /* for a server, for a proxy */
};

void logins_init(struct logins *t);
void logins_fini(struct logins *t);
void logins_forget(struct logins *t);

/*
 * Adds what the route's next hop has asked for, if it has: header lines, in the arena, and the CSeq and branch of another
 * request (RFC 3261 8.1.3.5), which follow from the first ones. False: no memory.
 */
bool login_sign(struct bridge *b, const struct route *route, struct login_state *s, struct arena *a,
                struct sip_send *request);

/* An answer. True: it is a 401 or 407 that can be answered, and the request is to go again. */
bool login_asked(struct bridge *b, const struct route *route, struct login_state *s, const struct sip_result *result);

#endif
