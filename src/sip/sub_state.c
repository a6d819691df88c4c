#include "sip/sub_state.h"

static const char *const names[] = {
    [SIP_REASON_NONE] = "",
    [SIP_REASON_DEACTIVATED] = "deactivated",
    [SIP_REASON_PROBATION] = "probation",
    [SIP_REASON_REJECTED] = "rejected",
    [SIP_REASON_TIMEOUT] = "timeout",
    [SIP_REASON_GIVEUP] = "giveup",
    [SIP_REASON_NORESOURCE] = "noresource",
    [SIP_REASON_INVARIANT] = "invariant",
};

#define N_NAMES (sizeof(names) / sizeof(names[0]))

const char *sip_sub_reason_name(enum sip_sub_reason reason)
{
    return names[reason];
}

enum sip_sub_reason sip_sub_reason_of(struct slice word)
{
    for (size_t i = SIP_REASON_DEACTIVATED; i < N_NAMES; i++)
        if (slice_ieq(word, slice_str(names[i])))
            return (enum sip_sub_reason)i;
    return SIP_REASON_NONE;
}
