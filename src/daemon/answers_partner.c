/* What is up with one partner: its streams, the set-ups that failed, and tests. */
#include "daemon/answers_parts.h"

#define DOMAIN_ARENA_MAX 16384

/* A domain as the streams know it. False: it is none, or memory is missing. */
static bool prepare(struct arena *a, struct slice name, struct slice *out)
{
    return jid_prep_domain(a, name, out);
}

struct status {
    struct bridge *bridge;
    struct slice name; /* as asked for, prepared */
    struct slice partner;
    bool found;
    json_t *streams, *failed; /* NULL: memory was missing */
};

static bool is_theirs(const struct status *s, struct slice remote)
{
    return remote.n && slice_eq(bridge_partner_of(s->bridge, remote), s->partner);
}

static void put_stream(void *arg, const struct xmpp_stream_info *info)
{
    struct status *s = arg;

    if (is_theirs(s, info->remote))
        answers_append(&s->streams, answers_stream_row(info));
}

static void put_attempt(void *arg, const struct xmpp_attempt_info *info)
{
    struct status *s = arg;

    if (!is_theirs(s, info->remote))
        return;
    answers_append(&s->failed,
                   json_pack("{s:s, s:o, s:o, s:s, s:I, s:s, s:o, s:o}", "direction", info->inbound ? "in" : "out",
                             "local", answers_text(info->local), "remote", answers_text(info->remote), "address",
                             info->address, "age-s", (json_int_t)(info->age_ms / 1000), "fault",
                             xmpp_fault_name(info->fault), "why", answers_text(slice_str(info->why)), "steps",
                             answers_steps(info->trace, info->began_ms)));
}

static void look(void *arg)
{
    struct status *s = arg;

    s->partner = bridge_partner_of(s->bridge, s->name);
    s->found = s->partner.n > 0;
    if (!s->found)
        return;
    bridge_each_stream(s->bridge, put_stream, s);
    bridge_each_attempt(s->bridge, put_attempt, s);
}

json_t *answer_partner_status(void *owner, struct slice name)
{
    struct answers *a = owner;
    struct status s = { .bridge = a->bridge, .streams = json_array(), .failed = json_array() };
    struct arena arena;
    json_t *v = NULL;

    arena_init(&arena, DOMAIN_ARENA_MAX);
    if (!prepare(&arena, name, &s.name))
        v = json_null();
    else if (loop_call(a->door, look, &s) && !s.found)
        v = json_null();
    else if (s.found && s.streams && s.failed)
        v = json_pack("{s:o, s:O, s:O}", "name", answers_text(s.name), "streams", s.streams, "failed", s.failed);
    json_decref(s.streams);
    json_decref(s.failed);
    arena_reset(&arena);
    return v;
}

/* ---- tests ---- */

struct begin {
    struct bridge *bridge;
    struct slice local, remote;
    bool is_partner;
    uint64_t id;
    const char *why;
};

static void begin(void *arg)
{
    struct begin *t = arg;

    t->is_partner = bridge_partner_of(t->bridge, t->remote).n > 0;
    if (t->is_partner)
        t->id = bridge_probe_start(t->bridge, t->local, t->remote, &t->why);
}

/* from, or the first of our domains. False: *no says what is wrong. */
static bool choose_from(const struct config *config, struct arena *arena, struct slice from, struct slice *out,
                        struct admin_refusal *no)
{
    const struct config_list *ours = config_list(config, &sip_domain_kind);

    *no = (struct admin_refusal){ 422, NULL };
    if (!from.n && ours->n == 0)
        no->why = "there is no SIP domain yet to test from: stoxctl domain new";
    else if (!prepare(arena, from.n ? from : ours->v[0]->name, out) || !config_find(config, &sip_domain_kind, *out))
        no->why = "from: this is none of our SIP domains";
    return no->why == NULL;
}

static json_t *start_test(struct answers *a, struct begin *t, struct admin_refusal *no)
{
    *no = (struct admin_refusal){ 503, "the daemon does not answer this now: try again" };
    if (!loop_call(a->door, begin, t))
        return NULL;
    if (!t->is_partner)
        *no = (struct admin_refusal){ 404, "this domain belongs to no partner" };
    else if (!t->id)
        no->why = t->why;
    return t->id ? json_pack("{s:I, s:o, s:o}", "id", (json_int_t)t->id, "from", answers_text(t->local), "to",
                             answers_text(t->remote))
                 : NULL;
}

json_t *answer_test_start(void *owner, struct slice name, struct slice from, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct begin t = { .bridge = a->bridge };
    struct config *config = keeper_config(a->keeper);
    struct arena arena;
    json_t *v = NULL;

    arena_init(&arena, DOMAIN_ARENA_MAX);
    if (!prepare(&arena, name, &t.remote))
        *no = (struct admin_refusal){ 404, "this domain belongs to no partner" };
    else if (choose_from(config, &arena, from, &t.local, no))
        v = start_test(a, &t, no);
    arena_reset(&arena);
    config_drop(config);
    return v;
}

static void put_test(void *arg, const struct xmpp_probe_info *info)
{
    struct answers_search *t = arg;

    t->found = slice_eq(info->remote, t->name);
    if (!t->found)
        return;
    t->v = json_pack("{s:I, s:o, s:o, s:b, s:I, s:o}", "id", (json_int_t)info->id, "from", answers_text(info->local),
                     "to", answers_text(info->remote), "done", info->done, "took-ms", (json_int_t)info->took_ms,
                     "steps", answers_steps(info->trace, info->began_ms));
    if (info->done)
        answers_add_verdict(&t->v, info->works, xmpp_fault_name(info->fault), slice_str(info->verdict));
}

static void find_test(void *arg)
{
    struct answers_search *t = arg;

    bridge_probe_show(t->bridge, t->id, put_test, t);
}

json_t *answer_test(void *owner, struct slice name, uint64_t id)
{
    struct answers_search t = { .id = id };
    struct arena arena;
    json_t *v;

    arena_init(&arena, DOMAIN_ARENA_MAX);
    v = prepare(&arena, name, &t.name) ? answers_find(owner, &t, find_test) : json_null();
    arena_reset(&arena);
    return v;
}
