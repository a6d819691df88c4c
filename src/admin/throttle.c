#include "admin/throttle.h"

static bool key_is(const struct throttle_entry *e, struct slice key)
{
    return e->key[0] && slice_eq(slice_str(e->key), slice_first(key, sizeof(e->key) - 1));
}

static struct throttle_entry *find(struct throttle *t, struct slice key)
{
    for (size_t i = 0; i < THROTTLE_KEYS; i++)
        if (key_is(&t->entries[i], key))
            return &t->entries[i];
    return NULL;
}

static struct throttle_entry *make(struct throttle *t, struct slice key)
{
    struct throttle_entry *e = &t->entries[0];
    struct slice kept = slice_first(key, sizeof(e->key) - 1);

    for (size_t i = 1; i < THROTTLE_KEYS; i++)
        if (t->entries[i].tries_ms[THROTTLE_TRIES - 1] < e->tries_ms[THROTTLE_TRIES - 1])
            e = &t->entries[i];
    *e = (struct throttle_entry){ .key = "" };
    if (kept.n)
        memcpy(e->key, kept.p, kept.n);
    return e;
}

unsigned throttle_try(struct throttle *t, struct slice key, uint64_t now_ms)
{
    struct throttle_entry *e = find(t, key);
    uint64_t oldest;

    if (!e)
        e = make(t, key);
    oldest = e->tries_ms[0];
    if (oldest && now_ms - oldest < THROTTLE_WINDOW_MS)
        return (unsigned)((THROTTLE_WINDOW_MS - (now_ms - oldest) + 999) / 1000);
    memmove(e->tries_ms, e->tries_ms + 1, sizeof(e->tries_ms) - sizeof(e->tries_ms[0]));
    e->tries_ms[THROTTLE_TRIES - 1] = now_ms;
    return 0;
}

void throttle_forgive(struct throttle *t, struct slice key)
{
    struct throttle_entry *e = find(t, key);

    if (!e)
        return;
    memmove(e->tries_ms + 1, e->tries_ms, sizeof(e->tries_ms) - sizeof(e->tries_ms[0]));
    e->tries_ms[0] = 0;
}
