#include "bridge/presence_rounds.h"

#include <stdlib.h>

#include "bridge/bridge_private.h"

#define SLICE_N 500 /* contacts in one turn */
#define SLICE_MS 5
#define HOUSE_MS 5000          /* a million contacts in three hours */
#define RESTORE_WAIT_MS 1000   /* while enough wait for the pace */
#define RESTORE_WISHES_MAX 500 /* as many, at most, when a slice begins */

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
    presence_rounds_begin(b, ROUND_BACK);
}

/* ---- contacts ---- */

static void restore(void *arg, struct contact *c)
{
    struct bridge *b = arg;

    if (!watch_x2s_restore(b, c))
        b->rounds.round[ROUND_RESTORE].again = true;
}

static void reconsider(void *arg, struct contact *c)
{
    watch_x2s_reconsider(arg, c);
}

static void tell_again(void *arg, struct contact *c)
{
    const struct lost_domain *d = domain_find(arg, contact_remote_jid(c).domain);

    if (d && d->back)
        watch_x2s_tell_again(arg, c);
}

static void keep_house(void *arg, struct contact *c)
{
    watch_s2x_keep_house(arg, c);
}

static contact_fn *const looks[ROUNDS] = {
    [ROUND_RESTORE] = restore, [ROUND_SETTINGS] = reconsider, [ROUND_BACK] = tell_again, [ROUND_HOUSE] = keep_house
};

/* ---- rounds ---- */

static void end_round(struct bridge *b, enum presence_round round)
{
    b->rounds.round[round].on = b->rounds.round[round].again;
    b->rounds.round[round].again = false;
    if (round == ROUND_BACK && !b->rounds.round[round].on)
        hash_each(&b->rounds.lost, domain_told, b);
}

static void go_on(struct bridge *b, enum presence_round round)
{
    contacts_walk(b, &b->rounds.round[round].cursor, SLICE_N, looks[round], b);
    if (!b->rounds.round[round].cursor)
        end_round(b, round);
}

static void on_timer(struct timer *t)
{
    struct presence_rounds *r = container_of(t, struct presence_rounds, timer);
    struct bridge *b = container_of(r, struct bridge, rounds);
    uint64_t next_ms = 0;

    if (b->stopping)
        return;
    for (enum presence_round i = 0; i < ROUND_HOUSE; i++) {
        bool waits = i == ROUND_RESTORE && b->watches_x2s.n_wishes > RESTORE_WISHES_MAX;

        if (!r->round[i].on)
            continue;
        if (!waits)
            go_on(b, i);
        if (r->round[i].on && (!next_ms || !waits))
            next_ms = waits ? RESTORE_WAIT_MS : SLICE_MS;
    }
    if (next_ms)
        timer_start(&b->loop->timers, &r->timer, next_ms);
}

static void on_house(struct timer *t)
{
    struct presence_rounds *r = container_of(t, struct presence_rounds, house);
    struct bridge *b = container_of(r, struct bridge, rounds);

    if (b->stopping)
        return;
    go_on(b, ROUND_HOUSE);
    timer_start(&b->loop->timers, &r->house, HOUSE_MS);
}

void presence_rounds_init(struct bridge *b)
{
    b->rounds = (struct presence_rounds){ 0 };
    hash_init(&b->rounds.lost);
    timer_init(&b->rounds.timer, on_timer);
    timer_init(&b->rounds.house, on_house);
}

void presence_rounds_fini(struct bridge *b)
{
    timer_stop(&b->loop->timers, &b->rounds.timer);
    timer_stop(&b->loop->timers, &b->rounds.house);
    hash_each(&b->rounds.lost, domain_free, b);
    hash_free(&b->rounds.lost);
}

void presence_rounds_begin(struct bridge *b, enum presence_round round)
{
    if (b->rounds.round[round].on)
        b->rounds.round[round].again = true;
    b->rounds.round[round].on = true;
    timer_start(&b->loop->timers, &b->rounds.timer, 0);
}

void presence_rounds_start(struct bridge *b)
{
    timer_start(&b->loop->timers, &b->rounds.house, HOUSE_MS);
    presence_rounds_begin(b, ROUND_RESTORE);
}
