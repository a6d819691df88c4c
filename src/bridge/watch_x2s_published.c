/* Where users publish their presence here, that is what their watchers are told, and nobody subscribes (bridge/publish.h). */
#include <stdlib.h>

#include "bridge/publications.h"
#include "bridge/watch_x2s_parts.h"

#define MEM 8192
#define ARENA_MAX (1024 * 1024)

static bool is_publisher(const struct bridge *b, const struct jid *local)
{
    const struct route *route = directory_route_to(b->directory, local->domain);

    return route && route->publish;
}

bool watch_x2s_is_published(const struct watch_x2s *w)
{
    const struct jid local = contact_local_jid(w->contact);

    return is_publisher(w->bridge, &local);
}

/* Is he to wait until the one who is watched has added him? What was granted once stays. */
static bool waits_for_approval(const struct watch_x2s *w)
{
    const struct jid local = contact_local_jid(w->contact);
    const struct route *route = directory_route_to(w->bridge->directory, local.domain);

    return w->state == X2S_ASKING && !w->contact->added && route && route->publish_approval;
}

void watch_x2s_added(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w = c->x2s_watch;

    if (w && w->state == X2S_ASKING && !w->sub && !w->waits && watch_x2s_is_published(w))
        watch_wish(w);
}

bool watch_x2s_ask_publications(struct watch_x2s *w)
{
    const struct jid local = contact_local_jid(w->contact);
    _Alignas(16) char memory[MEM];
    struct map_presences now;
    struct arena a;
    bool known;

    w->asked_ms = loop_now(w->bridge->loop);
    if (waits_for_approval(w))
        return true;
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    known = publications_of(w->bridge, &local, &a, &now);
    if (known)
        watch_x2s_take_active(w, &a, &now, true);
    arena_reset(&a);
    return known;
}

/* Whoever is away is told when he is back. */
static void tell(void *arg, struct contact *c)
{
    const struct map_presences *now = arg;
    struct watch_x2s *w = c->x2s_watch;
    _Alignas(16) char memory[MEM];
    struct arena a;

    if (!w || w->sub)
        return;
    if (w->state == X2S_AUTH) {
        arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
        (void)watch_tell_difference(w, &a, now);
        arena_reset(&a);
    } else if (w->state == X2S_IDLE) {
        free(w->known);
        w->known = NULL;
        w->shown = false;
    }
}

void watch_x2s_published(struct bridge *b, const struct jid *local)
{
    _Alignas(16) char memory[MEM];
    struct map_presences now;
    struct arena a;

    if (!is_publisher(b, local))
        return;
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (publications_of(b, local, &a, &now))
        contacts_each_of_local(b, local, tell, &now);
    arena_reset(&a);
}
