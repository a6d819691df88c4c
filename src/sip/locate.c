#include "sip/locate.h"

#include <stdio.h>
#include <stdlib.h>

#include "sip/find.h"
#include "sip/stack.h"

#define KEY_MAX 8192

/* One destination. */
struct located {
    struct hash_node node;
    struct list used;
    struct sip_locator *locator;
    struct sip_targets *targets; /* the last good answer; NULL: there was none yet */
    uint64_t fresh_ms, stale_ms; /* until when */
    struct sip_find *find;       /* runs */
    struct list waiting;         /* struct sip_lookup */
    struct deferred tell;
    unsigned failures; /* in a row */
    uint64_t pause_ms; /* until when nothing is asked */
    bool told;
    enum sip_fault fault;
    char why[SIP_FIND_WHY];
    char name[128]; /* for the log */
    size_t n_key;
    char key[];
};

struct sip_lookup {
    struct list link;
    struct located *of;
    struct timer patience;
    sip_located_done *done;
    void *arg;
};

void sip_locator_init(struct sip_locator *l, struct sip *sip)
{
    l->sip = sip;
    hash_init(&l->entries);
    list_init(&l->used);
}

static uint64_t now(const struct located *e)
{
    return loop_now(e->locator->sip->loop);
}

static void entry_free(struct located *e)
{
    struct list *l;

    sip_find_stop(e->find);
    loop_undefer(&e->tell);
    while ((l = list_pop(&e->waiting)) != NULL) {
        struct sip_lookup *w = container_of(l, struct sip_lookup, link);

        timer_stop(&e->locator->sip->loop->timers, &w->patience);
        free(w);
    }
    hash_remove(&e->locator->entries, &e->node);
    list_unlink(&e->used);
    sip_targets_drop(e->targets);
    free(e);
}

void sip_locator_fini(struct sip_locator *l)
{
    list_each_safe (it, tmp, &l->used)
        entry_free(container_of(it, struct located, used));
    hash_free(&l->entries);
}

/* ---- by what a destination is found again ---- */

/* No field can hold a LF or NUL, so that the key is unambiguous. */
static void put_key(struct buf *b, const struct sip_destination *to)
{
    char text[ADDR_TEXT];

    buf_put(b, to->route);
    buf_char(b, '\n');
    buf_put(b, to->domain);
    buf_char(b, '\n');
    buf_put(b, to->tls_name);
    buf_char(b, '\n');
    buf_u64(b, to->transports);
    buf_str(b, to->to_proxy ? "r" : "");
    for (size_t i = 0; i < to->n_hops; i++) {
        buf_char(b, '\n');
        if (to->hops[i].addr.sa.sa_family) {
            buf_str(b, addr_text(&to->hops[i].addr, text));
            continue;
        }
        buf_put(b, to->hops[i].name);
        buf_char(b, '!');
        buf_u64(b, to->hops[i].port);
    }
    for (size_t i = 0; i < to->n_networks; i++) {
        buf_str(b, "\n/");
        buf_str(b, addr_ip_text(&to->networks[i].ip, text));
        buf_char(b, '/');
        buf_u64(b, to->networks[i].prefix);
    }
}

static bool key_is(const struct hash_node *node, const void *key)
{
    const struct located *e = container_of(node, struct located, node);

    return slice_eq(slice_of(e->key, e->n_key), *(const struct slice *)key);
}

/* One that nobody waits for, to make room. */
static void forget_oldest(struct sip_locator *l)
{
    list_each (it, &l->used) {
        struct located *e = container_of(it, struct located, used);

        if (e->find || !list_empty(&e->waiting))
            continue;
        entry_free(e);
        return;
    }
}

static void on_tell(struct deferred *d);

