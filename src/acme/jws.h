/* What is said to an ACME server is signed by the key of our account there (RFC 7515, as RFC 8555 wants it). From any thread. */
#ifndef STOX_ACME_JWS_H
#define STOX_ACME_JWS_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"

#define ACME_THUMBPRINT 43 /* characters */

struct acme_signer;

/* key: ECDSA P-256, which the signer has a part of. NULL with a sentence. */
struct acme_signer *acme_signer_new(EVP_PKEY *key, struct err *err);
void acme_signer_free(struct acme_signer *s); /* NULL is fine */

struct acme_head {
    const char *url, *nonce;
    const char *account; /* its address; NULL: not known yet, the key itself is told */
};

/* Adds the signed JSON. payload empty: a question that says nothing (POST-as-GET). */
int acme_sign(const struct acme_signer *s, const struct acme_head *head, struct slice payload, struct buf *out,
              struct err *err);

/* The mark of the key, which a challenge is answered with. False: no memory. */
bool acme_thumbprint(const struct acme_signer *s, char out[ACME_THUMBPRINT + 1]);

/*
 * Adds what binds the account to one with the authority outside of ACME (RFC 8555 7.3.4): the account's public key, signed by
 * the secret that the authority gave for it, base64url. url: newAccount.
 */
int acme_bind(const struct acme_signer *s, struct slice id, struct slice secret, const char *url, struct buf *out,
              struct err *err);

/* Adds base64url without padding. */
void acme_put_base64url(struct buf *out, struct slice bytes);

#endif
