#include "deploy/records.h"

#include <stdio.h>

#include "net/addr_scope.h"
#include "xmpp/jid.h"

#define PLAN_BYTES (64u << 20)

static const struct service_row {
    const char *label;
    size_t listeners; /* of struct boot */
    bool sip;
    bool optional;
} rows[PLAN_SERVICES] = {
    [PLAN_XMPP] = { "_xmpp-server._tcp", offsetof(struct boot, xmpp), false, false },
    [PLAN_XMPPS] = { "_xmpps-server._tcp", offsetof(struct boot, xmpps), false, false },
    [PLAN_SIP_FEDERATION] = { "_sipfederationtls._tcp", offsetof(struct boot, sip_tls), true, true },
    [PLAN_SIPS] = { "_sips._tcp", offsetof(struct boot, sip_tls), true, true },
};

const char *plan_service_label(enum plan_service_id id)
{
    return rows[id].label;
}

bool plan_service_is_optional(enum plan_service_id id)
{
    return rows[id].optional;
}

bool plan_is_within(const char *host, const char *domain)
{
    size_t n = strlen(host), of = strlen(domain);

    return n >= of && strcmp(host + n - of, domain) == 0 && (n == of || host[n - of - 1] == '.');
}

static const struct setting_list *listeners_of(const struct plan *p, enum plan_service_id id)
{
    return (const struct setting_list *)((const char *)p->site.boot + rows[id].listeners);
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

static void add_listeners(const struct plan *p, struct plan_host *h, enum plan_service_id id)
{
    const struct setting_list *list = listeners_of(p, id);
    const struct addr *at = list->v;

    for (size_t i = 0; i < list->n; i++) {
        if (addr_is_wildcard(&at[i]))
            add_interfaces(p, h, at[i].sa.sa_family);
        else if (is_of_host(&at[i]))
            add_addr(h, &at[i]);
    }
}

static void find_ports(const struct plan *p, struct plan_service *s, enum plan_service_id id)
{
    const struct setting_list *list = listeners_of(p, id);
    const struct addr *at = list->v;

    for (size_t i = 0; i < list->n; i++)
        if (addr_is_wildcard(&at[i]) || is_of_host(&at[i]))
            add_port(s, addr_port(&at[i]));
}

/* ---- hosts ---- */

static struct plan_host *find_host(const struct plan *p, const char *name)
{
    list_each (l, &p->hosts) {
        struct plan_host *h = container_of(l, struct plan_host, link);

        if (strcmp(h->name, name) == 0)
            return h;
    }
    return NULL;
}

/* The host of that name, with what the service listens on among its addresses. NULL on memory. */
static struct plan_host *use_host(struct plan *p, const char *name, enum plan_service_id id)
{
    const struct setting_list *chosen = &config_gateway(p->site.config)->public_addresses;
    const struct slice *texts = chosen->v;
    struct plan_host *h = find_host(p, name);
    struct addr a;

    if (!h) {
        h = arena_zalloc(&p->arena, sizeof(*h));
        if (!h)
            return NULL;
        list_init(&h->link);
        h->name = name;
        h->chosen = chosen->n > 0;
        list_push(&p->hosts, &h->link);
    }
    for (size_t i = 0; i < chosen->n; i++)
        if (addr_parse_ip(texts[i], 0, &a))
            add_addr(h, &a);
    if (!h->chosen)
        add_listeners(p, h, id);
    return h;
}

/* A name in A-labels, in the plan's memory; NULL: it is none, or an address. */
static const char *to_ascii(struct plan *p, struct slice name)
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

static const char *target_of(struct plan *p, const struct plan_domain *d, enum plan_service_id id)
{
    if (!rows[id].sip)
        return p->name ? p->name : below(p, "xmpp", d->ascii);
    if (p->name && plan_is_within(p->name, d->ascii) && shares_addresses(p, id))
        return p->name;
    return below(p, "sip", d->ascii);
}

/* ---- keys ---- */

/* Is it there already? n: how many there are of its host and port. */
static bool has_key(const struct plan *p, const struct plan_key *like, size_t *n)
{
    *n = 0;
    list_each (l, &p->keys) {
        const struct plan_key *k = container_of(l, struct plan_key, link);

        if (k->host != like->host || k->port != like->port)
            continue;
        if (memcmp(k->hash, like->hash, sizeof(k->hash)) == 0)
            return true;
        ++*n;
    }
    return false;
}

static void add_key(struct plan *p, struct plan_host *host, uint16_t port, const struct chain *chain)
{
    struct plan_key key = { .host = host, .port = port, .chain = chain };
    struct plan_key *k;
    size_t n;

    if (!chain || !chain->chain || !tls_chain_key_hash(chain->chain, key.hash) || has_key(p, &key, &n))
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
    list_push(&p->keys, &k->link);
}

/* What is shown at the name that all domains share is of all of them, whichever were asked for. */
static void add_keys_of_others(struct plan *p, enum plan_service_id id)
{
    const struct config_list *all = config_list(p->site.config, &sip_domain_kind);
    struct plan_host *host = p->name ? find_host(p, p->name) : NULL;
    struct plan_service s = { .n_ports = 0 };

    find_ports(p, &s, id);
    for (size_t i = 0; host && i < all->n && !host->too_many_keys; i++)
        for (size_t k = 0; k < s.n_ports; k++)
            add_key(p, host, s.ports[k], chains_of_domain(&p->chains, CONFIG_OBJECT(sip_domain, all, i)));
}

/* ---- domains ---- */

static int plan_service(struct plan *p, struct plan_domain *d, enum plan_service_id id, const struct sip_domain *sip)
{
    struct plan_service *s = &d->services[id];
    const char *target;

    find_ports(p, s, id);
    if (s->n_ports == 0)
        return 0;
    target = target_of(p, d, id);
    s->host = target ? use_host(p, target, id) : NULL;
    if (!s->host)
        return -1;
    s->chain =
        rows[id].sip ? chains_of_sip(&p->chains, config_gateway(p->site.config)) : chains_of_domain(&p->chains, sip);
    for (size_t i = 0; i < s->n_ports; i++)
        add_key(p, s->host, s->ports[i], s->chain);
    return 0;
}

static int add_domain(struct plan *p, const struct sip_domain *sip, struct err *err)
{
    struct plan_domain *d = arena_zalloc(&p->arena, sizeof(*d));

    if (!d)
        return err_memory(err, "computing DNS records");
    list_init(&d->link);
    d->name = arena_strdup(&p->arena, sip->name);
    d->ascii = to_ascii(p, sip->name);
    if (!d->name)
        return err_memory(err, "computing DNS records");
    if (!d->ascii) {
        findings_add(&p->notes, FINDING_NOTE, "not-a-name", d->name, "%s is no name that DNS could have records of",
                     d->name);
        return 0;
    }
    for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++)
        if (plan_service(p, d, id, sip) < 0)
            return err_memory(err, "computing DNS records");
    list_push(&p->domains, &d->link);
    p->n_domains++;
    return 0;
}

