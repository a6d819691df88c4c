/* Reading header values of a parsed message. */
#include "sip/msg.h"
#include "sip/scan.h"

/* *pos of sip_msg_next_value: index of the header times this, plus 1 + the offset in its value. */
#define POS_STEP ((size_t)SIP_HEAD_MAX + 2)

const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id)
{
    for (size_t i = 0; i < m->n_headers; i++) {
        if (m->headers[i].id == id)
            return &m->headers[i];
    }
    return NULL;
}

bool sip_msg_next_value(const struct sip_msg *m, enum sip_header_id id, size_t *pos, struct slice *value)
{
    size_t i = *pos / POS_STEP, offset = *pos % POS_STEP;

    for (; i < m->n_headers; i++, offset = 0) {
        struct slice all = m->headers[i].value, list = slice_from(all, offset);

        if (m->headers[i].id != id || offset > all.n)
            continue;
        while (sip_take_element(&list, value)) {
            if (value->n == 0)
                continue;
            *pos = i * POS_STEP + (list.p ? (size_t)(list.p - all.p) : all.n + 1);
            return true;
        }
    }
    *pos = i * POS_STEP;
    return false;
}

bool sip_media_type(struct slice value, struct slice *type, struct slice *params)
{
    size_t n, sub;
    struct slice rest;

    *type = *params = slice_of(NULL, 0);
    value = sip_trim(value);
    if (value.n == 0)
        return true;
    n = sip_span(value, SIP_C_TOKEN);
    if (n == 0 || n == value.n || value.p[n] != '/')
        return false;
    sub = sip_span(slice_from(value, n + 1), SIP_C_TOKEN);
    rest = sip_trim(slice_from(value, n + 1 + sub));
    if (sub == 0 || (rest.n && rest.p[0] != ';'))
        return false;
    *type = slice_first(value, n + 1 + sub);
    *params = rest;
    return true;
}
