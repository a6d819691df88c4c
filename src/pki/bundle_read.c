/* Certificates and a key out of a file, whatever its form. */
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/pkcs7.h>
#include <string.h>

#include "pki/bundle_parts.h"
#include "pki/pki_priv.h"

#define BLOCKS_MAX 64 /* of a PEM file */

bool pki_heap_add(struct pki_heap *heap, X509 *x, struct pki_defect *defect)
{
    for (int i = 0; i < sk_X509_num(heap->certs); i++) {
        if (X509_cmp(sk_X509_value(heap->certs, i), x) == 0) {
            X509_free(x);
            return true;
        }
    }
    if (sk_X509_num(heap->certs) == PKI_CHAIN_MAX) {
        X509_free(x);
        return pki_defect_set(defect, PKI_TOO_LARGE,
                              "the file holds more than %d certificates; leave only the one for this server and its "
                              "issuers in it",
                              PKI_CHAIN_MAX);
    }
    if (sk_X509_push(heap->certs, x) > 0)
        return true;
    X509_free(x);
    return pki_defect_set(defect, PKI_NO_MEMORY, "out of memory while reading certificates");
}

void pki_heap_key(struct pki_heap *heap, EVP_PKEY *key)
{
    if (heap->key)
        EVP_PKEY_free(key);
    else
        heap->key = key;
}

void pki_heap_fini(struct pki_heap *heap)
{
    sk_X509_pop_free(heap->certs, X509_free);
    EVP_PKEY_free(heap->key);
}

static bool add_all(struct pki_heap *heap, const STACK_OF(X509) * certs, struct pki_defect *defect)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *x = sk_X509_value(certs, i);

        if (X509_up_ref(x) != 1 || !pki_heap_add(heap, x, defect))
            return false;
    }
    return true;
}

static bool add_pkcs7(struct pki_heap *heap, PKCS7 *p7, struct pki_defect *defect)
{
    const STACK_OF(X509) *certs = NULL;

    if (PKCS7_type_is_signed(p7) && p7->d.sign)
        certs = p7->d.sign->cert;
    else if (PKCS7_type_is_signedAndEnveloped(p7) && p7->d.signed_and_enveloped)
        certs = p7->d.signed_and_enveloped->cert;
    return add_all(heap, certs, defect);
}

/* ---- keys ---- */

static int on_passphrase(char *buf, int size, int writing, void *arg)
{
    struct pki_heap *heap = arg;

    heap->asked = true;
    if (!heap->passphrase.p || size < 0 || heap->passphrase.n > (size_t)size)
        return -1;
    memcpy(buf, heap->passphrase.p, heap->passphrase.n);
    return (int)heap->passphrase.n;
}

static bool rounds_fit(const char *label, const unsigned char *data, long n)
{
    X509_SIG *sig;
    const X509_ALGOR *algorithm;
    bool ok;

    if (strcmp(label, PEM_STRING_PKCS8) != 0)
        return true;
    sig = d2i_X509_SIG(NULL, &data, n);
    if (!sig)
        return true; /* it fails by itself */
    X509_SIG_get0(sig, &algorithm, NULL);
    ok = pki_rounds_are_bounded(algorithm);
    X509_SIG_free(sig);
    return ok;
}

/* One block of PEM, as it was read: back into text, because only from there OpenSSL opens all forms of keys. */
static bool add_key(struct pki_heap *heap, const char *label, const char *header, const unsigned char *data, long n,
                    struct pki_defect *defect)
{
    BIO *bio;
    EVP_PKEY *key = NULL;
    bool asked_before = heap->asked;

    if (!rounds_fit(label, data, n))
        return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                              "the key is under a passphrase by a method that takes too long, or that is not known; "
                              "write it anew: openssl pkcs8 -topk8 -v2 aes256");
    bio = BIO_new(BIO_s_secmem());
    heap->asked = false;
    if (bio && PEM_write_bio(bio, label, header, data, n) > 0)
        key = PEM_read_bio_PrivateKey(bio, NULL, on_passphrase, heap);
    BIO_free(bio);
    if (key) {
        heap->asked = heap->asked || asked_before;
        pki_heap_key(heap, key);
        return true;
    }
    if (heap->asked && !heap->passphrase.p)
        return pki_defect_set(defect, PKI_PASSPHRASE_MISSING, "the key is under a passphrase: give it along");
    if (heap->asked)
        return pki_defect_set(defect, PKI_PASSPHRASE_WRONG, "the passphrase does not open the key: check it");
    return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                          "the key in the file is damaged, or of a kind that is not "
                          "supported: export it again");
}

