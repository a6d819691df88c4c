/*
 * People in a table (base/hash.h), found by their bare addresses. What is kept of each ends with a struct person; it belongs to
 * the owner of the table, who takes it out with people_remove and frees it.
 */
#ifndef STOX_BRIDGE_PEOPLE_H
#define STOX_BRIDGE_PEOPLE_H

#include <stddef.h>

#include "base/hash.h"
#include "xmpp/jid.h"

struct person {
    struct hash_node node;
    uint16_t n_name;
    char name[]; /* bare address, prepared */
};

static inline struct slice person_name(const struct person *p)
{
    return slice_of(p->name, p->n_name);
}

/* A bare address, prepared, in parts; borrowed. */
struct jid people_jid(struct slice name);

static inline struct jid person_jid(const struct person *p)
{
    return people_jid(person_name(p));
}

/* NULL: not there. The resource of who does not count. */
struct person *people_find(const struct hash *h, const struct jid *who);
struct person *people_find_name(const struct hash *h, struct slice name);

/*
 * One who is not there yet, as the last member of what has size bytes, person bytes behind its beginning; all else of it is
 * zero. Returns that; NULL: no memory.
 */
void *people_add(struct hash *h, const struct jid *who, size_t size, size_t person);
#define PEOPLE_ADD(h, who, type) ((type *)people_add(h, who, sizeof(type), offsetof(type, person)))

static inline void people_remove(struct hash *h, struct person *p)
{
    hash_remove(h, &p->node);
}

#endif
