/* Chains as they are kept. */
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

STACK_OF(X509) * pki_chain_read(struct slice text)
{
    STACK_OF(X509) *chain = sk_X509_new_null();
    struct slice one;
    bool more = true;

    while (chain && more) {
        X509 *x;

        more = slice_cut(text, ' ', &one, &text);
        x = sk_X509_num(chain) < PKI_CHAIN_MAX ? one_of(one) : NULL;
        if (x && sk_X509_push(chain, x) > 0)
            continue;
        X509_free(x);
        sk_X509_pop_free(chain, X509_free);
        chain = NULL;
    }
    return chain;
}

bool pki_chain_write(struct buf *out, STACK_OF(X509) * chain)
{
    for (int i = 0; i < sk_X509_num(chain); i++) {
        unsigned char *der = NULL;
        int n = i2d_X509(sk_X509_value(chain, i), &der);

        if (i > 0)
            buf_char(out, ' ');
        if (n > 0)
            text_put_base64(out, der, (size_t)n);
        OPENSSL_free(der);
        if (n <= 0)
            return false;
    }
    return buf_ok(out);
}
