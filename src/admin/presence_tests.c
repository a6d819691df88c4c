/* Tests of presence between two people. Who asks in their names is in the audit. */
#include "admin/routes.h"

/* Which way? Both, unless it is said. False: a problem is the reply. */
static bool take_way(struct call *c, bool *to_xmpp, bool *to_sip)
{
    struct slice way;

    if (!call_text(c, "way", false, &way))
        return false;
    *to_xmpp = !way.n || slice_is(way, "both") || slice_is(way, "sip-to-xmpp");
    *to_sip = !way.n || slice_is(way, "both") || slice_is(way, "xmpp-to-sip");
    if (*to_xmpp || *to_sip)
        return true;
    reply_problem(c, 422, "invalid", "way is both, sip-to-xmpp or xmpp-to-sip");
    return false;
}

void presence_tests_new(struct call *c)
{
    static const char *const known[] = { "sip", "xmpp", "way", NULL };
    const struct admin_ops *ops = admin_ops_of(c);
    struct admin_refusal no = admin_away;
    struct slice sip, xmpp;
    bool to_xmpp, to_sip;
    json_t *v;

    if (!call_knows(c, known) || !call_text(c, "sip", true, &sip) || !call_text(c, "xmpp", true, &xmpp) ||
        !take_way(c, &to_xmpp, &to_sip))
        return;
    if (!ops->presence_test_start) {
        admin_refuse_away(c, &admin_away);
        return;
    }
    if (!admin_note(c, "test", sip, json_incref(c->json)))
        return;
    v = ops->presence_test_start(c->admin->conf.owner, sip, xmpp, to_xmpp, to_sip, &no);
    if (v)
        reply_json(c, 202, v);
    else
        admin_refuse_away(c, &no);
}

void presence_test_get(struct call *c)
{
    const struct admin_ops *ops = admin_ops_of(c);
    uint64_t id;
    json_t *v = NULL;

    if (ops->presence_test)
        v = slice_u64(c->id, UINT64_MAX, &id) ? ops->presence_test(c->admin->conf.owner, id) : json_null();
    admin_answer(c, v, &admin_away, "there is no such test; results are forgotten after ten minutes");
}
