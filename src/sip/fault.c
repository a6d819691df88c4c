#include "sip/fault.h"

const char *sip_fault_name(enum sip_fault f)
{
    static const char *const names[] = {
#define X(name, word) word,
        SIP_FAULTS(X)
#undef X
    };

    return names[f];
}

const char *sip_step_name(unsigned step)
{
    switch ((enum sip_step)step) {
    case SIP_STEP_RESOLVE: return "resolve";
    case SIP_STEP_CONNECT: return "connect";
    case SIP_STEP_TLS: return "tls";
    case SIP_STEP_CERTIFICATE: return "certificate";
    case SIP_STEP_OPTIONS: return "options";
    case SIP_STEP_SPEAKER: return "speaker";
    }
    return "?";
}
