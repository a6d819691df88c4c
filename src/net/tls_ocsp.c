/* OCSP responses that a server sends with its certificate (RFC 6066 8, RFC 6960), and must-staple (RFC 7633). */
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>

#include "net/tls_priv.h"

enum { CLOCK_SLACK_S = 300, STATUS_REQUEST = 5 };

/* The single response about this certificate, whichever hash its id is made with. NULL: there is none. */
static OCSP_SINGLERESP *find_single(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
    for (int i = 0; i < OCSP_resp_count(basic); i++) {
        OCSP_SINGLERESP *single = OCSP_resp_get0(basic, i);
        OCSP_CERTID *theirs = (OCSP_CERTID *)OCSP_SINGLERESP_get0_id(single), *ours;
        ASN1_OBJECT *hash = NULL;
        const EVP_MD *md;
        bool same;

        OCSP_id_get0_info(NULL, &hash, NULL, NULL, theirs);
        md = hash ? EVP_get_digestbyobj(hash) : NULL;
        ours = md ? OCSP_cert_to_id(md, leaf, issuer) : NULL;
        same = ours && OCSP_id_cmp(ours, theirs) == 0;
        OCSP_CERTID_free(ours);
        if (same)
            return single;
    }
    return NULL;
}

/* Signed by the issuer, or by whom it has put in charge (RFC 6960 4.2.2.2). */
static bool is_signed(OCSP_BASICRESP *basic, X509 *issuer)
{
    X509_STORE *store = X509_STORE_new();
    STACK_OF(X509) *with = sk_X509_new_null();
    bool ok = store && with && X509_STORE_add_cert(store, issuer) == 1 && sk_X509_push(with, issuer) > 0 &&
              OCSP_basic_verify(basic, with, store, OCSP_PARTIAL_CHAIN) == 1;

    sk_X509_free(with);
    X509_STORE_free(store);
    return ok;
}

static int judge_basic(OCSP_BASICRESP *basic, X509 *leaf, X509 *issuer)
{
    OCSP_SINGLERESP *single = find_single(basic, leaf, issuer);
    ASN1_GENERALIZEDTIME *from = NULL, *until = NULL;
    int status;

    if (!single || !is_signed(basic, issuer))
        return X509_V_ERR_OCSP_VERIFY_FAILED;
    status = OCSP_single_get0_status(single, NULL, NULL, &from, &until);
    if (status == V_OCSP_CERTSTATUS_REVOKED) /* also of an old one: revoked is for good */
        return X509_V_ERR_CERT_REVOKED;
    if (status != V_OCSP_CERTSTATUS_GOOD || OCSP_check_validity(from, until, CLOCK_SLACK_S, -1) != 1)
        return X509_V_ERR_OCSP_VERIFY_FAILED;
    return X509_V_OK;
}

int tls_ocsp_judge(const unsigned char *response, size_t n, X509 *leaf, X509 *issuer)
{
    OCSP_RESPONSE *r = d2i_OCSP_RESPONSE(NULL, &response, (long)n);
    OCSP_BASICRESP *basic = NULL;
    int code = X509_V_ERR_OCSP_VERIFY_FAILED;

    if (r && OCSP_response_status(r) != OCSP_RESPONSE_STATUS_SUCCESSFUL)
        code = X509_V_ERR_OCSP_VERIFY_NEEDED; /* "try later" and its like: as if there were none */
    else if (r && (basic = OCSP_response_get1_basic(r)))
        code = judge_basic(basic, leaf, issuer);
    OCSP_BASICRESP_free(basic);
    OCSP_RESPONSE_free(r);
    ERR_clear_error();
    return code;
}

static bool must_staple(X509 *leaf)
{
    TLS_FEATURE *features = X509_get_ext_d2i(leaf, NID_tlsfeature, NULL, NULL);
    bool found = false;

    for (int i = 0; features && i < sk_ASN1_INTEGER_num(features) && !found; i++)
        found = ASN1_INTEGER_get(sk_ASN1_INTEGER_value(features, i)) == STATUS_REQUEST;
    sk_ASN1_INTEGER_pop_free(features, ASN1_INTEGER_free);
    return found;
}

/* Called by OpenSSL when the server's flight is complete, with a response or without. The handshake goes on always. */
static int on_status(SSL *ssl, void *arg)
{
    struct tls_note *note = tls_note_of(ssl);
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    const unsigned char *response = NULL;
    long n = SSL_get_tlsext_status_ocsp_resp(ssl, &response);
    int code = X509_V_ERR_OCSP_VERIFY_NEEDED;

    if (!note || !leaf || !note->issuer) /* a certificate without an issuer, or that DANE-EE vouches for */
        return 1;
    if (response && n > 0)
        code = tls_ocsp_judge(response, (size_t)n, leaf, note->issuer);
    X509_free(note->issuer);
    note->issuer = NULL;
    if (code == X509_V_OK || (code == X509_V_ERR_OCSP_VERIFY_NEEDED && !must_staple(leaf)))
        return 1;
    tls_note_fault(note, code, leaf, 0);
    SSL_set_verify_result(ssl, note->hard.code);
    return 1;
}

void tls_ocsp_setup(SSL_CTX *ctx)
{
    SSL_CTX_set_tlsext_status_type(ctx, TLSEXT_STATUSTYPE_ocsp);
    SSL_CTX_set_tlsext_status_cb(ctx, on_status);
}
