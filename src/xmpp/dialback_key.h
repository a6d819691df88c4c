/*
 * Keys of Server Dialback (XEP-0220) made so that no state is kept (XEP-0185): any node that knows the secret can verify
 * what another one sent. STOX-S2S-61, 62.
 */
#ifndef STOX_XMPP_DIALBACK_KEY_H
#define STOX_XMPP_DIALBACK_KEY_H

#include "base/slice.h"

#define DIALBACK_KEY_LEN 64 /* lower-case hex digits */

/*
 * What a key vouches for. originating is the domain that wants to send, receiving the one that asks; both exactly as they
 * stand in db:result and db:verify. stream_id is the id the receiving server gave the stream.
 */
struct dialback_pair {
    struct slice receiving;
    struct slice originating;
    struct slice stream_id;
};

/* Writes the key and a NUL. False when a domain holds a space, which separates them in what is signed, or the library of
 * digests fails (memory). */
bool dialback_key(char out[DIALBACK_KEY_LEN + 1], struct slice secret, const struct dialback_pair *pair);

/* Is given the key of this pair? Takes the same time whatever is wrong with it. */
bool dialback_key_ok(struct slice secret, const struct dialback_pair *pair, struct slice given);

#endif
