#include "bridge/threads.h"

#include <stdlib.h>

/* A partner that has threads here; it goes with the last of them. */
struct holder {
    struct hash_node node;
    struct list link;
    struct list used; /* struct thread, longest ago first */
    size_t bytes;     /* of them */
    size_t name_n;
    char name[];
};

struct thread {
    struct hash_node node;
    struct list link;
    struct holder *holder;
    struct jid remote, local; /* no resources */
    struct slice call_id, text;
    size_t size; /* all of it */
    char bytes[];
};

static bool name_is(const struct hash_node *node, const void *key)
{
    const struct holder *h = container_of(node, struct holder, node);

    return slice_eq(slice_of(h->name, h->name_n), *(const struct slice *)key);
}

static struct holder *holder_find(const struct threads *t, struct slice partner)
{
    struct hash_node *node = hash_find(&t->by_partner, hash_bytes(&t->by_partner, partner), name_is, &partner);

    return node ? container_of(node, struct holder, node) : NULL;
}

static struct holder *holder_of(struct threads *t, struct slice partner)
{
    struct holder *h = holder_find(t, partner);

    if (h)
        return h;
    h = calloc(1, sizeof(*h) + partner.n);
    if (!h)
        return NULL;
    list_init(&h->used);
    h->name_n = partner.n;
    memcpy(h->name, partner.p, partner.n);
    if (!hash_add(&t->by_partner, &h->node, hash_bytes(&t->by_partner, partner))) {
        free(h);
        return NULL;
    }
    list_push(&t->holders, &h->link);
    return h;
}

static void holder_end_if_empty(struct threads *t, struct holder *h)
{
    if (!list_empty(&h->used))
        return;
    hash_remove(&t->by_partner, &h->node);
    list_unlink(&h->link);
    free(h);
}

static void drop(struct threads *t, struct thread *thread)
{
    struct holder *h = thread->holder;

    hash_remove(&t->by_call_id, &thread->node);
    list_unlink(&thread->link);
    h->bytes -= thread->size;
    t->bytes -= thread->size;
    free(thread);
    holder_end_if_empty(t, h);
}

/*
 * Who gives room to partner when there is none: itself when it holds the average or more, else the first that does. Only a
 * partner below the average looks for another, so that looking costs nothing to speak of.
 */
static struct holder *payer(const struct threads *t, struct slice partner)
{
    struct holder *own = holder_find(t, partner);
    size_t n = t->by_partner.n + (own ? 0 : 1);

    if (own && own->bytes >= t->bytes / n)
        return own;
    list_each (l, &t->holders) {
        struct holder *h = container_of(l, struct holder, link);

        if (h->bytes >= t->bytes / n)
            return h;
    }
    return own;
}

static bool make_room(struct threads *t, struct slice partner, size_t size)
{
    if (size > t->bytes_max)
        return false;
    while (t->bytes > t->bytes_max - size) {
        struct holder *h = payer(t, partner);

        if (!h)
            return false;
        drop(t, container_of(h->used.next, struct thread, link));
    }
    return true;
}

static bool key_is(const struct hash_node *node, const void *arg)
{
    const struct thread *thread = container_of(node, struct thread, node);
    const struct thread_key *key = arg;

    return slice_eq(thread->call_id, key->call_id) && jid_bare_eq(&thread->remote, key->remote) &&
           jid_bare_eq(&thread->local, key->local);
}

/* Call-IDs of this kind are digests with a key of ours: they need no addresses to be told apart. */
static uint64_t hash_of(const struct threads *t, const struct thread_key *key)
{
    return hash_bytes(&t->by_call_id, key->call_id);
}

static struct thread *find(const struct threads *t, const struct thread_key *key)
{
    struct hash_node *node;

    if (t->by_call_id.n == 0)
        return NULL;
    node = hash_find(&t->by_call_id, hash_of(t, key), key_is, key);
    return node ? container_of(node, struct thread, node) : NULL;
}

static void touch(struct thread *thread)
{
    list_unlink(&thread->link);
    list_push(&thread->holder->used, &thread->link);
}

static struct slice put(char **at, struct slice s)
{
    char *to = *at;

    if (s.n)
        memcpy(to, s.p, s.n);
    *at += s.n;
    return slice_of(to, s.n);
}

static struct thread *thread_new(const struct thread_key *key, struct slice text, size_t size)
{
    struct thread *thread = calloc(1, size);
    char *at;

    if (!thread)
        return NULL;
    at = thread->bytes;
    thread->size = size;
    thread->remote.local = put(&at, key->remote->local);
    thread->remote.domain = put(&at, key->remote->domain);
    thread->local.local = put(&at, key->local->local);
    thread->local.domain = put(&at, key->local->domain);
    thread->call_id = put(&at, key->call_id);
    thread->text = put(&at, text);
    list_init(&thread->link);
    return thread;
}

static void add(struct threads *t, struct holder *h, struct thread *thread, uint64_t hash)
{
    if (!hash_add(&t->by_call_id, &thread->node, hash)) {
        free(thread);
        return;
    }
    thread->holder = h;
    list_push(&h->used, &thread->link);
    h->bytes += thread->size;
    t->bytes += thread->size;
}

void threads_keep(struct threads *t, struct slice partner, const struct thread_key *key, struct slice text)
{
    struct thread *thread = find(t, key);
    struct holder *h;
    size_t size;

    if (thread) {
        touch(thread);
        return;
    }
    size = sizeof(*thread) + key->remote->local.n + key->remote->domain.n + key->local->local.n + key->local->domain.n +
           key->call_id.n + text.n;
    if (text.n > THREAD_MAX || !make_room(t, partner, size))
        return;
    h = holder_of(t, partner);
    if (!h)
        return;
    thread = thread_new(key, text, size);
    if (thread)
        add(t, h, thread, hash_of(t, key));
    holder_end_if_empty(t, h);
}

struct slice threads_find(struct threads *t, const struct thread_key *key)
{
    struct thread *thread = find(t, key);

    if (!thread)
        return slice_of(NULL, 0);
    touch(thread);
    return thread->text;
}

void threads_init(struct threads *t, size_t bytes_max)
{
    *t = (struct threads){ .bytes_max = bytes_max };
    hash_init(&t->by_call_id);
    hash_init(&t->by_partner);
    list_init(&t->holders);
}

void threads_fini(struct threads *t)
{
    while (!list_empty(&t->holders)) {
        struct holder *h = container_of(t->holders.next, struct holder, link);

        drop(t, container_of(h->used.next, struct thread, link));
    }
    hash_free(&t->by_call_id);
    hash_free(&t->by_partner);
}
