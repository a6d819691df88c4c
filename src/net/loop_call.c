#include "net/loop_call.h"

#include <pthread.h>
#include <stdlib.h>

/* One caller that waits. On its own stack. */
struct call {
    struct list link;
    void (*fn)(void *arg);
    void *arg;
    enum { CALL_WAITS, CALL_DONE, CALL_REFUSED } state;
};

struct loop_door {
    struct loop *loop;
    uv_async_t bell;      /* freed by its close callback, with the door */
    pthread_mutex_t lock; /* of all below */
    pthread_cond_t changed;
    struct list waiting; /* struct call */
    bool shut;
};

static struct call *next_call(struct loop_door *d)
{
    struct list *l;

    pthread_mutex_lock(&d->lock);
    l = list_pop(&d->waiting);
    pthread_mutex_unlock(&d->lock);
    return l ? container_of(l, struct call, link) : NULL;
}

static void end_call(struct loop_door *d, struct call *c, bool done)
{
    pthread_mutex_lock(&d->lock);
    c->state = done ? CALL_DONE : CALL_REFUSED;
    pthread_cond_broadcast(&d->changed);
    pthread_mutex_unlock(&d->lock);
}

static const struct list *last_link(struct loop_door *d)
{
    const struct list *last;

    pthread_mutex_lock(&d->lock);
    last = d->waiting.prev;
    pthread_mutex_unlock(&d->lock);
    return last;
}

/* Who calls again at once has rung again: that is for the next turn, or one caller could keep the loop for himself. */
static void on_bell(uv_async_t *bell)
{
    struct loop_door *d = bell->data;
    const struct list *last = last_link(d);
    bool more = true;
    struct call *c;

    while (more && (c = next_call(d))) {
        more = &c->link != last;
        c->fn(c->arg);
        end_call(d, c, true);
    }
}

struct loop_door *loop_door_new(struct loop *loop, struct err *err)
{
    struct loop_door *d = calloc(1, sizeof(*d));
    int rc;

    if (!d) {
        err_set(err, "out of memory");
        return NULL;
    }
    rc = uv_async_init(&loop->uv, &d->bell, on_bell);
    if (rc < 0) {
        err_set(err, "cannot let other threads call the loop: %s", uv_strerror(rc));
        free(d);
        return NULL;
    }
    d->loop = loop;
    d->bell.data = d;
    list_init(&d->waiting);
    pthread_mutex_init(&d->lock, NULL);
    pthread_cond_init(&d->changed, NULL);
    return d;
}

bool loop_call(struct loop_door *d, void (*fn)(void *arg), void *arg)
{
    struct call c = { .fn = fn, .arg = arg, .state = CALL_WAITS };

    list_init(&c.link);
    pthread_mutex_lock(&d->lock);
    if (d->shut)
        c.state = CALL_REFUSED;
    else {
        list_push(&d->waiting, &c.link);
        uv_async_send(&d->bell);
    }
    while (c.state == CALL_WAITS)
        pthread_cond_wait(&d->changed, &d->lock);
    pthread_mutex_unlock(&d->lock);
    return c.state == CALL_DONE;
}

void loop_door_shut(struct loop_door *d)
{
    struct call *c;

    pthread_mutex_lock(&d->lock);
    d->shut = true;
    pthread_mutex_unlock(&d->lock);
    while ((c = next_call(d)))
        end_call(d, c, false);
}

static void on_closed(uv_handle_t *handle)
{
    struct loop_door *d = handle->data;

    pthread_mutex_destroy(&d->lock);
    pthread_cond_destroy(&d->changed);
    free(d);
}

void loop_door_free(struct loop_door *d)
{
    if (d)
        uv_close((uv_handle_t *)&d->bell, on_closed);
}
