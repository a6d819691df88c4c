#include "pki/request.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "pki/key.h"
#include "pki/pki_priv.h"

const char *const pki_profiles[] = { "server", "server+client", NULL };

#define SUBJECT_PARTS 6

/* A part of the subject: what it is called, and how much of it RFC 5280 allows (appendix A.1, ub-...). */
struct part {
    int nid;
    const char *what;
    size_t max; /* characters */
    struct slice text;
};

static void parts_of(const struct pki_subject *s, struct part out[SUBJECT_PARTS])
{
    const struct part parts[SUBJECT_PARTS] = {
        { NID_countryName, "country", 2, s->country },
        { NID_stateOrProvinceName, "state", 128, s->state },
        { NID_localityName, "locality", 128, s->locality },
        { NID_organizationName, "organization", 64, s->organization },
        { NID_organizationalUnitName, "unit", 64, s->unit },
        { NID_commonName, "common name", 64, s->common_name },
    };

    memcpy(out, parts, sizeof(parts));
}

static size_t characters(struct slice text)
{
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++)
        n += ((unsigned char)text.p[i] & 0xc0) != 0x80;
    return n;
}

static bool is_letter(char c)
{
    return text_lower(c) >= 'a' && text_lower(c) <= 'z';
}

static int part_check(const struct part *p, struct err *err)
{
    if (!p->text.n)
        return 0;
    if (!text_is_utf8(p->text) || text_has_control(p->text))
        return err_set(err, "the %s is no plain text in UTF-8", p->what);
    if (characters(p->text) > p->max)
        return err_set(err, "the %s has %zu characters; a certificate takes at most %zu", p->what, characters(p->text),
                       p->max);
    if (p->nid == NID_countryName && (p->text.n != 2 || !is_letter(p->text.p[0]) || !is_letter(p->text.p[1])))
        return err_set(err, "the country is two letters, as in DE or US (ISO 3166)");
    return 0;
}

int pki_subject_check(const struct pki_subject *s, struct err *err)
{
    struct part parts[SUBJECT_PARTS];

    parts_of(s, parts);
    for (size_t i = 0; i < SUBJECT_PARTS; i++)
        if (part_check(&parts[i], err) != 0)
            return -1;
    return 0;
}

/* The subject's own, else the first dNSName that fits. */
static struct slice common_name_of(const struct pki_request *r)
{
    if (r->subject.common_name.n || r->bare)
        return r->subject.common_name;
    for (size_t i = 0; i < r->names->n; i++)
        if (!pki_name_is_srv(r->names->v[i]) && r->names->v[i].n <= 64)
            return r->names->v[i];
    return SLICE("");
}

static bool put_subject(const struct pki_request *r, X509_REQ *req)
{
    struct pki_subject subject = r->subject;
    struct part parts[SUBJECT_PARTS];
    X509_NAME *name = X509_NAME_new();
    char country[2];
    bool ok = name != NULL;

    subject.common_name = common_name_of(r);
    if (subject.country.n == 2) {
        for (size_t i = 0; i < 2; i++)
            country[i] = (char)(text_lower(subject.country.p[i]) - 'a' + 'A');
        subject.country = slice_of(country, 2);
    }
    parts_of(&subject, parts);
    for (size_t i = 0; ok && i < SUBJECT_PARTS; i++)
        ok = !parts[i].text.n ||
             X509_NAME_add_entry_by_NID(name, parts[i].nid, MBSTRING_UTF8, (const unsigned char *)parts[i].text.p,
                                        (int)parts[i].text.n, -1, 0) == 1;
    ok = ok && X509_REQ_set_subject_name(req, name) == 1;
    X509_NAME_free(name);
    return ok;
}

static GENERAL_NAME *dns_name(struct slice text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();

    if (name && s && ASN1_STRING_set(s, text.p, (int)text.n) == 1) {
        GENERAL_NAME_set0_value(name, GEN_DNS, s);
        return name;
    }
    GENERAL_NAME_free(name);
    ASN1_IA5STRING_free(s);
    return NULL;
}

static GENERAL_NAME *srv_name(struct slice text)
{
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_TYPE *value = ASN1_TYPE_new();
    ASN1_IA5STRING *s = ASN1_IA5STRING_new();
    bool ok = name && value && s && ASN1_STRING_set(s, text.p, (int)text.n) == 1;

    if (ok) {
        ASN1_TYPE_set(value, V_ASN1_IA5STRING, s);
        s = NULL;
        ok = GENERAL_NAME_set0_othername(name, OBJ_nid2obj(NID_SRVName), value) == 1;
        value = ok ? NULL : value;
    }
    ASN1_IA5STRING_free(s);
    ASN1_TYPE_free(value);
    if (ok)
        return name;
    GENERAL_NAME_free(name);
    return NULL;
}

static GENERAL_NAMES *general_names(const struct pki_request *r)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    bool ok = names != NULL;

    for (size_t i = 0; ok && i < r->names->n; i++) {
        struct slice text = r->names->v[i];
        GENERAL_NAME *name;

        if (pki_name_is_srv(text) && r->bare)
            continue;
        name = pki_name_is_srv(text) ? srv_name(text) : dns_name(text);
        ok = name && sk_GENERAL_NAME_push(names, name) > 0;
        if (!ok)
            GENERAL_NAME_free(name);
    }
    if (ok)
        return names;
    GENERAL_NAMES_free(names);
    return NULL;
}

static bool put_names(const struct pki_request *r, X509_EXTENSIONS **list, bool critical)
{
    GENERAL_NAMES *names = general_names(r);
    bool ok = names && X509V3_add1_i2d(list, NID_subject_alt_name, names, critical, X509V3_ADD_DEFAULT) == 1;

    GENERAL_NAMES_free(names);
    return ok;
}

