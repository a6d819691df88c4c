/* Conversations, as the API shows them: looked up on the loop, for a bounded number of rows. */
#include "base/clock.h"
#include "bridge/talk.h"
#include "daemon/answers_parts.h"
#include "store/json.h"

#define SCAN_MAX 10000 /* conversations looked at for one page: the loop has messages to carry */

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
    const struct answers_filter *filter;
    const struct admin_look *look;
    bool only_failed;
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

/* Something did not arrive, one way or the other, or came back when its sender had been told that it had. */
static bool has_failed(const struct talk *talk)
{
    return talk->ways[SCORE_S2X].n_failed || talk->ways[SCORE_X2S].n_failed || talk->n_bounced_late;
}

static bool put_talk(void *arg, const struct bridge_talk *t)
{
    struct talk_page *page = arg;
    const struct answers_filter *f = page->filter;
    const struct talk *talk = t->talk;

    if (json_array_size(page->items) == page->look->limit || page->seen++ == SCAN_MAX)
        return false; /* there is one more: next stands */
    page->next = talk->turn;
    if ((f->user.n && !slice_eq(f->user, talk->local) && !slice_eq(f->user, talk->remote)) ||
        !answers_of_partner(f, page->bridge, domain_of(talk->remote)) || (page->only_failed && !has_failed(talk)))
        return true;
    answers_append(&page->items, talk_row(page->bridge, t));
    return page->items != NULL;
}

static void list_talks(void *arg)
{
    struct talk_page *page = arg;

    if (bridge_each_talk(page->bridge, page->look->before ? page->look->before : UINT64_MAX, put_talk, page))
        page->next = 0;
}

static bool is_state(struct slice state, struct admin_refusal *no)
{
    if (!state.n || slice_is(state, "failed"))
        return true;
    *no = (struct admin_refusal){ 422, "state: of conversations it is \"failed\", or not given" };
    return false;
}

json_t *answer_conversations(void *owner, const struct admin_look *look, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct answers_filter f;
    struct talk_page page = { .bridge = a->bridge,
                              .filter = &f,
                              .look = look,
                              .only_failed = slice_is(look->state, "failed"),
                              .items = json_array() };
    json_t *v = NULL;

    if (answers_filter_init(&f, look, no) && is_state(look->state, no) && page.items &&
        loop_call(a->door, list_talks, &page) && page.items)
        v = json_pack("{s:O, s:o}", "items", page.items, "next",
                      page.next ? json_integer((json_int_t)page.next) : json_null());
    json_decref(page.items);
    arena_reset(&f.arena);
    return v;
}

/* ---- one of them ---- */

/* Time of the day that was so many milliseconds ago; JSON null: never. */
static json_t *time_json(uint64_t at_ms, uint64_t now_ms)
{
    return json_time(at_ms ? clock_wall_s() - (int64_t)((now_ms - at_ms) / 1000) : 0);
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
    struct answers_search *s = arg;
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
    struct answers_search *s = arg;

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
    struct answers_search s = { .found = false };

    return read_id(id, &s.id) ? answers_find(owner, &s, find_talk) : json_null();
}
