#include "store/keeper.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "store/json.h"
#include "store/keeper_work.h"

#define TRY_MS 7000 /* against others that change the same store at the same time */
#define WARNINGS_MAX (64u << 10)
#define PATIENCE_MS                                                                                                    \
    1000 /* who waited longer than this for a store in vain spares the same to those behind, for as long */

struct keeper {
    struct keeper_conf conf;
    pthread_mutex_t lock;    /* of the store and of changing; held while a change is judged, written and published */
    pthread_mutex_t present; /* of what follows; held for moments only */
    struct config *now;      /* owned */
    bool is_away;
    uint64_t spare_until_ms; /* while it is away: until then nobody tries again */
    char away[300];
};

/* ---- what counts now ---- */

struct config *keeper_config(struct keeper *k)
{
    struct config *c;

    pthread_mutex_lock(&k->present);
    c = config_keep(k->now);
    pthread_mutex_unlock(&k->present);
    return c;
}

/* quietly: only its number is another. */
static void become(struct keeper *k, struct config *next, bool quietly)
{
    struct config *old;

    pthread_mutex_lock(&k->present);
    old = k->now;
    k->now = next;
    pthread_mutex_unlock(&k->present);
    if (!quietly && k->conf.ops && k->conf.ops->publish)
        k->conf.ops->publish(k->conf.owner, next);
    config_drop(old);
}

void keeper_publish(struct keeper *k)
{
    pthread_mutex_lock(&k->lock);
    if (k->conf.ops && k->conf.ops->publish)
        k->conf.ops->publish(k->conf.owner, k->now); /* only changed under this lock */
    pthread_mutex_unlock(&k->lock);
}

static void set_away(struct keeper *k, bool away, const char *why)
{
    bool was;

    pthread_mutex_lock(&k->present);
    was = k->is_away;
    k->is_away = away;
    snprintf(k->away, sizeof(k->away), "%s", why ? why : "");
    pthread_mutex_unlock(&k->present);
    if (away && !was)
        log_error(k->conf.log, "store-away", LOG_Z("why", why),
                  LOG_Z("effect", "traffic goes on with the settings in memory; changes are refused until it is back"));
    else if (!away && was)
        log_info(k->conf.log, "store-back");
}

const char *keeper_away(struct keeper *k, char *out, size_t n)
{
    bool away;

    pthread_mutex_lock(&k->present);
    away = k->is_away;
    snprintf(out, n, "%s", k->away);
    pthread_mutex_unlock(&k->present);
    return away ? out : NULL;
}

/* A change was not answered, and had begun then. */
static void note_wait(struct keeper *k, uint64_t began_ms)
{
    uint64_t now = clock_mono_ms();

    pthread_mutex_lock(&k->present);
    k->spare_until_ms = now - began_ms >= PATIENCE_MS ? now + PATIENCE_MS : 0;
    pthread_mutex_unlock(&k->present);
}

static bool is_spared(struct keeper *k, struct err *err)
{
    bool spared;

    pthread_mutex_lock(&k->present);
    spared = k->is_away && clock_mono_ms() < k->spare_until_ms;
    pthread_mutex_unlock(&k->present);
    if (spared)
        err_set(err, "nothing was changed: the store does not answer, as a change found out that came before this one: "
                     "try again when it takes changes (stoxctl status)");
    return spared;
}

/* ---- from the store ---- */

/* Rows on their way into a configuration. */
struct loading {
    struct keeper *k;
    struct config_step *steps; /* owned, and their records and names */
    size_t n, cap;
};

static void loading_fini(struct loading *l)
{
    for (size_t i = 0; i < l->n; i++) {
        record_drop(l->steps[i].after);
        free((char *)l->steps[i].name.p);
    }
    free(l->steps);
}

static bool loading_room(struct loading *l)
{
    size_t cap = l->cap ? 2 * l->cap : 256;
    struct config_step *steps;

    if (l->n < l->cap)
        return true;
    steps = realloc(l->steps, cap * sizeof(*steps));
    if (!steps)
        return false;
    l->steps = steps;
    l->cap = cap;
    return true;
}

/* A name that is not in normal form was not written by a keeper, and could not be found by one. */
static struct record *record_of_row(const struct setting_kind *kind, const struct store_row *row, struct err *err)
{
    struct record *r = record_from_stored(kind, row->name, row->body, row->revision, err);

