#include "base/recent.h"

#include <stdlib.h>

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static void forget(struct recent *r, struct recent_entry *e)
{
    hash_remove(&r->hash, &e->node);
    list_unlink(&e->link);
    free(e);
}

static struct recent_entry *oldest(const struct recent *r)
{
    return list_empty(&r->by_age) ? NULL : container_of(r->by_age.next, struct recent_entry, link);
}

void recent_init(struct recent *r, size_t size, size_t n_max, uint64_t keep_ms)
{
    *r = (struct recent){ .size = size, .n_max = n_max, .keep_ms = keep_ms };
    hash_init(&r->hash);
    list_init(&r->by_age);
}

void recent_fini(struct recent *r)
{
    struct recent_entry *e;

    while ((e = oldest(r)))
        forget(r, e);
    hash_free(&r->hash);
}

struct recent_entry *recent_find(const struct recent *r, uint64_t hash)
{
    struct hash_node *node = hash_find(&r->hash, hash, any, NULL);

    return node ? container_of(node, struct recent_entry, node) : NULL;
}

/* Two at a time, as one comes at a time. */
void recent_trim(struct recent *r, uint64_t now_ms)
{
    for (int i = 0; i < 2; i++) {
        struct recent_entry *e = oldest(r);

        if (!e || (now_ms - e->seen_ms <= r->keep_ms && r->hash.n < r->n_max))
            return;
        forget(r, e);
    }
}

static struct recent_entry *make(struct recent *r, uint64_t hash, uint64_t now_ms)
{
    struct recent_entry *e;

    recent_trim(r, now_ms);
    e = calloc(1, r->size);
    if (!e)
        return NULL;
    list_init(&e->link);
    if (hash_add(&r->hash, &e->node, hash))
        return e;
    free(e);
    return NULL;
}

struct recent_entry *recent_see(struct recent *r, uint64_t hash, uint64_t now_ms)
{
    struct recent_entry *e = recent_find(r, hash);

    if (!e)
        e = make(r, hash, now_ms);
    if (!e)
        return NULL;
    e->seen_ms = now_ms;
    list_unlink(&e->link);
    list_push(&r->by_age, &e->link);
    return e;
}
