#include "xmpp/xml_mem.h"

#include <stdint.h>
#include <stdlib.h>

struct block {
    struct xml_mem *account;
    size_t n; /* bytes behind the header */
};
_Static_assert(sizeof(struct block) % _Alignof(max_align_t) == 0,
               "what follows the header must be aligned for anything");

/*
 * The one mutable variable of this layer. Expat's allocator functions get no pointer of ours, and this says for whom the
 * thread is parsing at this moment. It is set only for the length of one call into expat and cannot be seen by another
 * thread; no state survives in it.
 */
static _Thread_local struct xml_mem *current;

size_t xml_mem_room(const struct xml_mem *m)
{
    size_t taken = m->used + m->other;

    return taken < m->max ? m->max - taken : 0;
}

void *xml_mem_alloc(struct xml_mem *m, size_t n)
{
    size_t room = xml_mem_room(m);
    struct block *b;

    if (room < sizeof(*b) || n > room - sizeof(*b))
        return NULL;
    b = malloc(sizeof(*b) + n);
    if (!b)
        return NULL;
    b->account = m;
    b->n = n;
    m->used += sizeof(*b) + n;
    return b + 1;
}

void xml_mem_free(void *p)
{
    struct block *b = p;

    if (!b)
        return;
    b--;
    b->account->used -= sizeof(*b) + b->n;
    free(b);
}

static void *suite_malloc(size_t n)
{
    return current ? xml_mem_alloc(current, n) : NULL;
}

static void *suite_realloc(void *p, size_t n)
{
    struct block *b = p;
    struct xml_mem *m;
    size_t old;

    if (!b)
        return suite_malloc(n);
    b--;
    m = b->account;
    old = b->n;
    if (n > old && n - old > xml_mem_room(m))
        return NULL;
    b = realloc(b, sizeof(*b) + n);
    if (!b)
        return NULL;
    m->used = m->used - old + n;
    b->n = n;
    return b + 1;
}

const XML_Memory_Handling_Suite xml_mem_suite = { suite_malloc, suite_realloc, xml_mem_free };

struct xml_mem *xml_mem_enter(struct xml_mem *m)
{
    struct xml_mem *outer = current;

    current = m;
    return outer;
}

void xml_mem_leave(struct xml_mem *outer)
{
    current = outer;
}
