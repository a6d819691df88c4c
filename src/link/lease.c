#include "link/lease.h"

void link_lease_ask(struct link_lease *l, uint64_t now_ms)
{
    l->asked_ms = now_ms;
}

bool link_lease_answer(struct link_lease *l, uint64_t proxy_ms, uint64_t gateway_ms)
{
    if (proxy_ms > l->asked_ms || (l->answered && (proxy_ms < l->proxy_ms || gateway_ms < l->gateway_ms)))
        return false;
    l->proxy_ms = proxy_ms;
    l->gateway_ms = gateway_ms;
    l->answered = true;
    return true;
}

uint64_t link_lease_deadline(const struct link_lease *l, uint64_t until_ms)
{
    uint64_t left;

    if (until_ms == 0)
        return UINT64_MAX;
    if (!l->answered || until_ms <= l->gateway_ms + LINK_EARLY_MS)
        return 0;
    left = until_ms - LINK_EARLY_MS - l->gateway_ms;
    return left > UINT64_MAX - l->proxy_ms ? UINT64_MAX : l->proxy_ms + left;
}
