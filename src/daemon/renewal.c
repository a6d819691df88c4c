#include "daemon/renewal.h"

#include <stdlib.h>

#include "net/tls.h"

#define LOOK_MS 60000

struct renewal {
    struct loop *loop;
    struct keeper *keeper;
    struct timer look;
    uv_work_t work;
    bool busy, again; /* again: it was asked for while one was under way */
    uint64_t mark;    /* of all files at the last look; the worker's while busy */
};

/* Tells one state of all certificates' files from another. */
static uint64_t add_mark(uint64_t mark, const char *certificate, const char *key)
{
    if (!certificate || !key)
        return mark;
    return (mark ^ tls_file_mark(certificate)) * 0x100000001b3 ^ tls_file_mark(key);
}

static uint64_t mark_of(struct keeper *keeper)
{
    struct config *c = keeper_config(keeper);
    const struct config_list *domains = config_list(c, &sip_domain_kind);
    const struct gateway *g = config_gateway(c);
    uint64_t mark = add_mark(0, g->sip_certificate, g->sip_key);

    for (size_t i = 0; i < domains->n; i++) {
        const struct sip_domain *d = CONFIG_OBJECT(sip_domain, domains, i);

        mark = add_mark(mark, d->certificate, d->key);
    }
    config_drop(c);
    return mark;
}

/* The mark is taken first: what is replaced while it is read is read again at the next look. */
static void on_look_off_the_loop(uv_work_t *work)
{
    struct renewal *r = container_of(work, struct renewal, work);
    uint64_t mark = mark_of(r->keeper);

    if (mark == r->mark)
        return;
    r->mark = mark;
    keeper_publish(r->keeper);
}

static void on_done(uv_work_t *work, int status)
{
    struct renewal *r = container_of(work, struct renewal, work);

    r->busy = false;
    timer_start(&r->loop->timers, &r->look, r->again ? 0 : LOOK_MS);
    r->again = false;
}

void renewal_look(struct renewal *r)
{
    if (r->busy) {
        r->again = true;
        return;
    }
    if (uv_queue_work(&r->loop->uv, &r->work, on_look_off_the_loop, on_done) != 0) {
        timer_start(&r->loop->timers, &r->look, LOOK_MS);
        return;
    }
    timer_stop(&r->loop->timers, &r->look);
    r->busy = true;
}

static void on_look(struct timer *t)
{
    renewal_look(container_of(t, struct renewal, look));
}

struct renewal *renewal_new(struct loop *loop, struct keeper *keeper, struct err *err)
{
    struct renewal *r = calloc(1, sizeof(*r));

    if (!r) {
        err_memory(err, "watching certificates");
        return NULL;
    }
    r->loop = loop;
    r->keeper = keeper;
    r->mark = mark_of(keeper);
    timer_init(&r->look, on_look);
    timer_start(&loop->timers, &r->look, LOOK_MS);
    return r;
}

void renewal_free(struct renewal *r)
{
    if (!r)
        return;
    while (r->busy)
        uv_run(&r->loop->uv, UV_RUN_ONCE);
    timer_stop(&r->loop->timers, &r->look);
    free(r);
}
