#include "bridge/receipt_table.h"

#include <stdlib.h>

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

uint64_t receipt_print(const struct receipt_table *t, enum receipt_way way, struct slice id, const struct jid *remote,
                       const struct jid *local)
{
    const struct hash *h = &t->entries;
    uint64_t print = hash_more(h, hash_bytes(h, way == RECEIPT_OF_SIP ? SLICE("s") : SLICE("x")), id);

    print = hash_more(h, hash_more(h, print, remote->local), remote->domain);
    print = hash_more(h, hash_more(h, print, local->local), local->domain);
    return print ? print : 1;
}

struct receipt *receipt_find(const struct receipt_table *t, uint64_t print)
{
    struct hash_node *node = t->entries.n ? hash_find(&t->entries, print, any, NULL) : NULL;

    return node ? container_of(node, struct receipt, node) : NULL;
}

void receipt_drop(struct receipt_table *t, struct receipt *r)
{
    hash_remove(&t->entries, &r->node);
    shares_drop(&t->shares, &r->share);
    free(r);
}

static void move(struct slice *s, char **at)
{
    char *to = *at;

    if (s->n)
        memcpy(to, s->p, s->n);
    *at += s->n;
    s->p = to;
}

static struct receipt *copy(struct receipt_table *t, const struct receipt *given, size_t size)
{
    struct receipt *r = calloc(1, size);
    char *at;

    if (!r)
        return NULL;
    *r = *given;
    r->serial = ++t->serial;
    list_init(&r->share.link);
    at = r->bytes;
    move(&r->id, &at);
    move(&r->resource, &at);
    move(&r->type, &at);
    move(&r->date, &at);
    for (size_t i = 0; i < r->n_routes; i++)
        move(&r->routes[i], &at);
    return r;
}

static size_t size_of(const struct receipt *given)
{
    size_t size = sizeof(*given) + given->id.n + given->resource.n + given->type.n + given->date.n;

    for (size_t i = 0; i < given->n_routes; i++)
        size += given->routes[i].n;
    return size;
}

static bool make_room(struct receipt_table *t, struct slice partner, size_t size)
{
    struct share *payer;
    bool fits;

    while ((payer = shares_payer(&t->shares, partner, size, &fits)) != NULL)
        receipt_drop(t, container_of(payer, struct receipt, share));
    return fits;
}

bool receipt_keep(struct receipt_table *t, uint64_t print, struct slice partner, const struct receipt *given)
{
    struct receipt *before = receipt_find(t, print), *r;
    size_t size = size_of(given);

    if (before)
        receipt_drop(t, before);
    if (!make_room(t, partner, size))
        return false;
    r = copy(t, given, size);
    if (!r)
        return false;
    if (hash_add(&t->entries, &r->node, print)) {
        if (shares_add(&t->shares, partner, &r->share, size))
            return true;
        hash_remove(&t->entries, &r->node);
    }
    free(r);
    return false;
}

void receipt_table_init(struct receipt_table *t, size_t bytes_max, size_t n_max)
{
    hash_init(&t->entries);
    shares_init(&t->shares, bytes_max, n_max);
}

void receipt_table_fini(struct receipt_table *t)
{
    struct share *share;

    while ((share = shares_any(&t->shares)) != NULL)
        receipt_drop(t, container_of(share, struct receipt, share));
    hash_free(&t->entries);
    shares_fini(&t->shares);
}
