#include "daemon/certifier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "pki/bundle.h"
#include "store/certificate.h"

#define ORDERS_MAX 256
#define LOOK_S 60
#define PAUSE_FIRST_MS (10u * 60 * 1000)
#define PAUSE_MAX_MS (12u * 3600 * 1000)

/* One for each certificate that was ever asked for. */
struct order {
    char name[SETTING_NAME_MAX + 1];
    bool wanted, running;
    uint64_t next_ms; /* not before, by itself */
    struct order_info info;
};

struct certifier {
    struct certifier_conf conf;
    struct admin *admin;
    pthread_t thread;
    bool started;
    atomic_bool stop;
    pthread_mutex_t lock; /* all below */
    pthread_cond_t news;
    struct order orders[ORDERS_MAX];
    size_t n;
    uint64_t last_id, works, failures;
};

/* ---- with the lock ---- */

static struct order *find(struct certifier *c, struct slice name)
{
    for (size_t i = 0; i < c->n; i++)
        if (slice_is(name, c->orders[i].name))
            return &c->orders[i];
    return NULL;
}

static struct order *find_or_add(struct certifier *c, struct slice name)
{
    struct order *o = find(c, name);

    if (o || c->n == ORDERS_MAX || name.n > SETTING_NAME_MAX)
        return o;
    o = &c->orders[c->n++];
    snprintf(o->name, sizeof(o->name), "%.*s", SLICE_FMT(name));
    return o;
}

static void want(struct certifier *c, struct order *o)
{
    if (o->wanted || o->running)
        return;
    o->wanted = true;
    o->info.id = ++c->last_id;
    o->info.done = false;
}

static struct order *next_wanted(struct certifier *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->orders[i].wanted)
            return &c->orders[i];
    return NULL;
}

static void note(struct certifier *c, struct order *o, bool works, const struct err *err)
{
    uint64_t pause = PAUSE_FIRST_MS;

    o->running = false;
    o->info.done = true;
    o->info.works = works;
    o->info.failures = works ? 0 : o->info.failures + 1;
    for (unsigned i = 1; i < o->info.failures && pause < PAUSE_MAX_MS; i++)
        pause *= 2;
    o->next_ms = clock_mono_ms() + (pause < PAUSE_MAX_MS ? pause : PAUSE_MAX_MS);
    *(works ? &c->works : &c->failures) += 1;
    if (works)
        snprintf(o->info.verdict, sizeof(o->info.verdict), "The certificate %s has come and is stored.", o->name);
    else
        snprintf(o->info.verdict, sizeof(o->info.verdict), "%s", err->text);
}

/* ---- what is due ---- */

/* Has two thirds of its life passed? */
static bool is_due(const struct certificate *cert, int64_t now_s)
{
    STACK_OF(X509) *chain = cert->acme && cert->chain.n ? pki_chain_read(cert->chain) : NULL;
    const X509 *leaf = pki_chain_leaf(chain);
    int64_t since = leaf ? pki_since(leaf) : 0, until = leaf ? pki_until(leaf) : 0;

    sk_X509_pop_free(chain, X509_free);
    return leaf && until > since && now_s >= until - (until - since) / 3;
}

/* Of gateways that share a store, the one renews that the authority can ask. */
static void want_what_is_due(struct certifier *c)
{
    struct config *config = keeper_config(c->conf.keeper);
    const struct config_list *list = config_list(config, &certificate_kind);
    bool may = c->conf.boot->acme_http.n > 0;

    for (size_t i = 0; may && i < list->n; i++) {
        struct order *o;

        if (!is_due(list->v[i]->object, clock_wall_s()))
            continue;
        pthread_mutex_lock(&c->lock);
        o = find_or_add(c, list->v[i]->name);
        if (o && clock_mono_ms() >= o->next_ms)
            want(c, o);
        pthread_mutex_unlock(&c->lock);
    }
    config_drop(config);
}

/* ---- the thread ---- */

static void run_one(struct certifier *c, struct order *o)
{
    const struct certifier_order order = { .conf = &c->conf, .admin = c->admin, .name = o->name, .stop = &c->stop };
    struct err err = { "" };
    int rc;

    o->wanted = false;
    o->running = true;
    pthread_mutex_unlock(&c->lock);
    rc = certifier_order(&order, &err);
    if (rc == 0)
        log_info(c->conf.log, "certificate-came", LOG_Z("certificate", o->name), LOG_Z("by", "acme"));
    else if (!atomic_load(&c->stop))
        log_error(c->conf.log, "certificate-not-got", LOG_Z("certificate", o->name), LOG_Z("why", err.text),
                  LOG_Z("effect", "the one that is there goes on until it expires"));
    pthread_mutex_lock(&c->lock);
    note(c, o, rc == 0, &err);
}

/* With the lock. */
static void wait_for_news(struct certifier *c)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LOOK_S;
    pthread_cond_timedwait(&c->news, &c->lock, &until);
}

static void *work(void *arg)
{
    struct certifier *c = arg;

    while (!atomic_load(&c->stop)) {
        struct order *o;

        want_what_is_due(c);
        pthread_mutex_lock(&c->lock);
        o = next_wanted(c);
        if (o)
            run_one(c, o);
        else if (!atomic_load(&c->stop))
            wait_for_news(c);
        pthread_mutex_unlock(&c->lock);
    }
    return NULL;
}

/* ---- from outside ---- */

struct certifier *certifier_new(const struct certifier_conf *conf)
{
    struct certifier *c = calloc(1, sizeof(*c));
    pthread_condattr_t attr;

    if (!c)
        return NULL;
    c->conf = *conf;
    atomic_init(&c->stop, false);
    pthread_mutex_init(&c->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&c->news, &attr);
    pthread_condattr_destroy(&attr);
    return c;
}

int certifier_start(struct certifier *c, struct admin *admin, struct err *err)
{
    sigset_t all, before;

    c->admin = admin;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the loop's alone */
    c->started = pthread_create(&c->thread, NULL, work, c) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return c->started ? 0 : err_set(err, "there is no thread for certificates by ACME");
}

void certifier_stop(struct certifier *c)
{
    if (!c || !c->started)
        return;
    atomic_store(&c->stop, true);
    pthread_mutex_lock(&c->lock);
    pthread_cond_signal(&c->news);
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    c->started = false;
}

void certifier_free(struct certifier *c)
{
    if (!c)
        return;
    certifier_stop(c);
    pthread_cond_destroy(&c->news);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t certifier_begin(struct certifier *c, struct slice name, struct admin_refusal *no)
{
    struct order *o;
    uint64_t id = 0;

    pthread_mutex_lock(&c->lock);
    o = find_or_add(c, name);
    if (o) {
        want(c, o);
        id = o->info.id;
        pthread_cond_signal(&c->news);
    }
    pthread_mutex_unlock(&c->lock);
    *no = (struct admin_refusal){ 429, "too many certificates were asked for by ACME since the start" };
    return id;
}

bool certifier_show(struct certifier *c, struct slice name, struct order_info *out)
{
    const struct order *o;

    pthread_mutex_lock(&c->lock);
    o = find(c, name);
    if (o)
        *out = o->info;
    pthread_mutex_unlock(&c->lock);
    return o != NULL;
}

void certifier_counts(struct certifier *c, uint64_t *works, uint64_t *failures)
{
    pthread_mutex_lock(&c->lock);
    *works = c->works;
    *failures = c->failures;
    pthread_mutex_unlock(&c->lock);
}
