/*
 * Judging a peer's certificate. Every chain is let through the handshake: the verdict is kept for the protocol, which
 * may have other means (dialback) or wants to say in its own words why not.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "net/tls_priv.h"

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

static struct tls_note *note_of_store(X509_STORE_CTX *store)
{
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

    return ssl ? tls_note_of(ssl) : NULL;
}

bool tls_fault_is_about_lists(int code)
{
    switch (code) {
    case X509_V_ERR_UNABLE_TO_GET_CRL:
    case X509_V_ERR_CRL_HAS_EXPIRED:
    case X509_V_ERR_CRL_NOT_YET_VALID:
    case X509_V_ERR_DIFFERENT_CRL_SCOPE: return true;
    default: return false;
    }
}

static void judge_purpose(struct tls_note *note, X509 *x, int depth)
{
    if (purpose_fits(x, depth == 0))
        return;
    if (note->dane && depth == 0)
        note->misused = true; /* whether that counts is known when all is done */
    else
        tls_note_fault(note, X509_V_ERR_INVALID_PURPOSE, x, depth);
}

/* The code that OpenSSL keeps with the session, and that is all a resumed one has: the worst there was. */
static int verdict(const struct tls_note *note)
{
    return note->hard.code != X509_V_OK ? note->hard.code : note->first.code;
}

/* Called by OpenSSL for every certificate of the chain and every fault of it. Keeps the faults, goes on always. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
    struct tls_note *note = note_of_store(store);
    X509 *x = X509_STORE_CTX_get_current_cert(store);
    int code = X509_STORE_CTX_get_error(store), depth = X509_STORE_CTX_get_error_depth(store);

    if (!note)
        return 0;
    if (!ok && !tls_fault_is_about_lists(code))
        tls_note_fault(note, code, x, depth);
    else if (ok && x)
        judge_purpose(note, x, depth);
    X509_STORE_CTX_set_error(store, verdict(note));
    return 1;
}

/* Who issued the leaf, for the stapled response that may follow. */
static void keep_issuer(struct tls_note *note, X509_STORE_CTX *store)
{
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(store);

    if (note->issuer || sk_X509_num(chain) < 2)
        return;
    note->issuer = sk_X509_value(chain, 1);
    X509_up_ref(note->issuer);
}

/*
 * Verifies, and then lets go of all of the chain but the leaf, which OpenSSL would keep as long as the connection: some
 * 4 KiB for each intermediate, for nothing. A resumed session has never had them.
 */
static int on_chain(X509_STORE_CTX *store, void *arg)
{
    STACK_OF(X509) *sent = X509_STORE_CTX_get0_untrusted(store);
    const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct tls_note *note = note_of_store(store);
    struct tls *tls = SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl));

    tls_crls_apply(tls, store);
    if (X509_verify_cert(store) <=
        0) { /* on_verify lets everything pass: this is want of memory, or what OpenSSL cannot do */
        int code = X509_STORE_CTX_get_error(store);

        if (code == X509_V_OK)
            X509_STORE_CTX_set_error(store, code = X509_V_ERR_UNSPECIFIED);
        if (note)
            tls_note_fault(note, code, NULL, 0);
    }
    if (note)
        X509_STORE_CTX_set_error(store, verdict(note));
    if (note && !SSL_is_server(ssl))
        keep_issuer(note, store);
    if (note && note->first.code == X509_V_OK)
        tls_issuers_keep(tls, X509_STORE_CTX_get0_chain(store));
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

static bool put_pin(X509 *leaf, struct arena *arena, struct slice *out)
{
    unsigned char hash[EVP_MAX_MD_SIZE], *der = NULL;
    int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf), &der);
    char text[PIN_TEXT];
    bool ok = n > 0 && EVP_Digest(der, (size_t)n, hash, NULL, EVP_sha256(), NULL) == 1 && pin_print(hash, text);

    OPENSSL_free(der);
    *out = ok ? arena_dup(arena, slice_str(text)) : (struct slice){ 0 };
    return out->p != NULL;
}

static uint64_t left_ms(const X509 *leaf)
{
    int days = 0, seconds = 0;

    if (!ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(leaf)) || days < 0 || seconds < 0)
        return 0;
    return ((uint64_t)days * 86400 + (uint64_t)seconds) * 1000;
}

