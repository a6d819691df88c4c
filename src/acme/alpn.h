/*
 * What an ACME server asks for to see that a name is ours (tls-alpn-01, RFC 8737): a TLS handshake on port 443, by acme-tls/1, while
 * an order is under way. Who asks for another name, or by another protocol, is refused in the handshake. It has a thread of its own.
 */
#ifndef STOX_ACME_ALPN_H
#define STOX_ACME_ALPN_H

#include "base/err.h"
#include "base/slice.h"
#include "net/addr.h"

struct acme_alpn;

/* Listens on all of them. NULL with a sentence. */
struct acme_alpn *acme_alpn_open(const struct addr *addrs, size_t n, struct err *err);
void acme_alpn_close(struct acme_alpn *a); /* NULL is fine */

/* From any thread; one name at a time. text: the key authorization. -1 with a sentence. */
int acme_alpn_show(struct acme_alpn *a, const char *name, struct slice text, struct err *err);
void acme_alpn_hide(struct acme_alpn *a);

#endif
