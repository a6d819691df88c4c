#include "bridge/contact_parts.h"

#include <stdlib.h>

/* ---- the people ---- */

static uint64_t bare_hash(const struct hash *h, const struct jid *j)
{
    return hash_more(h, hash_bytes(h, j->local), j->domain);
}

static struct slice user_local(const struct contact_user *u)
{
    return slice_of(u->name, u->n_local);
}

static struct slice user_domain(const struct contact_user *u)
{
    size_t at = u->n_local ? u->n_local + 1u : 0;

    return slice_of(u->name + at, u->n_name - at);
}

static bool user_is(const struct contact_user *u, const struct jid *j)
{
    return slice_eq(user_local(u), j->local) && slice_eq(user_domain(u), j->domain);
}

static bool user_matches(const struct hash_node *node, const void *key)
{
    return user_is(container_of(node, const struct contact_user, node), key);
}

static struct contact_user *user_find(const struct hash *h, const struct jid *j)
{
    struct hash_node *node = hash_find(h, bare_hash(h, j), user_matches, j);

    return node ? container_of(node, struct contact_user, node) : NULL;
}

static bool domain_matches(const struct hash_node *node, const void *key)
{
    const struct contact_domain *d = container_of(node, const struct contact_domain, node);

    return slice_eq(slice_of(d->name, d->n_name), *(const struct slice *)key);
}

static struct contact_domain *domain_find(const struct contacts *t, struct slice name)
{
    struct hash_node *node = hash_find(&t->domains, hash_bytes(&t->domains, name), domain_matches, &name);

    return node ? container_of(node, struct contact_domain, node) : NULL;
}

static struct contact_domain *domain_make(struct contacts *t, struct slice name)
{
    struct contact_domain *d = domain_find(t, name);

    if (d)
        return d;
    d = malloc(sizeof(*d) + name.n);
    if (!d)
        return NULL;
    *d = (struct contact_domain){ .n_name = (uint16_t)name.n };
    memcpy(d->name, name.p, name.n);
    if (hash_add(&t->domains, &d->node, hash_bytes(&t->domains, name)))
        return d;
    free(d);
    return NULL;
}

static void domain_tidy(struct contacts *t, struct contact_domain *d)
{
    if (!d || d->n)
        return;
    hash_remove(&t->domains, &d->node);
    free(d);
}

static struct contact_user *user_new(struct hash *h, struct contact_domain *domain, const struct jid *j)
{
    size_t n = j->local.n + (j->local.n > 0) + j->domain.n;
    struct contact_user *u = malloc(sizeof(*u) + n);
    char *at;

    if (!u)
        return NULL;
    *u = (struct contact_user){ .domain = domain, .n_local = (uint16_t)j->local.n, .n_name = (uint16_t)n };
    list_init(&u->contacts);
    at = u->name;
    if (j->local.n) {
        memcpy(at, j->local.p, j->local.n);
        at[j->local.n] = '@';
        at += j->local.n + 1;
    }
    memcpy(at, j->domain.p, j->domain.n);
    if (hash_add(h, &u->node, bare_hash(h, j)))
        return u;
    free(u);
    return NULL;
}

static struct contact_user *user_make(struct contacts *t, bool is_local, const struct jid *j)
{
    struct hash *h = is_local ? &t->locals : &t->remotes;
    struct contact_user *u = user_find(h, j);
    struct contact_domain *domain;

    if (u)
        return u;
    domain = is_local ? NULL : domain_make(t, j->domain);
    if (!domain && !is_local)
        return NULL;
    u = user_new(h, domain, j);
    if (!u)
        domain_tidy(t, domain);
    return u;
}

static void user_tidy(struct contacts *t, struct contact_user *u)
{
    if (!u || u->n || u->n_walks)
        return;
    hash_remove(u->domain ? &t->remotes : &t->locals, &u->node);
    domain_tidy(t, u->domain);
    free(u);
}

/* ---- the pairs ---- */

struct pair {
    const struct jid *local, *remote;
};

static uint64_t pair_hash(const struct hash *h, const struct pair *p)
{
    uint64_t hash = bare_hash(h, p->local);

    return hash_more(h, hash_more(h, hash, p->remote->local), p->remote->domain);
}

static bool pair_matches(const struct hash_node *node, const void *key)
{
    const struct contact *c = container_of(node, const struct contact, node);
    const struct pair *p = key;

    return user_is(c->local, p->local) && user_is(c->remote, p->remote);
}

struct contact *contact_find(const struct bridge *b, const struct jid *local, const struct jid *remote)
{
    const struct hash *h = &b->contacts.by_pair;
    const struct pair key = { local, remote };
    struct hash_node *node = h->n ? hash_find(h, pair_hash(h, &key), pair_matches, &key) : NULL;

    return node ? container_of(node, struct contact, node) : NULL;
}

struct contact *contact_add(struct bridge *b, const struct jid *local, const struct jid *remote)
{
    struct contacts *t = &b->contacts;
    const struct pair key = { local, remote };
    struct contact_user *l = user_make(t, true, local), *r = l ? user_make(t, false, remote) : NULL;
    struct contact *c = r ? calloc(1, sizeof(*c)) : NULL;

    if (c && hash_add(&t->by_pair, &c->node, pair_hash(&t->by_pair, &key))) {
        c->local = l;
        c->remote = r;
        list_push(&l->contacts, &c->of_local);
        list_push(&r->contacts, &c->of_remote);
        l->n++;
        r->n++;
        r->domain->n++;
        return c;
    }
    free(c);
    user_tidy(t, l);
    user_tidy(t, r);
    return NULL;
}

