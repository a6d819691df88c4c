/*
 * The objects an administrator declares, and the table that declares each. Meaning and defaults follow the Lync gateway
 * where it had the same thing (lync-gateway.md 3).
 */
#ifndef STOX_STORE_MODEL_H
#define STOX_STORE_MODEL_H

#include "net/addr.h"
#include "store/setting.h"
#include "xmpp/methods.h"

/* What must be known before anything else opens. */
struct boot {
    const char *state_dir;
    unsigned log_level;                   /* enum log_level */
    struct slice host_name;               /* our name in Via */
    struct setting_list sip_udp, sip_tcp; /* struct addr */
    struct setting_list xmpp;             /* struct addr */
    struct setting_list dns_servers;      /* struct slice: "ip" or "ip@port" */
    const char *dns_trust_anchor;
    const char *trust_file;
};

enum pager_type { PAGER_NORMAL, PAGER_CHAT };

struct gateway {
    unsigned connection_limit;
    unsigned partner_connection_limit;
    unsigned keepalive_s;
    unsigned establish_s;
    unsigned inactivity_s;
    unsigned subscription_refresh_s;
    bool log_bodies;
    unsigned hold_s;
    unsigned pager_type; /* enum pager_type */
    unsigned transactions_max;
    unsigned message_max; /* bytes of text */
};

/* A domain whose users are on SIP. To XMPP partners we are its server. */
struct sip_domain {
    struct slice name; /* prepared */
    struct slice route_name;
    const struct route *route; /* resolved after reading */
    const char *certificate, *key;
};

enum route_transport { ROUTE_UDP, ROUTE_TCP };

/* How SIP users are reached, and who may speak for them. */
struct route {
    struct slice name;
    struct addr next_hop;
    unsigned transport;          /* enum route_transport */
    struct setting_list sources; /* struct addr_net; empty: the next hop's own address */
    unsigned im;
};

enum partner_type { PARTNER_FEDERATED, PARTNER_PUBLIC_VERIFIED, PARTNER_PUBLIC_UNVERIFIED };

struct partner {
    struct slice name;                      /* primary domain, prepared */
    struct setting_list additional_domains; /* struct slice, prepared */
    struct slice description;
    unsigned type;      /* enum partner_type */
    unsigned tls, sasl; /* enum xmpp_need */
    bool dialback;
    bool keep_alive;
    unsigned connection_limit; /* 0: the gateway's partner_connection_limit */
    struct slice proxy;        /* "host" or "host:port"; empty: SRV */
};

extern const struct setting_kind boot_kind, gateway_kind, sip_domain_kind, route_kind, partner_kind;

#endif
