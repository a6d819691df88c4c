/*
 * What an authority sends, or another server has exported: certificates in any order, perhaps with a key, as PEM, DER, PKCS#7
 * (either form) or PKCS#12. Every byte of it is hostile. From any thread.
 */
#ifndef STOX_PKI_BUNDLE_H
#define STOX_PKI_BUNDLE_H

#include <openssl/x509.h>

#include "base/slice.h"
#include "pki/defect.h"

#define PKI_BUNDLE_MAX (256u << 10) /* bytes of a file */
#define PKI_CHAIN_MAX 16            /* certificates in a file */

struct pki_bundle {
    STACK_OF(X509) * chain; /* leaf first, each one followed by its issuer, as far as they are there */
    EVP_PKEY *key;          /* NULL: there was none */
    size_t n_left_out;      /* certificates that belong to no chain of the leaf */
    bool reordered;         /* they came in another order */
};

struct pki_source {
    struct slice bytes;
    struct slice key_bytes;  /* a file of its own for the key; empty: none */
    struct slice passphrase; /* .p NULL: none was given */
    const EVP_PKEY
        *wanted; /* the leaf is the one with this key; NULL: the one with the key that came along, or is no issuer */
};

/*
 * False with a defect: nothing can be made of it. The chain is there all the same if only the key is wrong, for what else can be said
 * of it. out is to be freed in every case.
 */
bool pki_bundle_read(struct pki_bundle *out, const struct pki_source *from, struct pki_defect *defect);
void pki_bundle_fini(struct pki_bundle *b);

/* A chain as it is kept: base64 of each certificate, leaf first, with spaces between. NULL: damaged, or no memory. */
STACK_OF(X509) * pki_chain_read(struct slice text);
bool pki_chain_write(struct buf *out, STACK_OF(X509) * chain);

static inline X509 *pki_chain_leaf(STACK_OF(X509) * chain)
{
    return chain ? sk_X509_value(chain, 0) : NULL;
}

#endif
