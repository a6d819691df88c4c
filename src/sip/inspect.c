#include "sip/inspect.h"

#include "base/text.h"
#include "sip/event_values.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define HOST_MAX 256

static bool has_sessions(const struct sip *sip)
{
    return sip->conf.ops->dialogs != NULL;
}

static bool has_events(const struct sip *sip)
{
    return sip->conf.ops->events != NULL;
}

/* host empty: at all. */
static enum sip_publishing publishing(const struct sip *sip, struct slice host)
{
    const struct sip_event_ops *ops = sip->conf.ops->events;

    if (!ops || !ops->publish)
        return SIP_PUBLISHING_FORBIDDEN;
    if (ops->publishes)
        return ops->publishes(sip->conf.owner, host);
    return !host.n || sip->conf.ops->serves(sip->conf.owner, host) ? SIP_PUBLISHING_ALLOWED : SIP_PUBLISHING_UNSERVED;
}

static bool has_publish(const struct sip *sip)
{
    return publishing(sip, slice_of(NULL, 0)) == SIP_PUBLISHING_ALLOWED;
}

/* host empty: at all. */
static bool has_winfo(const struct sip *sip, struct slice host)
{
    const struct sip_event_ops *ops = sip->conf.ops->events;

    return ops && ops->offers_winfo && ops->offers_winfo(sip->conf.owner, host);
}

static void put_allow(struct buf *b, const struct sip *sip, bool publish)
{
    buf_put(b, has_sessions(sip) ? SLICE("Allow: INVITE, ACK, CANCEL, BYE, PRACK, UPDATE, OPTIONS, MESSAGE, INFO")
                                 : SLICE("Allow: OPTIONS, MESSAGE"));
    if (has_events(sip))
        buf_put(b, SLICE(", SUBSCRIBE, NOTIFY"));
    if (publish)
        buf_put(b, SLICE(", PUBLISH"));
    buf_put(b, SLICE("\r\n"));
}

void sip_put_allow(struct buf *b, const struct sip *sip)
{
    put_allow(b, sip, has_publish(sip));
}

void sip_put_allow_events(struct buf *b, const struct sip *sip)
{
    if (has_events(sip))
        buf_put(b, has_winfo(sip, slice_of(NULL, 0)) ? SLICE("Allow-Events: " SIP_EVENT ", " SIP_EVENT_WINFO "\r\n")
                                                     : SLICE("Allow-Events: " SIP_EVENT "\r\n"));
}

void sip_put_supported(struct buf *b, const struct sip *sip)
{
    buf_put(b, has_sessions(sip) ? SLICE("Supported: timer, 100rel\r\n") : SLICE("Supported:\r\n"));
}

void sip_put_abilities(struct buf *b, const struct sip *sip)
{
    sip_put_allow(b, sip);
    buf_put(b, SLICE("Accept: "));
    sip_put_safe(b, sip->conf.accept.n ? sip->conf.accept : SLICE("text/plain"));
    if (has_sessions(sip))
        buf_put(b, SLICE(", application/sdp"));
    if (has_events(sip))
        buf_put(b, SLICE(", " SIP_PIDF));
    buf_put(b, SLICE("\r\n"));
    sip_put_allow_events(b, sip);
    sip_put_supported(b, sip);
}

unsigned sip_inspect_method(struct sip *sip, const struct sip_msg *m)
{
    buf_clear(&sip->headers);
    switch (m->method_id) {
    case SIP_MESSAGE:
    case SIP_OPTIONS:
    case SIP_CANCEL: return 0;
    case SIP_INVITE:
    case SIP_BYE:
    case SIP_PRACK:
    case SIP_UPDATE:
    case SIP_INFO:
        if (has_sessions(sip))
            return 0;
        break;
    case SIP_SUBSCRIBE:
    case SIP_NOTIFY:
        if (has_events(sip))
            return 0;
        break;
    case SIP_PUBLISH:
        if (has_publish(sip))
            return 0;
        break;
    default: break;
    }
    sip_put_allow(&sip->headers, sip);
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

/* Who publishes names himself, and not somebody at a partner. */
static unsigned check_publish(struct sip *sip, struct slice host)
{
    switch (publishing(sip, host)) {
    case SIP_PUBLISHING_ALLOWED: return 0;
    case SIP_PUBLISHING_FORBIDDEN: put_allow(&sip->headers, sip, false); return 405;
    case SIP_PUBLISHING_UNSERVED: break;
    }
    return 404;
}

/* The Request-URI's, in lower case and without a trailing dot. Empty: none that can be. */
static struct slice host_of(const struct sip_msg *m, char lower[HOST_MAX])
{
    struct slice host = m->uri.host;

    if (host.n && host.p[host.n - 1] == '.')
        host.n--;
    if (host.n > HOST_MAX)
        host.n = 0;
    for (size_t i = 0; i < host.n; i++)
        lower[i] = text_lower(host.p[i]);
    return slice_of(lower, host.n);
}

static bool is_of_winfo(const struct sip *sip, const struct sip_msg *m, struct slice host)
{
    const struct sip_header *h = m->method_id == SIP_SUBSCRIBE ? sip_msg_header(m, SIP_H_EVENT) : NULL;
    struct sip_event event;

    return h && host.n && sip_event_parse(h->value, &event) && slice_is(event.type, SIP_EVENT_WINFO) &&
           has_winfo(sip, host);
}

bool sip_asks_winfo(const struct sip *sip, const struct sip_msg *m)
{
    char lower[HOST_MAX];

    return is_of_winfo(sip, m, host_of(m, lower));
}

static unsigned check_host(struct sip *sip, const struct sip_msg *m)
{
    char lower[HOST_MAX];
    struct slice host = host_of(m, lower);

    /* OPTIONS to our own address is how SIP servers ask whether we live; in dialogs it is our Contact. */
    if ((m->method_id == SIP_OPTIONS || m->to_tag.n) && sip_is_our_host(sip, m->uri.host))
        return 0;
    if (!host.n)
        return 404;
    if (m->method_id == SIP_PUBLISH)
        return check_publish(sip, host);
    return is_of_winfo(sip, m, host) || sip->conf.ops->serves(sip->conf.owner, host) ? 0 : 404;
}

static unsigned check_uri(struct sip *sip, const struct sip_msg *m)
{
    if (!m->uri_ok)
        return 400;
    switch (m->uri.scheme) {
    case SIP_SCHEME_SIP:
    case SIP_SCHEME_SIPS:
    case SIP_SCHEME_IM:
    case SIP_SCHEME_PRES: return check_host(sip, m);
    case SIP_SCHEME_TEL:
    case SIP_SCHEME_OTHER: break;
    }
    return 416;
}

/* Extensions that sessions have, and requests of no other kind. */
static bool knows(const struct sip *sip, const struct sip_msg *m, struct slice tag)
{
    bool of_event = m->method_id == SIP_SUBSCRIBE || m->method_id == SIP_NOTIFY;
    bool of_session = m->method_id == SIP_INVITE || (m->to_tag.n && !of_event);

    return has_sessions(sip) && of_session && (slice_ieq(tag, SLICE("timer")) || slice_ieq(tag, SLICE("100rel")));
}

/* Proxy-Require is for proxies. */
static unsigned check_require(struct sip *sip, const struct sip_msg *m)
{
    struct slice tag;
    unsigned n = 0;

    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_REQUIRE, &pos, &tag);) {
        if (!tag.n || knows(sip, m, tag))
            continue;
        buf_put(&sip->headers, n++ ? SLICE(", ") : SLICE("Unsupported: "));
        sip_put_safe(&sip->headers, tag);
    }
    if (!n)
        return 0;
    buf_put(&sip->headers, SLICE("\r\n"));
    return 420;
}

