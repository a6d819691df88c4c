#include "xmpp/rate.h"

#include <stdlib.h>

#include "base/bucket.h"

/* What one partner has used up. Owned by x->rates. */
struct rate {
    struct hash_node node;
    struct xmpp *x;
    struct bucket stanzas, bytes;
    struct timer pause; /* runs while the partner is not read */
    uint64_t paused_at_ms;
    size_t name_n;
    char name[];
};

static struct slice name_of(const struct rate *r)
{
    return slice_of(r->name, r->name_n);
}

static bool is_named(const struct hash_node *node, const void *key)
{
    return slice_eq(name_of(container_of(node, struct rate, node)), *(const struct slice *)key);
}

static void resume(struct rate *r)
{
    r->x->counters.throttled_ms += loop_now(r->x->loop) - r->paused_at_ms;
    (void)xmpp_pause_partner(r->x, name_of(r), false);
}

static void on_pause_over(struct timer *t)
{
    resume(container_of(t, struct rate, pause));
}

static struct rate *rate_of(struct xmpp *x, struct slice name)
{
    uint64_t hash = hash_bytes(&x->rates, name);
    struct hash_node *node = hash_find(&x->rates, hash, is_named, &name);
    struct rate *r = node ? container_of(node, struct rate, node) : calloc(1, sizeof(*r) + name.n);

    if (node || !r)
        return r;
    r->x = x;
    r->name_n = name.n;
    if (name.n)
        memcpy(r->name, name.p, name.n);
    timer_init(&r->pause, on_pause_over);
    if (hash_add(&x->rates, &r->node, hash))
        return r;
    free(r);
    return NULL;
}

/*
 * A second's worth may come at once. Who has used it up waits until a twentieth of it is there again: resuming for each
 * single stanza would cost more than the stanza.
 */
static uint64_t take(struct bucket *b, unsigned per_s, uint64_t n, uint64_t now_ms)
{
    if (per_s == 0)
        return 0;
    bucket_take(b, per_s, n, now_ms);
    return bucket_wait(b, per_s, per_s) > 0 ? bucket_wait(b, per_s, per_s - per_s / 20) : 0;
}

static void pause_for(struct rate *r, uint64_t ms)
{
    struct xmpp *x = r->x;
    unsigned held;

    if (!xmpp_pause_partner(x, name_of(r), true))
        return;
    r->paused_at_ms = loop_now(x->loop);
    x->counters.throttles++;
    timer_start(&x->loop->timers, &r->pause, ms < XMPP_RATE_PAUSE_MS ? ms : XMPP_RATE_PAUSE_MS);
    if (log_allowed(&x->log_throttled, loop_now(x->loop), 1, &held))
        log_info(x->loop->log, "partner-throttled", LOG_S("partner", name_of(r)), LOG_U("pause-ms", ms),
                 LOG_Z("why", "it sends more than partner-stanza-rate or partner-byte-rate allow"),
                 LOG_U("held-back", held));
}

void xmpp_rate_take(struct xmpp_stream *s, uint64_t stanzas, uint64_t bytes)
{
    const struct xmpp_limits *all = &s->x->conf.limits;
    const struct xmpp_partner *p = xmpp_stream_hears(s) && s->partner_name.n ? xmpp_stream_owner(s) : NULL;
    unsigned stanza_rate, byte_rate;
    uint64_t now, wait, more;
    struct rate *r;

    if (!p)
        return;
    stanza_rate = p->stanza_rate ? p->stanza_rate : all->stanza_rate;
    byte_rate = p->byte_rate ? p->byte_rate : all->byte_rate;
    r = stanza_rate || byte_rate ? rate_of(s->x, s->partner_name) : NULL;
    if (!r)
        return;
    now = loop_now(s->x->loop);
    wait = take(&r->stanzas, stanza_rate, stanzas, now);
    more = take(&r->bytes, byte_rate, bytes, now);
    if (more > wait)
        wait = more;
    if (wait > 0 && !timer_running(&r->pause))
        pause_for(r, wait);
}

static void forget(struct hash_node *node, void *arg)
{
    struct xmpp *x = arg;
    struct rate *r = container_of(node, struct rate, node);

    if (timer_running(&r->pause)) {
        timer_stop(&x->loop->timers, &r->pause);
        resume(r);
    }
    hash_remove(&x->rates, node);
    free(r);
}

void xmpp_rates_forget(struct xmpp *x)
{
    hash_each(&x->rates, forget, x);
}
