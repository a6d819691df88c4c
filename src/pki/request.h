/* Requests to an authority (PKCS#10, RFC 2986). From any thread. */
#ifndef STOX_PKI_REQUEST_H
#define STOX_PKI_REQUEST_H

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/err.h"
#include "pki/names.h"

#define PKI_REQUEST_MAX 32768 /* bytes of DER */

/* What a template was: the purposes that are asked for. */
enum pki_profile { PKI_SERVER, PKI_SERVER_CLIENT };

/* In the order of the enum: "server", "server+client"; ended by NULL. */
extern const char *const pki_profiles[];

/* UTF-8 without control characters; empty ones are left out. */
struct pki_subject {
    struct slice common_name, organization, unit, country, state, locality;
};

/* -1 with a sentence: too long for what RFC 5280 allows, a country that is not two letters, no UTF-8. */
int pki_subject_check(const struct pki_subject *s, struct err *err);

struct pki_request {
    struct pki_subject subject; /* without common_name, the first dNSName takes its place, when it fits */
    enum pki_profile profile;
    const struct pki_names *names; /* at least one */
    bool bare; /* ACME: names only, no purposes and no SRVName (an authority that checks by DNS refuses the rest) */
};

/* Adds the DER of a request that is signed by key. -1 with a sentence. */
int pki_request_make(const struct pki_request *r, EVP_PKEY *key, struct buf *der, struct err *err);

/* How it reads, for people: subject, key, names, purposes, a line each. False: it is none. */
bool pki_request_describe(struct buf *out, struct slice der);

/* Is it a request for this key? */
bool pki_request_is_of(struct slice der, const EVP_PKEY *key);

/* Adds a PEM block: "CERTIFICATE REQUEST", "CERTIFICATE" ... */
void pki_put_pem(struct buf *out, const char *label, struct slice der);

#endif
