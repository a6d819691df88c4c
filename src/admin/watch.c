/* What the daemon says about itself. */
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
    } else if (!slice_u64(c->name, UINT64_MAX, &id) || !ops->stream_close(c->admin->conf.owner, id)) {
        reply_problem(c, 404, "not-found", "there is no such stream; it may have ended");
    } else {
        log_info(c->admin->conf.log, "admin-change", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
                 LOG_Z("kind", "stream"), LOG_S("name", c->name), LOG_Z("action", "close"));
        reply_json(c, 200, json_pack("{s:b}", "changed", 1));
    }
}