static int add_named(struct plan *p, struct slice name, struct err *err)
{
    struct slice prepared = name;
    struct record *r = NULL;

    if (jid_prep_domain(&p->arena, name, &prepared))
        r = config_find(p->site.config, &sip_domain_kind, prepared);
    if (!r)
        return err_set(err, "%.*s is none of the SIP domains of this gateway: see stoxctl domain list",
                       SLICE_FMT(slice_first(name, 255)));
    list_each (l, &p->domains)
        if (slice_is(r->name, container_of(l, struct plan_domain, link)->name))
            return 0;
    return add_domain(p, r->object, err);
}

static int add_domains(struct plan *p, const struct slice *names, size_t n, struct err *err)
{
    const struct config_list *all = config_list(p->site.config, &sip_domain_kind);

    if ((n ? n : all->n) > PLAN_DOMAINS_MAX)
        return err_set(err, "%zu domains are more than the %d that are looked at at once: name some", n ? n : all->n,
                       PLAN_DOMAINS_MAX);
    for (size_t i = 0; i < n; i++)
        if (add_named(p, names[i], err) < 0)
            return -1;
    for (size_t i = 0; n == 0 && i < all->n; i++)
        if (add_domain(p, CONFIG_OBJECT(sip_domain, all, i), err) < 0)
            return -1;
    return 0;
}

