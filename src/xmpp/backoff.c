#include "xmpp/backoff.h"

void xmpp_backoff_failed(struct xmpp_backoff *b, uint64_t now_ms, uint64_t (*random)(uint64_t below))
{
    uint64_t bound = XMPP_BACKOFF_FIRST_MS, least;

    for (unsigned i = 0; i < b->n && bound < XMPP_BACKOFF_MAX_MS; i++)
        bound *= 2;
    if (bound > XMPP_BACKOFF_MAX_MS)
        bound = XMPP_BACKOFF_MAX_MS;
    least = b->n == 0 ? XMPP_BACKOFF_LEAST_MS : bound / 2;
    b->until_ms = now_ms + least + random(bound - least + 1);
    if (bound < XMPP_BACKOFF_MAX_MS)
        b->n++;
}

bool xmpp_backoff_holds(const struct xmpp_backoff *b, uint64_t now_ms)
{
    return b->n > 0 && now_ms < b->until_ms;
}

void xmpp_backoff_clear(struct xmpp_backoff *b)
{
    *b = (struct xmpp_backoff){ .n = 0 };
}
