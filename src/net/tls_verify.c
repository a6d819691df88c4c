/*
 * Judging a peer's certificate. Every chain is let through the handshake: the verdict is kept for the protocol, which
 * may have other means (dialback) or wants to say in its own words why not.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "net/tls_priv.h"

enum { SUBJECT_MAX = 256, FAULT_MAX = 512 };

/* id-kp-sipDomain, RFC 5924: 1.3.6.1.5.5.7.3.20. */
static const unsigned char oid_sip_domain[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x14 };

static bool names_sip_domain(X509 *x)
{
    EXTENDED_KEY_USAGE *eku = X509_get_ext_d2i(x, NID_ext_key_usage, NULL, NULL);
    bool found = false;

    for (int i = 0; eku && i < sk_ASN1_OBJECT_num(eku) && !found; i++) {
        const ASN1_OBJECT *o = sk_ASN1_OBJECT_value(eku, i);
        found = OBJ_length(o) == sizeof(oid_sip_domain) && memcmp(OBJ_get0_data(o), oid_sip_domain, OBJ_length(o)) == 0;
    }
    sk_ASN1_OBJECT_pop_free(eku, ASN1_OBJECT_free);
    return found;
}

/*
 * May this certificate speak on our connections, or issue one that does? Gateways are client and server to each other,
 * and many authorities issue for serverAuth alone: absent usage, server, client, any and sipDomain (RFC 5922 7.1, RFC
 * 5924) are all good, whichever side the peer is on. XEP-0178 and RFC 6120 13.7 ask for no more.
 */
static bool purpose_fits(X509 *x, bool leaf)
{
    uint32_t flags = X509_get_extension_flags(x);

    if (flags & EXFLAG_INVALID)
        return false;
    if (leaf && (flags & EXFLAG_KUSAGE) &&
        !(X509_get_key_usage(x) & (KU_DIGITAL_SIGNATURE | KU_KEY_ENCIPHERMENT | KU_KEY_AGREEMENT)))
        return false;
    if (!(flags & EXFLAG_XKUSAGE))
        return true;
    return (X509_get_extended_key_usage(x) & (XKU_SSL_SERVER | XKU_SSL_CLIENT | XKU_ANYEKU)) || names_sip_domain(x);
}

static void name_text(const X509_NAME *name, char out[SUBJECT_MAX])
{
    BIO *b = BIO_new(BIO_s_mem());
    int n = 0;

    if (b && X509_NAME_print_ex(b, name, 0, XN_FLAG_RFC2253) >= 0)
        n = BIO_read(b, out, SUBJECT_MAX - 1);
    out[n > 0 ? n : 0] = '\0';
    BIO_free(b);
}

static void print_dated(char *out, size_t n, const char *what, const ASN1_TIME *t)
{
    char day[16];

    tls_date(t, day);
    snprintf(out, n, "%s %s", what, day);
}

/* A clause about fault, which is at certificate x (the leaf when the chain is not known any more). */
static void fault_text(char *out, size_t n, int fault, const X509 *x)
{
    char name[SUBJECT_MAX];

    switch (fault) {
    case X509_V_ERR_CERT_HAS_EXPIRED: print_dated(out, n, "certificate expired", X509_get0_notAfter(x)); break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        print_dated(out, n, "certificate is not valid before", X509_get0_notBefore(x));
        break;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: snprintf(out, n, "self-signed certificate is not trusted"); break;
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        name_text(X509_get_subject_name(x), name);
        snprintf(out, n, "root %s is not trusted", name);
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
        name_text(X509_get_issuer_name(x), name);
        snprintf(out, n, "issuer %s is not trusted, or the peer does not send its intermediate certificates", name);
        break;
    case X509_V_ERR_INVALID_PURPOSE:
        snprintf(out, n, "certificate may not be used for TLS (extended key usage)");
        break;
    case X509_V_ERR_CERT_CHAIN_TOO_LONG:
        snprintf(out, n, "certificate chain is longer than %d intermediates", TLS_DEPTH_MAX);
        break;
    case X509_V_ERR_EE_KEY_TOO_SMALL: snprintf(out, n, "certificate's key is too short (RSA needs 2048 bits)"); break;
    case X509_V_ERR_CA_KEY_TOO_SMALL: snprintf(out, n, "an issuer's key is too short (RSA needs 2048 bits)"); break;
    case X509_V_ERR_CA_MD_TOO_WEAK:
        snprintf(out, n, "certificate is signed with a broken hash (SHA-1 or older)");
        break;
    default: snprintf(out, n, "certificate not accepted: %s", X509_verify_cert_error_string(fault)); break;
    }
}

static struct tls_note *note_of_store(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

    return ssl ? tls_note_of(ssl) : NULL;
}

