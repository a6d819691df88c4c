#include "admin/maker.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

struct maker {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct list waiting; /* struct making.link; lock */
    size_t n;            /* of them, and the one that is being made; lock */
    atomic_bool stop;
};

void making_free(struct making *mk)
{
    if (!mk)
        return;
    pki_key_free(mk->key);
    free(mk);
}

/* Nobody wants it any more: who asked has gone, or all ends. */
static bool is_over(void *arg)
{
    struct making *mk = arg;
    struct pollfd client = { .fd = mk->fd };

    return atomic_load(&mk->maker->stop) || (poll(&client, 1, 0) > 0 && (client.revents & POLLHUP));
}

/* At its end mk is the API's thread's. */
static void make(struct maker *m, struct making *mk)
{
    mk->key = pki_key_make_unless(mk->type, is_over, mk, &mk->err);
    pthread_mutex_lock(&m->lock);
    m->n--;
    pthread_mutex_unlock(&m->lock);
    MHD_resume_connection(mk->conn);
}

/* NULL: it is over, and nobody waits. */
static struct making *next(struct maker *m)
{
    struct making *mk = NULL;

    pthread_mutex_lock(&m->lock);
    while (list_empty(&m->waiting) && !atomic_load(&m->stop))
        pthread_cond_wait(&m->news, &m->lock);
    if (!list_empty(&m->waiting))
        mk = container_of(list_pop(&m->waiting), struct making, link);
    pthread_mutex_unlock(&m->lock);
    return mk;
}

static void *work(void *arg)
{
    struct maker *m = arg;
    struct making *mk;

    while ((mk = next(m)))
        make(m, mk);
    return NULL;
}

struct maker *maker_new(struct err *err)
{
    struct maker *m = calloc(1, sizeof(*m));
    sigset_t all, before;
    int rc;

    if (!m) {
        err_memory(err, "starting the API");
        return NULL;
    }
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->news, NULL);
    list_init(&m->waiting);
    atomic_init(&m->stop, false);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's alone */
    rc = pthread_create(&m->thread, NULL, work, m);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        return m;
    maker_free(m);
    err_set(err, "cannot start a thread for the API");
    return NULL;
}

/* False: there is no room. */
static bool suspend(struct maker *m, struct call *c, struct making *mk)
{
    bool taken;

    mk->fd = MHD_get_connection_info(c->conn, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    pthread_mutex_lock(&m->lock);
    taken = m->n < MAKER_WAITING && !atomic_load(&m->stop);
    if (taken) {
        MHD_suspend_connection(c->conn); /* before anybody can resume it */
        c->making = mk;
        c->is_waiting = true;
        m->n++;
        list_push(&m->waiting, &mk->link);
        pthread_cond_signal(&m->news);
    }
    pthread_mutex_unlock(&m->lock);
    return taken;
}

bool maker_give(struct maker *m, struct call *c, enum pki_key_type type)
{
    struct making *mk;

    if (c->making)
        return true;
    mk = calloc(1, sizeof(*mk));
    if (!mk) {
        reply_no_memory(c);
        return false;
    }
    *mk = (struct making){ .maker = m, .conn = c->conn, .fd = -1, .type = type };
    if (!c->conn) {
        mk->key = pki_key_make_unless(type, is_over, mk, &mk->err);
        c->making = mk;
        return true;
    }
    if (!suspend(m, c, mk)) {
        free(mk);
        reply_problem(c, 503, "away", "%d keys are being made already, one after the other: try again in a minute",
                      MAKER_WAITING);
    }
    return false;
}

void maker_stop(struct maker *m)
{
    pthread_mutex_lock(&m->lock);
    atomic_store(&m->stop, true);
    pthread_cond_signal(&m->news);
    pthread_mutex_unlock(&m->lock);
    pthread_join(m->thread, NULL);
}

void maker_free(struct maker *m)
{
    if (!m)
        return;
    pthread_cond_destroy(&m->news);
    pthread_mutex_destroy(&m->lock);
    free(m);
}
