#include "xmpp/pace.h"

#include <stdlib.h>

#include "base/rand.h"

static void on_timer(struct timer *t);

void xmpp_pace_init(struct xmpp_pace *p, struct loop *loop)
{
    *p = (struct xmpp_pace){ .loop = loop };
    timer_init(&p->timer, on_timer);
}

void xmpp_pace_fini(struct xmpp_pace *p)
{
    if (!p->loop)
        return;
    timer_stop(&p->loop->timers, &p->timer);
    free(p->queues[0].v);
    free(p->queues[1].v);
}

static bool take(struct xmpp_pace *p)
{
    return bucket_try(&p->bucket, XMPP_PACE_PER_S, XMPP_PACE_BURST, 1, loop_now(p->loop));
}

static bool enter(struct xmpp_pace_queue *q, struct xmpp_pace_place *place)
{
    if (q->n == q->cap) {
        size_t cap = q->cap ? 2 * q->cap : 16;
        struct xmpp_pace_place **v = realloc(q->v, cap * sizeof(struct xmpp_pace_place *));

        if (!v)
            return false;
        q->v = v;
        q->cap = cap;
    }
    q->v[q->n++] = place;
    place->at = q->n;
    return true;
}

void xmpp_pace_leave(struct xmpp_pace *p, struct xmpp_pace_place *place)
{
    struct xmpp_pace_queue *q = &p->queues[place->what];

    place->due = false;
    if (!place->at)
        return;
    q->v[place->at - 1] = q->v[--q->n]; /* the last one takes its place */
    q->v[place->at - 1]->at = place->at;
    place->at = 0;
}

static void start_timer(struct xmpp_pace *p)
{
    if (!timer_running(&p->timer) && p->queues[0].n + p->queues[1].n > 0)
        timer_start(&p->loop->timers, &p->timer, 1000 / XMPP_PACE_PER_S);
}

bool xmpp_pace_may(struct xmpp_pace *p, struct xmpp_pace_place *place, enum xmpp_pace_for what, struct deferred *go)
{
    bool others = p->queues[what].n > 0;

    if (place->due) {
        place->due = false;
        return true;
    }
    if (place->at)
        return false;
    if (!others && take(p))
        return true;
    place->go = go;
    place->what = what;
    if (!enter(&p->queues[what], place)) /* without memory nobody is held up */
        return true;
    start_timer(p);
    return false;
}

static struct xmpp_pace_queue *next_queue(struct xmpp_pace *p)
{
    enum xmpp_pace_for other = p->last == XMPP_PACE_STANZAS ? XMPP_PACE_VERIFICATION : XMPP_PACE_STANZAS;

    return p->queues[other].n ? &p->queues[other] : &p->queues[p->last];
}

static void on_timer(struct timer *t)
{
    struct xmpp_pace *p = container_of(t, struct xmpp_pace, timer);
    struct xmpp_pace_queue *q;

    while ((q = next_queue(p))->n > 0 && take(p)) {
        struct xmpp_pace_place *place = q->v[rand_below(q->n)];

        p->last = place->what;
        xmpp_pace_leave(p, place);
        place->due = true;
        loop_defer(p->loop, place->go);
    }
    start_timer(p);
}
