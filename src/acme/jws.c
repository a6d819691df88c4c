#include "acme/jws.h"

#include <jansson.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "pki/key.h"
#include "pki/wipe.h"

#define SHA256_BYTES 32
#define COORDINATE 32      /* bytes of each half of a point, and of a signature */
#define COORDINATE_TEXT 43 /* the same in base64url */
#define SIGNATURE_DER_MAX 80
#define HEAD_MAX 8192
#define CURVE_NAME_MAX 32
#define SECRET_MAX 512

struct acme_signer {
    EVP_PKEY *key;
    char x[COORDINATE_TEXT + 1], y[COORDINATE_TEXT + 1]; /* of its public half */
};

void acme_put_base64url(struct buf *out, struct slice bytes)
{
    size_t from = out->n;

    text_put_base64(out, bytes.p, bytes.n);
    if (!buf_ok(out))
        return;
    while (out->n > from && out->p[out->n - 1] == '=')
        out->n--;
    for (size_t i = from; i < out->n; i++) {
        if (out->p[i] == '+')
            out->p[i] = '-';
        else if (out->p[i] == '/')
            out->p[i] = '_';
    }
}

/* ---- the key ---- */

/* bytes: of SHA-256's and a coordinate's length, which have as many characters. */
static bool spell(const unsigned char bytes[COORDINATE], char out[COORDINATE_TEXT + 1])
{
    struct buf text;
    bool ok;

    buf_init(&text, 64);
    acme_put_base64url(&text, slice_of((const char *)bytes, COORDINATE));
    ok = buf_ok(&text) && text.n == COORDINATE_TEXT;
    if (ok) {
        memcpy(out, text.p, COORDINATE_TEXT);
        out[COORDINATE_TEXT] = '\0';
    }
    buf_free(&text);
    return ok;
}

static bool read_coordinate(EVP_PKEY *key, const char *which, char out[COORDINATE_TEXT + 1])
{
    unsigned char bytes[COORDINATE];
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, which, &n) == 1 && BN_bn2binpad(n, bytes, COORDINATE) == COORDINATE &&
              spell(bytes, out);

    BN_free(n);
    return ok;
}

static bool is_p256(const EVP_PKEY *key)
{
    char curve[CURVE_NAME_MAX];
    size_t n;

    return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, curve, sizeof(curve), &n) == 1 &&
           strcmp(curve, "prime256v1") == 0;
}

struct acme_signer *acme_signer_new(EVP_PKEY *key, struct err *err)
{
    struct acme_signer *s = calloc(1, sizeof(*s));

    if (!s) {
        err_memory(err, "reading the account's key");
        return NULL;
    }
    if (is_p256(key) && read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X, s->x) &&
        read_coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y, s->y) && EVP_PKEY_up_ref(key) == 1) {
        s->key = key;
        return s;
    }
    err_set(err, "the key of the ACME account cannot be used");
    free(s);
    return NULL;
}

void acme_signer_free(struct acme_signer *s)
{
    if (!s)
        return;
    EVP_PKEY_free(s->key);
    free(s);
}

/* ---- what is signed ---- */

/* As RFC 7638 wants it hashed: these members, in this order. */
static void put_public(const struct acme_signer *s, char *out, size_t n)
{
    snprintf(out, n, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"%s\",\"y\":\"%s\"}", s->x, s->y);
}

bool acme_thumbprint(const struct acme_signer *s, char out[ACME_THUMBPRINT + 1])
{
    unsigned char hash[SHA256_BYTES];
    char text[160];

    put_public(s, text, sizeof(text));
    return EVP_Digest(text, strlen(text), hash, NULL, EVP_sha256(), NULL) == 1 && spell(hash, out);
}

/* Adds v, which may be NULL and is dropped, as base64url. */
static bool put_json(struct buf *out, json_t *v)
{
    char *text = v ? json_dumps(v, JSON_COMPACT) : NULL;

    json_decref(v);
    if (text)
        acme_put_base64url(out, slice_str(text));
    free(text);
    return text && buf_ok(out);
}

static bool put_head(const struct acme_signer *s, const struct acme_head *head, struct buf *out)
{
    json_t *v = json_pack("{s:s, s:s, s:s}", "alg", "ES256", "nonce", head->nonce, "url", head->url);
    json_t *who = head->account ? json_string(head->account)
                                : json_pack("{s:s, s:s, s:s, s:s}", "crv", "P-256", "kty", "EC", "x", s->x, "y", s->y);

    if (json_object_set_new(v, head->account ? "kid" : "jwk", who) == 0)
        return put_json(out, v);
    json_decref(v);
    return false;
}

