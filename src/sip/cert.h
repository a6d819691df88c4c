/*
 * Does a certificate speak for a SIP domain, or for a host that an administrator has named? (RFC 5922 7; STOX-SEC-04..07.)
 * Pure, as net/tls.h has found the names. XMPP has other rules (xmpp/cert.h): here no wildcard counts, and no suffix.
 */
#ifndef STOX_SIP_CERT_H
#define STOX_SIP_CERT_H

#include "net/tls.h"

/*
 * A SIP domain, as A-labels: by a URI "sip:domain" without a user; where there is no such URI at all, by a dNSName. Never by
 * the common name (RFC 5922 7.1, 7.2).
 */
bool sip_cert_covers(const struct tls_name *names, size_t n_names, struct slice domain);

/* A host, by its exact name: a dNSName, or a URI "sip:host". What a Lync pool or a next hop shows. */
bool sip_cert_names(const struct tls_name *names, size_t n_names, struct slice host);

#define SIP_CERT_TEXT 512

/* The first of its names, for people to read, unprintable characters escaped: "a.example, b.example"; or that there is none. */
void sip_cert_put_names(const struct tls_name *names, size_t n_names, char *out, size_t size);

/* What a valid certificate says, kept for as long as the connection that showed it. */
struct sip_cert;

/* NULL: there is none (*fault is NULL), it is not valid (*fault, in arena, says why; a clause), or no memory. */
struct sip_cert *sip_cert_of(SSL *ssl, struct arena *arena, const char **fault);
void sip_cert_free(struct sip_cert *c);
const struct tls_name *sip_cert_list(const struct sip_cert *c, size_t *n); /* of NULL: none */

#endif
