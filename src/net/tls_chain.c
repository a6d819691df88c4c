#include "net/tls_chain.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>

#include "net/tls_priv.h"

#define CHAIN_MAX 16 /* certificates of a file; further ones are not read */

struct tls_chain {
    STACK_OF(X509) * certs; /* leaf first, at least one */
};

static X509 *leaf_of(const struct tls_chain *chain)
{
    return sk_X509_value(chain->certs, 0);
}

static int read_certs(struct tls_chain *chain, const char *file, struct err *err)
{
    BIO *in = tls_file_check(file, "certificate", err) == 0 ? BIO_new_file(file, "r") : NULL;
    X509 *x;

    if (!in)
        return err && err->text[0] ? -1 : err_set(err, "cannot read %s: %s", file, tls_file_fault());
    while (sk_X509_num(chain->certs) < CHAIN_MAX && (x = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (!sk_X509_push(chain->certs, x)) {
            X509_free(x);
            break;
        }
    }
    BIO_free(in);
    ERR_clear_error();
    return sk_X509_num(chain->certs) > 0 ? 0 : err_set(err, "%s holds no certificate in PEM form", file);
}

struct tls_chain *tls_chain_load(const char *file, struct err *err)
{
    struct tls_chain *chain = calloc(1, sizeof(*chain));
    struct err own = { "" };

    if (chain)
        chain->certs = sk_X509_new_null();
    if (chain && chain->certs && read_certs(chain, file, &own) == 0)
        return chain;
    if (!chain || !chain->certs)
        err_memory(&own, "reading a certificate");
    if (err)
        *err = own;
    tls_chain_free(chain);
    return NULL;
}

struct tls_chain *tls_chain_take(STACK_OF(X509) * certs)
{
    struct tls_chain *chain = sk_X509_num(certs) > 0 ? calloc(1, sizeof(*chain)) : NULL;

    if (chain)
        chain->certs = certs;
    else
        sk_X509_pop_free(certs, X509_free);
    return chain;
}

void tls_chain_free(struct tls_chain *chain)
{
    if (!chain)
        return;
    sk_X509_pop_free(chain->certs, X509_free);
    free(chain);
}

/* The part of a certificate that a record's selector names, as DER for OPENSSL_free. 0: there is none. */
static size_t selected(X509 *x, uint8_t selector, unsigned char **der)
{
    int n = selector == 0 ? i2d_X509(x, der) : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), der);

    ERR_clear_error();
    return n > 0 ? (size_t)n : 0;
}

static bool cert_fits(X509 *x, const struct dane_record *r)
{
    unsigned char *der = NULL, hash[EVP_MAX_MD_SIZE];
    size_t n = selected(x, r->selector, &der);
    unsigned n_hash = 0;
    struct slice have = slice_of((const char *)der, n);
    bool fits;

    if (n && r->matching) {
        if (EVP_Digest(der, n, hash, &n_hash, r->matching == 1 ? EVP_sha256() : EVP_sha512(), NULL) != 1)
            n_hash = 0;
        have = slice_of((const char *)hash, n_hash);
    }
    fits = have.n > 0 && slice_eq(have, r->data);
    OPENSSL_free(der);
    return fits;
}

bool tls_chain_key_hash(const struct tls_chain *chain, unsigned char hash[TLS_KEY_HASH])
{
    unsigned char *der = NULL;
    size_t n = selected(leaf_of(chain), 1, &der);
    unsigned n_hash = 0;
    bool ok = n && EVP_Digest(der, n, hash, &n_hash, EVP_sha256(), NULL) == 1 && n_hash == TLS_KEY_HASH;

    OPENSSL_free(der);
    return ok;
}

enum tls_chain_fit tls_chain_fits(const struct tls_chain *chain, const struct dane_record *r)
{
    bool of_leaf = r->usage == DANE_PKIX_EE || r->usage == DANE_EE;
    int n = sk_X509_num(chain->certs);

    if (!dane_is_usable(r))
        return TLS_CHAIN_FITS_NOT;
    if (of_leaf)
        return cert_fits(leaf_of(chain), r) ? TLS_CHAIN_FITS : TLS_CHAIN_FITS_NOT;
    for (int i = 1; i < n; i++)
        if (cert_fits(sk_X509_value(chain->certs, i), r))
            return TLS_CHAIN_FITS;
    return TLS_CHAIN_UNKNOWN;
}

bool tls_chain_names(const struct tls_chain *chain, const char *host)
{
    return X509_check_host(leaf_of(chain), host, 0,
                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}
