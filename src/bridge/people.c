#include "bridge/people.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/list.h"

#define NAME_MAX_BYTES (2 * JID_PART_MAX + 2)

static struct slice put_name(const struct jid *who, char memory[NAME_MAX_BYTES])
{
    struct buf b = { .p = memory, .cap = NAME_MAX_BYTES, .max = NAME_MAX_BYTES };

    jid_put_bare(&b, who);
    return buf_slice(&b);
}

struct jid people_jid(struct slice name)
{
    size_t at = slice_find(name, '@');

    return (struct jid){ .local = slice_first(name, at), .domain = slice_from(name, at + 1) };
}

static bool person_is(const struct hash_node *node, const void *name)
{
    return slice_eq(person_name(container_of(node, const struct person, node)), *(const struct slice *)name);
}

struct person *people_find_name(const struct hash *h, struct slice name)
{
    struct hash_node *node = h->n ? hash_find(h, hash_bytes(h, name), person_is, &name) : NULL;

    return node ? container_of(node, struct person, node) : NULL;
}

struct person *people_find(const struct hash *h, const struct jid *who)
{
    char memory[NAME_MAX_BYTES];

    return h->n ? people_find_name(h, put_name(who, memory)) : NULL;
}

void *people_add(struct hash *h, const struct jid *who, size_t size, size_t person)
{
    char memory[NAME_MAX_BYTES];
    struct slice name = put_name(who, memory);
    char *all = calloc(1, size + name.n);
    struct person *p = all ? (struct person *)(void *)(all + person) : NULL;

    if (!p)
        return NULL;
    p->n_name = (uint16_t)name.n;
    memcpy(p->name, name.p, name.n);
    if (hash_add(h, &p->node, hash_bytes(h, name)))
        return all;
    free(all);
    return NULL;
}
