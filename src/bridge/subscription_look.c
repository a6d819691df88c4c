/* Subscriptions on the SIP side, both ways, as administrators see them. */
#include "bridge/watch_s2x_parts.h"
#include "bridge/watch_x2s_parts.h"

#define ARENA_MAX (1u << 18)

struct showing {
    struct bridge *b;
    bridge_sub_fn *fn;
    void *arg;
};

static void show(const struct showing *s, struct bridge_sub *sub, const struct sip_sub *there)
{
    sub->there = there != NULL;
    if (there)
        sip_sub_show(there, &sub->info);
    s->fn(s->arg, sub);
}

static const char *word_of(enum sip_sub_state state)
{
    switch (state) {
    case SIP_SUB_PENDING: return "pending";
    case SIP_SUB_ACTIVE: return "active";
    case SIP_SUB_TERMINATED: break;
    }
    return "ending";
}

/* One for each dialog of the SIP user's clients. */
static void show_s2x(const struct showing *s, struct contact *c)
{
    const struct watch_s2x *w = c->s2x_watch;

    list_each (it, &w->dialogs) {
        const struct s2x_dialog *d = container_of(it, struct s2x_dialog, link);
        struct bridge_sub sub = { .contact = c, .sip_watches = true, .state = "polls" };
        struct sip_sub_info info;

        sip_sub_show(d->sub, &info);
        if (!d->poll)
            sub.state = word_of(info.state);
        show(s, &sub, d->sub);
    }
}

static void show_x2s(const struct showing *s, struct contact *c)
{
    const struct watch_x2s *w = c->x2s_watch;
    struct bridge_sub sub = { .contact = c, .state = x2s_state_name(w->state) };

    if (timer_running(&w->timer))
        sub.retry_in_ms = w->timer.due_ms - loop_now(s->b->loop);
    show(s, &sub, w->sub);
}

static void show_both(void *arg, struct contact *c)
{
    if (c->s2x_watch)
        show_s2x(arg, c);
    if (c->x2s_watch)
        show_x2s(arg, c);
}

void bridge_each_sub(struct bridge *b, uint64_t *cursor, size_t n, bridge_sub_fn *fn, void *arg)
{
    struct showing s = { b, fn, arg };

    contacts_walk(b, cursor, n, show_both, &s);
}

void bridge_subs_of_user(struct bridge *b, const struct jid *user, bridge_sub_fn *fn, void *arg)
{
    struct showing s = { b, fn, arg };

    contacts_each_of_local(b, user, show_both, &s);
    contacts_each_of_remote(b, user, show_both, &s);
}

bool bridge_subs_of(struct bridge *b, const struct jid *local, const struct jid *remote, bridge_sub_fn *fn, void *arg)
{
    struct showing s = { b, fn, arg };
    struct contact *c = contact_find(b, local, remote);

    if (c)
        show_both(&s, c);
    return c != NULL;
}

static void each_known(const struct map_packed *known, bool sip_watches, bridge_presence_fn *fn, void *arg)
{
    _Alignas(16) char memory[4096];
    struct map_presences all;
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (known && map_presences_unpack(&a, known, &all))
        for (size_t i = 0; i < all.n; i++)
            fn(arg, sip_watches, &all.v[i]);
    arena_reset(&a);
}

void bridge_presence_of(struct bridge *b, const struct jid *local, const struct jid *remote, bridge_presence_fn *fn,
                        void *arg)
{
    const struct contact *c = contact_find(b, local, remote);

    if (c && c->s2x_watch)
        each_known(c->s2x_watch->known, true, fn, arg);
    if (c && c->x2s_watch)
        each_known(c->x2s_watch->known, false, fn, arg);
}

size_t bridge_refresh_subs(struct bridge *b, const struct jid *local, const struct jid *remote)
{
    struct contact *c = contact_find(b, local, remote);
    size_t n = 0;

    if (c && c->s2x_watch && c->s2x == CONTACT_S2X_GRANTED) {
        watch_s2x_enquire(c->s2x_watch, true);
        watch_s2x_tell(c->s2x_watch, false);
        n += watch_s2x_n_dialogs(c->s2x_watch);
    }
    if (c && c->x2s_watch && c->x2s != CONTACT_X2S_NONE) {
        if (c->x2s_watch->sub)
            sip_sub_refresh(c->x2s_watch->sub);
        else
            watch_wish(c->x2s_watch);
        n++;
    }
    return n;
}
