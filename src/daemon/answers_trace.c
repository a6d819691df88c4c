/* Traces: what passes, as the API shows it. */
#include <stdlib.h>

#include "bridge/talk.h"
#include "bridge/viewer.h"
#include "daemon/answers_parts.h"

#define ARENA_MAX 65536

_Static_assert(ADMIN_TRACE_NAMES <= VIEWER_NAMES_MAX, "a viewer takes all the names of a trace");

static bool refuse(struct admin_refusal *no, unsigned status, const char *why)
{
    *no = (struct admin_refusal){ status, why };
    return false;
}

struct wish {
    struct bridge *bridge;
    struct arena arena;
    struct slice users[ADMIN_TRACE_NAMES], partners[ADMIN_TRACE_NAMES];
    struct viewer_wish viewer;
    uint64_t id;
    bool full;
};

static bool take_user(struct wish *w, struct slice text, struct slice *out)
{
    struct slice domain;

    return answers_user(&w->arena, text, out, &domain) && out->p;
}

static bool take(struct wish *w, const struct config *config, const struct admin_trace *t, struct admin_refusal *no)
{
    if (t->n_users + t->n_partners == 0)
        return refuse(no, 422, "whom? users and partners name people and domains to look at");
    for (size_t i = 0; i < t->n_users; i++)
        if (!take_user(w, t->users[i], &w->users[i]))
            return refuse(no, 422, "users: there is one that is no address like alice@contoso.example");
    for (size_t i = 0; i < t->n_partners; i++)
        if (!jid_prep_domain(&w->arena, t->partners[i], &w->partners[i]))
            return refuse(no, 422, "partners: there is one that is no domain");
    if (t->bodies && !config_gateway(config)->log_bodies)
        return refuse(no, 422,
                      "bodies are not shown: the gateway's setting log-message-bodies is off (stoxctl gateway set "
                      "--log-message-bodies "
                      "on)");
    w->viewer = (struct viewer_wish){ .users = w->users,
                                      .n_users = t->n_users,
                                      .partners = w->partners,
                                      .n_partners = t->n_partners,
                                      .bodies = t->bodies,
                                      .for_ms = t->seconds * 1000,
                                      .who = t->who };
    return true;
}

static void start(void *arg)
{
    struct wish *w = arg;

    w->id = bridge_view(w->bridge, &w->viewer, &w->full);
}

json_t *answer_trace_start(void *owner, const struct admin_trace *trace, bool dry, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct wish w = { .bridge = a->bridge };
    struct config *config = keeper_config(a->keeper);
    json_t *v = NULL;

    arena_init(&w.arena, ARENA_MAX);
    if (take(&w, config, trace, no)) {
        if (dry)
            v = json_object();
        else if (loop_call(a->door, start, &w) && w.id)
            v = json_pack("{s:I}", "id", (json_int_t)w.id);
        else if (w.full)
            refuse(no, 429, "so many traces run that no other can begin: end one, or wait until it ends by itself");
    }
    arena_reset(&w.arena);
    config_drop(config);
    return v;
}

struct reading {
    struct bridge *bridge;
    uint64_t id, after, limit;
    struct slice who;
    bool found;
    struct viewer_state state;
    json_t *events; /* NULL: memory was missing */
};

/* 0: none. */
static json_t *mark_of(uint64_t n)
{
    return n ? json_sprintf("%016llx", (unsigned long long)n) : json_string("");
}

static void put_event(void *arg, const struct viewer_event *e)
{
    static const char *const legs[] = { "sip", "gateway", "xmpp", "stream" };
    static const char *const directions[] = { "in", "out", "here" };
    static const char *const results[] = { "ok", "failed", "note" };
    struct reading *r = arg;
    json_t *o;

    if (!r->events)
        return;
    o = json_pack("{s:I, s:I, s:o, s:o, s:s, s:o, s:o, s:s, s:s, s:o, s:o}", "n", (json_int_t)e->n, "at-ms",
                  (json_int_t)e->at_ms, "conversation", mark_of(e->talk), "message", mark_of(e->message), "result",
                  results[e->result], "sip", answers_text(e->local), "xmpp", answers_text(e->remote), "leg",
                  legs[e->leg], "direction", directions[e->direction], "what", answers_text(e->what), "details",
                  answers_text(e->details));
    if (o && e->body.p && json_object_set_new(o, "body", answers_text(e->body))) {
        json_decref(o);
        o = NULL;
    }
    r->after = e->n;
    answers_append(&r->events, o);
}

static void look(void *arg)
{
    struct reading *r = arg;

    r->found = bridge_view_read(r->bridge, r->id, r->who, r->after, r->limit, put_event, r, &r->state);
}

json_t *answer_trace_read(void *owner, uint64_t id, struct slice who, uint64_t after, uint64_t limit)
{
    struct answers *a = owner;
    struct reading r = {
        .bridge = a->bridge, .id = id, .who = who, .after = after, .limit = limit, .events = json_array()
    };
    json_t *v = NULL;

    if (r.events && loop_call(a->door, look, &r)) {
        if (!r.found)
            v = json_null();
        else if (r.events)
            v = json_pack("{s:O, s:I, s:I, s:I, s:b}", "events", r.events, "next", (json_int_t)r.after, "dropped",
                          (json_int_t)r.state.dropped, "left-s", (json_int_t)((r.state.left_ms + 999) / 1000), "bodies",
                          r.state.bodies);
    }
    json_decref(r.events);
    return v;
}

struct ending {
    struct bridge *bridge;
    uint64_t id;
    struct slice who;
    bool found;
};

static void end(void *arg)
{
    struct ending *e = arg;

    e->found = bridge_view_end(e->bridge, e->id, e->who);
}

bool answer_trace_end(void *owner, uint64_t id, struct slice who)
{
    struct answers *a = owner;
    struct ending e = { a->bridge, id, who, false };

    return loop_call(a->door, end, &e) && e.found;
}
