/* Inside bundle*.c: what was found in a file, before it is brought into order. */
#ifndef STOX_PKI_BUNDLE_PARTS_H
#define STOX_PKI_BUNDLE_PARTS_H

#include <openssl/pkcs12.h>

#include "pki/bundle.h"

struct pki_heap {
    STACK_OF(X509) * certs; /* each once, as they came */
    EVP_PKEY *key;          /* NULL: none */
    struct slice passphrase;
    bool asked;       /* there was something under a passphrase */
    bool has_request; /* there was a request to an authority */
};

/* Adds what one file holds. False with a defect. */
bool pki_heap_read(struct pki_heap *heap, struct slice bytes, struct pki_defect *defect);
void pki_heap_fini(struct pki_heap *heap);

/* Takes x over. False with a defect: too many, no memory. One that is there already is dropped. */
bool pki_heap_add(struct pki_heap *heap, X509 *x, struct pki_defect *defect);

/* Takes key over. Of several the first counts. */
void pki_heap_key(struct pki_heap *heap, EVP_PKEY *key);

/* PKCS#12, in bundle_pfx.c. */
bool pki_heap_pfx(struct pki_heap *heap, PKCS12 *pfx, struct pki_defect *defect);

#endif
