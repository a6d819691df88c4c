#include "map/watch_reason.h"

#include "map/error.h"

#define DAY_S 86400

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

/* by_peer: Retry-After counts. least_s: not before that, whatever it says. */
static const struct row {
    enum map_watch_tell tell;
    uint32_t again_s, least_s;
    bool by_peer, backoff;
} rows[] = {
    [SIP_REASON_NONE] = { MAP_TELL_GONE, 60, 0, true, true },
    [SIP_REASON_DEACTIVATED] = { MAP_TELL_GONE, 0, 0, false, false },
    [SIP_REASON_PROBATION] = { MAP_TELL_GONE, 60, 0, true, false },
    [SIP_REASON_REJECTED] = { MAP_TELL_UNSUBSCRIBED, MAP_WATCH_NEVER, 0, false, false },
    [SIP_REASON_TIMEOUT] = { MAP_TELL_GONE, 0, 0, false, false },
    [SIP_REASON_GIVEUP] = { MAP_TELL_GONE, 3600, 0, true, false },
    [SIP_REASON_NORESOURCE] = { MAP_TELL_ERROR, 3600, 3600, true, false },
    [SIP_REASON_INVARIANT] = { MAP_TELL_NOTHING, MAP_WATCH_NEVER, 0, false, false },
};

struct map_watch_end map_watch_end_of(enum sip_sub_reason reason, unsigned retry_after_s, bool asking)
{
    const struct row *row = &rows[reason];
    struct map_watch_end end = { .tell = row->tell, .again_s = row->again_s, .backoff = row->backoff };

    if (asking && end.tell == MAP_TELL_GONE)
        end.tell = MAP_TELL_NOTHING;
    if (row->by_peer && retry_after_s) {
        end.again_s = retry_after_s < DAY_S ? retry_after_s : DAY_S;
        end.backoff = false;
    }
    if (end.again_s < row->least_s)
        end.again_s = row->least_s;
    return end;
}
