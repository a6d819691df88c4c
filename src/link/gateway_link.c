/* The link to one proxy: dialled again and again, and the sessions that outlive cuts. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rand.h"
#include "link/gateway_parts.h"

#define REDIAL_MS 100
#define REDIAL_MAX_MS 10000

/* ---- sessions ---- */

bool gateway_is_silent(const struct gateway_link *l)
{
    return l->session.line && l->silent;
}

bool gateway_is_ready(const struct gateway_link *l)
{
    return l->session.line && l->session.begun && l->session.answered_ms && l->used && !gateway_is_silent(l);
}

static bool account_is(const struct hash_node *node, const void *key)
{
    const struct gateway_account *a = container_of(node, const struct gateway_account, node);

    return slice_eq(slice_of(a->name, a->name_n), *(const struct slice *)key);
}

struct gateway_account *gateway_account_of(struct gateway_link *l, struct slice name)
{
    struct hash_node *node = hash_find(&l->accounts, hash_bytes(&l->accounts, name), account_is, &name);
    struct gateway_account *a;

    if (node)
        return container_of(node, struct gateway_account, node);
    a = calloc(1, sizeof(*a) + name.n);
    if (!a)
        return NULL;
    a->link = l;
    list_init(&a->owing);
    a->in = link_credit_in();
    a->out = link_credit_out();
    a->name_n = name.n;
    memcpy(a->name, name.p, name.n);
    if (hash_add(&l->accounts, &a->node, hash_bytes(&l->accounts, name)))
        return a;
    free(a);
    return NULL;
}

static void drop_account(struct hash_node *node, void *arg)
{
    struct gateway_link *l = arg;
    struct gateway_account *a = container_of(node, struct gateway_account, node);

    hash_remove(&l->accounts, node);
    list_unlink(&a->owing);
    free(a);
}

/* What the proxy had is as what broken streams had: it waits again. What it has given, it will give again. */
static void session_lost(struct gateway_link *l)
{
    if (!l->session.begun)
        return;
    timer_stop(&l->gateway->conf.loop->timers, &l->move);
    timer_stop(&l->gateway->conf.loop->timers, &l->silence);
    gateway_move_all(l);
    gateway_unlink_all(l);
    gateway_uncount(l);
    gateway_lose_probes(l);
    gateway_lose_knocks(l);
    hash_each(&l->accounts, drop_account, l);
    link_session_fini(&l->session);
    link_session_init(&l->session);
    l->used = 0;
    l->rested = false;
}

/* Its place is free, and may be another one's on return. */
static void release(struct gateway_link *l)
{
    timer_stop(&l->gateway->conf.loop->timers, &l->redial);
    gateway_keep_counted(l);
    gateway_drop_attempts(l);
    l->taken = l->leaving = false;
    l->why[0] = l->refused[0] = l->host[0] = l->program[0] = '\0';
    l->n_failed = l->n_links = 0;
    gateway_add_wanted(l->gateway);
}

static void on_move(struct timer *t)
{
    struct gateway_link *l = container_of(t, struct gateway_link, move);

    log_warning(l->gateway->conf.loop->log, l->leaving ? "proxy-left" : "proxy-lost", LOG_S("proxy", l->conf.name),
                LOG_Z("effect", "what it had goes to another one, or waits for it"));
    session_lost(l);
    if (l->leaving)
        release(l);
    gateway_turn(l->gateway);
}

void gateway_link_leave(struct gateway_link *l)
{
    l->leaving = true;
    timer_stop(&l->gateway->conf.loop->timers, &l->redial);
    if (l->line)
        link_line_end(l->line, LINK_IN_ORDER, "the settings of the gateway do not have this proxy any more");
    else if (!l->session.begun)
        release(l);
}

void gateway_complain(struct gateway_link *l, enum link_reason reason, const char *what)
{
    if (l->line)
        link_line_end(l->line, reason, what);
    timer_start(&l->gateway->conf.loop->timers, &l->move,
                0); /* it may hold what it has given up: nothing is asked of it */
}

/* ---- silence ---- */

static void on_silence(struct timer *t)
{
    struct gateway_link *l = container_of(t, struct gateway_link, silence);
    struct link_gateway *g = l->gateway;
    uint64_t now = loop_now(g->conf.loop);
    unsigned held;

    if (!l->session.line)
        return;
    l->silent = true;
    l->since_ms = now;
    if (log_allowed(&g->log_lost, now, 10, &held))
        log_warning(g->conf.loop->log, "proxy-silent", LOG_S("proxy", l->conf.name),
                    LOG_Z("why", "it is linked, and has asked nothing for 3 s, where it asks each second"),
                    LOG_Z("effect", "what it had goes to another one, or waits inside until it is heard again"));
    gateway_turn(g);
}

