/* What certificates and OpenSSL say, as text for people. */
#include <openssl/err.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "pki/pki_priv.h"

const char *pki_fault(void)
{
    unsigned long e = ERR_get_error();
    const char *text = e ? ERR_reason_error_string(e) : NULL;

    ERR_clear_error();
    return text ? text : "no reason given";
}

void pki_day(const ASN1_TIME *t, char out[16])
{
    struct tm tm;

    if (!t || !ASN1_TIME_to_tm(t, &tm) || strftime(out, 16, "%Y-%m-%d", &tm) == 0)
        memcpy(out, "(no date)", 10);
}

void pki_label_of(const X509_NAME *name, char *out, size_t n)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *p = NULL;
    long len = 0;

    if (bio && name && X509_NAME_entry_count(name) > 0 &&
        X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0)
        len = BIO_get_mem_data(bio, &p);
    if (len > 0)
        log_escape(out, n, slice_of(p, (size_t)len));
    else
        log_escape(out, n, SLICE("(without a name)"));
    BIO_free(bio);
}

void pki_label(const X509 *x, char *out, size_t n)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool done = false;

    for (int i = 0; !done && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (name->type != GEN_DNS || ASN1_STRING_length(name->d.dNSName) == 0)
            continue;
        log_escape(out, n,
                   slice_of((const char *)ASN1_STRING_get0_data(name->d.dNSName),
                            (size_t)ASN1_STRING_length(name->d.dNSName)));
        done = true;
    }
    GENERAL_NAMES_free(names);
    if (!done)
        pki_label_of(X509_get_subject_name(x), out, n);
}

const ASN1_IA5STRING *pki_srv_name(const GENERAL_NAME *name)
{
    const ASN1_TYPE *value;

    if (name->type != GEN_OTHERNAME || OBJ_obj2nid(name->d.otherName->type_id) != NID_SRVName)
        return NULL;
    value = name->d.otherName->value;
    return value && value->type == V_ASN1_IA5STRING ? value->value.ia5string : NULL;
}

void pki_put_names(struct buf *out, const GENERAL_NAMES *names, const char *indent)
{
    int others = 0;

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : pki_srv_name(name);
        char shown[300];

        if (!text) {
            others++;
            continue;
        }
        log_escape(shown, sizeof(shown),
                   slice_of((const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
        buf_printf(out, "%s%s:%s\n", indent, name->type == GEN_DNS ? "DNS" : "SRV", shown);
    }
    if (others)
        buf_printf(out, "%s%d of other kinds\n", indent, others);
}
