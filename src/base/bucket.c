#include "base/bucket.h"

#define UNIT 1000                      /* of a token: what one a second refills in a millisecond is one of these */
#define TOKENS_MAX (UINT64_MAX / 4000) /* where counting ends, far above any rate */

static uint64_t bounded(uint64_t tokens)
{
    return (tokens < TOKENS_MAX ? tokens : TOKENS_MAX) * UNIT;
}

static void refill(struct bucket *b, unsigned per_s, uint64_t now_ms)
{
    uint64_t elapsed = now_ms > b->at_ms ? now_ms - b->at_ms : 0;

    b->used = elapsed > b->used / per_s ? 0 : b->used - elapsed * per_s;
    b->at_ms = now_ms;
}

bool bucket_try(struct bucket *b, unsigned per_s, uint64_t burst, unsigned n, uint64_t now_ms)
{
    refill(b, per_s, now_ms);
    if (b->used > bounded(burst)) /* of a burst that was larger: nobody waits longer than for an empty one */
        b->used = bounded(burst);
    if (b->used + bounded(n) > bounded(burst))
        return false;
    b->used += bounded(n);
    return true;
}

void bucket_take(struct bucket *b, unsigned per_s, uint64_t n, uint64_t now_ms)
{
    refill(b, per_s, now_ms);
    b->used += bounded(n);
    if (b->used > bounded(UINT64_MAX))
        b->used = bounded(UINT64_MAX);
}

uint64_t bucket_wait(const struct bucket *b, unsigned per_s, uint64_t burst)
{
    return b->used > bounded(burst) ? (b->used - bounded(burst) + per_s - 1) / per_s : 0;
}
