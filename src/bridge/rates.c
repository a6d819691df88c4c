#include "bridge/rates.h"

#include <stdlib.h>

#include "base/bucket.h"

/* The keyed hash is all that is remembered of who it is. */
struct user {
    struct hash_node node;
    struct list link;
    struct bucket bucket;
};

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static void forget(struct rates *r, struct user *u)
{
    hash_remove(&r->users, &u->node);
    list_unlink(&u->link);
    free(u);
}

void rates_init(struct rates *r)
{
    hash_init(&r->users);
    list_init(&r->by_age);
}

void rates_fini(struct rates *r)
{
    while (!list_empty(&r->by_age))
        forget(r, container_of(r->by_age.next, struct user, link));
    hash_free(&r->users);
}

/* Those who have all of their burst again: two at a time, as one comes at a time. */
static void forget_old(struct rates *r, uint64_t now_ms)
{
    for (int i = 0; i < 2 && !list_empty(&r->by_age); i++) {
        struct user *u = container_of(r->by_age.next, struct user, link);

        if (now_ms - u->bucket.at_ms <= RATES_BURST_S * 1000 && r->users.n < RATES_USERS_MAX)
            return;
        forget(r, u);
    }
}

static struct user *user_of(struct rates *r, const struct jid *jid, uint64_t now_ms)
{
    uint64_t hash = hash_more(&r->users, hash_bytes(&r->users, jid->local), jid->domain);
    struct hash_node *node = hash_find(&r->users, hash, any, NULL);
    struct user *u;

    if (node)
        return container_of(node, struct user, node);
    forget_old(r, now_ms);
    u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    list_init(&u->link);
    if (hash_add(&r->users, &u->node, hash))
        return u;
    free(u);
    return NULL;
}

enum rates_verdict rates_take(struct rates *r, const struct jid *user, unsigned per_s, uint64_t now_ms)
{
    struct user *u;

    if (per_s == 0) {
        forget_old(r, now_ms);
        return RATES_PASS;
    }
    u = user_of(r, user, now_ms);
    if (!u)
        return RATES_NO_MEMORY;
    list_unlink(&u->link);
    list_push(&r->by_age, &u->link);
    return bucket_try(&u->bucket, per_s, (uint64_t)per_s * RATES_BURST_S, 1, now_ms) ? RATES_PASS : RATES_EXCESS;
}
