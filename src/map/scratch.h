/* A buf on memory of an arena, for results whose size is known beforehand: it never grows and is never freed. */
#ifndef STOX_MAP_SCRATCH_H
#define STOX_MAP_SCRATCH_H

#include "base/arena.h"
#include "base/buf.h"

/* Room for size bytes; false when the arena has no memory. */
static inline bool scratch_init(struct buf *b, struct arena *a, size_t size)
{
    /* One byte more, as buf keeps for itself. */
    *b = (struct buf){ .p = arena_alloc(a, size + 1), .cap = size, .max = size };
    return b->p != NULL;
}

#endif
