/* What a certificate says, for people to read and for machines to compare. Pure. */
#ifndef STOX_PKI_FACTS_H
#define STOX_PKI_FACTS_H

#include <openssl/x509.h>

#include "base/pin.h"
#include "base/slice.h"

struct pki_facts {
    char subject[600], issuer[600], key[80]; /* escaped */
    char since[16], until[16];               /* 2026-03-01 */
    int64_t since_s, until_s;
    char sha256[65];    /* of the certificate, hex */
    char pin[PIN_TEXT]; /* of its key */
};

/* False: no memory, or no certificate that could be used. */
bool pki_facts_of(const X509 *x, struct pki_facts *out);

/* Each name it has, as pki/names.h writes them (dNSName, SRVName), escaped. */
void pki_facts_names(const X509 *x, void (*fn)(void *arg, const char *name), void *arg);

#endif
