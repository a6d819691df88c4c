/* What administrators see of the XMPP side, handed through. */
#include "bridge/bridge_private.h"
#include "bridge/way.h"

void bridge_each_stream(const struct bridge *b, void (*fn)(void *arg, const struct xmpp_stream_info *info), void *arg)
{
    xmpp_each_stream(b->xmpp, fn, arg);
}

bool bridge_close_stream(struct bridge *b, uint64_t id)
{
    return xmpp_close_stream(b->xmpp, id);
}

bool bridge_show_stream(const struct bridge *b, uint64_t id,
                        void (*fn)(void *arg, const struct xmpp_stream_detail *detail), void *arg)
{
    return xmpp_show_stream(b->xmpp, id, fn, arg);
}

void bridge_each_attempt(const struct bridge *b, void (*fn)(void *arg, const struct xmpp_attempt_info *info), void *arg)
{
    xmpp_each_attempt(b->xmpp, fn, arg);
}

uint64_t bridge_probe_start(struct bridge *b, struct slice local, struct slice remote, const char **why)
{
    return xmpp_probe_start(b->xmpp, local, remote, why);
}

bool bridge_probe_show(const struct bridge *b, uint64_t id, void (*fn)(void *arg, const struct xmpp_probe_info *info),
                       void *arg)
{
    return xmpp_probe_show(b->xmpp, id, fn, arg);
}

bool bridge_route_show(const struct bridge *b, struct slice route, void (*fn)(void *arg, const struct watch_hop *hop),
                       void *arg, const char **why)
{
    return watch_show(b, route, fn, arg, why);
}

uint64_t bridge_route_test(struct bridge *b, struct slice name, const char **why)
{
    const struct record *record = config_find(directory_config(b->directory), &route_kind, name);
    struct sip_destination to;
    char mem[WAY_MEM];
    struct arena arena;
    uint64_t id = 0;

    *why = NULL;
    if (!record)
        return 0;
    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    *why = "no SIP domain has this route, so there is nobody to reach by it: stoxctl domain new DOMAIN --route NAME";
    if (way_of_route(&arena, b->directory, record->object, &to))
        id = sip_probe_start(b->sip, &to, to.domain, why);
    arena_reset(&arena);
    return id;
}

bool bridge_route_test_show(const struct bridge *b, uint64_t id,
                            void (*fn)(void *arg, const struct sip_probe_info *info), void *arg)
{
    return sip_probe_show(b->sip, id, fn, arg);
}

struct slice bridge_partner_of(const struct bridge *b, struct slice domain)
{
    const struct listed *partner = directory_partner(b->directory, domain);

    return partner ? partner->xmpp.name : (struct slice){ 0 };
}
