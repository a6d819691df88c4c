/* Copies of proxies' streams: what proxies say they have, a second or two ago. They decide nothing. */
#include <stdlib.h>

#include "link/gateway_parts.h"

#define ROW_MAX ((size_t)256 * 1024) /* all texts of one; what is beyond is not shown */
#define UNPROVEN_MAX 64
#define PLACE_SHIFT 32 /* the id of a stream here: the place of its proxy, and its id there */

struct gateway_stream {
    struct hash_node node;
    struct list link;
    struct arena arena;           /* its texts */
    struct xmpp_stream_info info; /* but for its times */
    struct addr peer;
    const char *awaits;
    struct slice pin;
    bool sm;
    uint64_t opened_ms, last_ms; /* of the proxy's clock */
    struct xmpp_trace *trace;
    struct xmpp_stream_pair *pairs; /* of the arena */
    size_t n_pairs;
    uint32_t theirs;
};

static bool id_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct gateway_stream, node)->theirs == *(const uint32_t *)key;
}

static struct gateway_stream *find(const struct gateway_link *l, uint64_t id)
{
    uint32_t theirs = (uint32_t)id;
    struct hash_node *node = hash_find(
        &l->streams, hash_bytes(&l->streams, slice_of((const char *)&theirs, sizeof(theirs))), id_is, &theirs);

    return node ? container_of(node, struct gateway_stream, node) : NULL;
}

static void drop(struct gateway_link *l, struct gateway_stream *s)
{
    if (!s)
        return;
    if (l->filled == s)
        l->filled = NULL;
    gateway_unfill(l, &s->trace);
    hash_remove(&l->streams, &s->node);
    list_unlink(&s->link);
    arena_reset(&s->arena);
    free(s);
}

void gateway_drop_streams(struct gateway_link *l)
{
    while (!list_empty(&l->streams_in_order))
        drop(l, container_of(l->streams_in_order.next, struct gateway_stream, link));
}

/* ---- what a proxy tells ---- */

/* NULL on memory, as which too much of it counts. */
static const char *text(struct gateway_stream *s, struct slice from)
{
    return arena_strdup(&s->arena, from);
}

static struct slice copy(struct gateway_stream *s, struct slice from)
{
    return from.n ? arena_dup(&s->arena, from) : from;
}

static bool take_info(struct gateway_stream *s, const struct link_stream_frame *f)
{
    s->info = (struct xmpp_stream_info){ .inbound = f->inbound,
                                         .both = f->both,
                                         .authenticated = f->authenticated,
                                         .local = copy(s, f->local),
                                         .remote = copy(s, f->remote),
                                         .partner = copy(s, f->partner),
                                         .state = text(s, f->state),
                                         .tls = text(s, f->tls),
                                         .cipher = text(s, f->cipher),
                                         .method = text(s, f->method),
                                         .certificate = copy(s, f->certificate),
                                         .stanzas_in = f->stanzas_in,
                                         .stanzas_out = f->stanzas_out,
                                         .n_pairs = f->pairs };
    if (addr_parse(f->peer, 0, &s->peer))
        s->info.peer = &s->peer;
    s->awaits = text(s, f->awaits);
    s->pin = copy(s, f->pin);
    s->sm = f->sm;
    s->opened_ms = f->opened_ms;
    s->last_ms = f->last_ms;
    s->theirs = (uint32_t)f->id;
    return s->info.state && s->info.tls && s->info.cipher && s->info.method && s->awaits &&
           (s->info.local.p || !f->local.n) && (s->info.remote.p || !f->remote.n) &&
           (s->info.partner.p || !f->partner.n) && (s->info.certificate.p || !f->certificate.n) &&
           (s->pin.p || !f->pin.n);
}

static struct gateway_stream *row_new(struct gateway_link *l, const struct link_stream_frame *f)
{
    struct gateway_stream *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    arena_init(&s->arena, ROW_MAX);
    list_init(&s->link);
    if (take_info(s, f) &&
        hash_add(&l->streams, &s->node, hash_bytes(&l->streams, slice_of((const char *)&s->theirs, sizeof(s->theirs)))))
        return s;
    arena_reset(&s->arena);
    free(s);
    return NULL;
}

/* In the place of its former copy. What cannot be kept is not shown. */
void gateway_on_stream(struct gateway_link *l, const struct link_stream_frame *f)
{
    struct gateway_stream *before = find(l, f->id), *s;
    struct list *at = before ? before->link.next : &l->streams_in_order;

    drop(l, before);
    l->filling = NULL;
    l->filled = NULL;
    if (l->streams.n >= (size_t)l->gateway->conf.limits.connection_limit + UNPROVEN_MAX)
        return;
    s = row_new(l, f);
    if (!s)
        return;
    list_push(at, &s->link); /* before at */
    l->filled = s;
    gateway_fill(l, &s->trace);
}

