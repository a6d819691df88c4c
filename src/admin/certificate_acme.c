/* Certificates that are asked for by ACME: the daemon does it. */
#include "admin/certificates.h"
#include "admin/routes.h"

/* Is there one of the path's name? A problem is the reply, if not. */
static bool is_there(struct call *c)
{
    struct config *config = keeper_config(c->admin->conf.keeper);
    bool there = certificate_named(c, config) != NULL;

    config_drop(config);
    return there;
}

void certificate_acme(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    json_t *v;

    if (!certificate_vault(c) || !is_there(c))
        return;
    v = ops->acme_start ? ops->acme_start(c->admin->conf.owner, c->name, &no) : NULL;
    if (!v) {
        admin_refuse_away(c, &no);
        return;
    }
    log_info(c->admin->conf.log, "admin-look", LOG_Z("who", c->who.text), LOG_Z("from", c->from),
             LOG_Z("action", "acme"), LOG_S("name", c->name));
    reply_json(c, 202, v);
}

void certificate_acme_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);

    if (is_there(c))
        admin_answer(c, ops->acme ? ops->acme(c->admin->conf.owner, c->name) : NULL, &admin_away,
                     "it was not asked for by ACME since the start");
}
