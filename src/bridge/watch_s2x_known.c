/* The presence of one who is watched, as XMPP sends it to the one who watches. */
#include <stdlib.h>

#include "bridge/watch_s2x_parts.h"

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

/* Takes the stanza into now, beside what was. A resource that has been told as closed goes with the next change. */
static bool take(const struct watch_s2x *w, const struct xmpp_stanza *stanza, struct map_presences *was,
                 struct map_presences *now)
{
    struct arena *a = stanza->arena;
    struct map_presences kept;
    struct map_presence said;
    const char *condition;

    if (!map_presence_of_stanza(a, stanza->el, stanza->from->resource, stanza->stream_lang, clock_wall_s(), &said,
                                &condition)) {
        log_debug(w->bridge->log, "presence-refused", LOG_S("remote", contact_remote(w->contact)),
                  LOG_Z("why", condition));
        return false;
    }
    if (!unpack(w, a, was) || !unpack(w, a, &kept))
        return false;
    map_presences_told(&kept);
    return map_presences_take(a, &kept, &said, now);
}

bool watch_s2x_keep(struct watch_s2x *w, const struct xmpp_stanza *stanza)
{
    struct map_presences was, now;
    struct map_packed *packed;

    if (!take(w, stanza, &was, &now) || !differs(w, &was, &now))
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

/* Where no client of his says a name, that of his card stands in; and his photo, if it may. */
static void add_card(const struct watch_s2x *w, const struct jid *remote, struct map_presences *all)
{
    const struct bridge *b = w->bridge;
    const struct listed *partner = directory_partner(b->directory, remote->domain);
    bool names = partner && partner->settings->names, named = false;
    struct slice name = names ? cards_name(b, remote) : slice_of(NULL, 0);

    for (size_t i = 0; i < all->n; i++) {
        if (!names)
            all->v[i].nick = name;
        named = named || all->v[i].nick.n;
    }
    for (size_t i = 0; i < all->n && !named; i++)
        if (all->v[i].available)
            all->v[i].nick = name;
    if (names && partner->settings->photos)
        all->icon = cards_photo(b, remote);
}

static void put_document(struct watch_s2x *w, struct map_presences *all, size_t max, struct sip_content *out)
{
    struct buf *buf = &w->bridge->scratch;
    struct jid remote = contact_remote_jid(w->contact);
    struct slice lang = { 0 };
    size_t n;

    add_card(w, &remote, all);
    buf_clear(buf);
    map_put_pidf(buf, &remote, &w->bridge->map.aliases, all, clock_wall_s(), true, max, &lang);
    n = buf->n;
    buf_str(buf, "Content-Type: " MAP_PIDF_TYPE "\r\n");
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

void watch_s2x_put(struct watch_s2x *w, bool away, size_t max, struct sip_content *out)
{
    _Alignas(16) char memory[4096];
    struct map_presences all = { 0 };
    struct arena a;

    *out = (struct sip_content){ 0 };
    if (!away && !w->lost && !w->known)
        return;
    arena_init_on(&a, memory, sizeof(memory), 1u << 18);
    if (away || w->lost || unpack(w, &a, &all)) {
        if (loop_now(w->bridge->loop) - w->changed_ms > CLOSED_MS)
            map_presences_told(&all);
        put_document(w, &all, max, out);
    }
    arena_reset(&a);
}
