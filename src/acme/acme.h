/*
 * A certificate from an ACME server (RFC 8555), by http-01. Blocks for as long as the authority takes, minutes at most: in a
 * thread of its own, never from a loop.
 */
#ifndef STOX_ACME_ACME_H
#define STOX_ACME_ACME_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/err.h"
#include "pki/names.h"

struct acme_wish {
    const char *directory;         /* an https URL */
    const char *contact;           /* an e-mail address; NULL: none is told */
    bool terms_agreed;             /* to the authority's terms of service */
    const char *trust_file;        /* PEM; NULL: the system's authorities */
    EVP_PKEY *account;             /* ECDSA P-256; the account is the one of this key, and made where there is none */
    EVP_PKEY *key;                 /* of the certificate; another than account */
    const struct pki_names *names; /* SRVNames are left out: no ACME server signs them */
    /* While it is shown, http://NAME/.well-known/acme-challenge/TOKEN answers with the text. -1 with a sentence. */
    int (*show)(void *owner, const char *token, struct slice text, struct err *err);
    void (*hide)(void *owner, const char *token);
    void *owner;
    const atomic_bool *stop; /* set: comes back soon, with a sentence */
};

/* Adds the chain, PEM, leaf first. -1 with a sentence: what was asked, what the authority said, what to do. */
int acme_obtain(const struct acme_wish *wish, struct buf *chain, struct err *err);

#endif
