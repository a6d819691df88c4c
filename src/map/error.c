#include "map/error.h"

#include <assert.h>

#include "base/text.h"
#include "map/scratch.h"
#include "sip/writer.h"
#include "xmpp/writer.h"

#define STANZAS_NS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define TEXT_MAX 256
#define N_CONDITIONS (MAP_UNEXPECTED_REQUEST + 1)

/* Catalogue 3.1. 401 and 407 are 403: XMPP tells no realm to challenge with (STOX-ERR-09). */
static const struct {
    const char *name;
    unsigned full, bare; /* status when we had written to a full JID, to a bare one */
} conditions[N_CONDITIONS] = {
    [MAP_BAD_REQUEST] = { "bad-request", 400, 400 },
    [MAP_CONFLICT] = { "conflict", 400, 400 },
    [MAP_FEATURE_NOT_IMPLEMENTED] = { "feature-not-implemented", 405, 501 },
    [MAP_FORBIDDEN] = { "forbidden", 403, 603 },
    [MAP_GONE] = { "gone", 410, 410 },
    [MAP_INTERNAL_SERVER_ERROR] = { "internal-server-error", 500, 500 },
    [MAP_ITEM_NOT_FOUND] = { "item-not-found", 404, 604 },
    [MAP_JID_MALFORMED] = { "jid-malformed", 400, 400 },
    [MAP_NOT_ACCEPTABLE] = { "not-acceptable", 406, 606 },
    [MAP_NOT_ALLOWED] = { "not-allowed", 403, 403 },
    [MAP_NOT_AUTHORIZED] = { "not-authorized", 403, 403 },
    [MAP_POLICY_VIOLATION] = { "policy-violation", 403, 403 },
    [MAP_RECIPIENT_UNAVAILABLE] = { "recipient-unavailable", 480, 600 },
    [MAP_REDIRECT] = { "redirect", 480, 480 },
    [MAP_REGISTRATION_REQUIRED] = { "registration-required", 403, 403 },
    [MAP_REMOTE_SERVER_NOT_FOUND] = { "remote-server-not-found", 404, 404 },
    [MAP_REMOTE_SERVER_TIMEOUT] = { "remote-server-timeout", 504, 504 },
    [MAP_RESOURCE_CONSTRAINT] = { "resource-constraint", 500, 500 },
    [MAP_SERVICE_UNAVAILABLE] = { "service-unavailable", 403, 403 },
    [MAP_SUBSCRIPTION_REQUIRED] = { "subscription-required", 400, 400 },
    [MAP_UNDEFINED_CONDITION] = { "undefined-condition", 400, 400 },
    [MAP_UNEXPECTED_REQUEST] = { "unexpected-request", 400, 400 },
};

