/* What happens to watches from elsewhere: settings, administrators, other nodes, time, the end. */
#include "bridge/presence.h"
#include "bridge/watch_s2x_parts.h"

#define LOOK_N 500 /* watches in one turn */
#define LOOK_MS 5

static const struct sip_sub_notice rejected = { .state = SIP_SUB_TERMINATED, .reason = SIP_REASON_REJECTED };

/* What a new process would say: ask again in a moment. */
static const struct sip_sub_notice stopping = { .state = SIP_SUB_TERMINATED,
                                                .reason = SIP_REASON_PROBATION,
                                                .retry_after_s = 30 };

/* Another process has taken over. */
static const struct sip_sub_notice moved = { .state = SIP_SUB_TERMINATED, .reason = SIP_REASON_DEACTIVATED };

static bool may(const struct watch_s2x *w)
{
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);
    struct gate_refusal no;

    return presence_route(w->bridge, &local, &remote, &no) != NULL;
}

/* Their contact rests: when they may again, nobody has to be asked anew. */
static void look(struct watch_s2x *w)
{
    if (may(w)) {
        return;
    }
    watch_s2x_forget(w);
    watch_s2x_end(w, &rejected);
    w->linger_ms = 0;
    watch_s2x_rest(w);
}

void watch_s2x_on_look(struct timer *t)
{
    struct watches_s2x *all = container_of(t, struct watches_s2x, look);
    struct bridge *b = container_of(all, struct bridge, watches_s2x);
    struct list *it;

    for (size_t i = 0; i < LOOK_N && (it = list_pop(&all->next)); i++) {
        list_push(&all->all, it);
        look(container_of(it, struct watch_s2x, link));
    }
    if (!list_empty(&all->next))
        timer_start(&b->loop->timers, &all->look, LOOK_MS);
}

void watches_s2x_reconsider(struct bridge *b)
{
    struct watches_s2x *all = &b->watches_s2x;

    list_move_all(&all->next, &all->all);
    if (!list_empty(&all->next))
        timer_start(&b->loop->timers, &all->look, 0);
}

void watch_s2x_removed(struct bridge *b, struct contact *c, enum contact_s2x before)
{
    struct jid local = contact_local_jid(c), remote = contact_remote_jid(c);
    struct watch_s2x *w = c->s2x_watch;
    enum xmpp_fate fate;

    if (before == c->s2x)
        return;
    if (before == CONTACT_S2X_ASKED || before == CONTACT_S2X_GRANTED)
        (void)presence_send(b, &local, &remote, "unsubscribe", slice_of(NULL, 0), 0, &fate);
    if (!w)
        return;
    watch_s2x_forget(w);
    watch_s2x_end(w, &rejected);
    w->shown = c->s2x;
    w->linger_ms = 0;
    watch_s2x_rest(w);
}

void watch_s2x_changed(struct bridge *b, struct contact *c, enum contact_s2x before)
{
    struct watch_s2x *w = c->s2x_watch;

    if (!w || before == c->s2x)
        return;
    w->shown = c->s2x;
    if (c->s2x != CONTACT_S2X_GRANTED)
        watch_s2x_forget(w);
    if (c->s2x == CONTACT_S2X_DENIED || c->s2x == CONTACT_S2X_NONE)
        watch_s2x_end(w, &rejected);
    else
        watch_s2x_tell(w, true);
    watch_s2x_rest(w);
}

/* Since when has nobody watched? Of those that a process before this one has seen, this one does not know. */
static int64_t unwatched_s(const struct bridge *b, const struct contact *c)
{
    int64_t since_s = c->s2x_since_s > b->watches_s2x.since_s ? c->s2x_since_s : b->watches_s2x.since_s;

    return clock_wall_s() - since_s;
}

void watch_s2x_keep_house(struct bridge *b, struct contact *c)
{
    const struct gateway *g = directory_gateway(b->directory);
    bool denied = c->s2x == CONTACT_S2X_DENIED;
    struct watch_s2x *w;

    if (c->s2x == CONTACT_S2X_NONE || (c->s2x_watch && watch_s2x_n_dialogs(c->s2x_watch)))
        return;
    if (denied ? clock_wall_s() - c->s2x_since_s < (int64_t)g->denied_hold_s
               : !g->unwatched_days || unwatched_s(b, c) < (int64_t)g->unwatched_days * 86400)
        return;
    w = watch_s2x_of(b, c);
    if (w)
        watch_s2x_event(w, denied ? S2X_FORGIVEN : S2X_UNWATCHED, &(struct s2x_cause){ 0 });
}

bool watches_s2x_stop(struct bridge *b, size_t n)
{
    struct watches_s2x *all = &b->watches_s2x;

    list_move_all(&all->all, &all->next);
    while (n-- && !list_empty(&all->all)) {
        struct watch_s2x *w = container_of(all->all.next, struct watch_s2x, link);

        watch_s2x_end(w, b->left ? &moved : &stopping);
        watch_s2x_free(w);
    }
    return list_empty(&all->all);
}
