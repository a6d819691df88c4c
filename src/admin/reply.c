#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/call.h"
#include "base/text.h"
#include "store/json.h"

#define DETAIL_MAX 800
#define ANSWER_MAX (64u << 20) /* a page of the largest objects */
#define API_POLICY "default-src 'none'; frame-ancestors 'none'"

static void forget(struct reply *r)
{
    free(r->body);
    *r = (struct reply){ 0 };
}

void reply_no_memory(struct call *c)
{
    forget(&c->reply);
    c->reply.status = 503; /* without a body: there is no memory for one */
    reply_header(c, "Retry-After", "5");
}

void reply_json(struct call *c, unsigned status, json_t *v)
{
    struct buf b;

    buf_init(&b, ANSWER_MAX);
    json_put(&b, v, 0);
    reply_text(c, status, "application/json", &b);
}

void reply_text(struct call *c, unsigned status, const char *type, struct buf *b)
{
    if (!buf_ok(b)) {
        buf_free(b);
        reply_no_memory(c);
        return;
    }
    free(c->reply.body);
    c->reply.status = status;
    c->reply.type = type;
    c->reply.body = b->p;
    c->reply.n = b->n;
    b->p = NULL;
    buf_free(b);
}

void reply_fixed(struct call *c, unsigned status, const char *type, const void *p, size_t n)
{
    reply_nothing(c, status);
    c->reply.type = type;
    c->reply.fixed = p;
    c->reply.n = n;
}

void reply_nothing(struct call *c, unsigned status)
{
    free(c->reply.body);
    c->reply.body = NULL;
    c->reply.fixed = NULL;
    c->reply.n = 0;
    c->reply.status = status;
}

void reply_header(struct call *c, const char *name, const char *fmt, ...)
{
    va_list ap;
    char text[2048];
    const char *value = NULL;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n < sizeof(text))
        value = arena_strdup(&c->arena, slice_of(text, (size_t)n));
    if (value && c->reply.n_headers < CALL_HEADERS)
        c->reply.headers[c->reply.n_headers++] = (struct reply_header){ name, value };
    else
        c->reply.is_short = true;
}

static const char *title_of(unsigned status)
{
    const char *title = MHD_get_reason_phrase_for(status);

    return title ? title : "Error";
}

/* Sentences are cut to a length, perhaps in the middle of a character. */
static json_t *detail_json(const char *detail)
{
    struct slice s = slice_str(detail);
    char escaped[DETAIL_MAX];

    for (int i = 0; i < 3 && s.n && !text_is_utf8(s); i++)
        s.n--;
    if (text_is_utf8(s))
        return json_stringn(s.p, s.n);
    log_escape(escaped, sizeof(escaped), slice_str(detail));
    return json_string(escaped);
}

void reply_problem_about(struct call *c, unsigned status, const char *code, const struct reply_about *about,
                         const char *detail)
{
    json_t *o;

    forget(&c->reply);
    o = json_pack("{s:o, s:s, s:i, s:o, s:s}", "type", json_sprintf("urn:stox:problem:%s", code), "title",
                  title_of(status), "status", (int)status, "detail", detail_json(detail), "code", code);
    if (o && about && about->setting && json_object_set_new(o, "setting", json_string(about->setting)) != 0) {
        json_decref(o);
        o = NULL;
    }
    if (o && about && about->index >= 0)
        json_object_set_new(o, "index", json_integer(about->index));
    reply_json(c, status, o);
    if (c->reply.body)
        c->reply.type = "application/problem+json";
}

void reply_problem(struct call *c, unsigned status, const char *code, const char *fmt, ...)
{
    char detail[DETAIL_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(detail, sizeof(detail), fmt, ap);
    va_end(ap);
    reply_problem_about(c, status, code, NULL, detail);
}

void reply_unauthenticated(struct call *c)
{
    reply_problem(
        c, 401, "unauthenticated",
        "log in, or send a token that is good: Authorization: Bearer stox_...; on the unix socket only root and "
        "the daemon's own user are known");
    reply_header(c, "WWW-Authenticate", "Bearer realm=\"stox\"");
    reply_header(c, "Connection", "close"); /* whoever it is does not hold one of few places */
}

static bool add_headers(struct MHD_Response *r, const struct reply *reply)
{
    bool ok =
        MHD_add_response_header(r, "Cache-Control", reply->cache ? reply->cache : "no-store") == MHD_YES &&
        MHD_add_response_header(r, "X-Content-Type-Options", "nosniff") == MHD_YES &&
        MHD_add_response_header(r, "Content-Security-Policy", reply->policy ? reply->policy : API_POLICY) == MHD_YES;

    if (ok && reply->type && (reply->n || reply->status == 200))
        ok = MHD_add_response_header(r, "Content-Type", reply->type) == MHD_YES;
    for (size_t i = 0; ok && i < reply->n_headers; i++)
        ok = MHD_add_response_header(r, reply->headers[i].name, reply->headers[i].value) == MHD_YES;
    return ok;
}

enum MHD_Result reply_send(struct call *c)
{
    struct reply *reply = &c->reply;
    enum MHD_Result result = MHD_NO;
    void *body = reply->body ? reply->body : (void *)(uintptr_t)reply->fixed;
    struct MHD_Response *r =
        reply->events ? events_response(c)
                      : MHD_create_response_from_buffer(body ? reply->n : 0, body,
                                                        reply->body ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);

    if (!r)
        return MHD_NO;
    reply->body = NULL;
    /* A reply without all its headers is none: the connection ends instead. */
    if (!reply->is_short && add_headers(r, reply))
        result = MHD_queue_response(c->conn, reply->status ? reply->status : 503, r);
    MHD_destroy_response(r);
    return result;
}
