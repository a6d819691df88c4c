/*
 * A certificate from an ACME server (RFC 8555), by http-01 or tls-alpn-01 (RFC 8737). Blocks for as long as the authority
 * takes, ten minutes at most: in a thread of its own, never from a loop. The server is asked nothing but what its directory's
 * own host and port are asked, and what it answers is bounded in size, time and number; it leads Stox nowhere else.
 */
#ifndef STOX_ACME_ACME_H
#define STOX_ACME_ACME_H

#include <openssl/evp.h>
#include <stdatomic.h>

#include "acme/answers.h"
#include "base/buf.h"
#include "base/err.h"

/* What proves that a name is ours, while an order is under way. */
struct acme_proof {
    enum acme_kind kind;
    const char *name;  /* a domain */
    const char *token; /* as acme_is_token */
    struct slice text; /* the key authorization */
};

struct acme_wish {
    const char *directory;         /* an https URL */
    const char *contact;           /* an e-mail address; NULL: none is told */
    bool terms_agreed;             /* to the authority's terms of service */
    const char *trust_file;        /* PEM; NULL: the system's authorities */
    struct slice binding_id;       /* of our account with the authority outside of ACME; empty: none */
    struct slice binding_key;      /* its secret, base64url as authorities give it */
    EVP_PKEY *account;             /* ECDSA P-256; the account is the one of this key, and made where there is none */
    EVP_PKEY *key;                 /* of the certificate; another than account */
    const struct pki_names *names; /* SRVNames are left out: no ACME server signs them */
    bool shows[ACME_N_KINDS];      /* the proofs that can be given; the first that is offered too is */
    /* From then until hide the proof can be seen. -1 with a sentence. One at a time. */
    int (*show)(void *owner, const struct acme_proof *proof, struct err *err);
    void (*hide)(void *owner);
    void *owner;
    const atomic_bool *stop; /* set: comes back soon, with a sentence */
};

/* What else is to be known of a failure. */
struct acme_refusal {
    uint64_t retry_after_s; /* the authority wants to be left alone for so long, a day at most; 0: it did not say */
    bool account_lost;      /* it knows the account no more, or has closed it: another key opens another */
    char terms[ACME_URL_MAX +
               1]; /* where the terms of service are that have to be agreed to first; empty: it is not that */
};

/* Adds the chain, PEM, leaf first. -1 with a sentence: what was asked, what the authority said, what to do; *no is filled. */
int acme_obtain(const struct acme_wish *wish, struct buf *chain, struct acme_refusal *no, struct err *err);

#endif
