/*
 * An arena hands out memory that is freed all at once: one arena per SIP message, per stanza, per configuration. It is
 * bounded: what a peer can make us keep is charged against max before it is taken.
 */
#ifndef STOX_BASE_ARENA_H
#define STOX_BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* owned, newest first */
    char *at, *end;             /* free part of the newest block, or of the caller's first memory */
    size_t used;                /* bytes handed out and block overhead: never above max */
    size_t max;
    char *mem; /* borrowed: the caller's first memory, or NULL */
    size_t mem_n;
};

/* An empty arena that will never hold more than max bytes. Takes no memory yet, cannot fail. */
void arena_init(struct arena *a, size_t max);

/* As arena_init, but the first n bytes come from mem, which the caller owns and which must outlive the arena. */
void arena_init_on(struct arena *a, void *mem, size_t n, size_t max);

/* n bytes, aligned for any type, contents undefined; NULL when max or the machine's memory is used up. */
void *arena_alloc(struct arena *a, size_t n);

/* As arena_alloc, filled with zero bytes. */
void *arena_zalloc(struct arena *a, size_t n);

/* A copy of s (of at least one byte, so that .p tells success). On failure .p is NULL. */
struct slice arena_dup(struct arena *a, struct slice s);

/* A NUL-terminated copy of s for interfaces that want C strings; NULL on failure or when s holds a NUL. */
char *arena_strdup(struct arena *a, struct slice s);

/* Frees everything handed out; the arena can be used again. */
void arena_reset(struct arena *a);

#endif
