#include "bridge/rates.h"

#include "base/bucket.h"

struct user {
    struct recent_entry entry;
    struct bucket bucket;
};

void rates_init(struct rates *r)
{
    recent_init(&r->users, sizeof(struct user), RATES_USERS_MAX, RATES_BURST_S * 1000);
}

void rates_fini(struct rates *r)
{
    recent_fini(&r->users);
}

static uint64_t hash_of(const struct rates *r, const struct jid *user)
{
    return hash_more(&r->users.hash, hash_bytes(&r->users.hash, user->local), user->domain);
}

enum rates_verdict rates_take(struct rates *r, const struct jid *user, unsigned per_s, uint64_t now_ms)
{
    struct recent_entry *e;

    if (per_s == 0) {
        recent_trim(&r->users, now_ms);
        return RATES_PASS;
    }
    e = recent_see(&r->users, hash_of(r, user), now_ms);
    if (!e)
        return RATES_NO_MEMORY;
    return bucket_try(&container_of(e, struct user, entry)->bucket, per_s, (uint64_t)per_s * RATES_BURST_S, 1, now_ms)
               ? RATES_PASS
               : RATES_EXCESS;
}
