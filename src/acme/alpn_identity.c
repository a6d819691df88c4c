#include "acme/alpn_identity.h"

#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "pki/key.h"
#include "pki/wipe.h"

#define PROTOCOL "acme-tls/1"
#define IDENTIFIER "1.3.6.1.5.5.7.1.31" /* id-pe-acmeIdentifier */
#define SHA256_BYTES 32
#define AGE_S 3600   /* clocks differ */
#define LIFE_S 86400 /* an order is over long before */

/* ---- the certificate ---- */

static bool add_name(X509 *cert, const char *name)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *one = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    bool ok = names && one && text && ASN1_STRING_set(text, name, -1) == 1;

    if (ok) {
        GENERAL_NAME_set0_value(one, GEN_DNS, text);
        text = NULL;
        ok = sk_GENERAL_NAME_push(names, one) > 0;
        if (ok)
            one = NULL;
    }
    /* Critical: it has no other name (RFC 5280 4.1.2.6). */
    ok = ok && X509_add1_ext_i2d(cert, NID_subject_alt_name, names, 1, X509V3_ADD_DEFAULT) == 1;
    ASN1_IA5STRING_free(text);
    GENERAL_NAME_free(one);
    GENERAL_NAMES_free(names);
    return ok;
}

static bool add_proof(X509 *cert, struct slice text)
{
    unsigned char der[2 + SHA256_BYTES] = { V_ASN1_OCTET_STRING, SHA256_BYTES };
    ASN1_OBJECT *what = OBJ_txt2obj(IDENTIFIER, 1);
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    X509_EXTENSION *ext = NULL;
    bool ok = what && value && EVP_Digest(text.p, text.n, der + 2, NULL, EVP_sha256(), NULL) == 1 &&
              ASN1_OCTET_STRING_set(value, der, sizeof(der)) == 1;

    if (ok)
        ext = X509_EXTENSION_create_by_OBJ(NULL, what, 1, value);
    ok = ext && X509_add_ext(cert, ext, -1) == 1;
    X509_EXTENSION_free(ext);
    ASN1_OCTET_STRING_free(value);
    ASN1_OBJECT_free(what);
    return ok;
}

static bool fill(X509 *cert, EVP_PKEY *key, const char *name, struct slice text)
{
    uint64_t serial;

    return RAND_bytes((unsigned char *)&serial, sizeof(serial)) == 1 && X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -AGE_S) && X509_gmtime_adj(X509_getm_notAfter(cert), LIFE_S) &&
           X509_set_pubkey(cert, key) == 1 && add_name(cert, name) && add_proof(cert, text) &&
           X509_sign(cert, key, EVP_sha256()) > 0;
}

/* ---- who is answered ---- */

/* Without ALPN at all, on_protocols would not be asked. */
static int on_hello(SSL *ssl, int *alert, void *arg)
{
    const unsigned char *p;
    size_t n;

    if (SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_application_layer_protocol_negotiation, &p, &n) == 1)
        return SSL_CLIENT_HELLO_SUCCESS;
    *alert = SSL_AD_NO_APPLICATION_PROTOCOL;
    return SSL_CLIENT_HELLO_ERROR;
}

static int on_protocols(SSL *ssl, const unsigned char **out, unsigned char *out_n, const unsigned char *in,
                        unsigned in_n, void *arg)
{
    static const unsigned char ours[] = "\012" PROTOCOL; /* its length, as ALPN writes it */
    unsigned char *chosen;

    if (SSL_select_next_proto(&chosen, out_n, ours, sizeof(ours) - 1, in, in_n) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static int on_name(SSL *ssl, int *alert, void *arg)
{
    const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

    if (name && X509_check_host(SSL_get_certificate(ssl), name, 0, X509_CHECK_FLAG_NO_WILDCARDS, NULL) == 1)
        return SSL_TLSEXT_ERR_OK;
    *alert = SSL_AD_UNRECOGNIZED_NAME;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *make(const char *name, struct slice text, EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());
    X509 *cert = X509_new();
    bool ok = ctx && cert && fill(cert, key, name, text) && SSL_CTX_use_certificate(ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) == 1;

    X509_free(cert);
    if (!ok) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 0);
    SSL_CTX_set_client_hello_cb(ctx, on_hello, NULL);
    SSL_CTX_set_alpn_select_cb(ctx, on_protocols, NULL);
    SSL_CTX_set_tlsext_servername_callback(ctx, on_name);
    return ctx;
}

SSL_CTX *acme_alpn_identity(const char *name, struct slice text, struct err *err)
{
    EVP_PKEY *key = pki_key_make(PKI_P256, err);
    SSL_CTX *ctx;

    if (!key)
        return NULL;
    pki_wipe_begin();
    ctx = make(name, text, key);
    pki_wipe_end();
    pki_key_free(key);
    if (!ctx)
        err_memory(err, "making the proof for port 443");
    return ctx;
}

void acme_alpn_forget(SSL_CTX *ctx)
{
    pki_wipe_begin();
    SSL_CTX_free(ctx);
    pki_wipe_end();
}