/* Catalogue 3.2. Ranges are searched in order; the last of each class is its default (STOX-ERR-03). */
static const struct {
    unsigned first, last;
    enum map_condition condition;
    const char *type;
} statuses[] = {
    { 301, 301, MAP_GONE, "cancel" },
    { 380, 380, MAP_NOT_ACCEPTABLE, "modify" },
    { 300, 399, MAP_REDIRECT, "modify" },
    { 401, 401, MAP_NOT_AUTHORIZED, "auth" },
    { 403, 403, MAP_FORBIDDEN, "auth" },
    { 404, 404, MAP_ITEM_NOT_FOUND, "cancel" },
    { 405, 405, MAP_FEATURE_NOT_IMPLEMENTED, "cancel" },
    { 406, 406, MAP_NOT_ACCEPTABLE, "modify" },
    { 407, 407, MAP_REGISTRATION_REQUIRED, "auth" },
    { 408, 408, MAP_REMOTE_SERVER_TIMEOUT, "wait" },
    { 410, 410, MAP_GONE, "cancel" },
    { 413, 414, MAP_POLICY_VIOLATION, "modify" },
    { 415, 416, MAP_NOT_ACCEPTABLE, "modify" },
    { 420, 420, MAP_FEATURE_NOT_IMPLEMENTED, "cancel" },
    { 421, 422, MAP_NOT_ACCEPTABLE, "modify" },
    { 423, 423, MAP_RESOURCE_CONSTRAINT, "wait" },
    { 430, 430, MAP_RECIPIENT_UNAVAILABLE, "wait" },
    { 439, 439, MAP_FEATURE_NOT_IMPLEMENTED, "cancel" },
    { 440, 440, MAP_POLICY_VIOLATION, "modify" },
    { 469, 470, MAP_FORBIDDEN, "auth" },
    { 480, 480, MAP_RECIPIENT_UNAVAILABLE, "wait" },
    { 481, 481, MAP_ITEM_NOT_FOUND, "cancel" },
    { 482, 483, MAP_NOT_ACCEPTABLE, "modify" },
    { 484, 485, MAP_ITEM_NOT_FOUND, "cancel" },
    { 486, 487, MAP_RECIPIENT_UNAVAILABLE, "wait" },
    { 488, 488, MAP_NOT_ACCEPTABLE, "modify" },
    { 489, 489, MAP_POLICY_VIOLATION, "modify" },
    { 491, 491, MAP_UNEXPECTED_REQUEST, "wait" },
    { 494, 494, MAP_NOT_AUTHORIZED, "auth" },
    { 400, 499, MAP_BAD_REQUEST, "modify" },
    { 501, 501, MAP_FEATURE_NOT_IMPLEMENTED, "cancel" },
    { 502, 502, MAP_REMOTE_SERVER_NOT_FOUND, "cancel" },
    { 504, 504, MAP_REMOTE_SERVER_TIMEOUT, "wait" },
    { 505, 505, MAP_NOT_ACCEPTABLE, "modify" },
    { 513, 513, MAP_POLICY_VIOLATION, "modify" },
    { 580, 580, MAP_NOT_ACCEPTABLE, "modify" },
    { 500, 599, MAP_INTERNAL_SERVER_ERROR, "cancel" },
    { 604, 604, MAP_ITEM_NOT_FOUND, "cancel" },
    { 606, 606, MAP_NOT_ACCEPTABLE, "modify" },
    { 600, 699, MAP_RECIPIENT_UNAVAILABLE, "wait" },
};

const char *map_condition_name(enum map_condition c)
{
    return conditions[c].name;
}

enum map_condition map_condition_of(struct slice name)
{
    for (unsigned i = 0; i < N_CONDITIONS; i++) {
        if (slice_is(name, conditions[i].name))
            return (enum map_condition)i;
    }
    return MAP_UNDEFINED_CONDITION;
}

unsigned map_condition_to_status(enum map_condition c, struct slice type, bool full_jid, bool is_invite)
{
    if (c == MAP_REMOTE_SERVER_TIMEOUT) {
        if (slice_is(type, "cancel"))
            return 404;
        if (is_invite)
            return 408;
    }
    return full_jid ? conditions[c].full : conditions[c].bare;
}

/* One line of at most TEXT_MAX bytes without controls, cut between characters (STOX-ERR-11). Empty on memory: a text is
 * never worth more than the error. */
static struct slice clean_text(struct arena *a, struct slice text)
{
    struct buf out;
    uint32_t ch;

    text = slice_trim(text);
    if (text.n == 0 || !scratch_init(&out, a, TEXT_MAX + 8))
        return (struct slice){ 0 };
    for (size_t at = 0; at < text.n;) {
        size_t before = out.n;

        if (!text_next(text, &at, &ch)) {
            at++;
            ch = 0xfffd;
        }
        if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch == 0x2028 || ch == 0x2029)
            ch = ' ';
        text_put_char(&out, text_xml_char(ch) ? ch : 0xfffd);
        if (out.n > TEXT_MAX) {
            out.n = before;
            break;
        }
    }
    return slice_trim(buf_slice(&out));
}

