#include "admin/secret.h"

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/rand.h"
#include "base/text.h"

void secret_make(char out[SECRET_CHARS + 1])
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char random[SECRET_CHARS];

    /* 43 digits of 6 bits: 258 bits, two of which are to spare. */
    rand_bytes(random, sizeof(random));
    for (size_t i = 0; i < SECRET_CHARS; i++)
        out[i] = digits[random[i] & 63];
    out[SECRET_CHARS] = '\0';
    explicit_bzero(random, sizeof(random));
}

bool secret_digest(struct slice text, char out[SECRET_DIGEST + 1])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char digest[SECRET_DIGEST / 2];
    unsigned n = 0;

    if (EVP_Digest(text.p ? text.p : "", text.n, digest, &n, EVP_sha256(), NULL) != 1 || n != sizeof(digest))
        return false;
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = hex[digest[i] >> 4];
        out[2 * i + 1] = hex[digest[i] & 15];
    }
    out[SECRET_DIGEST] = '\0';
    return true;
}
