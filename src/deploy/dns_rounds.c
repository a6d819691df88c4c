#include "deploy/dns_rounds.h"

#include <stdlib.h>

#define HOUR_MS 3600000u

struct dns_rounds {
    struct dns_rounds_conf conf;
    struct timer tick;
    uv_work_t work;
    uint64_t now_ms; /* of the loop, when the work began */
    bool busy;
};

/* The settings' lock and that of the checks are not for the loop to wait for. */
static void on_tick_off_the_loop(uv_work_t *work)
{
    struct dns_rounds *r = container_of(work, struct dns_rounds, work);
    uint64_t last = r->conf.last_ms(r->conf.owner);
    unsigned every_h = r->conf.every_h(r->conf.owner);

    if (every_h && (!last || r->now_ms >= last + (uint64_t)every_h * HOUR_MS))
        r->conf.look(r->conf.owner);
}

static void on_done(uv_work_t *work, int status)
{
    struct dns_rounds *r = container_of(work, struct dns_rounds, work);

    r->busy = false;
    timer_start(&r->conf.loop->timers, &r->tick, DNS_ROUNDS_TICK_MS);
}

static void on_tick(struct timer *t)
{
    struct dns_rounds *r = container_of(t, struct dns_rounds, tick);

    r->now_ms = loop_now(r->conf.loop);
    r->busy = uv_queue_work(&r->conf.loop->uv, &r->work, on_tick_off_the_loop, on_done) == 0;
    if (!r->busy)
        timer_start(&r->conf.loop->timers, &r->tick, DNS_ROUNDS_TICK_MS);
}

struct dns_rounds *dns_rounds_new(const struct dns_rounds_conf *conf, struct err *err)
{
    struct dns_rounds *r = calloc(1, sizeof(*r));

    if (!r) {
        err_memory(err, "watching DNS");
        return NULL;
    }
    r->conf = *conf;
    timer_init(&r->tick, on_tick);
    timer_start(&conf->loop->timers, &r->tick, DNS_ROUNDS_FIRST_MS);
    return r;
}

void dns_rounds_free(struct dns_rounds *r)
{
    if (!r)
        return;
    while (r->busy)
        uv_run(&r->conf.loop->uv, UV_RUN_ONCE);
    timer_stop(&r->conf.loop->timers, &r->tick);
    free(r);
}