/* r and s side by side (RFC 7518 section 3.4), where OpenSSL makes DER. */
static bool flatten(const unsigned char *der, size_t n, unsigned char out[2 * COORDINATE])
{
    ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &der, (long)n);
    bool ok = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, COORDINATE) == COORDINATE &&
              BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + COORDINATE, COORDINATE) == COORDINATE;

    ECDSA_SIG_free(pair);
    return ok;
}

static bool sign(const struct acme_signer *s, struct slice text, unsigned char out[2 * COORDINATE])
{
    EVP_MD_CTX *ctx;
    unsigned char der[SIGNATURE_DER_MAX];
    size_t n = sizeof(der);
    bool ok;

    pki_wipe_begin();
    ctx = EVP_MD_CTX_new();
    ok = ctx && EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, s->key) == 1 &&
         EVP_DigestSign(ctx, der, &n, (const unsigned char *)text.p, text.n) == 1;
    EVP_MD_CTX_free(ctx);
    pki_wipe_end();
    return ok && flatten(der, n, out);
}

/* text: header and payload as they are signed, which are split at the dot. */
static int put_signed(struct buf *out, struct slice text, struct slice signature)
{
    struct slice head, payload;

    if (!slice_cut(text, '.', &head, &payload))
        return -1;
    buf_str(out, "{\"protected\":\"");
    buf_put(out, head);
    buf_str(out, "\",\"payload\":\"");
    buf_put(out, payload);
    buf_str(out, "\",\"signature\":\"");
    acme_put_base64url(out, signature);
    buf_str(out, "\"}");
    return buf_ok(out) ? 0 : -1;
}

int acme_sign(const struct acme_signer *s, const struct acme_head *head, struct slice payload, struct buf *out,
              struct err *err)
{
    unsigned char signature[2 * COORDINATE];
    struct buf text;
    int rc = -1;
    bool ok;

    buf_init(&text, HEAD_MAX + 2 * payload.n);
    ok = put_head(s, head, &text);
    buf_char(&text, '.');
    acme_put_base64url(&text, payload);
    if (ok && buf_ok(&text) && sign(s, buf_slice(&text), signature))
        rc = put_signed(out, buf_slice(&text), slice_of((const char *)signature, sizeof(signature)));
    buf_free(&text);
    return rc ? err_memory(err, "signing for the ACME server") : 0;
}

/* ---- the binding ---- */

/* -1 with a sentence. What was decoded is wiped by the caller. */
static int read_secret(struct slice text, struct buf *out, struct err *err)
{
    struct buf padded;

    buf_init(&padded, SECRET_MAX);
    (void)buf_reserve(&padded, text.n + 4); /* at once: what grows leaves copies */
    (void)buf_reserve(out, text.n);
    buf_put(&padded, text);
    for (size_t i = 0; i < padded.n; i++)
        padded.p[i] = (char)(padded.p[i] == '-' ? '+' : padded.p[i] == '_' ? '/' : padded.p[i]);
    while (padded.n % 4)
        buf_char(&padded, '=');
    if (!buf_ok(&padded) || !text_unbase64(out, buf_slice(&padded)) || out->n == 0)
        err_set(err, "acme-binding-key: it is not base64url, as authorities give it");
    pki_wipe(&padded);
    return out->n ? 0 : -1;
}

int acme_bind(const struct acme_signer *s, struct slice id, struct slice secret, const char *url, struct buf *out,
              struct err *err)
{
    unsigned char mac[SHA256_BYTES];
    char shown[160];
    struct buf key, text;
    bool ok = false;

    buf_init(&key, SECRET_MAX);
    if (read_secret(secret, &key, err)) {
        pki_wipe(&key);
        return -1;
    }
    put_public(s, shown, sizeof(shown));
    buf_init(&text, HEAD_MAX);
    if (put_json(&text, json_pack("{s:s, s:s%, s:s}", "alg", "HS256", "kid", id.p, id.n, "url", url))) {
        buf_char(&text, '.');
        acme_put_base64url(&text, slice_str(shown));
        ok = buf_ok(&text) && HMAC(EVP_sha256(), key.p, (int)key.n, (const unsigned char *)text.p, text.n, mac, NULL);
    }
    ok = ok && put_signed(out, buf_slice(&text), slice_of((const char *)mac, sizeof(mac))) == 0;
    buf_free(&text);
    pki_wipe(&key);
    return ok ? 0 : err_memory(err, "signing for the ACME server");
}
