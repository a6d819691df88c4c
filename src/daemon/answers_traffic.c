/* Conversations, and what waits: as the API shows them. Everything is looked up on the loop, for a bounded number of rows. */
#include <stdlib.h>

#include "base/clock.h"
#include "bridge/queue.h"
#include "bridge/talk.h"
#include "daemon/answers_parts.h"

#define ARENA_MAX 65536
#define SCAN_MAX 10000 /* conversations looked at for one page: the loop has messages to carry */

/* What was asked for, prepared. Empty: anything. */
struct filter {
    struct arena arena;
    struct slice user;   /* bare */
    struct slice domain; /* of user */
    struct slice partner;
};

static bool refuse(struct admin_refusal *no, const char *why)
{
    *no = (struct admin_refusal){ 422, why };
    return false;
}

/* False: *no says what is wrong. Finish it in either case. */
static bool filter_init(struct filter *f, const struct admin_look *look, struct admin_refusal *no)
{
    struct jid jid;
    struct buf bare;

    *f = (struct filter){ .user = { 0 } };
    arena_init(&f->arena, ARENA_MAX);
    if (look->partner.n && !jid_prep_domain(&f->arena, look->partner, &f->partner))
        return refuse(no, "partner: this is no domain");
    if (!look->user.n)
        return true;
    if (!jid_parse(&f->arena, look->user, &jid) || !jid.local.n)
        return refuse(no, "user: this is no address like alice@contoso.example");
    buf_init(&bare, 2 * JID_PART_MAX + 2);
    jid_put_bare(&bare, &jid);
    f->user = buf_ok(&bare) ? arena_dup(&f->arena, buf_slice(&bare)) : slice_of(NULL, 0);
    f->domain = jid.domain;
    buf_free(&bare);
    if (f->user.n)
        return true;
    *no = (struct admin_refusal){ 503, "there is no memory for this now: try again" };
    return false;
}

static bool is_of_partner(const struct filter *f, const struct bridge *b, struct slice remote)
{
    struct slice name;

    if (!f->partner.n)
        return true;
    name = bridge_partner_of(b, f->partner);
    return slice_eq(f->partner, remote) || (name.n && slice_eq(name, bridge_partner_of(b, remote)));
}

static struct slice domain_of(struct slice bare)
{
    struct slice local, domain;

    return slice_cut(bare, '@', &local, &domain) ? domain : bare;
}

static const char *outcome_name(enum score_outcome outcome)
{
    static const char *const names[SCORE_N_OUTCOMES] = { "delivered", "unconfirmed", "refused",
                                                         "timed-out", "unknown",     "empty" };

    return names[outcome];
}

/* ---- conversations ---- */

struct talk_page {
    struct bridge *bridge;
    const struct filter *filter;
    const struct admin_look *look;
    json_t *items; /* NULL: memory was missing */
    uint64_t next; /* 0: there are no more */
    unsigned seen;
};

static json_t *id_json(uint64_t id)
{
    return json_sprintf("%016llx", (unsigned long long)id);
}

static json_t *last_json(const struct talk_way *w)
{
    if (!w->ended_ms)
        return json_string("");
    if (w->last.status && w->last.condition)
        return json_sprintf("%s %u %s", outcome_name(w->last.outcome), w->last.status, w->last.condition);
    if (w->last.status)
        return json_sprintf("%s %u", outcome_name(w->last.outcome), w->last.status);
    return json_sprintf("%s%s%s", outcome_name(w->last.outcome), w->last.condition ? " " : "",
                        w->last.condition ? w->last.condition : "");
}

static json_t *talk_row(const struct bridge *b, const struct bridge_talk *t)
{
    const struct talk *talk = t->talk;

    return json_pack("{s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:o, s:I}", "id", id_json(talk->node.hash), "sip",
                     answers_text(talk->local), "xmpp", answers_text(talk->remote), "partner",
                     answers_text(bridge_partner_of(b, domain_of(talk->remote))), "idle-s",
                     (json_int_t)((t->now_ms - talk->active_ms) / 1000), "sip-to-xmpp",
                     (json_int_t)talk->ways[SCORE_S2X].n, "xmpp-to-sip", (json_int_t)talk->ways[SCORE_X2S].n,
                     "last-to-xmpp", last_json(&talk->ways[SCORE_S2X]), "last-to-sip",
                     last_json(&talk->ways[SCORE_X2S]), "bounced-late", (json_int_t)talk->n_bounced_late);
}

