/* What can be asked about the configuration: who may talk, and what combinations of methods mean. */
#include "admin/changing.h"
#include "admin/routes.h"
#include "store/policy.h"
#include "xmpp/methods.h"

static json_t *methods_json(struct xmpp_methods m)
{
    json_t *list = json_array();

    const struct {
        bool is_offered;
        const char *name;
    } all[] = { { m.sasl_over_tls, "sasl-over-tls" },
                { m.dialback_over_tls, "dialback-over-tls" },
                { m.dialback_over_tcp, "dialback-over-tcp" } };

    for (size_t i = 0; list && i < 3; i++) {
        if (!all[i].is_offered || json_array_append_new(list, json_string(all[i].name)) == 0)
            continue;
        json_decref(list);
        list = NULL;
    }
    return list;
}

static json_t *row_json(unsigned row, enum xmpp_need tls, enum xmpp_need sasl, bool dialback)
{
    static const char *const needs[] = { "required", "optional", "not-supported" };
    static const char *const verdicts[] = { "ok", "warning", "invalid" };
    const char *why;
    enum xmpp_matrix_verdict verdict = xmpp_matrix_judge(tls, sasl, dialback, &why);

    return json_pack("{s:i, s:s, s:s, s:b, s:o, s:s, s:s?}", "row", (int)row, "tls", needs[tls], "sasl", needs[sasl],
                     "dialback", dialback, "methods", methods_json(xmpp_methods_of(tls, sasl, dialback)), "verdict",
                     verdicts[verdict], "reason", why);
}

/* In the order of the page that has them (lync-gateway.md 2.2): by SASL, then TLS, dialback before none. */
void matrix_get(struct call *c)
{
    json_t *rows = json_array();
    bool ok = rows != NULL;

    for (unsigned i = 0; ok && i < 18; i++)
        ok = json_array_append_new(rows, row_json(i + 1, i / 2 % 3, i / 6, i % 2 == 0)) == 0;
    if (ok) {
        reply_json(c, 200, json_pack("{s:o}", "rows", rows));
        return;
    }
    json_decref(rows);
    reply_no_memory(c);
}

static json_t *text_json(struct slice s)
{
    return s.n ? json_stringn(s.p, s.n) : json_null();
}

static json_t *verdict_json(struct slice user, const struct policy_verdict *v)
{
    static const char *const levels[] = {
        [POLICY_LEVEL_GLOBAL] = "global", [POLICY_LEVEL_SITE] = "site", [POLICY_LEVEL_USER] = "user"
    };

    return json_pack("{s:o, s:b, s:b, s:b, s:o, s:o, s:s, s:b, s:b, s:s}", "user", text_json(user), "allowed",
                     v->allowed, "served", v->served, "org", v->org, "site", text_json(v->site), "policy",
                     text_json(v->policy), "level", levels[v->level], "federation", v->federation, "xmpp", v->xmpp,
                     "why", v->why);
}

/* What stands between her and the one of "with", if that is asked for. False: a problem is the reply. */
static bool take_gates(struct call *c, struct slice user, json_t **gates)
{
    const struct admin_ops *ops = admin_ops_of(c);
    struct slice with = target_query(&c->target, "with");
    struct admin_refusal no = admin_away;

    *gates = with.n && ops->gates ? ops->gates(c->admin->conf.owner, user, with, &no) : NULL;
    if (!*gates && with.n)
        admin_refuse_away(c, &no);
    return *gates || !with.n;
}

void effective_get(struct call *c)
{
    struct slice given = target_query(&c->target, "user"), user;
    struct policy_verdict verdict;
    struct config *config;
    struct err err = { "" };
    json_t *v, *gates;

    if (!given.n) {
        reply_problem(c, 400, "bad-request", "which user? ?user=alice@contoso.example");
        return;
    }
    if (setting_title(&sip_user_kind, &user, given, &c->arena, &err)) {
        change_refuse(c, "user", &err);
        return;
    }
    if (!take_gates(c, user, &gates))
        return;
    config = keeper_config(c->admin->conf.keeper);
    policy_effective(config, user, &verdict);
    v = verdict_json(user, &verdict);
    config_drop(config);
    if (v && gates && json_object_set(v, "with", gates)) {
        json_decref(v);
        v = NULL;
    }
    json_decref(gates);
    reply_json(c, 200, v);
}
