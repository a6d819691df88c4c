/* What a test of a way to SIP has found out, in one sentence with what helps. Pure: a table of texts. */
#ifndef STOX_SIP_VERDICT_H
#define STOX_SIP_VERDICT_H

#include "base/buf.h"
#include "sip/fault.h"

struct sip_verdict_case {
    struct slice route, domain;
    const char *hop;      /* "192.0.2.1:5060 (tls)": the server at fault; empty: none was found */
    const char *works_by; /* one that works; empty: none does */
    enum sip_fault fault; /* NONE: none is at fault */
    const char *why;
};

#define SIP_VERDICT_TEXT 1024
void sip_verdict(const struct sip_verdict_case *c, char out[SIP_VERDICT_TEXT]);

#endif
