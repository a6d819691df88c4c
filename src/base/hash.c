#include "base/hash.h"

#include <endian.h>
#include <stdlib.h>

#include "base/rand.h"

#define BUCKETS_MIN ((size_t)16)
#define AT_ONCE ((size_t)4096) /* buckets that move within a fraction of a millisecond */
#define BESIDE 4               /* that move with each entry of a larger table: it is done long before the next time */

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotl(uint64_t v, unsigned by)
{
    return v << by | v >> (64 - by);
}

static inline void sip_round(struct sip_state *s)
{
    s->v0 += s->v1;
    s->v1 = rotl(s->v1, 13) ^ s->v0;
    s->v0 = rotl(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotl(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotl(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotl(s->v1, 17) ^ s->v2;
    s->v2 = rotl(s->v2, 32);
}

static inline void sip_word(struct sip_state *s, uint64_t word, int rounds)
{
    s->v3 ^= word;
    for (int i = 0; i < rounds; i++)
        sip_round(s);
    s->v0 ^= word;
}

static inline struct sip_state sip_begin(const uint64_t key[2])
{
    return (struct sip_state){ key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
                               key[1] ^ 0x7465646279746573 };
}

/* The bytes of t, and the number of all bytes including those that went in before. The rounds at the end are two more. */
static inline uint64_t sip_end(struct sip_state *s, struct slice t, size_t n_all, int rounds)
{
    size_t at = 0;
    uint64_t last = (uint64_t)n_all << 56;

    for (; t.n - at >= 8; at += 8) {
        uint64_t word;

        memcpy(&word, t.p + at, 8);
        sip_word(s, le64toh(word), rounds);
    }
    if (t.n >= 8 && at < t.n) { /* the rest is at the end of the last eight bytes */
        uint64_t word;

        memcpy(&word, t.p + t.n - 8, 8);
        last |= le64toh(word) >> (8 * (8 - (t.n - at)));
        at = t.n;
    }
    for (size_t i = at; i < t.n; i++)
        last |= (uint64_t)(unsigned char)t.p[i] << (8 * (i - at));
    sip_word(s, last, rounds);
    s->v2 ^= 0xff;
    for (int i = 0; i < rounds + 2; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* The hash of a first part has a fixed length, so putting it before the second part is unambiguous. */
static inline uint64_t sip_more(const struct hash *h, uint64_t first, struct slice s, int rounds)
{
    struct sip_state state = sip_begin(h->key);

    sip_word(&state, first, rounds);
    return sip_end(&state, s, s.n + sizeof(first), rounds);
}

uint64_t hash_bytes(const struct hash *h, struct slice s)
{
    struct sip_state state = sip_begin(h->key);

    return sip_end(&state, s, s.n, 1);
}

uint64_t hash_more(const struct hash *h, uint64_t first, struct slice s)
{
    return sip_more(h, first, s, 1);
}

uint64_t hash_mac(const struct hash *h, struct slice s)
{
    struct sip_state state = sip_begin(h->key);

    return sip_end(&state, s, s.n, 2);
}

uint64_t hash_mac_more(const struct hash *h, uint64_t first, struct slice s)
{
    return sip_more(h, first, s, 2);
}

void hash_init(struct hash *h)
{
    *h = (struct hash){ 0 };
    rand_bytes(h->key, sizeof(h->key));
}

void hash_free(struct hash *h)
{
    free(h->buckets);
    free(h->before);
    h->buckets = h->before = NULL;
    h->n_buckets = h->n = h->n_moved = 0;
}

/* ---- doubling ---- */

static size_t n_before(const struct hash *h)
{
    return h->n_buckets / 2;
}

/* The entries of this bucket are still where they were. */
static inline bool has_to_move(const struct hash *h, size_t bucket)
{
    return h->before && (bucket & (n_before(h) - 1)) >= h->n_moved;
}

static inline struct hash_node **bucket_of(const struct hash *h, uint64_t hash)
{
    size_t i = hash & (h->n_buckets - 1);

    return has_to_move(h, i) ? &h->before[i & (n_before(h) - 1)] : &h->buckets[i];
}

/* At most n buckets; all of them: it has doubled. */
static void move(struct hash *h, size_t n)
{
    for (; h->before && n > 0; n--) {
        struct hash_node *node = h->before[h->n_moved++], *next;

        for (; node; node = next) {
            struct hash_node **b = &h->buckets[node->hash & (h->n_buckets - 1)];

            next = node->next;
            node->next = *b;
            *b = node;
        }
        if (h->n_moved < n_before(h))
            continue;
        free(h->before);
        h->before = NULL;
    }
}

/* One entry for each bucket. When there is no memory for more buckets the chains become longer. */
static void grow(struct hash *h)
{
    size_t n = h->n_buckets ? h->n_buckets * 2 : BUCKETS_MIN;
    struct hash_node **larger = calloc(n, sizeof(*larger));

    if (!larger)
        return;
    move(h, SIZE_MAX);
    h->before = h->buckets;
    h->buckets = larger;
    h->n_buckets = n;
    h->n_moved = 0;
    if (n <= 2 * AT_ONCE)
        move(h, SIZE_MAX);
}

/* ---- entries ---- */

bool hash_add(struct hash *h, struct hash_node *node, uint64_t hash)
{
    struct hash_node **b;

    if (h->n >= h->n_buckets)
        grow(h);
    if (h->n_buckets == 0)
        return false;
    move(h, BESIDE);
    b = bucket_of(h, hash);
    node->hash = hash;
    node->next = *b;
    *b = node;
    h->n++;
    return true;
}

struct hash_node *hash_find(const struct hash *h, uint64_t hash, hash_match *match, const void *key)
{
    if (h->n == 0)
        return NULL;
    for (struct hash_node *node = *bucket_of(h, hash); node; node = node->next) {
        if (node->hash == hash && match(node, key))
            return node;
    }
    return NULL;
}

void hash_remove(struct hash *h, struct hash_node *node)
{
    if (h->n == 0)
        return;
    for (struct hash_node **at = bucket_of(h, node->hash); *at; at = &(*at)->next) {
        if (*at == node) {
            *at = node->next;
            node->next = NULL;
            h->n--;
            return;
        }
    }
}

static void each_of(struct hash_node *node, void (*fn)(struct hash_node *node, void *arg), void *arg)
{
    for (struct hash_node *next; node; node = next) {
        next = node->next;
        fn(node, arg);
    }
}

void hash_each(struct hash *h, void (*fn)(struct hash_node *node, void *arg), void *arg)
{
    for (size_t i = 0; i < h->n_buckets; i++)
        each_of(h->buckets[i], fn, arg);
    for (size_t i = h->n_moved; h->before && i < n_before(h); i++)
        each_of(h->before[i], fn, arg);
}

static uint64_t mirrored(uint64_t v)
{
    v = (v & 0x5555555555555555) << 1 | (v >> 1 & 0x5555555555555555);
    v = (v & 0x3333333333333333) << 2 | (v >> 2 & 0x3333333333333333);
    v = (v & 0x0f0f0f0f0f0f0f0f) << 4 | (v >> 4 & 0x0f0f0f0f0f0f0f0f);
    return __builtin_bswap64(v);
}

/*
 * Buckets come in the order of their mirrored numbers. A bucket is chosen by the lowest bits of the hash, so in that order it has
 * one unbroken range of all mirrored hashes, and when the table doubles, both halves of a bucket lie where it was: what is
 * before *at has been met in a table of any size.
 */
bool hash_walk(struct hash *h, uint64_t *at, size_t n, void (*fn)(struct hash_node *node, void *arg), void *arg)
{
    uint64_t step, mask = h->n_buckets - 1;

    if (h->n_buckets == 0)
        return false;
    step = (UINT64_MAX / h->n_buckets) + 1;
    for (size_t seen = 0; seen < n; seen++) {
        uint64_t bucket = mirrored(*at) & mask;
        struct hash_node *node = *bucket_of(h, bucket), *next;

        for (; node; node = next) {
            next = node->next;
            if ((node->hash & mask) != bucket) /* it shares the chain until they move */
                continue;
            fn(node, arg);
            seen++;
        }
        *at += step;
        if (*at == 0)
            return false;
    }
    return true;
}
