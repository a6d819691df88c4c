/* Certificates of connections that stand, against lists that came after their handshakes. */
#include <openssl/err.h>

#include "net/tls_priv.h"

#define ISSUERS_MAX 64 /* intermediates; few authorities issue for all partners */

static bool is_kept(const struct tls *tls, const X509 *x)
{
    for (int i = 0; i < sk_X509_num(tls->issuers); i++)
        if (X509_cmp(sk_X509_value(tls->issuers, i), x) == 0)
            return true;
    return false;
}

/* Without memory it is not kept, and what it has issued is judged at the next handshake only. */
static void keep(struct tls *tls, X509 *x)
{
    if (is_kept(tls, x))
        return;
    if (sk_X509_num(tls->issuers) >= ISSUERS_MAX)
        X509_free(sk_X509_shift(tls->issuers));
    if (sk_X509_push(tls->issuers, x) > 0)
        X509_up_ref(x);
}

void tls_issuers_keep(struct tls *tls, STACK_OF(X509) * chain)
{
    if (!tls->crls)
        return;
    if (!tls->issuers)
        tls->issuers = sk_X509_new_null();
    for (int i = 1; tls->issuers && i + 1 < sk_X509_num(chain); i++) /* the last one is an authority we trust anyway */
        keep(tls, sk_X509_value(chain, i));
}

/* Does a list name it that says to be of its issuer? Whether it is, is a question of signatures, and takes longer. */
static bool is_named(const STACK_OF(X509_CRL) * lists, X509 *x)
{
    X509_REVOKED *entry;

    for (int i = 0; i < sk_X509_CRL_num(lists); i++)
        if (X509_CRL_get0_by_cert(sk_X509_CRL_value(lists, i), &entry, x) == 1)
            return true;
    return false;
}

/* The leaf, or any issuer that we remember: few are ever named, and then all are looked at closely. */
static bool may_be_revoked(const struct tls *tls, X509 *leaf)
{
    const STACK_OF(X509_CRL) *lists = tls_crls_lists(tls->crls);

    if (is_named(lists, leaf))
        return true;
    for (int i = 0; i < sk_X509_num(tls->issuers); i++)
        if (is_named(lists, sk_X509_value(tls->issuers, i)))
            return true;
    return false;
}

/* Ends at the first fault that is one: a list with a false signature must not come to speak. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    return ok || tls_fault_is_about_lists(X509_STORE_CTX_get_error(store));
}

static bool is_of_revocation(int code)
{
    return code == X509_V_ERR_CERT_REVOKED || code == X509_V_ERR_OUT_OF_MEM;
}

/* Without memory too: a new handshake will tell. */
static bool verifies_as_revoked(struct tls *tls, X509 *leaf)
{
    X509_STORE_CTX *store = X509_STORE_CTX_new();
    bool revoked = true;

    if (store && X509_STORE_CTX_init(store, tls->trust, leaf, tls->issuers)) {
        X509_STORE_CTX_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
        X509_STORE_CTX_set_verify_cb(store, on_verify);
        tls_crls_apply(tls, store);
        revoked = X509_verify_cert(store) <= 0 && is_of_revocation(X509_STORE_CTX_get_error(store));
    }
    X509_STORE_CTX_free(store);
    ERR_clear_error();
    return revoked;
}

bool tls_is_revoked(struct tls *tls, SSL *ssl)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);

    return leaf && tls->crls && may_be_revoked(tls, leaf) && verifies_as_revoked(tls, leaf);
}
