#include "bridge/presence_rounds.h"

#include <stdlib.h>

#include "bridge/bridge_private.h"

#define SLICE_N 500 /* contacts in one turn */
#define SLICE_MS 5
#define HOUSE_MS 5000 /* a million contacts in three hours */

/* ---- domains ---- */

struct lost_domain {
    struct hash_node node;
    bool back; /* its contacts are told again */
    uint16_t n_name;
    char name[];
};

static bool domain_is(const struct hash_node *node, const void *key)
{
    const struct lost_domain *d = container_of(node, const struct lost_domain, node);

    return slice_eq(slice_of(d->name, d->n_name), *(const struct slice *)key);
}

static struct lost_domain *domain_find(const struct bridge *b, struct slice name)
{
    const struct hash *h = &b->rounds.lost;
    struct hash_node *node = h->n ? hash_find(h, hash_bytes(h, name), domain_is, &name) : NULL;

    return node ? container_of(node, struct lost_domain, node) : NULL;
}

static void domain_free(struct hash_node *node, void *arg)
{
    struct bridge *b = arg;

    hash_remove(&b->rounds.lost, node);
    free(container_of(node, struct lost_domain, node));
}

static void domain_told(struct hash_node *node, void *arg)
{
    if (container_of(node, struct lost_domain, node)->back)
        domain_free(node, arg);
}

/* Without memory its contacts are not told again: their own servers ask, as their people come back. */
void presence_rounds_lost(struct bridge *b, struct slice remote)
{
    struct hash *h = &b->rounds.lost;
    struct lost_domain *d = domain_find(b, remote);

    if (d) {
        d->back = false;
        return;
    }
    if (!directory_partner(b->directory, remote))
        return;
    d = malloc(sizeof(*d) + remote.n);
    if (!d)
        return;
    *d = (struct lost_domain){ .n_name = (uint16_t)remote.n };
    memcpy(d->name, remote.p, remote.n);
    if (!hash_add(h, &d->node, hash_bytes(h, remote)))
        free(d);
}

void presence_rounds_back(struct bridge *b, struct slice remote)
{
    struct lost_domain *d = domain_find(b, remote);

    if (!d || d->back)
        return;
    d->back = true;
    if (b->rounds.back_cursor)
        b->rounds.again = true;
    else
        timer_start(&b->loop->timers, &b->rounds.back, 0);
}

/* ---- rounds ---- */

static void tell_again(void *arg, struct contact *c)
{
    const struct lost_domain *d = domain_find(arg, contact_remote_jid(c).domain);

    if (d && d->back)
        watch_x2s_tell_again(arg, c);
}

static void on_back(struct timer *t)
{
    struct presence_rounds *r = container_of(t, struct presence_rounds, back);
    struct bridge *b = container_of(r, struct bridge, rounds);

    if (!bridge_takes_presence(b))
        return;
    contacts_walk(b, &r->back_cursor, SLICE_N, tell_again, b);
    if (!r->back_cursor && !r->again) {
        hash_each(&r->lost, domain_told, b);
        return;
    }
    r->again = r->again && r->back_cursor;
    timer_start(&b->loop->timers, &r->back, SLICE_MS);
}

static void keep_house(void *arg, struct contact *c)
{
    watch_s2x_keep_house(arg, c);
}

static void on_house(struct timer *t)
{
    struct presence_rounds *r = container_of(t, struct presence_rounds, house);
    struct bridge *b = container_of(r, struct bridge, rounds);

    if (!bridge_takes_presence(b))
        return;
    contacts_walk(b, &r->house_cursor, SLICE_N, keep_house, b);
    timer_start(&b->loop->timers, &r->house, HOUSE_MS);
}

void presence_rounds_init(struct bridge *b)
{
    b->rounds = (struct presence_rounds){ 0 };
    hash_init(&b->rounds.lost);
    timer_init(&b->rounds.house, on_house);
    timer_init(&b->rounds.back, on_back);
}

void presence_rounds_fini(struct bridge *b)
{
    timer_stop(&b->loop->timers, &b->rounds.house);
    timer_stop(&b->loop->timers, &b->rounds.back);
    hash_each(&b->rounds.lost, domain_free, b);
    hash_free(&b->rounds.lost);
}

void presence_rounds_start(struct bridge *b)
{
    timer_start(&b->loop->timers, &b->rounds.house, HOUSE_MS);
}
