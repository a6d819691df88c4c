#include "daemon/checks.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "daemon/check_rows.h"
#include "daemon/interfaces.h"
#include "deploy/dns_check.h"

#define WISH_BYTES (256u << 10)
#define PAUSE_MS 100

/* All that is looked at, in this order. */
static const struct {
    const char *area;
    void (*run)(struct check *c);
} rows[] = {
    { "settings", check_settings }, { "policy", check_policy },     { "certificates", check_certificates },
    { "certificates", check_acme }, { "ports", check_ports },       { "dns", check_dns },
    { "routes", check_routes },     { "partners", check_partners }, { "proxies", check_links },
    { "clock", check_clock },       { "disk", check_disk },         { "limits", check_limits },
    { "service", check_service },
};

struct job {
    struct list link;
    struct checks *checks;
    uint64_t id, began_ms, ended_ms;
    struct arena arena;      /* of what */
    struct admin_check what; /* copied */
    pthread_t thread;
    bool done, joined; /* done, found and verdict: under the lock */
    struct findings found;
    char verdict[VERDICT_TEXT];
};

struct checks {
    struct checks_conf conf;
    pthread_mutex_t lock;
    struct list jobs; /* struct job.link, oldest first */
    size_t n;
    uint64_t last_id;
    struct verdict last[VERDICT_KINDS]; /* under the lock */
    atomic_bool stop;
};

bool check_may_go_on(const struct check *c)
{
    const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };

    nanosleep(&pause, NULL);
    return !atomic_load(c->stop);
}

/* ---- verdicts ---- */

static void tell(struct log *log, enum verdict_kind kind, const struct verdict *v)
{
    if (v->works)
        log_info(log, "check-verdict", LOG_Z("what", verdict_kind_name(kind)), LOG_Z("verdict", v->text));
    else
        log_warning(log, "check-verdict", LOG_Z("what", verdict_kind_name(kind)), LOG_Z("verdict", v->text),
                    LOG_Z("hint", kind == VERDICT_DNS ? "stoxctl dns check" : "stoxctl check"));
}

/*
 * A row, or all of it, has ended. It counts as the gateway's verdict if it was about all domains, as this gateway resolves them, and
 * was not cut short, nor more than is looked at at once.
 */
static void settle(struct job *job, const struct check *c, enum verdict_kind kind, const struct findings *found,
                   const char *text)
{
    struct checks *checks = job->checks;
    struct verdict now;
    bool is_news;

    size_t n = config_list(c->config, &sip_domain_kind)->n;

    if (job->what.n_domains || job->what.n_resolvers || atomic_load(c->stop) || n == 0 ||
        (kind == VERDICT_DNS && n > DNS_CHECK_DOMAINS))
        return;
    pthread_mutex_lock(&checks->lock);
    verdict_make(&now, job->id, found, text);
    is_news = verdict_is_news(&checks->last[kind], &now);
    checks->last[kind] = now;
    pthread_mutex_unlock(&checks->lock);
    if (is_news)
        tell(checks->conf.log, kind, &now);
}

void checks_last(struct checks *c, enum verdict_kind kind, struct verdict *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->last[kind];
    pthread_mutex_unlock(&c->lock);
}

/* With the lock: is this the check that a verdict comes from? Whoever reads the verdict can read what it found. */
static bool has_last(const struct checks *c, const struct job *job)
{
    return c->last[VERDICT_DNS].check == job->id || c->last[VERDICT_ALL].check == job->id;
}

/* ---- the work ---- */

static void run_row(struct job *job, struct check *c, const char *area, void (*run)(struct check *c))
{
    struct findings found;

    findings_init(&found);
    found.area = area;
    c->out = &found;
    run(c);
    pthread_mutex_lock(&job->checks->lock);
    findings_append(&job->found, &found);
    pthread_mutex_unlock(&job->checks->lock);
    if (run == check_dns)
        settle(job, c, VERDICT_DNS, &found, c->verdict);
    findings_fini(&found);
}

static void sum_up(const struct findings *f, char *out, size_t n)
{
    size_t bad = f->n[FINDING_FAILED], warned = f->n[FINDING_WARNING];

    if (f->left_out)
        snprintf(out, n, "There was more to say than could be kept.");
    else if (bad)
        snprintf(out, n, "Not everything is right: %zu fault%s, %zu warning%s.", bad, bad == 1 ? "" : "s", warned,
                 warned == 1 ? "" : "s");
    else
        snprintf(out, n, "Nothing is wrong%s.", warned ? ", but there are warnings" : "");
}

static void run(struct job *job, struct check *c)
{
    for (size_t i = 0; job->what.all && i < sizeof(rows) / sizeof(rows[0]) && !atomic_load(c->stop); i++)
        run_row(job, c, rows[i].area, rows[i].run);
    if (!job->what.all)
        run_row(job, c, "dns", check_dns);
}

