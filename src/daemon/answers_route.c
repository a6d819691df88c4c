/* What is up with one route: its servers, and tests. */
#include "bridge/watch.h"
#include "daemon/answers_parts.h"

struct status {
    struct bridge *bridge;
    struct slice name;
    bool found;
    const char *why;
    json_t *hops; /* NULL: memory was missing */
};

static json_t *seconds(uint64_t ms)
{
    return ms == UINT64_MAX ? json_null() : json_integer((json_int_t)(ms / 1000));
}

static void put_hop(void *arg, const struct watch_hop *hop)
{
    const struct sip_health_info *h = &hop->health;
    struct status *s = arg;
    char at[ADDR_TEXT];
    json_t *o = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:I, s:I, s:o}", "hop", addr_text(&hop->target->addr, at),
                          "name", hop->target->host, "transport", sip_transport_name(hop->target->transport), "state",
                          sip_health_name(h), "since-s", seconds(h->since_ms), "checked-s", seconds(h->checked_ms),
                          "answer-ms", (json_int_t)h->answer_ms, "left-alone-s",
                          (json_int_t)((h->alone_ms + 999) / 1000), "why", answers_text(slice_str(h->why)));

    answers_append(&s->hops, o);
}

static void look(void *arg)
{
    struct status *s = arg;

    s->found = bridge_route_show(s->bridge, s->name, put_hop, s, &s->why);
}

json_t *answer_route_status(void *owner, struct slice name)
{
    struct answers *a = owner;
    struct status s = { .bridge = a->bridge, .name = name, .hops = json_array() };
    json_t *v = NULL;

    if (loop_call(a->door, look, &s)) {
        if (!s.found)
            v = json_null();
        else if (s.hops)
            v = json_pack("{s:o, s:s?, s:O}", "name", answers_text(name), "note", s.why, "hops", s.hops);
    }
    json_decref(s.hops);
    return v;
}

/* ---- tests ---- */

struct begin {
    struct bridge *bridge;
    struct slice name;
    uint64_t id;
    const char *why;
};

static void begin(void *arg)
{
    struct begin *t = arg;

    t->id = bridge_route_test(t->bridge, t->name, &t->why);
}

json_t *answer_route_test_start(void *owner, struct slice name, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct begin t = { .bridge = a->bridge, .name = name };

    *no = (struct admin_refusal){ 503, "the daemon does not answer this now: try again" };
    if (!loop_call(a->door, begin, &t))
        return NULL;
    if (!t.id)
        *no = t.why ? (struct admin_refusal){ 422, t.why } : (struct admin_refusal){ 404, "there is no such route" };
    return t.id ? json_pack("{s:I}", "id", (json_int_t)t.id) : NULL;
}

static void put_test(void *arg, const struct sip_probe_info *info)
{
    struct answers_search *t = arg;

    t->found = slice_eq(info->route, t->name);
    if (!t->found)
        return;
    t->v = json_pack("{s:I, s:o, s:o, s:b, s:I, s:o}", "id", (json_int_t)info->id, "route", answers_text(info->route),
                     "domain", answers_text(info->domain), "done", info->done, "took-ms", (json_int_t)info->took_ms,
                     "steps", answers_step_list(info->steps, sip_step_name, info->began_ms));
    if (info->done)
        answers_add_verdict(&t->v, info->works, sip_fault_name(info->fault), slice_str(info->verdict));
}

static void find_test(void *arg)
{
    struct answers_search *t = arg;

    bridge_route_test_show(t->bridge, t->id, put_test, t);
}

json_t *answer_route_test(void *owner, struct slice name, uint64_t id)
{
    struct answers_search t = { .name = name, .id = id };

    return answers_find(owner, &t, find_test);
}
