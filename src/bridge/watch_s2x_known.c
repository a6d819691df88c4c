/* The presence of one who is watched, as XMPP sends it to the one who watches. */
#include <stdlib.h>

#include "bridge/watch_s2x_parts.h"

#define PIDF "application/pidf+xml"
#define CLOSED_MS                                                                                                      \
    10000 /* a resource that went is told as closed for so long (STOX-PRS-77): twice the pace of NOTIFYs */

void watch_s2x_forget(struct watch_s2x *w)
{
    free(w->known);
    w->known = NULL;
}

static bool unpack(const struct watch_s2x *w, struct arena *a, struct map_presences *out)
{
    *out = (struct map_presences){ 0 };
    return !w->known || map_presences_unpack(a, w->known, out);
}

/* Those that are there, to out; n of them. */
static size_t put_available(const struct map_presences *all, struct map_presence *out)
{
    size_t n = 0;

    for (size_t i = 0; i < all->n; i++)
        if (all->v[i].available)
            out[n++] = all->v[i];
    return n;
}

/* He is nowhere any more (STOX-PRS-78): every resource that was there closes. */
static void close_all(struct map_presences *all, const struct map_presence *said)
{
    for (size_t i = 0; i < all->n; i++) {
        struct slice resource = all->v[i].resource;

        all->v[i] = *said;
        all->v[i].resource = resource;
    }
}

static void put_one(struct map_presences *all, const struct map_presence *said)
{
    for (size_t i = 0; i < all->n; i++)
        if (slice_eq(all->v[i].resource, said->resource)) {
            all->v[i] = *said;
            return;
        }
    if (said->available && all->n < MAP_PRESENCE_MAX)
        all->v[all->n++] = *said;
}

static void count(void *arg, const struct map_presence *p)
{
    ++*(size_t *)arg;
}

/* Does it say anything new? An answer to a probe often does not. */
static bool differs(const struct watch_s2x *w, const struct map_presences *was, const struct map_presences *now)
{
    size_t n = 0;

    map_presence_diff(was, now, count, &n);
    return n > 0 || !w->known || w->lost;
}

bool watch_s2x_keep(struct watch_s2x *w, const struct xmpp_stanza *stanza)
{
    struct arena *a = stanza->arena;
    struct map_presences was, now;
    struct map_presence said;
    struct map_packed *packed;
    const char *condition;

    if (!map_presence_of_stanza(a, stanza->el, stanza->from->resource, stanza->stream_lang, clock_wall_s(), &said,
                                &condition)) {
        log_debug(w->bridge->log, "presence-refused", LOG_S("remote", contact_remote(w->contact)),
                  LOG_Z("why", condition));
        return false;
    }
    now.v = arena_alloc(a, (MAP_PRESENCE_MAX + 1) * sizeof(*now.v));
    if (!now.v || !unpack(w, a, &was))
        return false;
    now.n = put_available(&was, now.v);
    if (!said.available && !said.resource.n)
        close_all(&now, &said);
    else
        put_one(&now, &said);
    if (!differs(w, &was, &now))
        return false;
    packed = map_presences_pack(&now);
    if (!packed)
        return false;
    free(w->known);
    w->known = packed;
    w->lost = false;
    w->changed_ms = loop_now(w->bridge->loop);
    return true;
}

/* A while after somebody's client went, only those that are there are told, if there are any. */
static void prune(const struct watch_s2x *w, struct map_presences *all)
{
    size_t n = 0;

    if (loop_now(w->bridge->loop) - w->changed_ms <= CLOSED_MS)
        return;
    for (size_t i = 0; i < all->n; i++)
        n += all->v[i].available;
    if (n)
        all->n = put_available(all, all->v);
}

static void put_document(struct watch_s2x *w, const struct map_presences *all, struct sip_content *out)
{
    struct buf *buf = &w->bridge->scratch;
    struct jid remote = contact_remote_jid(w->contact);
    struct slice lang = { 0 };
    size_t n;

    buf_clear(buf);
    map_put_pidf(buf, &remote, all, clock_wall_s(), true, &lang);
    n = buf->n;
    buf_str(buf, "Content-Type: " PIDF "\r\n");
    if (lang.n) {
        buf_str(buf, "Content-Language: ");
        buf_put(buf, lang);
        buf_str(buf, "\r\n");
    }
    if (!buf_ok(buf))
        return;
    out->body = slice_of(buf->p, n);
    out->headers = slice_of(buf->p + n, buf->n - n);
}

void watch_s2x_put(struct watch_s2x *w, bool away, struct sip_content *out)
{
    _Alignas(16) char memory[4096];
    struct map_presences all = { 0 };
    struct arena a;

    *out = (struct sip_content){ 0 };
    if (!away && !w->lost && !w->known)
        return;
    arena_init_on(&a, memory, sizeof(memory), 1u << 18);
    if (away || w->lost || unpack(w, &a, &all)) {
        prune(w, &all);
        put_document(w, &all, out);
    }
    arena_reset(&a);
}
