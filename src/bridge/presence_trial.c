#include "bridge/presence_trial.h"

#include <stdio.h>
#include <stdlib.h>

#include "bridge/bridge_private.h"

#define ARENA_MAX 65536
#define STEPS_MAX 16384

static void on_timer(struct timer *timer);

/* ---- the object ---- */

void presence_trials_init(struct bridge *b)
{
    trial_list_init(&b->presence_trials);
}

static void trial_free(struct presence_trial *t)
{
    timer_stop(&t->bridge->loop->timers, &t->timer);
    trial_list_remove(&t->bridge->presence_trials, &t->entry);
    if (t->sub)
        sip_sub_drop(t->sub);
    steps_fini(&t->steps);
    arena_reset(&t->arena);
    free(t);
}

void presence_trials_fini(struct bridge *b)
{
    while (!list_empty(&b->presence_trials.all))
        trial_free(container_of(b->presence_trials.all.next, struct presence_trial, entry.link));
}

const struct presence_trial *presence_trial_find(const struct bridge *b, uint64_t id)
{
    const struct trial_entry *e = trial_list_find(&b->presence_trials, id);

    return e ? container_of(e, const struct presence_trial, entry) : NULL;
}

struct presence_trial *presence_trial_of(const struct bridge *b, const struct sip_sub *s)
{
    list_each (l, &b->presence_trials.all)
        if (container_of(l, struct presence_trial, entry.link)->sub == s)
            return container_of(l, struct presence_trial, entry.link);
    return NULL;
}

/* ---- the end ---- */

/* One sentence: of what does not work, else of all that does. */
static void conclude(struct presence_trial *t)
{
    size_t n = 0;

    for (size_t i = 0; i < PRESENCE_WAYS; i++)
        if (t->fault == PRESENCE_FAULT_NONE)
            t->fault = t->legs[i].fault;
    for (size_t i = 0; i < PRESENCE_WAYS; i++) {
        const struct presence_leg *leg = &t->legs[i];

        if (leg->state == PRESENCE_LEG_DONE && (t->fault == PRESENCE_FAULT_NONE || leg->fault))
            n += (size_t)snprintf(t->verdict + n, sizeof(t->verdict) - n, "%s%s", n ? " " : "", leg->said);
    }
}

static void finish(struct presence_trial *t)
{
    struct bridge *b = t->bridge;

    conclude(t);
    t->entry.done = true;
    t->works = t->fault == PRESENCE_FAULT_NONE;
    t->listens = false;
    t->ended_ms = loop_now(b->loop);
    steps_shrink(&t->steps);
    timer_start(&b->loop->timers, &t->timer, PRESENCE_TRIAL_KEEP_MS);
    log_info(b->log, "presence-tested", LOG_S("sip", t->sip.domain), LOG_S("xmpp", t->xmpp.domain),
             LOG_Z("works", t->works ? "yes" : "no"), LOG_Z("fault", presence_fault_name(t->fault)),
             LOG_Z("verdict", t->verdict));
}

/* Something has changed: is it over? Else the timer is set to what comes next. */
void presence_trial_go_on(struct presence_trial *t)
{
    struct bridge *b = t->bridge;
    uint64_t now = loop_now(b->loop), until = t->until_ms;

    if (t->entry.done)
        return;
    if (t->legs[PRESENCE_S2X].state != PRESENCE_LEG_RUNS && t->legs[PRESENCE_X2S].state != PRESENCE_LEG_RUNS) {
        finish(t);
        return;
    }
    if (t->legs[PRESENCE_S2X].state == PRESENCE_LEG_RUNS && t->asked_until_ms && t->asked_until_ms < until)
        until = t->asked_until_ms;
    timer_start(&b->loop->timers, &t->timer, until > now ? until - now : 0);
}

/* ---- time ---- */

