/* Watches through starts, outages, settings and the end. */
#include "bridge/watch_x2s_parts.h"

#define WISHES_ENOUGH 1000

bool watch_x2s_restore(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w;

    if (b->watches_x2s.n_wishes >= WISHES_ENOUGH)
        return false;
    if (c->x2s == CONTACT_X2S_NONE || c->x2s_watch || !watch_x2s_route(b, c))
        return true;
    w = watch_x2s_of(b, c);
    if (!w)
        return false;
    watch_wish(w);
    return true;
}

void watch_x2s_tell_again(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w = c->x2s_watch;

    if (w && w->told && w->shown)
        watch_tell_known(w, slice_of(NULL, 0));
}

void watch_x2s_reconsider(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w = c->x2s_watch;

    if (!w)
        return;
    if (watch_x2s_route(b, c)) {
        if (!w->sub && (w->state == X2S_RETRY || w->state == X2S_ASKING))
            watch_wish(w);
    } else if (w->sub) {
        watch_tell_gone(w);
        sip_sub_drop(w->sub); /* its notifier hears 481, and nothing leaves for where we may not any more */
        w->sub = NULL;
        watch_x2s_event(w, X2S_LATER, &(struct watch_cause){ 0 });
        watch_x2s_settle(w);
    }
}

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

void watch_x2s_stop(struct bridge *b, struct contact *c)
{
    if (c->x2s_watch)
        watch_tell_gone(c->x2s_watch);
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
