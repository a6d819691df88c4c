/* What Subscription-State says (RFC 6665 8.2.3, 4.1.3): values, without anything of the stack. */
#ifndef STOX_SIP_SUB_STATE_H
#define STOX_SIP_SUB_STATE_H

#include "sip/content.h"

enum sip_sub_state { SIP_SUB_PENDING, SIP_SUB_ACTIVE, SIP_SUB_TERMINATED };

enum sip_sub_reason {
    SIP_REASON_NONE, /* absent, or a word that nobody knows */
    SIP_REASON_DEACTIVATED,
    SIP_REASON_PROBATION,
    SIP_REASON_REJECTED,
    SIP_REASON_TIMEOUT,
    SIP_REASON_GIVEUP,
    SIP_REASON_NORESOURCE,
    SIP_REASON_INVARIANT,
};
const char *sip_sub_reason_name(enum sip_sub_reason reason); /* "rejected"; NONE: "" */
enum sip_sub_reason sip_sub_reason_of(struct slice word);

/* What a NOTIFY of ours says. Texts are borrowed until the stack's owner is called again. */
struct sip_sub_notice {
    enum sip_sub_state state;
    enum sip_sub_reason reason; /* of SIP_SUB_TERMINATED */
    unsigned retry_after_s;     /* likewise; 0: none */
    struct sip_content content; /* body empty: none */
    size_t body_max; /* said by the stack, to who is asked: a longer body is left out; 0: as long as it likes */
};

#endif
