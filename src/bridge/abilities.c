#include "bridge/abilities.h"

#define DAY_MS ((uint64_t)86400 * 1000)

struct user {
    struct recent_entry entry;
    uint64_t until_ms[ABILITIES_N]; /* 0: not seen */
};

static const uint64_t lasts_ms[ABILITIES_N] = {
    [ABILITY_NO_COMPOSING] = DAY_MS,
    [ABILITY_NO_CPIM] = DAY_MS,
    [ABILITY_IMDN] = 7 * DAY_MS,
    [ABILITY_NO_SESSIONS] = DAY_MS / 12,
};

static struct user *user_of(struct recent_entry *e)
{
    return e ? container_of(e, struct user, entry) : NULL;
}

static uint64_t hash_of(const struct abilities *a, const struct jid *user)
{
    return hash_more(&a->users.hash, hash_bytes(&a->users.hash, user->local), user->domain);
}

static struct user *find(const struct abilities *a, const struct jid *user)
{
    return user_of(a->users.hash.n ? recent_find(&a->users, hash_of(a, user)) : NULL);
}

void abilities_init(struct abilities *a)
{
    recent_init(&a->users, sizeof(struct user), ABILITIES_USERS_MAX, lasts_ms[ABILITY_IMDN]); /* nothing lasts longer */
}

void abilities_fini(struct abilities *a)
{
    recent_fini(&a->users);
}

void abilities_note(struct abilities *a, const struct jid *user, enum ability ability, uint64_t now_ms)
{
    struct user *u = user_of(recent_see(&a->users, hash_of(a, user), now_ms));

    if (!u)
        return;
    u->until_ms[ability] = now_ms + lasts_ms[ability];
    if (ability == ABILITY_IMDN)
        u->until_ms[ABILITY_NO_CPIM] = 0;
}

bool abilities_has(const struct abilities *a, const struct jid *user, enum ability ability, uint64_t now_ms)
{
    const struct user *u = find(a, user);

    return u && u->until_ms[ability] > now_ms;
}

void abilities_forget(struct abilities *a, const struct jid *user, enum ability ability)
{
    struct user *u = find(a, user);

    if (u)
        u->until_ms[ability] = 0;
}
