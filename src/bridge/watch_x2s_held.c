/*
 * A partner that takes presence more slowly than SIP changes it: what waits for him in the queue is told as it was, and takes the room
 * of messages. So while the queue is half full, no more presence goes in: of each watcher the newest state is held, which replaces
 * the one before, and is told when there is room (threats B3: newest wins, bounded).
 */
#include <stdlib.h>

#include "bridge/watch_x2s_parts.h"

#define MEM 8192
#define ARENA_MAX (1024 * 1024)
#define LOOK_MS 200 /* until it is looked for room again */
#define LOOK_N 500  /* watchers in one turn of the loop */

bool watch_x2s_must_hold(const struct watch_x2s *w)
{
    const struct contact *c = w->contact;

    return federation_is_crowded(w->bridge->federation, contact_local_jid(c).domain, contact_remote_jid(c).domain);
}

void watch_x2s_hold(struct watch_x2s *w, struct map_packed *newest)
{
    struct watches_x2s *all = &w->bridge->watches_x2s;

    free(w->newest);
    w->newest = newest;
    if (list_empty(&w->held))
        list_push(&all->held, &w->held);
    if (!timer_running(&all->room))
        timer_start(&w->bridge->loop->timers, &all->room, LOOK_MS);
    all->presence_held++;
}

void watch_x2s_let_go(struct watch_x2s *w)
{
    list_unlink(&w->held);
    free(w->newest);
    w->newest = NULL;
}

/* There is room. Without memory it is not told, as if it had been lost on the way. */
static void tell(struct watch_x2s *w)
{
    _Alignas(16) char memory[MEM];
    struct map_packed *packed = w->newest;
    struct map_presences newest;
    struct arena a;

    w->newest = NULL;
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (!map_presences_unpack(&a, packed, &newest) || !watch_tell_difference(w, &a, &newest))
        w->bridge->watches_x2s.presence_lost++;
    arena_reset(&a);
    free(packed);
}

void watches_x2s_on_room(struct timer *t)
{
    struct watches_x2s *all = container_of(t, struct watches_x2s, room);
    struct bridge *b = container_of(all, struct bridge, watches_x2s);
    struct list now, *it;

    list_init(&now);
    for (size_t i = 0; i < LOOK_N && (it = list_pop(&all->held)); i++)
        list_push(&now, it);
    while (!list_empty(&now)) {
        struct watch_x2s *w = container_of(list_pop(&now), struct watch_x2s, held);

        if (watch_x2s_must_hold(w))
            list_push(&all->held, &w->held);
        else
            tell(w);
    }
    if (!list_empty(&all->held))
        timer_start(&b->loop->timers, &all->room, LOOK_MS);
}