/* The clause that was kept about code; of a resumed session all we have is the leaf. */
static const char *clause_of(const struct tls_fault *kept, int code, const X509 *leaf, struct arena *arena)
{
    char text[TLS_FAULT_MAX];

    if (kept->text)
        return arena_strdup(arena, slice_str(kept->text));
    tls_fault_clause(text, code, leaf, 0);
    return arena_strdup(arena, slice_str(text));
}

static enum tls_dane dane_verdict(SSL *ssl, const struct tls_note *note, bool fits)
{
    uint8_t usage = 0;

    if (!note->dane)
        return TLS_DANE_NONE;
    if (!fits || SSL_get0_dane_tlsa(ssl, &usage, NULL, NULL, NULL, NULL) < 0)
        return TLS_DANE_NO_MATCH;
    return usage == DANE_EE ? TLS_DANE_FINAL : TLS_DANE_MATCH;
}

/* What can still be found after the handshake: usage that DANE did not excuse, and the end of a resumed one's dates. */
static int late_fault(SSL *ssl, const struct tls_note *note, X509 *leaf, int code)
{
    bool final = dane_verdict(ssl, note, code == X509_V_OK) == TLS_DANE_FINAL;

    if (code == X509_V_OK && note->misused && !final)
        return X509_V_ERR_INVALID_PURPOSE;
    if (tls_fault_is_of_authority(code) && X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0 && !final)
        return X509_V_ERR_CERT_HAS_EXPIRED;
    return code;
}

static enum tls_cert_fault kind_of(int code)
{
    switch (code) {
    case X509_V_OK: return TLS_CERT_FINE;
    case X509_V_ERR_CERT_HAS_EXPIRED: return TLS_CERT_EXPIRED;
    case X509_V_ERR_CERT_NOT_YET_VALID: return TLS_CERT_NOT_YET;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: return TLS_CERT_SELF_SIGNED;
    case X509_V_ERR_CERT_REVOKED: return TLS_CERT_REVOKED;
    default: return tls_fault_is_of_authority(code) ? TLS_CERT_UNKNOWN_ISSUER : TLS_CERT_OTHER;
    }
}

static bool put_faults(SSL *ssl, const struct tls_note *note, X509 *leaf, struct arena *arena, struct tls_peer *out)
{
    static const struct tls_fault none = { 0 };
    int kept = (int)SSL_get_verify_result(ssl), code = late_fault(ssl, note, leaf, kept);
    const struct tls_fault *said = note->dane && note->hard.code != X509_V_OK ? &note->hard : &note->first;
    int hard = code;

    out->dane = dane_verdict(ssl, note, code == X509_V_OK);
    out->trusted = code == X509_V_OK;
    out->fault = out->unsound = "";
    if (out->dane == TLS_DANE_FINAL && X509_cmp_current_time(X509_get0_notAfter(leaf)) < 0)
        hard = X509_V_ERR_CERT_HAS_EXPIRED;
    out->sound = tls_fault_is_of_authority(hard);
    out->fault_kind = kind_of(code == kept && said->code != X509_V_OK ? said->code : code);
    out->unsound_kind = kind_of(hard);
    if (!out->trusted)
        out->fault = clause_of(code == kept ? said : &none, code, leaf, arena);
    if (!out->sound)
        out->unsound = clause_of(hard == kept ? &note->hard : &none, hard, leaf, arena);
    return out->fault && out->unsound;
}

bool tls_peer(SSL *ssl, struct arena *arena, struct tls_peer *out)
{
    X509 *leaf = SSL_get0_peer_certificate(ssl);
    const struct tls_note *note = tls_note_of(ssl);
    char name[TLS_SUBJECT_MAX];
    bool ok;

    *out = (struct tls_peer){ .presented = leaf != NULL, .fault = "the peer sent no certificate" };
    out->unsound = out->fault;
    if (!leaf || !note)
        return !leaf;
    ok = collect_names(leaf, arena, out);
    tls_name_text(X509_get_subject_name(leaf), name);
    out->subject = arena_dup(arena, slice_str(name));
    tls_name_text(X509_get_issuer_name(leaf), name);
    out->issuer = arena_dup(arena, slice_str(name));
    tls_date(X509_get0_notAfter(leaf), out->until);
    out->left_ms = left_ms(leaf);
    ok = put_faults(ssl, note, leaf, arena, out) && put_pin(leaf, arena, &out->pin) && ok && out->subject.p &&
         out->issuer.p;
    ERR_clear_error();
    return ok;
}

uint64_t tls_left_ms(SSL *ssl)
{
    const X509 *leaf = SSL_get0_peer_certificate(ssl);

    return leaf ? left_ms(leaf) : 0;
}
