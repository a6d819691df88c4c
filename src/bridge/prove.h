/*
 * Digest authentication of requests (RFC 3261 22, RFC 7616, RFC 8760): who has an account, what proves it, and how those are
 * answered who do not prove it. What an account may do is admit.h's question.
 *
 * The realm is the SIP domain of the sender's address. SHA-256 is offered, and MD5 where the route allows it; a nonce is good
 * for the algorithm that it was offered for, so that nobody answers with a weaker one.
 */
#ifndef STOX_BRIDGE_PROVE_H
#define STOX_BRIDGE_PROVE_H

#include "bridge/directory.h"
#include "sip/nonce.h"
#include "sip/sip.h"

struct bridge;

/* What a request has proven. */
struct sip_proof {
    const struct route *route;
    struct jid user; /* without a local part: every user of the route's domains */
    char local[JID_PART_MAX], domain[JID_PART_MAX];
};

/* ops.prove of the stack. The proof is b's, and valid until the next request. */
enum sip_proving prove(struct bridge *b, const struct sip_msg *m, struct sip_peer *from, struct sip_challenge *out);

/* May who has proven this send as that user? */
bool proof_covers(const struct sip_proof *proof, const struct jid *sender);

#endif