/* RFC 5122: what may stand unescaped in an xmpp URI's node and resource, and at the same time in any header. */
static bool put_xmpp_uri(struct buf *b, const struct jid *jid)
{
    struct text_set keep = text_set("-._~!$()*+,;=");
    struct text_set keep_host = text_set("-._~[]:");

    buf_str(b, "xmpp:");
    if (jid->local.n) {
        text_put_percent(b, jid->local, &keep);
        buf_char(b, '@');
    }
    text_put_percent(b, jid->domain, &keep_host);
    if (jid->resource.n) {
        buf_char(b, '/');
        text_put_percent(b, jid->resource, &keep);
    }
    return buf_ok(b);
}

/* The new address in the first Contact as an xmpp URI, or as it is when it has no counterpart; empty: none. */
static struct slice contact_to_payload(struct arena *a, const struct sip_msg *msg, const struct map_aliases *aliases)
{
    struct sip_name_addr contact;
    struct slice value, gr = { 0 };
    struct jid jid;
    struct buf out;
    size_t pos = 0;

    if (!msg || !sip_msg_next_value(msg, SIP_H_CONTACT, &pos, &value) || !sip_name_addr_parse(value, &contact))
        return (struct slice){ 0 };
    if (!sip_gruu(&contact, &gr))
        gr = (struct slice){ 0 };
    if (map_uri_to_jid(a, &contact.uri, gr, aliases, &jid) == MAP_ADDRESS_OK &&
        scratch_init(&out, a, 8 + 3 * (jid.local.n + jid.domain.n + jid.resource.n)) && put_xmpp_uri(&out, &jid))
        return buf_slice(&out);
    if (contact.uri_text.n > 4 * JID_PART_MAX || !text_is_utf8(contact.uri_text))
        return (struct slice){ 0 };
    return arena_dup(a, contact.uri_text);
}

void map_error_to_stanza(struct arena *a, unsigned status, const struct sip_msg *msg, const struct map_aliases *aliases,
                         struct map_stanza_error *out)
{
    *out = (struct map_stanza_error){ .condition = MAP_UNDEFINED_CONDITION, .type = "cancel" };
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        if (status >= statuses[i].first && status <= statuses[i].last) {
            out->condition = statuses[i].condition;
            out->type = statuses[i].type;
            break;
        }
    }
    if (status == 503 && msg && sip_msg_header(msg, SIP_H_RETRY_AFTER))
        out->type = "wait";
    if (msg)
        out->text = clean_text(a, msg->reason);
    if (status == 301 || out->condition == MAP_REDIRECT)
        out->payload = contact_to_payload(a, msg, aliases);
}

/* An unescaped copy of part, prepared. */
static bool part_of_uri(struct arena *a, struct slice part, bool (*prep)(struct arena *, struct slice, struct slice *),
                        struct slice *out)
{
    struct buf plain;

    return part.n <= 3 * JID_PART_MAX && scratch_init(&plain, a, part.n) && text_unpercent(&plain, part) &&
           text_is_utf8(buf_slice(&plain)) && prep(a, buf_slice(&plain), out);
}

/* RFC 5122: xmpp:[//account/]node@host/resource?query#fragment. */
static bool jid_of_uri(struct arena *a, struct slice uri, struct jid *out)
{
    struct slice path = slice_from(uri, sizeof("xmpp:") - 1), rest, local = { 0 }, resource = { 0 };

    *out = (struct jid){ 0 };
    slice_cut(path, '#', &path, &rest);
    slice_cut(path, '?', &path, &rest);
    if (slice_starts(path, SLICE("//")) && !slice_cut(slice_from(path, 2), '/', &rest, &path))
        return false;
    if (slice_cut(path, '/', &path, &rest))
        resource = rest;
    if (slice_cut(path, '@', &path, &rest)) {
        local = path;
        path = rest;
    }
    return (local.n == 0 || part_of_uri(a, local, jid_prep_local, &out->local)) &&
           part_of_uri(a, path, jid_prep_domain, &out->domain) &&
           (resource.n == 0 || part_of_uri(a, resource, jid_prep_resource, &out->resource));
}

