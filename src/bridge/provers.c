#include "bridge/provers.h"

#include "base/bucket.h"

/* An address that has failed, or an address with port and transport that has proven itself. */
struct source {
    struct recent_entry entry;
    struct bucket failures;
    uint64_t told_ms;
    bool told;
};

static struct source *source_of(struct recent_entry *e)
{
    return e ? container_of(e, struct source, entry) : NULL;
}

static uint64_t hash_ip(const struct provers *t, const struct addr *ip)
{
    return addr_hash_ip(ip, t->sources.hash.key);
}

static uint64_t hash_peer(const struct provers *t, const struct sip_peer *peer)
{
    const unsigned char port[] = { (unsigned char)(addr_port(peer->addr) >> 8), (unsigned char)addr_port(peer->addr),
                                   (unsigned char)peer->transport };

    return hash_more(&t->sources.hash, hash_ip(t, peer->addr), slice_of((const char *)port, sizeof(port)));
}

void provers_init(struct provers *t)
{
    recent_init(&t->sources, sizeof(struct source), PROVERS_SOURCES_MAX, PROVERS_KNOWN_S * 1000);
}

void provers_fini(struct provers *t)
{
    recent_fini(&t->sources);
}

bool provers_may(const struct provers *t, const struct addr *ip, uint64_t now_ms)
{
    const struct source *s = source_of(recent_find(&t->sources, hash_ip(t, ip)));
    struct bucket as_if;

    if (!s)
        return true;
    as_if = s->failures;
    return bucket_try(&as_if, 1, PROVERS_BURST, 1, now_ms);
}

bool provers_failed(struct provers *t, const struct addr *ip, uint64_t now_ms)
{
    struct source *s = source_of(recent_see(&t->sources, hash_ip(t, ip), now_ms));
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
    (void)recent_see(&t->sources, hash_peer(t, peer), now_ms);
}

bool provers_knows(const struct provers *t, const struct sip_peer *peer, uint64_t now_ms)
{
    const struct recent_entry *e = recent_find(&t->sources, hash_peer(t, peer));

    return e && now_ms - e->seen_ms <= PROVERS_KNOWN_S * 1000;
}
