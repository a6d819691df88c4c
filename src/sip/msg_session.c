#include "sip/msg_session.h"

#include "sip/scan.h"

const struct sip_header *sip_msg_named(const struct sip_msg *m, struct slice name, char compact)
{
    for (size_t i = 0; i < m->n_headers; i++) {
        const struct sip_header *h = &m->headers[i];

        if (h->id == SIP_H_OTHER &&
            (sip_is_name(h->name, name) || (compact && h->name.n == 1 && (h->name.p[0] | 0x20) == compact)))
            return h;
    }
    return NULL;
}

bool sip_msg_lists(const struct sip_msg *m, enum sip_header_id id, struct slice token)
{
    struct slice value;

    for (size_t pos = 0; sip_msg_next_value(m, id, &pos, &value);) {
        if (slice_ieq(value, token))
            return true;
    }
    return false;
}

static bool take_u32(struct slice *in, uint32_t *out)
{
    uint64_t v;

    if (!sip_take_number(in, &v))
        return false;
    *out = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
    return true;
}

/* The rest of a value: parameters. False when they break the grammar. */
static bool take_refresher(struct slice in, enum sip_refresher *refresher)
{
    struct slice name, value;
    enum sip_take took;

    while ((took = sip_take_param(&in, &name, &value)) == SIP_TAKE_OK) {
        if (!sip_is_name(name, SLICE("refresher")))
            continue;
        if (slice_ieq(value, SLICE("uac")))
            *refresher = SIP_REFRESHER_UAC;
        else if (slice_ieq(value, SLICE("uas")))
            *refresher = SIP_REFRESHER_UAS;
        else
            return false;
    }
    return took == SIP_TAKE_END;
}

bool sip_session_expires_parse(struct slice value, struct sip_session_expires *out)
{
    struct sip_session_expires v = { 0 };

    *out = v;
    value = sip_trim(value);
    if (!take_u32(&value, &v.seconds))
        return false;
    sip_skip_space(&value);
    if (!take_refresher(value, &v.refresher))
        return false;
    *out = v;
    return true;
}

bool sip_min_se_parse(struct slice value, uint32_t *seconds)
{
    enum sip_refresher none;
    uint32_t v;

    *seconds = 0;
    value = sip_trim(value);
    if (!take_u32(&value, &v))
        return false;
    sip_skip_space(&value);
    if (!take_refresher(value, &none))
        return false;
    *seconds = v;
    return true;
}

bool sip_rseq_parse(struct slice value, uint32_t *rseq)
{
    uint64_t v;

    *rseq = 0;
    value = sip_trim(value);
    if (!sip_take_number(&value, &v) || value.n || v == 0 || v > UINT32_MAX)
        return false;
    *rseq = (uint32_t)v;
    return true;
}

static bool take_spaced_number(struct slice *in, uint32_t *out)
{
    uint64_t v;

    if (!sip_take_number(in, &v) || v > UINT32_MAX || !in->n || !sip_is_space(in->p[0]))
        return false;
    sip_skip_space(in);
    *out = (uint32_t)v;
    return true;
}

bool sip_rack_parse(struct slice value, struct sip_rack *out)
{
    struct sip_rack v = { 0 };

    *out = v;
    value = sip_trim(value);
    if (!take_spaced_number(&value, &v.rseq) || !take_spaced_number(&value, &v.cseq))
        return false;
    v.method = value;
    if (!value.n || sip_span(value, SIP_C_TOKEN) != value.n)
        return false;
    *out = v;
    return true;
}
