/* Which proxies there are, as the settings say, and how they are. */
#include <stdio.h>

#include "link/gateway_parts.h"

#define SILENT                                                                                                         \
    "it has asked nothing for more than 3 s, where it asks each second: its program or machine stands still, or the "  \
    "network swallows what is sent"

struct gateway_link *gateway_chosen(struct link_gateway *g)
{
    struct gateway_link *best = NULL;

    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        struct gateway_link *l = &g->links[i];

        if (gateway_is_ready(l) && (!best || l->conf.priority < best->conf.priority))
            best = l;
    }
    return best;
}

static size_t place_of(const struct link_gateway *g, struct slice name)
{
    size_t i = 0;

    while (i < GATEWAY_LINKS && !(g->links[i].taken && !g->links[i].leaving && slice_eq(g->links[i].conf.name, name)))
        i++;
    return i;
}

static struct gateway_link *find(struct link_gateway *g, struct slice name)
{
    size_t place = place_of(g, name);

    return place < GATEWAY_LINKS ? &g->links[place] : NULL;
}

/* There are twice as many places as proxies may be: only he who changes all of them twice within seconds finds none. */
static struct gateway_link *free_place(struct link_gateway *g)
{
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        if (!g->links[i].taken)
            return &g->links[i];
    return NULL;
}

/* Without a place it waits for one: of those that were left each is free within seconds. */
static void add(struct link_gateway *g, const struct link_gateway_proxy *proxy)
{
    struct gateway_link *l = free_place(g);

    if (!l) {
        log_warning(g->conf.loop->log, "proxy-waits", LOG_S("proxy", proxy->name),
                    LOG_Z("why", "too many others were removed a moment ago, and may still write"));
        return;
    }
    snprintf(l->name, sizeof(l->name), "%.*s", SLICE_FMT(proxy->name));
    snprintf(l->pin, sizeof(l->pin), "%.*s", SLICE_FMT(proxy->pin));
    l->conf = (struct link_gateway_proxy){
        .name = slice_str(l->name), .pin = slice_str(l->pin), .addr = proxy->addr, .priority = proxy->priority
    };
    l->taken = true;
    l->since_ms = loop_now(g->conf.loop);
    if (g->started && !g->stopped && !g->leaving)
        gateway_link_dial(l);
}

static const struct link_gateway_proxy *wanted(const struct gateway_link *l, const struct link_gateway_proxy *proxies,
                                               size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_eq(proxies[i].name, l->conf.name) && slice_eq(proxies[i].pin, l->conf.pin) &&
            addr_eq(&proxies[i].addr, &l->conf.addr))
            return &proxies[i];
    return NULL;
}

static void keep_wanted(struct link_gateway *g, const struct link_gateway_proxy *proxies, size_t n)
{
    g->n_wanted = n;
    for (size_t i = 0; i < n; i++) {
        struct gateway_wanted *w = &g->wanted[i];

        snprintf(w->name, sizeof(w->name), "%.*s", SLICE_FMT(proxies[i].name));
        snprintf(w->pin, sizeof(w->pin), "%.*s", SLICE_FMT(proxies[i].pin));
        w->conf = (struct link_gateway_proxy){ .name = slice_str(w->name),
                                               .pin = slice_str(w->pin),
                                               .addr = proxies[i].addr,
                                               .priority = proxies[i].priority };
    }
}

void gateway_add_wanted(struct link_gateway *g)
{
    for (size_t i = 0; i < g->n_wanted; i++)
        if (!find(g, g->wanted[i].conf.name))
            add(g, &g->wanted[i].conf);
}

void link_gateway_set_proxies(struct link_gateway *g, const struct link_gateway_proxy *proxies, size_t n)
{
    if (n > LINK_PROXIES_MAX)
        n = LINK_PROXIES_MAX;
    g->n_wanted = 0; /* nothing is added before all that go have gone */
    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        struct gateway_link *l = &g->links[i];
        const struct link_gateway_proxy *same = l->taken && !l->leaving ? wanted(l, proxies, n) : NULL;

        if (same)
            l->conf.priority = same->priority;
        else if (l->taken && !l->leaving)
            gateway_link_leave(l);
    }
    keep_wanted(g, proxies, n);
    gateway_add_wanted(g);
    gateway_turn(g);
}