/* Called by OpenSSL for every certificate of the chain and every fault of it. Keeps the first fault, goes on always. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    struct tls_note *note = note_of_store(store);
    int fault = ok ? X509_V_OK : X509_STORE_CTX_get_error(store);
    X509 *x = X509_STORE_CTX_get_current_cert(store);
    char text[FAULT_MAX];

    if (!note)
        return 0;
    if (ok && x && !purpose_fits(x, X509_STORE_CTX_get_error_depth(store) == 0))
        fault = X509_V_ERR_INVALID_PURPOSE;
    if (fault != X509_V_OK && note->fault == X509_V_OK) {
        note->fault = fault;
        if (x) {
            fault_text(text, sizeof(text), fault, x);
            note->text = strdup(text);
        }
    }
    /* What OpenSSL keeps with the session is the last value it finds here: later faults must not hide the first. */
    X509_STORE_CTX_set_error(store, note->fault);
    return 1;
}

/*
 * Verifies, and then lets go of all of the chain but the leaf, which OpenSSL would keep as long as the connection: some
 * 4 KiB for each intermediate, for nothing. A resumed session has never had them.
 */
static int on_chain(X509_STORE_CTX *store, void *arg)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);

    if (X509_verify_cert(store) <= 0 && X509_STORE_CTX_get_error(store) == X509_V_OK)
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    X509_STORE_CTX_set0_verified_chain(store, NULL);
    while (sk_X509_num(sent) > 1)
        X509_free(sk_X509_pop(sent));
    return 1;
}

void tls_verify_setup(SSL_CTX *ctx)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(ctx);

    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
    SSL_CTX_set_cert_verify_callback(ctx, on_chain, NULL);
    SSL_CTX_set_verify_depth(ctx, TLS_DEPTH_MAX);
    X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_ANY); /* purpose_fits instead */
    /* An authority that the operator named is one, also when it is not self-signed. */
    X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN | X509_V_FLAG_TRUSTED_FIRST);
}

/* The text of an otherName, when it is of a kind we know and of the string type its standard gives it. */
static bool other_name(const OTHERNAME *on, struct tls_name *out)
{
    int nid = OBJ_obj2nid(on->type_id);
    int want = nid == NID_XmppAddr ? V_ASN1_UTF8STRING : V_ASN1_IA5STRING;
    const ASN1_STRING *s;

    if ((nid != NID_XmppAddr && nid != NID_SRVName) || !on->value || on->value->type != want)
        return false;
    s = on->value->value.asn1_string;
    out->kind = nid == NID_XmppAddr ? TLS_NAME_XMPP : TLS_NAME_SRV; /* RFC 6120 13.7.1.4, RFC 4985 */
    out->text = slice_of((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    return true;
}

static bool general_name(const GENERAL_NAME *g, struct tls_name *out)
{
    const ASN1_STRING *s;

    switch (g->type) {
    case GEN_DNS:
        out->kind = TLS_NAME_DNS;
        s = g->d.dNSName;
        break;
    case GEN_URI:
        out->kind = TLS_NAME_URI;
        s = g->d.uniformResourceIdentifier;
        break;
    case GEN_OTHERNAME: return other_name(g->d.otherName, out);
    default: return false;
    }
    out->text = slice_of((const char *)ASN1_STRING_get0_data(s), (size_t)ASN1_STRING_length(s));
    return true;
}

static bool collect_names(X509 *x, struct arena *arena, struct tls_peer *out)
{
    GENERAL_NAMES *sans = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    int n = sans ? sk_GENERAL_NAME_num(sans) : 0;
    bool ok = true;

    if (n > TLS_NAMES_MAX)
        n = TLS_NAMES_MAX;
    if (n > 0)
        ok = (out->names = arena_alloc(arena, (size_t)n * sizeof(*out->names))) != NULL;
    for (int i = 0; ok && i < n; i++) {
        struct tls_name *name = &out->names[out->n_names];
        if (!general_name(sk_GENERAL_NAME_value(sans, i), name))
            continue;
        name->text = arena_dup(arena, name->text);
        ok = name->text.p != NULL;
        out->n_names += ok;
    }
    GENERAL_NAMES_free(sans);
    return ok;
}

bool tls_peer(SSL *ssl, struct arena *arena, struct tls_peer *out)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    const struct tls_note *note = tls_note_of(ssl);
    char subject[SUBJECT_MAX], text[FAULT_MAX];
    long fault = SSL_get_verify_result(ssl);
    bool ok;

    *out = (struct tls_peer){ .presented = leaf != NULL, .fault = "the peer sent no certificate" };
    if (!leaf)
        return true;
    out->trusted = fault == X509_V_OK;
    out->fault = "";
    ok = collect_names(leaf, arena, out);
    name_text(X509_get_subject_name(leaf), subject);
    out->subject = arena_dup(arena, slice_str(subject));
    if (!out->trusted) {
        if (!note || !note->text) /* a resumed session: all we have is the leaf */
            fault_text(text, sizeof(text), (int)fault, leaf);
        out->fault = arena_strdup(arena, slice_str(note && note->text ? note->text : text));
    }
    ERR_clear_error();
    return ok && out->subject.p && out->fault;
}
