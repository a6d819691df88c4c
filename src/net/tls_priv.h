/* Inside src/net: what tls*.c share, and what conn*.c need of them. */
#ifndef STOX_NET_TLS_PRIV_H
#define STOX_NET_TLS_PRIV_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "base/bucket.h"
#include "net/tls.h"

enum {
    TLS_CERT_LIST_MAX = 64 * 1024, /* a peer's chain in bytes, as sent */
    TLS_DEPTH_MAX = 8,             /* intermediates */
    TLS_RSA_BITS_MIN = 2048,
    TLS_NAME_MAX = 255,
    TLS_NAMES_MAX = 512, /* of a peer's certificate; further ones are not looked at */
};

/* What tells that a file is the one that was read. */
struct tls_file_stamp {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec changed;
};

/* One certificate of ours under one name. Shared by count between sets; nothing but tickets_until changes. */
struct tls_identity {
    atomic_uint refs;
    SSL_CTX *ctx[2];                 /* by enum tls_role */
    uint64_t tickets_until;          /* monotonic ms: session tickets get a new key then; the loop's alone */
    unsigned tickets_era;            /* as tls.tickets_era when they got theirs */
    char *files[2];                  /* owned: chain and key; or what names it, and "" */
    uint64_t revision;               /* with a name */
    struct tls_file_stamp stamps[2]; /* of the files when they were read */
    size_t n;
    char name[]; /* lower case; "" is the default */
};

struct tls_identities {
    atomic_uint refs;
    struct tls_identity **v; /* by name, in byte order */
    size_t n, cap;
};

/* NULL: no certificate has that name. set may be NULL. */
struct tls_identity *tls_identities_find(const struct tls_identities *set, struct slice name);

/* Lower case, without a trailing dot. False when it is no domain name at all. */
bool tls_name_fold(struct slice name, char out[TLS_NAME_MAX + 1], size_t *n);

struct tls {
    struct tls_identities *identities; /* one count is ours; NULL: none yet */
    SSL_CTX *bare[2];                  /* without a certificate, by role */
    X509_STORE *trust;                 /* shared by all contexts */
    struct tls_crls *crls;             /* owned; NULL: none */
    STACK_OF(X509) * issuers;          /* tls_revoked.c: intermediates of chains that were good; NULL: none yet */
    unsigned tickets_era;              /* tickets of an earlier one are not taken any more */
    BIO_METHOD *wire;
    int note_index; /* of struct tls_note in an SSL */
};

/* A fault of a chain. */
struct tls_fault {
    int code;   /* X509_V_ERR_..., or X509_V_OK */
    char *text; /* owned: a clause about it; NULL: no memory, or a resumed session */
};

/* What we remember with one SSL. */
struct tls_note {
    struct tls_fault first; /* the first one of all */
    struct tls_fault hard;  /* the first one that is not about the authority alone */
    X509 *issuer;           /* owned: of the leaf, until the stapled response is judged; NULL: not known */
    bool dane;              /* TLSA records are in use */
    struct bucket rekeys;   /* key updates that came */
    bool rekeys_too_often;
    bool misused; /* with dane: the leaf's usage does not fit, which DANE-EE does not ask */
    char alpn[];
};
struct tls_note *tls_note_of(const SSL *ssl);

/* Can a pin make good for it? All there is against the chain is that its authority is not trusted, or not known. */
bool tls_fault_is_of_authority(int code);

/* Keeps a fault of certificate x, depth issuers above the leaf, and says it to ssl; x NULL: text is not known. */
void tls_note_fault(struct tls_note *note, int code, const X509 *x, int depth);

enum { TLS_SUBJECT_MAX = 256, TLS_FAULT_MAX = 640 };
void tls_name_text(const X509_NAME *name, char out[TLS_SUBJECT_MAX]);

/* A clause about a fault at certificate x, and what to do. */
void tls_fault_clause(char out[TLS_FAULT_MAX], int code, const X509 *x, int depth);

/* The verification is to go by our revocation lists; tls_crl.c. */
void tls_crls_apply(const struct tls *tls, X509_STORE_CTX *store);

/* What is no fault of the peer: a list that we lack, or that was not renewed, says nothing against anybody. */
bool tls_fault_is_about_lists(int code);

/* Remembers the intermediates of a chain that was found good, for tls_is_revoked. A few, and only while there are lists. */
void tls_issuers_keep(struct tls *tls, STACK_OF(X509) * chain);

/* The lists, borrowed; NULL: none. */
STACK_OF(X509_CRL) * tls_crls_lists(const struct tls_crls *crls);

/* Makes clients ask for a stapled response and judge it; tls_ocsp.c. */
void tls_ocsp_setup(SSL_CTX *ctx);

/* X509_V_OK, or what the response says against the certificate (X509_V_ERR_CERT_REVOKED, _OCSP_VERIFY_FAILED). */
int tls_ocsp_judge(const unsigned char *response, size_t n, X509 *leaf, X509 *issuer);

/* Makes a context count the peer's key updates; tls_rekey.c. */
void tls_rekey_setup(SSL_CTX *ctx);

/* It sends more of them than anybody needs: the connection is to end. */
bool tls_rekeys_too_often(const SSL *ssl);

/* A context as all of ours are; reads only what never changes in tls. NULL on memory. */
SSL_CTX *tls_context_new(struct tls *tls, enum tls_role role);

/* A certificate of ours as it comes from its files. */
struct tls_cert {
    const char *chain_file; /* borrowed, for sentences */
    X509 *leaf;             /* owned, as are the next two */
    EVP_PKEY *key;
    STACK_OF(X509) * chain; /* without the leaf */
};
/* Reads and checks; tls_cert_fini is due in any case. */
int tls_cert_load(struct tls_cert *cert, const char *chain_file, const char *key_file, struct err *err);
/* The same of what is there already; both are borrowed. */
int tls_cert_take(struct tls_cert *cert, const struct tls_own *own, struct err *err);
int tls_cert_use(const struct tls_cert *cert, SSL_CTX *ctx, struct err *err);
void tls_cert_fini(struct tls_cert *cert);

struct tls_file_stamp tls_file_stamp(const char *file);
bool tls_file_is_unchanged(const struct tls_file_stamp *then, const char *file);

/* Can the file be read, and is there something in it? */
int tls_file_check(const char *file, const char *what, struct err *err);

/* Makes a context verify chains as tls.h says; tls_verify.c. */
void tls_verify_setup(SSL_CTX *ctx);

enum tls_failure {
    TLS_FAILURE_OTHER,
    TLS_FAILURE_VERSION,
    TLS_FAILURE_OUR_CERTIFICATE,
    TLS_FAILURE_NONE, /* what came is no TLS */
    TLS_FAILURE_MEMORY,
};

/* Empties OpenSSL's error queue and puts what it says into out as a clause. */
enum tls_failure tls_fault_text(char *out, size_t n);

/* The same for errors while a file of ours is read. */
const char *tls_file_fault(void);

/* Writes a date as 2026-03-01 (UTC). */
void tls_date(const ASN1_TIME *t, char out[16]);

#endif
