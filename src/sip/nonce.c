#include "sip/nonce.h"

#include <stdlib.h>

#include "base/text.h"

/* What a nonce is, as base64: 24 octets are 32 characters. */
struct stamp {
    uint32_t made_s;
    uint32_t number;
    uint64_t mark[2];
};

/* One that was used. */
struct used {
    struct hash_node node; /* by the stamp's number and second: our own, each once */
    struct list link;
    uint32_t made_s;
    uint32_t nc; /* the highest so far */
};

_Static_assert(sizeof(struct stamp) == 24, "no padding: all of it is written and read");

void sip_nonces_init(struct sip_nonces *t)
{
    hash_init(&t->marks);
    hash_init(&t->more);
    hash_init(&t->used);
    list_init(&t->by_use);
    t->last = 0;
    t->floor_s = 0;
    t->max = SIP_NONCES_MAX;
}

static void forget(struct sip_nonces *t, struct used *u)
{
    if (u->made_s > t->floor_s)
        t->floor_s = u->made_s;
    hash_remove(&t->used, &u->node);
    list_unlink(&u->link);
    free(u);
}

void sip_nonces_fini(struct sip_nonces *t)
{
    while (!list_empty(&t->by_use))
        forget(t, container_of(t->by_use.next, struct used, link));
    hash_free(&t->used);
    hash_free(&t->more);
    hash_free(&t->marks);
}

/* 128 bits that nobody can make who has not both keys. */
static void put_mark(const struct sip_nonces *t, struct stamp *s, enum sip_digest digest, struct slice who)
{
    struct slice head = slice_of((const char *)s, offsetof(struct stamp, mark));
    char algorithm = (char)digest;
    const struct hash *keys[2] = { &t->marks, &t->more };

    for (size_t i = 0; i < 2; i++) {
        uint64_t mark = hash_mac_more(keys[i], hash_mac(keys[i], head), slice_of(&algorithm, 1));

        s->mark[i] = hash_mac_more(keys[i], mark, who);
    }
}

void sip_nonce_make(struct sip_nonces *t, enum sip_digest digest, struct slice who, uint64_t now_ms,
                    char out[SIP_NONCE_TEXT])
{
    struct stamp s = { .made_s = (uint32_t)(now_ms / 1000), .number = (uint32_t)++t->last };
    struct buf b = { .p = out, .cap = SIP_NONCE_TEXT, .max = SIP_NONCE_TEXT };

    put_mark(t, &s, digest, who);
    text_put_base64(&b, &s, sizeof(s));
    out[SIP_NONCE_TEXT - 1] = '\0';
}

static bool read_stamp(struct slice nonce, struct stamp *out)
{
    struct buf b = { .p = (char *)out, .cap = sizeof(*out), .max = sizeof(*out) };

    return nonce.n == SIP_NONCE_TEXT - 1 && text_unbase64(&b, nonce) && b.n == sizeof(*out);
}

enum sip_nonce sip_nonce_check(const struct sip_nonces *t, struct slice nonce, enum sip_digest digest, struct slice who,
                               uint64_t now_ms)
{
    struct stamp s, ours;
    uint64_t now_s = now_ms / 1000;

    if (!read_stamp(nonce, &s))
        return SIP_NONCE_STALE;
    ours = s;
    put_mark(t, &ours, digest, who);
    if (!text_equal_secret(slice_of((char *)ours.mark, sizeof(ours.mark)), slice_of((char *)s.mark, sizeof(s.mark))))
        return SIP_NONCE_STALE;
    if (s.made_s > now_s || now_s - s.made_s > SIP_NONCE_LIFE_S || (t->floor_s && s.made_s <= t->floor_s))
        return SIP_NONCE_STALE;
    return SIP_NONCE_GOOD;
}

static uint64_t number_of(const struct stamp *s)
{
    return ((uint64_t)s->made_s << 32 | s->number) * 0x9e3779b97f4a7c15u; /* equal hashes are equal numbers */
}

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

/* Old ones go by themselves, two at a time, as one comes at a time; in need the oldest does. */
static void make_room(struct sip_nonces *t, uint32_t made_s)
{
    for (int i = 0; i < 2 && !list_empty(&t->by_use); i++) {
        struct used *u = container_of(t->by_use.next, struct used, link);

        if (u->made_s + SIP_NONCE_LIFE_S >= made_s && t->used.n < t->max)
            return;
        forget(t, u);
    }
}

static struct used *used_new(struct sip_nonces *t, const struct stamp *s)
{
    struct used *u;

    make_room(t, s->made_s);
    u = calloc(1, sizeof(*u));
    if (!u)
        return NULL;
    list_init(&u->link);
    u->made_s = s->made_s;
    if (hash_add(&t->used, &u->node, number_of(s)))
        return u;
    free(u);
    return NULL;
}

enum sip_nonce sip_nonce_count(struct sip_nonces *t, struct slice nonce, uint32_t nc)
{
    struct hash_node *node;
    struct used *u;
    struct stamp s;

    if (!read_stamp(nonce, &s))
        return SIP_NONCE_STALE;
    node = hash_find(&t->used, number_of(&s), any, NULL);
    u = node ? container_of(node, struct used, node) : used_new(t, &s);
    if (!u)
        return SIP_NONCE_NO_MEMORY;
    list_unlink(&u->link);
    list_push(&t->by_use, &u->link);
    if (nc <= u->nc)
        return SIP_NONCE_REPLAYED;
    u->nc = nc;
    return SIP_NONCE_GOOD;
}
