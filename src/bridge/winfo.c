#include "bridge/winfo_parts.h"

#include <stdlib.h>

#include "bridge/admit.h"
#include "bridge/note.h"
#include "bridge/way.h"

#define MEM 4096
#define ARENA_MAX ((size_t)1 << 20)

static const struct slice nothing;

/* ---- users ---- */

static struct slice name_of(const struct winfo_user *u)
{
    return slice_of(u->name, u->n_name);
}

static struct jid jid_of(const struct winfo_user *u)
{
    return winfo_jid(name_of(u));
}

static bool user_is(const struct hash_node *node, const void *key)
{
    return slice_eq(name_of(container_of(node, const struct winfo_user, node)), *(const struct slice *)key);
}

struct winfo_user *winfo_user_find(const struct bridge *b, struct slice name)
{
    const struct hash *h = &b->winfos.users;
    struct hash_node *node = h->n ? hash_find(h, hash_bytes(h, name), user_is, &name) : NULL;

    return node ? container_of(node, struct winfo_user, node) : NULL;
}

static struct winfo_user *user_make(struct bridge *b, const struct jid *who)
{
    char memory[2 * JID_PART_MAX + 2];
    struct buf name = { .p = memory, .cap = sizeof(memory), .max = sizeof(memory) };
    struct hash *h = &b->winfos.users;
    struct winfo_user *u;

    jid_put_bare(&name, who);
    u = winfo_user_find(b, buf_slice(&name));
    if (u)
        return u;
    u = malloc(sizeof(*u) + name.n);
    if (!u)
        return NULL;
    *u = (struct winfo_user){ .bridge = b, .n_name = (uint16_t)name.n };
    memcpy(u->name, name.p, name.n);
    list_init(&u->watches);
    if (hash_add(h, &u->node, hash_bytes(h, name_of(u))))
        return u;
    free(u);
    return NULL;
}

static void user_tidy(struct winfo_user *u)
{
    if (u->n)
        return;
    hash_remove(&u->bridge->winfos.users, &u->node);
    free(u);
}

/* ---- subscriptions ---- */

static struct winfo_watch *watch_new(struct winfo_user *u, struct sip_sub *s)
{
    struct winfo_watch *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    w->user = u;
    w->sub = s;
    w->whole = true;
    list_init(&w->news);
    list_push(&u->watches, &w->link);
    u->n++;
    u->bridge->winfos.n++;
    sip_sub_set_data(s, w);
    return w;
}

/* Its user may go with it. */
static void watch_free(struct winfo_watch *w)
{
    struct winfo_user *u = w->user;

    winfo_news_free(w);
    list_unlink(&w->link);
    free(w);
    u->n--;
    u->bridge->winfos.n--;
    user_tidy(u);
}

static void end(struct winfo_watch *w, enum sip_sub_reason reason, unsigned retry_after_s)
{
    const struct sip_sub_notice notice = { .state = SIP_SUB_TERMINATED,
                                           .reason = reason,
                                           .retry_after_s = retry_after_s };

    sip_sub_end(w->sub, &notice);
    watch_free(w);
}

/* ---- what the stack says ---- */

/* The route by which he has this here; NULL: he has not. */
static const struct route *route_of(const struct bridge *b, const struct jid *who)
{
    const struct route *route = directory_route_to(b->directory, who->domain);

    return route && route->publish && route->presence ? route : NULL;
}

static void refuse(struct bridge *b, struct sip_sub *s, const struct sip_msg *m, const struct admit_refusal *no)
{
    b->winfos.refused++;
    bridge_log_refusal(b, "sip-watcher-information", m->from.uri_text, m->uri_text, no->status,
                       no->why      ? no->why
                       : no->reason ? no->reason
                                    : "see the status");
    sip_sub_refuse(s, no->status, no->reason, no->headers);
}

static bool judge(struct bridge *b, const struct sip_request *request, struct arena *a, struct jid *who,
                  struct admit_refusal *no)
{
    if (!bridge_takes_presence(b)) {
        *no = (struct admit_refusal){ .status = 503,
                                      .reason = "The gateway is shutting down",
                                      .headers = SLICE("Retry-After: 5\r\n") };
        return false;
    }
    if (!admit_owner(b, request->msg, request->from, a, who, no))
        return false;
    if (route_of(b, who))
        return true;
    *no = (struct admit_refusal){ .status = 403, .reason = "Watchers are not told here" };
    return false;
}

/* One more than he may have: the oldest goes, as phones that forget theirs begin new ones. */
static void make_room(struct winfo_user *u)
{
    if (u->n > WINFO_PER_USER)
        end(container_of(u->watches.next, struct winfo_watch, link), SIP_REASON_PROBATION, 3600);
}

