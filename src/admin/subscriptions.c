/* Subscriptions to presence, shown and refreshed. */
#include "admin/routes.h"

#define PAGE 100
#define PAGE_MAX 1000

static void answer(struct call *c, json_t *v, const struct admin_refusal *no)
{
    admin_answer(c, v, no, "these two have no subscription to each other's presence");
}

void subscriptions_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct admin_look look = { .user = target_query(&c->target, "user"),
                               .partner = target_query(&c->target, "partner") };

    if (call_number(c, "limit", PAGE, PAGE_MAX, &look.limit) && call_number(c, "after", 0, INT64_MAX, &look.before))
        answer(c, ops->subscriptions ? ops->subscriptions(c->admin->conf.owner, &look, &no) : NULL, &no);
}

void subscription_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct slice sip = target_query(&c->target, "sip"), xmpp = target_query(&c->target, "xmpp");
    struct admin_refusal no = admin_away;

    if (!sip.n || !xmpp.n)
        reply_problem(c, 422, "invalid", "whose? sip and xmpp name the two people");
    else
        answer(c, ops->subscription ? ops->subscription(c->admin->conf.owner, sip, xmpp, &no) : NULL, &no);
}

void subscription_refresh(struct call *c)
{
    static const char *const known[] = { "sip", "xmpp", NULL };
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct slice sip, xmpp;

    if (call_knows(c, known) && call_text(c, "sip", true, &sip) && call_text(c, "xmpp", true, &xmpp))
        answer(c, ops->subscription_refresh ? ops->subscription_refresh(c->admin->conf.owner, sip, xmpp, &no) : NULL,
               &no);
}
