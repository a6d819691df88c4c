#include "test_certs.h"

#include <assert.h>
#include <dirent.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[64];
static long serial = 1000;

static void add_ext(X509 *x, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx;
    X509_EXTENSION *ext;

    X509V3_set_ctx(&ctx, issuer, x, NULL, NULL, 0);
    ext = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert(ext);
    X509_add_ext(x, ext, -1);
    X509_EXTENSION_free(ext);
}

static void add_raw_dns(X509 *x, const char *p, int n)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();

    ASN1_STRING_set(s, p, n);
    GENERAL_NAME_set0_value(name, GEN_DNS, s);
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
}

static void add_raw_xmpp(X509 *x, const char *text)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_UTF8STRING *s = ASN1_UTF8STRING_new();

    ASN1_STRING_set(s, text, -1);
    ASN1_TYPE_set(value, V_ASN1_UTF8STRING, s);
    assert(GENERAL_NAME_set0_othername(name, OBJ_nid2obj(NID_XmppAddr), value) == 1);
    sk_GENERAL_NAME_push(names, name);
    X509_add1_ext_i2d(x, NID_subject_alt_name, names, 0, 0);
    GENERAL_NAMES_free(names);
}

struct cert cert_make(const struct cert_spec *spec, const struct cert *issuer)
{
    struct cert c = { .x = X509_new() };
    const struct cert *by = issuer ? issuer : &c;
    X509_NAME *name = X509_get_subject_name(c.x);
    bool plain = spec->from_days == 0 && spec->until_days == 0;

    c.key = spec->rsa_bits ? EVP_RSA_gen((unsigned)spec->rsa_bits) : EVP_EC_gen("P-256");
    assert(c.x && c.key);
    X509_set_version(c.x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(c.x), serial++);
    X509_gmtime_adj(X509_getm_notBefore(c.x), (plain ? -1 : spec->from_days) * 86400L);
    X509_gmtime_adj(X509_getm_notAfter(c.x), (plain ? 1 : spec->until_days) * 86400L);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)spec->cn, -1, -1, 0);
    if (spec->ou)
        X509_NAME_add_entry_by_txt(name, "OU", MBSTRING_ASC, (const unsigned char *)spec->ou, -1, -1, 0);
    X509_set_issuer_name(c.x, X509_get_subject_name(by->x));
    X509_set_pubkey(c.x, c.key);
    add_ext(c.x, by->x, NID_subject_key_identifier, "hash");
    if (issuer)
        add_ext(c.x, by->x, NID_authority_key_identifier, "keyid");
    add_ext(c.x, by->x, NID_basic_constraints,
            spec->constraints ? spec->constraints
            : spec->ca        ? "critical,CA:TRUE"
                              : "CA:FALSE");
    if (spec->sans)
        add_ext(c.x, by->x, NID_subject_alt_name, spec->sans);
    if (spec->raw_dns)
        add_raw_dns(c.x, spec->raw_dns, spec->raw_dns_n);
    if (spec->raw_xmpp)
        add_raw_xmpp(c.x, spec->raw_xmpp);
    if (spec->eku)
        add_ext(c.x, by->x, NID_ext_key_usage, spec->eku);
    if (spec->permitted)
        add_ext(c.x, by->x, NID_name_constraints, spec->permitted);
    if (spec->tlsfeature)
        add_ext(c.x, by->x, NID_tlsfeature, spec->tlsfeature);
    assert(X509_sign(c.x, by->key, spec->sha1 ? EVP_sha1() : EVP_sha256()) > 0);
    return c;
}

void cert_free(struct cert *c)
{
    X509_free(c->x);
    EVP_PKEY_free(c->key);
    *c = (struct cert){ 0 };
}

void certs_begin(void)
{
    snprintf(folder, sizeof(folder), "/tmp/stox-certs-XXXXXX");
    assert(mkdtemp(folder));
}

void certs_end(void)
{
    DIR *d = opendir(folder);
    struct dirent *e;

    while (d && (e = readdir(d))) {
        if (e->d_name[0] != '.')
            unlinkat(dirfd(d), e->d_name, 0);
    }
    if (d)
        closedir(d);
    rmdir(folder);
}

const char *certs_path(const char *name)
{
    static char paths[64][128];
    static int turn;
    char *out = paths[turn++ % 64];

    snprintf(out, sizeof(paths[0]), "%s/%s", folder, name);
    return out;
}

static FILE *create(const char *path)
{
    FILE *f = fopen(path, "we");

    assert(f);
    return f;
}

const char *certs_write(const char *name, const char *text)
{
    const char *path = certs_path(name);
    FILE *f = create(path);

    fputs(text, f);
    fclose(f);
    return path;
}

const char *certs_write_chain(const char *name, const struct cert *leaf, const struct cert *intermediate)
{
    const char *path = certs_path(name);
    FILE *f = create(path);

    PEM_write_X509(f, leaf->x);
    if (intermediate)
        PEM_write_X509(f, intermediate->x);
    fclose(f);
    return path;
}

const char *certs_write_key(const char *name, const struct cert *c, const char *passphrase)
{
    const char *path = certs_path(name);
    FILE *f = create(path);

    PEM_write_PrivateKey(f, c->key, passphrase ? EVP_aes_128_cbc() : NULL, (const unsigned char *)passphrase,
                         passphrase ? (int)strlen(passphrase) : 0, NULL, NULL);
    fclose(f);
    return path;
}

static void put_revoked(X509_CRL *crl, const struct cert *c, const ASN1_TIME *when)
{
    X509_REVOKED *r = X509_REVOKED_new();

    assert(r && X509_REVOKED_set_serialNumber(r, X509_get_serialNumber(c->x)) == 1);
    X509_REVOKED_set_revocationDate(r, (ASN1_TIME *)when);
    assert(X509_CRL_add0_revoked(crl, r) == 1);
}

const char *certs_write_crl(const char *name, const struct cert *issuer, const struct cert *const *revoked, size_t n,
                            int days)
{
    const char *path = certs_path(name);
    X509_CRL *crl = X509_CRL_new();
    ASN1_TIME *from = X509_gmtime_adj(NULL, -3 * 86400L), *until = X509_gmtime_adj(NULL, days * 86400L);
    FILE *f = create(path);

    assert(crl && from && until);
    X509_CRL_set_version(crl, X509_CRL_VERSION_2);
    X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->x));
    X509_CRL_set1_lastUpdate(crl, from);
    X509_CRL_set1_nextUpdate(crl, until);
    for (size_t i = 0; i < n; i++)
        put_revoked(crl, revoked[i], from);
    assert(X509_CRL_sort(crl) == 1 && X509_CRL_sign(crl, issuer->key, EVP_sha256()) > 0);
    PEM_write_X509_CRL(f, crl);
    fclose(f);
    X509_CRL_free(crl);
    ASN1_TIME_free(from);
    ASN1_TIME_free(until);
    return path;
}
