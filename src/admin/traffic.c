/* Who talks with whom, and what waits. */
#include "admin/routes.h"

#define PAGE 100
#define PAGE_MAX 1000

typedef json_t *look_fn(void *owner, const struct admin_look *look, struct admin_refusal *no);

void admin_refuse_away(struct call *c, const struct admin_refusal *no)
{
    reply_problem(c, no->status,
                  no->status == 404   ? "not-found"
                  : no->status == 409 ? "exists"
                  : no->status == 422 ? "invalid"
                  : no->status == 429 ? "too-many"
                                      : "away",
                  "%s", no->why);
    if (no->status == 503 || no->status == 429)
        reply_header(c, "Retry-After", "5");
}

const struct admin_refusal admin_away = { 503, "the daemon does not answer this now: try again" };

const struct admin_ops *admin_ops_of(const struct call *c)
{
    static const struct admin_ops none;

    return c->admin->conf.ops ? c->admin->conf.ops : &none;
}

void admin_answer(struct call *c, json_t *v, const struct admin_refusal *no, const char *none)
{
    if (!v)
        admin_refuse_away(c, no);
    else if (!json_is_null(v))
        reply_json(c, 200, v);
    else
        reply_problem(c, 404, "not-found", "%s", none);
}

static void look_at(struct call *c, look_fn *fn)
{
    struct admin_refusal no = admin_away;
    struct admin_look look = { .user = target_query(&c->target, "user"),
                               .partner = target_query(&c->target, "partner"),
                               .state = target_query(&c->target, "state") };
    json_t *v;

    if (!call_number(c, "limit", PAGE, PAGE_MAX, &look.limit) || !call_number(c, "before", 0, INT64_MAX, &look.before))
        return;
    v = fn ? fn(c->admin->conf.owner, &look, &no) : NULL;
    if (v)
        reply_json(c, 200, v);
    else
        admin_refuse_away(c, &no);
}

void conversations_get(struct call *c)
{
    look_at(c, c->admin->conf.ops ? c->admin->conf.ops->conversations : NULL);
}

void queue_get(struct call *c)
{
    look_at(c, c->admin->conf.ops ? c->admin->conf.ops->queue : NULL);
}

void conversation_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);

    admin_answer(
        c, ops->conversation ? ops->conversation(c->admin->conf.owner, c->id) : NULL, &admin_away,
        "there is no such conversation, or it was so long ago that it was forgotten: its id is 16 hex digits, as "
        "in the log");
}
