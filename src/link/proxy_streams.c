/*
 * The streams, as a gateway's administrators see them: each second what has changed since it was told. What a stream was told with is
 * remembered as two hashes: of all that is said once, and of what changes with each stanza.
 */
#include <stdlib.h>

#include "link/proxy_parts.h"
#include "net/tls.h"

#define UNPROVEN_MAX 64 /* streams that nobody has proven anything on */

struct proxy_shown {
    struct hash_node node;
    uint32_t id;
    uint64_t whole, counts;
    uint64_t seen; /* at which look */
};

struct showing {
    struct proxy_session *s;
    size_t n_unproven;
};

static bool id_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct proxy_shown, node)->id == *(const uint32_t *)key;
}

static uint64_t hash_of(const struct proxy_session *s, const void *p, size_t n)
{
    return hash_bytes(&s->shown, slice_of(p, n));
}

/* Made if it is not there; NULL on memory: it is told at the next look. */
static struct proxy_shown *shown_of(struct proxy_session *s, uint32_t id)
{
    uint64_t hash = hash_of(s, &id, sizeof(id));
    struct hash_node *node = hash_find(&s->shown, hash, id_is, &id);
    struct proxy_shown *w = node ? container_of(node, struct proxy_shown, node) : calloc(1, sizeof(*w));

    if (node || !w)
        return w;
    w->id = id;
    if (hash_add(&s->shown, &w->node, hash))
        return w;
    free(w);
    return NULL;
}

/* ---- one of them ---- */

static void say_pairs(struct proxy_session *s, const struct xmpp_stream_detail *d)
{
    for (size_t i = 0; i < d->n_pairs; i++) {
        const struct link_frame f = { .type = LINK_STREAM_PAIR,
                                      .stream_pair = { d->pairs[i].local, d->pairs[i].remote,
                                                       slice_str(d->pairs[i].method) } };

        (void)proxy_say(s, &f);
    }
}

static void say_shown(struct proxy_session *s, const struct tls_peer *peer)
{
    char subject[LINK_SHOWN_MAX], issuer[LINK_SHOWN_MAX];
    struct link_frame f = { .type = LINK_STREAM_SHOWN,
                            .stream_shown = { link_frame_text(peer->subject, sizeof(subject), subject),
                                              link_frame_text(peer->issuer, sizeof(issuer), issuer),
                                              slice_str(peer->until) } };

    (void)proxy_say(s, &f);
    for (size_t i = 0; i < peer->n_names && i < LINK_SHOWN_NAMES; i++) {
        f = (struct link_frame){ .type = LINK_STREAM_SHOWN_NAME,
                                 .stream_shown_name.name =
                                     link_frame_text(peer->names[i].text, sizeof(subject), subject) };
        (void)proxy_say(s, &f);
    }
}

static void say_stream(void *arg, const struct xmpp_stream_detail *d)
{
    struct proxy_session *s = ((const struct showing *)arg)->s;
    const struct xmpp_stream_info *info = &d->info;
    uint64_t now = loop_now(s->proxy->conf.loop);
    char peer[ADDR_TEXT] = "", room[LINK_WHY_MAX];
    struct link_frame f = { .type = LINK_STREAM,
                            .stream = { .id = info->id,
                                        .inbound = info->inbound,
                                        .both = info->both,
                                        .authenticated = info->authenticated,
                                        .sm = d->sm,
                                        .local = info->local,
                                        .remote = info->remote,
                                        .partner = info->partner,
                                        .state = slice_str(info->state),
                                        .tls = slice_str(info->tls),
                                        .cipher = slice_str(info->cipher),
                                        .method = slice_str(info->method),
                                        .awaits = slice_str(d->awaits),
                                        .certificate = link_frame_text(info->certificate, sizeof(room), room),
                                        .pin = d->pin,
                                        .pairs = info->n_pairs,
                                        .opened_ms = now - info->age_ms,
                                        .last_ms = now - info->idle_ms,
                                        .stanzas_in = info->stanzas_in,
                                        .stanzas_out = info->stanzas_out } };

    if (info->peer && info->peer->sa.sa_family)
        f.stream.peer = slice_str(addr_text(info->peer, peer));
    if (!proxy_say(s, &f))
        return;
    if (d->shown)
        say_shown(s, d->shown);
    say_pairs(s, d);
    proxy_say_steps(s, d->trace);
}

