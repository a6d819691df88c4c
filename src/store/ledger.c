#include "store/ledger.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/list.h"

#define BYTES_MAX ((size_t)64 << 20)
#define GIVE_UP_MS 10000
#define FLUSH_MS 3000
#define PAUSE_MIN_MS 100
#define PAUSE_MAX_MS 3000
#define TRIES_MIN 4 /* for each change, before it is given up */
#define BATCH 2000  /* rows of one transaction: it takes some 20 ms */
#define NEWS 500    /* rows that the loop takes at once */

struct ledger_entry {
    struct list link;
    uint64_t last;   /* number of the last change it stands for */
    uint64_t put_ms; /* of the first */
    struct ledger_place *place;
    size_t size;
    struct store_contact contact;
    char names[];
};

struct ledger {
    struct ledger_conf conf;
    struct store *store; /* owned */
    const struct ledger_ops *ops;
    void *arg;

    pthread_mutex_t lock; /* of all in this block */
    pthread_cond_t wake;
    struct list waiting; /* struct ledger_entry, in order of their first change */
    struct ledger_info info;
    uint64_t last_number;
    bool news; /* somebody else may have written */
    bool ending;

    /* The thread's. */
    pthread_t thread;
    bool started;
    struct list batch; /* what is being written, until that is done */
    struct store_contact rows[BATCH];
    struct ledger_row told[BATCH];
    uint64_t known; /* the last change of the store that is in memory, as all before it */
    uint64_t retry_ms, ending_ms;
    unsigned pause_ms, pause_max_ms;
};

/* ---- from the loop ---- */

static void set_names(struct ledger_entry *e, const struct store_contact *c)
{
    e->contact = *c;
    memcpy(e->names, c->local.p, c->local.n);
    memcpy(e->names + c->local.n, c->remote.p, c->remote.n);
    e->contact.local = slice_of(e->names, c->local.n);
    e->contact.remote = slice_of(e->names + c->local.n, c->remote.n);
}

static struct ledger_entry *entry_new(struct ledger *l, const struct store_contact *c, struct ledger_place *place)
{
    size_t size = sizeof(struct ledger_entry) + c->local.n + c->remote.n;
    struct ledger_entry *e = l->info.bytes + size <= l->conf.bytes_max ? malloc(size) : NULL;

    if (!e)
        return NULL;
    *e = (struct ledger_entry){ .put_ms = clock_mono_ms(), .place = place, .size = size };
    set_names(e, c);
    list_push(&l->waiting, &e->link);
    place->waiting = e;
    l->info.n_waiting++;
    l->info.bytes += size;
    return e;
}

/* The names of a contact never change. */
static void renew(struct ledger_entry *e, const struct store_contact *c)
{
    const struct slice local = e->contact.local, remote = e->contact.remote;

    e->contact = *c;
    e->contact.local = local;
    e->contact.remote = remote;
}

uint64_t ledger_put(struct ledger *l, const struct store_contact *contact, struct ledger_place *place)
{
    struct ledger_entry *e;
    uint64_t number = 0;

    pthread_mutex_lock(&l->lock);
    e = place->waiting;
    if (e)
        renew(e, contact);
    else
        e = entry_new(l, contact, place);
    if (e) {
        number = e->last = ++l->last_number;
        pthread_cond_signal(&l->wake);
    }
    pthread_mutex_unlock(&l->lock);
    return number;
}

void ledger_look(struct ledger *l, struct ledger_info *out)
{
    pthread_mutex_lock(&l->lock);
    *out = l->info;
    pthread_mutex_unlock(&l->lock);
}

/* From the store's thread. */
static void on_changed(void *arg)
{
    struct ledger *l = arg;

    pthread_mutex_lock(&l->lock);
    l->news = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
}

/* Said when the next change cannot be written. */
static void on_away(void *arg, const char *why)
{
}

/* ---- what became of the batch ---- */

/* Under the lock. */
static void free_batch(struct ledger *l)
{
    struct list *it;

    while ((it = list_pop(&l->batch))) {
        struct ledger_entry *e = container_of(it, struct ledger_entry, link);

        l->info.n_waiting--;
        l->info.bytes -= e->size;
        free(e);
    }
}

/* The batch was written, or it never will be. */
static size_t end_batch(struct ledger *l, bool written)
{
    size_t n = 0;

    list_each (it, &l->batch) {
        const struct ledger_entry *e = container_of(it, const struct ledger_entry, link);

        l->told[n++] = (struct ledger_row){ &e->contact, e->place, e->last };
    }
    (written ? l->ops->settled : l->ops->dropped)(l->arg, l->told, n);
    pthread_mutex_lock(&l->lock);
    *(written ? &l->info.n_written : &l->info.n_dropped) += n;
    free_batch(l);
    pthread_mutex_unlock(&l->lock);
    return n;
}

/* Under the lock. From now on a newer state of these contacts is an entry of its own. */
static void take_batch(struct ledger *l)
{
    for (size_t n = 0; n < BATCH && !list_empty(&l->waiting); n++) {
        struct ledger_entry *e = container_of(list_pop(&l->waiting), struct ledger_entry, link);

        e->place->waiting = NULL;
        list_push(&l->batch, &e->link);
    }
}

