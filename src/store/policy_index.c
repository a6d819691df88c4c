/*
 * The fast way to a policy verdict. Users with records and exact patterns are found by hash. Wildcards of one domain are in
 * byte order of their prefixes, each knowing the longest other prefix of itself: the last one not above the local part, or one
 * of those it leads to, is the longest that fits.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"
#include "store/policy_judge.h"

#define NONE SIZE_MAX

struct place {
    const struct site *site;
    const struct policy *policy; /* "site:NAME", or NULL */
};

/* Something about one address. */
struct entry {
    struct hash_node node;
    struct slice address;
    const struct sip_user *user;  /* users: the record; patterns: NULL */
    const struct policy *granted; /* users */
    const struct place *place;    /* users: NULL when the record names none, or one that is not there */
};

struct wildcard {
    struct slice domain, prefix;
    const struct place *place;
    size_t shorter; /* index of the longest other prefix of this prefix in this domain, or NONE */
};

/* The wildcards of one domain. */
struct group {
    struct hash_node node;
    struct slice domain;
    size_t from, end;
};

struct policy_index {
    const struct org *org; /* all records are borrowed from the configuration */
    const struct policy *global;
    struct place *places; /* in the order of the sites */
    struct entry *users, *exact;
    struct wildcard *wildcards;
    struct group *groups;
    size_t n_exact, n_wildcards, n_groups;
    struct hash user_by_address, exact_by_address, group_by_domain;
};

/* ---- looking up ---- */

static bool entry_is(const struct hash_node *node, const void *key)
{
    return slice_eq(container_of(node, const struct entry, node)->address, *(const struct slice *)key);
}

static bool group_is(const struct hash_node *node, const void *key)
{
    return slice_eq(container_of(node, const struct group, node)->domain, *(const struct slice *)key);
}

static struct entry *find_entry(const struct hash *h, struct slice address)
{
    struct hash_node *node = hash_find(h, hash_bytes(h, address), entry_is, &address);

    return node ? container_of(node, struct entry, node) : NULL;
}

static struct group *find_group(const struct hash *h, struct slice domain)
{
    struct hash_node *node = hash_find(h, hash_bytes(h, domain), group_is, &domain);

    return node ? container_of(node, struct group, node) : NULL;
}

static size_t common(struct slice a, struct slice b)
{
    size_t n = 0;

    while (n < a.n && n < b.n && a.p[n] == b.p[n])
        n++;
    return n;
}

/* Whatever is a prefix of local is one of the last prefix not above it, too: nothing in between in byte order can differ. */
static const struct place *place_by_wildcard(const struct policy_index *ix, struct slice local, struct slice domain)
{
    const struct group *g = find_group(&ix->group_by_domain, domain);
    size_t low, high, same;

    if (!g)
        return NULL;
    low = g->from;
    high = g->end;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (slice_cmp(ix->wildcards[middle].prefix, local) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == g->from)
        return NULL;
    same = common(ix->wildcards[low - 1].prefix, local);
    for (size_t i = low - 1; i != NONE; i = ix->wildcards[i].shorter)
        if (ix->wildcards[i].prefix.n <= same)
            return ix->wildcards[i].place;
    return NULL;
}

static const struct place *place_by_pattern(const struct policy_index *ix, struct slice user)
{
    const struct entry *exact = find_entry(&ix->exact_by_address, user);
    struct slice local, domain;

    if (exact)
        return exact->place;
    slice_cut(user, '@', &local, &domain);
    return place_by_wildcard(ix, local, domain);
}

void policy_index_decide(const struct policy_index *ix, struct slice user, struct policy_verdict *out)
{
    const struct entry *own = find_entry(&ix->user_by_address, user);
    struct policy_facts f = { .org = ix->org, .global = ix->global };
    const struct place *place;

    if (own) {
        f.user = own->user;
        f.granted = own->granted;
    }
    if (f.user && f.user->site.n) {
        place = own->place;
        f.site_name = f.user->site;
    } else {
        place = place_by_pattern(ix, user);
        f.site_name = place ? place->site->name : SLICE("");
    }
    f.site = place ? place->site : NULL;
    f.site_policy = place ? place->policy : NULL;
    policy_judge(&f, out);
}

/* ---- making it ---- */

static bool add_places(struct policy_index *ix, const struct config *c)
{
    const struct config_list *sites = config_list(c, &site_kind);

    ix->places = calloc(sites->n + 1, sizeof(*ix->places));
    for (size_t i = 0; ix->places && i < sites->n; i++) {
        const struct site *site = CONFIG_OBJECT(site, sites, i);

        ix->places[i] = (struct place){ site, policy_of_site(c, site->name) };
    }
    return ix->places != NULL;
}

