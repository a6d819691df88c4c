#include "seen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a, then mixed, as the low bits choose the slot; never 0. */
static uint64_t key_of(const char *branch, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)branch[i]) * 0x100000001b3u;
    h ^= h >> 32;
    return h ? h : 1;
}

/* Where it is, or the free slot where it would be. */
static unsigned slot(const struct seen_table *t, uint64_t key)
{
    unsigned at = (unsigned)key & (SEEN_SLOTS - 1);

    while (t->keys[at] && t->keys[at] != key)
        at = (at + 1) & (SEEN_SLOTS - 1);
    return at;
}

unsigned seen_status(const struct seen *s, const char *branch, size_t n)
{
    uint64_t key = key_of(branch, n);

    for (int i = 0; i < 2; i++) {
        const struct seen_table *t = &s->tables[i];
        unsigned at = slot(t, key);

        if (t->keys[at])
            return t->statuses[at];
    }
    return 0;
}

void seen_add(struct seen *s, const char *branch, size_t n, unsigned status, uint64_t now_ms)
{
    uint64_t key = key_of(branch, n);
    struct seen_table *t;
    unsigned at;

    if (!s->since_ms)
        s->since_ms = now_ms;
    if (now_ms - s->since_ms >= SEEN_MS) {
        s->now = 1 - s->now;
        s->since_ms = now_ms;
        memset(&s->tables[s->now], 0, sizeof(s->tables[s->now]));
    }
    t = &s->tables[s->now];
    if (++t->n > SEEN_SLOTS / 4 * 3) {
        fprintf(stderr, "more than %u transactions in %u ms\n", SEEN_SLOTS / 4 * 3, SEEN_MS);
        exit(1);
    }
    at = slot(t, key);
    t->keys[at] = key;
    t->statuses[at] = (uint16_t)status;
}
