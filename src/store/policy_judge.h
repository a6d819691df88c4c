/* What both ways to a policy verdict share: reading a pattern, and the verdict once the facts are found. */
#ifndef STOX_STORE_POLICY_JUDGE_H
#define STOX_STORE_POLICY_JUDGE_H

#include "store/policy.h"

/* What is known about a user. All is the configuration's. */
struct policy_facts {
    const struct org *org;
    const struct sip_user *user;               /* NULL: no record */
    struct slice site_name;                    /* "": none */
    const struct site *site;                   /* NULL: none, or it is not there */
    const struct policy *granted;              /* NULL: none, or it is not there */
    const struct policy *site_policy, *global; /* site_policy NULL: none */
};

void policy_judge(const struct policy_facts *facts, struct policy_verdict *out);

/* "site:NAME" of a site; NULL: there is none. */
const struct policy *policy_of_site(const struct config *c, struct slice site);

/* The policy with this name; NULL: there is none. */
const struct policy *policy_named(const struct config *c, struct slice name);

/* Cuts a pattern of a site in normal form. Returns whether it is a wildcard; then local is what is before the star. */
bool policy_pattern(struct slice pattern, struct slice *local, struct slice *domain);

#endif
