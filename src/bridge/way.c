#include "bridge/way.h"

#include "base/text.h"
#include "bridge/speaker.h"
#include "sip/cert.h"
#include "xmpp/jid.h"

static bool is_ascii(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
    return true;
}

/* Nearly all names are their own A-labels. */
static bool to_ascii(struct arena *arena, struct slice name, struct slice *out)
{
    *out = name;
    return (is_ascii(name) || jid_domain_to_ascii(arena, name, out)) && out->n <= SIP_HOST_MAX;
}

static unsigned transports_of(const struct route *route)
{
    switch ((enum route_transport)route->transport) {
    case ROUTE_UDP: break;
    case ROUTE_TCP: return SIP_MAY(SIP_TCP);
    case ROUTE_TLS: return SIP_MAY(SIP_TLS);
    case ROUTE_ANY: return SIP_MAY_ANY;
    }
    return SIP_MAY(SIP_UDP);
}

/* A hop's address, with the port that is meant where none is given. Of no family: it is a name. */
static struct addr address_of(const struct route *route, const struct addr_host *hop)
{
    struct addr at = hop->addr;

    if (at.sa.sa_family && !addr_port(&at))
        addr_set_port(&at, route->transport == ROUTE_TLS ? 5061 : 5060);
    return at;
}

/* The hops with their ports, and their names as A-labels; where all have and are, as they are. */
static bool take_hops(struct arena *arena, const struct route *route, struct sip_destination *out)
{
    const struct addr_host *hops = route->next_hops.v;
    struct addr_host *copy = NULL;

    out->hops = hops;
    out->n_hops = route->next_hops.n;
    for (size_t i = 0; i < out->n_hops; i++) {
        if (hops[i].addr.sa.sa_family ? addr_port(&hops[i].addr) != 0 : is_ascii(hops[i].name))
            continue;
        if (!copy) {
            copy = arena_alloc(arena, out->n_hops * sizeof(*copy));
            if (!copy)
                return false;
            memcpy(copy, hops, out->n_hops * sizeof(*copy));
            out->hops = copy;
        }
        copy[i].addr = address_of(route, &hops[i]);
        if (!to_ascii(arena, hops[i].name, &copy[i].name))
            return false;
    }
    return true;
}

bool way_to(struct arena *arena, const struct route *route, struct slice domain, struct sip_destination *out)
{
    *out = (struct sip_destination){ .route = route->name,
                                     .transports = transports_of(route),
                                     .to_proxy = route->next_hop_route,
                                     .networks = route->sources.v,
                                     .n_networks = route->sources.n };
    if (route->tls_names.n && !to_ascii(arena, ((const struct slice *)route->tls_names.v)[0], &out->tls_name))
        return false;
    if (route->next_hops.n) { /* these lead where the administrator says */
        out->networks = NULL;
        out->n_networks = 0;
    }
    return to_ascii(arena, domain, &out->domain) && take_hops(arena, route, out);
}

bool way_first(const struct sip_destination *to, struct sip_target *out)
{
    struct slice host = to->tls_name.n ? to->tls_name : to->domain;

    if (!to->n_hops || !to->hops[0].addr.sa.sa_family || to->route.n >= sizeof(out->route) ||
        host.n >= sizeof(out->host))
        return false;
    *out = (struct sip_target){ .addr = to->hops[0].addr,
                                .transport = to->transports & SIP_MAY(SIP_UDP)   ? SIP_UDP
                                             : to->transports & SIP_MAY(SIP_TCP) ? SIP_TCP
                                                                                 : SIP_TLS };
    memcpy(out->route, to->route.p, to->route.n);
    if (out->transport == SIP_TLS)
        memcpy(out->host, host.p, host.n);
    return true;
}

bool way_of_route(struct arena *arena, const struct directory *d, const struct route *route,
                  struct sip_destination *out)
{
    const struct config_list *domains = config_list(directory_config(d), &sip_domain_kind);

    for (size_t i = 0; i < domains->n; i++) {
        const struct sip_domain *domain = CONFIG_OBJECT(sip_domain, domains, i);

        if (slice_eq(domain->route, route->name))
            return way_to(arena, route, domain->name, out);
    }
    return false;
}

/* May it still be where the route leads? Addresses that DNS has given are not known here. */
static bool leads_to(const struct route *route, const struct sip_target *target)
{
    const struct addr_host *hops = route->next_hops.v;

    for (size_t i = 0; i < route->next_hops.n; i++) {
        struct addr at = address_of(route, &hops[i]);

        if (!at.sa.sa_family || addr_eq(&at, &target->addr))
            return true;
    }
    return route->next_hops.n == 0;
}

/* Is it one of the names in next-hop that was asked for? */
static bool is_hop_name(const struct route *route, struct slice host)
{
    const struct addr_host *hops = route->next_hops.v;
    char mem[WAY_MEM];
    struct arena arena;
    bool found = false;
    struct slice name;

    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    for (size_t i = 0; i < route->next_hops.n && !found; i++)
        found = hops[i].name.n && to_ascii(&arena, hops[i].name, &name) && slice_ieq(name, host);
    arena_reset(&arena);
    return found;
}

bool way_leads(const struct directory *d, const struct route *route, const struct sip_uri *uri)
{
    const struct addr_host *hops = route->next_hops.v;
    struct slice host = uri->host;
    const struct route *theirs;
    char lower[SIP_HOST_MAX];
    struct addr at;

    if (!host.n || host.n > sizeof(lower))
        return false;
    for (size_t i = 0; i < host.n; i++)
        lower[i] = text_lower(host.p[i]);
    host = slice_of(lower, host.n);
    theirs = directory_route_to(d, host);
    if (theirs)
        return theirs == route;
    if (!addr_parse_ip(host, uri->port ? uri->port : 5060, &at))
        return is_hop_name(route, host);
    for (size_t i = 0; i < route->next_hops.n; i++) {
        struct addr hop = address_of(route, &hops[i]);

        if (hop.sa.sa_family && addr_eq(&hop, &at))
            return true;
    }
    return false;
}

bool way_is_meant(const struct route *route, const struct sip_target *target, const struct sip_peer *peer,
                  const char **why)
{
    struct slice host = slice_str(target->host);

    if (!(transports_of(route) & SIP_MAY(SIP_TLS)) || !leads_to(route, target)) {
        *why = "the route has another next hop by now";
        return false;
    }
    if (route->tls_names.n == 0 && is_hop_name(route, host)) {
        *why =
            "its certificate does not show the name by which next-hop has it (set tls-names to the name that it shows)";
        return peer->transport == SIP_TLS && sip_cert_names(peer->names, peer->n_names, host);
    }
    *why = route->tls_names.n
               ? "its certificate shows none of the route's tls-names (add the name that it shows to them)"
               : "its certificate is not for the SIP domain (let it show that, or set the route's tls-names)";
    return speaker_is_next_hop(route, host, peer);
}