    if (!r || slice_eq(r->name, row->name))
        return r;
    err_set(err, "its name is not in normal form: \"%.*s\" would be", SLICE_FMT(r->name));
    record_drop(r);
    return NULL;
}

static int on_row(void *arg, const struct store_row *row, struct err *err)
{
    struct loading *l = arg;
    const struct setting_kind *kind = model_kind(row->kind);
    struct record *r = NULL;
    char *name;

    if (!kind || !slice_is(row->kind, kind->name)) {
        log_warning(l->k->conf.log, "stored-object-unknown", LOG_S("kind", row->kind), LOG_S("name", row->name));
        return 0;
    }
    if (row->body.p && !(r = record_of_row(kind, row, err))) {
        if (err->memory)
            return -1;
        log_error(l->k->conf.log, "stored-object-invalid", LOG_S("kind", row->kind), LOG_S("name", row->name),
                  LOG_Z("why", err->text), LOG_Z("effect", "it does not count; set it again"));
        return 0;
    }
    name = malloc(row->name.n + 1);
    if (!name || !loading_room(l)) {
        free(name);
        record_drop(r);
        return err_memory(err, "loading the store");
    }
    if (row->name.n)
        memcpy(name, row->name.p, row->name.n);
    l->steps[l->n++] = (struct config_step){ kind, slice_of(name, row->name.n), r };
    return 0;
}

/* Brings now up to what the store has. Under lock. */
static enum store_result sync_locked(struct keeper *k, struct err *err)
{
    struct loading l = { .k = k };
    uint64_t seq = k->now->seq;
    enum store_result result = store_load(k->conf.store, k->now->seq, on_row, &l, &seq, err);
    struct config *next = NULL;

    if (result == STORE_OK && (l.n || seq != k->now->seq)) {
        next = config_next(k->now, l.steps, l.n, seq);
        if (!next) {
            err_memory(err, "loading the store");
            result = STORE_NO_MEMORY;
        }
    }
    loading_fini(&l);
    if (next) {
        struct err fault;

        if (config_check(next, &fault))
            log_warning(k->conf.log, "stored-configuration", LOG_Z("why", fault.text));
        become(k, next, l.n == 0);
    }
    return result;
}

static void on_changed(void *arg)
{
    struct keeper *k = arg;
    struct err err = { "" };

    pthread_mutex_lock(&k->lock);
    if (sync_locked(k, &err) == STORE_OK)
        set_away(k, false, NULL);
    else
        set_away(k, true, err.text);
    pthread_mutex_unlock(&k->lock);
}

static void on_away(void *arg, const char *why)
{
    set_away(arg, true, why);
}

/* ---- changes ---- */

static enum keeper_result of_store(enum store_result result, struct err *err)
{
    switch (result) {
    case STORE_OK: return KEEPER_OK;
    case STORE_NO_MEMORY: return KEEPER_NO_MEMORY;
    case STORE_BEHIND: err_set(err, "others change the settings all the time: try again"); return KEEPER_AWAY;
    case STORE_AWAY: return KEEPER_AWAY; /* its sentence says what became of the change */
    case STORE_FULL:
    case STORE_FAULT: break;
    }
    err_wrap(err, "nothing was changed");
    return KEEPER_AWAY;
}

static enum keeper_result do_requests(struct work *w, const struct keeper_change *change, struct keeper_outcome *out,
                                      struct err *err)
{
    for (size_t i = 0; i < change->n; i++) {
        enum keeper_result result = work_request(w, &change->requests[i], &w->asked[i], &out->setting, err);

        if (w->asked[i])
            out->before[i] = record_keep(w->asked[i]->before);
        if (result != KEEPER_OK) {
            out->fault = i;
            return result;
        }
    }
    for (size_t i = 0; i < change->n; i++)
        out->after[i] = record_keep(w->asked[i]->after);
    return KEEPER_OK;
}

