/* The life of the gateway's end: a link to each proxy, dialled again and again, and the sessions that outlive cuts. */
#include "link/gateway.h"

#include <stdlib.h>

#include "base/rand.h"
#include "link/gateway_parts.h"

#define REDIAL_MS 100
#define REDIAL_MAX_MS 10000
#define STOP_MS 5000

static void dial(struct gateway_link *l);

/* ---- sessions ---- */

bool gateway_is_ready(const struct gateway_link *l)
{
    return l->session.line && l->session.begun && l->session.answered_ms && l->used;
}

void gateway_turn(struct link_gateway *g)
{
    loop_defer(g->conf.loop, &g->turn);
}

static void on_turn(struct deferred *d)
{
    struct link_gateway *g = container_of(d, struct link_gateway, turn);

    gateway_give_credit(g);
    gateway_pump(g);
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
    gateway_move_all(l);
    gateway_unlink_all(l);
    gateway_uncount(l);
    hash_each(&l->accounts, drop_account, l);
    link_session_fini(&l->session);
    link_session_init(&l->session);
    l->used = 0;
    l->rested = false;
}

static void on_move(struct timer *t)
{
    struct gateway_link *l = container_of(t, struct gateway_link, move);

    log_warning(l->gateway->conf.loop->log, "proxy-lost", LOG_S("proxy", l->conf->name),
                LOG_Z("effect", "what it had goes to another one, or waits for it"));
    session_lost(l);
    gateway_turn(l->gateway);
}

