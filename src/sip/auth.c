#include "sip/auth.h"

#include "sip/scan.h"

enum param {
    P_USERNAME,
    P_REALM,
    P_NONCE,
    P_URI,
    P_RESPONSE,
    P_CNONCE,
    P_OPAQUE,
    P_ALGORITHM,
    P_QOP,
    P_NC,
    P_STALE,
    P_USERHASH,
    P_N
};

/* Where the value of each goes; those without a place are read below. */
static const struct {
    const char *name;
    size_t at;
} params[P_N] = {
    [P_USERNAME] = { "username", offsetof(struct sip_auth, username) },
    [P_REALM] = { "realm", offsetof(struct sip_auth, realm) },
    [P_NONCE] = { "nonce", offsetof(struct sip_auth, nonce) },
    [P_URI] = { "uri", offsetof(struct sip_auth, uri) },
    [P_RESPONSE] = { "response", offsetof(struct sip_auth, response) },
    [P_CNONCE] = { "cnonce", offsetof(struct sip_auth, cnonce) },
    [P_OPAQUE] = { "opaque", offsetof(struct sip_auth, opaque) },
    [P_ALGORITHM] = { "algorithm", offsetof(struct sip_auth, algorithm) },
    [P_QOP] = { "qop", offsetof(struct sip_auth, qop) },
    [P_NC] = { "nc", offsetof(struct sip_auth, nc_text) },
    [P_STALE] = { "stale", SIZE_MAX },
    [P_USERHASH] = { "userhash", SIZE_MAX },
};

static int param_of(struct slice name)
{
    for (int i = 0; i < P_N; i++)
        if (sip_is_name(name, slice_str(params[i].name)))
            return i;
    return -1;
}

/* nc-value: 8LHEX; capitals are forgiven, 0 is not. */
static bool count_of(struct slice text, uint32_t *out)
{
    uint32_t n = 0;

    if (text.n != 8 || sip_span(text, SIP_C_HEX) != text.n)
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned c = (unsigned char)text.p[i];

        n = n << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    *out = n;
    return n != 0;
}

/* token or quoted-string; sets *value to what is inside. */
static bool take_value(struct slice *in, struct slice *value)
{
    size_t n;

    if (in->n && in->p[0] == '"') {
        n = sip_quoted_length(*in);
        if (n < 2)
            return false;
        *value = sip_take_n(in, n);
        *value = slice_of(value->p + 1, n - 2);
        return true;
    }
    n = sip_span(*in, SIP_C_TOKEN | SIP_C_VALUE);
    *value = sip_take_n(in, n);
    return n > 0;
}

static bool set(struct sip_auth *out, int param, struct slice value)
{
    switch (param) {
    case P_STALE: out->stale = slice_ieq(value, SLICE("true")); return true;
    case P_USERHASH: out->userhash = slice_ieq(value, SLICE("true")); return true;
    case P_NC: out->nc_text = value; return count_of(value, &out->nc);
    default: *(struct slice *)((char *)out + params[param].at) = value; return true;
    }
}

/* One name=value. */
static bool take_param(struct slice *in, struct sip_auth *out, unsigned *seen)
{
    size_t n = sip_span(*in, SIP_C_TOKEN);
    struct slice name = sip_take_n(in, n), value;
    int param;

    sip_skip_space(in);
    if (!n || !sip_take_char(in, '='))
        return false;
    sip_skip_space(in);
    if (!take_value(in, &value))
        return false;
    sip_skip_space(in);
    param = param_of(name);
    if (param < 0)
        return true;
    if (*seen & 1u << param)
        return false;
    *seen |= 1u << param;
    return set(out, param, value);
}

static bool parse(struct slice in, struct sip_auth *out)
{
    struct slice scheme;
    unsigned seen = 0;

    sip_skip_space(&in);
    scheme = sip_take_n(&in, sip_span(in, SIP_C_TOKEN));
    if (!slice_ieq(scheme, SLICE("Digest")) || in.n == 0 || !sip_is_space(in.p[0]))
        return false;
    do {
        sip_skip_space(&in);
        if (!take_param(&in, out, &seen))
            return false;
    } while (sip_take_char(&in, ','));
    return in.n == 0;
}

bool sip_auth_parse(struct slice value, struct sip_auth *out)
{
    *out = (struct sip_auth){ 0 };
    if (parse(value, out))
        return true;
    *out = (struct sip_auth){ 0 };
    return false;
}

bool sip_auth_next(const struct sip_msg *m, const char *name, size_t *pos, struct slice *value)
{
    while (*pos < m->n_headers) {
        const struct sip_header *h = &m->headers[(*pos)++];

        if (h->id == SIP_H_OTHER && slice_ieq(h->name, slice_str(name))) {
            *value = h->value;
            return true;
        }
    }
    return false;
}

bool sip_auth_lists(struct slice list, const char *word)
{
    struct slice element;

    while (sip_take_element(&list, &element))
        if (slice_ieq(element, slice_str(word)))
            return true;
    return false;
}
