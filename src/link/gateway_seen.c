/* What administrators see of proxies, and of what waits for partners here: it decides nothing. */
#include <stdio.h>

#include "link/gateway_parts.h"

/* ---- counters ---- */

/* Of federation's counters those that only grow, and those that say how it is now. */
#define GROWING(X)                                                                                                     \
    X(stanzas_in)                                                                                                      \
    X(stanzas_out)                                                                                                     \
    X(confirmed)                                                                                                       \
    X(unconfirmed)                                                                                                     \
    X(failed)                                                                                                          \
    X(resent)                                                                                                          \
    X(streams_opened)                                                                                                  \
    X(streams_failed)                                                                                                  \
    X(streams_refused)                                                                                                 \
    X(streams_failed_in)                                                                                               \
    X(throttles)                                                                                                       \
    X(throttled_ms)
#define CURRENT(X) X(streams) X(streams_authenticated)

static void sum_up(struct link_gateway *g)
{
    struct xmpp_counters sum = { .queued = g->counters.queued };

    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        const struct gateway_link *l = &g->links[i];

#define ADD(name) sum.name += l->before.name + l->counted.name;
        GROWING(ADD)
        CURRENT(ADD)
#undef ADD
    }
    g->counters = sum;
}

void gateway_keep_counted(struct gateway_link *l)
{
#define KEEP(name) l->before.name += l->counted.name;
    GROWING(KEEP)
#undef KEEP
    l->counted = (struct xmpp_counters){ 0 };
    memset(l->counted_by, 0, LINK_RANDOM);
    sum_up(l->gateway);
}

void gateway_on_counters(struct gateway_link *l, const struct link_counters_frame *f)
{
    /* A proxy that was started anew counts from 0: what the former one had counted stays counted. */
    if (memcmp(l->counted_by, l->session.peer, LINK_RANDOM) != 0)
        gateway_keep_counted(l);
    memcpy(l->counted_by, l->session.peer, LINK_RANDOM);
#define TAKE(name) l->counted.name = f->name;
    GROWING(TAKE)
    CURRENT(TAKE)
#undef TAKE
    sum_up(l->gateway);
}

void gateway_uncount(struct gateway_link *l)
{
#define CLEAR(name) l->counted.name = 0;
    CURRENT(CLEAR)
#undef CLEAR
    sum_up(l->gateway);
}

const struct xmpp_counters *link_gateway_counters(const struct link_gateway *g)
{
    return &g->counters;
}

/* ---- what waits ---- */

struct walk {
    const struct link_gateway *g;
    xmpp_queue_fn *fn;
    void *arg;
};

/* What is given back to wait again goes to the front, and what is sent keeps its order: the oldest are the first ones. */
static uint64_t oldest_of(const struct gateway_pair *p)
{
    const struct list *const lists[] = { &p->sent, &p->owed, &p->queue };
    uint64_t oldest = UINT64_MAX;

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (!list_empty(lists[i])) {
            uint64_t since = container_of(lists[i]->next, const struct gateway_out, link)->since_ms;

            oldest = since < oldest ? since : oldest;
        }
    return oldest;
}

/* By the copies of the proxy's streams, which may be a second older than the stanza. */
static void say_at_proxy(const struct gateway_pair *p, const struct gateway_link *at, char out[XMPP_QUEUE_TEXT])
{
    const char *awaits = NULL;
    enum gateway_way way = gateway_way_of(at, gateway_local(p), gateway_remote(p), &awaits);
    struct slice name = slice_first(at->conf.name, 60);

    if (way == GATEWAY_WAY_SET_UP)
        snprintf(out, XMPP_QUEUE_TEXT, "the set-up of its stream at proxy %.*s: %s", SLICE_FMT(name), awaits);
    else if (way == GATEWAY_WAY_STREAM)
        snprintf(out, XMPP_QUEUE_TEXT, "the partner's acknowledgement to proxy %.*s", SLICE_FMT(name));
    else
        snprintf(out, XMPP_QUEUE_TEXT, "proxy %.*s, which has it, to say what became of it", SLICE_FMT(name));
}

