#include "deploy/records.h"

#include "deploy/records_parts.h"
#include "net/addr_scope.h"
#include "xmpp/jid.h"

#define PLAN_BYTES (64u << 20)

/* ---- domains ---- */

static int plan_service(struct plan *p, struct plan_domain *d, enum plan_service_id id, const struct sip_domain *sip)
{
    struct plan_service *s = &d->services[id];
    const char *target;

    plan_find_ports(p, s, id);
    if (s->n_ports == 0)
        return 0;
    target = plan_target_of(p, d, id);
    s->host = target ? plan_use_host(p, target, id) : NULL;
    if (!s->host)
        return -1;
    s->chain = plan_service_is_sip(id) ? chains_of_sip(&p->chains, config_gateway(p->site.config))
                                       : chains_of_domain(&p->chains, sip);
    for (size_t i = 0; i < s->n_ports; i++)
        plan_add_key(p, s->host, s->ports[i], s->chain);
    return 0;
}

static int add_domain(struct plan *p, const struct sip_domain *sip, struct err *err)
{
    struct plan_domain *d = arena_zalloc(&p->arena, sizeof(*d));

    if (!d)
        return err_memory(err, "computing DNS records");
    list_init(&d->link);
    d->name = arena_strdup(&p->arena, sip->name);
    d->ascii = plan_to_ascii(p, sip->name);
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
    const struct plan_service *s = &d->services[d->services[PLAN_XMPP].n_ports ? PLAN_XMPP : PLAN_XMPPS];
    struct finding *it;

    if (s->n_ports == 0) {
        it = findings_add(&p->notes, FINDING_WARNING, "not-listening", d->name,
                          "no listen-xmpp is open to the world: partners cannot reach %s", d->name);
        findings_remedy(
            &p->notes, it,
            "Set listen-xmpp in the bootstrap file and start the daemon anew, or with proxies set outer-xmpp of "
            "each.");
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
    chains_init(&p->chains, p->site.config, &p->arena);
    list_init(&p->domains);
    list_init(&p->hosts);
    hash_init(&p->by_name);
    findings_init(&p->notes);
    p->name = plan_to_ascii(p, name.n ? name : site->boot->host_name);
    if (p->name && !strchr(p->name, '.'))
        p->name = NULL;
    if (add_domains(p, names, n, err) < 0)
        return -1;
    plan_add_keys_of_others(p);
    list_each (l, &p->domains)
        note_domain(p, container_of(l, struct plan_domain, link));
    note_hosts(p);
    return 0;
}

void plan_fini(struct plan *p)
{
    chains_fini(&p->chains);
    hash_free(&p->by_name);
    findings_fini(&p->notes);
    arena_reset(&p->arena);
}
