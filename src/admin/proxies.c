/* Proxies as links: how they are, tests, and what a proxy has to know of this gateway. */
#include "admin/routes.h"

#define NO_PROXY "there is no such proxy"

void link_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);

    admin_answer(c, ops->link ? ops->link(c->admin->conf.owner) : NULL, &admin_away, "");
}

void proxy_status(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);

    admin_answer(c, ops->proxy_status ? ops->proxy_status(c->admin->conf.owner, c->name) : NULL, &admin_away, NO_PROXY);
}

void proxy_test(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    static const char *const known[] = { NULL };
    struct admin_refusal no = admin_away;
    json_t *v;

    if (!call_knows(c, known))
        return;
    v = ops->proxy_test_start ? ops->proxy_test_start(c->admin->conf.owner, c->name, &no) : NULL;
    if (!v) {
        admin_refuse_away(c, &no);
        return;
    }
    log_info(c->admin->conf.log, "admin-look", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
             LOG_Z("action", "test-proxy"), LOG_S("name", c->name));
    reply_json(c, 202, v);
}

void proxy_test_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    uint64_t id;
    json_t *v = NULL;

    if (ops->proxy_test)
        v = slice_u64(c->id, INT64_MAX, &id) ? ops->proxy_test(c->admin->conf.owner, c->name, id) : json_null();
    admin_answer(c, v, &admin_away, "there is no such test of this proxy; results are forgotten after ten minutes");
}