static bool put_talk(void *arg, const struct bridge_talk *t)
{
    struct talk_page *page = arg;
    const struct filter *f = page->filter;
    const struct talk *talk = t->talk;
    json_t *row;

    if (json_array_size(page->items) == page->look->limit || page->seen++ == SCAN_MAX)
        return false; /* there is one more: next stands */
    page->next = talk->turn;
    if ((f->user.n && !slice_eq(f->user, talk->local) && !slice_eq(f->user, talk->remote)) ||
        !is_of_partner(f, page->bridge, domain_of(talk->remote)))
        return true;
    row = talk_row(page->bridge, t);
    if (json_array_append_new(page->items, row) == 0)
        return true;
    json_decref(page->items);
    page->items = NULL;
    return false;
}

static void list_talks(void *arg)
{
    struct talk_page *page = arg;

    if (bridge_each_talk(page->bridge, page->look->before ? page->look->before : UINT64_MAX, put_talk, page))
        page->next = 0;
}

json_t *answer_conversations(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct filter f;
    struct talk_page page = { .bridge = a->bridge, .filter = &f, .look = look, .items = json_array() };
    json_t *v = NULL;

    if (filter_init(&f, look, no) && page.items && loop_call(a->door, list_talks, &page) && page.items)
        v = json_pack("{s:O, s:o}", "items", page.items, "next",
                      page.next ? json_integer((json_int_t)page.next) : json_null());
    json_decref(page.items);
    arena_reset(&f.arena);
    return v;
}

/* ---- one of them ---- */

struct talk_show {
    struct bridge *bridge;
    uint64_t id;
    bool found;
    json_t *v; /* NULL: memory was missing */
};

/* Time of the day that was so many milliseconds ago; JSON null: never. */
static json_t *time_json(uint64_t at_ms, uint64_t now_ms)
{
    struct buf b;
    json_t *v;

    if (!at_ms)
        return json_null();
    buf_init(&b, 64);
    clock_put_rfc3339(&b, clock_wall_s() - (int64_t)((now_ms - at_ms) / 1000));
    v = answers_text(buf_slice(&b));
    buf_free(&b);
    return v;
}

static json_t *way_json(const struct talk_way *w, uint64_t now_ms)
{
    return json_pack("{s:I, s:I, s:I, s:o, s:o, s:s, s:i, s:s, s:o}", "messages", (json_int_t)w->n, "delivered",
                     (json_int_t)w->n_delivered, "failed", (json_int_t)w->n_failed, "last-came",
                     time_json(w->came_ms, now_ms), "last-ended", time_json(w->ended_ms, now_ms), "outcome",
                     w->ended_ms ? outcome_name(w->last.outcome) : "", "status", (int)w->last.status, "condition",
                     w->last.condition ? w->last.condition : "", "why", answers_text(w->last.why));
}

static bool put_one(void *arg, const struct bridge_talk *t)
{
    struct talk_show *s = arg;
    const struct talk *talk = t->talk;

    s->found = true;
    s->v = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:{s:I, s:o, s:s}}", "id", id_json(talk->node.hash), "sip",
        answers_text(talk->local), "xmpp", answers_text(talk->remote), "partner",
        answers_text(bridge_partner_of(s->bridge, domain_of(talk->remote))), "route", answers_text(t->route), "mode",
        talk->in_session ? "session" : "pager", "since", time_json(talk->since_ms ? talk->since_ms : 1, t->now_ms),
        "active", time_json(talk->active_ms ? talk->active_ms : 1, t->now_ms), "sip-to-xmpp",
        way_json(&talk->ways[SCORE_S2X], t->now_ms), "xmpp-to-sip", way_json(&talk->ways[SCORE_X2S], t->now_ms),
        "bounced-late", "messages", (json_int_t)talk->n_bounced_late, "last", time_json(talk->bounced_ms, t->now_ms),
        "condition", talk->bounced_condition ? talk->bounced_condition : "");
    return true;
}

static void find_talk(void *arg)
{
    struct talk_show *s = arg;

    bridge_show_talk(s->bridge, s->id, put_one, s);
}

