#include "bridge/typing.h"

#include <stdlib.h>

#include "bridge/status.h"
#include "bridge/typing_pair.h"
#include "map/status.h"

/* Said to hold somewhat longer than until it is said again, or it would run out now and then on a slow way. */
#define REFRESH_SLACK_MS 30000

struct jid typing_remote(const struct typing_pair *p)
{
    return (struct jid){ .local = slice_of(p->names, p->n[0]), .domain = slice_of(p->names + p->n[0], p->n[1]) };
}

struct jid typing_local(const struct typing_pair *p)
{
    const char *at = p->names + p->n[0] + p->n[1];

    return (struct jid){ .local = slice_of(at, p->n[2]), .domain = slice_of(at + p->n[2], p->n[3]) };
}

/* ---- toward XMPP ---- */

static void tell_xmpp(struct typing_pair *p, enum map_chat_state state)
{
    struct bridge *b = p->bridge;
    struct jid remote = typing_remote(p), local = typing_local(p);

    p->xmpp_told = state;
    if (!status_may_pass(b, &local, &remote))
        return;
    buf_clear(&b->scratch);
    map_chat_state_put(&b->scratch, &local, &remote, slice_of(p->thread, p->thread_n), state);
    if (bridge_send(b, local.domain, remote.domain, 0, 0, NULL))
        b->counters.typing_to_xmpp++;
    else
        b->counters.statuses_dropped++;
}

void typing_on_expiry(struct timer *t)
{
    struct typing_pair *p = container_of(t, struct typing_pair, expiry);

    if (p->contact != TYPING_CONTACT_NEVER)
        tell_xmpp(p, map_chat_state_of_composing(false));
}

void typing_from_sip(struct bridge *b, const struct jid *remote, const struct jid *local, bool active,
                     unsigned refresh_s)
{
    struct typing_pair *p = typing_pair_of(b, remote, local);
    enum map_chat_state state = map_chat_state_of_composing(active);

    if (!p || p->contact == TYPING_CONTACT_NEVER)
        return;
    if (active)
        timer_start(&b->loop->timers, &p->expiry, (refresh_s ? refresh_s : TYPING_EXPIRY_S) * 1000ull);
    else
        timer_stop(&b->loop->timers, &p->expiry);
    if (p->xmpp_told != state)
        tell_xmpp(p, state);
}

void typing_bounced(struct bridge *b, const struct jid *remote, const struct jid *local)
{
    struct typing_pair *p = typing_pair_find(b, remote, local);

    if (p)
        p->contact = TYPING_CONTACT_NEVER;
}

void typing_gone_from_sip(struct bridge *b, const struct jid *remote, const struct jid *local)
{
    struct typing_pair *p = typing_pair_find(b, remote, local);

    if (!p || p->contact == TYPING_CONTACT_NEVER || p->xmpp_told == MAP_CHAT_GONE)
        return;
    timer_stop(&b->loop->timers, &p->expiry);
    tell_xmpp(p, MAP_CHAT_GONE);
}

static void keep_thread(struct typing_pair *p, struct slice thread)
{
    if (!thread.n)
        return;
    p->thread_n = thread.n <= sizeof(p->thread) ? (unsigned char)thread.n : 0;
    memcpy(p->thread, thread.p, p->thread_n);
}

void typing_text_from_sip(struct bridge *b, const struct jid *remote, const struct jid *local, struct slice thread)
{
    struct typing_pair *p = typing_pair_of(b, remote, local);

    if (!p)
        return;
    timer_stop(&b->loop->timers, &p->expiry);
    p->xmpp_told = map_chat_state_of_composing(false);
    p->sip_wrote = true;
    p->sip_wrote_ms = loop_now(b->loop);
    keep_thread(p, thread);
}

/* ---- toward SIP ---- */

/* A MESSAGE of its own (pager mode). */
static void tell_by_message(struct typing_pair *p, bool active, unsigned refresh_s)
{
    struct bridge *b = p->bridge;
    struct jid remote = typing_remote(p), local = typing_local(p);
    _Alignas(16) char memory[4096];
    struct map_im_message message;
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), 1u << 16);
    if (map_composing_to_message(&a, &b->map, &remote, &local, slice_of(p->thread, p->thread_n),
                                 rand_pool_u64(&b->nonces), active, refresh_s, &message) == MAP_IM_OK)
        status_to_sip(b, &remote, &local, FLIGHT_TYPING, &message);
    arena_reset(&a);
}

