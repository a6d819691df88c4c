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

struct unless {
    bool (*is_over)(void *arg);
    void *arg;
    bool over;
};

/* Asked again and again while primes are looked for. */
static int goes_on(EVP_PKEY_CTX *ctx)
{
    struct unless *u = EVP_PKEY_CTX_get_app_data(ctx);

    u->over = u->over || u->is_over(u->arg);
    return !u->over;
}

static EVP_PKEY *generate(EVP_PKEY_CTX *ctx, enum pki_key_type type, struct unless *u)
{
    EVP_PKEY *key = NULL;

    if (!ctx || EVP_PKEY_keygen_init(ctx) != 1 ||
        (type == PKI_P256 ? EVP_PKEY_CTX_set_group_name(ctx, "P-256")
                          : EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)rsa_bits[type])) != 1)
        return NULL;
    EVP_PKEY_CTX_set_app_data(ctx, u);
    EVP_PKEY_CTX_set_cb(ctx, goes_on);
    return EVP_PKEY_generate(ctx, &key) == 1 ? key : NULL;
}

static bool never(void *arg)
{
    return false;
}

EVP_PKEY *pki_key_make(enum pki_key_type type, struct err *err)
{
    return pki_key_make_unless(type, never, NULL, err);
}

EVP_PKEY *pki_key_make_unless(enum pki_key_type type, bool (*is_over)(void *arg), void *arg, struct err *err)
{
    struct unless u = { is_over, arg, is_over(arg) };
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *key;

    ERR_clear_error();
    pki_wipe_begin();
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type == PKI_P256 ? "EC" : "RSA", NULL);
    key = u.over ? NULL : generate(ctx, type, &u);
    EVP_PKEY_CTX_free(ctx);
    pki_wipe_end();
    if (!key)
        err_set(err, "cannot make a key (%s): %s", pki_key_types[type], u.over ? "it was given up" : pki_fault());
    ERR_clear_error();
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
