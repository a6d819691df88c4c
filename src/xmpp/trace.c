#include "xmpp/trace.h"

#include <stdlib.h>

#include "base/steps.h"

struct xmpp_trace {
    struct steps steps;
    enum xmpp_fault fault;
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
        steps_init(&t->steps, max);
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
    steps_fini(&t->steps);
    free(t);
}

void xmpp_trace_vadd(struct xmpp_trace *t, uint64_t at_ms, enum xmpp_step step, enum step_result result,
                     const char *fmt, va_list ap)
{
    if (t)
        steps_vadd(&t->steps, at_ms, step, result, fmt, ap);
}

void xmpp_trace_add(struct xmpp_trace *t, uint64_t at_ms, enum xmpp_step step, enum step_result result, const char *fmt,
                    ...)
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

void xmpp_trace_shrink(struct xmpp_trace *t)
{
    if (t)
        steps_shrink(&t->steps);
}

unsigned xmpp_trace_each(const struct xmpp_trace *t, void (*fn)(void *arg, const struct step *e), void *arg)
{
    return t ? steps_each(&t->steps, fn, arg) : 0;
}
