#include "pki/facts.h"

#include <openssl/err.h>

#include "base/log.h"
#include "pki/defect.h"
#include "pki/key.h"
#include "pki/pki_priv.h"

static bool put_digest(const X509 *x, char out[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned n = 0;

    if (X509_digest(x, EVP_sha256(), digest, &n) != 1 || n != 32)
        return false;
    for (unsigned i = 0; i < n; i++) {
        out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    out[64] = '\0';
    return true;
}

static bool put_pin(const X509 *x, char out[PIN_TEXT])
{
    unsigned char *der = NULL, hash[PIN_HASH];
    unsigned n = sizeof(hash);
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    bool ok = len > 0 && EVP_Digest(der, (size_t)len, hash, &n, EVP_sha256(), NULL) == 1 && pin_print(hash, out);

    OPENSSL_free(der);
    return ok;
}

bool pki_facts_of(const X509 *x, struct pki_facts *out)
{
    const EVP_PKEY *key = X509_get0_pubkey(x);
    bool ok = key && put_digest(x, out->sha256) && put_pin(x, out->pin);

    if (ok) {
        pki_label_of(X509_get_subject_name(x), out->subject, sizeof(out->subject));
        pki_label_of(X509_get_issuer_name(x), out->issuer, sizeof(out->issuer));
        pki_key_describe(key, out->key, sizeof(out->key));
        pki_day(X509_get0_notBefore(x), out->since);
        pki_day(X509_get0_notAfter(x), out->until);
        out->since_s = pki_since(x);
        out->until_s = pki_until(x);
    }
    ERR_clear_error();
    return ok;
}

void pki_facts_names(const X509 *x, void (*fn)(void *arg, const char *name), void *arg)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : pki_srv_name(name);
        char shown[300];

        if (!text)
            continue;
        log_escape(shown, sizeof(shown),
                   slice_of((const char *)ASN1_STRING_get0_data(text), (size_t)ASN1_STRING_length(text)));
        fn(arg, shown);
    }
    GENERAL_NAMES_free(names);
    ERR_clear_error();
}
