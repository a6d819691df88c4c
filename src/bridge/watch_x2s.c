#include "bridge/note.h"
#include "bridge/watch_x2s_parts.h"

#include <stdlib.h>

#include "bridge/presence.h"

#define MEM 8192
#define ARENA_MAX (1024 * 1024)

void watches_x2s_init(struct bridge *b)
{
    struct watches_x2s *all = &b->watches_x2s;

    list_init(&all->all);
    list_init(&all->next);
    list_init(&all->wishes);
    list_init(&all->held);
    timer_init(&all->room, watches_x2s_on_room);
    timer_init(&all->look, watches_on_look);
    timer_init(&all->pace, watch_wishes_on_pace);
    timer_init(&all->restore, watches_on_restore);
}

/* ---- the object ---- */

static void on_timer(struct timer *t);
static void on_gone(struct timer *t);

/* As a contact of the store begins. */
static enum x2s_state state_of(const struct contact *c)
{
    switch (c->x2s) {
    case CONTACT_X2S_ASKING: return X2S_ASKING;
    case CONTACT_X2S_AUTH: return X2S_RETRY;
    case CONTACT_X2S_NONE:
    case CONTACT_X2S_N: break;
    }
    return X2S_NONE;
}

struct watch_x2s *watch_x2s_of(struct bridge *b, struct contact *c)
{
    struct watch_x2s *w = c->x2s_watch;

    if (w)
        return w;
    w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->bridge = b;
    w->contact = c;
    w->state = state_of(c);
    /* Of one that the store has it is not known whether he has heard it: the process may have ended before. He hears it again. */
    w->told = c->x2s == CONTACT_X2S_AUTH && !c->restored;
    list_init(&w->wish);
    list_init(&w->held);
    list_push(&b->watches_x2s.all, &w->link);
    timer_init(&w->timer, on_timer);
    timer_init(&w->gone, on_gone);
    c->x2s_watch = w;
    b->watches_x2s.n++;
    return w;
}

void watch_x2s_free(struct watch_x2s *w)
{
    struct bridge *b = w->bridge;

    list_unlink(&w->link);
    watch_unwish(w);
    timer_stop(&b->loop->timers, &w->timer);
    timer_stop(&b->loop->timers, &w->gone);
    if (w->sub)
        sip_sub_drop(w->sub);
    watch_x2s_let_go(w);
    free(w->known);
    free(w->asker);
    w->contact->x2s_watch = NULL;
    b->watches_x2s.n--;
    free(w);
}

void watch_x2s_settle(struct watch_x2s *w)
{
    struct bridge *b = w->bridge;
    struct contact *c = w->contact;

    if (w->state == X2S_NONE && !w->due && !w->waits)
        watch_x2s_free(w);
    if (!c->x2s_watch)
        contact_tidy(b, c);
}

/* ---- when to ask again ---- */

static uint64_t with_jitter(uint64_t ms)
{
    return ms - ms / 10 + rand_below(ms / 5 + 1);
}

static uint64_t back_off(struct watch_x2s *w)
{
    uint64_t ms = WATCH_BACKOFF_MS;

    for (unsigned i = 0; i < w->failures && ms < WATCH_BACKOFF_MAX_MS; i++)
        ms *= 2;
    if (w->failures < UINT8_MAX)
        w->failures++;
    return with_jitter(ms < WATCH_BACKOFF_MAX_MS ? ms : WATCH_BACKOFF_MAX_MS);
}

static void wait_for(struct watch_x2s *w, uint64_t ms)
{
    watch_unwish(w);
    timer_start(&w->bridge->loop->timers, &w->timer, ms);
}

/* Retry-after, as long as it is sane; giveup without one: an hour (8.6). */
static void wait_as_told(struct watch_x2s *w, const struct watch_cause *cause)
{
    uint64_t ms = back_off(w);

    if (cause->retry_after_s)
        ms = with_jitter((cause->retry_after_s < 86400 ? cause->retry_after_s : 86400) * 1000ull) + 1000;
    else if (cause->end && cause->end->reason == SIP_REASON_GIVEUP)
        ms = with_jitter(WATCH_BACKOFF_MAX_MS);
    wait_for(w, ms);
}

/* An hour at least (8.6, noresource), or for as long as the peer has named. */
static void wait_long(struct watch_x2s *w, const struct watch_cause *cause)
{
    uint64_t ms = (cause->retry_after_s < 86400 ? cause->retry_after_s : 86400) * 1000ull;

    ms = ms < WATCH_BACKOFF_MAX_MS ? WATCH_BACKOFF_MAX_MS : ms;
    wait_for(w, ms + rand_below(ms / 10 + 1));
}

