#include "bridge/abilities.h"

#include <stdlib.h>

#define DAY_MS ((uint64_t)86400 * 1000)

struct user {
    struct hash_node node;
    struct list link;
    uint64_t until_ms[ABILITIES_N]; /* 0: not seen */
};

static const uint64_t lasts_ms[ABILITIES_N] = {
    [ABILITY_NO_COMPOSING] = DAY_MS,
    [ABILITY_NO_CPIM] = DAY_MS,
    [ABILITY_IMDN] = 7 * DAY_MS,
    [ABILITY_NO_SESSIONS] = DAY_MS / 12,
};

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static uint64_t hash_of(const struct abilities *a, const struct jid *user)
{
    return hash_more(&a->users, hash_bytes(&a->users, user->local), user->domain);
}

static struct user *find(const struct abilities *a, const struct jid *user)
{
    struct hash_node *node = a->users.n ? hash_find(&a->users, hash_of(a, user), any, NULL) : NULL;

    return node ? container_of(node, struct user, node) : NULL;
}

static void forget(struct abilities *a, struct user *u)
{
    hash_remove(&a->users, &u->node);
    list_unlink(&u->link);
    free(u);
}

void abilities_init(struct abilities *a)
{
    hash_init(&a->users);
    list_init(&a->by_age);
}

void abilities_fini(struct abilities *a)
{
    while (!list_empty(&a->by_age))
        forget(a, container_of(a->by_age.next, struct user, link));
    hash_free(&a->users);
}

static struct user *user_of(struct abilities *a, const struct jid *user)
{
    struct user *u = find(a, user);

    if (u)
        return u;
    if (a->users.n >= ABILITIES_USERS_MAX)
        forget(a, container_of(a->by_age.next, struct user, link));
    u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    list_init(&u->link);
    if (hash_add(&a->users, &u->node, hash_of(a, user)))
        return u;
    free(u);
    return NULL;
}

void abilities_note(struct abilities *a, const struct jid *user, enum ability ability, uint64_t now_ms)
{
    struct user *u = user_of(a, user);

    if (!u)
        return;
    list_unlink(&u->link);
    list_push(&a->by_age, &u->link);
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