/* All that can be said against it before it is written. *next: what it leads to. */
static enum keeper_result judge(struct keeper *k, struct work *w, const struct keeper_change *change,
                                struct keeper_outcome *out, struct config **next, struct err *err)
{
    out->n_changed = 0;
    for (size_t i = 0; i < w->n; i++) {
        struct work_item *item = w->items[i];

        if (!work_item_changed(item))
            continue;
        out->n_changed++;
        if (item->after && config_judge(item->after, change->strict, &out->warnings, err))
            return KEEPER_INVALID;
    }
    *next = out->n_changed ? work_result(w) : config_keep((struct config *)w->from);
    if (!*next) {
        err_memory(err, "changing the configuration");
        return KEEPER_NO_MEMORY;
    }
    if (out->n_changed && config_check(*next, err))
        return err->memory ? KEEPER_NO_MEMORY : KEEPER_INVALID;
    if (out->n_changed && k->conf.ops && k->conf.ops->judge && k->conf.ops->judge(k->conf.owner, *next, err))
        return err->memory ? KEEPER_NO_MEMORY : KEEPER_INVALID;
    return KEEPER_OK;
}

/* One try. *behind: somebody else was faster. Under lock. */
static enum keeper_result attempt(struct keeper *k, const struct keeper_change *change, struct keeper_outcome *out,
                                  bool *behind, struct err *err)
{
    struct config *next = NULL;
    enum keeper_result result = KEEPER_NO_MEMORY;
    struct work w;
    uint64_t seq;

    *behind = false;
    err_memory(err, "changing the configuration");
    if (work_init(&w, k->now, change->n))
        result = do_requests(&w, change, out, err);
    if (result == KEEPER_OK)
        result = judge(k, &w, change, out, &next, err);
    if (result == KEEPER_OK && out->n_changed && !change->dry) {
        uint64_t began = clock_mono_ms();
        enum store_result stored = work_commit(&w, k->conf.store, change, &seq, err);

        *behind = stored == STORE_BEHIND;
        result = of_store(stored, err);
        if (stored == STORE_AWAY) {
            set_away(k, true, err->text);
            note_wait(k, began);
        }
        if (stored == STORE_OK) {
            set_away(k, false, NULL);
            become(k, next, false);
            next = NULL;
        }
    }
    config_drop(next);
    work_fini(&w);
    return result;
}

static void outcome_forget(struct keeper_outcome *out)
{
    for (size_t i = 0; i < out->n; i++) {
        record_drop(out->before[i]);
        record_drop(out->after[i]);
        out->before[i] = out->after[i] = NULL;
    }
    buf_clear(&out->warnings.text);
    out->warnings.n = 0;
}

static bool outcome_init(struct keeper_outcome *out, size_t n)
{
    *out = (struct keeper_outcome){ 0 };
    buf_init(&out->warnings.text, WARNINGS_MAX);
    out->before = calloc(n + 1, sizeof(struct record *));
    out->after = calloc(n + 1, sizeof(struct record *));
    if (!out->before || !out->after)
        return false;
    out->n = n;
    return true;
}

void keeper_outcome_fini(struct keeper_outcome *out)
{
    outcome_forget(out);
    free(out->before);
    free(out->after);
    buf_free(&out->warnings.text);
    *out = (struct keeper_outcome){ 0 };
}

/* Others were faster: this change takes its turn, and is judged by what they have made of the store. Under lock. */
static enum keeper_result attempt_in_turn(struct keeper *k, const struct keeper_change *change,
                                          struct keeper_outcome *out, bool *behind, struct err *err)
{
    enum store_result stored = store_reserve(k->conf.store, err);
    enum keeper_result result;

    if (stored == STORE_OK)
        stored = sync_locked(k, err);
    if (stored == STORE_OK) {
        outcome_forget(out);
        result = attempt(k, change, out, behind, err);
    } else {
        *behind = false;
        result = of_store(stored, err);
        if (stored == STORE_AWAY) /* its sentence speaks of reading: the change was not begun */
            err_wrap(err, "nothing was changed");
    }
    store_release(k->conf.store);
    return result;
}

enum keeper_result keeper_change(struct keeper *k, const struct keeper_change *change, struct keeper_outcome *out,
                                 struct err *err)
{
    enum keeper_result result = KEEPER_NO_MEMORY;
    uint64_t began = clock_mono_ms();
    bool behind = false;

