#include "bridge/directory.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "store/certificate.h"
#include "xmpp/jid.h"

#define ARENA_MAX (256u << 20)
#define FAULTS_MAX 65536

/* A domain under one of its spellings. Exactly one of the two is set. */
struct named {
    struct hash_node node;
    struct slice name;
    const struct route *route; /* ours */
    const struct listed *partner;
};

struct directory {
    atomic_uint refs;
    struct config *config; /* one count is ours */
    struct hash domains;   /* struct named */
    struct listed *partners;
    size_t n_partners;
    bool asks_digest, trusts_identity;
    struct policy_index *policies; /* owned */
    struct tls_identities *identities;
    struct buf faults;
    struct arena arena; /* the struct named, and A-label spellings */
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

static bool add_spelling(struct directory *d, struct slice name, const struct route *route,
                         const struct listed *partner)
{
    struct named *named = arena_zalloc(&d->arena, sizeof(*named));

    if (!named)
        return false;
    named->name = name;
    named->route = route;
    named->partner = partner;
    return hash_add(&d->domains, &named->node, hash_bytes(&d->domains, name));
}

/* Under its U-labels, as XMPP writes it, and its A-labels, as SIP does. */
static bool add_domain(struct directory *d, struct slice name, const struct route *route, const struct listed *partner,
                       struct slice *ascii)
{
    if (!add_spelling(d, name, route, partner) || !jid_domain_to_ascii(&d->arena, name, ascii))
        return false;
    return slice_eq(*ascii, name) || add_spelling(d, *ascii, route, partner);
}

/* A stored certificate of ours: opened only when it is another than before. */
static int add_stored(struct directory *d, const struct directory_conf *conf, const char *stored, struct slice name,
                      struct err *err)
{
    const struct tls_identities *before = conf->before ? conf->before->identities : NULL;
    const struct record *r = certificate_find(d->config, slice_str(stored));
    struct tls_own own = { .source = stored, .revision = r ? r->revision : 0 };
    struct certificate_open open;
    int rc;

    if (r && tls_identities_same(d->identities, name, &own, before))
        return 0;
    if (certificate_open(d->config, slice_str(stored), conf->vault, &open, err) != 0)
        return -1;
    own.chain = open.chain;
    own.key = open.key;
    rc = tls_identities_add_own(d->identities, conf->tls, name, &own, err);
    certificate_close(&open);
    return rc;
}

/* A certificate of ours, new, as before, or not at all. -1: the directory cannot be made. */
static int add_certificate(struct directory *d, const struct directory_conf *conf, const char *chain, const char *key,
                           struct slice name, const char *of, const char *without, struct err *err)
{
    const struct tls_identities *before = conf->before ? conf->before->identities : NULL;
    bool kept;

    if (!d->identities || !chain || (!key && !certificate_is_stored(chain)))
        return 0;
    if (certificate_is_stored(chain) ? add_stored(d, conf, chain, name, err) == 0
                                     : tls_identities_add(d->identities, conf->tls, name, chain, key, before, err) == 0)
        return 0;
    if (!key)
        key = "";
    if (err->memory)
        return -1;
    err_wrap(err, "%s", of);
    if (conf->strict && !tls_identities_has(before, name, chain, key))
        return -1;
    kept = tls_identities_retain(d->identities, before, name);
    buf_printf(&d->faults, "%s; %s\n", err->text, kept ? "the certificate of before stays in use" : without);
    return 0;
}

/* The certificate that SIP systems see. */
static int add_sip_certificate(struct directory *d, const struct directory_conf *conf, struct err *err)
{
    const struct gateway *g = config_gateway(d->config);

    return add_certificate(d, conf, g->sip_certificate, g->sip_key, SLICE(DIRECTORY_SIP_IDENTITY),
                           "gateway: sip-certificate", "no SIP system can use TLS with this gateway", err);
}

static int add_sip_domain(struct directory *d, const struct directory_conf *conf, const struct sip_domain *domain,
                          struct err *err)
{
    const struct record *route = config_find(d->config, &route_kind, domain->route);
    struct slice ascii;
    char of[300];

