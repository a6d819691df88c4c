/* Our own certificates: from PEM files into a context, with a sentence for everything an operator can get wrong. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <uv.h>

#include "net/tls_priv.h"

int tls_file_check(const char *file, const char *what, struct err *err)
{
    struct stat st;
    FILE *f;
    int c, fault;
    bool read_error;

    /* Whoever opens a FIFO waits for its writer. */
    if (stat(file, &st) == 0 && !S_ISREG(st.st_mode))
        return err_set(err, "the %s file %s is no regular file", what, file);
    f = fopen(file, "re");
    c = f ? getc(f) : EOF;
    fault = errno;
    read_error = f && ferror(f);
    if (f)
        fclose(f);
    if (!f || read_error)
        return err_set(err, "cannot read the %s file %s: %s", what, file, uv_strerror(-fault));
    if (c == EOF)
        return err_set(err, "the %s file %s is empty", what, file);
    return 0;
}

struct tls_file_stamp tls_file_stamp(const char *file)
{
    struct stat st;

    if (stat(file, &st) != 0)
        return (struct tls_file_stamp){ 0 };
    return (struct tls_file_stamp){ .dev = st.st_dev, .ino = st.st_ino, .size = st.st_size, .changed = st.st_mtim };
}

bool tls_file_is_unchanged(const struct tls_file_stamp *then, const char *file)
{
    struct tls_file_stamp now = tls_file_stamp(file);

    return now.ino != 0 && now.ino == then->ino && now.dev == then->dev && now.size == then->size &&
           now.changed.tv_sec == then->changed.tv_sec && now.changed.tv_nsec == then->changed.tv_nsec;
}

uint64_t tls_file_mark(const char *file)
{
    struct tls_file_stamp s = tls_file_stamp(file);
    const uint64_t parts[] = { s.dev, s.ino, (uint64_t)s.size, (uint64_t)s.changed.tv_sec,
                               (uint64_t)s.changed.tv_nsec };
    uint64_t mark = 0xcbf29ce484222325;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        mark = (mark ^ parts[i]) * 0x9e3779b97f4a7c15 + (mark >> 29);
    return mark;
}

/* Without it OpenSSL would ask the terminal. */
static int no_passphrase(char *buf, int size, int writing, void *asked)
{
    *(bool *)asked = true;
    return -1;
}

/* True when reading ended where the last PEM block ended. */
static bool at_end_of_pem(void)
{
    unsigned long e = ERR_peek_last_error();

    return ERR_GET_LIB(e) == ERR_LIB_PEM && ERR_GET_REASON(e) == PEM_R_NO_START_LINE;
}

static int load_chain(struct tls_cert *cert, BIO *in, const char *file, struct err *err)
{
    X509 *x;

    cert->leaf = PEM_read_bio_X509_AUX(in, NULL, NULL, NULL);
    if (!cert->leaf)
        return err_set(err,
                       at_end_of_pem() ? "%s holds no certificate in PEM form" : "%s: the first certificate is damaged",
                       file);
    while ((x = PEM_read_bio_X509(in, NULL, NULL, NULL))) {
        if (!sk_X509_push(cert->chain, x)) {
            X509_free(x);
            return err_memory(err, "loading a certificate");
        }
    }
    if (!at_end_of_pem())
        return err_set(err, "%s: certificate %d of the chain is damaged", file, sk_X509_num(cert->chain) + 2);
    return 0;
}

static int check_dates(const X509 *x, const char *file, struct err *err)
{
    char day[16];

    if (X509_cmp_current_time(X509_get0_notAfter(x)) < 0) {
        tls_date(X509_get0_notAfter(x), day);
        return err_set(err, "%s: the certificate expired %s; renew it", file, day);
    }
    if (X509_cmp_current_time(X509_get0_notBefore(x)) > 0) {
        tls_date(X509_get0_notBefore(x), day);
        return err_set(err, "%s: the certificate is not valid before %s; check the clock", file, day);
    }
    return 0;
}

