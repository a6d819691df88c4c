#include "base/text.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define ALLOW SLICE("Allow: OPTIONS, MESSAGE\r\n")

unsigned sip_inspect_method(struct sip *sip, const struct sip_msg *m)
{
    buf_clear(&sip->headers);
    switch (m->method_id) {
    case SIP_MESSAGE:
    case SIP_OPTIONS:
    case SIP_CANCEL: return 0;
    default: break;
    }
    buf_put(&sip->headers, ALLOW);
    return m->method_id == SIP_UNKNOWN ? 501 : 405;
}

/* A request that has been here, or that we made ourselves, is going in circles (RFC 3261 8.2.2.2, STOX-SEC-20). */
static bool is_loop(const struct sip *sip, const struct sip_msg *m)
{
    struct slice value;
    struct sip_via via = m->via;
    bool parsed = true; /* the first is */

    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_VIA, &pos, &value); parsed = false) {
        if (!parsed && !sip_via_parse(value, &via))
            continue;
        if (sip_is_our_sent_by(sip, via.host, via.port) || sip_clients_made_branch(&sip->clients, via.branch))
            return true;
    }
    return false;
}

static bool serves(struct sip *sip, const struct sip_msg *m)
{
    char lower[256];
    struct slice host = m->uri.host;

    /* OPTIONS to our own address is how SIP servers ask whether we live. */
    if (m->method_id == SIP_OPTIONS && sip_is_our_host(sip, host))
        return true;
    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (!host.n || host.n > sizeof(lower))
        return false;
    for (size_t i = 0; i < host.n; i++)
        lower[i] = text_lower(host.p[i]);
    return sip->conf.ops->serves(sip->conf.owner, slice_of(lower, host.n));
}

static unsigned check_uri(struct sip *sip, const struct sip_msg *m)
{
    if (!m->uri_ok)
        return 400;
    switch (m->uri.scheme) {
    case SIP_SCHEME_SIP:
    case SIP_SCHEME_SIPS:
    case SIP_SCHEME_IM:
    case SIP_SCHEME_PRES: return serves(sip, m) ? 0 : 404;
    case SIP_SCHEME_TEL:
    case SIP_SCHEME_OTHER: break;
    }
    return 416;
}

/* We know no extension that a request may require. Proxy-Require is for proxies. */
static unsigned check_require(struct sip *sip, const struct sip_msg *m)
{
    struct slice tag;
    unsigned n = 0;

    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_REQUIRE, &pos, &tag);) {
        if (!tag.n)
            continue;
        buf_put(&sip->headers, n++ ? SLICE(", ") : SLICE("Unsupported: "));
        sip_put_safe(&sip->headers, tag);
    }
    if (!n)
        return 0;
    buf_put(&sip->headers, SLICE("\r\n"));
    return 420;
}

/* RFC 3261 9.2: what a CANCEL means runs on, since only INVITE can be cancelled. */
static unsigned answer_cancel(struct sip *sip, const struct sip_msg *m)
{
    struct sip_server_id id;

    sip_servers_identify(&sip->servers, m, SLICE("MESSAGE"), &id);
    return sip_servers_known(&sip->servers, &id) ? 200 : 481;
}

static unsigned answer_options(struct sip *sip)
{
    buf_put(&sip->headers, ALLOW);
    sip_put_header(&sip->headers, "Accept", sip->conf.accept.n ? sip->conf.accept : SLICE("text/plain"));
    buf_put(&sip->headers, SLICE("Supported:\r\n"));
    return 200;
}

unsigned sip_inspect(struct sip *sip, const struct sip_msg *m, const struct sip_server_id *id)
{
    unsigned status = sip_inspect_method(sip, m);

    if (status)
        return status;
    if (m->method_id == SIP_CANCEL)
        return answer_cancel(sip, m);
    if (is_loop(sip, m))
        return 482;
    status = check_uri(sip, m);
    if (status)
        return status;
    if (!m->to_tag.n && sip_servers_merged(&sip->servers, id))
        return 482;
    status = check_require(sip, m);
    if (status)
        return status;
    if (m->to_tag.n)
        return 481; /* there are no dialogs to belong to */
    if (m->body.n > sip->conf.body_max)
        return 413;
    return m->method_id == SIP_OPTIONS ? answer_options(sip) : 0;
}
