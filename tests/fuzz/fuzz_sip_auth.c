/* Credentials and challenges: what parses must read the same when put together from its parts. */
#include <stdlib.h>

#include "sip/auth.h"
#include "sip/digest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void put(struct buf *b, const char *name, struct slice value)
{
    if (value.n)
        buf_printf(b, "%s%s=\"%.*s\"", b->n > 7 ? "," : "", name, SLICE_FMT(value));
}

static void print(const struct sip_auth *a, struct buf *b)
{
    buf_str(b, "Digest ");
    put(b, "username", a->username);
    put(b, "realm", a->realm);
    put(b, "nonce", a->nonce);
    put(b, "uri", a->uri);
    put(b, "response", a->response);
    put(b, "cnonce", a->cnonce);
    put(b, "opaque", a->opaque);
    put(b, "algorithm", a->algorithm);
    put(b, "qop", a->qop);
    put(b, "nc", a->nc_text);
    put(b, "stale", a->stale ? SLICE("true") : SLICE("false"));
}

static void same(const struct sip_auth *a, const struct sip_auth *b)
{
    check(slice_eq(a->username, b->username) && slice_eq(a->realm, b->realm) && slice_eq(a->nonce, b->nonce) &&
          slice_eq(a->uri, b->uri) && slice_eq(a->response, b->response) && slice_eq(a->cnonce, b->cnonce) &&
          slice_eq(a->opaque, b->opaque) && slice_eq(a->algorithm, b->algorithm) && slice_eq(a->qop, b->qop) &&
          a->nc == b->nc && a->stale == b->stale);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct slice in = slice_of((const char *)data, n);
    struct sip_auth a, again;
    enum sip_digest digest;
    char hex[SIP_DIGEST_HEX];
    struct buf b;

    if (memchr(data, '\0', n) || !sip_auth_parse(in, &a)) /* no header line holds a NUL */
        return 0;
    buf_init(&b, 1u << 20);
    print(&a, &b);
    check(buf_ok(&b) && sip_auth_parse(buf_slice(&b), &again));
    same(&a, &again);
    buf_free(&b);
    if (sip_digest_by_name(a.algorithm, &digest))
        (void)sip_digest_ha1(digest, a.username, a.realm, a.response, hex);
    return 0;
}
