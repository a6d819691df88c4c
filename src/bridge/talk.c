#include "bridge/talk.h"

#include <stdlib.h>

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

void talks_init(struct talks *t, size_t bytes_max, const uint8_t key[16])
{
    *t = (struct talks){ .bytes_max = bytes_max };
    hash_init(&t->by_id);
    memcpy(t->by_id.key, key, sizeof(t->by_id.key));
    list_init(&t->passed);
    list_init(&t->refused);
}

static struct slice why_of(const struct talk *talk, enum score_way way)
{
    return talk->ways[way].last.why;
}

static void forget(struct talks *t, struct talk *talk)
{
    hash_remove(&t->by_id, &talk->node);
    list_unlink(&talk->link);
    t->bytes -= talk->size;
    free((char *)why_of(talk, SCORE_S2X).p);
    free((char *)why_of(talk, SCORE_X2S).p);
    free(talk);
}

void talks_fini(struct talks *t)
{
    list_move_all(&t->refused, &t->passed);
    while (!list_empty(&t->refused))
        forget(t, container_of(t->refused.next, struct talk, link));
    hash_free(&t->by_id);
}

uint64_t talks_id(const struct talks *t, const struct jid *local, const struct jid *remote)
{
    const struct hash *h = &t->by_id;
    uint64_t id = hash_more(h, hash_bytes(h, local->local), local->domain);

    id = hash_more(h, hash_more(h, id, remote->local), remote->domain);
    return id ? id : 1;
}

static struct talk *find(const struct talks *t, uint64_t id)
{
    struct hash_node *node = t->by_id.n ? hash_find(&t->by_id, id, any, NULL) : NULL;

    return node ? container_of(node, struct talk, node) : NULL;
}

const struct talk *talks_find(const struct talks *t, uint64_t id)
{
    return find(t, id);
}

/* The one to go first; keep is not it. NULL: there is no other. */
static struct talk *oldest(struct talks *t, const struct talk *keep)
{
    struct list *const lists[] = { &t->refused, &t->passed };

    for (size_t i = 0; i < 2; i++)
        list_each (l, lists[i]) {
            struct talk *talk = container_of(l, struct talk, link);

            if (talk != keep)
                return talk;
        }
    return NULL;
}

static bool make_room(struct talks *t, size_t size, const struct talk *keep)
{
    struct talk *old;

    while (size > t->bytes_max || t->bytes > t->bytes_max - size) {
        old = size > t->bytes_max ? NULL : oldest(t, keep);
        if (!old)
            return false;
        forget(t, old);
    }
    return true;
}

static struct slice put_bare(char **at, const struct jid *j)
{
    char *from = *at;

    if (j->local.n) {
        memcpy(*at, j->local.p, j->local.n);
        (*at)[j->local.n] = '@';
        *at += j->local.n + 1;
    }
    memcpy(*at, j->domain.p, j->domain.n);
    *at += j->domain.n;
    return slice_of(from, (size_t)(*at - from));
}

static struct talk *talk_new(struct talks *t, uint64_t id, const struct jid *local, const struct jid *remote,
                             uint64_t now_ms)
{
    size_t size = sizeof(struct talk) + local->local.n + local->domain.n + remote->local.n + remote->domain.n + 2;
    struct talk *talk = make_room(t, size, NULL) ? calloc(1, size) : NULL;
    char *at;

    if (!talk)
        return NULL;
    at = talk->names;
    talk->local = put_bare(&at, local);
    talk->remote = put_bare(&at, remote);
    talk->size = size;
    talk->since_ms = now_ms;
    list_init(&talk->link);
    if (!hash_add(&t->by_id, &talk->node, id)) {
        free(talk);
        return NULL;
    }
    list_push(&t->refused, &talk->link);
    t->bytes += size;
    return talk;
}

static void touch(struct talks *t, struct talk *talk, uint64_t now_ms)
{
    list_unlink(&talk->link);
    list_push(talk->passed ? &t->passed : &t->refused, &talk->link);
    talk->turn = ++t->last_turn;
    talk->active_ms = now_ms;
}

uint64_t talks_came(struct talks *t, enum score_way way, const struct jid *local, const struct jid *remote,
                    uint64_t now_ms)
{
    uint64_t id = talks_id(t, local, remote);
    struct talk *talk = find(t, id);

    if (!talk)
        talk = talk_new(t, id, local, remote, now_ms);
    if (talk) {
        talk->ways[way].n++;
        talk->ways[way].came_ms = now_ms;
        touch(t, talk, now_ms);
    }
    return id;
}

/* A copy of the sentence takes the place of the one before; without room or memory there is none. */
static void keep_why(struct talks *t, struct talk *talk, enum score_way way, struct slice why)
{
    struct slice *kept = &talk->ways[way].last.why;
    struct slice copy = { 0 };

    why = slice_first(why, TALK_WHY_MAX);
    if (!why.n && !kept->p)
        return;
    if (slice_eq(*kept, why))
        return;
    t->bytes -= kept->n;
    talk->size -= kept->n;
    free((char *)kept->p);
    *kept = copy;
    if (!why.n || !make_room(t, why.n, talk) || !(copy.p = malloc(why.n)))
        return;
    memcpy((char *)copy.p, why.p, why.n);
    copy.n = why.n;
    *kept = copy;
    t->bytes += copy.n;
    talk->size += copy.n;
}

void talks_mode(struct talks *t, uint64_t id, bool in_session)
{
    struct talk *talk = find(t, id);

    if (talk)
        talk->in_session = in_session;
}

void talks_ended(struct talks *t, uint64_t id, enum score_way way, const struct talk_end *end, uint64_t now_ms)
{
    struct talk *talk = find(t, id);
    struct talk_way *w;
    bool good = end->outcome == SCORE_DELIVERED || end->outcome == SCORE_UNCONFIRMED || end->outcome == SCORE_EMPTY;

    if (!talk)
        return;
    w = &talk->ways[way];
    w->n_delivered += good;
    w->n_failed += !good;
    w->ended_ms = now_ms;
    w->last.outcome = end->outcome;
    w->last.status = end->status;
    w->last.condition = end->condition;
    keep_why(t, talk, way, end->why);
    talk->passed = talk->passed || good;
    touch(t, talk, now_ms);
}

void talks_bounced(struct talks *t, const struct jid *local, const struct jid *remote, const char *condition,
                   uint64_t now_ms)
{
    struct talk *talk = find(t, talks_id(t, local, remote));

    if (!talk)
        return;
    talk->n_bounced_late++;
    talk->bounced_ms = now_ms;
    talk->bounced_condition = condition;
    touch(t, talk, now_ms);
}

void talks_walk(const struct talks *t, struct talks_walk *w, uint64_t before)
{
    *w = (struct talks_walk){ { &t->passed, &t->refused }, { t->passed.prev, t->refused.prev }, before };
}

/* The first of a list that is old enough; NULL: there is none any more. */
static const struct talk *peek(struct talks_walk *w, size_t i)
{
    for (; w->at[i] != w->heads[i]; w->at[i] = w->at[i]->prev) {
        const struct talk *talk = container_of(w->at[i], const struct talk, link);

        if (talk->turn < w->before)
            return talk;
    }
    return NULL;
}

const struct talk *talks_next(struct talks_walk *w)
{
    const struct talk *passed = peek(w, 0), *refused = peek(w, 1);
    size_t i = !passed || (refused && refused->turn > passed->turn);

    if (!passed && !refused)
        return NULL;
    w->at[i] = w->at[i]->prev;
    return i ? refused : passed;
}
