/*
 * What one set-up of a stream did, step by step, for an administrator to read: which names and addresses, what the partner
 * offered, which certificate, which proof, and where it ended. Bounded: what comes behind XMPP_TRACE_MAX bytes is counted
 * and left out.
 */
#ifndef STOX_XMPP_TRACE_H
#define STOX_XMPP_TRACE_H

#include <stdarg.h>

#include "base/steps.h"
#include "xmpp/fault.h"

#define XMPP_TRACE_MAX 4096

enum xmpp_step {
    XMPP_STEP_DNS,         /* a look-up and what it said */
    XMPP_STEP_CONNECT,     /* one address */
    XMPP_STEP_STREAM,      /* header and features, stream errors */
    XMPP_STEP_TLS,         /* handshake: version, cipher */
    XMPP_STEP_CERTIFICATE, /* the partner's, and the verdict */
    XMPP_STEP_PROOF,       /* SASL EXTERNAL or dialback */
    XMPP_STEP_READY,       /* stanzas may go; how they are confirmed */
    XMPP_STEP_INBOUND,     /* of a test: what the partner's own streams to us did meanwhile */
    XMPP_STEP_PING,        /* of a test: the question that has to come back */
    XMPP_STEP_END,         /* the last word, when it has failed */
};
const char *xmpp_step_name(enum xmpp_step step); /* "dns", "connect" ... */

struct xmpp_trace; /* owner: the stream, then xmpp/attempts.h when it has failed; of a test: the test (xmpp/probe.h) */

struct xmpp_trace *xmpp_trace_new(void);             /* NULL on memory: then nothing is recorded */
struct xmpp_trace *xmpp_trace_new_sized(size_t max); /* with room for so many bytes instead */
void xmpp_trace_free(struct xmpp_trace *t);

/* at_ms: of the loop's clock. One sentence without line breaks. t may be NULL. */
void xmpp_trace_add(struct xmpp_trace *t, uint64_t at_ms, enum xmpp_step step, enum step_result result, const char *fmt,
                    ...) __attribute__((format(printf, 5, 6)));
void xmpp_trace_vadd(struct xmpp_trace *t, uint64_t at_ms, enum xmpp_step step, enum step_result result,
                     const char *fmt, va_list ap) __attribute__((format(printf, 5, 0)));

/* What it would have to be called if it ended now; the last word counts. t may be NULL. */
void xmpp_trace_blame(struct xmpp_trace *t, enum xmpp_fault fault);
enum xmpp_fault xmpp_trace_fault(const struct xmpp_trace *t);

/* Gives back what memory it does not use. */
void xmpp_trace_shrink(struct xmpp_trace *t);

/* Each entry; its kind is an enum xmpp_step. In the order in which they were added. Returns how many were left out. */
unsigned xmpp_trace_each(const struct xmpp_trace *t, void (*fn)(void *arg, const struct step *e), void *arg);

#endif
