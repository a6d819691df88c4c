/* The object, and what events lead to. */
#include <stdio.h>
#include <stdlib.h>

#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/watch_s2x_parts.h"
#include "map/watch_reason.h"

/* ---- the object ---- */

void watches_s2x_init(struct bridge *b)
{
    struct watches_s2x *all = &b->watches_s2x;

    list_init(&all->all);
    list_init(&all->next);
    list_init(&all->probes);
    hash_init(&all->by_token);
    hash_init(&all->domains);
    timer_init(&all->look, watch_s2x_on_look);
    timer_init(&all->pace, watch_s2x_on_pace);
    all->since_s = clock_wall_s();
}

void watches_s2x_fini(struct bridge *b)
{
    struct watches_s2x *all = &b->watches_s2x;

    timer_stop(&b->loop->timers, &all->look);
    timer_stop(&b->loop->timers, &all->pace);
    list_move_all(&all->all, &all->next);
    while (!list_empty(&all->all))
        watch_s2x_free(container_of(all->all.next, struct watch_s2x, link));
    hash_free(&all->by_token);
    hash_free(&all->domains);
}

static void on_timer(struct timer *t)
{
    struct watch_s2x *w = container_of(t, struct watch_s2x, timer);

    watch_s2x_event(w, S2X_AGAIN, &(struct s2x_cause){ 0 });
}

struct watch_s2x *watch_s2x_of(struct bridge *b, struct contact *c)
{
    struct watch_s2x *w = c->s2x_watch;

    if (w)
        return w;
    w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->bridge = b;
    w->contact = c;
    w->shown = c->s2x;
    list_init(&w->link);
    list_init(&w->of_domain);
    list_init(&w->probe);
    list_init(&w->dialogs);
    timer_init(&w->timer, on_timer);
    if (!watch_s2x_join_domain(w)) {
        free(w);
        return NULL;
    }
    list_push(&b->watches_s2x.all, &w->link);
    b->watches_s2x.n++;
    c->s2x_watch = w;
    return w;
}

static void forget_token(struct watch_s2x *w)
{
    if (w->asked)
        hash_remove(&w->bridge->watches_s2x.by_token, &w->asked->node);
    free(w->asked);
    w->asked = NULL;
}

void watch_s2x_free(struct watch_s2x *w)
{
    struct bridge *b = w->bridge;

    timer_stop(&b->loop->timers, &w->timer);
    forget_token(w);
    while (!list_empty(&w->dialogs))
        watch_s2x_dialog_free(container_of(w->dialogs.next, struct s2x_dialog, link));
    list_unlink(&w->link);
    list_unlink(&w->probe);
    watch_s2x_leave_domain(w);
    free(w->known);
    w->contact->s2x_watch = NULL;
    b->watches_s2x.n--;
    free(w);
}

/* There is nothing left of it: freed, and its contact tidied. */
static bool is_over(const struct watch_s2x *w)
{
    return !w->waits && !w->asked && list_empty(&w->dialogs) && w->linger_ms <= loop_now(w->bridge->loop);
}

/* When the question is put again, or what is known is forgotten. */
static void plan(struct watch_s2x *w)
{
    struct timers *timers = &w->bridge->loop->timers;
    uint64_t now = loop_now(w->bridge->loop);
    int64_t left_s = (int64_t)w->contact->s2x_since_s + WATCH_ASK_AGAIN_S - clock_wall_s();

    timer_stop(timers, &w->timer);
    if (w->contact->s2x == CONTACT_S2X_ASKED && watch_s2x_n_dialogs(w))
        timer_start(timers, &w->timer, left_s > 0 ? (uint64_t)left_s * 1000 + 1000 : 1000 * WATCH_PROBE_S);
    else if (list_empty(&w->dialogs) && w->linger_ms > now)
        timer_start(timers, &w->timer, w->linger_ms - now);
}

void watch_s2x_rest(struct watch_s2x *w)
{
    struct bridge *b = w->bridge;
    struct contact *c = w->contact;

    if (w->busy)
        return;
    if (!is_over(w)) {
        plan(w);
        return;
    }
    watch_s2x_free(w);
    contact_tidy(b, c);
}

/* ---- toward XMPP ---- */

