/* The faults of a peer's chain: kept while it is verified, and said in words with what to do about them. */
#include <stdio.h>
#include <string.h>

#include "net/tls_priv.h"

bool tls_fault_is_of_authority(int code)
{
    switch (code) {
    case X509_V_OK:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED: return true;
    default: return false;
    }
}

static void keep(struct tls_fault *f, int code, const char *text)
{
    if (f->code != X509_V_OK)
        return;
    f->code = code;
    f->text = text ? strdup(text) : NULL;
}

void tls_note_fault(struct tls_note *note, int code, const X509 *x, int depth)
{
    char text[TLS_FAULT_MAX];

    if (x)
        tls_fault_clause(text, code, x, depth);
    keep(&note->first, code, x ? text : NULL);
    if (!tls_fault_is_of_authority(code))
        keep(&note->hard, code, x ? text : NULL);
}

void tls_name_text(const X509_NAME *name, char out[TLS_SUBJECT_MAX])
{
    BIO *b = BIO_new(BIO_s_mem());
    int n = 0;

    if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_read(b, out, TLS_SUBJECT_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(b);
}

/* Faults whose sentence is the same for every certificate. */
static const char *plain_clause(int code)
{
    switch (code) {
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
        return "self-signed certificate is not trusted; it must come from an authority that both sides trust";
    case X509_V_ERR_INVALID_PURPOSE:
        return "certificate may not be used for TLS (extended key usage); it must be issued for serverAuth and "
               "clientAuth";
    case X509_V_ERR_EE_KEY_TOO_SMALL: return "certificate's key is too short; RSA needs 2048 bits";
    case X509_V_ERR_CA_KEY_TOO_SMALL: return "an issuer's key is too short; RSA needs 2048 bits";
    case X509_V_ERR_CA_MD_TOO_WEAK:
        return "certificate is signed with a broken hash (SHA-1 or older); it must be issued anew with SHA-256";
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_INVALID_NON_CA:
        return "certificate is signed by a certificate that is no authority (CA:FALSE); it must be issued by one";
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return "an authority of the chain may not issue further authorities (path length); it must be issued by "
               "another";
    case X509_V_ERR_PERMITTED_VIOLATION:
    case X509_V_ERR_EXCLUDED_VIOLATION:
    case X509_V_ERR_SUBTREE_MINMAX:
        return "its authority may not issue for these names (name constraints); it must come from one that may";
    case X509_V_ERR_DANE_NO_MATCH:
        return "certificate is none of those that the DNS names (TLSA); the partner must correct the records, or its "
               "certificate";
    case X509_V_ERR_OCSP_VERIFY_FAILED:
        return "the OCSP response that came with the certificate is not valid; the partner must repair its stapling";
    case X509_V_ERR_OCSP_VERIFY_NEEDED:
        return "certificate asks for a stapled OCSP response (must-staple) and none came; the partner must turn "
               "stapling on";
    default: return NULL;
    }
}

static void dated_clause(char out[TLS_FAULT_MAX], int code, const X509 *x, int depth)
{
    const char *what = depth > 0 ? "an issuer's certificate" : "certificate";
    char day[16];

    if (code == X509_V_ERR_CERT_HAS_EXPIRED) {
        tls_date(X509_get0_notAfter(x), day);
        snprintf(out, TLS_FAULT_MAX, "%s expired %s; it must be renewed", what, day);
    } else {
        tls_date(X509_get0_notBefore(x), day);
        snprintf(out, TLS_FAULT_MAX, "%s is not valid before %s; check the clocks of both sides", what, day);
    }
}

void tls_fault_clause(char out[TLS_FAULT_MAX], int code, const X509 *x, int depth)
{
    const char *plain = plain_clause(code);
    char name[TLS_SUBJECT_MAX];

    switch (code) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID: dated_clause(out, code, x, depth); return;
    case X509_V_ERR_CERT_REVOKED:
        tls_name_text(X509_get_subject_name(x), name);
        snprintf(out, TLS_FAULT_MAX, "%s %s is revoked by its authority; the partner must get a new one",
                 depth > 0 ? "the issuer's certificate" : "certificate", name);
        return;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        tls_name_text(X509_get_subject_name(x), name);
        snprintf(out, TLS_FAULT_MAX, "root %s is not trusted; if it is a good one, put it into trust-file", name);
        return;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        tls_name_text(X509_get_issuer_name(x), name);
        snprintf(out, TLS_FAULT_MAX,
                 "issuer %s is not trusted, or the peer does not send its intermediate certificates", name);
        return;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        snprintf(out, TLS_FAULT_MAX, "certificate chain is longer than %d intermediates; it needs a shorter one",
                 TLS_DEPTH_MAX);
        return;
    default:
        snprintf(out, TLS_FAULT_MAX, "%s%s",
                 plain ? "" : "certificate not accepted: ", plain ? plain : X509_verify_cert_error_string(code));
        return;
    }
}