static struct located *entry_new(struct sip_locator *l, const struct sip_destination *to, struct slice key,
                                 uint64_t hash)
{
    struct located *e = calloc(1, sizeof(*e) + key.n);

    if (!e)
        return NULL;
    e->locator = l;
    e->n_key = key.n;
    memcpy(e->key, key.p, key.n);
    snprintf(e->name, sizeof(e->name), "%.*s", SLICE_FMT(slice_first(to->n_hops ? to->route : to->domain, 100)));
    list_init(&e->waiting);
    deferred_init(&e->tell, on_tell);
    if (!hash_add(&l->entries, &e->node, hash)) {
        free(e);
        return NULL;
    }
    list_push(&l->used, &e->used);
    if (l->entries.n > SIP_LOCATED_MAX)
        forget_oldest(l);
    return e;
}

static struct located *entry_of(struct sip *sip, const struct sip_destination *to, bool make)
{
    struct sip_locator *l = &sip->locator;
    struct buf *b = &sip->place;
    struct hash_node *node;
    struct located *e;
    struct slice key;
    uint64_t hash;

    buf_clear(b);
    put_key(b, to);
    if (!buf_ok(b))
        return NULL;
    key = buf_slice(b);
    hash = hash_bytes(&l->entries, key);
    node = hash_find(&l->entries, hash, key_is, &key);
    if (!node)
        return make ? entry_new(l, to, key, hash) : NULL;
    e = container_of(node, struct located, node);
    list_unlink(&e->used);
    list_push(&l->used, &e->used);
    return e;
}

/* ---- asking ---- */

static void tell_away(struct located *e)
{
    if (e->told)
        return;
    e->told = true;
    log_warning(e->locator->sip->loop->log, "sip-servers-not-found", LOG_Z("of", e->name),
                LOG_Z("fault", sip_fault_name(e->fault)), LOG_Z("why", e->why),
                LOG_Z("effect", e->targets && now(e) < e->stale_ms
                                    ? "those of before go on being used, for an hour at most"
                                    : "messages to them are given back until it is found"));
}

static void failed(struct located *e, const struct sip_found *found)
{
    uint64_t pause = SIP_LOCATE_PAUSE_MIN_MS;

    for (unsigned i = 0; i < e->failures && pause < SIP_LOCATE_PAUSE_MAX_MS; i++)
        pause *= 2;
    if (pause > SIP_LOCATE_PAUSE_MAX_MS)
        pause = SIP_LOCATE_PAUSE_MAX_MS;
    e->failures += e->failures < 16;
    e->pause_ms = now(e) + pause;
    e->fault = found->fault;
    snprintf(e->why, sizeof(e->why), "%s", found->why);
    /* What DNS denies is not there any more; what it does not answer may still be. */
    if (e->fault != SIP_FAULT_DNS_FAILED && e->fault != SIP_FAULT_OURSELVES) {
        sip_targets_drop(e->targets);
        e->targets = NULL;
    }
    tell_away(e);
}

static void succeeded(struct located *e, const struct sip_found *found)
{
    uint64_t fresh_s = found->ttl_s < SIP_LOCATE_FRESH_MIN_S   ? SIP_LOCATE_FRESH_MIN_S
                       : found->ttl_s > SIP_LOCATE_FRESH_MAX_S ? SIP_LOCATE_FRESH_MAX_S
                                                               : found->ttl_s;

    if (!found->all) /* the rest may be there soon */
        fresh_s = SIP_LOCATE_FRESH_MIN_S;
    sip_targets_drop(e->targets);
    e->targets = sip_targets_keep(found->targets);
    e->fresh_ms = now(e) + fresh_s * 1000;
    e->stale_ms = e->fresh_ms + SIP_LOCATE_STALE_S * 1000ull;
    e->failures = 0;
    e->pause_ms = 0;
    if (e->told)
        log_info(e->locator->sip->loop->log, "sip-servers-found", LOG_Z("of", e->name));
    e->told = false;
}

static void on_found(void *arg, const struct sip_found *found)
{
    struct located *e = arg;

    e->find = NULL;
    if (found->targets)
        succeeded(e, found);
    else
        failed(e, found);
    loop_defer(e->locator->sip->loop, &e->tell);
}

