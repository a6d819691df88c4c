/* Where the records of a plan lead: ports, names, addresses, and the keys that are shown there. */
#include <stdio.h>

#include "deploy/records_parts.h"
#include "net/addr_scope.h"
#include "xmpp/jid.h"

static const struct service_row {
    const char *label;
    size_t listeners; /* of struct boot */
    size_t outer; /* of struct proxy: those that partners come to where the gateway has none; 0: there are no such */
    bool sip;
    bool optional;
} rows[PLAN_SERVICES] = {
    [PLAN_XMPP] = { "_xmpp-server._tcp", offsetof(struct boot, xmpp), offsetof(struct proxy, xmpp), false, false },
    [PLAN_XMPPS] = { "_xmpps-server._tcp", offsetof(struct boot, xmpps), offsetof(struct proxy, xmpps), false, false },
    [PLAN_SIP_FEDERATION] = { "_sipfederationtls._tcp", offsetof(struct boot, sip_tls), 0, true, true },
    [PLAN_SIPS] = { "_sips._tcp", offsetof(struct boot, sip_tls), 0, true, true },
};

const char *plan_service_label(enum plan_service_id id)
{
    return rows[id].label;
}

bool plan_service_is_optional(enum plan_service_id id)
{
    return rows[id].optional;
}

bool plan_service_is_sip(enum plan_service_id id)
{
    return rows[id].sip;
}

bool plan_is_within(const char *host, const char *domain)
{
    size_t n = strlen(host), of = strlen(domain);

    return n >= of && strcmp(host + n - of, domain) == 0 && (n == of || host[n - of - 1] == '.');
}

typedef void listener_fn(const struct plan *p, void *arg, const struct addr *at);

static void each_of(const struct plan *p, const void *object, size_t at, listener_fn *fn, void *arg)
{
    const struct setting_list *list = (const struct setting_list *)((const char *)object + at);
    const struct addr *addrs = list->v;

    for (size_t i = 0; i < list->n; i++)
        fn(p, arg, &addrs[i]);
}

static bool is_outer(const struct plan *p, enum plan_service_id id)
{
    return rows[id].outer && p->site.boot->xmpp.n + p->site.boot->xmpps.n == 0;
}

/* Of this machine, or where its proxies are what partners come to, of those. */
static void each_listener(const struct plan *p, enum plan_service_id id, listener_fn *fn, void *arg)
{
    const struct config_list *proxies = config_list(p->site.config, &proxy_kind);

    each_of(p, p->site.boot, rows[id].listeners, fn, arg);
    for (size_t i = 0; i < proxies->n && is_outer(p, id); i++)
        if (CONFIG_OBJECT(proxy, proxies, i)->enabled)
            each_of(p, proxies->v[i]->object, rows[id].outer, fn, arg);
}

/* ---- where it listens ---- */

static void add_port(struct plan_service *s, uint16_t port)
{
    for (size_t i = 0; i < s->n_ports; i++)
        if (s->ports[i] == port)
            return;
    if (s->n_ports < PLAN_PORTS_MAX)
        s->ports[s->n_ports++] = port;
}

static void add_addr(struct plan_host *h, const struct addr *a)
{
    for (size_t i = 0; i < h->n_addrs; i++)
        if (addr_same_ip(&h->addrs[i], a))
            return;
    if (h->n_addrs < PLAN_ADDRS_MAX)
        h->addrs[h->n_addrs++] = *a;
}

static bool is_of_host(const struct addr *a)
{
    enum addr_scope scope = addr_scope(a);

    return scope == ADDR_PUBLIC || scope == ADDR_PRIVATE || scope == ADDR_RESERVED;
}

/* The addresses of this machine that a listener for all of them has: the public ones, and where there are none the others. */
static void add_interfaces(const struct plan *p, struct plan_host *h, sa_family_t family)
{
    bool any_public = false;

    for (size_t i = 0; i < p->site.n_interfaces; i++)
        any_public = any_public || addr_scope(&p->site.interfaces[i]) == ADDR_PUBLIC;
    for (size_t i = 0; i < p->site.n_interfaces; i++) {
        const struct addr *a = &p->site.interfaces[i];

        if ((family == AF_INET6 || a->sa.sa_family == AF_INET) && is_of_host(a) &&
            (!any_public || addr_scope(a) == ADDR_PUBLIC))
            add_addr(h, a);
    }
}

static void add_listener(const struct plan *p, void *arg, const struct addr *at)
{
    if (addr_is_wildcard(at))
        add_interfaces(p, arg, at->sa.sa_family);
    else if (is_of_host(at))
        add_addr(arg, at);
}

static void add_listeners(const struct plan *p, struct plan_host *h, enum plan_service_id id)
{
    each_listener(p, id, add_listener, h);
}

static void find_port(const struct plan *p, void *arg, const struct addr *at)
{
    if (addr_is_wildcard(at) || is_of_host(at))
        add_port(arg, addr_port(at));
}

void plan_find_ports(const struct plan *p, struct plan_service *s, enum plan_service_id id)
{
    each_listener(p, id, find_port, s);
    s->outer = is_outer(p, id);
}

/* ---- hosts ---- */

static bool has_name(const struct hash_node *node, const void *key)
{
    return strcmp(container_of(node, struct plan_host, node)->name, key) == 0;
}

