/* Certificate revocation lists: read whole, and swapped whole. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>

#include "net/tls_priv.h"

#define FILE_MAX (64 << 20)
#define LISTS_MAX 1000 /* each certificate of a chain asks all of them */

struct tls_crls {
    STACK_OF(X509_CRL) * lists;
    struct tls_file_stamp stamp;
};

void tls_crls_free(struct tls_crls *crls)
{
    if (!crls)
        return;
    sk_X509_CRL_pop_free(crls->lists, X509_CRL_free);
    free(crls);
}

static int read_lists(struct tls_crls *crls, BIO *in, const char *file, struct err *err)
{
    X509_CRL *crl;
    unsigned long e;

    while ((crl = PEM_read_bio_X509_CRL(in, NULL, NULL, NULL))) {
        if (sk_X509_CRL_num(crls->lists) == LISTS_MAX || !sk_X509_CRL_push(crls->lists, crl)) {
            X509_CRL_free(crl);
            return err_set(err, "%s holds more than %d revocation lists, or more than memory has room for", file,
                           LISTS_MAX);
        }
    }
    e = ERR_peek_last_error();
    if (ERR_GET_LIB(e) != ERR_LIB_PEM || ERR_GET_REASON(e) != PEM_R_NO_START_LINE)
        return err_set(err, "%s: revocation list %d is damaged", file, sk_X509_CRL_num(crls->lists) + 1);
    if (sk_X509_CRL_num(crls->lists) == 0)
        return err_set(err, "%s holds no revocation list in PEM form (openssl crl -inform DER makes one)", file);
    return 0;
}

static struct tls_crls *crls_new(struct err *err)
{
    struct tls_crls *crls = calloc(1, sizeof(*crls));

    if (crls)
        crls->lists = sk_X509_CRL_new_null();
    if (crls && crls->lists)
        return crls;
    err_memory(err, "loading revocation lists");
    free(crls);
    return NULL;
}

struct tls_crls *tls_crls_read(struct slice pem, struct err *err)
{
    struct tls_crls *crls = crls_new(err);
    BIO *in = crls && pem.n <= FILE_MAX ? BIO_new_mem_buf(pem.p, (int)pem.n) : NULL;
    int rc = -1;

    ERR_clear_error();
    if (in)
        rc = read_lists(crls, in, "what was told of them", err);
    else if (crls)
        err_memory(err, "taking revocation lists");
    BIO_free(in);
    ERR_clear_error();
    if (rc == 0)
        return crls;
    tls_crls_free(crls);
    return NULL;
}

bool tls_put_crls(const struct tls *tls, struct buf *out)
{
    STACK_OF(X509_CRL) *lists = tls_crls_lists(tls->crls);
    bool ok = true;

    for (int i = 0; ok && i < sk_X509_CRL_num(lists); i++) { /* one at a time, lest they are there twice */
        BIO *pem = BIO_new(BIO_s_mem());
        char *p = NULL;
        long n;

        ok = pem && PEM_write_bio_X509_CRL(pem, sk_X509_CRL_value(lists, i)) == 1;
        n = ok ? BIO_get_mem_data(pem, &p) : 0;
        if (n > 0)
            buf_add(out, p, (size_t)n);
        BIO_free(pem);
    }
    ERR_clear_error();
    return ok && buf_ok(out);
}

struct tls_crls *tls_crls_load(const char *file, struct err *err)
{
    struct tls_crls *crls = crls_new(err);
    BIO *in = NULL;
    int rc = -1;

    ERR_clear_error();
    if (!crls)
        return NULL;
    crls->stamp = tls_file_stamp(file); /* first: what is replaced while it is read is read again */
    if (tls_file_check(file, "revocation list", err) != 0)
        rc = -1;
    else if (crls->stamp.size > FILE_MAX)
        err_set(err, "%s is larger than %d MiB", file, FILE_MAX >> 20);
    else if (!(in = BIO_new_file(file, "r")))
        err_set(err, "cannot read %s: %s", file, tls_file_fault());
    else
        rc = read_lists(crls, in, file, err);
    BIO_free(in);
    ERR_clear_error();
    if (rc == 0)
        return crls;
    tls_crls_free(crls);
    return NULL;
}

STACK_OF(X509_CRL) * tls_crls_lists(const struct tls_crls *crls)
{
    return crls ? crls->lists : NULL;
}

size_t tls_crls_count(const struct tls_crls *crls)
{
    return (size_t)sk_X509_CRL_num(crls->lists);
}

bool tls_crls_changed(const struct tls_crls *crls, const char *file)
{
    return !tls_file_is_unchanged(&crls->stamp, file);
}

void tls_use_crls(struct tls *tls, struct tls_crls *crls)
{
    tls_crls_free(tls->crls);
    tls->crls = crls;
    tls->tickets_era++; /* whose certificate was revoked must not come back by a ticket */
}

void tls_crls_apply(const struct tls *tls, X509_STORE_CTX *store)
{
    if (!tls->crls)
        return;
    X509_STORE_CTX_set0_crls(store, tls->crls->lists);
    X509_STORE_CTX_set_flags(store, X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
}
