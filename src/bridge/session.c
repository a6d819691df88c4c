#include "bridge/session_parts.h"

#include <stdlib.h>

#include "bridge/status.h"

static void on_timer(struct timer *t);

struct slice im_session_name(const struct im_session *s, enum im_session_name i)
{
    size_t at = 0;

    for (size_t k = 0; k < i; k++)
        at += s->n_names[k];
    return slice_of(s->names + at, s->n_names[i]);
}

struct jid im_session_remote(const struct im_session *s)
{
    return (struct jid){ .local = im_session_name(s, SESSION_REMOTE_USER),
                         .domain = im_session_name(s, SESSION_REMOTE_DOMAIN),
                         .resource = slice_of(s->client, s->n_client) };
}

struct jid im_session_local(const struct im_session *s)
{
    return (struct jid){ .local = im_session_name(s, SESSION_LOCAL_USER),
                         .domain = im_session_name(s, SESSION_LOCAL_DOMAIN),
                         .resource = slice_of(s->gruu, s->n_gruu) };
}

/* ---- counting ---- */

enum count { COUNT_ROUTE, COUNT_PARTNER, COUNT_REMOTE, COUNT_LOCAL, COUNTS_N };

/* In b->key. What a partner's users take of a SIP user's share must not keep another partner's from him. */
static struct slice count_key(struct bridge *b, const struct im_session *s, enum count what)
{
    static const enum im_session_name names[COUNTS_N][3] = {
        { SESSION_ROUTE, SESSION_NAMES },
        { SESSION_PARTNER, SESSION_NAMES },
        { SESSION_REMOTE_USER, SESSION_REMOTE_DOMAIN, SESSION_NAMES },
        { SESSION_LOCAL_USER, SESSION_LOCAL_DOMAIN, SESSION_PARTNER },
    };

    buf_clear(&b->key);
    buf_char(&b->key, "rpxs"[what]);
    for (size_t i = 0; i < 3 && names[what][i] != SESSION_NAMES; i++) {
        buf_put(&b->key, im_session_name(s, names[what][i]));
        buf_char(&b->key, '\n');
    }
    return buf_slice(&b->key);
}

static void count_give(struct im_session *s, size_t n)
{
    for (size_t i = 0; i < n; i++)
        xmpp_tally_give(&s->bridge->sessions.counts, count_key(s->bridge, s, i));
}

/* False: *full, or no memory. */
static bool count_take(struct im_session *s, const struct route *route, bool *full)
{
    struct bridge *b = s->bridge;
    const struct gateway *g = directory_gateway(b->directory);
    const unsigned max[COUNTS_N] = { [COUNT_ROUTE] = route->session_limit,
                                     [COUNT_PARTNER] = g->partner_session_limit,
                                     [COUNT_REMOTE] = g->user_session_limit,
                                     [COUNT_LOCAL] = g->user_session_limit };

    *full = b->sessions.by_pair.n >= g->session_limit;
    for (size_t i = 0; i < COUNTS_N && !*full; i++) {
        struct slice key = count_key(b, s, i);

        if (xmpp_tally_take(&b->sessions.counts, key, max[i]))
            continue;
        *full = xmpp_tally_count(&b->sessions.counts, key) >= max[i];
        count_give(s, i);
        return false;
    }
    return !*full;
}

/* ---- the object ---- */

static uint64_t pair_hash(const struct bridge *b, const struct jid *remote, const struct jid *local)
{
    const struct hash *h = &b->sessions.by_pair;
    uint64_t hash = hash_more(h, hash_bytes(h, remote->local), remote->domain);

    return hash_more(h, hash_more(h, hash, local->local), local->domain);
}

uint64_t im_session_call_hash(const struct bridge *b, struct slice call_id)
{
    uint64_t hash = hash_bytes(&b->sessions.by_pair, call_id);

    return hash ? hash : 1;
}

static struct im_session *allocate(const struct slice names[SESSION_NAMES])
{
    struct im_session *s;
    size_t n = 0, at = 0;

    for (size_t i = 0; i < SESSION_NAMES; i++)
        n += names[i].n;
    s = calloc(1, sizeof(*s) + n);
    for (size_t i = 0; s && i < SESSION_NAMES; i++) {
        if (names[i].n)
            memcpy(s->names + at, names[i].p, names[i].n);
        s->n_names[i] = (uint16_t)names[i].n;
        at += names[i].n;
    }
    return s;
}