static void soon(struct watch_x2s *w)
{
    if (w->active_ms && loop_now(w->bridge->loop) - w->active_ms >= WATCH_AGAIN_MS)
        w->failures = 0;
    if (w->failures) {
        wait_for(w, back_off(w));
        return;
    }
    w->failures = 1;
    watch_wish(w);
}

static void ask_again(struct watch_x2s *w, enum x2s_event event)
{
    bool just = w->asked_ms && loop_now(w->bridge->loop) - w->asked_ms < WATCH_AGAIN_MS;

    if (event == X2S_TIMER || event == X2S_GIVEN_UP || !just || !timer_running(&w->timer))
        watch_wish(w);
}

static void refresh(struct watch_x2s *w, enum x2s_event event)
{
    bool just = w->asked_ms && loop_now(w->bridge->loop) - w->asked_ms < WATCH_AGAIN_MS;

    if (!w->sub) {
        ask_again(w, event);
    } else if (!just) {
        w->asked_ms = loop_now(w->bridge->loop);
        sip_sub_refresh(w->sub);
    }
}

/* The end follows by itself, if there is anything to end. */
static void stop(struct watch_x2s *w)
{
    watch_unwish(w);
    if (w->sub) {
        sip_sub_unsubscribe(w->sub);
        wait_for(w, WATCH_ENDING_MS);
    } else {
        wait_for(w, 0);
    }
}

static void detach(struct watch_x2s *w)
{
    if (w->sub)
        sip_sub_set_data(w->sub, NULL);
    w->sub = NULL;
}

/* ---- what waits for the store ---- */

static void on_not_durable(struct watch_x2s *w)
{
    struct bridge *b = w->bridge;

    w->due = 0;
    detach(w);
    watch_unwish(w);
    w->state = state_of(w->contact);
    w->told = w->contact->x2s == CONTACT_X2S_AUTH;
    if (w->state == X2S_RETRY)
        wait_for(w, back_off(w));
    watch_tell_error(b, w->contact, 503, slice_of(NULL, 0));
}

static void on_stored(struct bridge *b, struct contact *c, bool durable)
{
    struct watch_x2s *w = c->x2s_watch;
    unsigned due;

    if (!w || !w->waits) /* the end has come meanwhile */
        return;
    w->waits--;
    if (!durable)
        on_not_durable(w);
    if (w->waits == 0) {
        due = w->due;
        w->due = 0;
        if (due & WATCH_DUE_ERROR)
            watch_tell_error(b, c, w->error, slice_of(NULL, 0));
        if (due & WATCH_DUE_NO)
            watch_tell_type(b, c, "unsubscribed");
        if (due & WATCH_DUE_STOP)
            stop(w);
        if (due & WATCH_DUE_ASK)
            watch_wish(w);
        if (due & WATCH_DUE_YES) {
            watch_tell_type(b, c, "subscribed");
            w->told = true;
            if (w->known)
                watch_tell_known(w, slice_of(NULL, 0));
        }
    }
    watch_x2s_settle(w);
}

/* What is due follows when all changes until now are durable. The stanza counts as handled then. */
static void then(struct watch_x2s *w, const uint64_t *receipt)
{
    struct bridge *b = w->bridge;

    w->waits++;
    if (contact_then(b, w->contact, on_stored, receipt))
        return;
    w->waits--;
    on_not_durable(w);
    if (receipt)
        federation_handled(b->federation, *receipt);
}

static void put_due(struct watch_x2s *w, unsigned due, unsigned instead_of)
{
    w->due = (uint8_t)((w->due & ~instead_of) | due);
}

/* ---- events ---- */

static void store(struct watch_x2s *w, unsigned actions, enum x2s_event event)
{
    if (actions & (X2S_STORE_NONE | X2S_STORE_ASKING))
        w->told = false;
    if (actions & X2S_STORE_NONE)
        contact_set_x2s(w->bridge, w->contact, CONTACT_X2S_NONE);
    if (actions & X2S_STORE_ASKING)
        contact_set_x2s(w->bridge, w->contact, CONTACT_X2S_ASKING);
    if (actions & X2S_STORE_AUTH)
        contact_set_x2s(w->bridge, w->contact, CONTACT_X2S_AUTH);
    if (actions & (X2S_STORE_NONE | X2S_STORE_ASKING | X2S_STORE_AUTH))
        winfo_changed(w->bridge, w->contact, event);
}

