/*
 * What was seen of late, of anybody: a table with bounds, for what strangers make us remember. A keyed hash is all that is known of
 * whose an entry is. When a new one comes, up to two go that were not seen for a while; when the table is full, the one that was
 * not seen for longest. So the table shrinks as it grew, without a timer.
 */
#ifndef STOX_BASE_RECENT_H
#define STOX_BASE_RECENT_H

#include "base/hash.h"
#include "base/list.h"

/* The first member of the caller's entry. */
struct recent_entry {
    struct hash_node node;
    struct list link;
    uint64_t seen_ms;
};

struct recent {
    struct hash hash;   /* for keys: hash_bytes and hash_more */
    struct list by_age; /* not seen for longest first */
    size_t size, n_max; /* bytes of an entry, entries */
    uint64_t keep_ms;
};

/* Takes no memory yet. */
void recent_init(struct recent *r, size_t size, size_t n_max, uint64_t keep_ms);
void recent_fini(struct recent *r);

/* NULL: there is none. One that is older than keep_ms may still be there. */
struct recent_entry *recent_find(const struct recent *r, uint64_t hash);

/* The entry of this hash, found or made (all zero), and seen now. NULL: no memory. */
struct recent_entry *recent_see(struct recent *r, uint64_t hash, uint64_t now_ms);

/* Up to two go that were not seen for keep_ms: where nothing new comes any more. */
void recent_trim(struct recent *r, uint64_t now_ms);

#endif