/* 16 hex digits; false: it is no id. */
static bool read_id(struct slice text, uint64_t *id)
{
    static const char digits[] = "0123456789abcdef";

    *id = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *at = text.p[i] ? strchr(digits, text.p[i]) : NULL;

        if (!at)
            return false;
        *id = *id << 4 | (uint64_t)(at - digits);
    }
    return text.n == TALK_ID_LEN;
}

json_t *answer_conversation(void *owner, struct slice id)
{
    struct answers *a = owner;
    struct talk_show s = { .bridge = a->bridge };

    if (!read_id(id, &s.id))
        return json_null();
    if (!loop_call(a->door, find_talk, &s))
        return NULL;
    return s.found ? s.v : json_null();
}

/* ---- what waits ---- */

struct queue_row {
    uint64_t since_ms;
    json_t *v;
};

struct queue_page {
    struct bridge *bridge;
    const struct filter *filter;
    struct queue_row *rows; /* limit of them, oldest first */
    size_t n, limit;
    uint64_t now_ms, left_out;
    bool failed;
};

static json_t *ms_json(uint64_t at_ms, uint64_t now_ms)
{
    return at_ms ? json_real(at_ms > now_ms ? (double)(at_ms - now_ms) / 1000 : 0) : json_null();
}

static json_t *queue_json(const struct queue_page *page, const struct bridge_queue_info *q)
{
    return json_pack("{s:s, s:o, s:o, s:o, s:I, s:I, s:I, s:o, s:s, s:o, s:s, s:o, s:I}", "way",
                     q->to_sip ? "to-sip" : "to-xmpp", "from", answers_text(q->from), "to", answers_text(q->to),
                     "partner", answers_text(bridge_partner_of(page->bridge, q->remote)), "messages", (json_int_t)q->n,
                     "written", (json_int_t)q->n_written, "bytes", (json_int_t)q->bytes, "waited-s",
                     json_real((double)(page->now_ms - q->since_ms) / 1000), "waits-for", q->waits_for, "for-s",
                     ms_json(q->until_ms, page->now_ms), "then", q->then, "then-s", ms_json(q->then_ms, page->now_ms),
                     "stream", (json_int_t)q->stream);
}

static bool is_wanted(const struct queue_page *page, const struct bridge_queue_info *q)
{
    const struct filter *f = page->filter;
    struct slice to, resource;

    if (!is_of_partner(f, page->bridge, q->remote))
        return false;
    if (!f->user.n)
        return true;
    if (!q->to_sip)
        return slice_eq(f->domain, q->local) || slice_eq(f->domain, q->remote);
    slice_cut(q->to, '/', &to, &resource);
    return slice_eq(f->user, q->from) || slice_eq(f->user, to);
}

/* The oldest rows are kept. */
static void put_queue(void *arg, const struct bridge_queue_info *q)
{
    struct queue_page *page = arg;
    size_t at = page->n;

    if (!is_wanted(page, q))
        return;
    while (at > 0 && page->rows[at - 1].since_ms > q->since_ms)
        at--;
    if (page->n == page->limit) {
        page->left_out++;
        if (at == page->limit)
            return;
        json_decref(page->rows[--page->n].v);
    }
    memmove(page->rows + at + 1, page->rows + at, (page->n - at) * sizeof(page->rows[0]));
    page->rows[at] = (struct queue_row){ q->since_ms, queue_json(page, q) };
    page->failed = page->failed || !page->rows[at].v;
    page->n++;
}

static void list_queue(void *arg)
{
    struct queue_page *page = arg;

    page->now_ms = bridge_now_ms(page->bridge);
    bridge_each_queue(page->bridge, put_queue, page);
}

static json_t *queue_answer(struct queue_page *page)
{
    json_t *items = json_array();

    for (size_t i = 0; i < page->n; i++)
        if (json_array_append_new(items, page->rows[i].v))
            page->failed = true;
    if (!page->failed)
        return json_pack("{s:o, s:I}", "items", items, "left-out", (json_int_t)page->left_out);
    json_decref(items);
    return NULL;
}

json_t *answer_queue(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct filter f;
    struct queue_page page = { .bridge = a->bridge, .filter = &f, .limit = look->limit };
    json_t *v = NULL;

    page.rows = calloc(page.limit + 1, sizeof(page.rows[0]));
    if (filter_init(&f, look, no) && page.rows && loop_call(a->door, list_queue, &page))
        v = queue_answer(&page);
    free(page.rows);
    arena_reset(&f.arena);
    return v;
}
