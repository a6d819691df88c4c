#include "base/arena.h"

#include <stdlib.h>

#define ALIGN ((size_t)16)
#define BLOCK_MIN ((size_t)1024)
#define BLOCK_MAX ((size_t)16384)

struct arena_block {
    struct arena_block *older;
    size_t size; /* of the memory behind this head */
};

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "what is handed out must be aligned");

static void use_first_memory(struct arena *a)
{
    size_t skip = a->mem ? (ALIGN - (uintptr_t)a->mem % ALIGN) % ALIGN : 0;

    a->at = a->end = NULL;
    if (a->mem_n > skip) {
        a->at = a->mem + skip;
        a->end = a->mem + a->mem_n;
    }
}

void arena_init(struct arena *a, size_t max)
{
    arena_init_on(a, NULL, 0, max);
}

void arena_init_on(struct arena *a, void *mem, size_t n, size_t max)
{
    *a = (struct arena){ .mem = mem, .mem_n = n, .max = max };
    use_first_memory(a);
}

static size_t next_block_size(const struct arena *a)
{
    size_t size = a->blocks ? a->blocks->size * 2 : BLOCK_MIN;

    return size < BLOCK_MIN ? BLOCK_MIN : size > BLOCK_MAX ? BLOCK_MAX : size;
}

/*
 * Memory for n bytes in a block of its own, or in a new common one. What stays unused in the block we leave counts as
 * used, so that max bounds the memory taken and not only the memory asked for.
 */
static void *alloc_block(struct arena *a, size_t n)
{
    size_t room = a->max - a->used;
    size_t size = next_block_size(a);
    bool own = n > size / 2;
    size_t tail = !own && a->blocks ? (size_t)(a->end - a->at) : 0;
    struct arena_block *b;

    if (room < sizeof(*b) + tail || room - sizeof(*b) - tail < n)
        return NULL;
    room -= sizeof(*b) + tail;
    if (own || size > room)
        size = own ? n : room;
    b = malloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    b->size = size;
    a->used += sizeof(*b) + tail + n;
    if (own && a->blocks) {
        b->older = a->blocks->older;
        a->blocks->older = b;
        return b + 1;
    }
    b->older = a->blocks;
    a->blocks = b;
    a->at = (char *)(b + 1) + n;
    a->end = (char *)(b + 1) + size;
    return b + 1;
}

void *arena_alloc(struct arena *a, size_t n)
{
    void *p;

    if (n > a->max)
        return NULL;
    n = n == 0 ? ALIGN : n + (ALIGN - n % ALIGN) % ALIGN;
    if (n > a->max - a->used)
        return NULL;
    if (n > (size_t)(a->end - a->at))
        return alloc_block(a, n);
    p = a->at;
    a->at += n;
    a->used += n;
    return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
    void *p = arena_alloc(a, n);

    return p ? memset(p, 0, n) : NULL;
}

struct slice arena_dup(struct arena *a, struct slice s)
{
    char *p = arena_alloc(a, s.n);

    if (!p)
        return (struct slice){ NULL, 0 };
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return slice_of(p, s.n);
}

char *arena_strdup(struct arena *a, struct slice s)
{
    char *p;

    if (s.n == SIZE_MAX || slice_find(s, '\0') != s.n)
        return NULL;
    p = arena_alloc(a, s.n + 1);
    if (!p)
        return NULL;
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return p;
}

void arena_reset(struct arena *a)
{
    struct arena_block *b = a->blocks, *older;

    for (; b; b = older) {
        older = b->older;
        free(b);
    }
    a->blocks = NULL;
    a->used = 0;
    use_first_memory(a);
}
