/* What there is to tell of watchers, and the documents that tell it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/watch_x2s_parts.h"
#include "bridge/winfo_parts.h"

#define ID_MAX 17
#define ARENA_MAX ((size_t)1 << 20)

static struct jid user_jid(const struct winfo_user *u)
{
    return winfo_jid(slice_of(u->name, u->n_name));
}

/* ---- news ---- */

static struct slice name_of(const struct winfo_news *n)
{
    return slice_of(n->name, n->n_name);
}

static void drop(struct winfo_watch *w, struct winfo_news *n)
{
    list_unlink(&n->link);
    w->n_news--;
    free(n);
}

void winfo_news_free(struct winfo_watch *w)
{
    while (!list_empty(&w->news))
        drop(w, container_of(w->news.next, struct winfo_news, link));
}

static struct winfo_news *find(const struct winfo_watch *w, struct slice name)
{
    list_each (it, &w->news)
        if (slice_eq(name_of(container_of(it, struct winfo_news, link)), name))
            return container_of(it, struct winfo_news, link);
    return NULL;
}

/* NULL: no memory, or too many. */
static struct winfo_news *add(struct winfo_watch *w, struct slice name)
{
    struct winfo_news *n = w->n_news < WINFO_NEWS_MAX ? calloc(1, sizeof(*n) + name.n) : NULL;

    if (!n)
        return NULL;
    n->n_name = (uint16_t)name.n;
    memcpy(n->name, name.p, name.n);
    list_push(&w->news, &n->link);
    w->n_news++;
    return n;
}

static enum map_watcher_status status_of(const struct contact *c)
{
    switch (c->x2s) {
    case CONTACT_X2S_ASKING: return MAP_WATCHER_PENDING;
    case CONTACT_X2S_AUTH: return MAP_WATCHER_ACTIVE;
    case CONTACT_X2S_NONE:
    case CONTACT_X2S_N: break;
    }
    return MAP_WATCHER_TERMINATED;
}

/* How a watcher came to his end. */
static enum map_watcher_event end_of(enum x2s_event why)
{
    switch (why) {
    case X2S_GIVEN_UP: return MAP_WATCHER_GIVEUP;
    case X2S_REJECTED: return MAP_WATCHER_REJECTED;
    case X2S_NO_SUCH: return MAP_WATCHER_NORESOURCE;
    default: return MAP_WATCHER_TIMEOUT;
    }
}

static void set(struct winfo_news *n, const struct contact *c)
{
    n->status = status_of(c);
    n->since_s = c->x2s_since_s;
    if (n->status == MAP_WATCHER_PENDING)
        n->event = MAP_WATCHER_SUBSCRIBE;
    else if (n->status == MAP_WATCHER_ACTIVE)
        n->event = MAP_WATCHER_APPROVED;
}

/* ---- a change, until it is on the disk ---- */

static void tell(struct winfo_watch *w, const struct contact *c)
{
    struct winfo_news *n = find(w, contact_remote(c));

    if (n && n->waits)
        n->waits--;
    if (n)
        set(n, c);
    else
        w->whole = true; /* somebody who came to look meanwhile; or there was no memory */
    if (!n || !n->waits)
        sip_sub_changed(w->sub, false);
}

static void on_stored(struct bridge *b, struct contact *c, bool durable)
{
    struct winfo_user *u = winfo_user_find(b, contact_local(c));

    if (u)
        list_each (it, &u->watches)
            tell(container_of(it, struct winfo_watch, link), c);
    contact_tidy(b, c);
}

static void expect(struct winfo_watch *w, const struct contact *c, enum x2s_event why)
{
    struct winfo_news *n = find(w, contact_remote(c));

    n = n ? n : add(w, contact_remote(c));
    if (!n)
        return;
    n->event = end_of(why);
    n->waits++;
}

void winfo_changed(struct bridge *b, struct contact *c, enum x2s_event why)
{
    struct winfo_user *u = winfo_user_find(b, contact_local(c));

    if (!u)
        return;
    list_each (it, &u->watches)
        expect(container_of(it, struct winfo_watch, link), c, why);
    if (!c->refused && contact_then(b, c, on_stored, NULL)) /* who has changed it hears of the refusal, too */
        return;
    list_each (it, &u->watches) /* what was stored before counts */
        tell(container_of(it, struct winfo_watch, link), c);
}