/* ---- what speaks against it ---- */

static void note_address(struct plan *p, const struct plan_host *h, const struct addr *a)
{
    const struct setting_list *nets = &config_gateway(p->site.config)->partner_networks;
    const struct addr_net *net = nets->v;
    struct finding *it;
    char text[ADDR_TEXT];

    if (addr_scope(a) == ADDR_PUBLIC)
        return;
    for (size_t i = 0; i < nets->n; i++)
        if (addr_net_has(&net[i], a))
            return;
    it = findings_add(&p->notes, FINDING_WARNING, "address-not-public", h->name,
                      "%s gets %s, %s: partners on the Internet cannot come there", h->name, addr_ip_text(a, text),
                      addr_scope_text(addr_scope(a)));
    findings_remedy(&p->notes, it,
                    "Say which address partners see. If all partners are in networks of your own, list them as "
                    "partner-networks.");
    findings_line(&p->notes, it, "stoxctl gateway set --add-public-address ADDRESS");
}

static void note_hosts(struct plan *p)
{
    list_each (l, &p->hosts) {
        const struct plan_host *h = container_of(l, struct plan_host, link);

        for (size_t i = 0; i < h->n_addrs; i++)
            note_address(p, h, &h->addrs[i]);
        if (h->too_many_keys)
            findings_add(&p->notes, FINDING_NOTE, "too-many-keys", h->name,
                         "more than %d certificates with keys of their own are shown at %s: TLSA records cannot name "
                         "them all, and none are proposed",
                         DANE_RECORDS_MAX, h->name);
        if (h->n_addrs == 0)
            findings_add(&p->notes, FINDING_WARNING, "no-address", h->name,
                         "no address is known for %s: set the gateway's public-addresses", h->name);
    }
}

static void note_domain(struct plan *p, const struct plan_domain *d)
{
    const struct plan_service *s = &d->services[PLAN_XMPP];
    struct finding *it;

    if (s->n_ports == 0) {
        it = findings_add(&p->notes, FINDING_WARNING, "not-listening", d->name,
                          "no listen-xmpp is open to the world: partners cannot reach %s", d->name);
        findings_remedy(&p->notes, it, "Set listen-xmpp in the bootstrap file, and start the daemon anew.");
        return;
    }
    if (!s->chain)
        findings_add(&p->notes, FINDING_NOTE, "no-certificate", d->name,
                     "%s has no certificate, and so there is no TLSA record of it", d->name);
    else if (!s->chain->chain)
        findings_add(&p->notes, FINDING_WARNING, "certificate-unreadable", d->name, "%s", s->chain->why);
}

int plan_make(struct plan *p, const struct plan_site *site, const struct slice *names, size_t n, struct err *err)
{
    const struct slice name = config_gateway(site->config)->public_name;

    *p = (struct plan){ .site = *site, .ttl_s = PLAN_TTL_S };
    arena_init(&p->arena, PLAN_BYTES);
    chains_init(&p->chains, &p->arena);
    list_init(&p->domains);
    list_init(&p->hosts);
    list_init(&p->keys);
    findings_init(&p->notes);
    p->name = to_ascii(p, name.n ? name : site->boot->host_name);
    if (add_domains(p, names, n, err) < 0)
        return -1;
    for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++)
        if (!rows[id].sip)
            add_keys_of_others(p, id);
    list_each (l, &p->domains)
        note_domain(p, container_of(l, struct plan_domain, link));
    note_hosts(p);
    return 0;
}

void plan_fini(struct plan *p)
{
    chains_fini(&p->chains);
    findings_fini(&p->notes);
    arena_reset(&p->arena);
}
