/* The links of a gateway to its proxies: how they are, and tests. What is told here is a copy, and decides nothing. */
#include <stdio.h>

#include "daemon/answers_parts.h"
#include "daemon/links.h"
#include "daemon/service.h"
#include "link/credit.h"

#define TEST_MS 15000  /* then it is over, whatever has come of it: a connection is given up after 10 s */
#define KEPT_MS 600000 /* its id is good for so long */
#define WHY_MAX 800
#define SHARES_MAX 100 /* partners that are shown with what is on its way */

/* One proxy as a link, copied from the loop. */
struct seen {
    bool found;
    enum link_state state;
    bool chosen;
    char why[LINK_WHY_MAX + 64], host[256];
    uint64_t now_ms, since_ms, answered_ms, dials_ms, n_links;
    uint64_t in, out, streams;
    size_t under_way, waiting;
    char program[LINK_PROGRAM_MAX + 1];
    uint64_t trip_ms;
    json_t *shares; /* of partners; NULL: memory was missing, or nobody has asked */
};

struct look {
    struct loop *loop;
    struct links *links;
    struct slice name;
    bool dials, shares;
    struct seen seen;
};

static void take(void *arg, const struct link_proxy_info *info)
{
    struct look *l = arg;
    struct seen *s = &l->seen;

    if (!slice_eq(info->name, l->name))
        return;
    s->found = true;
    s->state = info->state;
    s->chosen = info->chosen;
    snprintf(s->why, sizeof(s->why), "%s", info->why);
    snprintf(s->host, sizeof(s->host), "%.*s", SLICE_FMT(info->host));
    s->since_ms = info->since_ms;
    s->answered_ms = info->answered_ms;
    s->dials_ms = info->dials_ms;
    s->n_links = info->n_links;
    s->in = info->counters.stanzas_in;
    s->out = info->counters.stanzas_out;
    s->streams = info->counters.streams;
    s->under_way = info->under_way;
    s->waiting = info->waiting;
    snprintf(s->program, sizeof(s->program), "%s", info->program);
    s->trip_ms = info->trip_ms;
}

static void take_share(void *arg, const struct link_share_info *info)
{
    struct look *l = arg;

    if (json_array_size(l->seen.shares) < SHARES_MAX)
        answers_append(&l->seen.shares,
                       json_pack("{s:o, s:I, s:I, s:I, s:I}", "partner", answers_text(info->partner), "out",
                                 (json_int_t)info->out_stanzas, "out-bytes", (json_int_t)info->out_bytes, "in",
                                 (json_int_t)info->in_stanzas, "in-bytes", (json_int_t)info->in_bytes));
}

static void look(void *arg)
{
    struct look *l = arg;

    if (!l->links->gateway)
        return;
    if (l->dials)
        (void)link_gateway_dial(l->links->gateway, l->name);
    l->seen.now_ms = loop_now(l->loop);
    link_gateway_each_proxy(l->links->gateway, take, l);
    if (l->shares && (l->seen.shares = json_array()))
        link_gateway_each_share(l->links->gateway, l->name, take_share, l);
}

/* ---- how it is ---- */

static json_t *ago(uint64_t now, uint64_t then)
{
    return then ? json_integer((json_int_t)((now > then ? now - then : 0) / 1000)) : json_null();
}

/* Why it is not even dialled; NULL: it is. */
static const char *why_not(const struct answers *a, const struct proxy *p)
{
    if (!a->links->pin[0])
        return "this stoxd was not started with --role gateway, so that it has no links: set role = \"gateway\" in its "
               "bootstrap file, and restart it (docs/PERIMETER.md)";
    if (!p->enabled)
        return "it is not enabled: stoxctl proxy set NAME --enabled yes";
    return p->pin.n ? NULL : "the pin of its key is not set: stoxctl proxy guide says how to come by it";
}

