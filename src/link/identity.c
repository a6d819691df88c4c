/* Certificates and keys that come over the link, from memory to memory. */
#include <openssl/err.h>
#include <openssl/pem.h>

#include "link/copy.h"

#define CHAIN_MAX 10

static int no_passphrase(char *out, int size, int writing, void *arg)
{
    return -1;
}

static BIO *bio_of(struct slice pem)
{
    return BIO_new_mem_buf(pem.p, (int)pem.n); /* the table bounds it */
}

static bool read_chain(struct link_identity *id, struct slice pem)
{
    BIO *in = bio_of(pem);
    X509 *x;

    id->chain = sk_X509_new_null();
    while (in && id->chain && sk_X509_num(id->chain) < CHAIN_MAX && (x = PEM_read_bio_X509(in, NULL, NULL, NULL)))
        if (!sk_X509_push(id->chain, x)) {
            X509_free(x);
            break;
        }
    BIO_free(in);
    return id->chain && sk_X509_num(id->chain) > 0;
}

static bool read_key(struct link_identity *id, struct slice pem)
{
    BIO *in = bio_of(pem);

    id->key = in ? PEM_read_bio_PrivateKey(in, NULL, no_passphrase, NULL) : NULL;
    BIO_free(in);
    return id->key != NULL;
}

bool link_identity_read(struct link_identity *id, const struct link_identity_frame *frame, struct err *err)
{
    bool ok = read_chain(id, frame->chain) && read_key(id, frame->key) &&
              X509_check_private_key(sk_X509_value(id->chain, 0), id->key) == 1;

    ERR_clear_error();
    id->revision = frame->revision;
    if (ok)
        return true;
    link_identity_fini(id);
    err_set(err, "the certificate of \"%.*s\" cannot be read, or its key is another one's", SLICE_FMT(frame->name));
    return false;
}

void link_identity_fini(struct link_identity *id)
{
    sk_X509_pop_free(id->chain, X509_free);
    EVP_PKEY_free(id->key);
    id->chain = NULL;
    id->key = NULL;
}