/* ---- trouble ---- */

static void trouble(struct ledger *l, const struct err *err)
{
    bool is_first;

    pthread_mutex_lock(&l->lock);
    is_first = !l->info.away;
    l->info.away = true;
    pthread_mutex_unlock(&l->lock);
    if (is_first)
        log_error(l->conf.store.log, "contacts-not-stored", LOG_Z("why", err->text),
                  LOG_Z("effect", "changes of contacts wait, and are refused if this lasts"));
    l->pause_ms = is_first ? PAUSE_MIN_MS : l->pause_ms * 2;
    if (l->pause_ms > l->pause_max_ms)
        l->pause_ms = l->pause_max_ms;
    l->retry_ms = clock_mono_ms() + l->pause_ms;
}

static void no_trouble(struct ledger *l)
{
    bool was_away;

    pthread_mutex_lock(&l->lock);
    was_away = l->info.away;
    l->info.away = false;
    pthread_mutex_unlock(&l->lock);
    l->retry_ms = 0;
    if (was_away)
        log_info(l->conf.store.log, "contacts-stored-again",
                 LOG_Z("effect", "changes of contacts are taken as before"));
}

/* Under the lock. Of what has waited longest; 0: nothing waits. */
static uint64_t oldest_ms(const struct ledger *l)
{
    const struct list *from = list_empty(&l->batch) ? &l->waiting : &l->batch;

    return list_empty(from) ? 0 : container_of(from->next, const struct ledger_entry, link)->put_ms;
}

/* All goes back. What was written of it all the same, because the answer was lost, comes in as news when the store is back. */
static void give_up(struct ledger *l)
{
    uint64_t n = 0;
    bool more = true;

    while (more) {
        pthread_mutex_lock(&l->lock);
        if (list_empty(&l->batch))
            take_batch(l);
        more = !list_empty(&l->waiting);
        pthread_mutex_unlock(&l->lock);
        n += end_batch(l, false);
    }
    pthread_mutex_lock(&l->lock);
    l->news = true;
    pthread_mutex_unlock(&l->lock);
    log_error(l->conf.store.log, "contacts-given-up", LOG_U("changes", n),
              LOG_Z("effect", "who asked for them was told; the contacts are as they were stored"));
}

/* ---- writing ---- */

static bool write_batch(struct ledger *l)
{
    struct err err = { "" };
    enum store_result result;
    uint64_t before = 0;
    size_t n = 0;

    list_each (it, &l->batch)
        l->rows[n++] = container_of(it, struct ledger_entry, link)->contact;
    result = store_contacts_write(l->store, l->rows, n, &before, &err);
    if (result != STORE_OK) {
        trouble(l, &err);
        return false;
    }
    no_trouble(l);
    pthread_mutex_lock(&l->lock);
    l->info.n_transactions++;
    if (before == l->known)
        l->known = before + 1;
    else
        l->news = true;
    pthread_mutex_unlock(&l->lock);
    end_batch(l, true);
    return true;
}

/* ---- what others have written ---- */

/* Rows on their way to the loop; their names are in the buffer. */
struct reading {
    struct ledger *l;
    struct store_contacts state;
    struct store_contact rows[NEWS];
    struct buf names;
    size_t n;
    bool any;
};

static void hand_over(struct reading *r, bool last)
{
    struct ledger_news news = { .rows = r->rows, .n = r->n, .whole = r->state.whole, .first = !r->any, .last = last };
    const char *at = r->names.p;

    for (size_t i = 0; i < r->n; i++) { /* the buffer may have moved while it grew */
        r->rows[i].local.p = at;
        r->rows[i].remote.p = at + r->rows[i].local.n;
        at += r->rows[i].local.n + r->rows[i].remote.n;
    }
    r->l->ops->news(r->l->arg, &news);
    r->any = true;
    r->n = 0;
    buf_clear(&r->names);
}

static int on_row(void *arg, const struct store_contact *c, struct err *err)
{
    struct reading *r = arg;

    r->rows[r->n++] = *c;
    buf_put(&r->names, c->local);
    buf_put(&r->names, c->remote);
    if (!buf_ok(&r->names))
        return err_memory(err, "reading contacts");
    if (r->n == NEWS)
        hand_over(r, false);
    return 0;
}

static void read_into(struct ledger *l, struct reading *r)
{
    struct err err = { "" };
    enum store_result result = store_contacts_load(l->store, l->known, on_row, r, &r->state, &err);

    if (result == STORE_OK) {
        if (r->any || r->n || r->state.whole)
            hand_over(r, true);
        l->known = r->state.head;
        no_trouble(l);
        return;
    }
    pthread_mutex_lock(&l->lock);
    l->news = true;
    pthread_mutex_unlock(&l->lock);
    trouble(l, &err);
}

