#include "pki/defect.h"

#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "pki/key.h"
#include "pki/pki_priv.h"

#define DAY_S 86400
#define SECURITY_BITS_MIN 112
#define XMPP_SERVICE "_xmpp-server."

static const struct {
    const char *name;
    enum pki_weight weight;
} kinds[] = {
    [PKI_FINE] = { "fine", PKI_HINT },
    [PKI_NOT_A_CERTIFICATE] = { "not-a-certificate", PKI_FATAL },
    [PKI_TOO_LARGE] = { "too-large", PKI_FATAL },
    [PKI_PASSPHRASE_MISSING] = { "passphrase-missing", PKI_FATAL },
    [PKI_PASSPHRASE_WRONG] = { "passphrase-wrong", PKI_FATAL },
    [PKI_NO_KEY] = { "no-key", PKI_FATAL },
    [PKI_WRONG_KEY] = { "wrong-key", PKI_FATAL },
    [PKI_NO_MEMORY] = { "no-memory", PKI_FATAL },
    [PKI_EXPIRED] = { "expired", PKI_FATAL },
    [PKI_WEAK_KEY] = { "weak-key", PKI_FATAL },
    [PKI_WEAK_SIGNATURE] = { "weak-signature", PKI_FATAL },
    [PKI_WRONG_PURPOSE] = { "wrong-purpose", PKI_FATAL },
    [PKI_IS_AUTHORITY] = { "is-authority", PKI_SERIOUS },
    [PKI_SELF_SIGNED] = { "self-signed", PKI_SERIOUS },
    [PKI_NOT_YET_VALID] = { "not-yet-valid", PKI_SERIOUS },
    [PKI_NAME_MISSING] = { "name-missing", PKI_SERIOUS },
    [PKI_CHAIN_INCOMPLETE] = { "chain-incomplete", PKI_SERIOUS },
    [PKI_EXPIRES_SOON] = { "expires-soon", PKI_HINT },
};

const char *pki_defect_name(enum pki_defect_kind kind)
{
    return kinds[kind].name;
}

enum pki_weight pki_defect_weight(enum pki_defect_kind kind)
{
    return kinds[kind].weight;
}

bool pki_defect_set(struct pki_defect *d, enum pki_defect_kind kind, const char *fmt, ...)
{
    va_list ap;

    d->kind = kind;
    va_start(ap, fmt);
    vsnprintf(d->text, sizeof(d->text), fmt, ap);
    va_end(ap);
    return false;
}

static struct pki_defect *next(struct pki_defects *out)
{
    if (out->n == PKI_DEFECTS_MAX) {
        out->n_left_out++;
        return NULL;
    }
    return &out->v[out->n++];
}

#define FOUND(out, kind, ...)                                                                                          \
    do {                                                                                                               \
        struct pki_defect *found_ = next(out);                                                                         \
        if (found_)                                                                                                    \
            pki_defect_set(found_, kind, __VA_ARGS__);                                                                 \
    } while (0)

enum pki_weight pki_defects_weight(const struct pki_defects *d)
{
    enum pki_weight weight = PKI_HINT;

    for (size_t i = 0; i < d->n; i++)
        if (pki_defect_weight(d->v[i].kind) > weight)
            weight = pki_defect_weight(d->v[i].kind);
    return weight;
}

/* ---- dates ---- */

static int64_t seconds_of(const ASN1_TIME *t)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0, seconds = 0;
    bool ok = epoch && t && ASN1_TIME_diff(&days, &seconds, epoch, t) == 1;

    ASN1_TIME_free(epoch);
    return ok ? (int64_t)days * DAY_S + seconds : 0;
}

int64_t pki_until(const X509 *x)
{
    return seconds_of(X509_get0_notAfter(x));
}

int64_t pki_since(const X509 *x)
{
    return seconds_of(X509_get0_notBefore(x));
}

