/* What the daemon says about itself, its streams and its partners. */
#include <inttypes.h>

#include "admin/changing.h"
#include "admin/routes.h"

#define METRICS_MAX (4u << 20)

static void reply_away(struct call *c)
{
    reply_problem(c, 503, "away", "the daemon does not answer this now: try again");
    reply_header(c, "Retry-After", "5");
}

static const struct admin_ops *ops_of(const struct call *c)
{
    static const struct admin_ops none = { NULL };

    return c->admin->conf.ops ? c->admin->conf.ops : &none;
}

void status_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    json_t *v = ops->status ? ops->status(c->admin->conf.owner) : NULL;

    if (v)
        reply_json(c, 200, v);
    else
        reply_away(c);
}

void history_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    uint64_t minutes;
    json_t *v;

    if (!call_number(c, "minutes", 60, 1440, &minutes))
        return;
    v = ops->history ? ops->history(c->admin->conf.owner, minutes) : NULL;
    if (v)
        reply_json(c, 200, v);
    else
        reply_away(c);
}

void metrics_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    struct buf out;

    buf_init(&out, METRICS_MAX);
    if (ops->metrics && ops->metrics(c->admin->conf.owner, &out) && buf_ok(&out))
        reply_text(c, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8", &out);
    else
        reply_away(c);
    buf_free(&out);
}

void streams_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    json_t *v = ops->streams ? ops->streams(c->admin->conf.owner) : NULL;

    if (v)
        reply_json(c, 200, json_pack("{s:o}", "items", v));
    else
        reply_away(c);
}

void stream_remove(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    uint64_t id;

    if (!ops->stream_close) {
        reply_away(c);
    } else if (!slice_u64(c->id, UINT64_MAX, &id) || !ops->stream_close(c->admin->conf.owner, id)) {
        reply_problem(c, 404, "not-found", "there is no such stream; it may have ended");
    } else {
        log_info(c->admin->conf.log, "admin-change", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
                 LOG_Z("kind", "stream"), LOG_S("name", c->id), LOG_Z("action", "close"));
        reply_json(c, 200, json_pack("{s:b}", "changed", 1));
    }
}

/* null is for what is not there. */
static void reply_found(struct call *c, json_t *v, const char *missing)
{
    if (!v)
        reply_away(c);
    else if (!json_is_null(v))
        reply_json(c, 200, v);
    else
        reply_problem(c, 404, "not-found", "%s", missing);
}

void stream_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    uint64_t id;
    json_t *v = NULL;

    if (ops->stream)
        v = slice_u64(c->id, UINT64_MAX, &id) ? ops->stream(c->admin->conf.owner, id) : json_null();
    reply_found(c, v, "there is no such stream; it may have ended");
}

#define NO_PARTNER "this domain belongs to no partner"

void partner_status(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);

    reply_found(c, ops->partner_status ? ops->partner_status(c->admin->conf.owner, c->name) : NULL, NO_PARTNER);
}

/* A test has begun, or not: *no says why. */
static void reply_begun(struct call *c, const char *kind, json_t *v, const struct admin_refusal *no)
{
    if (!v) {
        reply_problem(c, no->status,
                      no->status == 404   ? "not-found"
                      : no->status == 422 ? "invalid"
                                          : "away",
                      "%s", no->why);
        if (no->status == 503)
            reply_header(c, "Retry-After", "5");
        return;
    }
    log_info(c->admin->conf.log, "admin-change", LOG_Z("who", c->who.text), LOG_Z("from", c->from), LOG_Z("kind", kind),
             LOG_S("name", c->name), LOG_Z("action", "test"));
    reply_json(c, 202, v);
}

static const struct admin_refusal test_away = { 503, "the daemon does not answer this now: try again" };

void partner_test(struct call *c)
{
    static const char *const known[] = { "from", NULL };
    const struct admin_ops *ops = ops_of(c);
    struct admin_refusal no = test_away;
    struct slice from = { 0 };

    if (!call_knows(c, known) || !call_text(c, "from", false, &from))
        return;
    reply_begun(c, "partner", ops->test_start ? ops->test_start(c->admin->conf.owner, c->name, from, &no) : NULL, &no);
}

void partner_test_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    uint64_t id;
    json_t *v = NULL;

    if (ops->test)
        v = slice_u64(c->id, UINT64_MAX, &id) ? ops->test(c->admin->conf.owner, c->name, id) : json_null();
    reply_found(c, v, "there is no such test of this partner; results are forgotten after ten minutes");
}

void route_status(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);

    reply_found(c, ops->route_status ? ops->route_status(c->admin->conf.owner, c->name) : NULL,
                "there is no such route");
}

void route_test(struct call *c)
{
    static const char *const known[] = { NULL };
    const struct admin_ops *ops = ops_of(c);
    struct admin_refusal no = test_away;
    json_t *v;

    if (!call_knows(c, known))
        return;
    v = ops->route_test_start ? ops->route_test_start(c->admin->conf.owner, c->name, &no) : NULL;
    reply_begun(c, "route", v, &no);
}

void route_test_get(struct call *c)
{
    const struct admin_ops *ops = ops_of(c);
    uint64_t id;
    json_t *v = NULL;

    if (ops->route_test)
        v = slice_u64(c->id, UINT64_MAX, &id) ? ops->route_test(c->admin->conf.owner, c->name, id) : json_null();
    reply_found(c, v, "there is no such test of this route; results are forgotten after ten minutes");
}