/* An answer that can be given now; NULL: none, for the reason in e. */
static struct sip_targets *usable(const struct located *e)
{
    return e->targets && now(e) < e->stale_ms ? e->targets : NULL;
}

static bool must_wait(const struct located *e)
{
    return e->find != NULL;
}

static void end_lookup(struct sip_lookup *w)
{
    struct located *e = w->of;
    struct sip_targets *t = sip_targets_keep(usable(e));

    list_unlink(&w->link);
    timer_stop(&e->locator->sip->loop->timers, &w->patience);
    w->done(w->arg, t, t ? SIP_FAULT_NONE : e->fault, e->why);
    sip_targets_drop(t);
    free(w);
}

/* Those that wait now: who asks again from inside waits for the next turn. */
static void on_tell(struct deferred *d)
{
    struct located *e = container_of(d, struct located, tell);
    size_t n = 0;

    list_each (it, &e->waiting)
        n++;
    for (; n && !list_empty(&e->waiting) && !must_wait(e); n--)
        end_lookup(container_of(e->waiting.next, struct sip_lookup, link));
    if (!list_empty(&e->waiting) && !must_wait(e))
        loop_defer(e->locator->sip->loop, &e->tell);
}

/* DNS is slow. What is known will do; who knows nothing waits on. */
static void on_patience(struct timer *t)
{
    struct sip_lookup *w = container_of(t, struct sip_lookup, patience);

    if (usable(w->of))
        end_lookup(w);
}

/* Begins a search unless one runs, or a failure holds. */
static void refresh(struct located *e, const struct sip_destination *to)
{
    struct sip *sip = e->locator->sip;

    if (e->find || now(e) < e->pause_ms)
        return;
    e->find = sip_find_start(sip, to, NULL, on_found, e);
    if (!e->find)
        failed(e,
               &(struct sip_found){ .fault = SIP_FAULT_OURSELVES, .why = "out of memory, or a name too long for DNS" });
}

static bool has_names(const struct sip_destination *to)
{
    for (size_t i = 0; i < to->n_hops; i++)
        if (!to->hops[i].addr.sa.sa_family)
            return true;
    return to->n_hops == 0;
}

struct sip_targets *sip_located(struct sip *sip, const struct sip_destination *to)
{
    struct located *e = entry_of(sip, to, true);

    if (!e)
        return NULL;
    if (e->targets && (!has_names(to) || now(e) < e->fresh_ms))
        return sip_targets_keep(e->targets);
    if (now(e) < e->pause_ms) /* it was asked, and says nothing better */
        return sip_targets_keep(usable(e));
    return NULL;
}

struct sip_targets *sip_located_last(struct sip *sip, const struct sip_destination *to)
{
    struct located *e = entry_of(sip, to, false);

    return e ? sip_targets_keep(e->targets) : NULL;
}

struct sip_lookup *sip_locate(struct sip *sip, const struct sip_destination *to, sip_located_done *done, void *arg)
{
    struct located *e = entry_of(sip, to, true);
    struct sip_lookup *w = e ? calloc(1, sizeof(*w)) : NULL;

    if (!w)
        return NULL;
    w->of = e;
    w->done = done;
    w->arg = arg;
    timer_init(&w->patience, on_patience);
    list_push(&e->waiting, &w->link);
    if (!(e->targets && (!has_names(to) || now(e) < e->fresh_ms)))
        refresh(e, to);
    if (must_wait(e))
        timer_start(&sip->loop->timers, &w->patience, SIP_LOCATE_PATIENCE_MS);
    else
        loop_defer(sip->loop, &e->tell);
    return w;
}

void sip_locate_cancel(struct sip_lookup *w)
{
    if (!w)
        return;
    list_unlink(&w->link);
    timer_stop(&w->of->locator->sip->loop->timers, &w->patience);
    free(w);
}
