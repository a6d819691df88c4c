/* What administrators see: of the XMPP side handed through, and conversations. */
#include "bridge/trial.h"
#include "bridge/way.h"

void bridge_each_stream(const struct bridge *b, xmpp_stream_fn *fn, void *arg)
{
    federation_each_stream(b->federation, fn, arg);
}

bool bridge_close_stream(struct bridge *b, uint64_t id)
{
    return federation_close_stream(b->federation, id);
}

bool bridge_show_stream(const struct bridge *b, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    return federation_show_stream(b->federation, id, fn, arg);
}

void bridge_each_attempt(const struct bridge *b, xmpp_attempt_fn *fn, void *arg)
{
    federation_each_attempt(b->federation, fn, arg);
}

uint64_t bridge_probe_start(struct bridge *b, struct slice local, struct slice remote, const char **why)
{
    return federation_probe_start(b->federation, local, remote, why);
}

bool bridge_probe_show(const struct bridge *b, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    return federation_probe_show(b->federation, id, fn, arg);
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

void bridge_gates(const struct bridge *b, const struct jid *sip, const struct jid *xmpp, struct gate_look *out)
{
    gate_look(b->directory, xmpp, sip, out);
}

static struct bridge_talk told(const struct bridge *b, const struct talk *talk)
{
    struct slice local, domain;
    const struct route *route;

    slice_cut(talk->local, '@', &local, &domain);
    route = directory_route_to(b->directory, domain);
    return (struct bridge_talk){ talk, route ? route->name : (struct slice){ 0 }, loop_now(b->loop) };
}

bool bridge_each_talk(const struct bridge *b, uint64_t before, bool (*fn)(void *arg, const struct bridge_talk *talk),
                      void *arg)
{
    struct talks_walk w;
    const struct talk *talk;

    talks_walk(&b->talks, &w, before);
    while ((talk = talks_next(&w)) != NULL) {
        struct bridge_talk t = told(b, talk);

        if (!fn(arg, &t))
            return false;
    }
    return true;
}

bool bridge_show_talk(const struct bridge *b, uint64_t id, bool (*fn)(void *arg, const struct bridge_talk *talk),
                      void *arg)
{
    const struct talk *talk = talks_find(&b->talks, id);
    struct bridge_talk t;

    if (!talk)
        return false;
    t = told(b, talk);
    return fn(arg, &t);
}

uint64_t bridge_now_ms(const struct bridge *b)
{
    return loop_now(b->loop);
}

uint64_t bridge_view(struct bridge *b, const struct viewer_wish *wish, bool *full)
{
    return viewers_add(&b->viewers, wish, loop_now(b->loop), full);
}

bool bridge_view_end(struct bridge *b, uint64_t id, struct slice who)
{
    return viewers_end(&b->viewers, id, who);
}

bool bridge_view_read(struct bridge *b, uint64_t id, struct slice who, uint64_t after, size_t limit,
                      void (*fn)(void *arg, const struct viewer_event *e), void *arg, struct viewer_state *state)
{
    return viewers_read(&b->viewers, id, who, after, limit, loop_now(b->loop), fn, arg, state);
}

uint64_t bridge_trial_start(struct bridge *b, struct slice from, struct slice to, struct slice text, unsigned *status,
                            const char **why)
{
    return trial_start(b, from, to, text, status, why);
}

const struct trial *bridge_trial_find(const struct bridge *b, uint64_t id)
{
    return trial_find(b, id);
}

uint64_t bridge_presence_trial_start(struct bridge *b, struct slice sip, struct slice xmpp, const bool ways[2],
                                     unsigned *status, const char **why)
{
    return presence_trial_start(b, sip, xmpp, ways, status, why);
}

const struct presence_trial *bridge_presence_trial_find(const struct bridge *b, uint64_t id)
{
    return presence_trial_find(b, id);
}

uint64_t bridge_talk_id(const struct bridge *b, const struct jid *local, const struct jid *remote)
{
    return talks_id(&b->talks, local, remote);
}
