/* PKCS#12: what Windows and many authorities' pages call a PFX. */
#include <openssl/err.h>
#include <openssl/pkcs12.h>
#include <stdlib.h>

#include "pki/bundle_parts.h"
#include "pki/pki_priv.h"

static bool too_much(struct pki_defect *defect)
{
    return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                          "the PKCS#12 file is under its passphrase by a method that takes too long, or that is not "
                          "known; export it anew with AES-256");
}

static bool mac_is_bounded(PKCS12 *pfx)
{
    const ASN1_INTEGER *rounds = NULL;
    int64_t n;

    PKCS12_get0_mac(NULL, NULL, NULL, &rounds, pfx);
    return !rounds || (ASN1_INTEGER_get_int64(&n, rounds) == 1 && n >= 0 && n <= PKI_ROUNDS_MAX);
}

static bool bags_are_bounded(STACK_OF(PKCS12_SAFEBAG) * bags)
{
    bool ok = true;

    for (int i = 0; ok && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
        const X509_ALGOR *algorithm;
        const X509_SIG *sig;

        if (PKCS12_SAFEBAG_get_nid(bag) == NID_safeContentsBag) /* nobody writes them, and they nest */
            ok = false;
        else if (PKCS12_SAFEBAG_get_nid(bag) == NID_pkcs8ShroudedKeyBag) {
            sig = PKCS12_SAFEBAG_get0_pkcs8(bag);
            X509_SIG_get0(sig, &algorithm, NULL);
            ok = pki_rounds_are_bounded(algorithm);
        }
    }
    return ok;
}

/* A part of the file: open, or to be opened by the passphrase. NULL: it does not open, or asks for too much (*bounded). */
static STACK_OF(PKCS12_SAFEBAG) * bags_of(PKCS7 *p7, const char *pass, int n, bool *bounded)
{
    if (PKCS7_type_is_data(p7))
        return PKCS12_unpack_p7data(p7);
    *bounded = PKCS7_type_is_encrypted(p7) && p7->d.encrypted && p7->d.encrypted->enc_data &&
               pki_rounds_are_bounded(p7->d.encrypted->enc_data->algorithm);
    return *bounded ? PKCS12_unpack_p7encdata(p7, pass, n) : NULL;
}

/* Is there nothing in it that asks for too much work? Opens each part once, as PKCS12_parse does again. */
static bool is_bounded(PKCS12 *pfx, const char *pass, int n)
{
    STACK_OF(PKCS7) *parts = PKCS12_unpack_authsafes(pfx);
    bool ok = true;

    for (int i = 0; ok && i < sk_PKCS7_num(parts); i++) {
        STACK_OF(PKCS12_SAFEBAG) *bags = bags_of(sk_PKCS7_value(parts, i), pass, n, &ok);

        ok = ok && bags_are_bounded(bags);
        sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    }
    sk_PKCS7_pop_free(parts, PKCS7_free);
    return ok;
}

/* Which way the absence of a passphrase was written; -1: none fits. */
static int no_passphrase_fits(PKCS12 *pfx, const char **pass)
{
    *pass = "";
    if (PKCS12_verify_mac(pfx, "", 0) == 1)
        return 0;
    *pass = NULL;
    return PKCS12_verify_mac(pfx, NULL, 0) == 1 ? 0 : -1;
}

static bool add_parsed(struct pki_heap *heap, PKCS12 *pfx, const char *pass, struct pki_defect *defect)
{
    EVP_PKEY *key = NULL;
    X509 *x = NULL;
    STACK_OF(X509) *more = NULL;
    bool ok;

    if (PKCS12_parse(pfx, pass, &key, &x, &more) != 1) {
        bool outdated = ERR_GET_REASON(ERR_peek_error()) == ERR_R_UNSUPPORTED ||
                        ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_UNSUPPORTED;

        return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE, "%s",
                              outdated ? "the PKCS#12 file is encrypted by an outdated method (RC2 or DES); export it "
                                         "anew with AES-256"
                                       : "the PKCS#12 file is damaged: fetch or export it again");
    }
    if (key)
        pki_heap_key(heap, key);
    ok = !x || pki_heap_add(heap, x, defect);
    while (sk_X509_num(more) > 0) {
        x = sk_X509_shift(more);
        if (ok)
            ok = pki_heap_add(heap, x, defect);
        else
            X509_free(x);
    }
    sk_X509_free(more);
    return ok;
}

static bool open_with(struct pki_heap *heap, PKCS12 *pfx, const char *pass, struct pki_defect *defect)
{
    int n = pass ? (int)strlen(pass) : 0;

    if (!is_bounded(pfx, pass, n))
        return too_much(defect);
    ERR_clear_error();
    return add_parsed(heap, pfx, pass, defect);
}

bool pki_heap_pfx(struct pki_heap *heap, PKCS12 *pfx, struct pki_defect *defect)
{
    char *given = NULL;
    const char *pass;
    bool ok;

    if (!PKCS12_mac_present(pfx))
        return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                              "the PKCS#12 file has no seal by a passphrase: export it "
                              "again with one");
    if (!mac_is_bounded(pfx))
        return too_much(defect);
    heap->asked = true;
    if (!heap->passphrase.p) {
        if (no_passphrase_fits(pfx, &pass) != 0)
            return pki_defect_set(defect, PKI_PASSPHRASE_MISSING,
                                  "the PKCS#12 file is under a passphrase: give it along");
        return open_with(heap, pfx, pass, defect);
    }
    given = strndup(heap->passphrase.p, heap->passphrase.n);
    if (!given)
        return pki_defect_set(defect, PKI_NO_MEMORY, "out of memory while reading certificates");
    ok = PKCS12_verify_mac(pfx, given, -1) == 1
             ? open_with(heap, pfx, given, defect)
             : pki_defect_set(defect, PKI_PASSPHRASE_WRONG, "the passphrase does not open the PKCS#12 file: check it");
    OPENSSL_cleanse(given, strlen(given));
    free(given);
    return ok;
}
