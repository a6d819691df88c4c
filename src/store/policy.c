#include "store/policy_judge.h"

const struct policy *policy_named(const struct config *c, struct slice name)
{
    const struct record *r = config_find(c, &policy_kind, name);

    return r ? r->object : NULL;
}

const struct policy *policy_of_site(const struct config *c, struct slice site)
{
    char name[sizeof(POLICY_SITE) + SETTING_NAME_MAX];
    const size_t prefix = sizeof(POLICY_SITE) - 1;

    if (site.n == 0 || site.n > SETTING_NAME_MAX)
        return NULL;
    memcpy(name, POLICY_SITE, prefix);
    memcpy(name + prefix, site.p, site.n);
    return policy_named(c, slice_of(name, prefix + site.n));
}

bool policy_pattern(struct slice pattern, struct slice *local, struct slice *domain)
{
    slice_cut(pattern, '@', local, domain);
    if (!slice_ends(*local, SLICE("*")))
        return false;
    local->n--;
    return true;
}

/* Chooses the policy; NULL: the granted one is not there. */
static const struct policy *deciding(const struct policy_facts *f, struct policy_verdict *out)
{
    if (f->user && f->user->policy.n) {
        out->level = POLICY_LEVEL_USER;
        out->policy = f->user->policy;
        return f->granted;
    }
    out->level = f->site_policy ? POLICY_LEVEL_SITE : POLICY_LEVEL_GLOBAL;
    out->policy = f->site_policy ? f->site_policy->name : f->global->name;
    return f->site_policy ? f->site_policy : f->global;
}

static const char *first_closed(const struct policy_facts *f, const struct policy *policy)
{
    if (!f->org->federation)
        return "federation is turned off for the organisation (stoxctl org set --federation on)";
    if (f->user && !f->user->served)
        return "the user is not served";
    if (f->site_name.n && !f->site)
        return "the user's own record names a site that is not there";
    if (f->site && !f->site->served)
        return "the site is not served";
    if (!policy)
        return "the policy that was granted to the user is not there";
    if (!policy->federation)
        return policy->xmpp ? "the policy allows XMPP partners, but no federation, which they need"
                            : "the policy does not allow federation";
    return policy->xmpp ? NULL : "the policy does not allow XMPP partners";
}

void policy_judge(const struct policy_facts *f, struct policy_verdict *out)
{
    const struct policy *policy = deciding(f, out);

    out->org = f->org->federation;
    out->served = (!f->user || f->user->served) && (f->site_name.n == 0 || (f->site && f->site->served));
    out->site = f->site_name;
    out->federation = policy && policy->federation;
    out->xmpp = policy && policy->xmpp;
    out->why = first_closed(f, policy);
    out->allowed = !out->why;
    if (out->allowed)
        out->why = "the policy allows XMPP partners";
}

/* How well a pattern fits: 0 not at all, then by the length of its prefix, the exact address best. */
static size_t fit(struct slice pattern, struct slice user)
{
    struct slice local, domain, user_local, user_domain;

    if (!policy_pattern(pattern, &local, &domain))
        return slice_eq(pattern, user) ? SIZE_MAX : 0;
    slice_cut(user, '@', &user_local, &user_domain);
    return slice_eq(domain, user_domain) && slice_starts(user_local, local) ? local.n + 1 : 0;
}

static const struct site *site_by_pattern(const struct config *c, struct slice user)
{
    const struct config_list *sites = config_list(c, &site_kind);
    const struct site *best = NULL;
    size_t best_fit = 0;

    for (size_t i = 0; i < sites->n; i++) {
        const struct site *site = CONFIG_OBJECT(site, sites, i);
        const struct slice *patterns = site->users.v;

        for (size_t k = 0; k < site->users.n; k++) {
            size_t f = fit(patterns[k], user);

            if (f > best_fit) {
                best_fit = f;
                best = site;
            }
        }
    }
    return best;
}

void policy_effective(const struct config *c, struct slice user, struct policy_verdict *out)
{
    const struct record *own = config_find(c, &sip_user_kind, user), *site;
    struct policy_facts f = { .org = config_org(c), .global = policy_named(c, SLICE(POLICY_GLOBAL)) };

    f.user = own ? own->object : NULL;
    if (f.user && f.user->site.n) {
        site = config_find(c, &site_kind, f.user->site);
        f.site = site ? site->object : NULL;
        f.site_name = f.user->site;
    } else {
        f.site = site_by_pattern(c, user);
        f.site_name = f.site ? f.site->name : SLICE("");
    }
    f.granted = f.user && f.user->policy.n ? policy_named(c, f.user->policy) : NULL;
    f.site_policy = f.site ? policy_of_site(c, f.site->name) : NULL;
    policy_judge(&f, out);
}
