#include "xmpp/component_key.h"

#include <openssl/evp.h>

bool component_key(char out[COMPONENT_KEY_LEN + 1], struct slice stream_id, struct slice secret)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[COMPONENT_KEY_LEN / 2];
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = md && EVP_DigestInit_ex(md, EVP_sha1(), NULL) && EVP_DigestUpdate(md, stream_id.p, stream_id.n) &&
              EVP_DigestUpdate(md, secret.p, secret.n) && EVP_DigestFinal_ex(md, digest, NULL);

    for (size_t i = 0; ok && i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[ok ? COMPONENT_KEY_LEN : 0] = '\0';
    EVP_MD_CTX_free(md);
    return ok;
}