static void say_counts(struct proxy_session *s, const struct xmpp_stream_info *info)
{
    const struct link_frame f = { .type = LINK_STREAM_COUNT,
                                  .stream_count = { .id = info->id,
                                                    .last_ms = loop_now(s->proxy->conf.loop) - info->idle_ms,
                                                    .stanzas_in = info->stanzas_in,
                                                    .stanzas_out = info->stanzas_out } };

    (void)proxy_say(s, &f);
}

/* All else of a stream that is ready stays as it is. */
static uint64_t whole_of(const struct proxy_session *s, const struct xmpp_stream_info *info)
{
    const uint64_t numbers[] = { info->both, info->authenticated, info->n_pairs };
    uint64_t hash = hash_of(s, numbers, sizeof(numbers));

    hash = hash_more(&s->shown, hash, slice_str(info->state));
    hash = hash_more(&s->shown, hash, slice_str(info->tls));
    hash = hash_more(&s->shown, hash, slice_str(info->method));
    hash = hash_more(&s->shown, hash, info->local);
    return hash_more(&s->shown, hash, info->remote);
}

/* Its own domains', and strangers, of whom nobody knows yet whose they are. */
static bool may_see(struct showing *w, const struct xmpp_stream_info *info)
{
    const struct link_copy *copy = w->s->copy;

    if (info->authenticated)
        return copy && link_copy_serves(copy, info->local, NULL);
    return ++w->n_unproven <= UNPROVEN_MAX;
}

static void show_one(void *arg, const struct xmpp_stream_info *info)
{
    struct showing *w = arg;
    struct proxy_session *s = w->s;
    const uint64_t numbers[] = { info->stanzas_in, info->stanzas_out };
    uint64_t whole = whole_of(s, info), counts = hash_of(s, numbers, sizeof(numbers));
    struct proxy_shown *of = may_see(w, info) ? shown_of(s, (uint32_t)info->id) : NULL;

    if (!of)
        return;
    of->seen = s->n_shows;
    if (!s->session.line || !link_line_has_room(s->session.line)) /* at the next look */
        return;
    if (of->whole != whole || !info->authenticated)
        (void)federation_show_stream(s->proxy->federation, info->id, say_stream, w);
    else if (of->counts != counts)
        say_counts(s, info);
    of->whole = whole;
    of->counts = counts;
}

/* ---- all of them ---- */

static void drop(struct proxy_session *s, struct proxy_shown *of)
{
    hash_remove(&s->shown, &of->node);
    free(of);
}

static void see_if_gone(struct hash_node *node, void *arg)
{
    struct proxy_session *s = arg;
    struct proxy_shown *of = container_of(node, struct proxy_shown, node);
    const struct link_frame f = { .type = LINK_STREAM_GONE, .stream_gone.id = of->id };

    if (of->seen != s->n_shows && proxy_say(s, &f))
        drop(s, of);
}

void proxy_show_streams(struct proxy_session *s)
{
    struct showing w = { .s = s };

    s->n_shows++;
    federation_each_stream(s->proxy->federation, show_one, &w);
    hash_each(&s->shown, see_if_gone, s);
}

/* Of those that it was told of; it may have gone meanwhile. */
void proxy_on_stream_close(struct proxy_session *s, const struct link_stream_close_frame *close)
{
    uint32_t id = (uint32_t)close->id;

    if (hash_find(&s->shown, hash_of(s, &id, sizeof(id)), id_is, &id))
        (void)federation_close_stream(s->proxy->federation, id);
}

static void drop_one(struct hash_node *node, void *arg)
{
    drop(arg, container_of(node, struct proxy_shown, node));
}

void proxy_streams_drop_all(struct proxy_session *s)
{
    hash_each(&s->shown, drop_one, s);
}
