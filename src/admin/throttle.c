#include "admin/throttle.h"

static bool key_is(const struct throttle_entry *e, struct slice key)
{
    return e->key[0] && slice_eq(slice_str(e->key), slice_first(key, sizeof(e->key) - 1));
}

/* THROTTLE_KEYS: there is none. */
static size_t find(const struct throttle *t, struct slice key)
{
    size_t i = 0;

    while (i < THROTTLE_KEYS && !key_is(&t->entries[i], key))
        i++;
    return i;
}

/* Until the oldest of the last tries is forgotten, rounded up; 0: it is. */
static unsigned left(const struct throttle_entry *e, uint64_t now_ms)
{
    uint64_t oldest = e->tries_ms[0];

    return oldest && now_ms - oldest < THROTTLE_WINDOW_MS
               ? (unsigned)((THROTTLE_WINDOW_MS - (now_ms - oldest) + 999) / 1000)
               : 0;
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

unsigned throttle_left(const struct throttle *t, struct slice key, uint64_t now_ms)
{
    size_t i = find(t, key);

    return i < THROTTLE_KEYS ? left(&t->entries[i], now_ms) : 0;
}

unsigned throttle_try(struct throttle *t, struct slice key, uint64_t now_ms)
{
    size_t i = find(t, key);
    struct throttle_entry *e = i < THROTTLE_KEYS ? &t->entries[i] : make(t, key);
    unsigned wait = left(e, now_ms);

    if (wait > 0)
        return wait;
    memmove(e->tries_ms, e->tries_ms + 1, sizeof(e->tries_ms) - sizeof(e->tries_ms[0]));
    e->tries_ms[THROTTLE_TRIES - 1] = now_ms;
    return 0;
}

void throttle_forgive(struct throttle *t, struct slice key)
{
    size_t i = find(t, key);
    struct throttle_entry *e = &t->entries[i < THROTTLE_KEYS ? i : 0];

    if (i == THROTTLE_KEYS)
        return;
    memmove(e->tries_ms + 1, e->tries_ms, sizeof(e->tries_ms) - sizeof(e->tries_ms[0]));
    e->tries_ms[0] = 0;
}
