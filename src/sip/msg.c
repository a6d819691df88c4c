/*
 * One message out of received bytes: start line, headers, fields, then where its body ends. On a stream nothing is
 * edited before the head is complete, and the head's end is looked for eight bytes at a time, so that bytes that
 * trickle in cost little.
 */
#include "sip/msg.h"

#include <endian.h>

#include "sip/msg_parts.h"

void sip_fault(struct sip_parser *ps, enum sip_parse outcome, const char *text)
{
    if (outcome <= ps->outcome)
        return;
    ps->outcome = outcome;
    ps->fault = text;
}

static size_t leading_crlfs(const char *p, size_t n)
{
    size_t i = 0;

    while (n - i >= 2 && p[i] == '\r' && p[i + 1] == '\n')
        i += 2;
    return i;
}

static uint64_t word_at(const char *p)
{
    uint64_t w;

    memcpy(&w, p, sizeof(w));
    return le64toh(w);
}

/* The byte behind the first CRLF CRLF, or NULL. A byte of w becomes zero where all four characters are right. */
static char *find_head_end(char *p, const char *end)
{
    const uint64_t ones = 0x0101010101010101, cr = ones * '\r', lf = ones * '\n';

    for (; end - p >= 11; p += 8) {
        uint64_t w = (word_at(p) ^ cr) | (word_at(p + 1) ^ lf) | (word_at(p + 2) ^ cr) | (word_at(p + 3) ^ lf);

        w = (w - ones) & ~w & ones * 0x80;
        if (w)
            return p + __builtin_ctzll(w) / 8 + 4;
    }
    for (; end - p >= 4; p++) {
        if (memcmp(p, "\r\n\r\n", 4) == 0)
            return p + 4;
    }
    return NULL;
}

/* The byte behind the start line when that is complete and SIP. NULL: *more tells whether it can still become so. */
static char *start_line(struct sip_parser *ps, char *p, char *end, bool *more)
{
    char *cr = sip_find_control(p, end);

    *more = cr == end || (*cr == '\r' && end - cr == 1);
    if (*more || *cr != '\r' || cr[1] != '\n')
        return NULL;
    sip_start_line(ps, slice_of(p, (size_t)(cr - p)));
    return ps->outcome == SIP_PARSE_DROP ? NULL : cr + 2;
}

static enum sip_parse end_with(struct sip_parser *ps, const char **fault)
{
    bool answerable = ps->m->is_request && ps->via_usable;

    *fault = ps->fault;
    return ps->outcome == SIP_PARSE_OK || answerable ? ps->outcome : SIP_PARSE_DROP;
}

static enum sip_parse want(struct sip_msg *m, size_t n)
{
    m->wanted = n;
    return SIP_PARSE_MORE;
}

/* Datagrams may lack Content-Length: the rest is the body then (RFC 3261 18.3). */
static void datagram_body(struct sip_parser *ps, const char *body, size_t n)
{
    if (ps->has_content_length && ps->content_length > n)
        sip_fault(ps, SIP_PARSE_BAD, "Body is shorter than Content-Length");
    else if (ps->has_content_length)
        n = (size_t)ps->content_length;
    ps->m->body = slice_of(body, n);
}

static void stream_length(struct sip_parser *ps)
{
    if (ps->outcome == SIP_PARSE_TOO_BIG)
        return; /* the header may be among those not read */
    if (!sip_seen(ps, SIP_H_CONTENT_LENGTH))
        sip_fault(ps, SIP_PARSE_FRAMING, "Missing Content-Length");
    else if (ps->has_content_length && ps->content_length > SIP_BODY_MAX)
        sip_fault(ps, SIP_PARSE_TOO_BIG, "Body too large");
}

static enum sip_parse parse_datagram(struct sip_parser *ps, char *start, char *at, char *end, const char **fault)
{
    char *head_max = (size_t)(end - start) > SIP_HEAD_MAX ? start + SIP_HEAD_MAX : end;
    char *body = sip_head(ps, at, head_max);

    if (!body && head_max < end)
        sip_fault(ps, SIP_PARSE_TOO_BIG, "Headers too large");
    else if (!body)
        sip_fault(ps, SIP_PARSE_BAD, "No empty line behind the headers");
    sip_fields(ps);
    if (body)
        datagram_body(ps, body, (size_t)(end - body));
    return end_with(ps, fault);
}

/* *length gets the bytes of the message, 0 when nobody knows where it ends. */
static enum sip_parse parse_stream(struct sip_parser *ps, char *start, char *at, char *end, size_t *length,
                                   const char **fault)
{
    size_t have = (size_t)(end - start), head;
    char *head_max = have > SIP_HEAD_MAX ? start + SIP_HEAD_MAX : end;
    char *body = find_head_end(at - 2, head_max);

    if (!body && have < SIP_HEAD_MAX)
        return want(ps->m, have + 1);
    sip_head(ps, at, body ? body : head_max);
    if (!body)
        sip_fault(ps, SIP_PARSE_TOO_BIG, "Headers too large");
    sip_fields(ps);
    stream_length(ps);
    if (ps->outcome == SIP_PARSE_FRAMING || ps->outcome == SIP_PARSE_TOO_BIG)
        return end_with(ps, fault);
    head = (size_t)(body - start);
    if (have - head < ps->content_length)
        return want(ps->m, head + (size_t)ps->content_length);
    ps->m->body = slice_of(body, (size_t)ps->content_length);
    *length = head + (size_t)ps->content_length;
    return end_with(ps, fault);
}

/* Out of line: gcc would make a slow rep stos of a constant size. */
static __attribute__((noinline)) void clear(void *p, size_t n)
{
    memset(p, 0, n);
}

enum sip_parse sip_msg_parse(struct sip_msg *m, struct arena *arena, char *p, size_t n, bool is_stream, size_t *used,
                             const char **fault)
{
    struct sip_parser ps;
    size_t skipped = leading_crlfs(p, n), length = 0;
    char *start = p + skipped, *end = p + n, *at;
    enum sip_parse outcome;
    bool more;

    clear(m, sizeof(*m));
    clear(&ps, offsetof(struct sip_parser, first));
    ps.m = m;
    ps.arena = arena;
    *fault = NULL;
    *used = is_stream ? skipped : n;
    at = start_line(&ps, start, end, &more);
    if (!at && more && is_stream && (size_t)(end - start) < SIP_HEAD_MAX)
        return want(m, (size_t)(end - start) + 1);
    if (!at) {
        sip_fault(&ps, SIP_PARSE_DROP, start == end ? "Empty" : "Not SIP");
        outcome = end_with(&ps, fault);
    } else if (!is_stream) {
        outcome = parse_datagram(&ps, start, at, end, fault);
    } else {
        outcome = parse_stream(&ps, start, at, end, &length, fault);
    }
    if (is_stream && outcome != SIP_PARSE_MORE)
        *used = length ? skipped + length : outcome == SIP_PARSE_DROP ? 0 : n;
    return outcome;
}
