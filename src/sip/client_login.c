/* A request that is asked for credentials goes again inside of its transaction: RFC 3261 8.1.3.5, 22.2. */
#include "sip/client_priv.h"
#include "sip/writer.h"

#define PARSE_MEM (16 * 1024)

bool sip_client_may_sign(enum sip_method method)
{
    return method != SIP_OPTIONS && method != SIP_CANCEL && method != SIP_ACK;
}

static bool is_credentials(const struct sip_header *h)
{
    return h->id == SIP_H_OTHER &&
           (slice_ieq(h->name, SLICE("Authorization")) || slice_ieq(h->name, SLICE("Proxy-Authorization")));
}

/* Lines that each request has of its own. */
static bool is_made_anew(const struct sip_header *h)
{
    switch (h->id) {
    case SIP_H_VIA:
    case SIP_H_MAX_FORWARDS:
    case SIP_H_FROM:
    case SIP_H_TO:
    case SIP_H_CALL_ID:
    case SIP_H_CSEQ:
    case SIP_H_CONTENT_LENGTH: return true;
    default: return is_credentials(h);
    }
}

static void put_line(struct buf *b, const struct sip_header *h)
{
    buf_put(b, h->name);
    buf_put(b, SLICE(": "));
    buf_put(b, h->value);
    buf_put(b, SLICE("\r\n"));
}

void sip_put_credentials(struct buf *b, const struct sip_msg *m)
{
    for (size_t i = 0; i < m->n_headers; i++)
        if (is_credentials(&m->headers[i]))
            put_line(b, &m->headers[i]);
}

static struct slice other_lines(struct sip_client *c, const struct sip_msg *m)
{
    struct buf *b = &c->table->lines;

    buf_clear(b);
    for (size_t i = 0; i < m->n_headers; i++) {
        if (!is_made_anew(&m->headers[i]))
            put_line(b, &m->headers[i]);
    }
    return buf_slice(b);
}

/* The request once more, signed, in c. False: too long, or no memory; c is as it was, but for its branch. */
static bool make_again(struct sip_client *c, const struct sip_msg *m)
{
    struct slice login = sip_login_lines(c->table->logins, sip_client_route(c), c->method, m->uri_text, m->body);
    struct sip_send r = { .method = c->method,
                          .uri = m->uri_text,
                          .from = m->from_text,
                          .to = m->to_text,
                          .call_id = m->call_id,
                          .cseq = (c->counter ? *c->counter : m->cseq) + 1,
                          .max_forwards = (unsigned)m->max_forwards,
                          .headers = other_lines(c, m),
                          .body = m->body };

    if (!login.n || !buf_ok(&c->table->lines))
        return false;
    c->login.n_signed++;
    if (!sip_client_rename(c) || !sip_client_build(c, &r, slice_of(c->branch, c->n_branch), login))
        return false;
    if (c->counter)
        *c->counter = r.cseq;
    return true;
}

bool sip_client_login(struct sip_client *c, const struct sip_msg *answer, bool *signable)
{
    _Alignas(max_align_t) char mem[PARSE_MEM];
    struct arena arena;
    struct sip_msg m;
    bool ok;

    *signable = false;
    if ((answer->status != 401 && answer->status != 407) || !c->wire || c->is_last || !sip_client_may_sign(c->method) ||
        !sip_login_asked(c->table->logins, sip_client_route(c), &c->login, answer))
        return false;
    arena_init_on(&arena, mem, sizeof(mem), SIP_HEAD_MAX);
    ok = sip_client_read_back(c, &m, &arena) && make_again(c, &m);
    arena_reset(&arena);
    if (ok)
        sip_client_set_out(c);
    *signable = !ok && c->hop->target.transport == SIP_UDP;
    return ok;
}
