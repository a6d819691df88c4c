#include "bridge/threads.h"

#include <stdlib.h>

struct thread {
    struct hash_node node;
    struct share share;
    struct jid remote, local; /* no resources */
    struct slice call_id, text;
    char bytes[];
};

static void drop(struct threads *t, struct thread *thread)
{
    hash_remove(&t->by_call_id, &thread->node);
    shares_drop(&t->shares, &thread->share);
    free(thread);
}

static bool make_room(struct threads *t, struct slice partner, size_t size)
{
    struct share *payer;
    bool fits;

    while ((payer = shares_payer(&t->shares, partner, size, &fits)) != NULL)
        drop(t, container_of(payer, struct thread, share));
    return fits;
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
    thread->remote.local = put(&at, key->remote->local);
    thread->remote.domain = put(&at, key->remote->domain);
    thread->local.local = put(&at, key->local->local);
    thread->local.domain = put(&at, key->local->domain);
    thread->call_id = put(&at, key->call_id);
    thread->text = put(&at, text);
    return thread;
}

void threads_keep(struct threads *t, struct slice partner, const struct thread_key *key, struct slice text)
{
    struct thread *thread = find(t, key);
    size_t size;

    if (thread) {
        shares_touch(&thread->share);
        return;
    }
    size = sizeof(*thread) + key->remote->local.n + key->remote->domain.n + key->local->local.n + key->local->domain.n +
           key->call_id.n + text.n;
    if (text.n > THREAD_MAX || !make_room(t, partner, size))
        return;
    thread = thread_new(key, text, size);
    if (!thread)
        return;
    if (hash_add(&t->by_call_id, &thread->node, hash_of(t, key))) {
        if (shares_add(&t->shares, partner, &thread->share, size))
            return;
        hash_remove(&t->by_call_id, &thread->node);
    }
    free(thread);
}

struct slice threads_find(struct threads *t, const struct thread_key *key)
{
    struct thread *thread = find(t, key);

    if (!thread)
        return slice_of(NULL, 0);
    shares_touch(&thread->share);
    return thread->text;
}

void threads_init(struct threads *t, size_t bytes_max)
{
    hash_init(&t->by_call_id);
    shares_init(&t->shares, bytes_max, SIZE_MAX);
}

void threads_fini(struct threads *t)
{
    struct share *share;

    while ((share = shares_any(&t->shares)) != NULL)
        drop(t, container_of(share, struct thread, share));
    hash_free(&t->by_call_id);
    shares_fini(&t->shares);
}
