/* The daemon as a service: whether it takes work, and what it is told to do. */
#include "admin/routes.h"

void service_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);

    admin_answer(c, ops->service ? ops->service(c->admin->conf.owner) : NULL, &admin_away, "");
}

static const char *const actions[] = { [ADMIN_SERVICE_DRAIN] = "drain",
                                       [ADMIN_SERVICE_RESUME] = "resume",
                                       [ADMIN_SERVICE_STOP] = "stop",
                                       [ADMIN_SERVICE_HAND_OVER] = "hand-over" };
#define N_ACTIONS (sizeof(actions) / sizeof(actions[0]))

void service_post(struct call *c)
{
    static const char *const known[] = { "action", NULL };
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct slice name;
    size_t i = 0;
    json_t *v;

    if (!call_knows(c, known) || !call_text(c, "action", true, &name))
        return;
    while (i < N_ACTIONS && !slice_is(name, actions[i]))
        i++;
    if (i == N_ACTIONS) {
        reply_problem(c, 422, "invalid", "action is drain, resume, stop or hand-over");
        return;
    }
    if (!ops->service_do || !ops->service_do(c->admin->conf.owner, (enum admin_service_action)i, &no)) {
        admin_refuse_away(c, &no);
        return;
    }
    log_info(c->admin->conf.log, "admin-change", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
             LOG_Z("kind", "service"), LOG_Z("action", actions[i]));
    v = ops->service(c->admin->conf.owner);
    if (v)
        reply_json(c, 202, v);
    else
        admin_refuse_away(c, &admin_away);
}
