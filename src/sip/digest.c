#include "sip/digest.h"

#include <openssl/evp.h>

#include "base/text.h"

#define TEXT_MAX (16 * 1024) /* of what is hashed, but for bodies: names, nonces and URIs of one header line */

static const struct {
    const char *name, *in_openssl;
} digests[] = {
    [SIP_DIGEST_MD5] = { "MD5", "MD5" },
    [SIP_DIGEST_SHA_512_256] = { "SHA-512-256", "SHA512-256" },
    [SIP_DIGEST_SHA_256] = { "SHA-256", "SHA256" },
};

const char *sip_digest_name(enum sip_digest digest)
{
    return digests[digest].name;
}

bool sip_digest_by_name(struct slice name, enum sip_digest *out)
{
    *out = SIP_DIGEST_MD5;
    if (name.n == 0)
        return true;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        if (!slice_ieq(name, slice_str(digests[i].name)))
            continue;
        *out = (enum sip_digest)i;
        return true;
    }
    return false;
}

static bool hash(enum sip_digest digest, struct slice text, char out[SIP_DIGEST_HEX])
{
    unsigned char raw[EVP_MAX_MD_SIZE];
    size_t n = 0;
    struct buf hex = { .p = out, .cap = SIP_DIGEST_HEX, .max = SIP_DIGEST_HEX };

    if (!EVP_Q_digest(NULL, digests[digest].in_openssl, NULL, text.p ? text.p : "", text.n, raw, &n))
        return false;
    text_put_hex(&hex, raw, n);
    buf_char(&hex, '\0');
    return buf_ok(&hex);
}

/* What a quoted-string means: the backslashes of its quoted-pairs are not part of it (RFC 3261 25.1, unq()). */
static void put_unquoted(struct buf *b, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n)
            i++;
        buf_char(b, s.p[i]);
    }
}

static void put_part(struct buf *b, struct slice s)
{
    buf_put(b, s);
    buf_char(b, ':');
}

static bool hash_text(enum sip_digest digest, struct buf *text, char out[SIP_DIGEST_HEX])
{
    bool ok = buf_ok(text) && hash(digest, buf_slice(text), out);

    if (text->p)
        explicit_bzero(text->p, text->cap);
    buf_free(text);
    return ok;
}

bool sip_digest_ha1(enum sip_digest digest, struct slice user, struct slice realm, struct slice password,
                    char out[SIP_DIGEST_HEX])
{
    struct buf text;

    buf_init(&text, TEXT_MAX);
    buf_reserve(&text, user.n + realm.n + password.n + 2); /* at once, so that no copy of the password is left behind */
    put_unquoted(&text, user);
    buf_char(&text, ':');
    put_unquoted(&text, realm);
    buf_char(&text, ':');
    buf_put(&text, password);
    return hash_text(digest, &text, out);
}

/* H(A2). */
static bool hash_request(const struct sip_digest_ask *ask, char out[SIP_DIGEST_HEX])
{
    char body[SIP_DIGEST_HEX];
    struct buf text;

    if (slice_ieq(ask->qop, SLICE("auth-int")) && !hash(ask->digest, ask->body, body))
        return false;
    buf_init(&text, TEXT_MAX);
    put_part(&text, ask->method);
    put_unquoted(&text, ask->uri);
    if (slice_ieq(ask->qop, SLICE("auth-int"))) {
        buf_char(&text, ':');
        buf_str(&text, body);
    }
    return hash_text(ask->digest, &text, out);
}

bool sip_digest_response(const struct sip_digest_ask *ask, char out[SIP_DIGEST_HEX])
{
    char request[SIP_DIGEST_HEX];
    struct buf text;

    if (!hash_request(ask, request))
        return false;
    buf_init(&text, TEXT_MAX);
    put_part(&text, slice_str(ask->ha1));
    put_unquoted(&text, ask->nonce);
    buf_char(&text, ':');
    if (ask->qop.n) {
        put_part(&text, ask->nc_text);
        put_unquoted(&text, ask->cnonce);
        buf_char(&text, ':');
        put_part(&text, ask->qop);
    }
    buf_str(&text, request);
    return hash_text(ask->digest, &text, out);
}