/* The place of a site by name: places are in the order of the sites, which are in the order of their names. */
static const struct place *place_named(const struct policy_index *ix, const struct config *c, struct slice name)
{
    const struct config_list *sites = config_list(c, &site_kind);
    size_t low = 0, high = sites->n;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = slice_cmp(sites->v[middle]->name, name);

        if (order == 0)
            return &ix->places[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool add_users(struct policy_index *ix, const struct config *c)
{
    const struct config_list *users = config_list(c, &sip_user_kind);

    ix->users = calloc(users->n + 1, sizeof(*ix->users));
    for (size_t i = 0; ix->users && i < users->n; i++) {
        const struct sip_user *u = CONFIG_OBJECT(sip_user, users, i);
        struct entry *e = &ix->users[i];

        e->address = u->name;
        e->user = u;
        e->granted = u->policy.n ? policy_named(c, u->policy) : NULL;
        e->place = u->site.n ? place_named(ix, c, u->site) : NULL;
        if (!hash_add(&ix->user_by_address, &e->node, hash_bytes(&ix->user_by_address, e->address)))
            return false;
    }
    return ix->users != NULL;
}

static bool add_pattern(struct policy_index *ix, struct slice pattern, const struct place *place)
{
    struct slice local, domain;
    struct entry *e;

    if (policy_pattern(pattern, &local, &domain)) {
        ix->wildcards[ix->n_wildcards++] = (struct wildcard){ domain, local, place, NONE };
        return true;
    }
    if (find_entry(&ix->exact_by_address, pattern))
        return true;
    e = &ix->exact[ix->n_exact++];
    e->address = pattern;
    e->place = place;
    return hash_add(&ix->exact_by_address, &e->node, hash_bytes(&ix->exact_by_address, pattern));
}

static bool add_patterns(struct policy_index *ix, const struct config *c)
{
    const struct config_list *sites = config_list(c, &site_kind);
    size_t n = 0;

    for (size_t i = 0; i < sites->n; i++)
        n += CONFIG_OBJECT(site, sites, i)->users.n;
    ix->exact = calloc(n + 1, sizeof(*ix->exact));
    ix->wildcards = calloc(n + 1, sizeof(*ix->wildcards));
    ix->groups = calloc(n + 1, sizeof(*ix->groups));
    if (!ix->exact || !ix->wildcards || !ix->groups)
        return false;
    for (size_t i = 0; i < sites->n; i++) {
        const struct site *site = CONFIG_OBJECT(site, sites, i);
        const struct slice *patterns = site->users.v;

        for (size_t k = 0; k < site->users.n; k++)
            if (!add_pattern(ix, patterns[k], &ix->places[i]))
                return false;
    }
    return true;
}

/* By domain, then prefix; of equal ones the first site's comes first, and counts. */
static int by_domain_and_prefix(const void *a, const void *b)
{
    const struct wildcard *x = a, *y = b;
    int order = slice_cmp(x->domain, y->domain);

    if (order == 0)
        order = slice_cmp(x->prefix, y->prefix);
    if (order == 0)
        order = x->place < y->place ? -1 : x->place > y->place;
    return order;
}

/* Sorts them and leaves one of each. */
static void sort_wildcards(struct policy_index *ix)
{
    struct wildcard *v = ix->wildcards;
    size_t n = 0;

    qsort(v, ix->n_wildcards, sizeof(*v), by_domain_and_prefix);
    for (size_t i = 0; i < ix->n_wildcards; i++)
        if (n == 0 || !slice_eq(v[n - 1].domain, v[i].domain) || !slice_eq(v[n - 1].prefix, v[i].prefix))
            v[n++] = v[i];
    ix->n_wildcards = n;
}

/* Those before i in its group that are prefixes of it lead to each other, the longest first. */
static size_t longest_prefix_before(const struct policy_index *ix, const struct group *g, size_t i)
{
    const struct wildcard *v = ix->wildcards;
    size_t k = i == g->from ? NONE : i - 1;

    while (k != NONE && !slice_starts(v[i].prefix, v[k].prefix))
        k = v[k].shorter;
    return k;
}

static bool add_groups(struct policy_index *ix)
{
    struct wildcard *v = ix->wildcards;
    struct group *g = NULL;

    sort_wildcards(ix);
    for (size_t i = 0; i < ix->n_wildcards; i++) {
        if (!g || !slice_eq(g->domain, v[i].domain)) {
            g = &ix->groups[ix->n_groups++];
            g->domain = v[i].domain;
            g->from = i;
            if (!hash_add(&ix->group_by_domain, &g->node, hash_bytes(&ix->group_by_domain, g->domain)))
                return false;
        }
        g->end = i + 1;
        v[i].shorter = longest_prefix_before(ix, g, i);
    }
    return true;
}

struct policy_index *policy_index_new(const struct config *c)
{
    struct policy_index *ix = calloc(1, sizeof(*ix));

    if (!ix)
        return NULL;
    hash_init(&ix->user_by_address);
    hash_init(&ix->exact_by_address);
    hash_init(&ix->group_by_domain);
    ix->org = config_org(c);
    ix->global = policy_named(c, SLICE(POLICY_GLOBAL));
    if (add_places(ix, c) && add_users(ix, c) && add_patterns(ix, c) && add_groups(ix))
        return ix;
    policy_index_free(ix);
    return NULL;
}

void policy_index_free(struct policy_index *ix)
{
    if (!ix)
        return;
    hash_free(&ix->user_by_address);
    hash_free(&ix->exact_by_address);
    hash_free(&ix->group_by_domain);
    free(ix->places);
    free(ix->users);
    free(ix->exact);
    free(ix->wildcards);
    free(ix->groups);
    free(ix);
}