static void *work(void *arg)
{
    struct job *job = arg;
    struct checks *checks = job->checks;
    struct addr interfaces[INTERFACES_MAX];
    char verdict[VERDICT_TEXT];
    struct check c = { .conf = &checks->conf, .what = &job->what, .stop = &checks->stop };

    c.config = keeper_config(checks->conf.keeper);
    c.site = (struct plan_site){ .boot = checks->conf.boot,
                                 .config = c.config,
                                 .interfaces = interfaces,
                                 .n_interfaces = interfaces_read(interfaces) };
    run(job, &c);
    if (job->what.all) {
        sum_up(&job->found, verdict, sizeof(verdict));
        settle(job, &c, VERDICT_ALL, &job->found, verdict);
    } else {
        snprintf(verdict, sizeof(verdict), "%s", c.verdict);
    }
    config_drop(c.config);
    pthread_mutex_lock(&checks->lock);
    memcpy(job->verdict, verdict, sizeof(verdict));
    job->ended_ms = clock_mono_ms();
    job->done = true;
    pthread_mutex_unlock(&checks->lock);
    return NULL;
}

/* ---- jobs ---- */

/* Its thread has ended, or was never there; it is in no list any more. */
static void job_free(struct job *job)
{
    if (!job)
        return;
    if (!job->joined)
        pthread_join(job->thread, NULL);
    findings_fini(&job->found);
    arena_reset(&job->arena);
    free(job);
}

static bool copy_texts(struct arena *a, struct slice *to, const struct slice *from, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        to[i] = arena_dup(a, from[i]);
        if (!to[i].p)
            return false;
    }
    return true;
}

static struct job *job_new(struct checks *c, const struct admin_check *what)
{
    struct job *job = calloc(1, sizeof(*job));

    if (!job)
        return NULL;
    job->checks = c;
    job->joined = true;
    list_init(&job->link);
    findings_init(&job->found);
    arena_init(&job->arena, WISH_BYTES);
    job->what = *what;
    job->what.domains = arena_alloc(&job->arena, (what->n_domains + 1) * sizeof(*what->domains));
    if (job->what.domains && copy_texts(&job->arena, job->what.domains, what->domains, what->n_domains) &&
        copy_texts(&job->arena, job->what.resolvers, what->resolvers, what->n_resolvers))
        return job;
    job_free(job);
    return NULL;
}

/* With the lock. Signals are the loop's alone. */
static int job_start(struct job *job)
{
    sigset_t all, before;
    int rc;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    job->began_ms = clock_mono_ms();
    rc = pthread_create(&job->thread, NULL, work, job);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    job->joined = rc != 0;
    return rc;
}

/* With the lock: forgets what is old, or too many. Returns how many run. */
static size_t clean_up(struct checks *c)
{
    uint64_t now = clock_mono_ms();
    size_t running = 0;

    list_each_safe (l, tmp, &c->jobs) {
        struct job *job = container_of(l, struct job, link);

        if (!job->done) {
            running++;
        } else if (!has_last(c, job) && (now - job->ended_ms > CHECKS_KEEP_MS || c->n >= CHECKS_KEPT)) {
            list_unlink(&job->link);
            c->n--;
            job_free(job);
        }
    }
    return running;
}

struct checks *checks_new(const struct checks_conf *conf)
{
    struct checks *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->conf = *conf;
    pthread_mutex_init(&c->lock, NULL);
    list_init(&c->jobs);
    atomic_init(&c->stop, false);
    return c;
}

void checks_free(struct checks *c)
{
    if (!c)
        return;
    atomic_store(&c->stop, true);
    list_each_safe (l, tmp, &c->jobs) {
        struct job *job = container_of(l, struct job, link);

        list_unlink(&job->link);
        job_free(job);
    }
    pthread_mutex_destroy(&c->lock);
    free(c);
}

uint64_t checks_begin(struct checks *c, const struct admin_check *what, struct admin_refusal *no)
{
    struct job *job = job_new(c, what);
    uint64_t id = 0;

    *no = (struct admin_refusal){ 503, "there is no memory or thread for a check now: try again" };
    if (!job)
        return 0;
    pthread_mutex_lock(&c->lock);
    if (clean_up(c) >= CHECKS_RUNNING) {
        *no = (struct admin_refusal){ 429, "several checks are running already: try again when they have ended" };
    } else if (job_start(job) == 0) {
        id = job->id = ++c->last_id;
        list_push(&c->jobs, &job->link);
        c->n++;
    }
    pthread_mutex_unlock(&c->lock);
    if (!id)
        job_free(job);
    return id;
}

bool checks_show(struct checks *c, uint64_t id, void (*fn)(void *arg, const struct check_info *info), void *arg)
{
    bool found = false;

    pthread_mutex_lock(&c->lock);
    clean_up(c);
    list_each (l, &c->jobs) {
        struct job *job = container_of(l, struct job, link);
        struct check_info info = { .id = job->id, .done = job->done, .verdict = job->verdict, .found = &job->found };

        if (job->id != id)
            continue;
        info.took_ms = (job->done ? job->ended_ms : clock_mono_ms()) - job->began_ms;
        fn(arg, &info);
        found = true;
    }
    pthread_mutex_unlock(&c->lock);
    return found;
}
