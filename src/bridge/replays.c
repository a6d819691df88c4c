#include "bridge/replays.h"

#include <stdlib.h>

struct seen {
    struct hash_node node;
    struct list link;
    uint64_t since_ms;
    unsigned n;
};

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static void forget(struct replays *r, struct seen *s)
{
    hash_remove(&r->seen, &s->node);
    list_unlink(&s->link);
    free(s);
}

void replays_init(struct replays *r)
{
    hash_init(&r->seen);
    list_init(&r->by_age);
}

void replays_fini(struct replays *r)
{
    while (!list_empty(&r->by_age))
        forget(r, container_of(r->by_age.next, struct seen, link));
    hash_free(&r->seen);
}

/* Two at a time, as one comes at a time. */
static void forget_old(struct replays *r, uint64_t now_ms)
{
    for (int i = 0; i < 2 && !list_empty(&r->by_age); i++) {
        struct seen *s = container_of(r->by_age.next, struct seen, link);

        if (now_ms - s->since_ms < REPLAYS_MS && r->seen.n < REPLAYS_KEPT_MAX)
            return;
        forget(r, s);
    }
}

static void remember(struct replays *r, uint64_t message, uint64_t now_ms)
{
    struct seen *s = calloc(1, sizeof(*s));

    if (!s)
        return;
    s->since_ms = now_ms;
    s->n = 1;
    list_init(&s->link);
    if (hash_add(&r->seen, &s->node, message))
        list_push(&r->by_age, &s->link);
    else
        free(s);
}

bool replays_is_excess(struct replays *r, uint64_t message, uint64_t now_ms)
{
    struct hash_node *node = hash_find(&r->seen, message, any, NULL);
    struct seen *s = node ? container_of(node, struct seen, node) : NULL;

    if (s && now_ms - s->since_ms < REPLAYS_MS)
        return ++s->n > REPLAYS_SEEN_MAX;
    if (s)
        forget(r, s);
    forget_old(r, now_ms);
    remember(r, message, now_ms);
    return false;
}