/* Who probes first, where nobody else is there, is the only one to be told; a second one makes it all of them. */
static void keep_asker(struct watch_x2s *w, struct slice resource)
{
    bool first = !w->asker && !w->sub;

    if (w->asker && slice_eq(resource, slice_str(w->asker)))
        return;
    free(w->asker);
    w->asker = resource.n ? strndup(resource.p, resource.n) : NULL;
    w->asker_only = first && w->asker;
}

/* A probe is answered by what is known; where nothing is and an answer is on its way, by that (STOX-PRS-34). */
static void answer_probe(struct watch_x2s *w, const struct watch_cause *cause)
{
    struct slice resource = cause->stanza ? cause->stanza->from->resource : slice_of(NULL, 0);

    if (w->known || (w->sub && !w->pending) || w->failures)
        watch_tell_known(w, resource);
    else
        keep_asker(w, resource);
}

static void tell(struct watch_x2s *w, unsigned actions, const struct watch_cause *cause)
{
    if (actions & X2S_TELL_GONE)
        watch_tell_gone(w);
    if (actions & X2S_TELL_GONE_LATER && w->known && !timer_running(&w->gone))
        timer_start(&w->bridge->loop->timers, &w->gone, WATCH_GONE_MS);
    if (actions & X2S_FORGET) {
        watch_x2s_let_go(w);
        free(w->known);
        w->known = NULL;
        w->shown = false;
    }
    if (actions & X2S_TELL_STATE)
        answer_probe(w, cause);
    if (actions & X2S_TELL_YES)
        put_due(w, WATCH_DUE_YES, WATCH_DUE_NO | WATCH_DUE_ERROR);
    if (actions & X2S_TELL_NO)
        put_due(w, WATCH_DUE_NO, WATCH_DUE_YES | WATCH_DUE_ASK);
    if (actions & X2S_TELL_ERROR)
        put_due(w, WATCH_DUE_ERROR, WATCH_DUE_YES);
}

static void ask(struct watch_x2s *w, unsigned actions, enum x2s_event event, const struct watch_cause *cause)
{
    if (actions & X2S_DETACH)
        detach(w);
    if (actions & X2S_STOP)
        put_due(w, WATCH_DUE_STOP, WATCH_DUE_ASK);
    if (actions & X2S_ASK && actions & X2S_STORE_ASKING)
        put_due(w, WATCH_DUE_ASK, WATCH_DUE_NO | WATCH_DUE_STOP);
    else if (actions & X2S_ASK)
        ask_again(w, event);
    if (actions & X2S_REFRESH)
        refresh(w, event);
    if (actions & X2S_WAIT)
        wait_as_told(w, cause);
    if (actions & X2S_WAIT_LONG)
        wait_long(w, cause);
    if (actions & X2S_SOON)
        soon(w);
}

static void log_step(const struct watch_x2s *w, enum x2s_state before)
{
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);

    if (w->state == before)
        return;
    note_watch(w->bridge, &local, &remote, "xmpp-to-sip", x2s_state_name(before), x2s_state_name(w->state));
    log_debug(w->bridge->log, "watcher", LOG_Z("direction", "xmpp-to-sip"),
              LOG_S("watcher", contact_remote(w->contact)), LOG_S("watched", contact_local(w->contact)),
              LOG_Z("from", x2s_state_name(before)), LOG_Z("to", x2s_state_name(w->state)));
}

void watch_x2s_event(struct watch_x2s *w, enum x2s_event event, const struct watch_cause *cause)
{
    struct x2s_step step = x2s_step(w->state, event);
    enum x2s_state before = w->state;

    w->state = step.next;
    if (step.next == X2S_NONE) {
        watch_unwish(w);
        timer_stop(&w->bridge->loop->timers, &w->timer);
    }
    store(w, step.actions, event);
    tell(w, step.actions | (event == X2S_ACTIVE && step.next == X2S_AUTH && !w->told ? X2S_TELL_YES : 0), cause);
    ask(w, step.actions, event, cause);
    log_step(w, before);
    if (w->due)
        then(w, NULL);
}

static void on_timer(struct timer *t)
{
    struct watch_x2s *w = container_of(t, struct watch_x2s, timer);
    bool given_up = w->state == X2S_ASKING && clock_wall_s() - w->contact->x2s_since_s > WATCH_ASKING_MAX_S;

    if (given_up)
        w->error = 408;
    watch_x2s_event(w, given_up ? X2S_GIVEN_UP : X2S_TIMER, &(struct watch_cause){ 0 });
    watch_x2s_settle(w);
}