struct im_session *im_session_new(struct bridge *b, const struct jid *remote, const struct jid *local,
                                  const struct route *route, struct slice call_id, bool *full)
{
    const struct slice names[SESSION_NAMES] = { [SESSION_REMOTE_USER] = remote->local,
                                                [SESSION_REMOTE_DOMAIN] = remote->domain,
                                                [SESSION_LOCAL_USER] = local->local,
                                                [SESSION_LOCAL_DOMAIN] = local->domain,
                                                [SESSION_PARTNER] = status_partner(b, remote->domain),
                                                [SESSION_ROUTE] = route->name };
    struct im_session *s = allocate(names);

    *full = false;
    if (!s)
        return NULL;
    s->bridge = b;
    s->call = im_session_call_hash(b, call_id);
    s->generation = b->generation;
    s->used_ms = loop_now(b->loop);
    timer_init(&s->timer, on_timer);
    if (!count_take(s, route, full)) {
        free(s);
        return NULL;
    }
    if (hash_add(&b->sessions.by_pair, &s->by_pair, pair_hash(b, remote, local)))
        return s;
    count_give(s, COUNTS_N);
    free(s);
    return NULL;
}

void im_session_leave(struct im_session *s)
{
    if (s->lane)
        s->lane->session = NULL;
    s->lane = NULL;
}

void im_session_free(struct im_session *s)
{
    struct bridge *b = s->bridge;

    im_session_leave(s);
    im_session_detach(s);
    timer_stop(&b->loop->timers, &s->timer);
    hash_remove(&b->sessions.by_pair, &s->by_pair);
    count_give(s, COUNTS_N);
    free(s->client);
    free(s->gruu);
    im_session_hold_free(s->hold);
    free(s);
}

/* ---- finding ---- */

struct visit {
    const struct jid *remote, *local;
    void (*fn)(struct im_session *s, void *arg);
    void *arg;
    struct im_session *due; /* found before; fn may free it, so it comes when the walk is past it */
};

static bool is_of(const struct im_session *s, const struct visit *v)
{
    return slice_eq(im_session_name(s, SESSION_REMOTE_USER), v->remote->local) &&
           slice_eq(im_session_name(s, SESSION_REMOTE_DOMAIN), v->remote->domain) &&
           slice_eq(im_session_name(s, SESSION_LOCAL_USER), v->local->local) &&
           slice_eq(im_session_name(s, SESSION_LOCAL_DOMAIN), v->local->domain);
}

static void flush(struct visit *v)
{
    if (v->due) {
        im_session_judge(v->due);
        v->fn(v->due, v->arg);
    }
    v->due = NULL;
}

/* Asked of every entry with the pair's hash; never the one. */
static bool visit(const struct hash_node *node, const void *key)
{
    struct im_session *s = container_of(node, struct im_session, by_pair);
    struct visit *v = (struct visit *)key;

    if (!is_of(s, v))
        return false;
    flush(v);
    v->due = s;
    return false;
}

void im_session_each(struct bridge *b, const struct jid *remote, const struct jid *local,
                     void (*fn)(struct im_session *s, void *arg), void *arg)
{
    struct visit v = { remote, local, fn, arg, NULL };

    (void)hash_find(&b->sessions.by_pair, pair_hash(b, remote, local), visit, &v);
    flush(&v);
}

static void look_at(struct im_session *s, void *arg)
{
    struct im_session_search *q = arg;

    q->any = s;
    if (s->state > SESSION_UP)
        return;
    q->n++;
    if (q->call && (s->call == q->call || s->alias == q->call))
        q->exact = s;
    if (!q->latest || s->used_ms >= q->latest->used_ms)
        q->latest = s;
    if (!q->oldest || s->used_ms < q->oldest->used_ms)
        q->oldest = s;
    if (s->state == SESSION_CALLING)
        q->calling = s;
    else if (!s->called && !s->client && !s->alias)
        q->fresh = s;
}

