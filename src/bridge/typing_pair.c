#include "bridge/typing_pair.h"

#include <stdlib.h>

#include "bridge/status.h"

struct names {
    const struct jid *remote, *local;
};

static bool names_are(const struct hash_node *node, const void *key)
{
    const struct typing_pair *p = container_of(node, struct typing_pair, node);
    const struct names *names = key;
    struct jid remote = typing_remote(p), local = typing_local(p);

    return jid_bare_eq(&remote, names->remote) && jid_bare_eq(&local, names->local);
}

static uint64_t hash_of(const struct hash *h, const struct names *names)
{
    uint64_t hash = hash_more(h, hash_bytes(h, names->remote->local), names->remote->domain);

    return hash_more(h, hash_more(h, hash, names->local->local), names->local->domain);
}

static void drop(struct typings *t, struct typing_pair *p)
{
    timer_stop(&p->bridge->loop->timers, &p->expiry);
    timer_stop(&p->bridge->loop->timers, &p->next);
    hash_remove(&t->pairs, &p->node);
    shares_drop(&t->shares, &p->share);
    free(p);
}

static struct typing_pair *pair_new(struct bridge *b, const struct names *names)
{
    const struct slice parts[] = { names->remote->local, names->remote->domain, names->local->local,
                                   names->local->domain };
    size_t size = 0;
    struct typing_pair *p;
    char *at;

    for (size_t i = 0; i < 4; i++)
        size += parts[i].n;
    p = calloc(1, sizeof(*p) + size);
    if (!p)
        return NULL;
    p->bridge = b;
    timer_init(&p->expiry, typing_on_expiry);
    timer_init(&p->next, typing_on_next);
    at = p->names;
    for (size_t i = 0; i < 4; i++) {
        if (parts[i].n)
            memcpy(at, parts[i].p, parts[i].n);
        at += parts[i].n;
        p->n[i] = parts[i].n;
    }
    return p;
}

static size_t size_of(const struct typing_pair *p)
{
    return sizeof(*p) + p->n[0] + p->n[1] + p->n[2] + p->n[3];
}

static bool charge(struct bridge *b, struct typing_pair *p)
{
    struct typings *t = &b->typings;
    struct slice partner = status_partner(b, typing_remote(p).domain);
    struct share *payer;
    bool fits;

    while ((payer = shares_payer(&t->shares, partner, size_of(p), &fits)) != NULL)
        drop(t, container_of(payer, struct typing_pair, share));
    return fits && shares_add(&t->shares, partner, &p->share, size_of(p));
}

struct typing_pair *typing_pair_find(const struct bridge *b, const struct jid *remote, const struct jid *local)
{
    const struct hash *pairs = &b->typings.pairs;
    struct names names = { remote, local };
    struct hash_node *node = pairs->n ? hash_find(pairs, hash_of(pairs, &names), names_are, &names) : NULL;

    return node ? container_of(node, struct typing_pair, node) : NULL;
}

struct typing_pair *typing_pair_of(struct bridge *b, const struct jid *remote, const struct jid *local)
{
    struct names names = { remote, local };
    struct typing_pair *p = typing_pair_find(b, remote, local);

    if (p) {
        if (p->share.holder)
            shares_touch(&p->share);
        return p;
    }
    p = pair_new(b, &names);
    if (!p)
        return NULL;
    if (hash_add(&b->typings.pairs, &p->node, hash_of(&b->typings.pairs, &names))) {
        if (charge(b, p))
            return p;
        hash_remove(&b->typings.pairs, &p->node);
    }
    free(p);
    return NULL;
}

void typing_pair_charge(struct typing_pair *p)
{
    if (!charge(p->bridge, p))
        drop(&p->bridge->typings, p);
}

void typings_init(struct typings *t)
{
    hash_init(&t->pairs);
    shares_init(&t->shares, TYPING_BYTES_MAX, SIZE_MAX);
}

static void drop_one(struct hash_node *node, void *arg)
{
    drop(arg, container_of(node, struct typing_pair, node));
}

void typings_fini(struct bridge *b)
{
    hash_each(&b->typings.pairs, drop_one, &b->typings);
    hash_free(&b->typings.pairs);
    shares_fini(&b->typings.shares);
}
