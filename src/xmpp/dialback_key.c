#include "xmpp/dialback_key.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/buf.h"
#include "base/text.h"

#define DIGEST_LEN 32

/* Longer than any key's text can be: two domains and a stream id, which comes out of one tag. */
#define TEXT_MAX (64 * 1024)

static void put_hex(char *out, const unsigned char digest[DIGEST_LEN])
{
    static const char digits[] = "0123456789abcdef";

    for (size_t i = 0; i < DIGEST_LEN; i++) {
        *out++ = digits[digest[i] >> 4];
        *out++ = digits[digest[i] & 15];
    }
}

bool dialback_key(char out[DIALBACK_KEY_LEN + 1], struct slice secret, const struct dialback_pair *pair)
{
    unsigned char digest[DIGEST_LEN];
    char hashed_secret[2 * DIGEST_LEN];
    struct buf text;
    bool ok = false;

    out[0] = '\0';
    if (slice_find(pair->receiving, ' ') < pair->receiving.n ||
        slice_find(pair->originating, ' ') < pair->originating.n)
        return false; /* "a b" and "c" would have the key of "a" and "b c" */
    if (!EVP_Digest(secret.p, secret.n, digest, NULL, EVP_sha256(), NULL))
        return false;
    put_hex(hashed_secret, digest);

    buf_init(&text, TEXT_MAX);
    buf_put(&text, pair->receiving);
    buf_char(&text, ' ');
    buf_put(&text, pair->originating);
    buf_char(&text, ' ');
    buf_put(&text, pair->stream_id);
    if (buf_ok(&text) &&
        HMAC(EVP_sha256(), hashed_secret, sizeof(hashed_secret), (const unsigned char *)text.p, text.n, digest, NULL)) {
        put_hex(out, digest);
        out[DIALBACK_KEY_LEN] = '\0';
        ok = true;
    }
    buf_free(&text);
    return ok;
}

bool dialback_key_ok(struct slice secret, const struct dialback_pair *pair, struct slice given)
{
    char key[DIALBACK_KEY_LEN + 1];

    return dialback_key(key, secret, pair) && text_equal_secret(slice_of(key, DIALBACK_KEY_LEN), given);
}