    if (!outcome_init(out, change->n)) {
        err_memory(err, "changing the configuration");
        return KEEPER_NO_MEMORY;
    }
    pthread_mutex_lock(&k->lock);
    if (!change->dry && is_spared(k, err))
        result = KEEPER_AWAY;
    else
        result = attempt(k, change, out, &behind, err);
    while (behind && clock_mono_ms() - began < TRY_MS)
        result = attempt_in_turn(k, change, out, &behind, err);
    pthread_mutex_unlock(&k->lock);
    return result;
}

static int64_t wall_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Under lock. */
static enum store_result write_note(struct keeper *k, const struct keeper_note *note, struct err *err)
{
    const struct store_write write = {
        .kind = note->kind, .name = note->name, .after = note->after, .note = note->action
    };
    const struct store_commit commit = {
        .seq = k->now->seq, .writes = &write, .n = 1, .who = note->who, .from = note->from, .at_ms = wall_ms()
    };
    struct config *next;
    uint64_t seq;
    enum store_result result = store_commit(k->conf.store, &commit, &seq, err);

    if (result != STORE_OK)
        return result;
    next = config_next(k->now, NULL, 0, seq);
    if (next) /* else the next change finds itself behind, and follows */
        become(k, next, true);
    return STORE_OK;
}

enum keeper_result keeper_note(struct keeper *k, const struct keeper_note *note, struct err *err)
{
    enum store_result result = STORE_AWAY;
    uint64_t began = clock_mono_ms();

    pthread_mutex_lock(&k->lock);
    if (!is_spared(k, err)) {
        result = write_note(k, note, err);
        while (result == STORE_BEHIND && clock_mono_ms() - began < TRY_MS) {
            result = sync_locked(k, err);
            if (result == STORE_OK)
                result = write_note(k, note, err);
        }
        if (result == STORE_OK || result == STORE_AWAY)
            set_away(k, result == STORE_AWAY, result == STORE_AWAY ? err->text : NULL);
        if (result == STORE_AWAY)
            note_wait(k, began);
    }
    pthread_mutex_unlock(&k->lock);
    return of_store(result, err);
}

enum keeper_result keeper_audit(struct keeper *k, const struct store_audit_query *query, store_audit_fn *fn, void *arg,
                                struct err *err)
{
    enum store_result result;

    pthread_mutex_lock(&k->lock);
    result = store_audit(k->conf.store, query, fn, arg, err);
    pthread_mutex_unlock(&k->lock);
    return result == STORE_OK ? KEEPER_OK : result == STORE_NO_MEMORY ? KEEPER_NO_MEMORY : KEEPER_AWAY;
}

/* ---- start and end ---- */

/* Touching the gateway makes its passphrase when there is none; else it makes no difference. */
static int make_passphrase(struct keeper *k, struct err *err)
{
    struct request request = { .op = REQUEST_SET, .kind = &gateway_kind };
    struct keeper_change change = { .requests = &request, .n = 1, .who = SLICE("stoxd"), .from = SLICE("first start") };
    struct keeper_outcome outcome;
    enum keeper_result result = keeper_change(k, &change, &outcome, err);

    keeper_outcome_fini(&outcome);
    return result == KEEPER_OK ? 0 : -1;
}

struct keeper *keeper_open(const struct keeper_conf *conf, struct err *err)
{
    struct keeper *k = calloc(1, sizeof(*k));
    int rc = -1;

    if (!k) {
        err_memory(err, "changing the configuration");
        return NULL;
    }
    k->conf = *conf;
    pthread_mutex_init(&k->lock, NULL);
    pthread_mutex_init(&k->present, NULL);
    k->now = config_new();
    if (!k->now) {
        err_memory(err, "changing the configuration");
    } else {
        pthread_mutex_lock(&k->lock);
        rc = sync_locked(k, err) == STORE_OK ? 0 : -1;
        pthread_mutex_unlock(&k->lock);
    }
    if (rc == 0 && make_passphrase(k, err) == 0)
        return k;
    keeper_close(k);
    return NULL;
}

int keeper_watch(struct keeper *k, struct err *err)
{
    const struct store_watch watch = { on_changed, on_away, k };

    return store_watch(k->conf.store, &watch, err);
}

void keeper_close(struct keeper *k)
{
    if (!k)
        return;
    config_drop(k->now);
    pthread_mutex_destroy(&k->lock);
    pthread_mutex_destroy(&k->present);
    free(k);
}
