#include "sip/event_values.h"

#include "sip/msg_session.h"
#include "sip/scan.h"

/* A token at the start, spaces behind it skipped. False: there is none, or something but parameters follows. */
static bool take_word(struct slice *in, struct slice *word)
{
    size_t n;

    *in = sip_trim(*in);
    n = sip_span(*in, SIP_C_TOKEN);
    if (!n)
        return false;
    *word = sip_take_n(in, n);
    sip_skip_space(in);
    return !in->n || in->p[0] == ';';
}

bool sip_event_parse(struct slice value, struct sip_event *out)
{
    struct slice name, v;
    struct sip_event e = { 0 };
    enum sip_take took;

    *out = e;
    if (!take_word(&value, &e.type))
        return false;
    while ((took = sip_take_param(&value, &name, &v)) == SIP_TAKE_OK) {
        if (!sip_is_name(name, SLICE("id")))
            continue;
        if (e.id.n || !v.n || sip_span(v, SIP_C_TOKEN) != v.n)
            return false;
        e.id = v;
    }
    if (took != SIP_TAKE_END)
        return false;
    *out = e;
    return true;
}

bool sip_delta_parse(struct slice value, uint32_t *seconds)
{
    uint64_t v;

    *seconds = 0;
    value = sip_trim(value);
    if (!sip_take_number(&value, &v) || value.n)
        return false;
    *seconds = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
    return true;
}

static enum sip_sub_state state_of(struct slice word)
{
    if (slice_ieq(word, SLICE("pending")))
        return SIP_SUB_PENDING;
    return slice_ieq(word, SLICE("terminated")) ? SIP_SUB_TERMINATED : SIP_SUB_ACTIVE;
}

static bool note_param(struct sip_state_value *out, struct slice name, struct slice v)
{
    if (sip_is_name(name, SLICE("reason")))
        out->reason = sip_sub_reason_of(v);
    else if (sip_is_name(name, SLICE("expires")))
        out->has_expires = sip_delta_parse(v, &out->expires_s);
    else if (sip_is_name(name, SLICE("retry-after")))
        return sip_delta_parse(v, &out->retry_after_s);
    else
        return true;
    return !sip_is_name(name, SLICE("expires")) || out->has_expires;
}

bool sip_state_parse(struct slice value, struct sip_state_value *out)
{
    struct sip_state_value s = { .state = SIP_SUB_ACTIVE };
    struct slice word, name, v;
    enum sip_take took;

    *out = s;
    if (!take_word(&value, &word))
        return false;
    s.state = state_of(word);
    while ((took = sip_take_param(&value, &name, &v)) == SIP_TAKE_OK) {
        if (!note_param(&s, name, v))
            return false;
    }
    if (took != SIP_TAKE_END)
        return false;
    *out = s;
    return true;
}

bool sip_msg_expires(const struct sip_msg *m, uint32_t *seconds, bool *bad)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_EXPIRES);

    *seconds = 0;
    *bad = h && !sip_delta_parse(h->value, seconds);
    return h && !*bad;
}

bool sip_msg_min_expires(const struct sip_msg *m, uint32_t *seconds)
{
    const struct sip_header *h = sip_msg_named(m, SLICE("min-expires"), 0);

    *seconds = 0;
    return h && sip_delta_parse(h->value, seconds);
}

/* ";q=0", ";q=0.000": not this one. */
static bool is_ruled_out(struct slice params)
{
    struct slice q;

    if (sip_param_count(params, "q", &q) != 1 || !q.n || q.p[0] != '0')
        return false;
    for (size_t i = 1; i < q.n; i++) {
        if (q.p[i] != '.' && q.p[i] != '0')
            return false;
    }
    return true;
}

bool sip_msg_if_match(const struct sip_msg *m, struct slice *etag)
{
    const struct slice name = SLICE("sip-if-match");
    const struct sip_header *h = sip_msg_named(m, name, 0);

    *etag = slice_of(NULL, 0);
    if (!h)
        return true;
    for (const struct sip_header *other = h + 1; other < m->headers + m->n_headers; other++)
        if (other->id == SIP_H_OTHER && sip_is_name(other->name, name))
            return false;
    *etag = h->value;
    return h->value.n && sip_span(h->value, SIP_C_TOKEN) == h->value.n;
}

static bool takes(struct slice range, struct slice media)
{
    size_t slash = slice_find(media, '/');

    return slice_ieq(range, SLICE("*/*")) || slice_ieq(range, media) ||
           (slice_ends(range, SLICE("/*")) && slice_ieq(slice_first(range, range.n - 2), slice_first(media, slash)));
}

bool sip_msg_accepts(const struct sip_msg *m, struct slice media)
{
    struct slice value, range, params;

    if (!sip_msg_header(m, SIP_H_ACCEPT))
        return true;
    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_ACCEPT, &pos, &value);) {
        if (sip_media_type(value, &range, &params) && takes(range, media) && !is_ruled_out(params))
            return true;
    }
    return false;
}
