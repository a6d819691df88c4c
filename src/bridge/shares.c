#include "bridge/shares.h"

#include <stdlib.h>

/* A partner that has a share; it goes with the last one. */
struct holder {
    struct hash_node node;
    struct list link;
    struct list used; /* struct share, longest ago first */
    size_t bytes;     /* of them */
    size_t name_n;
    char name[];
};

static bool name_is(const struct hash_node *node, const void *key)
{
    const struct holder *h = container_of(node, struct holder, node);

    return slice_eq(slice_of(h->name, h->name_n), *(const struct slice *)key);
}

static struct holder *holder_find(const struct shares *s, struct slice partner)
{
    struct hash_node *node = hash_find(&s->by_partner, hash_bytes(&s->by_partner, partner), name_is, &partner);

    return node ? container_of(node, struct holder, node) : NULL;
}

static struct holder *holder_of(struct shares *s, struct slice partner)
{
    struct holder *h = holder_find(s, partner);

    if (h)
        return h;
    h = calloc(1, sizeof(*h) + partner.n);
    if (!h)
        return NULL;
    list_init(&h->used);
    h->name_n = partner.n;
    if (partner.n)
        memcpy(h->name, partner.p, partner.n);
    if (!hash_add(&s->by_partner, &h->node, hash_bytes(&s->by_partner, partner))) {
        free(h);
        return NULL;
    }
    list_push(&s->holders, &h->link);
    return h;
}

/*
 * Who gives room to partner: itself when it holds the average or more, else the first that does. Only a partner below the
 * average looks for another, so that looking costs nothing to speak of.
 */
static const struct holder *payer(const struct shares *s, struct slice partner)
{
    const struct holder *own = holder_find(s, partner);
    size_t n = s->by_partner.n + (own ? 0 : 1);

    if (own && own->bytes >= s->bytes / n)
        return own;
    list_each (l, &s->holders) {
        const struct holder *h = container_of(l, struct holder, link);

        if (h->bytes >= s->bytes / n)
            return h;
    }
    return own;
}

void shares_init(struct shares *s, size_t bytes_max, size_t n_max)
{
    *s = (struct shares){ .bytes_max = bytes_max, .n_max = n_max };
    hash_init(&s->by_partner);
    list_init(&s->holders);
}

void shares_fini(struct shares *s)
{
    hash_free(&s->by_partner);
}

struct share *shares_payer(const struct shares *s, struct slice partner, size_t size, bool *fits)
{
    const struct holder *h;

    *fits = size <= s->bytes_max && s->bytes <= s->bytes_max - size && s->n < s->n_max;
    if (*fits || size > s->bytes_max)
        return NULL;
    h = payer(s, partner);
    return h ? container_of(h->used.next, struct share, link) : NULL;
}

bool shares_add(struct shares *s, struct slice partner, struct share *share, size_t size)
{
    struct holder *h = holder_of(s, partner);

    if (!h)
        return false;
    share->holder = h;
    share->size = size;
    list_push(&h->used, &share->link);
    h->bytes += size;
    s->bytes += size;
    s->n++;
    return true;
}

void shares_touch(struct share *share)
{
    list_unlink(&share->link);
    list_push(&share->holder->used, &share->link);
}

void shares_drop(struct shares *s, struct share *share)
{
    struct holder *h = share->holder;

    if (!h)
        return;
    share->holder = NULL;
    list_unlink(&share->link);
    h->bytes -= share->size;
    s->bytes -= share->size;
    s->n--;
    if (!list_empty(&h->used))
        return;
    hash_remove(&s->by_partner, &h->node);
    list_unlink(&h->link);
    free(h);
}

struct share *shares_any(const struct shares *s)
{
    const struct holder *h;

    if (list_empty(&s->holders))
        return NULL;
    h = container_of(s->holders.next, struct holder, link);
    return container_of(h->used.next, struct share, link);
}