/* The address inside gone or redirect as a URI for Contact; empty: none that SIP could use. */
static struct slice payload_to_contact(struct arena *a, const struct xml *el, const struct map_aliases *aliases)
{
    struct slice text = slice_trim(xml_text(a, el));
    struct sip_uri uri;
    struct jid jid;
    struct buf out;

    if (text.n > 4 * JID_PART_MAX)
        return (struct slice){ 0 };
    if (slice_istarts(text, SLICE("xmpp:"))) {
        if (jid_of_uri(a, text, &jid) &&
            scratch_init(&out, a, 512 + 3 * (jid.local.n + jid.domain.n + jid.resource.n)) &&
            map_jid_to_uri(&out, &jid, true, aliases) && buf_ok(&out))
            return buf_slice(&out);
        return (struct slice){ 0 };
    }
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if (c <= ' ' || c >= 0x7f || c == '<' || c == '>' || c == '"')
            return (struct slice){ 0 };
    }
    if (text.n == 0 || !sip_uri_parse(text, &uri))
        return (struct slice){ 0 };
    if (uri.scheme != SIP_SCHEME_IM && uri.scheme != SIP_SCHEME_PRES)
        return arena_dup(a, text);
    /* Contact never carries these (STOX-ADDR-24). */
    text = slice_from(text, uri.scheme_text.n);
    if (!scratch_init(&out, a, text.n + 3))
        return (struct slice){ 0 };
    buf_str(&out, "sip");
    buf_put(&out, text);
    return buf_slice(&out);
}

void map_error_to_sip(struct arena *a, const struct xml *stanza, bool full_jid, bool is_invite,
                      const struct map_aliases *aliases, struct map_sip_error *out)
{
    const struct xml *error = xml_first_child(stanza), *condition = NULL, *text = NULL;
    enum map_condition c = MAP_UNDEFINED_CONDITION;
    struct slice type = { 0 };

    *out = (struct map_sip_error){ 0 };
    while (error && !(slice_is(error->name, "error") && slice_eq(error->ns, stanza->ns)))
        error = xml_next(error);
    if (error) {
        type = xml_attr(error, "type");
        for (const struct xml *el = xml_first_child(error); el; el = xml_next(el)) {
            if (!slice_is(el->ns, STANZAS_NS))
                continue;
            if (slice_is(el->name, "text"))
                text = text ? text : el;
            else if (!condition)
                condition = el;
        }
    }
    if (condition)
        c = map_condition_of(condition->name);
    out->status = map_condition_to_status(c, type, full_jid, is_invite);
    if (c == MAP_GONE || c == MAP_REDIRECT) {
        out->contact = payload_to_contact(a, condition, aliases);
        if (out->contact.n)
            out->status = c == MAP_GONE ? 301 : 302;
    }
    if (text)
        out->reason = clean_text(a, xml_text(a, text));
    if (out->reason.n == 0)
        out->reason = slice_str(sip_reason(out->status));
}

void map_put_error_stanza(struct buf *b, const char *kind, const struct jid *from, const struct jid *to,
                          struct slice id, struct slice by, const struct map_stanza_error *error)
{
    buf_char(b, '<');
    buf_str(b, kind);
    buf_str(b, " type='error'");
    xml_put_attr_jid(b, "from", from);
    xml_put_attr_jid(b, "to", to);
    if (id.n)
        xml_put_attr(b, "id", id);
    buf_char(b, '>');
    xml_put_error(b, error->type, conditions[error->condition].name, by, error->text, error->payload);
    buf_str(b, "</");
    buf_str(b, kind);
    buf_char(b, '>');
}
