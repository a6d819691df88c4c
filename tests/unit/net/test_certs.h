/* Certificates made on the spot, for tests of TLS. */
#ifndef STOX_TESTS_CERTS_H
#define STOX_TESTS_CERTS_H

#include <openssl/x509.h>
#include <stdbool.h>

struct cert {
    X509 *x;
    EVP_PKEY *key;
};

struct cert_spec {
    const char *cn;
    const char *sans; /* as openssl's x509v3_config writes subjectAltName, or NULL */
    const char *eku;  /* as extendedKeyUsage there, or NULL */
    bool ca;
    int rsa_bits;        /* 0: a P-256 key */
    int from_days;       /* validity, relative to now; both 0: yesterday to tomorrow */
    int until_days;      /* */
    const char *raw_dns; /* a dNSName of raw_dns_n bytes instead of sans */
    int raw_dns_n;
    const char *raw_xmpp; /* an XmppAddr in UTF-8 instead of sans */
    const char *ou;
    bool sha1;               /* signed with it */
    const char *constraints; /* as basicConstraints, in place of what ca says */
    const char *permitted;   /* as nameConstraints */
    const char *tlsfeature;
};

/* issuer NULL: self-signed. */
struct cert cert_make(const struct cert_spec *spec, const struct cert *issuer);
void cert_free(struct cert *c);

/* A revocation list of issuer's with n certificates; days until it is past its date. */
const char *certs_write_crl(const char *name, const struct cert *issuer, const struct cert *const *revoked, size_t n,
                            int days);

/* A folder of its own for one test program, and files in it. Names come back in static storage of 64 turns. */
void certs_begin(void);
void certs_end(void);
const char *certs_path(const char *name);
const char *certs_write(const char *name, const char *text);
const char *certs_write_chain(const char *name, const struct cert *leaf, const struct cert *intermediate);
const char *certs_write_key(const char *name, const struct cert *c, const char *passphrase);

#endif
