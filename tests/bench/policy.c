/*
 * What it costs to decide whether a user may talk to XMPP partners, with many users who have a policy of their own and many
 * partners. Users are asked in random order, so that no decision finds the memory of the one before. Prints JSON.
 *
 *   policy GRANTS PARTNERS DECISIONS
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "store/policy.h"

#define ADDRESS 64

static double now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void die(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static struct record *make(const struct setting_kind *kind, const char *name, const char *setting, const char *value)
{
    struct slice text = slice_str(value);
    struct edit edit = { setting ? setting_find(kind, slice_str(setting)) : NULL, EDIT_SET, &text, 1 };
    struct err err;
    struct record *r = record_make(kind, slice_str(name), NULL, &edit, setting ? 1 : 0, NULL, &err);

    if (!r)
        die(err.text);
    return r;
}

/* User i of 2 * grants: the even ones have a record. Local parts of a usual length. */
static void address(char out[ADDRESS], unsigned i)
{
    snprintf(out, ADDRESS, "firstname.lastname%u@contoso.example", i);
}

static struct config *configuration(unsigned grants, unsigned partners)
{
    struct config_step *steps = calloc(grants + partners + 5, sizeof(*steps));
    struct config *empty = config_new(), *c;
    size_t n = 0;
    char name[ADDRESS];

    if (!steps || !empty)
        die("out of memory");
    steps[n++].after = make(&org_kind, "", "federation", "on");
    steps[n++].after = make(&policy_kind, "partners", "federation", "yes");
    steps[n++].after = make(&policy_kind, "site:office", "federation", "yes");
    steps[n++].after = make(&site_kind, "office", "users", "*@contoso.example");
    steps[n++].after = make(&site_kind, "branch", "users", "firstname.lastname9*@contoso.example");
    for (unsigned i = 0; i < partners; i++) {
        snprintf(name, sizeof(name), "partner%u.example", i);
        steps[n++].after = make(&partner_kind, name, NULL, NULL);
    }
    for (unsigned i = 0; i < grants; i++) {
        address(name, 2 * i);
        steps[n++].after = make(&sip_user_kind, name, "policy", "partners");
    }
    for (size_t i = 0; i < n; i++) {
        steps[i].kind = steps[i].after->kind;
        steps[i].name = steps[i].after->name;
    }
    c = config_next(empty, steps, n, 1);
    if (!c)
        die("out of memory");
    for (size_t i = 0; i < n; i++)
        record_drop(steps[i].after);
    free(steps);
    config_drop(empty);
    return c;
}

static unsigned next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*seed >> 33);
}

/* Nanoseconds of one decision. *granted: how many had a policy of their own, so that nothing is optimised away. */
static double decide(const struct policy_index *ix, unsigned users, unsigned decisions, unsigned *granted)
{
    char(*text)[ADDRESS] = calloc(decisions, ADDRESS);
    struct slice *asked = calloc(decisions, sizeof(*asked));
    uint64_t seed = 1;
    double from;

    if (!text || !asked)
        die("out of memory");
    for (unsigned i = 0; i < decisions; i++) {
        address(text[i], next_random(&seed) % users);
        asked[i] = slice_str(text[i]);
    }
    from = now_ns();
    for (unsigned i = 0; i < decisions; i++) {
        struct policy_verdict v;

        policy_index_decide(ix, asked[i], &v);
        *granted += v.level == POLICY_LEVEL_USER;
    }
    from = (now_ns() - from) / decisions;
    free(text);
    free(asked);
    return from;
}

/* Microseconds to answer one question without an index. */
static double plain_us(const struct config *c, unsigned users)
{
    uint64_t seed = 2;
    double from = now_ns();

    for (unsigned i = 0; i < 10000; i++) {
        struct policy_verdict v;
        char name[ADDRESS];

        address(name, next_random(&seed) % users);
        policy_effective(c, slice_str(name), &v);
    }
    return (now_ns() - from) / 10000 / 1e3;
}

int main(int argc, char **argv)
{
    unsigned grants, partners, decisions, granted = 0;
    struct policy_index *ix;
    struct config *c;
    struct err err;
    double index_ms, check_ms;

    if (argc != 4)
        die("policy GRANTS PARTNERS DECISIONS");
    grants = (unsigned)strtoul(argv[1], NULL, 10);
    partners = (unsigned)strtoul(argv[2], NULL, 10);
    decisions = (unsigned)strtoul(argv[3], NULL, 10);
    c = configuration(grants, partners);
    check_ms = now_ns();
    if (config_check(c, &err))
        die(err.text);
    check_ms = (now_ns() - check_ms) / 1e6;
    index_ms = now_ns();
    ix = policy_index_new(c);
    if (!ix)
        die("out of memory");
    index_ms = (now_ns() - index_ms) / 1e6;
    printf("{\"decision_ns\": %.0f", decide(ix, 2 * grants, decisions, &granted));
    printf(", \"granted\": %u, \"plain_us\": %.2f, \"index_ms\": %.1f, \"check_ms\": %.1f}\n", granted,
           plain_us(c, 2 * grants), index_ms, check_ms);
    policy_index_free(ix);
    config_drop(c);
    return 0;
}
