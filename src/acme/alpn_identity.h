/* What a TLS server shows for tls-alpn-01 (RFC 8737 section 3): a certificate of the name, with the hash of the proof in it. */
#ifndef STOX_ACME_ALPN_IDENTITY_H
#define STOX_ACME_ALPN_IDENTITY_H

#include <openssl/ssl.h>

#include "base/err.h"
#include "base/slice.h"

/*
 * For servers that answer who asks for this name by acme-tls/1, and nobody else. text: the key authorization. Its key is new, and
 * wiped when it goes: by acme_alpn_forget, and where the last connection of it ends. NULL with a sentence.
 */
SSL_CTX *acme_alpn_identity(const char *name, struct slice text, struct err *err);
void acme_alpn_forget(SSL_CTX *ctx); /* NULL is fine */

#endif