static int check_key(const struct tls_cert *cert, const char *chain_file, const char *key_file, struct err *err)
{
    EVP_PKEY *public = X509_get0_pubkey(cert->leaf);

    if (!public)
        return err_set(err, "%s: the certificate's key is of a kind that is not supported", chain_file);
    if (EVP_PKEY_is_a(public, "RSA") && EVP_PKEY_get_bits(public) < TLS_RSA_BITS_MIN)
        return err_set(err, "%s: the RSA key has %d bits; at least %d are needed", chain_file,
                       EVP_PKEY_get_bits(public), TLS_RSA_BITS_MIN);
    if (!X509_check_private_key(cert->leaf, cert->key))
        return err_set(err, "the key in %s does not match the certificate in %s", key_file, chain_file);
    return 0;
}

static int load_key(struct tls_cert *cert, BIO *in, const char *file, struct err *err)
{
    bool asked = false;

    cert->key = PEM_read_bio_PrivateKey(in, NULL, no_passphrase, &asked);
    if (cert->key)
        return 0;
    if (asked)
        return err_set(err, "the key in %s is protected by a passphrase; store it without one, mode 0600", file);
    return err_set(err, "%s holds no private key in PEM form, or a damaged one", file);
}

int tls_cert_load(struct tls_cert *cert, const char *chain_file, const char *key_file, struct err *err)
{
    BIO *chain = NULL, *key = NULL;
    int rc = -1;

    *cert = (struct tls_cert){ .chain_file = chain_file, .chain = sk_X509_new_null() };
    if (tls_file_check(chain_file, "certificate", err) != 0 || tls_file_check(key_file, "key", err) != 0)
        return -1;
    chain = BIO_new_file(chain_file, "r");
    key = BIO_new_file(key_file, "r");
    if (!cert->chain || !chain || !key)
        err_set(err, "cannot read %s and %s: %s", chain_file, key_file, tls_file_fault());
    else if (load_chain(cert, chain, chain_file, err) == 0 && load_key(cert, key, key_file, err) == 0 &&
             check_key(cert, chain_file, key_file, err) == 0)
        rc = check_dates(cert->leaf, chain_file, err);
    BIO_free(chain);
    BIO_free(key);
    return rc;
}

int tls_cert_take(struct tls_cert *cert, const struct tls_own *own, struct err *err)
{
    X509 *leaf = sk_X509_value(own->chain, 0);

    *cert = (struct tls_cert){ .chain_file = own->source, .chain = sk_X509_new_null() };
    if (!leaf || !own->key || !cert->chain || X509_up_ref(leaf) != 1)
        return err_memory(err, "loading a certificate");
    cert->leaf = leaf;
    if (EVP_PKEY_up_ref(own->key) != 1)
        return err_memory(err, "loading a certificate");
    cert->key = own->key;
    for (int i = 1; i < sk_X509_num(own->chain); i++) {
        X509 *x = sk_X509_value(own->chain, i);

        if (X509_up_ref(x) != 1)
            return err_memory(err, "loading a certificate");
        if (!sk_X509_push(cert->chain, x)) {
            X509_free(x);
            return err_memory(err, "loading a certificate");
        }
    }
    return check_key(cert, own->source, own->source, err) == 0 ? check_dates(leaf, own->source, err) : -1;
}

int tls_cert_use(const struct tls_cert *cert, SSL_CTX *ctx, struct err *err)
{
    bool ok = SSL_CTX_use_certificate(ctx, cert->leaf) == 1 && SSL_CTX_use_PrivateKey(ctx, cert->key) == 1;

    for (int i = 0; ok && i < sk_X509_num(cert->chain); i++)
        ok = SSL_CTX_add1_chain_cert(ctx, sk_X509_value(cert->chain, i)) == 1;
    return ok ? 0 : err_set(err, "%s cannot be used: %s", cert->chain_file, tls_file_fault());
}

void tls_cert_fini(struct tls_cert *cert)
{
    X509_free(cert->leaf);
    EVP_PKEY_free(cert->key);
    sk_X509_pop_free(cert->chain, X509_free);
}