static void check_dates(const struct pki_case *c, X509 *x, struct pki_defects *out)
{
    int64_t until = pki_until(x), since = pki_since(x);
    char name[200], day[16];

    pki_label(x, name, sizeof(name));
    pki_day(X509_get0_notAfter(x), day);
    if (until <= c->now_s) {
        FOUND(out, PKI_EXPIRED, "the certificate for %s expired %s; get a new one", name, day);
    } else if (since > c->now_s) {
        pki_day(X509_get0_notBefore(x), day);
        FOUND(out, PKI_NOT_YET_VALID,
              "the certificate for %s is not valid before %s; check this machine's clock, or wait", name, day);
    } else if (until - c->now_s < (int64_t)c->warn_days * DAY_S) {
        FOUND(out, PKI_EXPIRES_SOON, "the certificate for %s expires %s, in %d days; request its successor now", name,
              day, (int)((until - c->now_s) / DAY_S));
    }
}

/* ---- strength ---- */

static void check_key(X509 *x, struct pki_defects *out)
{
    EVP_PKEY *key = X509_get0_pubkey(x);
    char name[200], kind[80] = "of a kind that is not supported";

    if (key && EVP_PKEY_get_security_bits(key) >= SECURITY_BITS_MIN)
        return;
    pki_label(x, name, sizeof(name));
    if (key)
        pki_key_describe(key, kind, sizeof(kind));
    FOUND(out, PKI_WEAK_KEY,
          "the key of the certificate for %s is too weak (%s); RSA needs 2048 bits at least: request a new one", name,
          kind);
}

static void check_signature(X509 *x, struct pki_defects *out)
{
    int digest = NID_undef, bits = 0;
    char name[200];

    if (X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0)
        return; /* nobody looks at that of a root */
    if (X509_get_signature_info(x, &digest, NULL, &bits, NULL) == 1 && bits >= SECURITY_BITS_MIN)
        return;
    pki_label(x, name, sizeof(name));
    FOUND(out, PKI_WEAK_SIGNATURE,
          "the certificate for %s is signed with %s, which is not accepted any more; ask the authority for one with "
          "SHA-256",
          name, digest != NID_undef ? OBJ_nid2ln(digest) : "an unknown method");
}

static void check_strength(const struct pki_case *c, struct pki_defects *out)
{
    for (int i = 0; i < sk_X509_num(c->chain); i++) {
        check_key(sk_X509_value(c->chain, i), out);
        check_signature(sk_X509_value(c->chain, i), out);
    }
}

/* ---- purpose ---- */

static void check_purpose(const struct pki_case *c, X509 *x, struct pki_defects *out)
{
    char name[200];

    pki_label(x, name, sizeof(name));
    if (X509_check_purpose(x, X509_PURPOSE_SSL_SERVER, 0) != 1)
        FOUND(out, PKI_WRONG_PURPOSE,
              "the certificate for %s is not made for servers; request one with the profile server", name);
    else if (c->profile == PKI_SERVER_CLIENT && X509_check_purpose(x, X509_PURPOSE_SSL_CLIENT, 0) != 1)
        FOUND(out, PKI_WRONG_PURPOSE,
              "the certificate for %s is made for servers only, and is needed for clients too; request one with the "
              "profile server+client",
              name);
}

/* ---- the chain ---- */