static const char *condition_of_fate(enum xmpp_fate fate)
{
    return fate == XMPP_FATE_NO_SERVER ? "remote-server-not-found" : "remote-server-timeout";
}

static uint64_t token_hash(const struct bridge *b, uint64_t token)
{
    return hash_bytes(&b->watches_s2x.by_token, slice_of((const char *)&token, sizeof(token)));
}

static bool token_is(const struct hash_node *node, const void *key)
{
    return container_of(node, struct s2x_question, node)->token == *(const uint64_t *)key;
}

static void say(struct watch_s2x *w, const char *type)
{
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);
    enum xmpp_fate fate;

    (void)presence_send(w->bridge, &local, &remote, type, slice_of(NULL, 0), 0, &fate);
}

/* The question gets its token. False: no memory. */
static bool remember_question(struct watch_s2x *w)
{
    struct bridge *b = w->bridge;
    struct s2x_question *q = malloc(sizeof(*q));

    if (!q)
        return false;
    *q = (struct s2x_question){ .watch = w, .token = b->next_token++ };
    if (!hash_add(&b->watches_s2x.by_token, &q->node, token_hash(b, q->token))) {
        free(q);
        return false;
    }
    w->asked = q;
    return true;
}

/* `subscribe`: its fate is waited for, so that a watcher hears when it could not be put. */
static void ask(struct watch_s2x *w)
{
    struct bridge *b = w->bridge;
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);
    enum xmpp_fate fate = XMPP_FATE_FULL;
    char id[40];

    forget_token(w); /* of a question before this one */
    b->watches_s2x.subscribes++;
    if (remember_question(w)) {
        (void)snprintf(id, sizeof(id), WATCH_ASK_ID "%llx", (unsigned long long)w->asked->token);
        if (presence_send(b, &local, &remote, "subscribe", slice_str(id), w->asked->token, &fate))
            return;
    }
    forget_token(w);
    watch_s2x_event(w, S2X_ERROR, &(struct s2x_cause){ .condition = condition_of_fate(fate) });
}

bool watch_s2x_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why)
{
    struct hash_node *node = hash_find(&b->watches_s2x.by_token, token_hash(b, token), token_is, &token);
    struct watch_s2x *w = node ? container_of(node, struct s2x_question, node)->watch : NULL;

    if (!w)
        return false;
    forget_token(w);
    if (fate == XMPP_FATE_CONFIRMED || fate == XMPP_FATE_UNCONFIRMED) {
        watch_s2x_rest(w);
        return true;
    }
    log_info(b->log, "watch-not-asked", LOG_S("local", contact_local(w->contact)),
             LOG_S("remote", contact_remote(w->contact)), LOG_Z("why", why));
    watch_s2x_event(w, S2X_ERROR, &(struct s2x_cause){ .condition = condition_of_fate(fate) });
    return true;
}

/* Our user leaves: the contact sees nobody watch any more. Where he watches our user himself, it is SIP that says how she is. */
static void leave(struct watch_s2x *w)
{
    if (w->contact->x2s != CONTACT_X2S_AUTH)
        say(w, "unavailable");
    (void)contact_touch_s2x(w->bridge, w->contact); /* STOX-PRS-65 counts from here */
}

/* ---- events ---- */

static void log_change(const struct watch_s2x *w, enum contact_s2x from, enum contact_s2x to)
{
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);

    note_watch(w->bridge, &local, &remote, "sip-to-xmpp", s2x_state_name(from), s2x_state_name(to));
    log_info(w->bridge->log, "watch-changed", LOG_Z("direction", "sip-to-xmpp"),
             LOG_S("local", contact_local(w->contact)), LOG_S("remote", contact_remote(w->contact)),
             LOG_Z("from", s2x_state_name(from)), LOG_Z("to", s2x_state_name(to)),
             LOG_U("dialogs", watch_s2x_n_dialogs(w)));
}

