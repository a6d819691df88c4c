/* Partners and routes: the tests that administrators run for one of them, for all, within a bound. */
#include <stdio.h>

#include "base/clock.h"
#include "daemon/check_rows.h"
#include "sip/probe.h"
#include "xmpp/federation.h"

#define PEERS_MAX 50  /* of a check; who has more tests them one by one */
#define AT_ONCE 8     /* so that those of administrators find room */
#define TIME_MS 40000 /* for all partners, or all routes */

/* One test on its way. */
struct peer {
    struct slice name;
    uint64_t id; /* 0: not begun, or done */
    bool done, works, found;
    char verdict[1200];
    const char *why; /* it could not be begun */
};

struct tests {
    struct check *check;
    const char *what; /* "partner" */
    struct slice from;
    struct peer *current; /* of the call on the loop */
    void (*begin)(void *arg);
    void (*look)(void *arg);
};

/* works and verdict: only when it is done. */
static void take(struct peer *p, bool done, bool works, const char *verdict)
{
    p->found = true;
    p->done = done;
    p->works = done && works;
    if (done)
        snprintf(p->verdict, sizeof(p->verdict), "%s", verdict);
}

/* ---- partners ---- */

static void begin_partner(void *arg)
{
    struct tests *t = arg;

    t->current->id = bridge_probe_start(t->check->conf->bridge, t->from, t->current->name, &t->current->why);
}

static void take_partner(void *arg, const struct xmpp_probe_info *info)
{
    take(arg, info->done, info->works, info->verdict);
}

static void look_at_partner(void *arg)
{
    struct tests *t = arg;

    bridge_probe_show(t->check->conf->bridge, t->current->id, take_partner, t->current);
}

/* ---- routes ---- */

static void begin_route(void *arg)
{
    struct tests *t = arg;

    t->current->id = bridge_route_test(t->check->conf->bridge, t->current->name, &t->current->why);
}

static void take_route(void *arg, const struct sip_probe_info *info)
{
    take(arg, info->done, info->works, info->verdict);
}

static void look_at_route(void *arg)
{
    struct tests *t = arg;

    bridge_route_test_show(t->check->conf->bridge, t->current->id, take_route, t->current);
}

/* ---- all of them ---- */

static bool call(struct tests *t, struct peer *p, void (*fn)(void *arg))
{
    t->current = p;
    return loop_call(t->check->conf->door, fn, t);
}

static void say(const struct tests *t, const struct peer *p)
{
    struct findings *out = t->check->out;
    char name[1100];

    snprintf(name, sizeof(name), "%.*s", SLICE_FMT(p->name));
    if (p->done && p->works)
        findings_add(out, FINDING_OK, t->what, name, "%s %s works", t->what, name);
    else if (p->done)
        findings_line(out, findings_add(out, FINDING_FAILED, t->what, name, "%s %s: %s", t->what, name, p->verdict),
                      "stoxctl %s test %s", t->what, name);
    else if (p->why && !p->id)
        findings_add(out, FINDING_NOTE, t->what, name, "%s %s was not tried: %s", t->what, name, p->why);
    else
        findings_line(out,
                      findings_add(out, FINDING_WARNING, t->what, name, "%s %s: the test did not end within %d s",
                                   t->what, name, TIME_MS / 1000),
                      "stoxctl %s test %s", t->what, name);
}

/* Begins what may be begun, and looks at what was. Returns how many are not over yet. */
static size_t go_on(struct tests *t, struct peer *peers, size_t n)
{
    size_t running = 0, left = 0;

    for (size_t i = 0; i < n; i++)
        running += peers[i].id && !peers[i].done;
    for (size_t i = 0; i < n; i++) {
        struct peer *p = &peers[i];

        if (!p->id && !p->why && running < AT_ONCE && call(t, p, t->begin))
            running += p->id != 0;
        if (!p->id && !p->why && running == 0)
            p->why = "the daemon is about to end";
        p->found = p->done;
        if (p->id && !p->done && (!call(t, p, t->look) || !p->found)) {
            p->id = 0;
            p->why = "its result is gone";
        }
        left += !p->done && !(p->why && !p->id);
    }
    return left;
}

static void test_all(struct tests *t, const struct config_list *list)
{
    size_t n = list->n < PEERS_MAX ? list->n : PEERS_MAX;
    struct peer *peers = n ? arena_zalloc(&t->check->out->arena, n * sizeof(*peers)) : NULL;
    uint64_t end = clock_mono_ms() + TIME_MS;

    t->check->out->left_out += n && !peers;
    for (size_t i = 0; peers && i < n; i++)
        peers[i].name = list->v[i]->name;
    while (peers && go_on(t, peers, n) && clock_mono_ms() < end && check_may_go_on(t->check))
        ;
    for (size_t i = 0; peers && i < n; i++)
        say(t, &peers[i]);
    if (list->n > n)
        findings_add(t->check->out, FINDING_NOTE, t->what, "", "%zu more were not tried: stoxctl %s test tries one",
                     list->n - n, t->what);
}

void check_partners(struct check *c)
{
    const struct config_list *ours = config_list(c->config, &sip_domain_kind);
    struct tests t = { .check = c, .what = "partner", .begin = begin_partner, .look = look_at_partner };

    if (ours->n == 0)
        return; /* said already */
    t.from = ours->v[0]->name;
    test_all(&t, config_list(c->config, &partner_kind));
}

void check_routes(struct check *c)
{
    struct tests t = { .check = c, .what = "route", .begin = begin_route, .look = look_at_route };

    test_all(&t, config_list(c->config, &route_kind));
}
