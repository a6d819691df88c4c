/* Inside src/pki: what its files share. */
#ifndef STOX_PKI_PKI_PRIV_H
#define STOX_PKI_PKI_PRIV_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/buf.h"
#include "base/err.h"

/* Empties OpenSSL's error queue; what it says first, as a clause. */
const char *pki_fault(void);

/* How a certificate is called in a sentence: its first dNSName, else its subject; escaped, cut. */
void pki_label(const X509 *x, char *out, size_t n);
void pki_label_of(const X509_NAME *name, char *out, size_t n);

/* A date as 2026-03-01 (UTC). */
void pki_day(const ASN1_TIME *t, char out[16]);

/* The text of an SRVName or NULL; borrowed. */
const ASN1_IA5STRING *pki_srv_name(const GENERAL_NAME *name);

/* Adds "DNS:a.example", "SRV:_xmpp-server.a.example", a line each with the indent in front. Others are counted. */
void pki_put_names(struct buf *out, const GENERAL_NAMES *names, const char *indent);

/* May so much work be asked for? False: a file that asks for more than this many rounds, or by a method that is not bounded. */
#define PKI_ROUNDS_MAX 10000000
bool pki_rounds_are_bounded(const X509_ALGOR *algorithm);

#endif