    if (!route)
        return err_set(err, "sip-domain \"%.*s\": there is no route \"%.*s\"", SLICE_FMT(domain->name),
                       SLICE_FMT(domain->route));
    if (!add_domain(d, domain->name, route->object, NULL, &ascii))
        return err_memory(err, "taking the settings");
    snprintf(of, sizeof(of), "sip-domain \"%.*s\"", SLICE_FMT(domain->name));
    return add_certificate(d, conf, domain->certificate, domain->key, ascii, of,
                           "partners can use neither TLS nor SASL with this domain", err);
}

static bool add_partner(struct directory *d, const struct partner *p, struct listed *out)
{
    const struct slice *more = p->additional_domains.v;
    struct slice ascii;

    out->settings = p;
    out->xmpp = (struct xmpp_partner){ .name = p->name,
                                       .tls = p->tls,
                                       .sasl = p->sasl,
                                       .dialback = p->dialback,
                                       .keep_alive = p->keep_alive,
                                       .bidi = p->bidi,
                                       .connection_limit = p->connection_limit,
                                       .stanza_rate = p->stanza_rate,
                                       .byte_rate = p->byte_rate,
                                       .proxy = p->proxy,
                                       .pins = p->pins.v,
                                       .n_pins = p->pins.n,
                                       .component = p->component.sa.sa_family ? &p->component : NULL,
                                       .component_secret = p->component_secret };
    if (!add_domain(d, p->name, NULL, out, &ascii))
        return false;
    for (size_t i = 0; i < p->additional_domains.n; i++)
        if (!add_domain(d, more[i], NULL, out, &ascii))
            return false;
    return true;
}

static void look_at_routes(struct directory *d)
{
    const struct config_list *routes = config_list(d->config, &route_kind);

    for (size_t i = 0; i < routes->n; i++) {
        const struct route *r = CONFIG_OBJECT(route, routes, i);

        d->asks_digest = d->asks_digest || route_asks_digest(r);
        d->trusts_identity = d->trusts_identity || r->trust_identity;
    }
}

static int fill(struct directory *d, const struct directory_conf *conf, struct err *err)
{
    const struct config_list *domains = config_list(d->config, &sip_domain_kind);
    const struct config_list *partners = config_list(d->config, &partner_kind);

    d->partners = calloc(partners->n + 1, sizeof(*d->partners));
    d->policies = policy_index_new(d->config);
    d->identities = conf->tls ? tls_identities_new() : NULL;
    if (!d->partners || !d->policies || (conf->tls && !d->identities))
        return err_memory(err, "taking the settings");
    look_at_routes(d);
    if (add_sip_certificate(d, conf, err))
        return -1;
    for (size_t i = 0; i < domains->n; i++)
        if (add_sip_domain(d, conf, CONFIG_OBJECT(sip_domain, domains, i), err))
            return -1;
    for (; d->n_partners < partners->n; d->n_partners++)
        if (!add_partner(d, CONFIG_OBJECT(partner, partners, d->n_partners), &d->partners[d->n_partners]))
            return err_memory(err, "taking the settings");
    return 0;
}

struct directory *directory_new(const struct directory_conf *conf, struct err *err)
{
    struct directory *d = calloc(1, sizeof(*d));

    if (!d) {
        err_memory(err, "taking the settings");
        return NULL;
    }
    atomic_init(&d->refs, 1);
    d->config = config_keep(conf->config);
    hash_init(&d->domains);
    arena_init(&d->arena, ARENA_MAX);
    buf_init(&d->faults, FAULTS_MAX);
    if (fill(d, conf, err) == 0)
        return d;
    directory_drop(d);
    return NULL;
}

struct directory *directory_keep(struct directory *d)
{
    if (d)
        atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void directory_drop(struct directory *d)
{
    if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    hash_free(&d->domains);
    policy_index_free(d->policies);
    tls_identities_drop(d->identities);
    arena_reset(&d->arena);
    buf_free(&d->faults);
    free(d->partners);
    config_drop(d->config);
    free(d);
}

struct slice directory_faults(const struct directory *d)
{
    return buf_slice(&d->faults);
}

const struct config *directory_config(const struct directory *d)
{
    return d->config;
}

const struct gateway *directory_gateway(const struct directory *d)
{
    return config_gateway(d->config);
}

struct tls_identities *directory_identities(const struct directory *d)
{
    return d->identities;
}

bool directory_asks_digest(const struct directory *d)
{
    return d->asks_digest;
}

bool directory_trusts_identity(const struct directory *d)
{
    return d->trusts_identity;
}

const struct route *directory_route_to(const struct directory *d, struct slice domain)
{
    const struct named *named = find(d, domain);

    return named ? named->route : NULL;
}

const struct listed *directory_partner(const struct directory *d, struct slice domain)
{
    const struct named *named = find(d, domain);

    return named ? named->partner : NULL;
}

const struct listed *directory_partners(const struct directory *d, size_t *n)
{
    *n = d->n_partners;
    return d->partners;
}

void directory_judge(const struct directory *d, struct slice user, struct policy_verdict *out)
{
    policy_index_decide(d->policies, user, out);
}
