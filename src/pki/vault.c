#include "pki/vault.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "base/rand.h"
#include "base/text.h"
#include "pki/key.h"
#include "pki/pki_priv.h"
#include "pki/wipe.h"

enum {
    NONCE = 12,
    TAG = 16,
    MARK = 8, /* hex digits of it */
    PLAIN_MAX = 6000,
};

#define VERSION "v1."

/* In pages of its own, because that is what can be locked and left out of dumps. */
struct pki_vault {
    uint8_t kek[PKI_VAULT_KEY];
    char mark[MARK + 1]; /* tells one vault from another, and nothing of its key */
};

static bool make_mark(struct pki_vault *v)
{
    static const char what[] = "stox vault";
    uint8_t text[PKI_VAULT_KEY + sizeof(what)], digest[32];
    unsigned n = sizeof(digest);
    bool ok;

    memcpy(text, what, sizeof(what));
    memcpy(text + sizeof(what), v->kek, PKI_VAULT_KEY);
    ok = EVP_Digest(text, sizeof(text), digest, &n, EVP_sha256(), NULL) == 1;
    OPENSSL_cleanse(text, sizeof(text));
    for (size_t i = 0; i < MARK / 2; i++) {
        v->mark[2 * i] = "0123456789abcdef"[digest[i] >> 4];
        v->mark[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
    }
    return ok;
}

struct pki_vault *pki_vault_new(const uint8_t kek[PKI_VAULT_KEY], struct err *err)
{
    struct pki_vault *v = mmap(NULL, sizeof(*v), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (v == MAP_FAILED) {
        err_memory(err, "opening the vault of the keys");
        return NULL;
    }
    madvise(v, sizeof(*v), MADV_DONTDUMP);
    mlock(v, sizeof(*v)); /* where that is not allowed it may be swapped: no reason not to serve */
    memcpy(v->kek, kek, sizeof(v->kek));
    if (make_mark(v))
        return v;
    err_set(err, "cannot open the vault of the keys: %s", pki_fault());
    pki_vault_free(v);
    return NULL;
}

void pki_vault_free(struct pki_vault *v)
{
    if (!v)
        return;
    OPENSSL_cleanse(v, sizeof(*v));
    munmap(v, sizeof(*v));
}

/* One way or the other, with the name as what is authenticated beside it. tag: written, or compared. */
static bool crypt(const struct pki_vault *v, bool seal, const uint8_t nonce[NONCE], struct slice name, struct slice in,
                  uint8_t *out, uint8_t tag[TAG])
{
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int n = 0;
    bool ok = c && EVP_CipherInit_ex(c, EVP_aes_256_gcm(), NULL, v->kek, nonce, seal) == 1 &&
              EVP_CipherUpdate(c, NULL, &n, (const unsigned char *)name.p, (int)name.n) == 1 &&
              EVP_CipherUpdate(c, out, &n, (const unsigned char *)in.p, (int)in.n) == 1 && (size_t)n == in.n &&
              (seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1) &&
              EVP_CipherFinal_ex(c, out + n, &n) == 1 &&
              (!seal || EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, tag) == 1);

    EVP_CIPHER_CTX_free(c);
    return ok;
}

/* PKCS#8 in DER; the caller wipes it. 0: none. */
static int plain_of(const EVP_PKEY *key, unsigned char **der)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(key);
    int n = 0;

    *der = NULL;
    if (p8)
        n = i2d_PKCS8_PRIV_KEY_INFO(p8, der);
    PKCS8_PRIV_KEY_INFO_free(p8); /* wipes it */
    return n > 0 ? n : 0;
}

static int seal(const struct pki_vault *v, const EVP_PKEY *key, struct slice name, struct buf *out, struct err *err)
{
    uint8_t box[NONCE + PLAIN_MAX + TAG];
    unsigned char *der = NULL;
    int n = plain_of(key, &der);
    bool ok = n > 0 && n <= PLAIN_MAX;

    rand_bytes(box, NONCE);
    ok = ok && crypt(v, true, box, name, slice_of((const char *)der, (size_t)n), box + NONCE, box + NONCE + n);
    OPENSSL_clear_free(der, (size_t)n);
    if (!ok)
        return err_set(err, "cannot seal a key: %s", n > PLAIN_MAX ? "it is too large" : pki_fault());
    buf_printf(out, VERSION "%s.", v->mark);
    text_put_base64(out, box, (size_t)(NONCE + n + TAG));
    return buf_ok(out) ? 0 : err_memory(err, "sealing a key");
}

int pki_vault_seal(const struct pki_vault *v, const EVP_PKEY *key, struct slice name, struct buf *out, struct err *err)
{
    int rc;

    pki_wipe_begin();
    rc = seal(v, key, name, out, err);
    pki_wipe_end();
    return rc;
}

static EVP_PKEY *key_of(const uint8_t *der, size_t n)
{
    const unsigned char *p = der;
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)n);
    EVP_PKEY *key = p8 && p == der + n ? EVP_PKCS82PKEY(p8) : NULL;

    PKCS8_PRIV_KEY_INFO_free(p8);
    return key;
}

static EVP_PKEY *open_box(const struct pki_vault *v, struct slice box, struct slice name)
{
    uint8_t plain[PLAIN_MAX], tag[TAG];
    EVP_PKEY *key = NULL;
    size_t n;

    if (box.n <= NONCE + TAG || box.n > NONCE + PLAIN_MAX + TAG)
        return NULL;
    n = box.n - NONCE - TAG;
    memcpy(tag, box.p + box.n - TAG, TAG);
    if (crypt(v, false, (const uint8_t *)box.p, name, slice_of(box.p + NONCE, n), plain, tag))
        key = key_of(plain, n);
    OPENSSL_cleanse(plain, sizeof(plain));
    ERR_clear_error();
    return key;
}

EVP_PKEY *pki_vault_open(const struct pki_vault *v, struct slice sealed, struct slice name, struct err *err)
{
    struct slice rest = slice_from(sealed, sizeof(VERSION) - 1), mark;
    struct buf box;
    EVP_PKEY *key = NULL;

    if (sealed.n > PKI_SEALED_MAX || !slice_starts(sealed, SLICE(VERSION)) || !slice_cut(rest, '.', &mark, &rest)) {
        err_set(err, "its key is damaged");
        return NULL;
    }
    if (!slice_is(mark, v->mark)) {
        err_set(err, "its key was sealed by another installation; gateways that share a store must have the same file "
                     "\"certificates.key\" in their state directories");
        return NULL;
    }
    buf_init(&box, PKI_SEALED_MAX);
    pki_wipe_begin();
    if (text_unbase64(&box, rest))
        key = open_box(v, buf_slice(&box), name);
    pki_wipe_end();
    buf_free(&box);
    if (!key)
        err_set(err, "its key is damaged, or belongs to another certificate");
    return key;
}
