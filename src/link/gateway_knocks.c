/* Connections that proxies try for administrators: does anybody listen at an outer address? They decide nothing. */
#include <stdio.h>

#include "link/gateway_parts.h"

#define SILENT_MS 30000 /* a proxy that has not answered for so long never will */

/* NULL: all are in use. */
static struct gateway_knock *free_place(struct link_gateway *g)
{
    uint64_t now = loop_now(g->conf.loop);

    for (size_t i = 0; i < LINK_KNOCKS_MAX; i++)
        if (!g->knocks[i].id || now - g->knocks[i].since_ms >= SILENT_MS)
            return &g->knocks[i];
    return NULL;
}

static struct gateway_knock *find(struct link_gateway *g, uint64_t id)
{
    for (size_t i = 0; id && i < LINK_KNOCKS_MAX; i++)
        if (g->knocks[i].id == id)
            return &g->knocks[i];
    return NULL;
}

static struct gateway_link *proxy_for(struct link_gateway *g, struct slice name)
{
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        if (gateway_is_ready(&g->links[i]) && slice_eq(g->links[i].conf.name, name))
            return &g->links[i];
    return gateway_chosen(g);
}

uint64_t link_gateway_knock(struct link_gateway *g, struct slice name, const struct addr *to)
{
    struct gateway_link *l = proxy_for(g, name);
    struct gateway_knock *k = free_place(g);
    char text[ADDR_TEXT];
    const struct link_frame f = { .type = LINK_KNOCK,
                                  .knock = { .id = g->last_knock + 1, .address = slice_str(addr_text(to, text)) } };

    if (!l || !k || !l->session.line || !link_line_write(l->session.line, &f))
        return 0;
    *k = (struct gateway_knock){ .id = ++g->last_knock, .at = l, .since_ms = loop_now(g->conf.loop) };
    return k->id;
}

void gateway_on_knocked(struct gateway_link *l, const struct link_knocked_frame *f)
{
    struct gateway_knock *k = find(l->gateway, f->id);

    if (!k || k->at != l || k->info.done)
        return;
    k->info = (struct link_knock_info){ .done = true, .open = f->open, .refused = f->refused };
    snprintf(k->info.why, sizeof(k->info.why), "%.*s", SLICE_FMT(f->why));
}

void gateway_lose_knocks(struct gateway_link *l)
{
    for (size_t i = 0; i < LINK_KNOCKS_MAX; i++)
        if (l->gateway->knocks[i].at == l && !l->gateway->knocks[i].info.done)
            l->gateway->knocks[i] = (struct gateway_knock){ .id = 0 };
}

bool link_gateway_knocked(struct link_gateway *g, uint64_t id, struct link_knock_info *out)
{
    struct gateway_knock *k = find(g, id);

    if (!k)
        return false;
    *out = k->info;
    if (k->info.done)
        *k = (struct gateway_knock){ .id = 0 };
    return true;
}
