#include "bridge/watch.h"

#include <stdlib.h>

#include "bridge/bridge_private.h"
#include "bridge/way.h"
#include "sip/health.h"

#define LOOK_MS 1000

/* A route that is watched. */
struct watched {
    struct hash_node node;
    struct bridge *bridge;
    struct sip_lookup *lookup; /* runs */
    uint64_t due_ms;
    bool seen; /* in this round */
    size_t n;
    char name[];
};

static void on_look(struct timer *t);

void watch_init(struct watch *w)
{
    hash_init(&w->routes);
    timer_init(&w->timer, on_look);
}

static void watched_free(struct watched *r)
{
    sip_locate_cancel(r->lookup);
    hash_remove(&r->bridge->watch.routes, &r->node);
    free(r);
}

static void free_entry(struct hash_node *node, void *arg)
{
    watched_free(container_of(node, struct watched, node));
}

void watch_fini(struct bridge *b)
{
    timer_stop(&b->loop->timers, &b->watch.timer);
    hash_each(&b->watch.routes, free_entry, NULL);
    hash_free(&b->watch.routes);
}

static bool name_is(const struct hash_node *node, const void *key)
{
    const struct watched *r = container_of(node, struct watched, node);

    return slice_eq(slice_of(r->name, r->n), *(const struct slice *)key);
}

/* NULL on memory: the next round tries again. */
static struct watched *watched_of(struct bridge *b, struct slice name)
{
    struct hash *h = &b->watch.routes;
    uint64_t hash = hash_bytes(h, name);
    struct hash_node *node = hash_find(h, hash, name_is, &name);
    struct watched *r;

    if (node)
        return container_of(node, struct watched, node);
    r = calloc(1, sizeof(*r) + name.n);
    if (!r)
        return NULL;
    r->bridge = b;
    r->n = name.n;
    memcpy(r->name, name.p, name.n);
    if (hash_add(h, &r->node, hash))
        return r;
    free(r);
    return NULL;
}

static bool is_watched(const struct route *route)
{
    return route->next_hops.n && route->health_s;
}

static void on_located(void *arg, struct sip_targets *targets, enum sip_fault fault, const char *why)
{
    struct watched *r = arg;

    r->lookup = NULL;
    if (targets)
        sip_health_check(r->bridge->sip, targets);
}

static void check(struct watched *r, const struct route *route)
{
    struct bridge *b = r->bridge;
    struct sip_destination to;
    struct sip_targets *targets;
    char mem[WAY_MEM];
    struct arena arena;

    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    if (way_of_route(&arena, b->directory, route, &to)) {
        targets = sip_located(b->sip, &to);
        if (targets)
            sip_health_check(b->sip, targets);
        else if (!r->lookup)
            r->lookup = sip_locate(b->sip, &to, on_located, r);
        sip_targets_drop(targets);
    }
    arena_reset(&arena);
}

static void forget_unseen(struct hash_node *node, void *arg)
{
    struct watched *r = container_of(node, struct watched, node);

    if (!r->seen)
        watched_free(r);
    else
        r->seen = false;
}

static void on_look(struct timer *t)
{
    struct bridge *b = container_of(t, struct bridge, watch.timer);
    const struct config_list *routes = config_list(directory_config(b->directory), &route_kind);
    uint64_t now = loop_now(b->loop);

    for (size_t i = 0; i < routes->n; i++) {
        const struct route *route = CONFIG_OBJECT(route, routes, i);
        struct watched *r = is_watched(route) ? watched_of(b, route->name) : NULL;

        if (!r)
            continue;
        r->seen = true;
        if (r->due_ms > now + route->health_s * 1000ull) /* the interval has become shorter */
            r->due_ms = now;
        if (now < r->due_ms)
            continue;
        r->due_ms = now + route->health_s * 1000ull;
        check(r, route);
    }
    hash_each(&b->watch.routes, forget_unseen, NULL);
    timer_start(&b->loop->timers, t, LOOK_MS);
}

void watch_start(struct bridge *b)
{
    timer_start(&b->loop->timers, &b->watch.timer, LOOK_MS);
}

/* ---- for administrators ---- */

static const struct route *route_named(const struct bridge *b, struct slice name)
{
    const struct record *r = config_find(directory_config(b->directory), &route_kind, name);

    return r ? r->object : NULL;
}

/* The servers of a route as they were found last; NULL: not yet, or no domain has it. */
static struct sip_targets *targets_of(const struct bridge *b, const struct route *route, bool *has_domain)
{
    struct sip_targets *targets = NULL;
    struct sip_destination to;
    char mem[WAY_MEM];
    struct arena arena;

    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    *has_domain = way_of_route(&arena, b->directory, route, &to);
    if (*has_domain)
        targets = sip_located_last(b->sip, &to);
    arena_reset(&arena);
    return targets;
}

bool watch_show(const struct bridge *b, struct slice name, void (*fn)(void *arg, const struct watch_hop *hop),
                void *arg, const char **why)
{
    const struct route *route = route_named(b, name);
    struct sip_targets *targets;
    bool has_domain;

    *why = NULL;
    if (!route)
        return false;
    targets = targets_of(b, route, &has_domain);
    if (!has_domain)
        *why = "no SIP domain has this route, so nothing is sent by it";
    else if (!targets)
        *why = "its servers are not looked up yet: that happens with the first message, or now by stoxctl route test";
    for (size_t i = 0; targets && i < targets->n; i++) {
        struct watch_hop hop = { .target = &targets->v[i].target };

        sip_health_show(b->sip, hop.target, &hop.health);
        fn(arg, &hop);
    }
    sip_targets_drop(targets);
    return true;
}

void watch_put(const struct bridge *b, struct buf *out)
{
    const struct config_list *routes = config_list(directory_config(b->directory), &route_kind);

    buf_str(out,
            "# TYPE stox_route_hop_up gauge\n# HELP stox_route_hop_up 1 while a next hop that is watched is up.\n");
    for (size_t i = 0; i < routes->n; i++) {
        const struct route *route = CONFIG_OBJECT(route, routes, i);
        bool has_domain;
        struct sip_targets *targets = is_watched(route) ? targets_of(b, route, &has_domain) : NULL;

        for (size_t k = 0; targets && k < targets->n; k++) {
            const struct sip_target *target = &targets->v[k].target;
            struct sip_health_info health;
            char at[ADDR_TEXT];

            sip_health_show(b->sip, target, &health);
            if (health.state != SIP_HOP_UNKNOWN)
                buf_printf(out, "stox_route_hop_up{route=\"%.*s\",hop=\"%s\",transport=\"%s\"} %d\n",
                           SLICE_FMT(route->name), addr_text(&target->addr, at), sip_transport_name(target->transport),
                           health.state == SIP_HOP_UP);
        }
        sip_targets_drop(targets);
    }
}