/* ---- PEM ---- */

static bool is_of(const char *label, const char *const *labels)
{
    while (*labels && strcmp(label, *labels) != 0)
        labels++;
    return *labels != NULL;
}

static bool add_block(struct pki_heap *heap, const char *label, const char *header, const unsigned char *data, long n,
                      struct pki_defect *defect)
{
    static const char *const certs[] = { PEM_STRING_X509, PEM_STRING_X509_OLD, PEM_STRING_X509_TRUSTED, NULL };
    static const char *const pkcs7s[] = { PEM_STRING_PKCS7, PEM_STRING_PKCS7_SIGNED, PEM_STRING_CMS, NULL };
    static const char *const keys[] = { PEM_STRING_PKCS8, PEM_STRING_PKCS8INF, PEM_STRING_RSA, PEM_STRING_ECPRIVATEKEY,
                                        NULL };
    static const char *const requests[] = { PEM_STRING_X509_REQ, PEM_STRING_X509_REQ_OLD, NULL };

    if (is_of(label, keys))
        return add_key(heap, label, header, data, n, defect);
    if (is_of(label, certs)) {
        X509 *x = d2i_X509(NULL, &data, n);

        return x ? pki_heap_add(heap, x, defect)
                 : pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                                  "certificate %d of the file is damaged: fetch the file again",
                                  sk_X509_num(heap->certs) + 1);
    }
    if (is_of(label, pkcs7s)) {
        PKCS7 *p7 = d2i_PKCS7(NULL, &data, n);
        bool ok = p7 ? add_pkcs7(heap, p7, defect)
                     : pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                                      "the PKCS#7 part of the file is damaged: fetch the "
                                      "file again");
        PKCS7_free(p7);
        return ok;
    }
    heap->has_request = heap->has_request || is_of(label, requests);
    return true;
}

static bool read_pem(struct pki_heap *heap, BIO *bio, struct pki_defect *defect)
{
    bool ok = true;

    for (int i = 0; ok && i < BLOCKS_MAX; i++) {
        char *label = NULL, *header = NULL;
        unsigned char *data = NULL;
        long n = 0;

        if (PEM_read_bio(bio, &label, &header, &data, &n) != 1) {
            ok = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE ||
                 pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                                "block %d of the file is no PEM to its end: fetch the file again", i + 1);
            break;
        }
        ok = add_block(heap, label, header, data, n, defect);
        OPENSSL_free(label);
        OPENSSL_free(header);
        OPENSSL_clear_free(data, (size_t)n);
    }
    return ok;
}

/* ---- the other forms ---- */

static bool read_der(struct pki_heap *heap, struct slice bytes, struct pki_defect *defect)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    X509 *x = d2i_X509(NULL, &p, (long)bytes.n);
    PKCS12 *pfx;
    PKCS7 *p7;
    bool ok;

    if (x)
        return pki_heap_add(heap, x, defect);
    p = (const unsigned char *)bytes.p;
    pfx = d2i_PKCS12(NULL, &p, (long)bytes.n);
    if (pfx) {
        ok = pki_heap_pfx(heap, pfx, defect);
        PKCS12_free(pfx);
        return ok;
    }
    p = (const unsigned char *)bytes.p;
    p7 = d2i_PKCS7(NULL, &p, (long)bytes.n);
    if (!p7)
        return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE,
                              "the file holds no certificate: neither PEM nor DER, PKCS#7 or PKCS#12");
    ok = add_pkcs7(heap, p7, defect);
    PKCS7_free(p7);
    return ok;
}

bool pki_heap_read(struct pki_heap *heap, struct slice bytes, struct pki_defect *defect)
{
    bool ok;
    BIO *bio;

    if (bytes.n > PKI_BUNDLE_MAX)
        return pki_defect_set(defect, PKI_TOO_LARGE,
                              "the file has %zu bytes and a certificate with its issuers less than %d: is it the right "
                              "one?",
                              bytes.n, PKI_BUNDLE_MAX);
    if (bytes.n == 0)
        return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE, "the file is empty");
    ERR_clear_error();
    if (!memmem(bytes.p, bytes.n, "-----BEGIN ", 11)) {
        ok = read_der(heap, bytes, defect);
    } else {
        bio = BIO_new_mem_buf(bytes.p, (int)bytes.n);
        ok = bio ? read_pem(heap, bio, defect)
                 : pki_defect_set(defect, PKI_NO_MEMORY, "out of memory while reading certificates");
        BIO_free(bio);
    }
    ERR_clear_error();
    return ok;
}
