/*
 * The objects an administrator declares, and the table that declares each. Meaning and defaults follow the Lync gateway
 * where it had the same thing (lync-gateway.md 3).
 */
#ifndef STOX_STORE_MODEL_H
#define STOX_STORE_MODEL_H

#include "net/addr.h"
#include "store/setting.h"
#include "xmpp/methods.h"

/* What of Stox a process is (docs/PERIMETER.md). */
enum stoxd_role { STOXD_ALL, STOXD_GATEWAY, STOXD_PROXY };
extern const char *const stoxd_roles[]; /* in the order of the enum; ended by NULL */

/* What must be known before the store opens: the bootstrap file. */
struct boot {
    const char *state_dir;
    unsigned role;             /* enum stoxd_role; STOXD_ALL: what the command line says */
    const char *store;         /* URL; NULL: SQLite in state_dir */
    const char *admin_socket;  /* NULL: "admin.sock" in state_dir */
    struct setting_list admin; /* struct addr */
    const char *admin_certificate, *admin_key;
    unsigned log_level;                            /* enum log_level */
    struct slice host_name;                        /* our name in Via */
    struct setting_list sip_udp, sip_tcp, sip_tls; /* struct addr */
    struct setting_list xmpp, xmpps;               /* struct addr */
    struct setting_list acme_http, acme_tls;       /* struct addr */
    struct setting_list dns_servers;               /* struct slice: "ip" or "ip@port" */
    const char *dns_trust_anchor;
    const char *trust_file;
    const char *crl_file;
    struct setting_list link;      /* struct addr */
    struct setting_list link_pins; /* struct slice */
    const char *link_key;          /* NULL: "link.key" in state_dir */
};

enum pager_type { PAGER_NORMAL, PAGER_CHAT };

struct gateway {
    unsigned connection_limit;
    unsigned partner_connection_limit;
    unsigned keepalive_s;
    unsigned establish_s;
    unsigned inactivity_s;
    unsigned subscription_refresh_s;
    unsigned presence_rate;
    unsigned denied_hold_s, unwatched_days;
    bool polite_blocking;
    unsigned subscription_limit, route_subscription_limit, subscription_min_s, subscription_max_s, notify_pace_ms;
    unsigned sip_user_subscription_rate, user_presence_rate;
    bool log_bodies;
    unsigned hold_s;
    unsigned stop_s;
    unsigned pager_type; /* enum pager_type */
    unsigned transactions_max;
    unsigned message_max; /* bytes of text */
    struct slice dialback_passphrase;
    struct setting_list partner_networks;            /* struct addr_net */
    struct setting_list contacts;                    /* struct slice: "kind=URI" */
    unsigned partner_stanza_rate, partner_byte_rate; /* a second; 0: no limit */
    unsigned user_message_rate, sip_user_message_rate;
    unsigned session_limit, partner_session_limit, user_session_limit;
    unsigned contact_limit, partner_contact_limit, user_contact_limit;
    bool mixed_scripts;
    const char *sip_certificate, *sip_key; /* NULL: none; a certificate without a slash is a stored one, without key */
    struct slice admin_certificate;        /* a stored one; empty: that of the bootstrap file */
    struct slice public_name;              /* empty: host-name */
    struct setting_list public_addresses, authorities; /* struct slice */
    unsigned dns_check_h;                              /* 0: never */
    struct slice acme_directory, acme_contact;         /* empty: none */
    const char *acme_trust_file;                       /* NULL: the system's */
    bool acme_terms;
    struct slice acme_binding_id, acme_binding_key; /* empty: none */
    bool panel;
};

/* The organisation: the outermost gate. */
struct org {
    bool federation;
    struct slice description;
};

/* A domain whose users are on SIP. To XMPP partners we are its server. */
struct sip_domain {
    struct slice name;  /* prepared */
    struct slice route; /* the name of one */
    const char *certificate, *key;
};

enum route_transport { ROUTE_UDP, ROUTE_TCP, ROUTE_TLS, ROUTE_ANY };

/* What a source must show to speak for a route's domains. */
enum route_identify {
    ROUTE_BY_AUTO,
    ROUTE_BY_ADDRESS,
    ROUTE_BY_CERTIFICATE,
    ROUTE_BY_BOTH, /* address and certificate */
    ROUTE_BY_DIGEST,
    ROUTE_BY_ADDRESS_AND_DIGEST,
};

/* Whether SIP users are asked for receipts, and may ask for them. */
enum route_imdn { ROUTE_IMDN_NEVER, ROUTE_IMDN_AUTO, ROUTE_IMDN_ALWAYS };

/* How SIP users take texts. */
enum route_im { ROUTE_PAGER, ROUTE_SESSION, ROUTE_AUTO };

/* What a SIP user does to add a partner's user to his contacts. */
enum route_added_by { ROUTE_ADDED_BY_SUBSCRIPTION, ROUTE_ADDED_BY_MESSAGE };

/* How SIP users are reached, and who may speak for them. */
struct route {
    struct slice name;
    struct setting_list next_hops; /* struct addr_host, the first one first; empty: found by RFC 3263 */
    unsigned transport;            /* enum route_transport */
    unsigned health_s;             /* between two OPTIONS to each of next_hops; 0: none */
    struct setting_list sources;   /* struct addr_net; empty: the addresses among next_hops */
    unsigned identify_by;          /* enum route_identify, as it was set: see route_identifies_by */
    struct setting_list tls_names; /* struct slice: names of hosts; empty: the SIP domain itself */
    unsigned im;                   /* enum route_im */
    unsigned session_idle_s, session_limit;
    bool session_end_offline;
    unsigned imdn; /* enum route_imdn */
    bool receipt_on_200;
    struct slice digest_user, digest_password; /* what the SIP server proves to us; empty: it has no account */
    bool digest_md5;
    struct slice next_hop_user, next_hop_password; /* what we prove to the next hop */
    bool next_hop_route;                           /* a Route header names it */
    bool trust_identity;
    unsigned message_rate; /* a second; 0: no limit */
    bool presence, publish, publish_approval;
    unsigned subscription_rate; /* a second; 0: no limit */
    unsigned added_by;          /* enum route_added_by */
};