static json_t *status_json(const struct answers *a, const struct proxy *p, const struct seen *s)
{
    const char *no = why_not(a, p);
    char at[ADDR_TEXT];
    json_t *o = json_pack("{s:o, s:s, s:I, s:s, s:b, s:o}", "name", answers_text(p->name), "address",
                          addr_text(&p->address, at), "priority", (json_int_t)p->priority, "state",
                          no ? "off" : link_state_name(s->state), "sends", s->chosen, "why",
                          answers_text(slice_str(no ? no : s->why)));
    json_t *more;

    if (!o || no || !s->found)
        return o;
    more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:{s:i, s:i, s:i, s:i}, s:O}",
                     "version", s->program[0] ? answers_text(slice_str(s->program)) : json_null(), "round-trip-ms",
                     s->program[0] ? json_integer((json_int_t)s->trip_ms) : json_null(), "host",
                     answers_text(slice_str(s->host)), "since-s", ago(s->now_ms, s->since_ms), "answered-ms",
                     s->answered_ms ? json_integer((json_int_t)(s->now_ms - s->answered_ms)) : json_null(),
                     "dials-in-s", s->dials_ms ? ago(s->dials_ms, s->now_ms) : json_null(), "links",
                     (json_int_t)s->n_links, "streams", (json_int_t)s->streams, "stanzas-in", (json_int_t)s->in,
                     "stanzas-out", (json_int_t)s->out, "under-way", (json_int_t)s->under_way, "waiting",
                     (json_int_t)s->waiting, "credit", "out", LINK_OUT_STANZAS, "out-bytes", (int)LINK_OUT_BYTES, "in",
                     LINK_IN_STANZAS, "in-bytes", (int)LINK_IN_BYTES, "partners", s->shares);
    if (more && json_object_update(o, more) == 0) {
        json_decref(more);
        return o;
    }
    json_decref(more);
    json_decref(o);
    return NULL;
}

static const struct proxy *proxy_of(const struct config *config, struct slice name)
{
    const struct record *r = config_find(config, &proxy_kind, name);

    return r ? r->object : NULL;
}

json_t *answer_proxy_status(void *owner, struct slice name)
{
    struct answers *a = owner;
    struct config *config = keeper_config(a->keeper);
    const struct proxy *p = proxy_of(config, name);
    struct look l = { .loop = a->service->loop, .links = a->links, .name = name, .shares = true };
    json_t *v = NULL;

    if (!p)
        v = json_null();
    else if (loop_call(a->door, look, &l))
        v = status_json(a, p, &l.seen);
    json_decref(l.seen.shares);
    config_drop(config);
    return v;
}

json_t *answer_link(void *owner)
{
    struct answers *a = owner;

    return json_pack("{s:s, s:o}", "role", a->links->pin[0] ? "gateway" : "all", "pin",
                     a->links->pin[0] ? json_string(a->links->pin) : json_null());
}

/* ---- tests: the link itself is dialled, and looked at. The id of a test is the moment when it began ---- */

json_t *answer_proxy_test_start(void *owner, struct slice name, struct admin_refusal *no)
{
    struct answers *a = owner;
    struct config *config = keeper_config(a->keeper);
    const struct proxy *p = proxy_of(config, name);
    struct look l = { .loop = a->service->loop, .links = a->links, .name = name, .dials = true };
    const char *why = p ? why_not(a, p) : NULL;

    *no = (struct admin_refusal){ 503, "the daemon does not answer this now: try again" };
    config_drop(config);
    if (!p) {
        *no = (struct admin_refusal){ 404, "there is no such proxy" };
        return NULL;
    }
    if (why) {
        *no = (struct admin_refusal){ 422, why };
        return NULL;
    }
    if (!loop_call(a->door, look, &l) || !l.seen.found)
        return NULL;
    return json_pack("{s:I}", "id", (json_int_t)l.seen.now_ms);
}

/* It has come to an end, or does not any more. */
static bool is_over(const struct seen *s, uint64_t took_ms)
{
    return s->state == LINK_IS_READY || s->state == LINK_IS_DOWN || s->state == LINK_IS_SILENT ||
           (s->state == LINK_LEARNS && s->why[0]) || took_ms >= TEST_MS;
}

