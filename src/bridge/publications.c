#include "bridge/publications.h"

#include <stdlib.h>

#include "bridge/bridge_private.h"
#include "bridge/people.h"

#define BYTES_MAX ((size_t)64 << 20)
#define N_MAX 200000

struct published_user {
    struct bridge *bridge;
    struct list publications; /* refreshed longest ago first */
    size_t n;
    struct person person;
};

struct publication {
    struct list link; /* of its user */
    struct published_user *user;
    struct share share;
    struct timer timer; /* its end */
    struct map_packed *said;
    char tag[PUBLICATION_TAG + 1];
};

/* ---- users ---- */

static struct published_user *user_find(const struct bridge *b, const struct jid *who)
{
    struct person *p = people_find(&b->publications.users, who);

    return p ? container_of(p, struct published_user, person) : NULL;
}

static struct published_user *user_make(struct bridge *b, const struct jid *who)
{
    struct published_user *known = user_find(b, who), *u = NULL;

    if (!known)
        u = PEOPLE_ADD(&b->publications.users, who, struct published_user);
    if (!u)
        return known;
    u->bridge = b;
    list_init(&u->publications);
    return u;
}

static void user_tidy(struct published_user *u)
{
    if (u->n)
        return;
    people_remove(&u->bridge->publications.users, &u->person);
    free(u);
}

/* ---- publications ---- */

/* Its user may be left without any: user_tidy. */
static void drop(struct publication *p)
{
    struct bridge *b = p->user->bridge;

    timer_stop(&b->loop->timers, &p->timer);
    shares_drop(&b->publications.memory, &p->share);
    list_unlink(&p->link);
    p->user->n--;
    free(p->said);
    free(p);
}

void publication_remove(struct publication *p)
{
    struct published_user *u = p->user;
    struct jid who = person_jid(&u->person);

    drop(p);
    watch_x2s_published(u->bridge, &who);
    user_tidy(u);
}

static void on_expired(struct timer *t)
{
    publication_remove(container_of(t, struct publication, timer));
}

struct publication *publication_find(const struct bridge *b, const struct jid *who, struct slice tag)
{
    const struct published_user *u = user_find(b, who);

    if (!u)
        return NULL;
    list_each (it, &u->publications)
        if (slice_is(tag, container_of(it, struct publication, link)->tag))
            return container_of(it, struct publication, link);
    return NULL;
}

/* ---- taking one ---- */

/* Charges it anew. Who has to go for it goes, and not p itself, which is not charged meanwhile. False: no memory. */
static bool charge(struct publication *p, struct slice route, size_t size)
{
    struct shares *memory = &p->user->bridge->publications.memory;
    struct share *payer;
    bool fits;

    shares_drop(memory, &p->share);
    while ((payer = shares_payer(memory, route, size, &fits)) != NULL)
        publication_remove(container_of(payer, struct publication, share));
    return fits && shares_add(memory, route, &p->share, size);
}

/* A client that forgets what it has published begins anew; the oldest has to go then. */
static struct publication *publication_new(struct published_user *u)
{
    struct publication *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    if (u->n == PUBLICATIONS_PER_USER)
        drop(container_of(u->publications.next, struct publication, link));
    p->user = u;
    timer_init(&p->timer, on_expired);
    list_push(&u->publications, &p->link);
    u->n++;
    return p;
}

static struct publication *take(struct bridge *b, const struct jid *who, struct slice route, struct publication *before,
                                const struct map_presences *said)
{
    struct map_packed *packed = map_presences_pack(said);
    struct published_user *u = packed ? user_make(b, who) : NULL;
    struct publication *p = !u ? NULL : before ? before : publication_new(u);

    if (p && charge(p, route, sizeof(*p) + sizeof(*u) + u->person.n_name + map_packed_size(packed))) {
        free(p->said);
        p->said = packed;
        return p;
    }
    free(packed);
    if (p)
        publication_remove(p);
    else if (u)
        user_tidy(u);
    return NULL;
}

const char *publication_put(struct bridge *b, const struct jid *who, struct slice route, struct publication *before,
                            const struct map_presences *said, unsigned expires_s)
{
    struct publication *p = said ? take(b, who, route, before, said) : before;

    if (!p)
        return NULL;
    rand_hex(p->tag, PUBLICATION_TAG);
    shares_touch(&p->share);
    list_unlink(&p->link);
    list_push(&p->user->publications, &p->link);
    timer_start(&b->loop->timers, &p->timer, (uint64_t)expires_s * 1000);
    if (said)
        watch_x2s_published(b, who);
    return p->tag;
}

/* ---- all of them together ---- */

/* What one client says, beside what the others have. One who is nowhere speaks for that client alone. */
static bool add(struct arena *a, const struct publication *p, struct map_presences *all, struct map_presence *nobody)
{
    struct map_presences said, next;

    if (!p->said || !map_presences_unpack(a, p->said, &said))
        return p->said == NULL;
    for (size_t i = 0; i < said.n; i++) {
        if (!said.v[i].resource.n && !said.v[i].available) {
            *nobody = said.v[i];
            continue;
        }
        if (!map_presences_take(a, all, &said.v[i], &next))
            return false;
        *all = next;
    }
    return true;
}

bool publications_of(const struct bridge *b, const struct jid *who, struct arena *a, struct map_presences *out)
{
    const struct published_user *u = user_find(b, who);
    struct map_presence *nobody = arena_alloc(a, sizeof(*nobody));

    *out = (struct map_presences){ 0 };
    if (!nobody)
        return false;
    *nobody = (struct map_presence){ .available = false };
    if (u)
        list_each (it, &u->publications)
            if (!add(a, container_of(it, struct publication, link), out, nobody))
                return false;
    map_presences_told(out);
    if (!out->n)
        *out = (struct map_presences){ .n = 1, .v = nobody };
    return true;
}

/* ---- all users ---- */

void publications_init(struct bridge *b)
{
    hash_init(&b->publications.users);
    shares_init(&b->publications.memory, BYTES_MAX, N_MAX);
}

static void free_user(struct hash_node *node, void *arg)
{
    struct published_user *u = container_of(node, struct published_user, person.node);

    while (!list_empty(&u->publications))
        drop(container_of(u->publications.next, struct publication, link));
    user_tidy(u);
}

void publications_fini(struct bridge *b)
{
    hash_each(&b->publications.users, free_user, b);
    hash_free(&b->publications.users);
    shares_fini(&b->publications.memory);
}
