#include "bridge/speaker.h"

#include "bridge/prove.h"
#include "sip/cert.h"
#include "sip/uri.h"

static bool is_source(const struct route *route, const struct addr *from)
{
    const struct addr_net *nets = route->sources.v;
    const struct addr_host *hops = route->next_hops.v;

    for (size_t i = 0; route->sources.n == 0 && i < route->next_hops.n; i++)
        if (hops[i].addr.sa.sa_family && addr_same_ip(&hops[i].addr, from))
            return true;
    for (size_t i = 0; i < route->sources.n; i++)
        if (addr_net_has(&nets[i], from))
            return true;
    return false;
}

bool speaker_is_next_hop(const struct route *route, struct slice domain, const struct sip_peer *peer)
{
    const struct slice *names = route->tls_names.v;

    if (peer->transport != SIP_TLS)
        return false;
    if (route->tls_names.n == 0)
        return sip_cert_covers(peer->names, peer->n_names, domain);
    for (size_t i = 0; i < route->tls_names.n; i++)
        if (sip_cert_names(peer->names, peer->n_names, names[i]))
            return true;
    return false;
}

static bool is_known(const struct route *route, struct slice domain, const struct sip_peer *peer)
{
    switch (route_identifies_by(route)) {
    case ROUTE_BY_AUTO: break; /* resolved */
    case ROUTE_BY_DIGEST:
    case ROUTE_BY_ADDRESS_AND_DIGEST:
    case ROUTE_BY_ADDRESS: return is_source(route, peer->addr);
    case ROUTE_BY_CERTIFICATE: return speaker_is_next_hop(route, domain, peer);
    case ROUTE_BY_BOTH: return is_source(route, peer->addr) && speaker_is_next_hop(route, domain, peer);
    }
    return false;
}

bool speaker_is_source(const struct route *route, struct slice domain, const struct sip_peer *peer)
{
    return route->identify_by == ROUTE_BY_DIGEST || is_known(route, domain, peer);
}

bool speaker_may(const struct route *route, struct slice domain, const struct sip_peer *peer)
{
    return speaker_is_source(route, domain, peer) &&
           (!route_asks_digest(route) || (peer->proof && peer->proof->route == route));
}

/* Its certificate may be that of a domain of ours, whose route asks for no other names. */
static const struct route *route_of_domains(const struct directory *d, const struct sip_peer *peer)
{
    for (size_t i = 0; i < peer->n_names; i++) {
        struct slice domain = peer->names[i].text;
        const struct route *route;
        struct sip_uri uri;

        if (peer->names[i].kind == TLS_NAME_URI)
            domain = sip_uri_parse(domain, &uri) ? uri.host : (struct slice){ 0 };
        route = directory_route_to(d, domain);
        if (route && is_known(route, domain, peer))
            return route;
    }
    return NULL;
}

const struct route *speaker_route(const struct directory *d, const struct sip_peer *peer)
{
    const struct config_list *routes = config_list(directory_config(d), &route_kind);

    for (size_t i = 0; i < routes->n; i++)
        if (is_known(CONFIG_OBJECT(route, routes, i), (struct slice){ 0 }, peer))
            return CONFIG_OBJECT(route, routes, i);
    return route_of_domains(d, peer);
}

struct slice speaker_of_hop(const struct directory *d, const struct route *route, const struct sip_target *target)
{
    const struct sip_peer hop = { .addr = &target->addr, .transport = target->transport };
    const struct route *speaker = target->transport == SIP_TLS ? NULL : speaker_route(d, &hop);

    return speaker ? speaker->name : route->name;
}