/* Has the SIP user agreed to be told? By a session, or by having written lately (STOX-CS-09), and not refused it since. */
static bool may_tell_sip(const struct typing_pair *p)
{
    uint64_t now = loop_now(p->bridge->loop);
    struct jid local = typing_local(p);

    return p->way || (p->sip_wrote && now - p->sip_wrote_ms <= TYPING_REPLY_MS &&
                      !abilities_has(&p->bridge->abilities, &local, ABILITY_NO_COMPOSING, now));
}

static unsigned refresh_ms(const struct typing_pair *p)
{
    return p->way && p->way->refresh_ms ? p->way->refresh_ms : TYPING_REFRESH_MS;
}

static void tell_sip(struct typing_pair *p)
{
    unsigned holds_s = (refresh_ms(p) + REFRESH_SLACK_MS) / 1000;

    p->sip_told = p->sip_wants;
    p->sip_told_ever = true;
    p->sip_told_ms = loop_now(p->bridge->loop);
    if (p->way)
        p->way->tell(p->way_arg, p->sip_told, holds_s);
    else
        tell_by_message(p, p->sip_told, holds_s);
}

/* Tells the SIP user what is due, and looks again when the next is. */
static void go_on(struct typing_pair *p)
{
    struct timers *timers = &p->bridge->loop->timers;
    unsigned gap_ms = p->way && p->way->gap_ms ? p->way->gap_ms : TYPING_GAP_MS;
    uint64_t now = loop_now(p->bridge->loop), due;

    timer_stop(timers, &p->next);
    if (!may_tell_sip(p)) {
        p->sip_told = p->sip_wants = false;
        return;
    }
    if (p->sip_wants == p->sip_told && !p->sip_told)
        return;
    due = p->sip_told_ever ? p->sip_told_ms + (p->sip_wants == p->sip_told ? refresh_ms(p) : gap_ms) : now;
    if (due > now) {
        timer_start(timers, &p->next, due - now);
        return;
    }
    tell_sip(p);
    if (p->sip_told)
        timer_start(timers, &p->next, refresh_ms(p));
}

void typing_on_next(struct timer *t)
{
    go_on(container_of(t, struct typing_pair, next));
}

void typing_from_xmpp(struct bridge *b, const struct jid *remote, const struct jid *local, enum map_chat_state state)
{
    struct typing_pair *p = state == MAP_CHAT_NONE ? NULL : typing_pair_find(b, remote, local);

    if (!p) /* who has not written yet is not told (STOX-CS-09, 15) */
        return;
    p->contact = TYPING_CONTACT_TELLS;
    (void)map_chat_state_to_composing(state, &p->sip_wants);
    go_on(p);
}

void typing_text_from_xmpp(struct bridge *b, const struct jid *remote, const struct jid *local,
                           enum map_chat_state state, struct slice thread)
{
    struct typing_pair *p = typing_pair_of(b, remote, local);

    if (!p)
        return;
    p->contact = state == MAP_CHAT_NONE ? TYPING_CONTACT_NEVER : TYPING_CONTACT_TELLS;
    p->sip_wants = p->sip_told = false;
    timer_stop(&b->loop->timers, &p->next);
    keep_thread(p, thread);
}

bool typing_wrote(const struct bridge *b, const struct jid *remote, const struct jid *local)
{
    const struct typing_pair *p = typing_pair_find(b, remote, local);

    return p && p->sip_wrote;
}

bool typing_marks(struct bridge *b, const struct jid *remote, const struct jid *local, uint64_t serial)
{
    struct typing_pair *p = typing_pair_find(b, remote, local);

    if (!p)
        return true;
    if (serial < p->seen)
        return false;
    p->seen = serial;
    return true;
}

/* ---- sessions ---- */

bool typing_attach(struct bridge *b, const struct jid *remote, const struct jid *local, const struct typing_way *way,
                   void *arg)
{
    struct typing_pair *p = typing_pair_of(b, remote, local);

    if (!p)
        return false;
    shares_drop(&b->typings.shares, &p->share); /* the session is what bounds it, and it must not go before that */
    p->way = way;
    p->way_arg = arg;
    return true;
}

void typing_detach(struct bridge *b, const struct jid *remote, const struct jid *local, const void *arg)
{
    struct typing_pair *p = typing_pair_find(b, remote, local);

    if (!p || !p->way || p->way_arg != arg)
        return;
    p->way = NULL;
    p->way_arg = NULL;
    p->sip_told = p->sip_wants = false;
    timer_stop(&b->loop->timers, &p->next);
    typing_pair_charge(p);
}
