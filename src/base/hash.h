/*
 * Intrusive hash table. Keys are whatever the caller says they are: the table keeps the 64-bit hash in the node and asks
 * a function only when hashes are equal. Hashes come from hash_bytes, which is keyed with random bytes, so that a peer
 * cannot choose names that collide.
 */
#ifndef STOX_BASE_HASH_H
#define STOX_BASE_HASH_H

#include "base/slice.h"

struct hash_node {
    struct hash_node *next;
    uint64_t hash;
};

struct hash {
    struct hash_node **buckets; /* owned */
    size_t n_buckets;           /* power of two, or 0 before the first entry */
    size_t n;                   /* entries */
    uint64_t key[2];            /* of hash_bytes */
    /* A table of a million entries doubles a few buckets with each entry that is added, so that nobody waits for all of it. */
    struct hash_node **before; /* owned: half as many, of before it began to double; NULL: it is not about to */
    size_t n_moved;            /* so many of them, from the first on, have moved to buckets */
};

/* Called with an entry whose hash is equal; true when it is the one looked for. */
typedef bool hash_match(const struct hash_node *node, const void *key);

/* An empty table with a fresh random key. Takes no memory yet. */
void hash_init(struct hash *h);

/* Frees the table, not its entries. */
void hash_free(struct hash *h);

/*
 * For tables: SipHash-1-3 under the table's key, as language runtimes use it, at half the price of 2-4, which a message would
 * pay forty times. Such a hash never leaves the process. hash_more chains a second part in, unambiguously.
 */
uint64_t hash_bytes(const struct hash *h, struct slice s);
uint64_t hash_more(const struct hash *h, uint64_t first, struct slice s);

/* For what others see and must not be able to make or foretell, as tags, branches and nonces: SipHash-2-4. */
uint64_t hash_mac(const struct hash *h, struct slice s);
uint64_t hash_mac_more(const struct hash *h, uint64_t first, struct slice s);

/* Adds node under hash. False, nothing added, when memory for a larger table is needed and not to be had at all. */
bool hash_add(struct hash *h, struct hash_node *node, uint64_t hash);
struct hash_node *hash_find(const struct hash *h, uint64_t hash, hash_match *match, const void *key);

/* Takes node out; harmless when it is not in. */
void hash_remove(struct hash *h, struct hash_node *node);

/* Walks all entries; fn may remove the entry it is given, and only that. */
void hash_each(struct hash *h, void (*fn)(struct hash_node *node, void *arg), void *arg);

/*
 * The same in parts, with anything done to the table in between: goes on from *at, 0 at first, through about n entries. False:
 * that was the end. An entry that is in the table all the while is met once; one that comes or goes, at most once.
 */
bool hash_walk(struct hash *h, uint64_t *at, size_t n, void (*fn)(struct hash_node *node, void *arg), void *arg);

#endif