void im_session_search(struct bridge *b, const struct jid *remote, const struct jid *local, struct im_session_search *q)
{
    uint64_t call = q->call;

    *q = (struct im_session_search){ .call = call };
    im_session_each(b, remote, local, look_at, q);
}

/* ---- its life ---- */

void im_session_log(const struct im_session *s, const char *event, const char *why, unsigned status)
{
    struct bridge *b = s->bridge;
    unsigned held;

    if (!log_allowed(&b->sessions.lines, loop_now(b->loop), 50, &held)) /* either side can cause them at will */
        return;
    log_info(b->log, event, LOG_Z("by", s->called ? "xmpp" : "sip"),
             LOG_S("call-id", s->dialog ? sip_dialog_call_id(s->dialog) : slice_of(NULL, 0)),
             LOG_S("sip-user", im_session_name(s, SESSION_LOCAL_USER)),
             LOG_S("sip-domain", im_session_name(s, SESSION_LOCAL_DOMAIN)),
             LOG_S("xmpp-user", im_session_name(s, SESSION_REMOTE_USER)),
             LOG_S("xmpp-domain", im_session_name(s, SESSION_REMOTE_DOMAIN)), LOG_Z("why", why),
             LOG_U("status", status), LOG_U("held-back", held));
}

static uint64_t idle_ms(const struct im_session *s)
{
    const struct route *route = directory_route_to(s->bridge->directory, im_session_name(s, SESSION_LOCAL_DOMAIN));

    return (route ? route->session_idle_s : 0) * 1000ull;
}

void im_session_used(struct im_session *s)
{
    s->used_ms = loop_now(s->bridge->loop);
    s->spoken = true;
    if (s->state == SESSION_UP)
        timer_start(&s->bridge->loop->timers, &s->timer, idle_ms(s));
}

void im_session_up(struct im_session *s)
{
    s->state = SESSION_UP;
    s->used_ms = loop_now(s->bridge->loop);
    timer_start(&s->bridge->loop->timers, &s->timer, idle_ms(s));
    (*(s->called ? &s->bridge->sessions.opened_by_xmpp : &s->bridge->sessions.opened_by_sip))++;
    im_session_log(s, "session-opened", "", 0);
    im_session_attach(s);
}

void im_session_end(struct im_session *s, const char *why)
{
    static const struct slice nothing;
    struct sip_dialog *d = s->dialog;

    im_session_log(s, "session-ended", why, 0);
    im_session_free(s);
    if (d)
        sip_dialog_end(d, nothing);
}

void im_session_end_soon(struct im_session *s, const char *why, uint64_t ms)
{
    im_session_log(s, "session-ending", why, 0);
    s->state = SESSION_ENDING;
    timer_start(&s->bridge->loop->timers, &s->timer, ms);
}

/* A lane that waited goes on: its text sets out anew, or is refused by what the settings say now. What flies already has its own
 * end. */
static void end_with_lane(struct im_session *s, const char *why)
{
    struct lane *lane = s->lane && !s->lane->client ? s->lane : NULL;

    im_session_end(s, why);
    if (lane)
        lane_session_up(lane);
}

static void on_timer(struct timer *t)
{
    struct im_session *s = container_of(t, struct im_session, timer);

    switch ((enum im_session_state)s->state) {
    case SESSION_CALLING: sip_dialog_cancel(s->dialog); break; /* the outcome is told all the same */
    case SESSION_HELD: break;
    case SESSION_UP:
        if (s->lane) /* what flies has its own end */
            timer_start(&s->bridge->loop->timers, &s->timer, idle_ms(s));
        else
            im_session_end(s, "nothing was said for session-idle");
        break;
    case SESSION_LOST: break;
    case SESSION_ENDING: end_with_lane(s, "ended"); break;
    }
}

/* ---- all of them ---- */

void sessions_init(struct sessions *s)
{
    hash_init(&s->by_pair);
    xmpp_tally_init(&s->counts);
}

static void free_one(struct hash_node *node, void *arg)
{
    im_session_free(container_of(node, struct im_session, by_pair));
}

void sessions_fini(struct bridge *b)
{
    hash_each(&b->sessions.by_pair, free_one, NULL);
    hash_free(&b->sessions.by_pair);
    xmpp_tally_fini(&b->sessions.counts);
}
