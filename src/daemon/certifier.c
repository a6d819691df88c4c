#include "daemon/certifier.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "acme/pause.h"
#include "base/clock.h"
#include "base/list.h"
#include "daemon/certifier_parts.h"
#include "daemon/certifier_pauses.h"
#include "pki/bundle.h"
#include "store/certificate.h"

#define LOOK_MS 60000u /* settings may have changed */

/* One for each certificate that is renewed here, or was asked for. */
struct order {
    struct list link;
    bool wanted, running, seen;
    uint64_t next_ms; /* not before, by itself */
    int64_t life_s;   /* of the certificate that is there; 0: there is none */
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
    struct list orders; /* struct order.link */
    size_t n;
    uint64_t last_id, works, failures;
};

/* ---- with the lock ---- */

static struct order *find(struct certifier *c, struct slice name)
{
    list_each (it, &c->orders) {
        struct order *o = container_of(it, struct order, link);

        if (slice_is(name, o->info.name))
            return o;
    }
    return NULL;
}

/* NULL: there is no memory for it, or there are more than certificates can be. */
static struct order *find_or_add(struct certifier *c, struct slice name)
{
    struct order *o = find(c, name);

    if (o || c->n == certificate_kind.max_objects || name.n > SETTING_NAME_MAX)
        return o;
    o = calloc(1, sizeof(*o));
    if (!o)
        return NULL;
    snprintf(o->info.name, sizeof(o->info.name), "%.*s", SLICE_FMT(name));
    o->info.done = true;
    list_push(&c->orders, &o->link);
    c->n++;
    return o;
}

static void forget(struct certifier *c, struct order *o)
{
    list_unlink(&o->link);
    c->n--;
    free(o);
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
    list_each (it, &c->orders)
        if (container_of(it, struct order, link)->wanted)
            return container_of(it, struct order, link);
    return NULL;
}

static void pause_for(struct order *o, uint64_t s)
{
    o->next_ms = clock_mono_ms() + s * 1000;
    o->info.next_s = clock_wall_s() + (int64_t)s;
}

static void note(struct certifier *c, struct order *o, bool works, const struct acme_refusal *no, const struct err *err)
{
    o->running = false;
    o->info.done = true;
    o->info.works = works;
    o->info.failures = works ? 0 : o->info.failures + 1;
    o->info.next_s = 0;
    snprintf(o->info.terms, sizeof(o->info.terms), "%s", no->terms);
    *(works ? &c->works : &c->failures) += 1;
    if (works)
        snprintf(o->info.verdict, sizeof(o->info.verdict), "The certificate %s has come and is stored.", o->info.name);
    else
        snprintf(o->info.verdict, sizeof(o->info.verdict), "%s", err->text);
    if (!works)
        pause_for(o, acme_pause_s(o->info.failures, o->life_s, no->retry_after_s));
}

/* ---- what a restart must not forget ---- */

/* Never longer than a pause can be, should the clock have gone back meanwhile. */
#define REMEMBERED_MAX_S 86400

static void remember(void *arg, const struct certifier_pause *p)
{
    int64_t now_s = clock_wall_s(), left_s = p->next_s - now_s;
    struct order *o = find_or_add(arg, p->name);

    if (!o)
        return;
    o->info.failures = p->failures;
    snprintf(o->info.verdict, sizeof(o->info.verdict), "It had failed when this gateway was started.");
    if (left_s > REMEMBERED_MAX_S)
        left_s = REMEMBERED_MAX_S;
    if (left_s <= 0)
        return;
    pause_for(o, (uint64_t)left_s);
    o->info.next_s = now_s + left_s;
}

static void log_pauses(struct certifier *c, const struct err *err)
{
    log_error(c->conf.log, "certificate-pauses", LOG_Z("why", err->text),
              LOG_Z("effect", "what failed by ACME is tried again as soon as the gateway is started again"));
}