static bool put_conf(X509_EXTENSIONS **list, int nid, const char *value)
{
    X509_EXTENSION *ext = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    bool ok = ext && X509v3_add_ext(list, ext, -1) != NULL;

    X509_EXTENSION_free(ext);
    return ok;
}

static bool put_extensions(const struct pki_request *r, const EVP_PKEY *key, X509_REQ *req)
{
    bool nameless = X509_NAME_entry_count(X509_REQ_get_subject_name(req)) == 0; /* RFC 5280 4.2.1.6 */
    X509_EXTENSIONS *list = NULL;
    bool ok = put_names(r, &list, nameless);

    if (ok && !r->bare)
        ok = put_conf(&list, NID_key_usage,
                      EVP_PKEY_is_a(key, "RSA") ? "critical,digitalSignature,keyEncipherment"
                                                : "critical,digitalSignature") &&
             put_conf(&list, NID_ext_key_usage, r->profile == PKI_SERVER ? "serverAuth" : "serverAuth,clientAuth");
    ok = ok && X509_REQ_add_extensions(req, list) == 1;
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    return ok;
}

static int put_der(X509_REQ *req, struct buf *der, struct err *err)
{
    unsigned char *p = NULL;
    int n = i2d_X509_REQ(req, &p);

    if (n > 0 && n <= PKI_REQUEST_MAX)
        buf_add(der, p, (size_t)n);
    OPENSSL_free(p);
    if (n > PKI_REQUEST_MAX)
        return err_set(err, "the request is larger than %d bytes: ask for fewer names", PKI_REQUEST_MAX);
    return n > 0 && buf_ok(der) ? 0 : err_memory(err, "making a request");
}

int pki_request_make(const struct pki_request *r, EVP_PKEY *key, struct buf *der, struct err *err)
{
    X509_REQ *req;
    int rc;

    if (pki_subject_check(&r->subject, err) != 0)
        return -1;
    if (r->names->n == 0)
        return err_set(err, "a request needs a name at least");
    ERR_clear_error();
    req = X509_REQ_new();
    if (req && X509_REQ_set_version(req, X509_REQ_VERSION_1) == 1 && put_subject(r, req) &&
        put_extensions(r, key, req) && X509_REQ_set_pubkey(req, key) == 1 && X509_REQ_sign(req, key, EVP_sha256()) > 0)
        rc = put_der(req, der, err);
    else
        rc = err_set(err, "cannot make the request: %s", pki_fault());
    X509_REQ_free(req);
    return rc;
}

static X509_REQ *request_of(struct slice der)
{
    const unsigned char *p = (const unsigned char *)der.p;
    X509_REQ *req = der.n > 0 && der.n <= PKI_REQUEST_MAX ? d2i_X509_REQ(NULL, &p, (long)der.n) : NULL;

    if (req && p == (const unsigned char *)der.p + der.n && X509_REQ_get0_pubkey(req))
        return req;
    X509_REQ_free(req);
    ERR_clear_error();
    return NULL;
}

static void put_purposes(struct buf *out, const EXTENDED_KEY_USAGE *purposes)
{
    buf_str(out, "Purposes:");
    for (int i = 0; i < sk_ASN1_OBJECT_num(purposes); i++) {
        int nid = OBJ_obj2nid(sk_ASN1_OBJECT_value(purposes, i));

        buf_printf(out, "%s %s", i ? "," : "",
                   nid == NID_server_auth   ? "server"
                   : nid == NID_client_auth ? "client"
                                            : "another");
    }
    buf_str(out, sk_ASN1_OBJECT_num(purposes) > 0 ? "\n" : " not said\n");
}

bool pki_request_describe(struct buf *out, struct slice der)
{
    X509_REQ *req = request_of(der);
    X509_EXTENSIONS *list;
    GENERAL_NAMES *names;
    EXTENDED_KEY_USAGE *purposes;
    char subject[600], key[80];

    if (!req)
        return false;
    list = X509_REQ_get_extensions(req);
    names = X509V3_get_d2i(list, NID_subject_alt_name, NULL, NULL);
    purposes = X509V3_get_d2i(list, NID_ext_key_usage, NULL, NULL);
    pki_label_of(X509_REQ_get_subject_name(req), subject, sizeof(subject));
    pki_key_describe(X509_REQ_get0_pubkey(req), key, sizeof(key));
    buf_printf(out, "Subject: %s\nKey: %s\n", subject, key);
    put_purposes(out, purposes);
    buf_str(out, "Names:\n");
    pki_put_names(out, names, "  ");
    sk_ASN1_OBJECT_pop_free(purposes, ASN1_OBJECT_free);
    GENERAL_NAMES_free(names);
    sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
    X509_REQ_free(req);
    ERR_clear_error();
    return buf_ok(out);
}

bool pki_request_is_of(struct slice der, const EVP_PKEY *key)
{
    X509_REQ *req = request_of(der);
    bool is = req && pki_key_same(X509_REQ_get0_pubkey(req), key);

    X509_REQ_free(req);
    return is;
}

void pki_put_pem(struct buf *out, const char *label, struct slice der)
{
    struct buf text;

    buf_init(&text, 2 * der.n + 64);
    text_put_base64(&text, der.p, der.n);
    if (!buf_ok(&text))
        out->failed = true;
    buf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t at = 0; at < text.n; at += 64) {
        buf_put(out, slice_first(slice_from(buf_slice(&text), at), 64));
        buf_char(out, '\n');
    }
    buf_printf(out, "-----END %s-----\n", label);
    buf_free(&text);
}
