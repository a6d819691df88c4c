#include "sip/reply.h"

#include "sip/writer.h"

#define TAG_CHARS 16

/* Values go back byte for byte (RFC 3261 8.2.6.2), a NUL in a quoted string too; only a line end cannot be repeated. */
static void put_echo(struct buf *b, struct slice s)
{
    if (s.n && (memchr(s.p, '\r', s.n) || memchr(s.p, '\n', s.n)))
        sip_put_safe(b, s);
    else
        buf_put(b, s);
}

static void put_line(struct buf *b, struct slice name, struct slice value)
{
    buf_put(b, name);
    put_echo(b, value);
    buf_put(b, SLICE("\r\n"));
}

/* Cuts the next ";name=value" off params, the semicolon included; quoted strings may hold semicolons. */
static struct slice next_param(struct slice *params)
{
    struct slice param;
    bool quoted = false;
    size_t i;

    for (i = 1; i < params->n && (quoted || params->p[i] != ';'); i++) {
        if (params->p[i] == '"')
            quoted = !quoted;
        else if (params->p[i] == '\\' && quoted)
            i++;
    }
    param = slice_first(*params, i);
    *params = slice_from(*params, i);
    return param;
}

static bool param_is(struct slice param, const char *name)
{
    struct slice head, rest;

    slice_cut(slice_from(param, 1), '=', &head, &rest);
    return slice_ieq(slice_trim(head), slice_str(name));
}

static void put_ip(struct buf *b, const struct addr *a)
{
    const unsigned char *ip = (const unsigned char *)&a->v4.sin_addr;
    char text[ADDR_TEXT];

    if (a->sa.sa_family != AF_INET) {
        buf_str(b, addr_ip_text(a, text));
        return;
    }
    for (size_t i = 0; i < 4; i++) {
        if (i)
            buf_char(b, '.');
        buf_u64(b, ip[i]);
    }
}

/* RFC 3261 18.2.1, RFC 3581 4. What the peer wrote into received or rport is replaced by what is true. */
static void put_top_via(struct buf *b, struct slice value, const struct sip_via *via, const struct addr *from)
{
    struct slice params = via->params;
    struct addr sent_by;
    bool has_rport = false;

    /* The parameters are the value's end; should they not be, the value goes back as it is. */
    if (params.n > value.n || params.p + params.n != value.p + value.n)
        params.n = 0;
    put_echo(b, slice_first(value, value.n - params.n));
    while (params.n) {
        struct slice param = next_param(&params);

        if (param_is(param, "rport")) {
            if (!has_rport) {
                buf_put(b, SLICE(";rport="));
                buf_u64(b, addr_port(from));
            }
            has_rport = true;
        } else if (!param_is(param, "received")) {
            put_echo(b, param);
        }
    }
    if (has_rport || !addr_parse_ip(via->host, 0, &sent_by) || !addr_same_ip(&sent_by, from)) {
        buf_put(b, SLICE(";received="));
        put_ip(b, from);
    }
}

static void put_vias(struct buf *b, const struct sip_msg *m, const struct addr *from)
{
    struct slice value;
    bool top = true;

    for (size_t pos = 0; sip_msg_next_value(m, SIP_H_VIA, &pos, &value); top = false) {
        buf_put(b, SLICE("Via: "));
        if (top)
            put_top_via(b, value, &m->via, from);
        else
            put_echo(b, value);
        buf_put(b, SLICE("\r\n"));
    }
}

void sip_put_tag(struct buf *b, uint64_t tag)
{
    char text[TAG_CHARS];

    for (unsigned i = 0; i < TAG_CHARS; i++)
        text[i] = "0123456789abcdef"[tag >> (60 - 4 * i) & 15];
    buf_add(b, text, sizeof(text));
}

bool sip_tag_read(struct slice text, uint64_t *tag)
{
    uint64_t v = 0;

    if (text.n != TAG_CHARS)
        return false;
    for (size_t i = 0; i < TAG_CHARS; i++) {
        char c = text.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'f'))
            return false;
        v = v << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    *tag = v;
    return true;
}

/* The first of its kind: a message with two From lines is malformed, and its answer repeats one. */
static void put_first(struct buf *b, const struct sip_msg *m, enum sip_header_id id, struct slice name)
{
    const struct sip_header *h = sip_msg_header(m, id);

    if (h)
        put_line(b, name, h->value);
}

static void put_to(struct buf *b, const struct sip_msg *m, uint64_t tag)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_TO);

    if (!h)
        return;
    buf_put(b, SLICE("To: "));
    put_echo(b, h->value);
    if (!m->to_tag.n) {
        buf_put(b, SLICE(";tag="));
        sip_put_tag(b, tag);
    }
    buf_put(b, SLICE("\r\n"));
}

void sip_put_reply_head(struct buf *b, const struct sip_msg *m, const struct addr *from, uint64_t tag)
{
    put_vias(b, m, from);
    put_first(b, m, SIP_H_FROM, SLICE("From: "));
    put_to(b, m, tag);
    put_first(b, m, SIP_H_CALL_ID, SLICE("Call-ID: "));
    put_first(b, m, SIP_H_CSEQ, SLICE("CSeq: "));
    for (size_t i = 0; i < m->n_headers; i++) {
        if (m->headers[i].id == SIP_H_OTHER && slice_ieq(m->headers[i].name, SLICE("timestamp"))) {
            put_line(b, SLICE("Timestamp: "), m->headers[i].value);
            break;
        }
    }
}

void sip_put_status_line(struct buf *b, unsigned status, const char *reason)
{
    buf_put(b, SLICE("SIP/2.0 "));
    buf_u64(b, status);
    buf_char(b, ' ');
    sip_put_safe(b, slice_str(reason ? reason : sip_reason(status)));
    buf_put(b, SLICE("\r\n"));
}

void sip_put_reply_end(struct buf *b, struct slice headers, struct slice body)
{
    buf_put(b, headers);
    if (body.n)
        sip_put_body(b, body);
    else
        buf_put(b, SLICE("Content-Length: 0\r\n\r\n"));
}

void sip_reply_flow(const struct sip_msg *m, const struct sip_source *source, struct sip_flow *flow)
{
    flow->transport = source->transport;
    flow->link = source->link;
    flow->peer = source->addr;
    /* RFC 3261 18.2.2: only the port is the peer's word, here too. */
    flow->back = source->transport == SIP_UDP   ? 0
                 : m->via.port                  ? m->via.port
                 : source->transport == SIP_TLS ? 5061
                                                : 5060;
    /*
     * RFC 3261 18.2.2, RFC 3581 4: always to the address it came from, only the port may be the peer's word. maddr is
     * not followed: it would let a request send our answer to somebody else.
     */
    if (source->transport == SIP_UDP && !m->via.has_rport)
        addr_set_port(&flow->peer, m->via.port ? m->via.port : 5060);
}