/* With the lock. What our own end interrupted has not failed. */
static void keep_pauses(struct certifier *c)
{
    struct certifier_pause *pauses;
    struct err err = { "there is no memory" };
    size_t n = 0;
    int rc = -1;

    if (atomic_load(&c->stop))
        return;
    pauses = calloc(c->n + 1, sizeof(*pauses));
    if (pauses) {
        list_each (it, &c->orders) {
            const struct order *o = container_of(it, struct order, link);

            if (o->info.failures)
                pauses[n++] = (struct certifier_pause){ o->info.failures, o->info.next_s, slice_str(o->info.name) };
        }
        rc = certifier_pauses_write(c->conf.boot->state_dir, pauses, n, &err);
    }
    free(pauses);
    if (rc)
        log_pauses(c, &err);
}

/* ---- what is due ---- */

/* When it has to be renewed; 0: at once, as there is none yet. */
static void read_life(const struct certificate *cert, int64_t *life_s, int64_t *due_s)
{
    STACK_OF(X509) *chain = cert->chain.n ? pki_chain_read(cert->chain) : NULL;
    const X509 *leaf = pki_chain_leaf(chain);
    int64_t since = leaf ? pki_since(leaf) : 0, until = leaf ? pki_until(leaf) : 0;

    sk_X509_pop_free(chain, X509_free);
    *life_s = until > since ? until - since : 0;
    *due_s = leaf ? acme_due_s(since, until) : 0;
}

static void tell(struct certifier *c, const struct order *o)
{
    struct buf when;

    buf_init(&when, 64);
    clock_put_rfc3339(&when, o->info.next_s);
    if (o->info.works)
        log_info(c->conf.log, "certificate-came", LOG_Z("certificate", o->info.name), LOG_Z("by", "acme"));
    else if (!atomic_load(&c->stop))
        log_error(
            c->conf.log, "certificate-not-got", LOG_Z("certificate", o->info.name), LOG_Z("why", o->info.verdict),
            LOG_Z("effect", o->life_s ? "the one that is there stays in use until it expires" : "there is none yet"),
            LOG_U("failures", o->info.failures), LOG_S("next-try", buf_slice(&when)));
    buf_free(&when);
}

static void judge_due(struct certifier *c, struct order *o, const struct certificate *cert)
{
    int64_t due_s;

    read_life(cert, &o->life_s, &due_s);
    o->seen = true;
    o->info.renews_s = due_s;
    if (clock_wall_s() >= due_s && clock_mono_ms() >= o->next_ms)
        want(c, o);
}

/* With the lock. An order that nothing is known of any more, or that is not ours to renew. */
static void forget_unseen(struct certifier *c, const struct config *config)
{
    list_each_safe (it, tmp, &c->orders) {
        struct order *o = container_of(it, struct order, link);

        if (!o->seen) {
            o->info.renews_s = o->info.next_s = 0;
            if (!o->wanted && !o->running && (!o->info.id || !certificate_find(config, slice_str(o->info.name))))
                forget(c, o);
        }
    }
}

/* Of gateways that share a store, the one renews that the authority can ask. */
static void want_what_is_due(struct certifier *c)
{
    struct config *config = keeper_config(c->conf.keeper);
    const struct config_list *list = config_list(config, &certificate_kind);
    bool ours = certifier_proofs_any(c->conf.boot);

    pthread_mutex_lock(&c->lock);
    list_each (it, &c->orders)
        container_of(it, struct order, link)->seen = false;
    for (size_t i = 0; ours && i < list->n; i++) {
        const struct certificate *cert = list->v[i]->object;
        struct order *o = cert->acme ? find_or_add(c, list->v[i]->name) : NULL;

        if (o)
            judge_due(c, o, cert);
    }
    forget_unseen(c, config);
    pthread_mutex_unlock(&c->lock);
    config_drop(config);
}

struct asked {
    const struct service *service;
    bool leaves;
};

