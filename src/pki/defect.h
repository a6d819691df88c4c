/* What can be wrong with a certificate, each in one sentence with its remedy. Pure but for the clock, which is a parameter. */
#ifndef STOX_PKI_DEFECT_H
#define STOX_PKI_DEFECT_H

#include <openssl/x509.h>

#include "base/err.h"
#include "base/slice.h"
#include "pki/names.h"
#include "pki/request.h"

enum pki_defect_kind {
    PKI_FINE,
    /* Nothing can be made of it. */
    PKI_NOT_A_CERTIFICATE,
    PKI_TOO_LARGE,
    PKI_PASSPHRASE_MISSING,
    PKI_PASSPHRASE_WRONG,
    PKI_NO_KEY,
    PKI_WRONG_KEY,
    PKI_NO_MEMORY,
    /* Nobody would accept it. */
    PKI_EXPIRED,
    PKI_WEAK_KEY,
    PKI_WEAK_SIGNATURE,
    PKI_WRONG_PURPOSE,
    /* It can be meant so. */
    PKI_IS_AUTHORITY, /* it is an authority's own certificate */
    PKI_SELF_SIGNED,
    PKI_NOT_YET_VALID,
    PKI_NAME_MISSING,
    PKI_CHAIN_INCOMPLETE,
    /* To know. */
    PKI_EXPIRES_SOON,
};

/* "expired", "name-missing" ...: for the API. */
const char *pki_defect_name(enum pki_defect_kind kind);

enum pki_weight {
    PKI_HINT,    /* nothing is refused for it */
    PKI_SERIOUS, /* refused unless the administrator insists */
    PKI_FATAL,   /* refused */
};
enum pki_weight pki_defect_weight(enum pki_defect_kind kind);

struct pki_defect {
    enum pki_defect_kind kind;
    char text[512];
};

/* Sets it; returns false, for functions that fail with a defect. */
bool pki_defect_set(struct pki_defect *d, enum pki_defect_kind kind, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define PKI_DEFECTS_MAX 16
struct pki_defects {
    struct pki_defect v[PKI_DEFECTS_MAX];
    size_t n;
    size_t n_left_out; /* of the least interesting kind: names */
};

struct pki_case {
    STACK_OF(X509) * chain;   /* leaf first */
    const EVP_PKEY *key;      /* that it will be used with; NULL: not looked at */
    enum pki_profile profile; /* server+client: it must be good for clients too */
    const struct slice
        *names; /* it must have: as pki/names.h writes them, dNSNames are enough for an SRVName and back */
    size_t n_names;
    X509_STORE *trust;              /* authorities; NULL: only whether each issuer is there */
    int64_t now_s;                  /* wall clock */
    unsigned warn_days;             /* PKI_EXPIRES_SOON; 0: never */
    const struct pki_defect *known; /* found before, the first of all then; NULL: none */
};

/* All that is wrong, what weighs most first as far as that is possible. */
void pki_check(const struct pki_case *c, struct pki_defects *out);

/* The heaviest of them; PKI_HINT for none. */
enum pki_weight pki_defects_weight(const struct pki_defects *d);

/* Does the certificate name this domain (A-labels) by dNSName, one wildcard label allowed, or by SRVName "_xmpp-server."? */
bool pki_names_it(const X509 *x, struct slice name);

/* Of the notAfter of a certificate: seconds since 1970; 0: not readable. */
int64_t pki_until(const X509 *x);
int64_t pki_since(const X509 *x);

/* The authorities in a PEM file, or the system's for NULL. NULL with a sentence. */
X509_STORE *pki_trust_load(const char *ca_file, struct err *err);

#endif