struct plan_host *plan_find_host(const struct plan *p, const char *name)
{
    struct hash_node *n = hash_find(&p->by_name, hash_bytes(&p->by_name, slice_str(name)), has_name, name);

    return n ? container_of(n, struct plan_host, node) : NULL;
}

/* NULL on memory. */
static struct plan_host *host_new(struct plan *p, const char *name)
{
    struct plan_host *h = arena_zalloc(&p->arena, sizeof(*h));

    if (!h)
        return NULL;
    list_init(&h->link);
    list_init(&h->keys);
    h->name = name;
    h->chosen = config_gateway(p->site.config)->public_addresses.n > 0;
    if (!hash_add(&p->by_name, &h->node, hash_bytes(&p->by_name, slice_str(name))))
        return NULL;
    list_push(&p->hosts, &h->link);
    return h;
}

struct plan_host *plan_use_host(struct plan *p, const char *name, enum plan_service_id id)
{
    const struct setting_list *chosen = &config_gateway(p->site.config)->public_addresses;
    const struct slice *texts = chosen->v;
    struct plan_host *h = plan_find_host(p, name);
    struct addr a;

    if (!h)
        h = host_new(p, name);
    if (!h)
        return NULL;
    for (size_t i = 0; i < chosen->n; i++)
        if (addr_parse_ip(texts[i], 0, &a))
            add_addr(h, &a);
    if (!h->chosen)
        add_listeners(p, h, id);
    return h;
}

const char *plan_to_ascii(struct plan *p, struct slice name)
{
    struct slice prepared, ascii;
    struct addr a;

    if (!name.n || addr_parse_ip(name, 0, &a) || !jid_prep_domain(&p->arena, name, &prepared) ||
        !jid_domain_to_ascii(&p->arena, prepared, &ascii) || memchr(ascii.p, '[', ascii.n))
        return NULL;
    return arena_strdup(&p->arena, ascii);
}

static const char *below(struct plan *p, const char *label, const char *domain)
{
    char name[300];

    snprintf(name, sizeof(name), "%s.%s", label, domain);
    return arena_strdup(&p->arena, slice_str(name));
}

/* Do SIP over TLS and XMPP listen on the same addresses, or does the setting say which are the world's? */
static bool shares_addresses(const struct plan *p, enum plan_service_id id)
{
    struct plan_host xmpp = { .n_addrs = 0 }, sip = { .n_addrs = 0 };

    if (config_gateway(p->site.config)->public_addresses.n)
        return true;
    add_listeners(p, &xmpp, PLAN_XMPP);
    add_listeners(p, &sip, id);
    for (size_t i = 0; i < sip.n_addrs; i++)
        add_addr(&xmpp, &sip.addrs[i]);
    return xmpp.n_addrs == sip.n_addrs;
}

const char *plan_target_of(struct plan *p, const struct plan_domain *d, enum plan_service_id id)
{
    if (!rows[id].sip)
        return p->name ? p->name : below(p, "xmpp", d->ascii);
    if (p->name && plan_is_within(p->name, d->ascii) && shares_addresses(p, id))
        return p->name;
    return below(p, "sip", d->ascii);
}

/* ---- keys ---- */

/* Is it there already? n: how many there are of its port. */
static bool has_key(const struct plan_host *host, const struct plan_key *like, size_t *n)
{
    *n = 0;
    list_each (l, &host->keys) {
        const struct plan_key *k = container_of(l, struct plan_key, link);

        if (k->port != like->port)
            continue;
        if (memcmp(k->hash, like->hash, sizeof(k->hash)) == 0)
            return true;
        ++*n;
    }
    return false;
}

void plan_add_key(struct plan *p, struct plan_host *host, uint16_t port, const struct chain *chain)
{
    struct plan_key key = { .port = port, .chain = chain };
    struct plan_key *k;
    size_t n;

    if (!chain || !chain->chain || !tls_chain_key_hash(chain->chain, key.hash) || has_key(host, &key, &n))
        return;
    if (n == DANE_RECORDS_MAX) {
        host->too_many_keys = true;
        return;
    }
    k = arena_alloc(&p->arena, sizeof(*k));
    if (!k) {
        p->notes.left_out++;
        return;
    }
    *k = key;
    list_init(&k->link);
    list_push(&host->keys, &k->link);
}

static void add_keys_of_all(struct plan *p, struct plan_host *host, enum plan_service_id id)
{
    const struct config_list *all = config_list(p->site.config, &sip_domain_kind);
    struct plan_service s = { .n_ports = 0 };

    plan_find_ports(p, &s, id);
    for (size_t i = 0; i < all->n && !host->too_many_keys; i++)
        for (size_t k = 0; k < s.n_ports; k++)
            plan_add_key(p, host, s.ports[k], chains_of_domain(&p->chains, CONFIG_OBJECT(sip_domain, all, i)));
}

void plan_add_keys_of_others(struct plan *p)
{
    struct plan_host *host = p->name ? plan_find_host(p, p->name) : NULL;

    for (enum plan_service_id id = 0; host && id < PLAN_SERVICES; id++)
        if (!rows[id].sip)
            add_keys_of_all(p, host, id);
}
