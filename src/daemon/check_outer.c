/*
 * Where partners come to our proxies: from inside there is no way to these addresses, so that a proxy tries them. In the check's thread;
 * the links are asked on the loop.
 */
#include "base/clock.h"
#include "daemon/check_rows.h"
#include "daemon/links.h"

#define WAIT_MS 12000

struct outer {
    struct addr to;
    struct slice proxy; /* whose address it is; empty: any */
    uint64_t id;        /* 0: not asked for yet */
    bool over;          /* known, or nobody will tell */
    struct link_knock_info found;
};

struct outers {
    struct check *check;
    struct outer all[DNS_OUTER_MAX];
    size_t n, left;
};

/* ---- which ones ---- */

static bool has(const struct setting_list *list, const struct addr *to)
{
    const struct addr *addrs = list->v;

    for (size_t i = 0; i < list->n; i++)
        if (addr_eq(&addrs[i], to))
            return true;
    return false;
}

static struct slice proxy_at(const struct check *c, const struct addr *to)
{
    const struct config_list *list = config_list(c->config, &proxy_kind);

    for (size_t i = 0; i < list->n; i++) {
        const struct proxy *p = CONFIG_OBJECT(proxy, list, i);

        if (p->enabled && (has(&p->xmpp, to) || has(&p->xmpps, to)))
            return p->name;
    }
    return SLICE("");
}

static void add(void *arg, const struct addr *to)
{
    struct outers *o = arg;

    o->all[o->n++] = (struct outer){ .to = *to, .proxy = proxy_at(o->check, to) };
}

/* ---- asking ---- */

static void look(struct link_gateway *g, struct outer *it)
{
    if (!it->id)
        it->id = link_gateway_knock(g, it->proxy, &it->to); /* 0: as many as may are under way, or no proxy is linked */
    else if (!link_gateway_knocked(g, it->id, &it->found) || it->found.done)
        it->over = true;
}

static void look_at_all(void *arg)
{
    struct outers *o = arg;
    struct link_gateway *g = o->check->conf->links->gateway;

    o->left = 0;
    for (size_t i = 0; g && i < o->n; i++) {
        if (!o->all[i].over)
            look(g, &o->all[i]);
        o->left += !o->all[i].over;
    }
}

void check_outer(struct check *c, const struct plan *plan, struct book *book)
{
    struct outers o = { .check = c };
    uint64_t end = clock_mono_ms() + WAIT_MS;

    dns_look_outer(plan, add, &o);
    while (o.n && loop_call(c->conf->door, look_at_all, &o) && o.left && clock_mono_ms() < end && check_may_go_on(c))
        ;
    for (size_t i = 0; i < o.n; i++)
        if (o.all[i].found.done)
            book_reached(book, &o.all[i].to, o.all[i].found.open, o.all[i].found.refused, o.all[i].found.why);
}