static void look(void *arg)
{
    struct asked *q = arg;
    const char *state = service_state(q->service);

    q->leaves = strcmp(state, "leaving") == 0 || strcmp(state, "stopping") == 0;
}

/* Who leaves begins nothing: the process that has taken over renews. Before the loop runs, this waits. */
static bool is_ours_to_renew(struct certifier *c)
{
    struct asked q = { .service = c->conf.service };

    return loop_call(c->conf.door, look, &q) && !q.leaves;
}

/* ---- the thread ---- */

/* Due as soon as it has come: asking again and again would only use up what the authority gives. */
static int refuse_old(struct certifier *c, struct slice name, struct err *err)
{
    struct config *config = keeper_config(c->conf.keeper);
    const struct record *r = certificate_find(config, name);
    int64_t life_s = 0, due_s = 0;

    if (r)
        read_life(r->object, &life_s, &due_s);
    config_drop(config);
    return life_s && clock_wall_s() >= due_s
               ? err_set(err,
                         "two thirds of the life of what the ACME authority sent are over already: is the clock of "
                         "this machine right?")
               : 0;
}

/* With the lock, which is given up meanwhile: an order that runs is not forgotten. */
static void run_one(struct certifier *c, struct order *o)
{
    const struct certifier_order order = {
        .conf = &c->conf, .admin = c->admin, .name = o->info.name, .stop = &c->stop
    };
    struct acme_refusal no;
    struct err err = { "" };
    int rc;

    o->wanted = false;
    o->running = true;
    pthread_mutex_unlock(&c->lock);
    log_info(c->conf.log, "certificate-asked-for", LOG_Z("certificate", o->info.name), LOG_Z("by", "acme"));
    rc = certifier_order(&order, &no, &err);
    if (rc == 0)
        rc = refuse_old(c, slice_str(order.name), &err);
    pthread_mutex_lock(&c->lock);
    note(c, o, rc == 0, &no, &err);
    tell(c, o);
    keep_pauses(c);
}

/* With the lock: how long nothing is to be done. */
static uint64_t idle_ms(struct certifier *c)
{
    int64_t now_s = clock_wall_s();
    uint64_t ms = LOOK_MS;

    list_each (it, &c->orders) {
        const struct order *o = container_of(it, struct order, link);
        int64_t at = o->info.renews_s > o->info.next_s ? o->info.renews_s : o->info.next_s;
        uint64_t left = at > now_s ? (uint64_t)(at - now_s) * 1000 : 1000;

        if (o->seen && left < ms)
            ms = left;
    }
    return ms;
}

/* With the lock. */
static void wait_for_news(struct certifier *c)
{
    uint64_t ms = idle_ms(c);
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / 1000);
    pthread_cond_timedwait(&c->news, &c->lock, &until);
}

static void *work(void *arg)
{
    struct certifier *c = arg;
    struct err err = { "" };

    pthread_mutex_lock(&c->lock);
    if (certifier_pauses_read(c->conf.boot->state_dir, remember, c, &err))
        log_pauses(c, &err);
    pthread_mutex_unlock(&c->lock);
    while (!atomic_load(&c->stop)) {
        struct order *o;

        if (is_ours_to_renew(c))
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
    list_init(&c->orders);
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
    while (!list_empty(&c->orders))
        forget(c, container_of(c->orders.next, struct order, link));
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
    *no = (struct admin_refusal){ 429, "more certificates than there can be are asked for by ACME" };
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

void certifier_each(struct certifier *c, void (*fn)(void *arg, const struct order_info *info), void *arg)
{
    pthread_mutex_lock(&c->lock);
    list_each (it, &c->orders)
        fn(arg, &container_of(it, struct order, link)->info);
    pthread_mutex_unlock(&c->lock);
}

void certifier_counts(struct certifier *c, uint64_t *works, uint64_t *failures)
{
    pthread_mutex_lock(&c->lock);
    *works = c->works;
    *failures = c->failures;
    pthread_mutex_unlock(&c->lock);
}
