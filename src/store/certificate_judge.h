/*
 * The one judgement of the certificates that are assigned: each opened, wherever it is, and held against what it is for. Files are read:
 * not for the loop's thread where that matters.
 */
#ifndef STOX_STORE_CERTIFICATE_JUDGE_H
#define STOX_STORE_CERTIFICATE_JUDGE_H

#include "pki/facts.h"
#include "store/certificate.h"

#define CERTIFICATE_WARN_DAYS 30 /* fewer days to live are PKI_EXPIRES_SOON */

struct certificate_terms {
    const struct pki_vault *vault;           /* all borrowed; NULL: stored ones cannot be opened */
    X509_STORE *trust;                       /* NULL: only whether each issuer is there */
    struct slice host_name;                  /* what SIP systems look for; an address, or empty: nothing */
    const char *boot_certificate, *boot_key; /* of the API, from the bootstrap file; NULL: none */
    int64_t now_s;                           /* wall clock */
};

struct certificate_verdict {
    struct pki_defects defects;
    struct pki_facts facts; /* when is_read */
    bool is_read;
    char name[PKI_NAME_MAX + 1]; /* the domain in A-labels, or "" */
};
typedef void certificate_verdict_fn(void *arg, const struct certificate_use *use, const struct certificate_verdict *v);

/* Calls fn with each certificate in use, and with each domain that has none: its certificate is empty then. */
void certificate_judge(const struct config *c, const struct certificate_terms *terms, certificate_verdict_fn *fn,
                       void *arg);

#endif
