/* Who may talk to XMPP partners: the gates in their order, and that the fast way says what the plain one says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "make.h"
#include "store/policy.h"

static const char plant[] = "org { federation = on }\n"
                            "policy global { federation = no xmpp = no }\n"
                            "policy \"site:berlin\" { federation = yes xmpp = yes }\n"
                            "policy partners { federation = yes xmpp = yes }\n"
                            "policy half { federation = no xmpp = yes }\n"
                            "policy plain { federation = yes }\n"
                            "site berlin { users = {\"*@contoso.example\"} }\n"
                            "site labs { users = {\"lab-*@contoso.example\", \"erin@contoso.example\"} }\n"
                            "site labs-west { users = {\"lab-w*@contoso.example\"} }\n"
                            "site branch { users = {\"sba-*@contoso.example\"} served = no }\n"
                            "sip-user \"granted@other.example\" { policy = partners }\n"
                            "sip-user \"half@contoso.example\" { policy = half }\n"
                            "sip-user \"plain@contoso.example\" { policy = plain }\n"
                            "sip-user \"mute@contoso.example\" { served = no policy = partners }\n"
                            "sip-user \"moved@other.example\" { site = berlin }\n"
                            "sip-user \"lab-moved@contoso.example\" { site = branch policy = partners }\n"
                            "sip-user \"sba-out@contoso.example\" { site = berlin }\n";

static const struct {
    const char *user;
    bool allowed, served;
    enum policy_level level;
    const char *policy, *site, *why;
} cases[] = {
    { "alice@contoso.example", true, true, POLICY_LEVEL_SITE, "site:berlin", "berlin", "allows XMPP" },
    { "alice@other.example", false, true, POLICY_LEVEL_GLOBAL, "global", "", "does not allow federation" },
    { "granted@other.example", true, true, POLICY_LEVEL_USER, "partners", "", "allows XMPP" },
    { "half@contoso.example", false, true, POLICY_LEVEL_USER, "half", "berlin", "no federation" },
    { "plain@contoso.example", false, true, POLICY_LEVEL_USER, "plain", "berlin", "does not allow XMPP" },
    { "mute@contoso.example", false, false, POLICY_LEVEL_USER, "partners", "berlin", "the user is not served" },
    { "moved@other.example", true, true, POLICY_LEVEL_SITE, "site:berlin", "berlin", "allows XMPP" },
    { "sba-1@contoso.example", false, false, POLICY_LEVEL_GLOBAL, "global", "branch", "the site is not served" },
    { "lab-moved@contoso.example", false, false, POLICY_LEVEL_USER, "partners", "branch", "the site is not served" },
    { "sba-out@contoso.example", true, true, POLICY_LEVEL_SITE, "site:berlin", "berlin", "allows XMPP" },
    { "lab-1@contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "labs", "federation" },
    { "lab-@contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "labs", "federation" },
    { "lab-w@contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "labs-west", "federation" },
    { "lab-west@contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "labs-west", "federation" },
    { "lab@contoso.example", true, true, POLICY_LEVEL_SITE, "site:berlin", "berlin", "allows XMPP" },
    { "lab-x@contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "labs", "federation" },
    { "erin@contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "labs", "federation" },
    { "erin2@contoso.example", true, true, POLICY_LEVEL_SITE, "site:berlin", "berlin", "allows XMPP" },
    { "lab-1@sub.contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "", "federation" },
    { "contoso.example", false, true, POLICY_LEVEL_GLOBAL, "global", "", "federation" },
    { "", false, true, POLICY_LEVEL_GLOBAL, "global", "", "federation" },
};

static void compare(const struct policy_verdict *a, const struct policy_verdict *b, const char *user)
{
    if (a->allowed != b->allowed || a->served != b->served || a->org != b->org || a->federation != b->federation ||
        a->xmpp != b->xmpp || a->level != b->level || !slice_eq(a->policy, b->policy) || !slice_eq(a->site, b->site) ||
        strcmp(a->why, b->why) != 0)
        fail_msg("%s: plain %d %.*s %.*s (%s), fast %d %.*s %.*s (%s)", user, a->allowed, SLICE_FMT(a->policy),
                 SLICE_FMT(a->site), a->why, b->allowed, SLICE_FMT(b->policy), SLICE_FMT(b->site), b->why);
}

static void the_closest_policy_decides_as_a_whole(void **state)
{
    struct config *c = make_config(plant);
    struct policy_index *ix = policy_index_new(c);

    assert_non_null(ix);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_verdict v, fast;

        policy_effective(c, slice_str(cases[i].user), &v);
        policy_index_decide(ix, slice_str(cases[i].user), &fast);
        compare(&v, &fast, cases[i].user);
        if (v.allowed != cases[i].allowed || v.served != cases[i].served || v.level != cases[i].level ||
            !slice_is(v.policy, cases[i].policy) || !slice_is(v.site, cases[i].site) || !strstr(v.why, cases[i].why))
            fail_msg("%s: %d %d level %d policy %.*s site %.*s: %s", cases[i].user, v.allowed, v.served, v.level,
                     SLICE_FMT(v.policy), SLICE_FMT(v.site), v.why);
        assert_true(v.org);
    }
    policy_index_free(ix);
    config_drop(c);
}

static void the_organisation_comes_before_all(void **state)
{
    struct config *c = make_config(plant);
    struct record *off = make_record(&org_kind, "", "federation=no");

    c = make_next(c, &off, 1);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_verdict v;

        policy_effective(c, slice_str(cases[i].user), &v);
        assert_false(v.allowed);
        assert_false(v.org);
        assert_non_null(strstr(v.why, "stoxctl org set --federation on"));
        assert_int_equal(v.level, cases[i].level);
    }
    config_drop(c);
}

static void nobody_may_at_the_first_start(void **state)
{
    struct config *c = config_new();
    struct policy_verdict v;

    policy_effective(c, SLICE("alice@contoso.example"), &v);
    assert_false(v.allowed);
    assert_false(v.federation);
    assert_false(v.xmpp);
    assert_true(v.served);
    config_drop(c);
}

/* A store that lost objects: config_check would say so, but messages are judged meanwhile. */
static void what_is_not_there_opens_nothing(void **state)
{
    struct record *v[] = { make_record(&org_kind, "", "federation=yes"),
                           make_record(&policy_kind, "global", "federation=yes;xmpp=yes"),
                           make_record(&sip_user_kind, "a@c.example", "policy=lost"),
                           make_record(&sip_user_kind, "b@c.example", "site=lost") };
    struct config *c = make_next(config_new(), v, 4);
    struct policy_index *ix = policy_index_new(c);
    struct policy_verdict plain, fast;

    for (size_t i = 0; i < 3; i++) {
        const char *user = (const char *[]){ "a@c.example", "b@c.example", "c@c.example" }[i];

        policy_effective(c, slice_str(user), &plain);
        policy_index_decide(ix, slice_str(user), &fast);
        compare(&plain, &fast, user);
        assert_int_equal(plain.allowed, i == 2);
        assert_true(i == 2 || strstr(plain.why, "not there"));
    }
    policy_index_free(ix);
    config_drop(c);
}