/* identify_by with auto resolved. */
enum route_identify route_identifies_by(const struct route *r);

/* Must requests prove by a password who they are from? */
static inline bool route_asks_digest(const struct route *r)
{
    return r->identify_by == ROUTE_BY_DIGEST || r->identify_by == ROUTE_BY_ADDRESS_AND_DIGEST;
}

enum partner_type { PARTNER_FEDERATED, PARTNER_PUBLIC_VERIFIED, PARTNER_PUBLIC_UNVERIFIED };

struct partner {
    struct slice name;                      /* primary domain, prepared */
    struct setting_list additional_domains; /* struct slice, prepared */
    struct slice description;
    unsigned type; /* enum partner_type */
    bool presence, names, photos;
    unsigned tls, sasl; /* enum xmpp_need */
    bool dialback;
    bool keep_alive;
    bool bidi;
    unsigned connection_limit;       /* 0: the gateway's partner_connection_limit */
    unsigned stanza_rate, byte_rate; /* 0: the gateway's partner_stanza_rate, partner_byte_rate */
    struct slice proxy;              /* "host" or "host:port"; empty: SRV */
    struct setting_list pins;        /* struct slice, as base/pin.h writes them */
    struct addr component;           /* of no family: reached as a server */
    struct slice component_secret;
};

/* Whether people may talk to partners. The closest one decides as a whole: the user's, the site's, the global one. */
struct policy {
    struct slice name; /* "global", "site:NAME", or the name of one that is granted to users */
    bool federation;
    bool xmpp; /* both must be yes */
    struct slice description;
};

#define POLICY_GLOBAL "global"
#define POLICY_SITE "site:" /* prefix */

/* A place where users belong: by pattern, unless their own record says otherwise. */
struct site {
    struct slice name;
    struct setting_list users; /* struct slice: patterns */
    bool served;
    struct slice description;
};

/* What is particular about one user on SIP; most have no record. */
struct sip_user {
    struct slice name;   /* user@domain */
    struct slice policy; /* granted; empty: the site's or the global one */
    struct slice site;   /* empty: by pattern */
    bool served;
    struct slice password; /* SIP digest; empty: none */
};

/* Administrators of Stox itself. */
enum admin_role { ADMIN_READER, ADMIN_HELPDESK, ADMIN_ADMINISTRATOR };

struct account {
    struct slice name;
    unsigned role;         /* enum admin_role */
    struct slice password; /* scrypt, as admin/password.h writes it */
    bool locked;           /* nobody is him, whoever knows the password */
    struct slice description;
};

/* An API token; its bearer has its role. */
struct token {
    struct slice name;
    unsigned role;
    struct slice hash;  /* hex SHA-256 of the token */
    unsigned expires_s; /* since 1970; 0: never */
    struct slice description;
};

/* Somebody on either side who may not talk to the other: a person, or all people of a domain. */
struct block {
    struct slice name;            /* user@domain or domain, prepared */
    struct setting_list partners; /* struct slice; empty: with all */
    struct slice description;
};

#define PROXIES_MAX 16 /* as many as a gateway links with (link/gateway.h) */

/* A proxy in the perimeter. */
struct proxy {
    struct slice name;
    struct addr address;             /* its inner one */
    struct slice pin;                /* as base/pin.h writes it; empty: not known yet, and it is not dialled */
    unsigned priority;               /* the least is used first */
    struct setting_list xmpp, xmpps; /* struct addr: outer ones */
    bool enabled;
    struct slice description;
};

#define CERTIFICATE_CHAIN_MAX 120000 /* characters */

/* A certificate, or a request for one, or both while it is renewed (store/certificate.h). */
struct certificate {
    struct slice name;
    unsigned use, profile, key_type; /* enum pki_use, pki_profile, pki_key_type */
    struct slice friendly_name;
    bool exportable;
    struct slice common_name, organization, unit, country, state, locality;
    struct setting_list names;         /* struct slice, as pki/names.h writes them */
    struct setting_list sip_domains;   /* struct slice */
    struct slice key, request_key;     /* sealed (pki/vault.h); empty: none */
    struct slice request;              /* base64 of the request that waits for its certificate; empty: none */
    struct slice chain;                /* as pki_chain_write writes it; empty: not imported yet */
    unsigned requested_s, installed_s; /* since 1970; 0: never */
    bool acme;                         /* asked for and renewed by ACME */
    struct slice acme_account;         /* sealed: the key of its account there; empty: none yet */
};

extern const struct setting_kind boot_kind;
extern const struct setting_kind gateway_kind, org_kind, route_kind, sip_domain_kind, partner_kind, policy_kind,
    site_kind, sip_user_kind, block_kind, account_kind, token_kind, certificate_kind, proxy_kind;

/* All kinds that the store keeps, in the order in which they can be made one after the other. */
#define MODEL_N_KINDS 13
extern const struct setting_kind *const model_kinds[MODEL_N_KINDS];

size_t model_index(const struct setting_kind *kind);

/* By name, noun or plural; NULL when there is none. */
const struct setting_kind *model_kind(struct slice word);

#endif
