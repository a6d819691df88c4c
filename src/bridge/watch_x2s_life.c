/* Watches through starts, outages, settings and the end. */
#include "bridge/watch_x2s_parts.h"

#define A_TURN 200         /* looked at in a turn of the loop */
#define TURN_MS 2          /* between two */
#define RESTORE_MS 20      /* between two looks at contacts of the store */
#define WISHES_ENOUGH 1000 /* that many wait for the pace: the next ones can wait where they are */

void watches_x2s_fini(struct bridge *b)
{
    struct watches_x2s *all = &b->watches_x2s;

    list_move_all(&all->all, &all->next);
    while (!list_empty(&all->all))
        watch_x2s_free(container_of(all->all.next, struct watch_x2s, link));
    timer_stop(&b->loop->timers, &all->look);
    timer_stop(&b->loop->timers, &all->pace);
    timer_stop(&b->loop->timers, &all->restore);
    timer_stop(&b->loop->timers, &all->room);
}

/* ---- after a start ---- */

/* Nothing leads on from where it is. */
static bool is_idle(const struct watch_x2s *w)
{
    return (w->state == X2S_RETRY || w->state == X2S_ASKING) && !w->sub && !timer_running(&w->timer);
}

/* Somebody may have been there before: a request of one who may see already makes a watch, which asks nobody. */
static void restore_one(void *arg, struct contact *c)
{
    struct bridge *b = arg;
    struct watch_x2s *w;

    if (!c->restored || c->x2s == CONTACT_X2S_NONE || !watch_x2s_route(b, c))
        return;
    w = watch_x2s_of(b, c);
    if (w && is_idle(w) && w->waits) /* for the disk: the same turn of the loop has brought his request */
        w->due |= WATCH_DUE_ASK;
    else if (w && is_idle(w))
        watch_wish(w);
}

void watches_on_restore(struct timer *t)
{
    struct watches_x2s *all = container_of(t, struct watches_x2s, restore);
    struct bridge *b = container_of(all, struct bridge, watches_x2s);

    if (!bridge_takes_presence(b))
        return;
    if (all->n_wishes < WISHES_ENOUGH) {
        contacts_walk(b, &all->restored, A_TURN, restore_one, b);
        if (!all->restored)
            return;
    }
    timer_start(&b->loop->timers, &all->restore, RESTORE_MS);
}

void watches_x2s_restore(struct bridge *b)
{
    b->watches_x2s.restored = 0;
    timer_start(&b->loop->timers, &b->watches_x2s.restore, 0);
}

void watch_x2s_tell_again(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w = c->x2s_watch;

    if (w && w->told && w->shown)
        watch_tell_known(w, slice_of(NULL, 0));
}

/* ---- settings ---- */

/* Its notifier hears 481, and nothing leaves for where we may not any more. */
static void let_go(struct watch_x2s *w, enum x2s_event event)
{
    if (w->sub)
        sip_sub_drop(w->sub);
    w->sub = NULL;
    w->pending = true;
    watch_x2s_event(w, event, &(struct watch_cause){ 0 });
    watch_x2s_settle(w);
}

static void reconsider(struct watch_x2s *w)
{
    bool looks = w->sub || w->state == X2S_AUTH; /* at what is published, without a subscription */

    if (!watch_x2s_route(w->bridge, w->contact)) {
        if (looks) {
            watch_tell_gone(w);
            let_go(w, X2S_LATER);
        }
    } else if (looks && watch_x2s_is_published(w) == (w->sub != NULL)) {
        w->failures = 0; /* nobody has failed: he is to be looked for elsewhere */
        let_go(w, X2S_AT_ONCE);
    } else if (!w->sub && (w->state == X2S_RETRY || w->state == X2S_ASKING) && !w->waits) {
        watch_wish(w);
    }
}

void watches_on_look(struct timer *t)
{
    struct watches_x2s *all = container_of(t, struct watches_x2s, look);
    struct bridge *b = container_of(all, struct bridge, watches_x2s);

    for (size_t i = 0; i < A_TURN && !list_empty(&all->next); i++) {
        struct list *link = list_pop(&all->next);

        list_push(&all->all, link);
        reconsider(container_of(link, struct watch_x2s, link));
    }
    if (!list_empty(&all->next))
        timer_start(&b->loop->timers, &all->look, TURN_MS);
}

void watches_x2s_reconsider(struct bridge *b)
{
    list_move_all(&b->watches_x2s.next, &b->watches_x2s.all);
    if (!list_empty(&b->watches_x2s.next))
        timer_start(&b->loop->timers, &b->watches_x2s.look, 0);
}

/* ---- ends ---- */

void watch_x2s_remove(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w = c->x2s_watch;

    if (!w)
        return;
    watch_x2s_event(w, X2S_REJECTED, &(struct watch_cause){ 0 });
    if (w->sub) {
        sip_sub_set_data(w->sub, NULL);
        sip_sub_unsubscribe(w->sub);
        w->sub = NULL;
    }
    watch_x2s_settle(w);
}

bool watches_x2s_stop(struct bridge *b, size_t n)
{
    struct watches_x2s *all = &b->watches_x2s;

    timer_stop(&b->loop->timers, &all->look);
    timer_stop(&b->loop->timers, &all->restore);
    timer_stop(&b->loop->timers, &all->pace);
    timer_stop(&b->loop->timers, &all->room);
    list_move_all(&all->next, &all->all);
    for (; n && !list_empty(&all->next); n--) {
        struct watch_x2s *w = container_of(all->next.next, struct watch_x2s, link);

        watch_tell_gone(w);
        watch_x2s_free(w);
    }
    return list_empty(&all->next);
}

void watches_x2s_resume(struct bridge *b)
{
    list_move_all(&b->watches_x2s.all, &b->watches_x2s.next);
}

void watch_x2s_show(const struct contact *c, struct arena *a, struct watch_x2s_info *out)
{
    const struct watch_x2s *w = c->x2s_watch;

    *out = (struct watch_x2s_info){ 0 };
    if (!w)
        return;
    out->state = w->state;
    out->sub = w->sub;
    out->online = w->n_clients > 0;
    out->online_known = w->clients_known;
    if (timer_running(&w->timer))
        out->retry_in_ms = w->timer.due_ms - w->bridge->loop->timers.now_ms;
    if (w->known && !map_presences_unpack(a, w->known, &out->known))
        out->known.n = 0;
}
