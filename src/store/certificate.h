/*
 * Certificates that the store keeps (struct certificate), and who uses them. A setting that takes a certificate takes a file,
 * which has a slash in its path, or the name of a stored one, which has none.
 */
#ifndef STOX_STORE_CERTIFICATE_H
#define STOX_STORE_CERTIFICATE_H

#include "pki/bundle.h"
#include "pki/vault.h"
#include "store/config.h"

/* Does the value of such a setting (NULL: none) name a stored certificate? */
static inline bool certificate_is_stored(const char *value)
{
    return value && !strchr(value, '/');
}

/* The record of that name; NULL: there is none. Borrowed from c. */
const struct record *certificate_find(const struct config *c, struct slice name);

/* A certificate and its key, opened; freed by certificate_close, the key wiped. */
struct certificate_open {
    STACK_OF(X509) * chain; /* leaf first */
    EVP_PKEY *key;
};

/* -1 with a sentence that begins with the certificate: not there, not imported yet, its key does not open. vault NULL: it cannot. */
int certificate_open(const struct config *c, struct slice name, const struct pki_vault *vault,
                     struct certificate_open *out, struct err *err);
void certificate_close(struct certificate_open *open);

/* Are all that are in use there and imported, without a key file beside them? -1 with a sentence. */
int certificate_check_uses(const struct config *c, struct err *err);

/* Calls fn with each use of a certificate. What it is given is borrowed from c. */
struct certificate_use {
    const char *kind;         /* "sip-domain", "sip", "admin" */
    struct slice name;        /* of the domain */
    struct slice certificate; /* a file or a name */
    const char *key;          /* NULL: none is set */
    bool stored;
};
typedef void certificate_use_fn(void *arg, const struct certificate_use *use);
void certificate_each_use(const struct config *c, certificate_use_fn *fn, void *arg);

#endif
