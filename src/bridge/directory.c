#include "bridge/directory.h"

#include <stdlib.h>

#include "base/hash.h"
#include "xmpp/jid.h"

/* A domain under one of its spellings. Exactly one of the two is set. */
struct named {
    struct hash_node node;
    struct slice name;
    const struct sip_domain *sip;
    const struct xmpp_partner *partner;
};

struct directory {
    const struct config *config;
    struct hash domains;           /* struct named */
    struct xmpp_partner *partners; /* one for each configured partner */
    struct arena arena;            /* the struct named, and A-label spellings */
};

static bool named_is(const struct hash_node *node, const void *key)
{
    return slice_eq(container_of(node, struct named, node)->name, *(const struct slice *)key);
}

static const struct named *find(const struct directory *d, struct slice domain)
{
    struct hash_node *node = hash_find(&d->domains, hash_bytes(&d->domains, domain), named_is, &domain);

    return node ? container_of(node, struct named, node) : NULL;
}

static bool add_spelling(struct directory *d, struct slice name, const struct sip_domain *sip,
                         const struct xmpp_partner *partner)
{
    struct named *named = arena_zalloc(&d->arena, sizeof(*named));

    if (!named)
        return false;
    named->name = name;
    named->sip = sip;
    named->partner = partner;
    return hash_add(&d->domains, &named->node, hash_bytes(&d->domains, name));
}

/* Under its U-labels, as XMPP writes it, and its A-labels, as SIP does. */
static bool add_domain(struct directory *d, struct slice name, const struct sip_domain *sip,
                       const struct xmpp_partner *partner)
{
    struct slice ascii;

    if (!add_spelling(d, name, sip, partner))
        return false;
    if (!jid_domain_to_ascii(&d->arena, name, &ascii))
        return false;
    return slice_eq(ascii, name) || add_spelling(d, ascii, sip, partner);
}

static bool add_partner(struct directory *d, const struct partner *p, struct xmpp_partner *out)
{
    const struct slice *more = p->additional_domains.v;
    unsigned limit = p->connection_limit ? p->connection_limit : d->config->gateway.partner_connection_limit;

    *out = (struct xmpp_partner){ .name = p->name,
                                  .tls = p->tls,
                                  .sasl = p->sasl,
                                  .dialback = p->dialback,
                                  .keep_alive = p->keep_alive,
                                  .connection_limit = limit,
                                  .proxy = p->proxy };
    if (!add_domain(d, p->name, NULL, out))
        return false;
    for (size_t i = 0; i < p->additional_domains.n; i++)
        if (!add_domain(d, more[i], NULL, out))
            return false;
    return true;
}

static bool fill(struct directory *d)
{
    const struct config *c = d->config;

    d->partners = calloc(c->n_partners + 1, sizeof(*d->partners));
    if (!d->partners)
        return false;
    for (size_t i = 0; i < c->n_sip_domains; i++)
        if (!add_domain(d, c->sip_domains[i].name, &c->sip_domains[i], NULL))
            return false;
    for (size_t i = 0; i < c->n_partners; i++)
        if (!add_partner(d, &c->partners[i], &d->partners[i]))
            return false;
    return true;
}

struct directory *directory_new(const struct config *config)
{
    struct directory *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->config = config;
    hash_init(&d->domains);
    arena_init(&d->arena, 64u << 20);
    if (fill(d))
        return d;
    directory_free(d);
    return NULL;
}

void directory_free(struct directory *d)
{
    if (!d)
        return;
    hash_free(&d->domains);
    arena_reset(&d->arena);
    free(d->partners);
    free(d);
}

const struct sip_domain *directory_sip_domain(const struct directory *d, struct slice domain)
{
    const struct named *named = find(d, domain);

    return named ? named->sip : NULL;
}

const struct xmpp_partner *directory_partner(const struct directory *d, struct slice domain)
{
    const struct named *named = find(d, domain);

    return named ? named->partner : NULL;
}

bool route_lets_speak(const struct route *route, const struct addr *from)
{
    const struct addr_net *nets = route->sources.v;

    if (route->sources.n == 0)
        return addr_same_ip(&route->next_hop, from);
    for (size_t i = 0; i < route->sources.n; i++)
        if (addr_net_has(&nets[i], from))
            return true;
    return false;
}

const struct route *directory_route_from(const struct directory *d, const struct addr *from)
{
    for (size_t i = 0; i < d->config->n_routes; i++)
        if (route_lets_speak(&d->config->routes[i], from))
            return &d->config->routes[i];
    return NULL;
}
