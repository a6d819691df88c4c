/* Copies of proxies' set-ups that have failed, and tests of partners that proxies do for us. They decide nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "link/gateway_parts.h"
#include "xmpp/attempts.h"
#include "xmpp/probe.h"

#define TEXTS_MAX ((size_t)8192)
#define SILENT_MS 30000 /* a proxy that says nothing of a test for so long will never */

struct gateway_attempt {
    struct list link;
    struct arena arena;
    struct xmpp_attempt_info info; /* but for its age */
    uint64_t ended_ms;
    struct xmpp_trace *trace;
};

struct gateway_probe {
    struct list link;
    struct gateway_link *at; /* NULL: it is done, or lost */
    struct xmpp_probe_info info;
    uint64_t heard_ms;
    struct xmpp_trace *trace;
    char verdict[LINK_VERDICT_MAX + 1];
    char names[]; /* local, remote */
};

/* ---- set-ups that have failed ---- */

static void attempt_free(struct gateway_link *l, struct gateway_attempt *a)
{
    gateway_unfill(l, &a->trace);
    list_unlink(&a->link);
    arena_reset(&a->arena);
    free(a);
}

void gateway_drop_attempts(struct gateway_link *l)
{
    while (!list_empty(&l->attempts))
        attempt_free(l, container_of(l->attempts.next, struct gateway_attempt, link));
}

/* Its former one, and the oldest when there are too many of its direction. */
static void make_room(struct gateway_link *l, const struct link_attempt_frame *f)
{
    struct gateway_attempt *oldest = NULL;
    size_t n = 0;

    list_each_safe (it, tmp, &l->attempts) {
        struct gateway_attempt *a = container_of(it, struct gateway_attempt, link);

        if (a->info.inbound != f->inbound)
            continue;
        if (slice_eq(a->info.local, f->local) && slice_eq(a->info.remote, f->remote)) {
            attempt_free(l, a);
            return;
        }
        n++;
        if (!oldest)
            oldest = a;
    }
    if (n >= (f->inbound ? XMPP_ATTEMPTS_IN : XMPP_ATTEMPTS_OUT))
        attempt_free(l, oldest);
}

static bool take(struct gateway_attempt *a, const struct link_attempt_frame *f)
{
    a->info.inbound = f->inbound;
    a->info.local = arena_dup(&a->arena, f->local);
    a->info.remote = arena_dup(&a->arena, f->remote);
    a->info.address = arena_strdup(&a->arena, f->address);
    a->info.why = arena_strdup(&a->arena, f->why);
    a->info.fault = (enum xmpp_fault)f->fault;
    return a->info.local.p && a->info.remote.p && a->info.address && a->info.why;
}

void gateway_on_attempt(struct gateway_link *l, const struct link_attempt_frame *f)
{
    struct gateway_attempt *a;

    l->filling = NULL;
    make_room(l, f);
    a = calloc(1, sizeof(*a));
    if (!a)
        return;
    arena_init(&a->arena, TEXTS_MAX);
    list_push(&l->attempts, &a->link);
    a->ended_ms = gateway_time(l, f->ended_ms);
    a->info.began_ms = gateway_time(l, f->began_ms);
    if (take(a, f))
        gateway_fill(l, &a->trace);
    else
        attempt_free(l, a);
}

void gateway_each_attempt(const struct link_gateway *g, xmpp_attempt_fn *fn, void *arg)
{
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        list_each (it, &g->links[i].attempts) {
            const struct gateway_attempt *a = container_of(it, const struct gateway_attempt, link);
            struct xmpp_attempt_info info = a->info;

            if (!g->conf.ops->partner(g->conf.owner, info.remote)) /* by the settings of before */
                continue;
            info.age_ms = loop_now(g->conf.loop) - a->ended_ms;
            info.trace = a->trace;
            info.proxy = g->links[i].conf.name;
            fn(arg, &info);
        }
}

/* ---- tests ---- */

static void probe_free(struct link_gateway *g, struct gateway_probe *p)
{
    if (p->at)
        gateway_unfill(p->at, &p->trace);
    xmpp_trace_free(p->trace);
    list_unlink(&p->link);
    g->n_probes--;
    free(p);
}

void gateway_drop_probes(struct link_gateway *g)
{
    while (!list_empty(&g->probes))
        probe_free(g, container_of(g->probes.next, struct gateway_probe, link));
}

static void probe_end(struct gateway_probe *p, bool works, enum xmpp_fault fault, struct slice verdict)
{
    p->info.done = true;
    p->info.works = works;
    p->info.fault = fault;
    snprintf(p->verdict, sizeof(p->verdict), "%.*s", SLICE_FMT(verdict));
}