static void on_gone(struct timer *t)
{
    watch_tell_gone(container_of(t, struct watch_x2s, gone));
}

/* ---- from XMPP ---- */

static void refuse(struct bridge *b, const struct xmpp_stanza *stanza, const char *text)
{
    bridge_send_condition(b, "presence", stanza->to, stanza->from, xml_attr(stanza->el, "id"), "wait",
                          "resource-constraint", text, &stanza->receipt);
}

/* An event of a stanza that is about a contact. */
static void stanza_event(struct watch_x2s *w, enum x2s_event event, const struct xmpp_stanza *stanza)
{
    watch_x2s_event(w, event, &(struct watch_cause){ .stanza = stanza });
    then(w, &stanza->receipt);
    watch_x2s_settle(w);
}

void watch_x2s_subscribe(struct bridge *b, const struct xmpp_stanza *stanza)
{
    const char *why = NULL;
    struct contact *c = contact_make(b, stanza->to, stanza->from, &why);
    struct watch_x2s *w = c ? watch_x2s_of(b, c) : NULL;

    if (w) {
        stanza_event(w, X2S_SUBSCRIBE, stanza);
        return;
    }
    bridge_log_refusal(b, "xmpp-to-sip", stanza->from->domain, stanza->to->domain, 0, why ? why : "out of memory");
    refuse(b, stanza, why ? "You watch too many people" : "The gateway is busy");
    if (c)
        contact_tidy(b, c);
}

/* Nothing is known of these two: the answer needs no memory. */
static void answer_stranger(struct bridge *b, const struct xmpp_stanza *stanza)
{
    const struct jid remote = { .local = stanza->from->local, .domain = stanza->from->domain };
    enum xmpp_fate fate;

    (void)presence_send(b, stanza->to, &remote, "unsubscribed", slice_of(NULL, 0), 0, &fate);
    federation_handled(b->federation, stanza->receipt);
}

static void known_event(struct bridge *b, enum x2s_event event, const struct xmpp_stanza *stanza)
{
    struct contact *c = contact_find(b, stanza->to, stanza->from);
    struct watch_x2s *w;

    if (!c || (c->x2s == CONTACT_X2S_NONE && !c->x2s_watch)) {
        answer_stranger(b, stanza);
        return;
    }
    w = watch_x2s_of(b, c);
    if (w)
        stanza_event(w, event, stanza);
    else
        refuse(b, stanza, "The gateway is busy");
}

void watch_x2s_unsubscribe(struct bridge *b, const struct xmpp_stanza *stanza)
{
    known_event(b, X2S_UNSUBSCRIBE, stanza);
}

void watch_x2s_probe(struct bridge *b, const struct xmpp_stanza *stanza)
{
    known_event(b, X2S_PROBE, stanza);
}

/* ---- is the watcher there? ---- */

static bool add_client(struct watch_x2s *w, uint32_t client)
{
    for (size_t i = 0; i < w->n_clients; i++)
        if (w->clients[i] == client)
            return false;
    if (w->n_clients == WATCH_CLIENTS_MAX) {
        w->clients_known = false;
        return false;
    }
    w->clients[w->n_clients++] = client;
    return w->n_clients == 1;
}

/* True: it was the last one. */
static bool remove_client(struct watch_x2s *w, uint32_t client)
{
    for (size_t i = 0; i < w->n_clients; i++)
        if (w->clients[i] == client)
            w->clients[i--] = w->clients[--w->n_clients];
    return w->clients_known && w->n_clients == 0;
}

void watch_x2s_peer(struct bridge *b, const struct jid *remote, const struct jid *local, bool available)
{
    struct contact *c = contact_find(b, local, remote);
    bool both = c && c->x2s == CONTACT_X2S_AUTH && c->s2x == CONTACT_S2X_GRANTED;
    struct watch_x2s *w = both && bridge_takes_presence(b) ? watch_x2s_of(b, c) : NULL;
    uint32_t client;

    if (!w)
        return;
    client = (uint32_t)hash_bytes(&b->lanes, remote->resource);
    if (available) {
        w->clients_known = w->clients_known || w->n_clients == 0;
        if (add_client(w, client))
            watch_x2s_event(w, X2S_ONLINE, &(struct watch_cause){ 0 });
    } else {
        if (!remote->resource.n) {
            w->n_clients = 0;
            w->clients_known = true;
        }
        if (remove_client(w, client))
            watch_x2s_event(w, X2S_OFFLINE, &(struct watch_cause){ 0 });
    }
    watch_x2s_settle(w);
}