static bool is_up(const struct seen *s)
{
    return s->state == LINK_LEARNS || s->state == LINK_IS_READY;
}

static void add_steps(struct steps *steps, const struct proxy *p, const struct seen *s, uint64_t took_ms)
{
    char at[ADDR_TEXT];

    steps_add(steps, 0, 0, STEP_NOTE, "the gateway connects to %s", addr_text(&p->address, at));
    if (s->state == LINK_IS_DOWN || s->state == LINK_IS_SILENT)
        steps_add(steps, took_ms, 1, STEP_FAILED, "%s", s->why);
    if (!is_up(s))
        return;
    steps_add(steps, took_ms, 1, STEP_OK,
              "linked with %s: both have shown the keys that are pinned, and speak a common version", s->host);
    if (s->why[0])
        steps_add(steps, took_ms, 2, STEP_FAILED, "%s", s->why);
    else if (s->state == LINK_IS_READY)
        steps_add(steps, took_ms, 2, STEP_OK, "it has taken the settings, and partners can come in by it");
}

static const char *step_name(unsigned kind)
{
    static const char *const names[] = { "dial", "link", "settings" };

    return names[kind];
}

/* With all that is set here. */
static bool works(const struct seen *s)
{
    return s->state == LINK_IS_READY && !s->why[0];
}

static void put_verdict(char out[WHY_MAX], const struct proxy *p, const struct seen *s)
{
    char at[ADDR_TEXT];

    addr_text(&p->address, at);
    if (works(s))
        snprintf(out, WHY_MAX, "The link with %.*s at %s is up.", SLICE_FMT(p->name), at);
    else if (s->state == LINK_IS_READY)
        snprintf(out, WHY_MAX, "The link with %.*s at %s is up, but it goes on with former settings: %s.",
                 SLICE_FMT(p->name), at, s->why);
    else if (s->state == LINK_IS_SILENT)
        snprintf(out, WHY_MAX, "The link with %.*s at %s is silent: %s.", SLICE_FMT(p->name), at, s->why);
    else if (s->state == LINK_LEARNS)
        snprintf(out, WHY_MAX, "The link with %.*s at %s is up, but it has not taken the settings%s%s.",
                 SLICE_FMT(p->name), at, s->why[0] ? ": " : " yet", s->why);
    else
        snprintf(out, WHY_MAX, "There is no link with %.*s at %s: %s.", SLICE_FMT(p->name), at,
                 s->why[0] ? s->why : "the connection is not set up yet");
}

static json_t *test_json(const struct proxy *p, const struct seen *s, uint64_t id)
{
    uint64_t took = s->now_ms - id;
    bool over = is_over(s, took);
    char verdict[WHY_MAX];
    struct steps steps;
    json_t *v;

    steps_init(&steps, 4096);
    add_steps(&steps, p, s, took);
    v = json_pack("{s:I, s:o, s:b, s:I, s:o}", "id", (json_int_t)id, "proxy", answers_text(p->name), "done", over,
                  "took-ms", (json_int_t)took, "steps", answers_step_list(&steps, step_name, 0));
    steps_fini(&steps);
    if (over) {
        put_verdict(verdict, p, s);
        answers_add_verdict(&v, works(s), works(s) ? "none" : step_name(is_up(s) ? 2 : 1), slice_str(verdict));
    }
    return v;
}

json_t *answer_proxy_test(void *owner, struct slice name, uint64_t id)
{
    struct answers *a = owner;
    struct config *config = keeper_config(a->keeper);
    const struct proxy *p = proxy_of(config, name);
    struct look l = { .loop = a->service->loop, .links = a->links, .name = name };
    json_t *v = NULL;

    if (!p)
        v = json_null();
    else if (loop_call(a->door, look, &l))
        v = l.seen.found && id <= l.seen.now_ms && l.seen.now_ms - id < KEPT_MS ? test_json(p, &l.seen, id)
                                                                                : json_null();
    config_drop(config);
    return v;
}
