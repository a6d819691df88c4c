/* How SIP is asked: SUBSCRIBEs that begin a dialog, at a pace, and where they go. */
#include <stdlib.h>

#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/speaker.h"
#include "bridge/watch_x2s_parts.h"
#include "bridge/way.h"

#define MEM 2048
#define ARENA_MAX (64 * 1024)
#define EXPIRES_S 3600 /* DESIGN: asked for, unless subscription-refresh is less */

const struct route *watch_x2s_route(const struct bridge *b, const struct contact *c)
{
    struct jid local = contact_local_jid(c), remote = contact_remote_jid(c);
    struct gate_refusal no;

    return presence_route(b, &local, &remote, &no);
}

bool watch_x2s_way(struct sip_sub *s, struct arena *a, struct sip_destination *out)
{
    struct watch_x2s *w = sip_sub_data(s);
    const struct route *route;

    if (!w) /* it runs to its end by itself; nobody knows whose it was */
        return false;
    route = watch_x2s_route(w->bridge, w->contact);
    return route && way_to(a, route, contact_local_jid(w->contact).domain, out);
}

/* "<sip:romeo@fabrikam.example>" */
static bool put_angle(struct arena *a, const struct map_aliases *aliases, const struct jid *jid, struct slice *out)
{
    char memory[8 * JID_PART_MAX];
    struct buf b = { .p = memory, .cap = sizeof(memory), .max = sizeof(memory) };

    buf_char(&b, '<');
    if (!map_jid_to_uri(&b, jid, false, aliases))
        return false;
    buf_char(&b, '>');
    *out = arena_dup(a, buf_slice(&b));
    return buf_ok(&b) && out->p;
}

bool watch_x2s_request(const struct bridge *b, const struct jid *local, const struct jid *remote,
                       const struct route *route, struct arena *a, struct sip_subscribe *out)
{
    unsigned limit = directory_gateway(b->directory)->subscription_refresh_s;
    struct sip_destination to;
    struct sip_target hop;
    struct sip_uri us;

    *out = (struct sip_subscribe){ .expires_s = limit < EXPIRES_S ? limit : EXPIRES_S,
                                   .accept = SLICE("application/pidf+xml") };
    if (!put_angle(a, &b->map.aliases, remote, &out->from) || !put_angle(a, &b->map.aliases, local, &out->to) ||
        !way_to(a, route, local->domain, &to))
        return false;
    out->uri = slice_of(out->to.p + 1, out->to.n - 2);
    if (!sip_uri_parse(slice_of(out->from.p + 1, out->from.n - 2), &us))
        return false;
    out->user = us.user;
    out->route = way_first(&to, &hop) ? speaker_of_hop(b->directory, route, &hop) : route->name;
    return true;
}

/* False: not now. */
static bool ask(struct watch_x2s *w)
{
    struct bridge *b = w->bridge;
    const struct route *route = watch_x2s_route(b, w->contact);
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);
    _Alignas(16) char memory[MEM];
    struct sip_subscribe request;
    struct arena a;

    if (!route)
        return false;
    if (route->publish)
        return watch_x2s_ask_publications(w);
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    w->asked_ms = loop_now(b->loop);
    w->pending = true;
    w->sub = watch_x2s_request(b, &local, &remote, route, &a, &request) ? sip_subscribe(b->sip, &request, w) : NULL;
    arena_reset(&a);
    if (w->sub) {
        b->watches_x2s.subscribes++;
        note_subscription(b, &local, &remote, true, "SUBSCRIBE", "");
    }
    return w->sub != NULL;
}

static void start_pace(struct bridge *b, uint64_t delay_ms)
{
    if (!timer_running(&b->watches_x2s.pace))
        timer_start(&b->loop->timers, &b->watches_x2s.pace, delay_ms);
}

void watch_wish(struct watch_x2s *w)
{
    struct bridge *b = w->bridge;

    timer_stop(&b->loop->timers, &w->timer);
    if (w->sub || !list_empty(&w->wish))
        return;
    list_push(&b->watches_x2s.wishes, &w->wish);
    b->watches_x2s.n_wishes++;
    start_pace(b, 0);
}

void watch_unwish(struct watch_x2s *w)
{
    if (list_empty(&w->wish))
        return;
    list_unlink(&w->wish);
    w->bridge->watches_x2s.n_wishes--;
}

void watch_wishes_on_pace(struct timer *t)
{
    struct watches_x2s *all = container_of(t, struct watches_x2s, pace);
    struct bridge *b = container_of(all, struct bridge, watches_x2s);
    unsigned rate = directory_gateway(b->directory)->presence_rate;

    while (!list_empty(&all->wishes)) {
        struct watch_x2s *w = container_of(all->wishes.next, struct watch_x2s, wish);

        if (!bucket_try(&all->sent, rate, rate, 1, loop_now(b->loop))) {
            start_pace(b, bucket_wait(&all->sent, rate, rate - 1) + 1);
            return;
        }
        watch_unwish(w);
        if (!ask(w)) {
            w->error = 503;
            watch_x2s_event(w, X2S_LATER, &(struct watch_cause){ 0 });
        }
        watch_x2s_settle(w);
    }
}