static void on_timer(struct timer *timer)
{
    struct presence_trial *t = container_of(timer, struct presence_trial, timer);
    uint64_t now = loop_now(t->bridge->loop);

    if (t->entry.done) {
        trial_free(t);
        return;
    }
    if (t->legs[PRESENCE_S2X].state == PRESENCE_LEG_RUNS && t->asked_until_ms && now >= t->asked_until_ms)
        presence_trial_say_silent(t);
    if (now >= t->until_ms && t->legs[PRESENCE_S2X].state == PRESENCE_LEG_RUNS)
        presence_trial_say_unreachable(t, "nothing has acknowledged it");
    if (now >= t->until_ms && t->legs[PRESENCE_X2S].state == PRESENCE_LEG_RUNS)
        presence_trial_say_no_end(t, &(struct sip_sub_end){ .why = SIP_SUB_END_UNREACHABLE });
    presence_trial_go_on(t);
}

/* ---- the start ---- */

static struct presence_trial *trial_new(struct bridge *b)
{
    struct presence_trial *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->bridge = b;
    trial_list_add(&b->presence_trials, &t->entry, loop_now(b->loop));
    t->until_ms = t->entry.began_ms + PRESENCE_TRIAL_MS;
    timer_init(&t->timer, on_timer);
    arena_init(&t->arena, ARENA_MAX);
    steps_init(&t->steps, STEPS_MAX);
    return t;
}

static bool take_person(struct presence_trial *t, struct slice text, struct jid *out)
{
    if (!jid_parse(&t->arena, text, out) || !out->local.n)
        return false;
    out->resource = slice_of(NULL, 0);
    return true;
}

/* NULL: who is on SIP, and who at a partner. */
static const char *take(struct presence_trial *t, struct slice sip, struct slice xmpp)
{
    const struct directory *d = t->bridge->directory;

    if (!take_person(t, sip, &t->sip))
        return "sip: this is no address like alice@contoso.example";
    if (!take_person(t, xmpp, &t->xmpp))
        return "xmpp: this is no address like romeo@fabrikam.example";
    if (!directory_route_to(d, t->sip.domain))
        return "sip: this is in no SIP domain of ours (stoxctl domain list)";
    if (directory_route_to(d, t->xmpp.domain))
        return "both are on SIP: their presence never comes to this gateway";
    return NULL;
}

static void walk(struct presence_trial *t, const bool ways[PRESENCE_WAYS])
{
    enum presence_fault fault = PRESENCE_FAULT_NONE;
    char said[TRIAL_SENTENCE];

    if (!presence_trial_gates(t, &fault, said)) {
        presence_trial_say(&t->legs[ways[PRESENCE_S2X] ? PRESENCE_S2X : PRESENCE_X2S], fault, "%s", said);
        presence_trial_go_on(t);
        return;
    }
    for (unsigned way = 0; way < PRESENCE_WAYS; way++) {
        if (!ways[way])
            continue;
        t->legs[way].state = PRESENCE_LEG_RUNS;
        presence_trial_leg_gates(t, way);
        if (t->legs[way].state != PRESENCE_LEG_RUNS)
            continue;
        if (way == PRESENCE_S2X)
            presence_trial_ask_xmpp(t);
        else
            presence_trial_ask_sip(t);
    }
    presence_trial_go_on(t);
}

uint64_t presence_trial_start(struct bridge *b, struct slice sip, struct slice xmpp, const bool ways[PRESENCE_WAYS],
                              unsigned *status, const char **why)
{
    struct trial_entry *oldest;
    struct presence_trial *t;

    *status = 429;
    *why = trial_list_objection(&b->presence_trials, loop_now(b->loop));
    if (*why)
        return 0;
    oldest = trial_list_oldest(&b->presence_trials);
    if (oldest)
        trial_free(container_of(oldest, struct presence_trial, entry));
    *status = 503;
    *why = "there is no memory for this now: try again";
    t = trial_new(b);
    if (!t)
        return 0;
    *why = take(t, sip, xmpp);
    if (*why) {
        *status = 422;
        trial_free(t);
        return 0;
    }
    walk(t, ways);
    return t->entry.id;
}