/* What a CANCEL can mean beside an INVITE. */
static const enum sip_method held[] = { SIP_MESSAGE, SIP_SUBSCRIBE, SIP_NOTIFY, SIP_PUBLISH };

#define N_HELD (sizeof(held) / sizeof(held[0]))

/* RFC 3261 9.2, RFC 6665 4.6: what a CANCEL means runs on, since only INVITE can be cancelled. */
static unsigned answer_cancel(struct sip *sip, const struct sip_msg *m)
{
    struct sip_server_id id;

    for (size_t i = 0; i < N_HELD; i++) {
        sip_servers_identify(&sip->servers, m, slice_str(sip_method_name(held[i])), &id);
        if (sip_servers_known(&sip->servers, &id))
            return 200;
    }
    return 481;
}

/* A CANCEL repeats all of what its request is known by (RFC 3261 9.1). */
static bool cancels_other(struct sip *sip, const struct sip_msg *m)
{
    struct sip_server_id id;

    sip_servers_identify(&sip->servers, m, SLICE("INVITE"), &id);
    if (sip_invites_reused(&sip->invites, &id))
        return true;
    for (size_t i = 0; i < N_HELD; i++) {
        sip_servers_identify(&sip->servers, m, slice_str(sip_method_name(held[i])), &id);
        if (sip_servers_reused(&sip->servers, &id))
            return true;
    }
    return false;
}

bool sip_reuses_branch(struct sip *sip, const struct sip_msg *m, const struct sip_server_id *id)
{
    switch (m->method_id) {
    case SIP_ACK: return false; /* means an INVITE, and has no answer */
    case SIP_CANCEL: return cancels_other(sip, m);
    case SIP_INVITE: return sip_invites_reused(&sip->invites, id);
    default: return sip_servers_reused(&sip->servers, id);
    }
}

static bool is_merged(struct sip *sip, const struct sip_msg *m, const struct sip_server_id *id)
{
    return m->method_id == SIP_INVITE ? sip_invites_merged(&sip->invites, id) : sip_servers_merged(&sip->servers, id);
}

/* Those that only mean something in a dialog (RFC 3261 15.1.2, RFC 6086 4.2.2, RFC 3311 5.2, RFC 3262 3). */
static bool needs_dialog(const struct sip_msg *m)
{
    switch (m->method_id) {
    case SIP_MESSAGE:
    case SIP_OPTIONS:
    case SIP_INVITE:
    case SIP_SUBSCRIBE:
    case SIP_PUBLISH: return false;
    default: return true;
    }
}

/* A subscription's dialogs are those of SUBSCRIBE and NOTIFY, and no others (RFC 6665 4.5.2). */
static bool has_dialog(const struct sip *sip, const struct sip_msg *m)
{
    if (m->method_id == SIP_SUBSCRIBE || m->method_id == SIP_NOTIFY)
        return sip_subs_find(sip, m->call_id, m->to_tag) != NULL;
    return m->method_id != SIP_PUBLISH && sip_dialogs_find(sip, m->call_id, m->to_tag);
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
    if (!m->to_tag.n && is_merged(sip, m, id))
        return 482;
    status = check_require(sip, m);
    if (status)
        return status;
    if (m->to_tag.n ? !has_dialog(sip, m) : needs_dialog(m))
        return 481;
    if (m->body.n > sip->conf.body_max)
        return 413;
    if (m->method_id != SIP_OPTIONS || m->to_tag.n)
        return 0;
    sip_put_abilities(&sip->headers, sip);
    return 200;
}
