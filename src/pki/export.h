/* A certificate to be taken elsewhere, with or without its key. Pure. */
#ifndef STOX_PKI_EXPORT_H
#define STOX_PKI_EXPORT_H

#include <openssl/x509.h>

#include "base/buf.h"
#include "base/err.h"

#define PKI_PASSPHRASE_MIN 8

enum pki_form { PKI_PEM, PKI_PKCS12 };

/* In the order of the enum: "pem", "pkcs12"; ended by NULL. */
extern const char *const pki_forms[];

struct pki_export {
    STACK_OF(X509) * chain;     /* leaf first */
    EVP_PKEY *key;              /* NULL: without it */
    struct slice passphrase;    /* what the key is under; at least PKI_PASSPHRASE_MIN characters with a key */
    struct slice friendly_name; /* PKCS#12 */
    enum pki_form form;
};

/* Adds it to out (which pki_wipe frees, when there is a key). -1 with a sentence. */
int pki_export(const struct pki_export *e, struct buf *out, struct err *err);

#endif
