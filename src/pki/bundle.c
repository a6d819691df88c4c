#include "pki/bundle.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "pki/bundle_parts.h"
#include "pki/key.h"
#include "pki/pki_priv.h"
#include "pki/wipe.h"

static bool issues(X509 *issuer, X509 *x)
{
    EVP_PKEY *key = X509_get0_pubkey(issuer);
    bool does = key && X509_check_issued(issuer, x) == X509_V_OK && X509_verify(x, key) == 1;

    ERR_clear_error();
    return does;
}

static bool is_self_issued(X509 *x)
{
    return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

static bool issues_another(STACK_OF(X509) * certs, X509 *issuer)
{
    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *x = sk_X509_value(certs, i);

        if (x != issuer && issues(issuer, x))
            return true;
    }
    return false;
}

static int find_of_key(STACK_OF(X509) * certs, const EVP_PKEY *key)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (pki_key_same(X509_get0_pubkey(sk_X509_value(certs, i)), key))
            return i;
    return -1;
}

/* Without a key to go by: the first one that issues none of the others, and rather one that is no authority. */
static int find_leaf(STACK_OF(X509) * certs)
{
    int second = -1;

    for (int i = 0; i < sk_X509_num(certs); i++) {
        X509 *x = sk_X509_value(certs, i);

        if (issues_another(certs, x))
            continue;
        if (X509_check_ca(x) != 1)
            return i;
        if (second < 0)
            second = i;
    }
    return second < 0 ? 0 : second;
}

static int find_issuer(STACK_OF(X509) * certs, X509 *x)
{
    for (int i = 0; i < sk_X509_num(certs); i++)
        if (issues(sk_X509_value(certs, i), x))
            return i;
    return -1;
}

/* Moves the leaf and its issuers over, one after the other. */
static bool put_in_order(struct pki_bundle *out, STACK_OF(X509) * certs, int at)
{
    while (at >= 0) {
        X509 *x = sk_X509_value(certs, at);

        if (sk_X509_push(out->chain, x) <= 0)
            return false;
        sk_X509_delete(certs, at);
        out->reordered = out->reordered || at != 0;
        at = is_self_issued(x) ? -1 : find_issuer(certs, x);
    }
    out->n_left_out = (size_t)sk_X509_num(certs);
    return true;
}

static bool wrong_key(STACK_OF(X509) * certs, const struct pki_source *from, struct pki_defect *defect)
{
    char name[200];

    pki_label(sk_X509_value(certs, find_leaf(certs)), name, sizeof(name));
    if (from->wanted)
        return pki_defect_set(defect, PKI_WRONG_KEY,
                              "the certificate for %s is not for the key of this request; import the one that the "
                              "authority made from it, or request a new one",
                              name);
    return pki_defect_set(defect, PKI_WRONG_KEY,
                          "the key does not belong to the certificate for %s; give the key that it was requested with",
                          name);
}

static bool arrange(struct pki_bundle *out, struct pki_heap *heap, const struct pki_source *from,
                    struct pki_defect *defect)
{
    const EVP_PKEY *key = from->wanted ? from->wanted : heap->key;
    int leaf;

    if (sk_X509_num(heap->certs) == 0)
        return pki_defect_set(defect, PKI_NOT_A_CERTIFICATE, "%s",
                              heap->has_request ? "the file holds a request and no certificate: send it to your "
                                                  "authority, and import what comes back"
                                                : "the file holds no certificate");
    leaf = key ? find_of_key(heap->certs, key) : find_leaf(heap->certs);
    if (leaf < 0)
        wrong_key(heap->certs, from, defect);
    if (!put_in_order(out, heap->certs, leaf < 0 ? find_leaf(heap->certs) : leaf))
        return pki_defect_set(defect, PKI_NO_MEMORY, "out of memory while reading certificates");
    if (leaf < 0)
        return false;
    out->key = heap->key;
    heap->key = NULL;
    return true;
}

bool pki_bundle_read(struct pki_bundle *out, const struct pki_source *from, struct pki_defect *defect)
{
    struct pki_heap heap = { .certs = sk_X509_new_null(), .passphrase = from->passphrase };
    bool ok;

    *out = (struct pki_bundle){ .chain = sk_X509_new_null() };
    *defect = (struct pki_defect){ PKI_FINE, "" };
    pki_wipe_begin();
    if (!heap.certs || !out->chain)
        ok = pki_defect_set(defect, PKI_NO_MEMORY, "out of memory while reading certificates");
    else
        ok = (from->key_bytes.n == 0 || pki_heap_read(&heap, from->key_bytes, defect)) &&
             pki_heap_read(&heap, from->bytes, defect) && arrange(out, &heap, from, defect);
    pki_heap_fini(&heap);
    pki_wipe_end();
    ERR_clear_error();
    return ok;
}

void pki_bundle_fini(struct pki_bundle *b)
{
    sk_X509_pop_free(b->chain, X509_free);
    pki_key_free(b->key);
    *b = (struct pki_bundle){ 0 };
}
