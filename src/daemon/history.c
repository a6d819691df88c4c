#include "daemon/history.h"

#include <stdlib.h>

#define MINUTE_MS 60000

struct history {
    struct loop *loop;
    struct bridge *bridge;
    struct timer turn;
    struct bridge_counters before; /* as they were when the minute began */
    struct history_minute all[HISTORY_MINUTES];
    size_t n, next;
};

static uint64_t failed(const struct bridge_counters *c)
{
    return c->s2x_refused + c->s2x_timed_out + c->s2x_outcome_unknown + c->x2s_refused;
}

static void count_stream(void *arg, const struct xmpp_stream_info *info)
{
    uint32_t *n = arg;

    *n += info->authenticated;
}

static struct history_minute now(const struct history *h)
{
    const struct bridge_counters *c = bridge_counters(h->bridge), *before = &h->before;
    struct history_minute m = { .to_xmpp = (uint32_t)(c->s2x_in - before->s2x_in),
                                .to_sip = (uint32_t)(c->x2s_in - before->x2s_in),
                                .failed = (uint32_t)(failed(c) - failed(before)) };

    bridge_each_stream(h->bridge, count_stream, &m.streams);
    return m;
}

static void on_turn(struct timer *t)
{
    struct history *h = container_of(t, struct history, turn);

    h->all[h->next] = now(h);
    h->next = (h->next + 1) % HISTORY_MINUTES;
    if (h->n < HISTORY_MINUTES)
        h->n++;
    h->before = *bridge_counters(h->bridge);
    timer_start(&h->loop->timers, t, MINUTE_MS);
}

struct history *history_new(struct loop *loop, struct bridge *bridge, struct err *err)
{
    struct history *h = calloc(1, sizeof(*h));

    if (!h) {
        err_memory(err, "starting");
        return NULL;
    }
    h->loop = loop;
    h->bridge = bridge;
    h->before = *bridge_counters(bridge);
    timer_init(&h->turn, on_turn);
    timer_start(&loop->timers, &h->turn, MINUTE_MS);
    return h;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    timer_stop(&h->loop->timers, &h->turn);
    free(h);
}

size_t history_read(const struct history *h, struct history_minute *out, size_t max)
{
    size_t n = h->n < max ? h->n : max;

    for (size_t i = 0; i < n; i++)
        out[i] = h->all[(h->next + HISTORY_MINUTES - n + i) % HISTORY_MINUTES];
    out[n] = now(h);
    return n + 1;
}