static void begin(struct bridge *b, struct sip_sub *s, const struct jid *who)
{
    struct winfo_user *u = user_make(b, who);
    struct winfo_watch *w = u ? watch_new(u, s) : NULL;

    if (!w) {
        sip_sub_refuse(s, 503, NULL, SLICE("Retry-After: 60\r\n"));
        if (u)
            user_tidy(u);
        return;
    }
    if (!sip_sub_accept(s, nothing, nothing)) /* it is gone then */
        watch_free(w);
    else
        make_room(u);
}

void winfo_subscribe(struct bridge *b, struct sip_sub *s, const struct sip_request *request)
{
    _Alignas(16) char memory[MEM];
    struct admit_refusal no;
    struct arena a;
    struct jid who;

    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    if (judge(b, request, &a, &who, &no))
        begin(b, s, &who);
    else
        refuse(b, s, request->msg, &no);
    arena_reset(&a);
}

void winfo_describe(struct sip_sub *s, bool last, struct sip_sub_notice *out)
{
    struct winfo_watch *w = sip_sub_data(s);
    size_t max = out->body_max;

    w->user->bridge->winfos.notices++;
    *out = (struct sip_sub_notice){ .state = SIP_SUB_ACTIVE };
    if (winfo_put(w, last, max, &out->content) && !last)
        sip_sub_changed(s, true); /* for what had no room */
}

void winfo_refreshed(struct sip_sub *s)
{
    struct winfo_watch *w = sip_sub_data(s);

    w->whole = true;
}

bool winfo_way(struct sip_sub *s, struct arena *a, struct sip_destination *out)
{
    const struct winfo_watch *w = sip_sub_data(s);
    const struct jid who = jid_of(w->user);
    const struct route *route = directory_route_to(w->user->bridge->directory, who.domain);

    return route && way_to(a, route, who.domain, out);
}

void winfo_ended(struct sip_sub *s, const struct sip_sub_end *end)
{
    struct winfo_watch *w = sip_sub_data(s);

    if (!w)
        return;
    log_debug(w->user->bridge->log, "watcher-information-ended", LOG_S("user", name_of(w->user)),
              LOG_Z("why", sip_sub_end_name(end->why)), LOG_U("status", end->status));
    watch_free(w);
}

/* ---- all of them ---- */

void winfos_init(struct bridge *b)
{
    hash_init(&b->winfos.users);
}

/* Subscriptions are the stack's, which goes by itself. */
static void free_user(struct hash_node *node, void *arg)
{
    struct winfo_user *u = container_of(node, struct winfo_user, node);

    while (u->n > 1)
        watch_free(container_of(u->watches.next, struct winfo_watch, link));
    watch_free(container_of(u->watches.next, struct winfo_watch, link)); /* and the user */
}

void winfos_fini(struct bridge *b)
{
    hash_each(&b->winfos.users, free_user, NULL);
    hash_free(&b->winfos.users);
}

static void end_all(struct winfo_user *u, enum sip_sub_reason reason, unsigned retry_after_s)
{
    for (size_t n = u->n; n; n--) /* the user goes with the last */
        end(container_of(u->watches.next, struct winfo_watch, link), reason, retry_after_s);
}

/* Who may watch may be others now. */
static void reconsider(struct hash_node *node, void *arg)
{
    struct winfo_user *u = container_of(node, struct winfo_user, node);
    const struct jid who = jid_of(u);
    struct gate_refusal no;

    if (!route_of(u->bridge, &who) || !gate_user(u->bridge->directory, &who, &no)) {
        end_all(u, SIP_REASON_REJECTED, 0);
        return;
    }
    list_each (it, &u->watches) {
        struct winfo_watch *w = container_of(it, struct winfo_watch, link);

        w->whole = true;
        sip_sub_changed(w->sub, false);
    }
}

void winfos_reconsider(struct bridge *b)
{
    hash_each(&b->winfos.users, reconsider, NULL);
}

static void stop(struct hash_node *node, void *arg)
{
    struct winfo_user *u = container_of(node, struct winfo_user, node);

    if (u->bridge->left) /* another process has all of it: begin anew there */
        end_all(u, SIP_REASON_DEACTIVATED, 0);
    else
        end_all(u, SIP_REASON_PROBATION, 30);
}

bool winfos_stop(struct bridge *b, size_t n)
{
    uint64_t at = 0;

    (void)hash_walk(&b->winfos.users, &at, n, stop, NULL);
    return b->winfos.n == 0;
}
