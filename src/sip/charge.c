#include "sip/charge.h"

#include <stdlib.h>

static bool is_name(const struct hash_node *node, const void *key)
{
    return slice_eq(sip_charge_name(container_of(node, struct sip_charge, node)), *(const struct slice *)key);
}

/* NULL: no memory. */
static struct sip_charge *charge_of(struct hash *h, struct slice route)
{
    uint64_t hash = hash_bytes(h, route);
    struct hash_node *node = hash_find(h, hash, is_name, &route);
    struct sip_charge *c = node ? container_of(node, struct sip_charge, node) : NULL;

    if (c)
        return c;
    c = calloc(1, sizeof(*c) + route.n);
    if (!c || !hash_add(h, &c->node, hash)) {
        free(c);
        return NULL;
    }
    list_init(&c->waiting);
    list_init(&c->in_waiting);
    c->n_name = route.n;
    if (route.n)
        memcpy(c->name, route.p, route.n);
    return c;
}

struct sip_charge *sip_charge_take(struct hash *charges, struct slice route, size_t max, bool *full)
{
    struct sip_charge *c = charge_of(charges, route);

    *full = c && max && c->n >= max;
    if (!c || *full)
        return NULL;
    c->n++;
    return c;
}

static void leave(struct hash *charges, struct sip_charge *c)
{
    if (c->n || c->n_flying)
        return;
    hash_remove(charges, &c->node);
    free(c);
}

void sip_charge_drop(struct hash *charges, struct sip_charge *c)
{
    c->n--;
    leave(charges, c);
}

void sip_charge_landed(struct hash *charges, struct sip_charge *c)
{
    c->n_flying--;
    leave(charges, c);
}
