#include "daemon/descriptors.h"

#include <sys/resource.h>

/* Beside authenticated streams: SIP connections, strangers, the API, files, and some to spare. */
#define DESCRIPTORS_BESIDE 512

uint64_t descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        const struct rlimit most = { .rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max };

        if (setrlimit(RLIMIT_NOFILE, &most) == 0)
            limit = most;
    }
    return limit.rlim_cur;
}

uint64_t descriptors_wanted(unsigned connection_limit)
{
    return (uint64_t)connection_limit + DESCRIPTORS_BESIDE;
}

void descriptors_check(struct log *log, uint64_t have, unsigned connection_limit)
{
    uint64_t want = descriptors_wanted(connection_limit);

    if (have < want)
        log_warning(log, "descriptors-few", LOG_U("have", have), LOG_U("want", want),
                    LOG_Z("why", "connection-limit allows more streams than there are file descriptors"),
                    LOG_Z("hint", "raise the service's LimitNOFILE, or lower connection-limit"));
}
