#include "acme/jws.h"

#include <jansson.h>
#include <jose/b64.h>
#include <jose/jwk.h>
#include <jose/jws.h>
#include <jose/openssl.h>
#include <stdlib.h>

#include "pki/wipe.h"

#define SHA256_BYTES 32

struct acme_signer {
    jose_cfg_t *cfg;
    json_t *key, *shown; /* with and without its private half */
};

/* libjose writes what fails to stderr unless it is told where else; the sentence is the caller's. */
static void keep_quiet(void *misc, const char *file, int line, uint64_t err, const char *fmt, va_list ap)
{
}

/* Jansson gives memory back as it is. */
static void wipe_private(json_t *key)
{
    const json_t *d = json_object_get(key, "d");

    if (d && key->refcount == 1)
        explicit_bzero((char *)(uintptr_t)json_string_value(d), json_string_length(d));
}

struct acme_signer *acme_signer_new(EVP_PKEY *key, struct err *err)
{
    struct acme_signer *s = calloc(1, sizeof(*s));

    if (!s) {
        err_memory(err, "reading the account's key");
        return NULL;
    }
    pki_wipe_begin();
    s->cfg = jose_cfg();
    if (s->cfg) {
        jose_cfg_set_err_func(s->cfg, keep_quiet, NULL);
        s->key = jose_openssl_jwk_from_EVP_PKEY(s->cfg, key);
        s->shown = jose_openssl_jwk_from_EVP_PKEY(s->cfg, key);
    }
    pki_wipe_end();
    wipe_private(s->shown);
    if (s->key && s->shown && jose_jwk_pub(s->cfg, s->shown))
        return s;
    err_set(err, "the key of the ACME account cannot be used");
    acme_signer_free(s);
    return NULL;
}

void acme_signer_free(struct acme_signer *s)
{
    if (!s)
        return;
    wipe_private(s->key);
    json_decref(s->key);
    json_decref(s->shown);
    jose_cfg_decref(s->cfg);
    free(s);
}

static json_t *make_head(const struct acme_signer *s, const struct acme_head *head)
{
    json_t *protected = json_pack("{s:s, s:s, s:s}", "alg", "ES256", "nonce", head->nonce, "url", head->url);
    int rc;

    if (!protected)
        return NULL;
    rc = head->account ? json_object_set_new(protected, "kid", json_string(head->account))
                       : json_object_set(protected, "jwk", s->shown);
    if (rc == 0)
        return json_pack("{s:o}", "protected", protected);
    json_decref(protected);
    return NULL;
}

static bool put_json(struct buf *out, const json_t *v)
{
    char *text = json_dumps(v, JSON_COMPACT);

    if (text)
        buf_str(out, text);
    free(text);
    return text && buf_ok(out);
}

int acme_sign(const struct acme_signer *s, const struct acme_head *head, struct slice payload, struct buf *out,
              struct err *err)
{
    json_t *signature = make_head(s, head);
    json_t *jws = json_pack("{s:o}", "payload", jose_b64_enc(payload.p ? payload.p : "", payload.n));
    bool ok;

    pki_wipe_begin();
    ok = signature && jws && jose_jws_sig(s->cfg, jws, signature, s->key);
    pki_wipe_end();
    ok = ok && put_json(out, jws);
    json_decref(signature);
    json_decref(jws);
    return ok ? 0 : err_memory(err, "signing for the ACME server");
}

void acme_put_base64url(struct buf *out, struct slice bytes)
{
    size_t n = jose_b64_enc_buf(NULL, bytes.n, NULL, 0);
    char *at = n > 0 && n != SIZE_MAX ? buf_reserve(out, n) : NULL;

    if (at && jose_b64_enc_buf(bytes.p, bytes.n, at, n) == n)
        out->n += n;
    else
        out->failed = out->failed || bytes.n > 0;
}

bool acme_thumbprint(const struct acme_signer *s, char out[ACME_THUMBPRINT + 1])
{
    uint8_t hash[SHA256_BYTES];

    if (jose_jwk_thp_buf(s->cfg, s->shown, "S256", hash, sizeof(hash)) != sizeof(hash) ||
        jose_b64_enc_buf(hash, sizeof(hash), out, ACME_THUMBPRINT) != ACME_THUMBPRINT)
        return false;
    out[ACME_THUMBPRINT] = '\0';
    return true;
}
