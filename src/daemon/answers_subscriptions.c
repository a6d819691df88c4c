/* Subscriptions to presence, as the API shows and refreshes them. */
#include "base/clock.h"
#include "daemon/answers_parts.h"
#include "map/presence.h"

#define SCAN_MAX 10000 /* contacts looked at for one page */

/* ---- one ---- */

static json_t *ago(const struct bridge *b, uint64_t ms)
{
    return ms ? json_integer((json_int_t)((bridge_now_ms(b) - ms) / 1000)) : json_null();
}

static json_t *sub_json(const struct bridge *b, const struct bridge_sub *s)
{
    const struct slice local = contact_local(s->contact), remote = contact_remote(s->contact);

    return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "watcher",
                     answers_text(s->sip_watches ? local : remote), "watched",
                     answers_text(s->sip_watches ? remote : local), "state", s->state, "expires-s",
                     s->there ? json_integer(s->info.expires_in_s) : json_null(), "notices",
                     s->there ? json_integer((json_int_t)s->info.notices) : json_null(), "last-notice-s",
                     s->there ? ago(b, s->info.last_notice_ms) : json_null(), "again-s",
                     s->retry_in_ms ? json_integer((json_int_t)(s->retry_in_ms / 1000)) : json_null(), "call-id",
                     answers_text(s->info.call_id), "target", answers_text(s->info.remote_target), "partner",
                     answers_text(bridge_partner_of(b, contact_remote_jid(s->contact).domain)));
}

/* ---- a list ---- */

struct page {
    struct answers_filter filter;
    struct bridge *bridge;
    struct jid user;
    size_t limit, seen;
    uint64_t cursor;
    json_t *items; /* NULL: no memory */
    uint64_t left_out;
};

static void put_sub(void *arg, const struct bridge_sub *s)
{
    struct page *p = arg;

    p->seen++;
    if (!p->items ||
        (p->filter.partner.n && !answers_of_partner(&p->filter, p->bridge, contact_remote_jid(s->contact).domain)))
        return;
    if (p->user.domain.n && json_array_size(p->items) >= p->limit)
        p->left_out++;
    else
        answers_append(&p->items, sub_json(p->bridge, s));
}

/* So many contacts in a turn; most have no subscription at this moment. */
static void fill_page(void *arg)
{
    struct page *p = arg;
    size_t looked = 0;

    if (p->user.domain.n) {
        bridge_subs_of_user(p->bridge, &p->user, put_sub, p);
        return;
    }
    do {
        bridge_each_sub(p->bridge, &p->cursor, p->limit, put_sub, p);
        looked += p->limit;
    } while (p->cursor && looked < SCAN_MAX && p->items && json_array_size(p->items) < p->limit);
}

json_t *answer_subscriptions(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct page p = { .bridge = a->bridge, .limit = look->limit, .cursor = look->before };
    json_t *v = NULL;

    if (answers_filter_init(&p.filter, look, no) &&
        (!p.filter.user.n || jid_parse(&p.filter.arena, p.filter.user, &p.user))) {
        p.items = json_array();
        if (p.items && loop_call(a->door, fill_page, &p) && p.items)
            v = json_pack("{s:O, s:o, s:I}", "items", p.items, "next",
                          p.cursor ? json_integer((json_int_t)p.cursor) : json_null(), "left-out",
                          (json_int_t)p.left_out);
    }
    json_decref(p.items);
    arena_reset(&p.filter.arena);
    return v;
}

/* ---- of two people ---- */

struct pair {
    struct arena arena;
    struct bridge *bridge;
    struct jid sip, xmpp;
    json_t *subs, *presence; /* NULL: no memory */
    bool known;
    size_t refreshed;
};

static void put_of_pair(void *arg, const struct bridge_sub *s)
{
    struct pair *p = arg;

    if (p->subs)
        answers_append(&p->subs, sub_json(p->bridge, s));
}

static const char *show_word(const struct map_presence *p)
{
    static const char *const words[] = { [MAP_SHOW_NONE] = "available",
                                         [MAP_SHOW_CHAT] = "chat",
                                         [MAP_SHOW_AWAY] = "away",
                                         [MAP_SHOW_XA] = "xa",
                                         [MAP_SHOW_DND] = "dnd" };

    return p->available ? words[p->show] : "unavailable";
}

static void put_presence(void *arg, bool sip_watches, const struct map_presence *presence)
{
    struct pair *p = arg;
    const struct jid *who = sip_watches ? &p->xmpp : &p->sip;
    struct buf b;

    if (!p->presence)
        return;
    buf_init(&b, 8192);
    jid_put_bare(&b, who);
    answers_append(&p->presence, json_pack("{s:o, s:o, s:s, s:o}", "of", answers_text(buf_slice(&b)), "resource",
                                           answers_text(presence->resource), "state", show_word(presence), "note",
                                           presence->n_notes ? answers_text(presence->notes[0].text) : json_null()));
    buf_free(&b);
}

static void look_at_pair(void *arg)
{
    struct pair *p = arg;

    p->known = bridge_subs_of(p->bridge, &p->sip, &p->xmpp, put_of_pair, p);
    bridge_presence_of(p->bridge, &p->sip, &p->xmpp, put_presence, p);
}

static void refresh_pair(void *arg)
{
    struct pair *p = arg;

    p->refreshed = bridge_refresh_subs(p->bridge, &p->sip, &p->xmpp);
}

static bool take(struct pair *p, struct slice text, struct jid *out, struct admin_refusal *no, const char *why)
{
    if (jid_parse(&p->arena, text, out) && out->local.n && !out->resource.n)
        return true;
    *no = (struct admin_refusal){ 422, why };
    return false;
}

/* Reset its arena in either case. */
static bool pair_init(struct pair *p, struct answers *a, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    *p = (struct pair){ .bridge = a->bridge };
    arena_init(&p->arena, 1u << 20);
    return take(p, sip, &p->sip, no, "sip: this is no address like alice@contoso.example") &&
           take(p, xmpp, &p->xmpp, no, "xmpp: this is no address like romeo@fabrikam.example");
}

json_t *answer_subscription(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    struct answers *a = owner;
    json_t *v = NULL;
    struct pair p;

    if (pair_init(&p, a, sip, xmpp, no)) {
        p.subs = json_array();
        p.presence = json_array();
        if (p.subs && p.presence && loop_call(a->door, look_at_pair, &p) && p.subs && p.presence)
            v = p.known ? json_pack("{s:O, s:O}", "subscriptions", p.subs, "presence", p.presence) : json_null();
        json_decref(p.subs);
        json_decref(p.presence);
    }
    arena_reset(&p.arena);
    return v;
}

json_t *answer_subscription_refresh(void *owner, struct slice sip, struct slice xmpp, struct admin_refusal *no)
{
    struct answers *a = owner;
    json_t *v = NULL;
    struct pair p;

    if (pair_init(&p, a, sip, xmpp, no) && loop_call(a->door, refresh_pair, &p))
        v = p.refreshed ? json_pack("{s:I}", "refreshed", (json_int_t)p.refreshed) : json_null();
    arena_reset(&p.arena);
    return v;
}