/* ---- for administrators ---- */

static enum link_state state_of(const struct gateway_link *l)
{
    if (!l->line)
        return LINK_IS_DOWN;
    if (!l->session.line)
        return LINK_DIALS;
    if (gateway_is_silent(l))
        return LINK_IS_SILENT;
    return gateway_is_ready(l) ? LINK_IS_READY : LINK_LEARNS;
}

static const char *why_of(const struct gateway_link *l)
{
    if (gateway_is_silent(l))
        return SILENT;
    if (l->session.line && l->refused[0])
        return l->refused;
    return l->session.line && l->gateway->settings_missing ? "our settings cannot be told: " LINK_NOT_TOLD : l->why;
}

const char *link_state_name(enum link_state state)
{
    switch (state) {
    case LINK_IS_DOWN: return "down";
    case LINK_DIALS: return "dialling";
    case LINK_LEARNS: return "learning";
    case LINK_IS_READY: return "ready";
    case LINK_IS_SILENT: return "silent";
    }
    return "";
}

static void count_account(struct hash_node *node, void *arg)
{
    *(size_t *)arg += container_of(node, const struct gateway_account, node)->out.stanzas;
}

static size_t waiting(struct link_gateway *g)
{
    size_t under_way = 0;

    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        hash_each(&g->links[i].accounts, count_account, &under_way);
    return g->counters.queued - under_way;
}

void link_gateway_each_proxy(struct link_gateway *g, link_proxy_fn *fn, void *arg)
{
    const struct gateway_link *chosen = gateway_chosen(g);
    size_t waits = waiting(g);

    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        struct gateway_link *l = &g->links[i];
        struct link_proxy_info info = { .name = l->conf.name,
                                        .addr = &l->conf.addr,
                                        .priority = l->conf.priority,
                                        .state = state_of(l),
                                        .chosen = l == chosen,
                                        .why = why_of(l),
                                        .host = slice_str(l->host),
                                        .since_ms = l->since_ms,
                                        .answered_ms = l->session.answered_ms,
                                        .n_links = l->n_links,
                                        .waiting = waits,
                                        .program = l->program,
                                        .trip_ms = l->trip_ms,
                                        .counters = l->counted };

        if (!l->taken || l->leaving)
            continue;
        if (timer_running(&l->redial))
            info.dials_ms = l->redial.due_ms;
        hash_each(&l->accounts, count_account, &info.under_way);
        fn(arg, &info);
    }
}

struct telling {
    link_share_fn *fn;
    void *arg;
};

static void tell_account(struct hash_node *node, void *arg)
{
    const struct telling *t = arg;
    const struct gateway_account *a = container_of(node, const struct gateway_account, node);
    const struct link_share_info info = { .partner = slice_of(a->name, a->name_n),
                                          .in_stanzas = a->in.stanzas,
                                          .in_bytes = a->in.bytes,
                                          .out_stanzas = a->out.stanzas,
                                          .out_bytes = a->out.bytes };

    if (info.in_stanzas || info.out_stanzas)
        t->fn(t->arg, &info);
}

void link_gateway_each_share(struct link_gateway *g, struct slice proxy, link_share_fn *fn, void *arg)
{
    size_t place = place_of(g, proxy);
    struct telling t = { fn, arg };

    if (place < GATEWAY_LINKS)
        hash_each(&g->links[place].accounts, tell_account, &t);
}

bool link_gateway_dial(struct link_gateway *g, struct slice name)
{
    struct gateway_link *l = find(g, name);

    if (l && !l->line && g->started && !g->stopped && !g->leaving) {
        timer_stop(&g->conf.loop->timers, &l->redial);
        l->n_failed = 0;
        gateway_link_dial(l);
    }
    return l != NULL;
}
