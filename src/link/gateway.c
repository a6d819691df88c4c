/* The life of the gateway's end, and what all proxies are told. */
#include "link/gateway.h"

#include <stdlib.h>

#include "base/rand.h"
#include "link/gateway_parts.h"

#define STOP_MS 5000

void gateway_turn(struct link_gateway *g)
{
    loop_defer(g->conf.loop, &g->turn);
}

static void on_turn(struct deferred *d)
{
    struct link_gateway *g = container_of(d, struct link_gateway, turn);

    gateway_end_silent(g);
    gateway_watch(g); /* before what it may be about */
    gateway_give_credit(g);
    gateway_pump(g);
}

/* ---- settings ---- */

static void on_tell(struct deferred *d)
{
    struct link_gateway *g = container_of(d, struct link_gateway, tell);

    if (!g->lists_missing)
        timer_stop(&g->conf.loop->timers, &g->again);
    gateway_make_settings(g);
    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        g->links[i].settings_at = 0;
        gateway_push_settings(&g->links[i]);
    }
    gateway_refuse_removed(g);
}

static void tell_settings(struct link_gateway *g)
{
    loop_defer(g->conf.loop, &g->tell);
}

static void on_again(struct timer *t)
{
    struct link_gateway *g = container_of(t, struct link_gateway, again);

    tell_settings(g);
    if (g->lists_missing)
        link_gateway_revocations_changed(g);
}

void link_gateway_reconsider(struct link_gateway *g)
{
    tell_settings(g);
}

void link_gateway_revocations_changed(struct link_gateway *g)
{
    gateway_make_lists(g);
    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        g->links[i].lists_at = 0;
        gateway_push_settings(&g->links[i]);
    }
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
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        gateway_tell_phase(&g->links[i]);
}

void link_gateway_refuse(struct link_gateway *g, bool refuse)
{
    set_phase(g, refuse ? LINK_REFUSE : LINK_SERVE);
}

void link_gateway_rest(struct link_gateway *g)
{
    set_phase(g, LINK_REST);
}

/*
 * Its sessions end what they have. Once one is over, no other one begins: it would take the place of the process that serves now.
 */
void link_gateway_leave(struct link_gateway *g)
{
    g->leaving = true;
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        timer_stop(&g->conf.loop->timers, &g->links[i].redial);
}

/* ---- the whole ---- */

static void on_stop_late(struct timer *t)
{
    struct link_gateway *g = container_of(t, struct link_gateway, stop);

    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        g->links[i].rested = true;
    gateway_stopped_if_done(g);
}

/* All proxies have said that their streams were told, or have no link: then the links end, too. */
void gateway_stopped_if_done(struct link_gateway *g)
{
    void (*done)(void *arg) = g->stopped;

    if (!done)
        return;
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        if (g->links[i].session.line && !g->links[i].rested)
            return;
    g->stopped = NULL;
    timer_stop(&g->conf.loop->timers, &g->stop);
    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
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
    buf_init(&g->lists, 0);
    hash_init(&g->pairs);
    hash_init(&g->tokens);
    hash_init(&g->ids);
    hash_init(&g->receipts);
    list_init(&g->waiting);
    list_init(&g->owing);
    list_init(&g->probes);
    xmpp_tally_init(&g->paused);
    deferred_init(&g->turn, on_turn);
    deferred_init(&g->tell, on_tell);
    timer_init(&g->again, on_again);
    timer_init(&g->stop, on_stop_late);
    rand_bytes(g->process, LINK_RANDOM);
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        gateway_link_init(&g->links[i], g);
    link_gateway_set_proxies(g, conf->proxies, conf->n_proxies);
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
    gateway_make_lists(g);
    g->started = true;
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        if (g->links[i].taken)
            gateway_link_dial(&g->links[i]);
}

void link_gateway_free(struct link_gateway *g)
{
    if (!g)
        return;
    g->freeing = true;
    if (g->made)
        *g->made = NULL;
    timer_stop(&g->conf.loop->timers, &g->stop);
    timer_stop(&g->conf.loop->timers, &g->again);
    gateway_drop_pairs(g);
    gateway_drop_receipts(g);
    gateway_drop_probes(g);
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        gateway_link_fini(&g->links[i]);
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
