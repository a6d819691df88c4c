#include "sip/uri.h"

#include "sip/msg_parts.h"
#include "sip/scan.h"

static enum sip_scheme scheme_of(struct slice text)
{
    static const struct {
        struct slice text;
        enum sip_scheme scheme;
    } schemes[] = {
        { { "sip", 3 }, SIP_SCHEME_SIP },   { { "sips", 4 }, SIP_SCHEME_SIPS }, { { "im", 2 }, SIP_SCHEME_IM },
        { { "pres", 4 }, SIP_SCHEME_PRES }, { { "tel", 3 }, SIP_SCHEME_TEL },
    };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (sip_is_name(text, schemes[i].text))
            return schemes[i].scheme;
    }
    return SIP_SCHEME_OTHER;
}

static bool take_scheme(struct slice *in, struct sip_uri *u)
{
    size_t n = sip_span(*in, SIP_C_SCHEME);

    if (n == 0 || n == in->n || in->p[n] != ':' || sip_is(in->p[0], SIP_C_DIGIT))
        return false;
    u->scheme_text = sip_take_n(in, n);
    u->scheme = scheme_of(u->scheme_text);
    sip_take_n(in, 1);
    return true;
}

/* There is userinfo when its grammar ends in "@", which may stand nowhere else (RFC 3261 19.1.1). */
static bool take_userinfo(struct slice *in, struct sip_uri *u)
{
    size_t user = sip_span_escaped(*in, SIP_C_USER), end = user;

    if (end < in->n && in->p[end] == ':')
        end += 1 + sip_span_escaped(slice_from(*in, end + 1), SIP_C_PASSWORD);
    if (end == in->n || in->p[end] != '@')
        return true;
    if (user == 0)
        return false;
    u->has_user = true;
    u->user = slice_of(in->p, user);
    if (user < end)
        u->password = slice_of(in->p + user + 1, end - user - 1);
    sip_take_n(in, end + 1);
    return true;
}

static bool take_params(struct slice *in, struct slice *params)
{
    const char *start = in->p;
    size_t n;

    while (sip_take_char(in, ';')) {
        n = sip_span_escaped(*in, SIP_C_PARAM);
        if (n == 0)
            return false;
        sip_take_n(in, n);
        if (!sip_take_char(in, '='))
            continue;
        n = sip_span_escaped(*in, SIP_C_PARAM);
        if (n == 0)
            return false;
        sip_take_n(in, n);
    }
    *params = slice_of(start, (size_t)(in->p - start));
    return true;
}

static bool take_headers(struct slice *in, struct slice *headers)
{
    const char *start = in->p + 1;
    size_t n;

    if (in->n == 0 || in->p[0] != '?')
        return true;
    do {
        sip_take_n(in, 1);
        n = sip_span_escaped(*in, SIP_C_HEADER);
        if (n == 0 || n == in->n || in->p[n] != '=')
            return false;
        sip_take_n(in, n + 1);
        sip_take_n(in, sip_span_escaped(*in, SIP_C_HEADER));
    } while (in->n && in->p[0] == '&');
    *headers = slice_of(start, (size_t)(in->p - start));
    return true;
}

static bool take_hierarchy(struct slice *in, struct sip_uri *u)
{
    if (!take_userinfo(in, u) || !sip_take_host(in, &u->host))
        return false;
    if (sip_take_char(in, ':') && !sip_take_port(in, &u->port))
        return false;
    return take_params(in, &u->params) && take_headers(in, &u->headers) && in->n == 0;
}

bool sip_uri_fill(struct slice in, struct sip_uri *u)
{
    if (!take_scheme(&in, u))
        return false;
    switch (u->scheme) {
    case SIP_SCHEME_SIP:
    case SIP_SCHEME_SIPS: return take_hierarchy(&in, u);
    case SIP_SCHEME_IM:
    case SIP_SCHEME_PRES: return take_hierarchy(&in, u) && u->has_user;
    case SIP_SCHEME_TEL:
    case SIP_SCHEME_OTHER: break;
    }
    return in.n && sip_span_escaped(in, SIP_C_URIC) == in.n;
}

bool sip_uri_parse(struct slice in, struct sip_uri *out)
{
    bool ok;

    memset(out, 0, sizeof(*out));
    ok = sip_uri_fill(in, out);
    if (!ok)
        memset(out, 0, sizeof(*out));
    return ok;
}

bool sip_param(struct slice params, const char *name, struct slice *value)
{
    struct slice found, wanted = slice_str(name);

    while (sip_take_param(&params, &found, value) == SIP_TAKE_OK) {
        if (sip_is_name(found, wanted))
            return true;
    }
    *value = slice_of(NULL, 0);
    return false;
}
