/* The header values that every message needs (RFC 3261 8.1.1, 20). */
#include "sip/msg_parts.h"
#include "sip/scan.h"

static void via(struct sip_parser *ps)
{
    struct slice list, top;
    bool ok;

    if (!sip_seen(ps, SIP_H_VIA)) {
        sip_fault(ps, SIP_PARSE_BAD, "Missing Via");
        return;
    }
    list = ps->first[SIP_H_VIA];
    sip_take_element(&list, &top);
    ps->via_usable = sip_via_parse_lenient(top, &ps->m->via, &ok);
    if (!ps->via_usable || !ok)
        sip_fault(ps, SIP_PARSE_BAD, "Bad Via");
}

static void address(struct sip_parser *ps, enum sip_header_id id, struct slice *text, struct sip_name_addr *na,
                    struct slice *tag)
{
    bool from = id == SIP_H_FROM;
    int n_tags;

    if (!sip_seen(ps, id)) {
        sip_fault(ps, SIP_PARSE_BAD, from ? "Missing From" : "Missing To");
        return;
    }
    *text = ps->first[id];
    n_tags = sip_name_addr_fill(*text, na, tag);
    if (n_tags < 0) {
        memset(na, 0, sizeof(*na));
        *tag = slice_of(NULL, 0);
        sip_fault(ps, SIP_PARSE_BAD, from ? "Bad From" : "Bad To");
    } else if (n_tags > 1 || (n_tags == 1 && tag->n == 0)) {
        sip_fault(ps, SIP_PARSE_BAD, from ? "Bad tag in From" : "Bad tag in To");
    }
}

static void call_id(struct sip_parser *ps)
{
    struct slice id;

    if (!sip_seen(ps, SIP_H_CALL_ID)) {
        sip_fault(ps, SIP_PARSE_BAD, "Missing Call-ID");
        return;
    }
    id = ps->first[SIP_H_CALL_ID];
    if (id.n && sip_span(id, SIP_C_WORD) == id.n)
        ps->m->call_id = id;
    else
        sip_fault(ps, SIP_PARSE_BAD, "Bad Call-ID");
}

static void cseq(struct sip_parser *ps)
{
    struct sip_msg *m = ps->m;
    struct slice in;
    uint64_t number;

    if (!sip_seen(ps, SIP_H_CSEQ)) {
        sip_fault(ps, SIP_PARSE_BAD, "Missing CSeq");
        return;
    }
    in = ps->first[SIP_H_CSEQ];
    if (!sip_take_number(&in, &number) || in.n == 0 || !sip_is_space(in.p[0]) || number > UINT32_MAX) {
        sip_fault(ps, SIP_PARSE_BAD, "Bad CSeq number");
        return;
    }
    sip_skip_space(&in);
    if (sip_span(in, SIP_C_TOKEN) != in.n) {
        sip_fault(ps, SIP_PARSE_BAD, "Bad CSeq method");
        return;
    }
    m->cseq = (uint32_t)number;
    m->cseq_method = in;
    if (m->is_request && !slice_eq(in, m->method))
        sip_fault(ps, SIP_PARSE_BAD, "CSeq has another method");
}

static void max_forwards(struct sip_parser *ps)
{
    struct slice in;
    uint64_t v;

    ps->m->max_forwards = -1;
    if (!sip_seen(ps, SIP_H_MAX_FORWARDS))
        return;
    in = ps->first[SIP_H_MAX_FORWARDS];
    if (sip_take_number(&in, &v) && in.n == 0 && v <= 255)
        ps->m->max_forwards = (int)v;
}

static void content_length(struct sip_parser *ps)
{
    struct slice in;
    uint64_t other;

    if (!sip_seen(ps, SIP_H_CONTENT_LENGTH))
        return;
    in = ps->first[SIP_H_CONTENT_LENGTH];
    ps->has_content_length = sip_take_number(&in, &ps->content_length) && in.n == 0;
    if (!ps->has_content_length)
        sip_fault(ps, SIP_PARSE_FRAMING, "Bad Content-Length");
    in = ps->other_length;
    if (in.p && (!sip_take_number(&in, &other) || in.n || other != ps->content_length))
        sip_fault(ps, SIP_PARSE_FRAMING, "Two Content-Lengths");
}

/* Headers in a Request-URI are forbidden (RFC 3261 19.1.1, TORT-escruri). */
static void request_uri(struct sip_parser *ps)
{
    struct sip_msg *m = ps->m;

    m->uri_ok = sip_uri_fill(m->uri_text, &m->uri) && m->uri.headers.p == NULL;
    if (m->uri_ok)
        return;
    memset(&m->uri, 0, sizeof(m->uri));
    sip_fault(ps, SIP_PARSE_BAD, "Bad Request-URI");
}

void sip_fields(struct sip_parser *ps)
{
    struct sip_msg *m = ps->m;

    if (m->is_request)
        request_uri(ps);
    via(ps);
    address(ps, SIP_H_FROM, &m->from_text, &m->from, &m->from_tag);
    address(ps, SIP_H_TO, &m->to_text, &m->to, &m->to_tag);
    call_id(ps);
    cseq(ps);
    max_forwards(ps);
    content_length(ps);
}