static bool is_self_issued(X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

static bool issuer_is_trusted(X509_STORE *trust, X509 *x)
{
    X509_STORE_CTX *ctx = trust ? X509_STORE_CTX_new() : NULL;
    X509 *issuer = NULL;
    bool found;

    if (!ctx)
        return false;
    found = X509_STORE_CTX_init(ctx, trust, NULL, NULL) == 1 && X509_STORE_CTX_get1_issuer(&issuer, ctx, x) == 1;
    X509_free(issuer);
    X509_STORE_CTX_free(ctx);
    ERR_clear_error();
    return found;
}

static void check_chain(const struct pki_case *c, X509 *leaf, struct pki_defects *out)
{
    X509 *last = sk_X509_value(c->chain, sk_X509_num(c->chain) - 1);
    char name[200], issuer[300];

    pki_label(leaf, name, sizeof(name));
    if (is_self_issued(leaf)) {
        FOUND(out, PKI_SELF_SIGNED,
              "the certificate for %s is self-signed; only partners who have been given its pin accept it", name);
        return;
    }
    if (X509_check_ca(leaf) == 1)
        FOUND(out, PKI_IS_AUTHORITY,
              "the certificate for %s is an authority's own; import the one that was made for this gateway", name);
    if (is_self_issued(last) || issuer_is_trusted(c->trust, last))
        return;
    pki_label(last, name, sizeof(name));
    pki_label_of(X509_get_issuer_name(last), issuer, sizeof(issuer));
    FOUND(out, PKI_CHAIN_INCOMPLETE,
          "the certificate of the issuer of %s, \"%s\", is missing; add the authority's intermediate certificates to "
          "the file",
          name, issuer);
}

/* ---- names ---- */

static bool has_srv(const GENERAL_NAMES *names, struct slice text)
{
    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const ASN1_IA5STRING *srv = pki_srv_name(sk_GENERAL_NAME_value(names, i));

        if (srv && slice_ieq(slice_of((const char *)ASN1_STRING_get0_data(srv), (size_t)ASN1_STRING_length(srv)), text))
            return true;
    }
    return false;
}

static bool has_dns(const X509 *x, struct slice text)
{
    /* One of it all by itself is a wildcard that was asked for. */
    return text.n > 0 &&
           X509_check_host((X509 *)x, text.p, text.n,
                           X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1;
}

bool pki_names_it(const X509 *x, struct slice name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    struct slice bare = pki_name_is_srv(name) ? slice_from(name, slice_find(name, '.') + 1) : name;
    char srv[PKI_NAME_MAX + sizeof(XMPP_SERVICE)];
    int n = snprintf(srv, sizeof(srv), XMPP_SERVICE "%.*s", SLICE_FMT(bare));
    bool has = has_dns(x, bare) || has_srv(names, name) ||
               (!pki_name_is_srv(name) && n > 0 && (size_t)n < sizeof(srv) && has_srv(names, slice_of(srv, (size_t)n)));

    GENERAL_NAMES_free(names);
    ERR_clear_error();
    return has;
}

static void check_names(const struct pki_case *c, X509 *x, struct pki_defects *out)
{
    char name[200];

    pki_label(x, name, sizeof(name));
    for (size_t i = 0; i < c->n_names; i++)
        if (!pki_names_it(x, c->names[i]))
            FOUND(out, PKI_NAME_MISSING,
                  "the certificate for %s does not name %.*s, so that nobody accepts it there; request one that does",
                  name, SLICE_FMT(c->names[i]));
}

/* ---- all of it ---- */

void pki_check(const struct pki_case *c, struct pki_defects *out)
{
    X509 *leaf = sk_X509_value(c->chain, 0);
    char name[200];

    out->n = 0;
    out->n_left_out = 0;
    if (!leaf) {
        FOUND(out, PKI_NOT_A_CERTIFICATE, "there is no certificate");
        return;
    }
    ERR_clear_error();
    pki_label(leaf, name, sizeof(name));
    if (c->known)
        FOUND(out, c->known->kind, "%s", c->known->text);
    if (c->key && !pki_key_same(X509_get0_pubkey(leaf), c->key))
        FOUND(out, PKI_WRONG_KEY, "the key does not belong to the certificate for %s", name);
    check_strength(c, out);
    check_purpose(c, leaf, out);
    for (int i = 0; i < sk_X509_num(c->chain); i++)
        check_dates(c, sk_X509_value(c->chain, i), out);
    check_chain(c, leaf, out);
    check_names(c, leaf, out);
    ERR_clear_error();
}

X509_STORE *pki_trust_load(const char *ca_file, struct err *err)
{
    X509_STORE *store = X509_STORE_new();
    bool ok;

    ERR_clear_error();
    ok = store && (ca_file ? X509_STORE_load_file(store, ca_file) : X509_STORE_set_default_paths(store)) == 1;
    if (!ok) {
        err_set(err, "cannot read the authorities%s%s: %s", ca_file ? " in " : "", ca_file ? ca_file : "", pki_fault());
        X509_STORE_free(store);
        return NULL;
    }
    ERR_clear_error();
    return store;
}
