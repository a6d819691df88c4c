#include "xmpp/handshakes.h"

#include <stdlib.h>

#include "base/bucket.h"

/* One address. It is forgotten when its bucket is full again. */
struct source {
    struct hash_node node;
    struct xmpp_handshakes *all;
    struct bucket bucket;
    struct list waiting; /* struct xmpp_handshake, the first one is the next */
    struct timer timer;  /* of the next turn, or of forgetting */
    size_t name_n;
    char name[];
};

static bool is_named(const struct hash_node *node, const void *key)
{
    const struct source *s = container_of(node, const struct source, node);

    return slice_eq(slice_of(s->name, s->name_n), *(const struct slice *)key);
}

static void forget(struct hash_node *node, void *arg)
{
    struct source *s = container_of(node, struct source, node);

    timer_stop(&s->all->loop->timers, &s->timer);
    hash_remove(&s->all->sources, node);
    free(s);
}

static bool take(struct source *s)
{
    return bucket_try(&s->bucket, s->all->per_s, s->all->burst, 1, loop_now(s->all->loop));
}

/* Runs as long as the source is known: for the next turn, or until nothing is left to be remembered. */
static void start_timer(struct source *s)
{
    unsigned per_s = s->all->per_s;
    uint64_t turn = (1000 + per_s - 1) / per_s, full = bucket_wait(&s->bucket, per_s, 0);

    timer_start(&s->all->loop->timers, &s->timer, list_empty(&s->waiting) ? full : turn);
}

static void on_timer(struct timer *t)
{
    struct source *s = container_of(t, struct source, timer);

    while (!list_empty(&s->waiting) && take(s)) {
        struct xmpp_handshake *h = container_of(list_pop(&s->waiting), struct xmpp_handshake, link);

        h->begin(h);
    }
    bucket_take(&s->bucket, s->all->per_s, 0, loop_now(s->all->loop));
    if (list_empty(&s->waiting) && bucket_wait(&s->bucket, s->all->per_s, 0) == 0)
        forget(&s->node, NULL);
    else
        start_timer(s);
}

static struct source *source_of(struct xmpp_handshakes *all, struct slice name)
{
    uint64_t hash = hash_bytes(&all->sources, name);
    struct hash_node *node = hash_find(&all->sources, hash, is_named, &name);
    struct source *s = node ? container_of(node, struct source, node) : calloc(1, sizeof(*s) + name.n);

    if (node || !s)
        return s;
    s->all = all;
    s->name_n = name.n;
    if (name.n)
        memcpy(s->name, name.p, name.n);
    list_init(&s->waiting);
    timer_init(&s->timer, on_timer);
    if (hash_add(&all->sources, &s->node, hash))
        return s;
    free(s);
    return NULL;
}

void xmpp_handshakes_init(struct xmpp_handshakes *all, struct loop *loop, unsigned per_s, unsigned burst)
{
    *all = (struct xmpp_handshakes){ .loop = loop, .per_s = per_s, .burst = burst };
    hash_init(&all->sources);
}

void xmpp_handshakes_fini(struct xmpp_handshakes *all)
{
    hash_each(&all->sources, forget, NULL);
    hash_free(&all->sources);
}

void xmpp_handshake_init(struct xmpp_handshake *h, void (*begin)(struct xmpp_handshake *h))
{
    list_init(&h->link);
    h->begin = begin;
}

bool xmpp_handshake_ask(struct xmpp_handshakes *all, struct slice source, struct xmpp_handshake *h)
{
    struct source *s = all->per_s ? source_of(all, source) : NULL;

    if (!s) /* no limit; or no memory, of which the handshake will need more */
        return true;
    if (list_empty(&s->waiting)) {
        bool now = take(s);

        if (!now)
            list_push(&s->waiting, &h->link);
        start_timer(s);
        return now;
    }
    list_push(&s->waiting, &h->link);
    return false;
}

bool xmpp_handshake_waits(const struct xmpp_handshake *h)
{
    return !list_empty(&h->link);
}

void xmpp_handshake_cancel(struct xmpp_handshake *h)
{
    list_unlink(&h->link);
}
