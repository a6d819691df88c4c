#include "pki/export.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>

#include "base/text.h"
#include "pki/pki_priv.h"
#include "pki/wipe.h"

const char *const pki_forms[] = { "pem", "pkcs12", NULL };

#define ROUNDS 100000 /* of the passphrase of PKCS#12 */

static bool put_bio(BIO *bio, struct buf *out)
{
    char *p = NULL;
    long n = BIO_get_mem_data(bio, &p);

    if (n > 0)
        buf_add(out, p, (size_t)n);
    return n > 0 && buf_ok(out);
}

static bool put_pem(const struct pki_export *e, BIO *bio)
{
    bool ok = true;

    for (int i = 0; ok && i < sk_X509_num(e->chain); i++)
        ok = PEM_write_bio_X509(bio, sk_X509_value(e->chain, i)) == 1;
    if (ok && e->key)
        ok = PEM_write_bio_PKCS8PrivateKey(bio, e->key, EVP_aes_256_cbc(), e->passphrase.p, (int)e->passphrase.n, NULL,
                                           NULL) == 1;
    return ok;
}

/* The chain without its leaf, borrowed. */
static STACK_OF(X509) * issuers_of(const struct pki_export *e)
{
    STACK_OF(X509) *issuers = sk_X509_dup(e->chain);

    if (issuers)
        sk_X509_shift(issuers);
    return issuers;
}

static bool put_pkcs12(const struct pki_export *e, BIO *bio)
{
    char *pass = strndup(e->passphrase.p ? e->passphrase.p : "", e->passphrase.n);
    char *name = e->friendly_name.n ? strndup(e->friendly_name.p, e->friendly_name.n) : NULL;
    STACK_OF(X509) *issuers = issuers_of(e);
    PKCS12 *pfx = NULL;
    bool ok;

    if (pass && issuers)
        pfx = PKCS12_create(pass, name, e->key, sk_X509_value(e->chain, 0), issuers, NID_aes_256_cbc, NID_aes_256_cbc,
                            ROUNDS, ROUNDS, 0);
    ok = pfx && i2d_PKCS12_bio(bio, pfx) == 1;
    PKCS12_free(pfx);
    sk_X509_free(issuers);
    free(name);
    if (pass)
        OPENSSL_cleanse(pass, e->passphrase.n);
    free(pass);
    return ok;
}

int pki_export(const struct pki_export *e, struct buf *out, struct err *err)
{
    BIO *bio;
    bool ok;

    if (e->key && e->passphrase.n < PKI_PASSPHRASE_MIN)
        return err_set(err, "a key leaves only under a passphrase of at least %d characters", PKI_PASSPHRASE_MIN);
    if (e->passphrase.n > 200 || (e->passphrase.n && memchr(e->passphrase.p, '\0', e->passphrase.n)))
        return err_set(err, "a passphrase has at most 200 characters and no NUL");
    ERR_clear_error();
    pki_wipe_begin();
    bio = BIO_new(BIO_s_secmem());
    ok = bio && (e->form == PKI_PEM ? put_pem(e, bio) : put_pkcs12(e, bio)) && put_bio(bio, out);
    if (!ok)
        err_set(err, "cannot write the certificate: %s", buf_ok(out) ? pki_fault() : "out of memory");
    BIO_free(bio);
    pki_wipe_end();
    ERR_clear_error();
    return ok ? 0 : -1;
}