static void say(const struct gateway_pair *p, char out[XMPP_QUEUE_TEXT])
{
    const struct gateway_link *at =
        list_empty(&p->sent) ? NULL : container_of(p->sent.next, const struct gateway_out, link)->at;

    if (at && at->session.line)
        say_at_proxy(p, at, out);
    else if (at)
        snprintf(out, XMPP_QUEUE_TEXT, "the link to proxy %.*s, which has it and cannot be reached",
                 SLICE_FMT(slice_first(at->conf.name, 100)));
    else
        snprintf(out, XMPP_QUEUE_TEXT,
                 gateway_chosen(p->gateway) ? "room on the link" : "a link: no proxy can be reached");
}

static void on_pair(struct hash_node *node, void *arg)
{
    const struct gateway_pair *p = container_of(node, const struct gateway_pair, node);
    const struct walk *w = arg;
    char waits[XMPP_QUEUE_TEXT];
    struct xmpp_queue_info info = {
        .local = gateway_local(p), .remote = gateway_remote(p), .n = p->n, .bytes = p->bytes, .waits_for = waits
    };

    if (!p->n)
        return;
    info.since_ms = oldest_of(p);
    list_each (it, &p->sent)
        info.n_written++;
    say(p, waits);
    w->fn(w->arg, &info);
}

bool link_gateway_walk_queue(struct link_gateway *g, uint64_t *at, size_t n, xmpp_queue_fn *fn, void *arg)
{
    struct walk w = { g, fn, arg };

    return hash_walk(&g->pairs, at, n, on_pair, &w);
}

/* ---- traces ---- */

uint64_t gateway_time(const struct gateway_link *l, uint64_t proxy_ms)
{
    uint64_t now = loop_now(l->gateway->conf.loop), then = l->session.answered_ms, asked = l->session.asked_ms;

    if (proxy_ms >= asked)
        return now - then > proxy_ms - asked ? then + (proxy_ms - asked) : now;
    return then > asked - proxy_ms ? then - (asked - proxy_ms) : 0;
}

void gateway_fill(struct gateway_link *l, struct xmpp_trace **trace)
{
    xmpp_trace_free(*trace);
    *trace = xmpp_trace_new();
    l->filling = trace;
}

void gateway_unfill(struct gateway_link *l, struct xmpp_trace **trace)
{
    if (l->filling == trace)
        l->filling = NULL;
    xmpp_trace_free(*trace);
    *trace = NULL;
}

void gateway_on_step(struct gateway_link *l, const struct link_step_frame *step)
{
    if (l->filling)
        xmpp_trace_add(*l->filling, gateway_time(l, step->at_ms), (enum xmpp_step)step->step,
                       (enum step_result)step->result, "%.*s", SLICE_FMT(step->text));
}

/* ---- notes ---- */

void gateway_watch(struct link_gateway *g)
{
    bool watched = g->conf.ops->watched && g->conf.ops->watched(g->conf.owner);
    const struct link_frame f = { .type = LINK_WATCH, .watch.on = watched };

    for (size_t i = 0; i < GATEWAY_LINKS; i++) {
        struct gateway_link *l = &g->links[i];

        if (l->session.line && l->watched != watched && link_line_write(l->session.line, &f))
            l->watched = watched;
    }
}

void gateway_on_note(struct gateway_link *l, const struct link_note_frame *note)
{
    const struct link_gateway_conf *conf = &l->gateway->conf;
    char step[33];

    if (!conf->ops->noted)
        return;
    snprintf(step, sizeof(step), "%.*s", SLICE_FMT(note->step));
    conf->ops->noted(conf->owner, note->local, note->remote, note->inbound, step, (enum step_result)note->result,
                     note->text);
}