/* What waited for the change to be durable, if it is still so. */
static void do_due(struct watch_s2x *w)
{
    unsigned due = w->due;
    bool polite = directory_gateway(w->bridge->directory)->polite_blocking;
    const struct sip_sub_notice end = { .state = SIP_SUB_TERMINATED,
                                        .reason = (enum sip_sub_reason)w->end_reason,
                                        .retry_after_s = w->end_retry_s };

    w->due = 0;
    switch (w->shown) {
    case CONTACT_S2X_ASKED:
        if (due & S2X_ASK)
            ask(w);
        break;
    case CONTACT_S2X_GRANTED:
        if (due & S2X_TELL)
            watch_s2x_tell(w, true);
        break;
    case CONTACT_S2X_DENIED:
        if (due & S2X_END && polite)
            watch_s2x_tell(w, true);
        else if (due & S2X_END)
            watch_s2x_end(w, &end);
        break;
    case CONTACT_S2X_NONE:
        if (due & S2X_RELEASE)
            say(w, "unsubscribe");
        if (due & S2X_END)
            watch_s2x_end(w, &end);
        break;
    case CONTACT_S2X_N: break;
    }
}

static void on_durable(struct bridge *b, struct contact *c, bool durable)
{
    struct watch_s2x *w = c->s2x_watch; /* it is there as long as something waits, but for the orderly end */

    if (!w || !w->waits)
        return;
    w->waits--;
    w->busy++;
    if (!durable) {
        w->due = 0;
        watch_s2x_end(w, &(struct sip_sub_notice){
                             .state = SIP_SUB_TERMINATED, .reason = SIP_REASON_PROBATION, .retry_after_s = 300 });
    }
    if (!w->waits) {
        w->shown = c->s2x;
        do_due(w);
    }
    w->busy--;
    watch_s2x_rest(w);
}

/* Where subscribing is how she adds somebody, she has added nobody whom she has not asked for, or has given up. */
static bool adds_by_subscription(const struct watch_s2x *w)
{
    const struct route *route = directory_route_to(w->bridge->directory, contact_local_jid(w->contact).domain);

    return route && route->added_by == ROUTE_ADDED_BY_SUBSCRIPTION;
}

/* What S2X_END will say. */
static void plan_end(struct watch_s2x *w, enum s2x_event event, const struct s2x_cause *cause)
{
    struct sip_sub_notice end = { .reason = SIP_REASON_REJECTED };

    if (event == S2X_ERROR)
        map_notice_of_error(slice_str(cause->condition ? cause->condition : "undefined-condition"), &end);
    w->end_reason = (uint8_t)end.reason;
    w->end_retry_s = end.retry_after_s;
}

/* The next state, on its way to the store. False: no memory for that, and nothing has changed. */
static bool store(struct watch_s2x *w, const struct s2x_step *step, enum s2x_event event, const struct s2x_cause *cause)
{
    struct contact *c = w->contact;
    enum contact_s2x from = c->s2x;

    (void)contact_set_s2x(w->bridge, c, step->next); /* contact_then says so if it could not be taken */
    if (step->next == CONTACT_S2X_NONE && adds_by_subscription(w))
        (void)contact_set_added(w->bridge, c, false);
    if (!contact_then(w->bridge, c, on_durable, cause->stanza ? &cause->stanza->receipt : NULL))
        return false;
    w->waits++;
    w->due |= step->actions & (S2X_ASK | S2X_TELL | S2X_END | S2X_RELEASE);
    plan_end(w, event, cause);
    log_change(w, from, step->next);
    return true;
}

/* Is it time to put the question once more? What was asked by a process before this one may never have left it; one that died in
 * the second of our start has that second. */
static bool is_late(const struct watch_s2x *w)
{
    int64_t since_s = w->contact->s2x_since_s;

    return !w->waits && !w->asked &&
           (clock_wall_s() - since_s >= WATCH_ASK_AGAIN_S || since_s <= w->bridge->watches_s2x.since_s);
}

/* Unless his yes is not stored yet: she would be told once more that she waits, and hears all of it with that. */
static void tell_shown(struct watch_s2x *w, bool urgent)
{
    if (w->shown == CONTACT_S2X_GRANTED)
        watch_s2x_tell(w, urgent);
}