/* Nobody else could take what it has: it may come back with all of it. */
void gateway_end_silent(struct link_gateway *g)
{
    if (!gateway_chosen(g))
        return;
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        if (gateway_is_silent(&g->links[i]))
            gateway_complain(&g->links[i], LINK_SILENT, "nothing was heard for 3 s, and another proxy goes on");
}

void gateway_tell(struct gateway_link *l, const struct link_frame *frame)
{
    if (l->session.begun && !link_session_send(&l->session, frame))
        gateway_complain(l, LINK_CUT, "what it has to be told cannot be kept");
}

/* ---- lines ---- */

static struct link_session *on_hello(void *owner, struct link_line *line, const struct link_hello_frame *hello,
                                     struct slice pin)
{
    struct gateway_link *l = owner;
    struct link_session *s = &l->session;

    if (!s->begun || !slice_eq(hello->session, slice_of((const char *)s->id, LINK_RANDOM))) {
        session_lost(l);
        memcpy(s->id, hello->session.p, LINK_RANDOM);
        memcpy(s->peer, hello->process.p, LINK_RANDOM);
        s->begun = true;
        l->n_sessions++;
    }
    return s;
}

void gateway_tell_phase(struct gateway_link *l)
{
    const struct link_frame f = { .type = LINK_PHASE, .phase.phase = l->gateway->phase };

    gateway_tell(l, &f);
}

static void on_up(void *owner, struct link_line *line)
{
    struct gateway_link *l = owner;
    struct link_gateway *g = l->gateway;

    log_info(g->conf.loop->log, "link-up", LOG_S("proxy", l->conf.name));
    l->n_failed = 0;
    l->n_links++;
    l->since_ms = loop_now(g->conf.loop);
    l->why[0] = '\0';
    snprintf(l->host, sizeof(l->host), "%.*s", SLICE_FMT(link_line_name(line)));
    timer_stop(&g->conf.loop->timers, &l->move);
    l->watched = l->silent = false;
    timer_start(&g->conf.loop->timers, &l->silence, LINK_MOVE_MS);
    gateway_watch(g);
    if (g->phase != LINK_SERVE)
        gateway_tell_phase(l);
    l->settings_at = l->lists_at = 0;
    gateway_push_settings(l);
}

static void on_frame(void *owner, struct link_line *line, const struct link_frame *f)
{
    struct gateway_link *l = owner;

    switch (f->type) {
    case LINK_STANZA: gateway_on_stanza(l, &f->stanza); return;
    case LINK_FATE: gateway_on_fate(l, &f->fate); return;
    case LINK_LINKED: gateway_on_linked(l, &f->linked); return;
    case LINK_COUNTERS: gateway_on_counters(l, &f->counters); return;
    case LINK_STREAM: gateway_on_stream(l, &f->stream); return;
    case LINK_STREAM_PAIR: gateway_on_stream_pair(l, &f->stream_pair); return;
    case LINK_STREAM_SHOWN: gateway_on_stream_shown(l, &f->stream_shown); return;
    case LINK_STREAM_SHOWN_NAME: gateway_on_stream_shown_name(l, &f->stream_shown_name); return;
    case LINK_STREAM_COUNT: gateway_on_stream_count(l, &f->stream_count); return;
    case LINK_STREAM_GONE: gateway_on_stream_gone(l, &f->stream_gone); return;
    case LINK_STEP: gateway_on_step(l, &f->step); return;
    case LINK_ATTEMPT: gateway_on_attempt(l, &f->attempt); return;
    case LINK_PROBED: gateway_on_probed(l, &f->probed); return;
    case LINK_KNOCKED: gateway_on_knocked(l, &f->knocked); return;
    case LINK_NOTE: gateway_on_note(l, &f->note); return;
    case LINK_SETTINGS_USED: gateway_on_used(l, &f->settings_used); return;
    default: /* PHASE_DONE */ l->rested = f->phase_done.phase == LINK_REST; gateway_stopped_if_done(l->gateway);
    }
}