void contact_free(struct bridge *b, struct contact *c)
{
    struct contacts *t = &b->contacts;

    hash_remove(&t->by_pair, &c->node);
    list_unlink(&c->of_local);
    list_unlink(&c->of_remote);
    c->local->n--;
    c->remote->n--;
    c->remote->domain->n--;
    user_tidy(t, c->local);
    user_tidy(t, c->remote);
    free(c);
}

/* ---- limits ---- */

/* With all domains of its partner. */
static size_t of_partner(const struct bridge *b, struct slice domain)
{
    const struct listed *listed = directory_partner(b->directory, domain);
    const struct partner *p = listed ? listed->settings : NULL;
    const struct slice *more = p ? p->additional_domains.v : NULL;
    const struct contact_domain *d = domain_find(&b->contacts, p ? p->name : domain);
    size_t n = d ? d->n : 0;

    for (size_t i = 0; p && i < p->additional_domains.n; i++) {
        d = domain_find(&b->contacts, more[i]);
        n += d ? d->n : 0;
    }
    return n;
}

static size_t of_user(const struct hash *h, const struct jid *bare)
{
    const struct contact_user *u = user_find(h, bare);

    return u ? u->n : 0;
}

size_t contacts_of_user(const struct bridge *b, const struct jid *bare, bool is_local)
{
    return of_user(is_local ? &b->contacts.locals : &b->contacts.remotes, bare);
}

/* NULL: there is room. */
static const char *full(const struct bridge *b, const struct jid *local, const struct jid *remote)
{
    const struct gateway *g = directory_gateway(b->directory);

    if (of_user(&b->contacts.remotes, remote) >= g->user_contact_limit)
        return "the partner's user has as many contacts as user-contact-limit of the gateway allows";
    if (of_user(&b->contacts.locals, local) >= g->user_contact_limit)
        return "the SIP user has as many contacts as user-contact-limit of the gateway allows";
    if (of_partner(b, remote->domain) >= g->partner_contact_limit)
        return "the partner has as many contacts as partner-contact-limit of the gateway allows";
    if (b->contacts.by_pair.n >= g->contact_limit)
        return "there are as many contacts as contact-limit of the gateway allows";
    return NULL;
}

struct contact *contact_make(struct bridge *b, const struct jid *local, const struct jid *remote, const char **why)
{
    struct contact *c = contact_find(b, local, remote);

    *why = NULL;
    if (c)
        return c;
    *why = full(b, local, remote);
    if (*why) {
        b->contacts.n_refused++;
        return NULL;
    }
    c = contact_add(b, local, remote);
    if (!c)
        *why = "there is no memory for another contact";
    return c;
}

/* ---- looking ---- */

static struct jid user_jid(const struct contact_user *u)
{
    return (struct jid){ .local = user_local(u), .domain = user_domain(u) };
}

struct slice contact_local(const struct contact *c)
{
    return slice_of(c->local->name, c->local->n_name);
}

struct slice contact_remote(const struct contact *c)
{
    return slice_of(c->remote->name, c->remote->n_name);
}

struct jid contact_local_jid(const struct contact *c)
{
    return user_jid(c->local);
}

struct jid contact_remote_jid(const struct contact *c)
{
    return user_jid(c->remote);
}

/* The user stays while his list is walked, also when his last contact goes. */
static void each_of(struct contacts *t, struct contact_user *u, bool is_local, contact_fn *fn, void *arg)
{
    if (!u)
        return;
    u->n_walks++;
    list_each_safe (it, tmp, &u->contacts)
        fn(arg, is_local ? container_of(it, struct contact, of_local) : container_of(it, struct contact, of_remote));
    u->n_walks--;
    user_tidy(t, u);
}

void contacts_each_of_local(struct bridge *b, const struct jid *local, contact_fn *fn, void *arg)
{
    each_of(&b->contacts, user_find(&b->contacts.locals, local), true, fn, arg);
}

void contacts_each_of_remote(struct bridge *b, const struct jid *remote, contact_fn *fn, void *arg)
{
    each_of(&b->contacts, user_find(&b->contacts.remotes, remote), false, fn, arg);
}

struct walk {
    contact_fn *fn;
    void *arg;
};

static void on_node(struct hash_node *node, void *arg)
{
    struct walk *w = arg;

    w->fn(w->arg, container_of(node, struct contact, node));
}

void contacts_walk(struct bridge *b, uint64_t *cursor, size_t n, contact_fn *fn, void *arg)
{
    struct walk w = { .fn = fn, .arg = arg };

    if (!hash_walk(&b->contacts.by_pair, cursor, n, on_node, &w))
        *cursor = 0;
}

/* ---- start and end ---- */

void contacts_init(struct bridge *b, struct ledger *ledger, struct loop_door *door)
{
    struct contacts *t = &b->contacts;

    *t = (struct contacts){ .ledger = ledger, .door = door, .loop = b->loop };
    hash_init(&t->by_pair);
    hash_init(&t->locals);
    hash_init(&t->remotes);
    hash_init(&t->domains);
    contacts_init_ready(t);
}

static void on_end(struct hash_node *node, void *arg)
{
    contact_end(arg, container_of(node, struct contact, node));
}

void contacts_fini(struct bridge *b)
{
    struct contacts *t = &b->contacts;

    contacts_fini_ready(t);
    hash_each(&t->by_pair, on_end, b);
    hash_free(&t->by_pair);
    hash_free(&t->locals);
    hash_free(&t->remotes);
    hash_free(&t->domains);
}
