/*
 * Partners' domains: when no stream is left to one, nobody knows who is there, and when there is one again, all that is watched is
 * asked for (8.5 row 15, STOX-PRS-91). Probes leave at a pace, in the order they were wished for.
 */
#include <stdlib.h>

#include "bridge/presence.h"
#include "bridge/watch_s2x_parts.h"

#define ROUND_N 500 /* watches in one turn of the loop */
#define ROUND_MS 5

static bool domain_is(const struct hash_node *node, const void *key)
{
    const struct watched_domain *d = container_of(node, const struct watched_domain, node);

    return slice_eq(slice_of(d->name, d->n_name), *(const struct slice *)key);
}

static struct watched_domain *domain_find(const struct bridge *b, struct slice name)
{
    const struct hash *h = &b->watches_s2x.domains;
    struct hash_node *node = h->n ? hash_find(h, hash_bytes(h, name), domain_is, &name) : NULL;

    return node ? container_of(node, struct watched_domain, node) : NULL;
}

/* The watch may be freed by it, and the domain goes with the last one: it stays until the slice is through. */
static void on_round(struct timer *t)
{
    struct watched_domain *d = container_of(t, struct watched_domain, round);
    struct list *it;

    d->n++;
    for (size_t i = 0; i < ROUND_N && (it = list_pop(&d->next)); i++) {
        list_push(&d->watches, it);
        watch_s2x_event(container_of(it, struct watch_s2x, of_domain), d->lost ? S2X_LOST : S2X_BACK,
                        &(struct s2x_cause){ 0 });
    }
    if (!list_empty(&d->next))
        timer_start(&d->bridge->loop->timers, &d->round, ROUND_MS);
    d->n--;
    watch_s2x_domain_tidy(d);
}

/*
 * All watches hear it, some in each turn: there may be a hundred thousand. Who has not heard the former news yet hears only these; a
 * watch that is new meanwhile needs none. d may be gone on return.
 */
static void begin_round(struct watched_domain *d, bool lost)
{
    d->lost = lost;
    list_move_all(&d->next, &d->watches);
    on_round(&d->round);
}

static void on_grace(struct timer *t)
{
    struct watched_domain *d = container_of(t, struct watched_domain, grace);
    struct slice remote = slice_of(d->name, d->n_name);
    bool linked = federation_is_linked(d->bridge->federation, remote);

    d->away = false;
    if (!linked)
        log_info(d->bridge->log, "presence-unknown", LOG_S("remote", remote),
                 LOG_Z("why", "its stream broke and was not there again within 60 s"));
    d->away = !linked;
    begin_round(d, !linked);
}

void watch_s2x_domain_lost(struct bridge *b, struct slice remote)
{
    struct watched_domain *d = domain_find(b, remote);

    if (!d || d->away)
        return;
    d->away = true;
    timer_start(&b->loop->timers, &d->grace, WATCH_GRACE_MS);
}

void watch_s2x_domain_back(struct bridge *b, struct slice remote)
{
    struct watched_domain *d = domain_find(b, remote);

    if (!d || !d->away)
        return;
    d->away = false;
    timer_stop(&b->loop->timers, &d->grace);
    begin_round(d, false);
}

bool watch_s2x_join_domain(struct watch_s2x *w)
{
    struct bridge *b = w->bridge;
    struct slice name = contact_remote_jid(w->contact).domain;
    struct watched_domain *d = domain_find(b, name);

    if (!d) {
        d = malloc(sizeof(*d) + name.n);
        if (!d)
            return false;
        *d = (struct watched_domain){ .bridge = b, .n_name = (uint16_t)name.n };
        memcpy(d->name, name.p, name.n);
        list_init(&d->watches);
        list_init(&d->next);
        timer_init(&d->grace, on_grace);
        timer_init(&d->round, on_round);
        if (!hash_add(&b->watches_s2x.domains, &d->node, hash_bytes(&b->watches_s2x.domains, name))) {
            free(d);
            return false;
        }
    }
    d->n++;
    list_push(&d->watches, &w->of_domain);
    w->domain = d;
    return true;
}

void watch_s2x_domain_tidy(struct watched_domain *d)
{
    if (d->n)
        return;
    timer_stop(&d->bridge->loop->timers, &d->grace);
    timer_stop(&d->bridge->loop->timers, &d->round);
    hash_remove(&d->bridge->watches_s2x.domains, &d->node);
    free(d);
}

void watch_s2x_leave_domain(struct watch_s2x *w)
{
    list_unlink(&w->of_domain);
    w->domain->n--;
    watch_s2x_domain_tidy(w->domain);
    w->domain = NULL;
}

/* ---- probes ---- */

static void probe(struct watch_s2x *w)
{
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);
    enum xmpp_fate fate;

    w->bridge->watches_s2x.probes_out++;
    (void)presence_send(w->bridge, &local, &remote, "probe", slice_of(NULL, 0), 0, &fate);
}

void watch_s2x_on_pace(struct timer *t)
{
    struct watches_s2x *all = container_of(t, struct watches_s2x, pace);
    struct bridge *b = container_of(all, struct bridge, watches_s2x);
    unsigned rate = directory_gateway(b->directory)->presence_rate;
    uint64_t now = loop_now(b->loop);

    while (!list_empty(&all->probes)) {
        if (!bucket_try(&all->sent, rate, rate, 1, now)) {
            timer_start(&b->loop->timers, &all->pace, bucket_wait(&all->sent, rate, rate - 1) + 1);
            return;
        }
        probe(container_of(list_pop(&all->probes), struct watch_s2x, probe));
    }
}

void watch_s2x_enquire(struct watch_s2x *w, bool again)
{
    struct watches_s2x *all = &w->bridge->watches_s2x;
    uint32_t now_s = (uint32_t)(loop_now(w->bridge->loop) / 1000);

    if (!list_empty(&w->probe) || (!again && w->probed_s && now_s - w->probed_s < WATCH_PROBE_S))
        return;
    w->probed_s = now_s;
    list_push(&all->probes, &w->probe);
    if (!timer_running(&all->pace))
        timer_start(&w->bridge->loop->timers, &all->pace, 0);
}