/* ---- both ways say the same ---- */

#define ONE_OF(list, seed) (list)[make_random(seed) % (sizeof(list) / sizeof((list)[0]))]

/* Few letters and few domains, so that prefixes nest and patterns meet users. */
static void random_local(char *out, size_t max, uint64_t *seed)
{
    size_t n = make_random(seed) % (max + 1);

    for (size_t i = 0; i < n; i++)
        out[i] = "ab-"[make_random(seed) % 3];
    out[n] = '\0';
}

static const char *const domains[] = { "c.example", "d.example", "cc.example", "c.example.org" };

static void random_address(char out[64], const char *star, uint64_t *seed)
{
    char local[8];

    random_local(local, 5, seed);
    if (!local[0] && !star[0])
        local[0] = 'a', local[1] = '\0';
    snprintf(out, 64, "%s%s@%s", local, star, ONE_OF(domains, seed));
}

static struct record *random_site(unsigned i, uint64_t *seed)
{
    char name[16], values[2000];
    int n = snprintf(values, sizeof(values), "served=%s", make_random(seed) % 4 ? "yes" : "no");
    size_t patterns = make_random(seed) % 12;

    for (size_t k = 0; k < patterns; k++) {
        char one[64];

        random_address(one, make_random(seed) % 3 ? "*" : "", seed);
        n += snprintf(values + n, sizeof(values) - (size_t)n, "%s%s", k ? "," : ";users=", one);
    }
    snprintf(name, sizeof(name), "s%u", i);
    return make_record(&site_kind, name, values);
}

static struct record *random_policy(const char *name, uint64_t *seed)
{
    static const char *const values[] = { "federation=yes;xmpp=yes", "federation=yes", "xmpp=yes", "" };

    return make_record(&policy_kind, name, ONE_OF(values, seed));
}

static struct record *random_user(const struct config *so_far, uint64_t *seed)
{
    static const char *const values[] = { "policy=p",         "policy=q",           "policy=lost", "site=s0",
                                          "site=s3",          "site=lost",          "served=no",   "served=no;site=s1",
                                          "policy=p;site=s2", "policy=q;served=no", "served=yes" };
    char name[64];

    do
        random_address(name, "", seed);
    while (config_find(so_far, &sip_user_kind, slice_str(name)));
    return make_record(&sip_user_kind, name, ONE_OF(values, seed));
}

static struct config *random_config(uint64_t *seed)
{
    struct record *v[16];
    struct config *c = config_new();
    size_t n = 0;

    v[n++] = make_record(&org_kind, "", make_random(seed) % 8 ? "federation=yes" : "federation=no");
    v[n++] = random_policy("global", seed);
    v[n++] = random_policy("p", seed);
    v[n++] = random_policy("q", seed);
    for (unsigned i = 0; i < 5; i++) {
        char name[16];

        snprintf(name, sizeof(name), "site:s%u", i);
        if (make_random(seed) % 2)
            v[n++] = random_policy(name, seed);
        if (make_random(seed) % 4)
            v[n++] = random_site(i, seed);
    }
    c = make_next(c, v, n);
    for (size_t i = make_random(seed) % 20; i > 0; i--) {
        v[0] = random_user(c, seed);
        c = make_next(c, v, 1);
    }
    return c;
}

static void both_ways_agree_on_random_users(void **state)
{
    uint64_t seed = 20;
    size_t allowed = 0;

    for (unsigned round = 0; round < 500; round++) {
        struct config *c = random_config(&seed);
        struct policy_index *ix = policy_index_new(c);

        assert_non_null(ix);
        for (unsigned i = 0; i < 200; i++) {
            struct policy_verdict plain, fast;
            char user[64];

            random_address(user, "", &seed);
            policy_effective(c, slice_str(user), &plain);
            policy_index_decide(ix, slice_str(user), &fast);
            compare(&plain, &fast, user);
            allowed += plain.allowed;
        }
        policy_index_free(ix);
        config_drop(c);
    }
    assert_in_range(allowed, 10000, 90000); /* the generator makes both */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_closest_policy_decides_as_a_whole), cmocka_unit_test(the_organisation_comes_before_all),
        cmocka_unit_test(nobody_may_at_the_first_start),         cmocka_unit_test(what_is_not_there_opens_nothing),
        cmocka_unit_test(both_ways_agree_on_random_users),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
