#include "daemon/revocation.h"

#include <stdlib.h>

#define LOOK_MS 60000

struct revocation {
    struct loop *loop;
    struct tls *tls;
    const char *file;
    struct timer look;
    struct tls_crls *stamped; /* borrowed: those tls has */
    struct reading *reading;  /* NULL: none is under way */
    void (*changed)(void *owner);
    void *owner;
};

/* One reading off the loop. */
struct reading {
    uv_work_t work;
    struct revocation *owner;
    struct tls_crls *crls;
    struct err err;
    char file[];
};

static void use(struct revocation *r, struct tls_crls *crls)
{
    r->stamped = crls;
    tls_use_crls(r->tls, crls);
    log_info(r->loop->log, "revocation-lists", LOG_Z("file", r->file), LOG_U("lists", tls_crls_count(crls)));
}

static void on_read(uv_work_t *work)
{
    struct reading *g = container_of(work, struct reading, work);

    g->crls = tls_crls_load(g->file, &g->err);
}

static void on_done(uv_work_t *work, int status)
{
    struct reading *g = container_of(work, struct reading, work);
    struct revocation *r = g->owner;

    r->reading = NULL;
    timer_start(&r->loop->timers, &r->look, LOOK_MS);
    if (g->crls) {
        use(r, g->crls);
        if (r->changed)
            r->changed(r->owner);
    } else {
        log_error(r->loop->log, "revocation-lists-not-read", LOG_Z("why", g->err.text),
                  LOG_Z("effect", "those read before stay in use"));
    }
    free(g);
}

void revocation_look(struct revocation *r)
{
    struct reading *g;

    if (r->reading)
        return;
    timer_start(&r->loop->timers, &r->look, LOOK_MS);
    if (!tls_crls_changed(r->stamped, r->file))
        return;
    g = calloc(1, sizeof(*g) + strlen(r->file) + 1);
    if (!g)
        return; /* at the next look */
    memcpy(g->file, r->file, strlen(r->file) + 1);
    g->owner = r;
    if (uv_queue_work(&r->loop->uv, &g->work, on_read, on_done) != 0) {
        free(g);
        return;
    }
    timer_stop(&r->loop->timers, &r->look);
    r->reading = g;
}

void revocation_watch(struct revocation *r, void (*changed)(void *owner), void *owner)
{
    r->changed = changed;
    r->owner = owner;
}

static void on_look(struct timer *t)
{
    revocation_look(container_of(t, struct revocation, look));
}

struct revocation *revocation_new(struct loop *loop, struct tls *tls, const char *file, struct err *err)
{
    struct tls_crls *crls = tls_crls_load(file, err);
    struct revocation *r = crls ? calloc(1, sizeof(*r)) : NULL;

    if (!r) {
        if (crls)
            err_memory(err, "loading revocation lists");
        tls_crls_free(crls);
        return NULL;
    }
    r->loop = loop;
    r->tls = tls;
    r->file = file;
    timer_init(&r->look, on_look);
    timer_start(&loop->timers, &r->look, LOOK_MS);
    use(r, crls);
    return r;
}

void revocation_free(struct revocation *r)
{
    if (!r)
        return;
    while (r->reading)
        uv_run(&r->loop->uv, UV_RUN_ONCE);
    timer_stop(&r->loop->timers, &r->look);
    free(r);
}