void gateway_on_stream_pair(struct gateway_link *l, const struct link_stream_pair_frame *f)
{
    struct gateway_stream *s = l->filled;
    struct xmpp_stream_pair pair, *more = s ? arena_alloc(&s->arena, (s->n_pairs + 1) * sizeof(*more)) : NULL;

    if (!more)
        return;
    pair = (struct xmpp_stream_pair){ copy(s, f->local), copy(s, f->remote), text(s, f->method) };
    if (!pair.method || (f->local.n && !pair.local.p) || (f->remote.n && !pair.remote.p))
        return;
    if (s->n_pairs)
        memcpy(more, s->pairs, s->n_pairs * sizeof(*more));
    more[s->n_pairs++] = pair;
    s->pairs = more;
}

void gateway_on_stream_count(struct gateway_link *l, const struct link_stream_count_frame *f)
{
    struct gateway_stream *s = find(l, f->id);

    if (!s)
        return;
    s->last_ms = f->last_ms;
    s->info.stanzas_in = f->stanzas_in;
    s->info.stanzas_out = f->stanzas_out;
}

void gateway_on_stream_gone(struct gateway_link *l, const struct link_stream_gone_frame *f)
{
    drop(l, find(l, f->id));
}

/* ---- what is shown ---- */

static uint64_t id_of(const struct link_gateway *g, const struct gateway_link *l, const struct gateway_stream *s)
{
    return (uint64_t)(l - g->links + 1) << PLACE_SHIFT | s->theirs;
}

static struct xmpp_stream_info info_of(const struct gateway_link *l, const struct gateway_stream *s)
{
    struct xmpp_stream_info info = s->info;
    uint64_t now = loop_now(l->gateway->conf.loop);

    info.id = id_of(l->gateway, l, s);
    info.age_ms = now - gateway_time(l, s->opened_ms);
    info.idle_ms = now - gateway_time(l, s->last_ms);
    info.proxy = l->conf.name;
    return info;
}

void gateway_each_stream(const struct link_gateway *g, xmpp_stream_fn *fn, void *arg)
{
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        list_each (it, &g->links[i].streams_in_order) {
            const struct xmpp_stream_info info =
                info_of(&g->links[i], container_of(it, const struct gateway_stream, link));

            fn(arg, &info);
        }
}

static const struct gateway_link *link_of(const struct link_gateway *g, uint64_t id)
{
    uint64_t place = id >> PLACE_SHIFT;

    return place >= 1 && place <= GATEWAY_LINKS ? &g->links[place - 1] : NULL;
}

bool gateway_show_stream(const struct link_gateway *g, uint64_t id, xmpp_detail_fn *fn, void *arg)
{
    const struct gateway_link *l = link_of(g, id);
    const struct gateway_stream *s = l ? find(l, id) : NULL;
    struct xmpp_stream_detail detail;

    if (!s)
        return false;
    detail = (struct xmpp_stream_detail){ .info = info_of(l, s),
                                          .awaits = s->awaits,
                                          .pin = s->pin,
                                          .sm = s->sm,
                                          .pairs = s->pairs,
                                          .n_pairs = s->n_pairs,
                                          .opened_ms = gateway_time(l, s->opened_ms),
                                          .trace = s->trace };
    fn(arg, &detail);
    return true;
}

bool gateway_close_stream(struct link_gateway *g, uint64_t id)
{
    const struct gateway_link *l = link_of(g, id);
    const struct link_frame f = { .type = LINK_STREAM_CLOSE, .stream_close.id = (uint32_t)id };

    return l && find(l, id) && l->session.line && link_line_write(l->session.line, &f);
}

static bool has_pair(const struct gateway_stream *s, struct slice local, struct slice remote)
{
    for (size_t i = 0; i < s->n_pairs; i++)
        if (slice_eq(s->pairs[i].local, local) && slice_eq(s->pairs[i].remote, remote))
            return true;
    return slice_eq(s->info.local, local) && slice_eq(s->info.remote, remote);
}

enum gateway_way gateway_way_of(const struct gateway_link *l, struct slice local, struct slice remote,
                                const char **awaits)
{
    enum gateway_way way = GATEWAY_WAY_NONE;

    list_each (it, &l->streams_in_order) {
        const struct gateway_stream *s = container_of(it, const struct gateway_stream, link);

        if ((s->info.inbound && !s->info.both) || !has_pair(s, local, remote))
            continue;
        if (s->info.authenticated)
            return GATEWAY_WAY_STREAM;
        *awaits = s->awaits;
        way = GATEWAY_WAY_SET_UP;
    }
    return way;
}
