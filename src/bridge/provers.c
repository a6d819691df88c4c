#include "bridge/provers.h"

#include <stdlib.h>

#include "base/bucket.h"

/* An address that has failed, or an address with port and transport that has proven itself. The keyed hash is all that is
 * remembered of which. */
struct source {
    struct hash_node node;
    struct list link;
    struct bucket failures;
    uint64_t seen_ms, told_ms;
    bool told;
};

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static uint64_t hash_ip(const struct provers *t, const struct addr *ip)
{
    return addr_hash_ip(ip, t->sources.key);
}

static uint64_t hash_peer(const struct provers *t, const struct sip_peer *peer)
{
    const unsigned char port[] = { (unsigned char)(addr_port(peer->addr) >> 8), (unsigned char)addr_port(peer->addr),
                                   (unsigned char)peer->transport };

    return hash_more(&t->sources, hash_ip(t, peer->addr), slice_of((const char *)port, sizeof(port)));
}

static struct source *find(const struct provers *t, uint64_t hash)
{
    struct hash_node *node = t->sources.n ? hash_find(&t->sources, hash, any, NULL) : NULL;

    return node ? container_of(node, struct source, node) : NULL;
}

static void forget(struct provers *t, struct source *s)
{
    hash_remove(&t->sources, &s->node);
    list_unlink(&s->link);
    free(s);
}

void provers_init(struct provers *t)
{
    hash_init(&t->sources);
    list_init(&t->by_age);
}

void provers_fini(struct provers *t)
{
    while (!list_empty(&t->by_age))
        forget(t, container_of(t->by_age.next, struct source, link));
    hash_free(&t->sources);
}

/* Two at a time, as one comes at a time. */
static void forget_old(struct provers *t, uint64_t now_ms)
{
    for (int i = 0; i < 2 && !list_empty(&t->by_age); i++) {
        struct source *s = container_of(t->by_age.next, struct source, link);

        if (now_ms - s->seen_ms <= PROVERS_KNOWN_S * 1000 && t->sources.n < PROVERS_SOURCES_MAX)
            return;
        forget(t, s);
    }
}

/* The source of this hash, the youngest now. NULL: no memory. */
static struct source *see(struct provers *t, uint64_t hash, uint64_t now_ms)
{
    struct source *s = find(t, hash);

    if (!s) {
        forget_old(t, now_ms);
        s = calloc(1, sizeof(*s));
        if (!s)
            return NULL;
        list_init(&s->link);
        if (!hash_add(&t->sources, &s->node, hash)) {
            free(s);
            return NULL;
        }
    }
    s->seen_ms = now_ms;
    list_unlink(&s->link);
    list_push(&t->by_age, &s->link);
    return s;
}

bool provers_may(const struct provers *t, const struct addr *ip, uint64_t now_ms)
{
    const struct source *s = find(t, hash_ip(t, ip));
    struct bucket as_if;

    if (!s)
        return true;
    as_if = s->failures;
    return bucket_try(&as_if, 1, PROVERS_BURST, 1, now_ms);
}

bool provers_failed(struct provers *t, const struct addr *ip, uint64_t now_ms)
{
    struct source *s = see(t, hash_ip(t, ip), now_ms);
    bool first;

    if (!s)
        return true;
    bucket_take(&s->failures, 1, 1, now_ms);
    first = !s->told || now_ms - s->told_ms > PROVERS_KNOWN_S * 1000;
    if (first) {
        s->told = true;
        s->told_ms = now_ms;
    }
    return first;
}

void provers_passed(struct provers *t, const struct sip_peer *peer, uint64_t now_ms)
{
    (void)see(t, hash_peer(t, peer), now_ms);
}

bool provers_knows(const struct provers *t, const struct sip_peer *peer, uint64_t now_ms)
{
    const struct source *s = find(t, hash_peer(t, peer));

    return s && now_ms - s->seen_ms <= PROVERS_KNOWN_S * 1000;
}