void gateway_complain(struct gateway_link *l, enum link_reason reason, const char *what)
{
    if (l->line)
        link_line_end(l->line, reason, what);
    timer_start(&l->gateway->conf.loop->timers, &l->move,
                0); /* it may hold what it has given up: nothing is asked of it */
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

static void tell_phase(struct gateway_link *l)
{
    const struct link_frame f = { .type = LINK_PHASE, .phase.phase = l->gateway->phase };

    gateway_tell(l, &f);
}

static void on_up(void *owner, struct link_line *line)
{
    struct gateway_link *l = owner;
    struct link_gateway *g = l->gateway;

    log_info(g->conf.loop->log, "link-up", LOG_S("proxy", l->conf->name));
    l->n_failed = 0;
    timer_stop(&g->conf.loop->timers, &l->move);
    if (g->phase != LINK_SERVE)
        tell_phase(l);
    l->settings_at = 0;
    gateway_push_settings(l);
}

static void stopped_if_done(struct link_gateway *g);

static void on_frame(void *owner, struct link_line *line, const struct link_frame *f)
{
    struct gateway_link *l = owner;

    switch (f->type) {
    case LINK_STANZA: gateway_on_stanza(l, &f->stanza); return;
    case LINK_FATE: gateway_on_fate(l, &f->fate); return;
    case LINK_LINKED: gateway_on_linked(l, &f->linked); return;
    case LINK_COUNTERS: gateway_on_counters(l, &f->counters); return;
    case LINK_SETTINGS_USED: gateway_on_used(l, &f->settings_used); return;
    default: /* PHASE_DONE */ l->rested = f->phase_done.phase == LINK_REST; stopped_if_done(l->gateway);
    }
}

static void on_alive(void *owner, struct link_line *line)
{
    gateway_turn(((struct gateway_link *)owner)->gateway);
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

static void on_closed(void *owner, struct link_line *line, enum link_reason reason, const char *why)
{
    struct gateway_link *l = owner;
    struct link_gateway *g = l->gateway;
    uint64_t now = loop_now(g->conf.loop), moves = l->session.answered_ms + LINK_MOVE_MS;
    unsigned held;

    l->line = NULL;
    link_ear_free(l->ear);
    l->ear = NULL;
    if (log_allowed(&g->log_lost, now, 10, &held))
        log_warning(g->conf.loop->log, "link-lost", LOG_S("proxy", l->conf->name),
                    LOG_Z("reason", link_reason_name(reason)), LOG_Z("why", why));
    if (l->session.begun && !timer_running(&l->move))
        timer_start(&g->conf.loop->timers, &l->move, moves > now ? moves - now : 0);
    stopped_if_done(g);
    if (!g->stopped)
        redial_later(l);
}

static const struct link_line_ops line_ops = {
    .hello = on_hello, .up = on_up, .frame = on_frame, .alive = on_alive, .room = on_room, .closed = on_closed
};

static void dial(struct gateway_link *l)
{
    const struct link_gateway_conf *conf = &l->gateway->conf;
    struct link_line_conf line = { .loop = conf->loop,
                                   .tls = conf->tls,
                                   .role = LINK_GATEWAY,
                                   .pins = &l->conf->pin,
                                   .n_pins = 1,
                                   .name = conf->name,
                                   .ops = &line_ops,
                                   .owner = l,
                                   .session = &l->session };

    memcpy(line.process, l->gateway->process, LINK_RANDOM);
    l->ear = link_ear_new(conf->ops, conf->owner);
    l->line = l->ear ? link_line_connect(&line, &l->conf->addr) : NULL;
    if (l->line)
        return;
    link_ear_free(l->ear);
    l->ear = NULL;
    redial_later(l);
}

static void on_redial(struct timer *t)
{
    dial(container_of(t, struct gateway_link, redial));
}

/* ---- settings ---- */

static void on_tell(struct deferred *d)
{
    struct link_gateway *g = container_of(d, struct link_gateway, tell);

    gateway_make_settings(g);
    for (size_t i = 0; i < g->n_links; i++) {
        g->links[i].settings_at = 0;
        gateway_push_settings(&g->links[i]);
    }
    gateway_refuse_removed(g);
}

static void tell_settings(struct link_gateway *g)
{
    loop_defer(g->conf.loop, &g->tell);
}

void link_gateway_reconsider(struct link_gateway *g)
{
    tell_settings(g);
}

void link_gateway_set_limits(struct link_gateway *g, const struct xmpp_limits *limits)
{
    g->conf.limits = *limits;
    tell_settings(g);
}

bool link_gateway_set_secret(struct link_gateway *g, struct slice secret)
{
    if (!secret.n || secret.n > sizeof(g->secret))
        return false;
    memcpy(g->secret, secret.p, secret.n);
    g->conf.dialback_secret = slice_of(g->secret, secret.n);
    tell_settings(g);
    return true;
}

static void set_phase(struct link_gateway *g, enum link_phase phase)
{
    if (g->phase == phase)
        return;
    g->phase = phase;
    for (size_t i = 0; i < g->n_links; i++)
        tell_phase(&g->links[i]);
}

void link_gateway_refuse(struct link_gateway *g, bool refuse)
{
    set_phase(g, refuse ? LINK_REFUSE : LINK_SERVE);
}

void link_gateway_rest(struct link_gateway *g)
{
    set_phase(g, LINK_REST);
}

/* ---- the whole ---- */

static void on_stop_late(struct timer *t)
{
    struct link_gateway *g = container_of(t, struct link_gateway, stop);

    for (size_t i = 0; i < g->n_links; i++)
        g->links[i].rested = true;
    stopped_if_done(g);
}

/* All proxies have said that their streams were told, or have no link: then the links end, too. */
static void stopped_if_done(struct link_gateway *g)
{
    void (*done)(void *arg) = g->stopped;

    if (!done)
        return;
    for (size_t i = 0; i < g->n_links; i++)
        if (g->links[i].session.line && !g->links[i].rested)
            return;
    g->stopped = NULL;
    timer_stop(&g->conf.loop->timers, &g->stop);
    for (size_t i = 0; i < g->n_links; i++) {
        timer_stop(&g->conf.loop->timers, &g->links[i].redial);
        if (g->links[i].line)
            link_line_end(g->links[i].line, LINK_IN_ORDER, "the gateway is stopped");
    }
    done(g->stopped_arg);
}

void link_gateway_stop(struct link_gateway *g, void (*done)(void *arg), void *arg)
{
    g->stopped = done;
    g->stopped_arg = arg;
    set_phase(g, LINK_REST);
    timer_start(&g->conf.loop->timers, &g->stop, STOP_MS);
    gateway_turn(g);
}

struct link_gateway *link_gateway_new(const struct link_gateway_conf *conf, struct err *err)
{
    struct link_gateway *g = calloc(1, sizeof(*g));

    if (!g) {
        err_memory(err, "starting");
        return NULL;
    }
    g->conf = *conf;
    buf_init(&g->settings, 0);
    hash_init(&g->pairs);
    hash_init(&g->tokens);
    hash_init(&g->ids);
    hash_init(&g->receipts);
    list_init(&g->waiting);
    list_init(&g->owing);
    xmpp_tally_init(&g->paused);
    deferred_init(&g->turn, on_turn);
    deferred_init(&g->tell, on_tell);
    timer_init(&g->stop, on_stop_late);
    rand_bytes(g->process, LINK_RANDOM);
    for (; g->n_links < conf->n_proxies && g->n_links < LINK_PROXIES_MAX; g->n_links++) {
        struct gateway_link *l = &g->links[g->n_links];

        l->gateway = g;
        l->conf = &conf->proxies[g->n_links];
        link_session_init(&l->session);
        timer_init(&l->redial, on_redial);
        timer_init(&l->move, on_move);
        hash_init(&l->accounts);
        hash_init(&l->linked);
    }
    if (link_gateway_set_secret(g, conf->dialback_secret))
        return g;
    err_set(err, "the dialback secret must have 1 to %d bytes", XMPP_SECRET_MAX);
    link_gateway_free(g);
    return NULL;
}

void link_gateway_start(struct link_gateway *g)
{
    loop_undefer(&g->tell);
    gateway_make_settings(g);
    for (size_t i = 0; i < g->n_links; i++)
        dial(&g->links[i]);
}

static void link_free(struct gateway_link *l)
{
    struct timers *timers = &l->gateway->conf.loop->timers;

    timer_stop(timers, &l->redial);
    timer_stop(timers, &l->move);
    link_line_free(l->line);
    link_ear_free(l->ear);
    gateway_unlink_all(l);
    hash_each(&l->accounts, drop_account, l);
    hash_free(&l->accounts);
    hash_free(&l->linked);
    link_session_fini(&l->session);
}

void link_gateway_free(struct link_gateway *g)
{
    if (!g)
        return;
    g->freeing = true;
    timer_stop(&g->conf.loop->timers, &g->stop);
    gateway_drop_pairs(g);
    gateway_drop_receipts(g);
    for (size_t i = 0; i < g->n_links; i++)
        link_free(&g->links[i]);
    loop_undefer(&g->turn);
    loop_undefer(&g->tell);
    gateway_free_settings(g);
    hash_free(&g->pairs);
    hash_free(&g->tokens);
    hash_free(&g->ids);
    hash_free(&g->receipts);
    xmpp_tally_fini(&g->paused);
    explicit_bzero(g->secret, sizeof(g->secret));
    free(g);
}
