/* Header values of INVITE sessions: RFC 4028 (Session-Expires, Min-SE), RFC 3262 (RSeq, RAck), option tags. */
#ifndef STOX_SIP_MSG_SESSION_H
#define STOX_SIP_MSG_SESSION_H

#include "sip/msg.h"

/* The first header that has no id of its own, by its name in lower case or its compact form (0: it has none). NULL: none. */
const struct sip_header *sip_msg_named(const struct sip_msg *m, struct slice name, char compact);

/* Is the token one of the values of these headers (Supported, Require, Allow)? */
bool sip_msg_lists(const struct sip_msg *m, enum sip_header_id id, struct slice token);

enum sip_refresher { SIP_REFRESHER_NONE, SIP_REFRESHER_UAC, SIP_REFRESHER_UAS };

struct sip_session_expires {
    uint32_t seconds; /* larger numbers count as UINT32_MAX */
    enum sip_refresher refresher;
};

/* False, and *out as for an absent header (0, none), when the value breaks the grammar. */
bool sip_session_expires_parse(struct slice value, struct sip_session_expires *out);
bool sip_min_se_parse(struct slice value, uint32_t *seconds);

/* 1 to 2^31 - 1 in a first response; later ones may be larger (RFC 3262 3, 7.1). 0 is refused. */
bool sip_rseq_parse(struct slice value, uint32_t *rseq);

struct sip_rack {
    uint32_t rseq, cseq;
    struct slice method;
};
bool sip_rack_parse(struct slice value, struct sip_rack *out);

#endif