static void read_news(struct ledger *l)
{
    struct reading *r = malloc(sizeof(*r));
    const struct err err = { "there is no memory to read them", true };

    pthread_mutex_lock(&l->lock);
    l->news = !r;
    pthread_mutex_unlock(&l->lock);
    if (!r) {
        trouble(l, &err);
        return;
    }
    *r = (struct reading){ .l = l };
    buf_init(&r->names, (size_t)NEWS * 2 * STORE_CONTACT_MAX);
    read_into(l, r);
    buf_free(&r->names);
    free(r);
}

/* ---- the thread ---- */

/* Under the lock: sleeps until something is to be done, or until_ms (0: without end). */
static void sleep_until(struct ledger *l, uint64_t until_ms)
{
    const struct timespec t = { .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000 };

    if (until_ms)
        pthread_cond_timedwait(&l->wake, &l->lock, &t);
    else
        pthread_cond_wait(&l->wake, &l->lock);
}

/* Under the lock: how long there is nothing to be done; 0: until somebody calls. */
static uint64_t until(const struct ledger *l, uint64_t oldest, uint64_t give_up)
{
    uint64_t at = oldest || l->news ? l->retry_ms : 0;

    if (give_up && give_up < at)
        at = give_up;
    return l->ending && l->ending_ms < at ? l->ending_ms : at;
}

enum step { STEP_WRITE, STEP_NEWS, STEP_GIVE_UP, STEP_END };

static enum step next_step(struct ledger *l)
{
    enum step step = STEP_END;

    pthread_mutex_lock(&l->lock);
    for (;;) {
        uint64_t now = clock_mono_ms(), oldest = oldest_ms(l);
        uint64_t give_up = oldest && l->retry_ms ? oldest + l->conf.give_up_ms : 0;

        if (l->ending && !l->ending_ms)
            l->ending_ms = now + l->conf.flush_ms;
        if (l->ending && (!oldest || now >= l->ending_ms))
            break;
        if (give_up && now >= give_up && !l->ending) {
            step = STEP_GIVE_UP;
            break;
        }
        if (now >= l->retry_ms && (oldest || l->news)) {
            step = l->news && !l->ending ? STEP_NEWS : STEP_WRITE;
            break;
        }
        sleep_until(l, until(l, oldest, give_up));
    }
    if (step == STEP_WRITE && list_empty(&l->batch))
        take_batch(l);
    pthread_mutex_unlock(&l->lock);
    return step;
}

static void *work(void *arg)
{
    struct ledger *l = arg;

    for (;;) {
        switch (next_step(l)) {
        case STEP_WRITE: write_batch(l); break;
        case STEP_NEWS: read_news(l); break;
        case STEP_GIVE_UP: give_up(l); break;
        case STEP_END: return NULL;
        }
    }
}

/* ---- start and end ---- */

struct ledger *ledger_open(const struct ledger_conf *conf, struct err *err)
{
    struct ledger *l = calloc(1, sizeof(*l));
    pthread_condattr_t attr;

    if (!l) {
        err_memory(err, "opening the contacts");
        return NULL;
    }
    l->conf = *conf;
    l->conf.bytes_max = conf->bytes_max ? conf->bytes_max : BYTES_MAX;
    l->conf.give_up_ms = conf->give_up_ms ? conf->give_up_ms : GIVE_UP_MS;
    l->pause_max_ms = l->conf.give_up_ms / TRIES_MIN < PAUSE_MAX_MS ? l->conf.give_up_ms / TRIES_MIN : PAUSE_MAX_MS;
    l->conf.flush_ms = conf->flush_ms ? conf->flush_ms : FLUSH_MS;
    list_init(&l->waiting);
    list_init(&l->batch);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&l->wake, &attr);
    pthread_condattr_destroy(&attr);
    l->store = store_open(&conf->store, err);
    if (l->store)
        return l;
    ledger_close(l);
    return NULL;
}

int ledger_load(struct ledger *l, store_contact_fn *fn, void *arg, struct err *err)
{
    struct store_contacts state;

    if (store_contacts_load(l->store, 0, fn, arg, &state, err) != STORE_OK)
        return err_wrap(err, "contacts");
    l->known = state.head;
    return 0;
}

int ledger_start(struct ledger *l, const struct ledger_ops *ops, void *arg, struct err *err)
{
    const struct store_watch watch = { .changed = on_changed, .away = on_away, .arg = l, .contacts = true };
    int rc;

    l->ops = ops;
    l->arg = arg;
    rc = pthread_create(&l->thread, NULL, work, l);
    if (rc)
        return err_set(err, "no thread could be started for the contacts: %s", strerror(rc));
    l->started = true;
    return store_watch(l->store, &watch, err);
}

void ledger_close(struct ledger *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    l->ending = true;
    pthread_cond_signal(&l->wake);
    pthread_mutex_unlock(&l->lock);
    if (l->started)
        pthread_join(l->thread, NULL);
    store_close(l->store);
    list_move_all(&l->batch, &l->waiting);
    free_batch(l);
    pthread_mutex_destroy(&l->lock);
    pthread_cond_destroy(&l->wake);
    free(l);
}
