/* name-addr and addr-spec, as From, To, Contact and Route have them. RFC 3261 20.10, 25.1. */
#include "sip/msg_parts.h"
#include "sip/scan.h"
#include "sip/uri.h"

/* Takes the display name; *bracketed tells whether "<" comes next. */
static bool take_display(struct slice *in, struct slice *display, bool *bracketed)
{
    size_t n;

    if (in->n && in->p[0] == '"') {
        n = sip_quoted_length(*in);
        if (n == 0)
            return false;
        *display = slice_of(in->p + 1, n - 2);
        sip_take_n(in, n);
        sip_skip_space(in);
        *bracketed = true;
        return in->n && in->p[0] == '<';
    }
    n = sip_span(*in, SIP_C_DISPLAY);
    *bracketed = n < in->n && in->p[n] == '<';
    if (*bracketed)
        *display = sip_trim(sip_take_n(in, n));
    return true;
}

static bool take_bracketed(struct slice *in, struct slice *uri)
{
    const char *end = memchr(in->p, '>', in->n);

    if (!end)
        return false;
    *uri = slice_of(in->p + 1, (size_t)(end - in->p) - 1);
    sip_take_n(in, uri->n + 2);
    return true;
}

/* Without brackets ; ends the URI, and , or ? may not be in it (20.10). */
static bool take_plain(struct slice *in, struct slice *uri)
{
    *uri = sip_trim(sip_take_n(in, slice_find(*in, ';')));
    return slice_find(*uri, ',') == uri->n && slice_find(*uri, '?') == uri->n;
}

int sip_name_addr_fill(struct slice in, struct sip_name_addr *na, struct slice *tag)
{
    bool bracketed;

    in = sip_trim(in);
    if (!take_display(&in, &na->display, &bracketed))
        return -1;
    if (!(bracketed ? take_bracketed(&in, &na->uri_text) : take_plain(&in, &na->uri_text)))
        return -1;
    if (!sip_uri_fill(na->uri_text, &na->uri))
        return -1;
    sip_skip_space(&in);
    na->params = in;
    return sip_param_count(in, "tag", tag);
}

bool sip_name_addr_parse(struct slice in, struct sip_name_addr *out)
{
    struct slice tag;
    bool ok;

    memset(out, 0, sizeof(*out));
    ok = sip_name_addr_fill(in, out, &tag) >= 0;
    if (!ok)
        memset(out, 0, sizeof(*out));
    return ok;
}

bool sip_gruu(const struct sip_name_addr *na, struct slice *gr)
{
    return (sip_param(na->uri.params, "gr", gr) || sip_param(na->params, "gr", gr)) && gr->n != 0;
}
