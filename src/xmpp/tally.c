#include "xmpp/tally.h"

#include <assert.h>
#include <stdlib.h>

#include "base/list.h"

struct entry {
    struct hash_node node;
    unsigned n;
    size_t key_n;
    char key[];
};

static bool same_key(const struct hash_node *node, const void *key)
{
    const struct entry *e = container_of(node, const struct entry, node);

    return slice_eq(slice_of(e->key, e->key_n), *(const struct slice *)key);
}

static struct entry *find(const struct xmpp_tally *t, struct slice key, uint64_t hash)
{
    struct hash_node *node = hash_find(&t->h, hash, same_key, &key);

    return node ? container_of(node, struct entry, node) : NULL;
}

void xmpp_tally_init(struct xmpp_tally *t)
{
    hash_init(&t->h);
}

static void free_entry(struct hash_node *node, void *arg)
{
    struct xmpp_tally *t = arg;

    hash_remove(&t->h, node);
    free(container_of(node, struct entry, node));
}

void xmpp_tally_fini(struct xmpp_tally *t)
{
    hash_each(&t->h, free_entry, t);
    hash_free(&t->h);
}

bool xmpp_tally_take(struct xmpp_tally *t, struct slice key, unsigned max)
{
    uint64_t hash = hash_bytes(&t->h, key);
    struct entry *e = find(t, key, hash);

    if (e) {
        if (e->n >= max)
            return false;
        e->n++;
        return true;
    }
    if (max == 0)
        return false;
    e = calloc(1, sizeof(*e) + key.n + 1);
    if (!e)
        return false;
    e->n = 1;
    e->key_n = key.n;
    if (key.n)
        memcpy(e->key, key.p, key.n);
    if (!hash_add(&t->h, &e->node, hash)) {
        free(e);
        return false;
    }
    return true;
}

void xmpp_tally_give(struct xmpp_tally *t, struct slice key)
{
    struct entry *e = find(t, key, hash_bytes(&t->h, key));

    assert(e && e->n > 0);
    if (--e->n == 0) {
        hash_remove(&t->h, &e->node);
        free(e);
    }
}

unsigned xmpp_tally_count(const struct xmpp_tally *t, struct slice key)
{
    const struct entry *e = find(t, key, hash_bytes(&t->h, key));

    return e ? e->n : 0;
}
