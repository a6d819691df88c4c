/* Via: RFC 3261 20.42, 25.1; RFC 3581; RFC 5118 4.5. */
#include "sip/msg_parts.h"
#include "sip/scan.h"

static bool take_slash(struct slice *in)
{
    sip_skip_space(in);
    if (!sip_take_char(in, '/'))
        return false;
    sip_skip_space(in);
    return true;
}

static bool take_token(struct slice *in, struct slice *token)
{
    *token = sip_take_n(in, sip_span(*in, SIP_C_TOKEN));
    return token->n != 0;
}

/* SIP/2.0/transport, LWS, host, optional port. The address of another version is good enough for 505 (TORT-badvers). */
static bool take_address(struct slice *in, struct sip_via *v, bool *is_2_0)
{
    struct slice name, version;

    if (!take_token(in, &name) || !sip_is_name(name, SLICE("sip")) || !take_slash(in) || !take_token(in, &version) ||
        !take_slash(in) || !take_token(in, &v->transport))
        return false;
    *is_2_0 = slice_is(version, "2.0");
    if (in->n == 0 || !sip_is_space(in->p[0]))
        return false;
    sip_skip_space(in);
    if (!sip_take_host(in, &v->host))
        return false;
    sip_skip_space(in);
    if (!sip_take_char(in, ':'))
        return true;
    sip_skip_space(in);
    return sip_take_port(in, &v->port);
}

/* False for faults, and for two branches or two rports: which of them would count? */
static bool read_params(struct sip_via *v)
{
    static const struct slice branch = { "branch", 6 }, rport = { "rport", 5 }, alias = { "alias", 5 };
    struct slice params = v->params, name, value;
    enum sip_take took;
    bool ok = true;

    while ((took = sip_take_param(&params, &name, &value)) == SIP_TAKE_OK) {
        if (sip_is_name(name, branch)) {
            ok = ok && v->branch.n == 0 && value.n;
            v->branch = value;
        } else if (sip_is_name(name, rport)) {
            ok = ok && !v->has_rport;
            v->has_rport = true;
        } else if (sip_is_name(name, alias)) {
            v->has_alias = true;
        }
    }
    return ok && took == SIP_TAKE_END;
}

bool sip_via_parse_lenient(struct slice value, struct sip_via *out, bool *ok)
{
    bool is_2_0;
    struct sip_via v = { 0 };

    value = sip_trim(value);
    if (!take_address(&value, &v, &is_2_0))
        return false;
    sip_skip_space(&value);
    v.params = value;
    *ok = read_params(&v) && is_2_0;
    *out = v;
    return true;
}

bool sip_via_parse(struct slice value, struct sip_via *out)
{
    struct sip_via v;
    bool ok;

    if (!sip_via_parse_lenient(value, &v, &ok) || !ok)
        return false;
    *out = v;
    return true;
}