static void on_alive(void *owner, struct link_line *line)
{
    struct gateway_link *l = owner;
    struct link_gateway *g = l->gateway;

    timer_start(&g->conf.loop->timers, &l->silence, LINK_MOVE_MS);
    if (l->silent) {
        l->silent = false;
        l->since_ms = loop_now(g->conf.loop);
        log_info(g->conf.loop->log, "proxy-heard", LOG_S("proxy", l->conf.name),
                 LOG_Z("why", "it asks again, and goes on with what it has"));
    }
    gateway_watch(g);
    gateway_turn(g);
}

static void on_room(void *owner, struct link_line *line)
{
    struct gateway_link *l = owner;

    gateway_push_settings(l);
    gateway_turn(l->gateway);
}

static void redial_later(struct gateway_link *l)
{
    uint64_t ms = (uint64_t)REDIAL_MS << (l->n_failed < 7 ? l->n_failed : 7);

    if (ms > REDIAL_MAX_MS)
        ms = REDIAL_MAX_MS;
    l->n_failed++;
    timer_start(&l->gateway->conf.loop->timers, &l->redial, ms / 2 + rand_below(ms / 2));
}

/* What is shown of it from now on. */
static void is_down(struct gateway_link *l, const char *why, bool was_up)
{
    snprintf(l->why, sizeof(l->why), "%s", why);
    if (was_up)
        l->since_ms = loop_now(l->gateway->conf.loop);
}

static void on_closed(void *owner, struct link_line *line, enum link_reason reason, const char *why)
{
    struct gateway_link *l = owner;
    struct link_gateway *g = l->gateway;
    uint64_t now = loop_now(g->conf.loop), moves = l->session.answered_ms + LINK_MOVE_MS;
    unsigned held;

    is_down(l, why, link_line_name(line).n > 0);
    gateway_drop_streams(l);
    l->line = NULL;
    link_ear_free(l->ear);
    l->ear = NULL;
    if (log_allowed(&g->log_lost, now, 10, &held))
        log_warning(g->conf.loop->log, "link-lost", LOG_S("proxy", l->conf.name),
                    LOG_Z("reason", link_reason_name(reason)), LOG_Z("why", why));
    if (l->session.begun && !timer_running(&l->move))
        timer_start(&g->conf.loop->timers, &l->move, moves > now ? moves - now : 0);
    gateway_stopped_if_done(g);
    if (l->leaving && !l->session.begun)
        release(l);
    else if (!l->leaving && !g->leaving && !g->stopped)
        redial_later(l);
}

static const struct link_line_ops line_ops = {
    .hello = on_hello, .up = on_up, .frame = on_frame, .alive = on_alive, .room = on_room, .closed = on_closed
};

void gateway_link_dial(struct gateway_link *l)
{
    const struct link_gateway_conf *conf = &l->gateway->conf;
    struct link_line_conf line = { .loop = conf->loop,
                                   .tls = conf->tls,
                                   .role = LINK_GATEWAY,
                                   .pins = &l->conf.pin,
                                   .n_pins = 1,
                                   .name = conf->name,
                                   .beside = conf->beside,
                                   .ops = &line_ops,
                                   .owner = l,
                                   .session = &l->session };

    memcpy(line.process, l->gateway->process, LINK_RANDOM);
    l->ear = link_ear_new(conf->ops, conf->owner);
    l->line = l->ear ? link_line_connect(&line, &l->conf.addr) : NULL;
    if (l->line)
        return;
    link_ear_free(l->ear);
    l->ear = NULL;
    redial_later(l);
}

static void on_redial(struct timer *t)
{
    gateway_link_dial(container_of(t, struct gateway_link, redial));
}

void gateway_link_init(struct gateway_link *l, struct link_gateway *g)
{
    l->gateway = g;
    link_session_init(&l->session);
    timer_init(&l->redial, on_redial);
    timer_init(&l->move, on_move);
    timer_init(&l->silence, on_silence);
    hash_init(&l->accounts);
    hash_init(&l->linked);
    hash_init(&l->streams);
    list_init(&l->streams_in_order);
    list_init(&l->attempts);
}

void gateway_link_fini(struct gateway_link *l)
{
    struct timers *timers = &l->gateway->conf.loop->timers;

    timer_stop(timers, &l->redial);
    timer_stop(timers, &l->move);
    timer_stop(timers, &l->silence);
    link_line_free(l->line);
    link_ear_free(l->ear);
    gateway_unlink_all(l);
    hash_each(&l->accounts, drop_account, l);
    hash_free(&l->accounts);
    hash_free(&l->linked);
    gateway_drop_streams(l);
    gateway_drop_attempts(l);
    hash_free(&l->streams);
    link_session_fini(&l->session);
}