/* ---- documents ---- */

/* Those whose change is not on the disk yet come when it is. */
static void take_contact(void *arg, struct contact *c)
{
    struct winfo_watch *w = arg;
    struct winfo_news *n;

    if (c->x2s == CONTACT_X2S_NONE || c->change || find(w, contact_remote(c)) || !watch_x2s_route(w->user->bridge, c))
        return;
    n = add(w, contact_remote(c));
    if (n)
        set(n, c);
}

/* All there are, in place of what else there was to tell. */
static void take_all(struct winfo_watch *w)
{
    const struct jid who = user_jid(w->user);

    list_each_safe (it, next, &w->news)
        if (!container_of(it, struct winfo_news, link)->waits)
            drop(w, container_of(it, struct winfo_news, link));
    contacts_each_of_local(w->user->bridge, &who, take_contact, w);
}

/* What is written of somebody, and where it is from. */
struct telling {
    struct map_watcher *v;
    struct winfo_news **from;
    size_t n;
};

static bool take_news(const struct winfo_watch *w, struct winfo_news *n, struct arena *a, int64_t now_s,
                      struct telling *t)
{
    const struct hash *h = &w->user->bridge->winfos.users;
    uint64_t id = hash_mac_more(h, hash_mac(h, slice_of(w->user->name, w->user->n_name)), name_of(n));
    char *text = arena_alloc(a, ID_MAX);

    if (!text)
        return false;
    (void)snprintf(text, ID_MAX, "%016" PRIx64, id);
    t->from[t->n] = n;
    t->v[t->n++] = (struct map_watcher){ .id = slice_of(text, ID_MAX - 1),
                                         .who = winfo_jid(name_of(n)),
                                         .status = n->status,
                                         .event = n->event,
                                         .since_s = now_s > n->since_s ? (uint64_t)(now_s - n->since_s) : 0 };
    return true;
}

/* All that may be told now; who waits for a word of the one who is watched comes first. False: no memory. */
static bool gather(const struct winfo_watch *w, struct arena *a, struct telling *t)
{
    static const bool pending_first[] = { true, false };
    int64_t now_s = clock_wall_s();

    t->n = 0;
    t->v = arena_alloc(a, (w->n_news + 1) * sizeof(*t->v));
    t->from = arena_alloc(a, (w->n_news + 1) * sizeof(struct winfo_news *));
    if (!t->v || !t->from)
        return false;
    for (size_t round = 0; round < 2; round++)
        list_each (it, &w->news) {
            struct winfo_news *n = container_of(it, struct winfo_news, link);

            if (!n->waits && (n->status == MAP_WATCHER_PENDING) == pending_first[round] &&
                !take_news(w, n, a, now_s, t))
                return false;
        }
    return true;
}

/* False: no memory. */
static bool put(struct winfo_watch *w, bool full, const struct telling *t, size_t max, struct sip_content *out)
{
    const struct bridge *b = w->user->bridge;
    const struct jid who = user_jid(w->user);
    const struct map_winfo info = { .version = w->version, .full = full, .n = t->n, .v = t->v };
    struct buf *buf = &w->user->bridge->scratch;
    size_t done, n;

    buf_clear(buf);
    done = map_put_winfo(buf, &who, &b->map.aliases, &info, max ? max : MAP_WINFO_MAX);
    n = buf->n;
    buf_str(buf, "Content-Type: " MAP_WINFO_TYPE "\r\n");
    if (!buf_ok(buf))
        return false;
    out->body = slice_of(buf->p, n);
    out->headers = slice_of(buf->p + n, buf->n - n);
    for (size_t i = 0; i < done; i++)
        drop(w, t->from[i]);
    w->version++;
    return true;
}

static bool has_news(const struct winfo_watch *w)
{
    list_each (it, &w->news)
        if (!container_of(it, struct winfo_news, link)->waits)
            return true;
    return false;
}

bool winfo_put(struct winfo_watch *w, bool whole, size_t max, struct sip_content *out)
{
    bool full = whole || w->whole || !has_news(w); /* asked again without news: the last one has not arrived */
    struct telling t;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    if (full)
        take_all(w);
    w->whole = !gather(w, &a, &t) || !put(w, full, &t, max, out);
    arena_reset(&a);
    return has_news(w);
}
