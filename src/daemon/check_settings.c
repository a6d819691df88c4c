/* The settings as a whole, and whether they let anybody through. */
#include <stdio.h>

#include "daemon/check_rows.h"
#include "store/policy.h"

#define WARNINGS_BYTES (1u << 20)

/* ---- settings ---- */

static void put_warnings(struct findings *out, struct slice text)
{
    struct slice line;
    bool more = text.n > 0;

    while (more) {
        more = slice_cut(text, '\n', &line, &text) && text.n > 0;
        if (line.n)
            findings_add(out, FINDING_WARNING, "setting", "", "%.*s", SLICE_FMT(line));
    }
}

/* What the one who made each object was told then; it may be long ago, and somebody else. */
static size_t judge_objects(struct check *c)
{
    struct config_warnings warnings = { .n = 0 };
    struct err err = { "" };
    size_t n = 0;

    buf_init(&warnings.text, WARNINGS_BYTES);
    for (size_t kind = 0; kind < MODEL_N_KINDS; kind++) {
        const struct config_list *list = &c->config->lists[kind];

        for (size_t i = 0; i < list->n; i++)
            if (config_judge(list->v[i], false, &warnings, &err))
                findings_add(c->out, FINDING_FAILED, "setting", "", "%s", err.text);
        n += list->n;
    }
    put_warnings(c->out, buf_slice(&warnings.text));
    c->out->left_out += !buf_ok(&warnings.text);
    buf_free(&warnings.text);
    return n;
}

static void judge_store(struct check *c)
{
    char away[300];
    const char *why = keeper_away(c->conf->keeper, away, sizeof(away));

    if (why)
        findings_add(c->out, FINDING_FAILED, "store-away", "", "settings cannot be changed now: %s", why);
}

static void judge_empty(struct check *c)
{
    static const struct {
        const struct setting_kind *kind;
        const char *text, *line;
    } needed[] = {
        { &route_kind, "there is no route: SIP users cannot be reached", "stoxctl route new NAME --next-hop HOST" },
        { &sip_domain_kind, "there is no SIP domain: there is nobody to serve",
          "stoxctl domain new DOMAIN --route NAME" },
        { &partner_kind, "there is no partner: nobody can be talked to", "stoxctl partner new DOMAIN" },
    };

    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
        if (config_list(c->config, needed[i].kind)->n == 0)
            findings_line(c->out, findings_add(c->out, FINDING_FAILED, "nothing-there", "", "%s", needed[i].text), "%s",
                          needed[i].line);
}

void check_settings(struct check *c)
{
    struct err err = { "" };
    size_t failed = c->out->n[FINDING_FAILED], n = judge_objects(c);

    if (config_check(c->config, &err))
        findings_add(c->out, FINDING_FAILED, "setting", "", "%s", err.text);
    judge_store(c);
    judge_empty(c);
    if (c->out->n[FINDING_FAILED] == failed)
        findings_add(c->out, FINDING_OK, "settings", "", "%zu objects fit together, and the store takes changes", n);
}

/* ---- policy ---- */

static bool is_granted(const struct config *config, struct slice policy)
{
    const struct config_list *users = config_list(config, &sip_user_kind);

    for (size_t i = 0; i < users->n; i++)
        if (slice_eq(CONFIG_OBJECT(sip_user, users, i)->policy, policy))
            return true;
    return false;
}

/* Does it decide for anybody, and lets him? */
static bool opens(const struct config *config, const struct policy *p)
{
    if (!p->federation || !p->xmpp)
        return false;
    return slice_is(p->name, POLICY_GLOBAL) || slice_starts(p->name, SLICE(POLICY_SITE)) || is_granted(config, p->name);
}

void check_policy(struct check *c)
{
    const struct config_list *policies = config_list(c->config, &policy_kind);
    struct finding *it;
    size_t n = 0;

    if (!config_org(c->config)->federation) {
        it = findings_add(c->out, FINDING_FAILED, "org-closed", "",
                          "the organisation does not federate: nobody may talk to partners");
        findings_line(c->out, it, "stoxctl org set --federation yes");
        return;
    }
    for (size_t i = 0; i < policies->n; i++)
        n += opens(c->config, CONFIG_OBJECT(policy, policies, i));
    if (n == 0) {
        it = findings_add(c->out, FINDING_FAILED, "nobody-allowed", "",
                          "no policy that is in force lets anybody talk to partners");
        findings_remedy(c->out, it, "Allow it for all, or for a site, or grant a policy of its own to users.");
        findings_line(c->out, it, "stoxctl policy set global --federation yes --xmpp yes");
        return;
    }
    findings_add(c->out, FINDING_OK, "policy", "", "%zu polic%s let%s people talk to partners", n, n == 1 ? "y" : "ies",
                 n == 1 ? "s" : "");
}
