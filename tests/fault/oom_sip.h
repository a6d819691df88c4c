/* The SIP stack with memory running out. For one file of a test program that is linked with --wrap=sip_take. */
#ifndef STOX_FAULT_OOM_SIP_H
#define STOX_FAULT_OOM_SIP_H

#include "oom.h"
#include "sip/stack.h"

/* Messages are parsed with memory there; what the stack does with them is done without. */
enum sip_next __wrap_sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                              const struct sip_source *source);
enum sip_next __real_sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                              const struct sip_source *source);

enum sip_next __wrap_sip_take(struct sip *sip, enum sip_parse parse, const struct sip_msg *m, const char *fault,
                              const struct sip_source *source)
{
    enum sip_next next;

    OOM(next = __real_sip_take(sip, parse, m, fault, source));
    return next;
}

#endif
