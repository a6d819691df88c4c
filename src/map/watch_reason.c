#include "map/watch_reason.h"

#include "map/error.h"

void map_notice_of_error(struct slice condition, struct sip_sub_notice *out)
{
    *out = (struct sip_sub_notice){ .state = SIP_SUB_TERMINATED };
    switch (map_condition_of(condition)) {
    case MAP_ITEM_NOT_FOUND:
    case MAP_GONE:
    case MAP_JID_MALFORMED:
    case MAP_REMOTE_SERVER_NOT_FOUND: out->reason = SIP_REASON_NORESOURCE; break;
    case MAP_FORBIDDEN:
    case MAP_NOT_ALLOWED:
    case MAP_NOT_AUTHORIZED:
    case MAP_POLICY_VIOLATION:
    case MAP_REGISTRATION_REQUIRED:
    case MAP_SUBSCRIPTION_REQUIRED: out->reason = SIP_REASON_REJECTED; break;
    case MAP_REMOTE_SERVER_TIMEOUT:
    case MAP_RECIPIENT_UNAVAILABLE:
    case MAP_RESOURCE_CONSTRAINT:
    case MAP_INTERNAL_SERVER_ERROR:
        out->reason = SIP_REASON_PROBATION;
        out->retry_after_s = 300;
        break;
    default:
        out->reason = SIP_REASON_GIVEUP;
        out->retry_after_s = 3600;
        break;
    }
}
