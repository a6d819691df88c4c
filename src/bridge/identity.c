#include "bridge/identity.h"

#include "bridge/bridge_private.h"
#include "sip/writer.h"

static bool read_address(const struct bridge *b, const struct sip_name_addr *na, struct arena *a, struct identity *out)
{
    struct slice gr = { 0 };

    *out = (struct identity){ .display = na->display };
    (void)sip_gruu(na, &gr);
    if (!na->uri.has_user || map_uri_to_jid(a, &na->uri, gr, &b->map.aliases, &out->jid) != MAP_ADDRESS_OK)
        return false;
    out->route = directory_route_to(b->directory, out->jid.domain);
    return !out->route || jid_domain_to_ascii(a, out->jid.domain, &out->domain);
}

static bool is_trusted(const struct identity *id, const struct sip_peer *peer)
{
    return id->route && id->route->trust_identity && speaker_is_source(id->route, id->domain, peer);
}

/* The first asserted address that can be a sender's: beside it there may be a tel URI (RFC 3325 9.1). */
static bool asserted(const struct bridge *b, const struct sip_msg *m, struct arena *a, struct identity *out)
{
    struct sip_name_addr na;
    struct slice value;

    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_P_ASSERTED_IDENTITY, &pos, &value);)
        if (sip_name_addr_parse(value, &na) && na.uri.scheme != SIP_SCHEME_TEL && read_address(b, &na, a, out))
            return true;
    return false;
}

static bool wants_privacy(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_PRIVACY);
    struct slice rest = h ? h->value : (struct slice){ 0 }, word;

    while (rest.n) {
        (void)slice_cut(rest, ';', &word, &rest);
        if (slice_ieq(slice_trim(word), SLICE("id")))
            return true;
    }
    return false;
}

bool identity_of(const struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                 struct identity *out)
{
    struct identity said;
    bool has_from = read_address(b, &m->from, a, out);

    if (!directory_trusts_identity(b->directory) || !sip_msg_header(m, SIP_H_P_ASSERTED_IDENTITY) ||
        !asserted(b, m, a, &said) || !(is_trusted(&said, peer) || (has_from && is_trusted(out, peer))))
        return has_from;
    *out = said;
    out->hidden = wants_privacy(m);
    return true;
}

bool identity_assert(struct arena *a, struct slice from, struct slice *headers)
{
    struct sip_name_addr na;
    struct buf b;
    bool ok;

    if (!sip_name_addr_parse(from, &na) || !na.uri.has_user)
        return true;
    buf_init(&b, SIP_HEAD_MAX);
    buf_put(&b, SLICE("P-Asserted-Identity: <sip:"));
    sip_put_safe(&b, na.uri.user);
    buf_char(&b, '@');
    sip_put_safe(&b, na.uri.host);
    buf_put(&b, SLICE(">\r\n"));
    buf_put(&b, *headers);
    ok = buf_ok(&b);
    if (ok)
        *headers = arena_dup(a, buf_slice(&b));
    buf_free(&b);
    return ok && headers->p;
}
