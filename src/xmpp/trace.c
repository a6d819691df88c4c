#include "xmpp/trace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"

#define SENTENCE_MAX 1024

/* Entries one behind the other, each with its text. */
struct xmpp_trace {
    struct buf entries;
    unsigned left_out;
    enum xmpp_fault fault;
};

struct head {
    uint64_t at_ms;
    uint16_t n;
    uint8_t step, result;
};

const char *xmpp_step_name(enum xmpp_step step)
{
    switch (step) {
    case XMPP_STEP_DNS: return "dns";
    case XMPP_STEP_CONNECT: return "connect";
    case XMPP_STEP_STREAM: return "stream";
    case XMPP_STEP_TLS: return "tls";
    case XMPP_STEP_CERTIFICATE: return "certificate";
    case XMPP_STEP_PROOF: return "proof";
    case XMPP_STEP_READY: return "ready";
    case XMPP_STEP_INBOUND: return "inbound";
    case XMPP_STEP_PING: return "ping";
    case XMPP_STEP_END: return "end";
    }
    return "?";
}

const char *xmpp_fault_name(enum xmpp_fault f)
{
    static const char *const names[] = {
#define X(name, word) word,
        XMPP_FAULTS(X)
#undef X
    };

    return names[f];
}

struct xmpp_trace *xmpp_trace_new_sized(size_t max)
{
    struct xmpp_trace *t = calloc(1, sizeof(*t));

    if (t)
        buf_init(&t->entries, max);
    return t;
}

struct xmpp_trace *xmpp_trace_new(void)
{
    return xmpp_trace_new_sized(XMPP_TRACE_MAX);
}

void xmpp_trace_free(struct xmpp_trace *t)
{
    if (!t)
        return;
    buf_free(&t->entries);
    free(t);
}

void xmpp_trace_vadd(struct xmpp_trace *t, uint64_t at_ms, enum xmpp_step step, enum xmpp_step_result result,
                     const char *fmt, va_list ap)
{
    struct head head = { .at_ms = at_ms, .step = (uint8_t)step, .result = (uint8_t)result };
    char text[SENTENCE_MAX];
    int n;

    if (!t)
        return;
    n = vsnprintf(text, sizeof(text), fmt, ap);
    if (n >= SENTENCE_MAX) /* not in the middle of a character */
        for (n = SENTENCE_MAX - 1; n > 0 && !text_is_utf8(slice_of(text, (size_t)n)); n--) {
        }
    head.n = (uint16_t)(n < 0 ? 0 : n);
    if (sizeof(head) + head.n > t->entries.max - t->entries.n || !buf_reserve(&t->entries, sizeof(head) + head.n)) {
        t->left_out++;
        return;
    }
    buf_add(&t->entries, &head, sizeof(head));
    buf_add(&t->entries, text, head.n);
}

void xmpp_trace_add(struct xmpp_trace *t, uint64_t at_ms, enum xmpp_step step, enum xmpp_step_result result,
                    const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    xmpp_trace_vadd(t, at_ms, step, result, fmt, ap);
    va_end(ap);
}

void xmpp_trace_blame(struct xmpp_trace *t, enum xmpp_fault fault)
{
    if (t)
        t->fault = fault;
}

enum xmpp_fault xmpp_trace_fault(const struct xmpp_trace *t)
{
    return t ? t->fault : XMPP_FAULT_NONE;
}

/* By copying: realloc may leave the block where it is, and the rest of it unusable between others. */
void xmpp_trace_shrink(struct xmpp_trace *t)
{
    char *p = t && t->entries.n && t->entries.n < t->entries.cap ? malloc(t->entries.n) : NULL;

    if (!p)
        return;
    memcpy(p, t->entries.p, t->entries.n);
    free(t->entries.p);
    t->entries.p = p;
    t->entries.cap = t->entries.n;
}

unsigned xmpp_trace_each(const struct xmpp_trace *t, void (*fn)(void *arg, const struct xmpp_trace_entry *e), void *arg)
{
    struct slice rest;

    if (!t)
        return 0;
    rest = buf_slice(&t->entries);
    while (rest.n >= sizeof(struct head)) {
        struct xmpp_trace_entry e;
        struct head head;

        memcpy(&head, rest.p, sizeof(head));
        rest = slice_from(rest, sizeof(head));
        e = (struct xmpp_trace_entry){ head.at_ms, (enum xmpp_step)head.step, (enum xmpp_step_result)head.result,
                                       slice_first(rest, head.n) };
        fn(arg, &e);
        rest = slice_from(rest, head.n);
    }
    return t->left_out;
}
