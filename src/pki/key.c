#include "pki/key.h"

#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>

#include "pki/pki_priv.h"
#include "pki/wipe.h"

const char *const pki_key_types[] = { "rsa-2048", "rsa-3072", "rsa-4096", "p256", NULL };

static const unsigned rsa_bits[] = { [PKI_RSA_2048] = 2048, [PKI_RSA_3072] = 3072, [PKI_RSA_4096] = 4096 };

EVP_PKEY *pki_key_make(enum pki_key_type type, struct err *err)
{
    EVP_PKEY *key;

    ERR_clear_error();
    pki_wipe_begin();
    key = type == PKI_P256 ? EVP_EC_gen("P-256") : EVP_RSA_gen(rsa_bits[type]);
    pki_wipe_end();
    if (!key)
        err_set(err, "cannot make a key (%s): %s", pki_key_types[type], pki_fault());
    return key;
}

bool pki_key_same(const EVP_PKEY *a, const EVP_PKEY *b)
{
    bool same = a && b && EVP_PKEY_eq(a, b) == 1;

    ERR_clear_error();
    return same;
}

void pki_key_describe(const EVP_PKEY *key, char *out, size_t n)
{
    char group[32];

    if (EVP_PKEY_is_a(key, "RSA"))
        snprintf(out, n, "RSA, %d bits", EVP_PKEY_get_bits(key));
    else if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) == 1)
        snprintf(out, n, "ECDSA %s", strcmp(group, "prime256v1") == 0 ? "P-256" : group);
    else
        snprintf(out, n, "%s", EVP_PKEY_get0_type_name(key) ? EVP_PKEY_get0_type_name(key) : "unknown");
    ERR_clear_error();
}

void pki_key_free(EVP_PKEY *key)
{
    pki_wipe_begin();
    EVP_PKEY_free(key);
    pki_wipe_end();
}

void pki_wipe(struct buf *b)
{
    if (b->p)
        OPENSSL_cleanse(b->p, b->cap);
    buf_free(b);
}