static void probe_lost(struct gateway_probe *p, const char *why)
{
    if (p->at && p->at->filling == &p->trace)
        p->at->filling = NULL;
    p->at = NULL;
    if (!p->info.done)
        probe_end(p, false, XMPP_FAULT_CLOSED, slice_str(why));
}

/* What is asked of a proxy that was lost meanwhile, or has said nothing for long, is not done. */
static void tidy(struct link_gateway *g)
{
    uint64_t now = loop_now(g->conf.loop);

    list_each_safe (it, tmp, &g->probes) {
        struct gateway_probe *p = container_of(it, struct gateway_probe, link);

        if (!p->info.done && now - p->heard_ms >= SILENT_MS)
            probe_lost(p, "The proxy that does the test has said nothing of it for 30 s.");
        if (p->info.done && now - p->heard_ms >= XMPP_PROBE_KEEP_MS)
            probe_free(g, p);
    }
    if (g->n_probes >= XMPP_PROBES_KEPT)
        probe_free(g, container_of(g->probes.next, struct gateway_probe, link));
}

static struct gateway_probe *probe_new(struct gateway_link *l, struct slice local, struct slice remote)
{
    struct gateway_probe *p = calloc(1, sizeof(*p) + local.n + remote.n);

    if (!p)
        return NULL;
    memcpy(p->names, local.p, local.n);
    memcpy(p->names + local.n, remote.p, remote.n);
    p->at = l;
    p->heard_ms = loop_now(l->gateway->conf.loop);
    p->info = (struct xmpp_probe_info){ .id = ++l->gateway->last_probe,
                                        .local = slice_of(p->names, local.n),
                                        .remote = slice_of(p->names + local.n, remote.n),
                                        .began_ms = p->heard_ms };
    return p;
}

static size_t running(const struct link_gateway *g)
{
    size_t n = 0;

    list_each (it, &g->probes)
        n += !container_of(it, const struct gateway_probe, link)->info.done;
    return n;
}

uint64_t gateway_probe_start(struct link_gateway *g, struct slice local, struct slice remote, const char **why)
{
    struct gateway_link *l = gateway_chosen(g);
    struct gateway_probe *p = NULL;
    struct link_frame f = { .type = LINK_PROBE, .probe = { .local = local, .remote = remote } };

    tidy(g);
    if (!l)
        *why = "no proxy is linked (stoxctl proxy list)";
    else if (running(g) >= XMPP_PROBES_RUNNING)
        *why = "as many tests as may run at a time are running";
    else if (!(p = probe_new(l, local, remote)))
        *why = "memory is missing";
    if (!p)
        return 0;
    f.probe.id = p->info.id;
    if (!link_session_send(&l->session, &f)) {
        *why = "the link to the proxy has no room for it";
        free(p);
        return 0;
    }
    list_push(&g->probes, &p->link);
    g->n_probes++;
    return p->info.id;
}

static struct gateway_probe *find(const struct link_gateway *g, uint64_t id)
{
    list_each (it, &g->probes)
        if (container_of(it, const struct gateway_probe, link)->info.id == id)
            return container_of(it, struct gateway_probe, link);
    return NULL;
}

void gateway_on_probed(struct gateway_link *l, const struct link_probed_frame *f)
{
    struct gateway_probe *p = find(l->gateway, f->id);

    l->filling = NULL;
    if (!p || p->at != l || p->info.done)
        return;
    p->heard_ms = loop_now(l->gateway->conf.loop);
    p->info.began_ms = f->began_ms ? gateway_time(l, f->began_ms) : p->info.began_ms;
    p->info.took_ms = f->took_ms;
    if (f->done)
        probe_end(p, f->works, (enum xmpp_fault)f->fault, f->verdict);
    gateway_fill(l, &p->trace);
}

void gateway_lose_probes(struct gateway_link *l)
{
    list_each (it, &l->gateway->probes) {
        struct gateway_probe *p = container_of(it, struct gateway_probe, link);

        if (p->at == l)
            probe_lost(p, "The proxy that did the test was lost meanwhile.");
    }
}

bool gateway_probe_show(const struct link_gateway *g, uint64_t id, xmpp_probe_fn *fn, void *arg)
{
    const struct gateway_probe *p = find(g, id);
    struct xmpp_probe_info info;

    if (!p)
        return false;
    info = p->info;
    info.verdict = p->verdict;
    info.trace = p->trace;
    if (p->at)
        info.proxy = p->at->conf.name;
    if (!info.done)
        info.took_ms = loop_now(g->conf.loop) - info.began_ms;
    fn(arg, &info);
    return true;
}
