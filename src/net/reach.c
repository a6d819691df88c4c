#include "net/reach.h"

#include <stdio.h>
#include <string.h>

#include "net/addr_scope.h"

#define PORT_FIRST 1024 /* those below are the system's; 443 is what firewalls let through (XEP-0368) */
#define PORT_HTTPS 443

/*
 * Of those above: services that take what comes from a neighbour's address for a neighbour's word, or that a few bytes of a
 * request or stream header mean something to. No server of ours is found there.
 */
static const struct {
    uint16_t first, last;
    const char *whose;
} not_ports[] = {
    { 1080, 1080, "SOCKS proxies" },
    { 1433, 1434, "SQL Server" },
    { 1521, 1521, "Oracle databases" },
    { 2049, 2049, "NFS" },
    { 2375, 2376, "Docker" },
    { 2379, 2380, "etcd" },
    { 3128, 3128, "HTTP proxies" },
    { 3306, 3306, "MySQL" },
    { 3389, 3389, "remote desktops" },
    { 4369, 4369, "Erlang's port mapper" },
    { 5060, 5061, "SIP" },
    { 5222, 5223, "XMPP" },
    { 5269, 5270, "XMPP" },
    { 5432, 5432, "PostgreSQL" },
    { 5900, 5909, "VNC" },
    { 5984, 5984, "CouchDB" },
    { 5985, 5986, "Windows remote management" },
    { 6000, 6063, "X11" },
    { 6379, 6379, "Redis" },
    { 6443, 6443, "Kubernetes" },
    { 6660, 6669, "IRC" },
    { 9200, 9200, "Elasticsearch" },
    { 9300, 9300, "Elasticsearch" },
    { 10250, 10250, "Kubernetes" },
    { 11211, 11211, "memcached" },
    { 27017, 27019, "MongoDB" },
};

bool reach_port_may(uint16_t port, const char *mine, char why[REACH_WHY])
{
    if (port < PORT_FIRST && port != PORT_HTTPS) {
        snprintf(why, REACH_WHY, "port %u: below %d only %d is used for %s", port, PORT_FIRST, PORT_HTTPS, mine);
        return false;
    }
    for (size_t i = 0; i < sizeof(not_ports) / sizeof(not_ports[0]); i++) {
        if (port < not_ports[i].first || port > not_ports[i].last || strcmp(not_ports[i].whose, mine) == 0)
            continue;
        snprintf(why, REACH_WHY, "port %u, which belongs to %s", port, not_ports[i].whose);
        return false;
    }
    return true;
}

static bool is_listed(const struct reach *r, const struct addr *to)
{
    for (size_t i = 0; i < r->n_nets; i++)
        if (addr_net_has(&r->nets[i], to))
            return true;
    return false;
}

/* No host has it, whatever is listed: 0.0.0.0 would even be this machine. */
static bool is_nobody(enum addr_scope scope)
{
    return scope == ADDR_UNSPECIFIED || scope == ADDR_MULTICAST || scope == ADDR_BROADCAST;
}

bool reach_may(const struct reach *r, const struct addr *to, enum reach_by by, char why[REACH_WHY])
{
    enum addr_scope scope = addr_scope(to);
    char at[ADDR_TEXT], to_text[ADDR_TEXT], leads[ADDR_TEXT + 32] = "";
    struct addr inner = *to;

    if (addr_unwrap(to, &inner))
        snprintf(leads, sizeof(leads), " and leads to %s", addr_ip_text(&inner, at));
    if (r->listens(r->owner, to) || r->listens(r->owner, &inner)) {
        snprintf(why, REACH_WHY, "%s%s, where this gateway itself listens", addr_text(to, to_text), leads);
        return false;
    }
    if (is_nobody(scope) || addr_port(to) == 0) {
        snprintf(why, REACH_WHY, "%s%s, %s; nothing can be connected to there", addr_text(to, to_text), leads,
                 is_nobody(scope) ? addr_scope_text(scope) : "which is no port");
        return false;
    }
    if (by == REACH_FIXED || scope == (by == REACH_LOCAL ? ADDR_LOOPBACK : ADDR_PUBLIC) || is_listed(r, to) ||
        is_listed(r, &inner))
        return true;
    snprintf(why, REACH_WHY, "%s%s, %s; list the network in %s if that is right", addr_ip_text(to, to_text), leads,
             addr_scope_text(scope), r->setting);
    return false;
}
