/* Chains as they are kept: a list of base64 texts. */
#include <openssl/err.h>

#include "base/text.h"
#include "pki/bundle.h"
#include "pki/pki_priv.h"

static X509 *one_of(struct slice base64)
{
    const unsigned char *p;
    X509 *x = NULL;
    struct buf der;

    buf_init(&der, PKI_BUNDLE_MAX);
    if (text_unbase64(&der, base64) && der.n > 0) {
        p = (const unsigned char *)der.p;
        x = d2i_X509(NULL, &p, (long)der.n);
        if (x && (p != (const unsigned char *)der.p + der.n || !X509_get0_pubkey(x))) {
            X509_free(x);
            x = NULL;
        }
    }
    buf_free(&der);
    ERR_clear_error();
    return x;
}

STACK_OF(X509) * pki_chain_of(const struct slice *base64, size_t n)
{
    STACK_OF(X509) *chain = n > 0 && n <= PKI_CHAIN_MAX ? sk_X509_new_null() : NULL;

    for (size_t i = 0; chain && i < n; i++) {
        X509 *x = one_of(base64[i]);

        if (x && sk_X509_push(chain, x) > 0)
            continue;
        X509_free(x);
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    return chain;
}

bool pki_chain_put(struct buf *out, const X509 *x)
{
    unsigned char *der = NULL;
    int n = i2d_X509(x, &der);

    if (n > 0)
        text_put_base64(out, der, (size_t)n);
    OPENSSL_free(der);
    return n > 0 && buf_ok(out);
}