static void act(struct watch_s2x *w, unsigned actions, enum s2x_event event, const struct s2x_cause *cause)
{
    bool stored = actions & S2X_STORE, first = !w->known;

    if (actions & S2X_ACCEPT)
        watch_s2x_accept(cause->dialog, cause->request);
    if (actions & S2X_REFUSE)
        watch_s2x_refuse(cause->dialog, cause->request);
    if (actions & S2X_FORGET)
        watch_s2x_forget(w);
    if (actions & S2X_KEEP && watch_s2x_keep(w, cause->stanza))
        tell_shown(w, first); /* what comes right behind his yes is what she waits for */
    if (actions & S2X_KEEP)
        cards_want(w->bridge, w->contact, cause->stanza->el);
    if (actions & S2X_TELL && !stored)
        tell_shown(w, false);
    if (actions & S2X_LEAVE)
        leave(w);
    if (actions & S2X_ENQUIRE && (!w->known || event == S2X_BACK))
        watch_s2x_enquire(w, event == S2X_BACK);
    if (actions & S2X_ASK_LATE && is_late(w) && contact_set_s2x(w->bridge, w->contact, CONTACT_S2X_ASKED))
        ask(w);
}

/* Nothing could be remembered: who has asked hears so, and a statement is lost; XMPP servers repeat theirs. */
static void fail(struct watch_s2x *w, const struct s2x_cause *cause)
{
    if (cause->dialog) {
        sip_sub_refuse(cause->dialog->sub, 503, NULL, SLICE("Retry-After: 10\r\n"));
        watch_s2x_dialog_free(cause->dialog);
    }
    if (cause->stanza)
        federation_handled(w->bridge->federation, cause->stanza->receipt);
}

void watch_s2x_event(struct watch_s2x *w, enum s2x_event event, const struct s2x_cause *cause)
{
    struct s2x_step step = s2x_step(w->contact->s2x, event);
    bool stores = step.actions & S2X_STORE;

    w->busy++;
    if (event == S2X_LOST)
        w->lost = true;
    if (event == S2X_YES || event == S2X_NO || event == S2X_ERROR)
        forget_token(w); /* it has arrived, or never will */
    if (stores && !store(w, &step, event, cause)) {
        fail(w, cause);
    } else {
        if (!stores && (event == S2X_YES || event == S2X_NO))
            federation_handled(w->bridge->federation, cause->stanza->receipt);
        act(w, step.actions, event, cause);
    }
    w->busy--;
    watch_s2x_rest(w);
}

/* ---- stanzas ---- */

/* The watch that a stanza is about. NULL: nobody has asked, or no memory; what is not kept (create false) is dropped. */
static struct watch_s2x *meant(struct bridge *b, const struct xmpp_stanza *stanza, bool create)
{
    struct contact *c = contact_find(b, stanza->to, stanza->from);

    if (!c || (!c->s2x_watch && (!create || c->s2x == CONTACT_S2X_NONE)))
        return NULL;
    return create ? watch_s2x_of(b, c) : c->s2x_watch;
}

/* The question has not left yet, so no `unsubscribed` answers it: the server's own answer to a probe can come late like that. */
static bool is_answer(const struct watch_s2x *w, enum s2x_event event)
{
    return event != S2X_NO || w->contact->s2x != CONTACT_S2X_ASKED || !(w->due & S2X_ASK);
}

static void decided(struct bridge *b, const struct xmpp_stanza *stanza, enum s2x_event event)
{
    struct watch_s2x *w = meant(b, stanza, true);

    if (w && is_answer(w, event))
        watch_s2x_event(w, event, &(struct s2x_cause){ .stanza = stanza });
    else
        federation_handled(b->federation, stanza->receipt);
}

void watch_s2x_subscribed(struct bridge *b, const struct xmpp_stanza *stanza)
{
    decided(b, stanza, S2X_YES);
}

void watch_s2x_unsubscribed(struct bridge *b, const struct xmpp_stanza *stanza)
{
    decided(b, stanza, S2X_NO);
}

void watch_s2x_presence(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct watch_s2x *w = meant(b, stanza, false);

    if (!w)
        return;
    b->watches_s2x.presence_in++;
    watch_s2x_event(w, S2X_PRESENCE, &(struct s2x_cause){ .stanza = stanza });
}

void watch_s2x_error(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct slice id = xml_attr(stanza->el, "id");
    struct watch_s2x *w = id.n && !slice_starts(id, SLICE(WATCH_ASK_ID)) ? NULL : meant(b, stanza, true);

    if (w) /* the caller says when it is handled */
        watch_s2x_event(w, S2X_ERROR, &(struct s2x_cause){ .condition = note_condition(stanza->el) });
}
