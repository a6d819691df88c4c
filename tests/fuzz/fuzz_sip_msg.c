/*
 * Whatever parses must print to something that parses to the same. On a stream, cutting the bytes must not change the
 * outcome.
 */
#include <stdlib.h>

#include "sip/msg_session.h"
#include "sip/route_set.h"
#include "sip/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(bool ok)
{
    if (!ok)
        abort();
}

struct parsed {
    struct sip_msg m;
    struct arena arena;
    enum sip_parse outcome;
    const char *fault;
    size_t used;
    char *bytes; /* a copy of exactly the input's size */
};

static void parse(struct parsed *p, const void *bytes, size_t n, bool is_stream)
{
    p->bytes = malloc(n ? n : 1);
    check(p->bytes);
    if (n)
        memcpy(p->bytes, bytes, n);
    arena_init(&p->arena, 64 * 1024);
    p->outcome = sip_msg_parse(&p->m, &p->arena, p->bytes, n, is_stream, &p->used, &p->fault);
    check(p->used <= n);
    check((p->fault == NULL) == (p->outcome == SIP_PARSE_OK || p->outcome == SIP_PARSE_MORE));
}

static void done(struct parsed *p)
{
    arena_reset(&p->arena);
    free(p->bytes);
}

static char made_safe(char c)
{
    return (unsigned char)c < 0x20 || c == 0x7f ? ' ' : c;
}

static struct slice stripped(struct slice s)
{
    while (s.n && made_safe(s.p[s.n - 1]) == ' ')
        s.n--;
    while (s.n && made_safe(s.p[0]) == ' ')
        s = slice_from(s, 1);
    return s;
}

/* The same but for controls, which the writer turns to spaces, and for spaces around. */
static bool same(struct slice a, struct slice b)
{
    a = stripped(a);
    b = stripped(b);
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (made_safe(a.p[i]) != made_safe(b.p[i]))
            return false;
    }
    return true;
}

/* Has no value a control in it? Where the writer made a space of one, a number may be readable that was none. */
static bool is_clean(const struct sip_msg *m)
{
    for (size_t i = 0; i < m->n_headers; i++)
        for (size_t k = 0; k < m->headers[i].value.n; k++)
            if (made_safe(m->headers[i].value.p[k]) != m->headers[i].value.p[k])
                return false;
    return true;
}

static void print(const struct sip_msg *m, struct buf *b)
{
    if (m->is_request) {
        buf_put(b, m->method);
        buf_char(b, ' ');
        buf_put(b, m->uri_text);
        buf_str(b, " SIP/2.0\r\n");
    } else {
        buf_printf(b, "SIP/2.0 %u ", m->status);
        buf_put(b, m->reason);
        buf_str(b, "\r\n");
    }
    for (size_t i = 0; i < m->n_headers; i++) {
        buf_put(b, m->headers[i].name);
        buf_str(b, ": ");
        sip_put_safe(b, m->headers[i].value);
        buf_str(b, "\r\n");
    }
    buf_str(b, "\r\n");
    buf_put(b, m->body);
}

static void compare(const struct sip_msg *a, const struct sip_msg *b)
{
    check(a->is_request == b->is_request && a->method_id == b->method_id && a->status == b->status);
    check(same(a->method, b->method) && same(a->uri_text, b->uri_text) && same(a->reason, b->reason));
    check(a->n_headers == b->n_headers && a->n_vias == b->n_vias);
    for (size_t i = 0; i < a->n_headers; i++) {
        check(a->headers[i].id == b->headers[i].id && same(a->headers[i].name, b->headers[i].name));
        check(same(a->headers[i].value, b->headers[i].value));
    }
    check(same(a->via.host, b->via.host) && a->via.port == b->via.port && same(a->via.branch, b->via.branch));
    check(same(a->from_tag, b->from_tag) && same(a->to_tag, b->to_tag) && same(a->call_id, b->call_id));
    check(same(a->from.uri_text, b->from.uri_text) && same(a->to.uri_text, b->to.uri_text));
    if (is_clean(a))
        check(a->cseq == b->cseq && same(a->cseq_method, b->cseq_method) && a->max_forwards == b->max_forwards);
    check(slice_eq(a->body, b->body));
}

static void read_values(const struct sip_msg *m)
{
    struct slice value, type, params;
    struct sip_name_addr na;
    struct sip_via via;

    for (int id = SIP_H_ACCEPT; id <= SIP_H_WARNING; id++) {
        size_t n = 0;

        for (size_t pos = 0; sip_msg_next_value(m, (enum sip_header_id)id, &pos, &value); n++) {
            check(value.n != 0);
            sip_name_addr_parse(value, &na);
            sip_media_type(value, &type, &params);
            sip_via_parse(value, &via);
        }
        check(id != SIP_H_VIA || n <= m->n_vias);
    }
}

/* What sessions read: values of headers that need not be there. */
static void read_session(const struct sip_msg *m)
{
    const struct sip_header *h;
    struct sip_session_expires se;
    struct sip_rack rack;
    struct slice uri;
    uint32_t v;
    struct buf b;

    for (size_t i = 0; i < m->n_headers; i++) {
        check(sip_session_expires_parse(m->headers[i].value, &se) || (!se.seconds && !se.refresher));
        check(sip_min_se_parse(m->headers[i].value, &v) || !v);
        check(sip_rseq_parse(m->headers[i].value, &v) == (v != 0));
        check(!sip_rack_parse(m->headers[i].value, &rack) || rack.method.n);
        sip_msg_lists(m, m->headers[i].id, SLICE("timer"));
    }
    h = sip_msg_named(m, SLICE("session-expires"), 'x');
    check(!h || h->id == SIP_H_OTHER);
    check(!sip_msg_contact(m, &uri) || uri.n);
    buf_init(&b, SIP_HEAD_MAX);
    if (sip_route_set_put(&b, m) && buf_ok(&b) && b.n) {
        struct slice routes = buf_slice(&b), next = sip_route_next(routes, SLICE("sip:t"));
        struct buf line;

        check(next.n && !memchr(routes.p, '\n', routes.n));
        buf_init(&line, 2 * SIP_HEAD_MAX);
        sip_route_put(&line, routes, SLICE("sip:t"), &uri);
        check(uri.n && line.n > 9 && memchr(line.p, '\n', line.n) == line.p + line.n - 1);
        buf_free(&line);
    }
    buf_free(&b);
}

static void cut(const uint8_t *data, size_t n, const struct parsed *whole)
{
    static const size_t parts[] = { 1, 2, 3, 7, 64 };
    struct parsed p;

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        parse(&p, data, n - n / parts[i], true);
        check(p.outcome == SIP_PARSE_MORE || p.outcome == whole->outcome);
        check(p.outcome != SIP_PARSE_MORE || p.m.wanted > n - n / parts[i] - p.used);
        done(&p);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct parsed p, again;
    struct buf b;

    for (int is_stream = 0; is_stream < 2; is_stream++) {
        parse(&p, data, n, is_stream);
        read_values(&p.m);
        read_session(&p.m);
        if (p.outcome == SIP_PARSE_OK) {
            buf_init(&b, 2 * n + 4096);
            print(&p.m, &b);
            check(buf_ok(&b));
            parse(&again, b.p, b.n, is_stream);
            /* "Name: " is longer than "Name:" may have been. */
            if (again.outcome != SIP_PARSE_TOO_BIG) {
                check(again.outcome == SIP_PARSE_OK);
                compare(&p.m, &again.m);
            }
            done(&again);
            buf_free(&b);
        }
        if (is_stream)
            cut(data, n, &p);
        done(&p);
    }
    return 0;
}
