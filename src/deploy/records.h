/*
 * The DNS records that lead the world to this gateway, computed from its settings and certificates: for each SIP domain the SRV
 * records of what listens, for each name that they lead to addresses and TLSA records, and CAA. Pure: asks nobody but the
 * certificates' files.
 *
 * Where partners shall go is the gateway's public-name, or the host-name; without a full name it is xmpp.DOMAIN. SIP systems of the
 * Lync family refuse a server outside of its domain (ms-diagnostics 1009), so that they get sip.DOMAIN then.
 */
#ifndef STOX_DEPLOY_RECORDS_H
#define STOX_DEPLOY_RECORDS_H

#include "deploy/chains.h"
#include "deploy/findings.h"
#include "net/addr.h"
#include "store/config.h"

#define PLAN_PORTS_MAX 4
#define PLAN_ADDRS_MAX 16
#define PLAN_TTL_S 3600
#define PLAN_LINE 700

enum plan_service_id { PLAN_XMPP, PLAN_XMPPS, PLAN_SIP_FEDERATION, PLAN_SIPS, PLAN_SERVICES };

struct plan_host {
    struct list link;
    struct hash_node node;
    const char *name; /* A-labels, lower case, no trailing dot, as all names here */
    struct addr addrs[PLAN_ADDRS_MAX];
    size_t n_addrs;
    bool chosen;        /* the addresses are the setting's, and not those that we listen on */
    struct list keys;   /* struct plan_key.link */
    bool too_many_keys; /* more than anybody takes: TLSA records cannot name them all */
};

/* A key that some server of ours shows at a host's port: one TLSA record. */
struct plan_key {
    struct list link;
    uint16_t port;
    const struct chain *chain;
    unsigned char hash[TLS_KEY_HASH];
};

struct plan_service {
    uint16_t ports[PLAN_PORTS_MAX];
    size_t n_ports; /* 0: it does not listen where the world could come */
    bool outer;     /* they are the proxies': nobody inside can connect to them */
    struct plan_host *host;
    const struct chain *chain; /* that its connections show; NULL: none */
};

struct plan_domain {
    struct list link;
    const char *name;  /* as administrators write it */
    const char *ascii; /* as DNS has it */
    struct plan_service services[PLAN_SERVICES];
};

/* What it is computed from; all borrowed while the plan lives. */
struct plan_site {
    const struct boot *boot;
    const struct config *config;
    const struct addr *interfaces; /* this machine's, for listeners that take all */
    size_t n_interfaces;
};

struct plan {
    struct arena arena;
    struct plan_site site;
    struct chains chains;
    uint32_t ttl_s;
    const char *name;    /* where XMPP partners shall go; NULL: xmpp.DOMAIN */
    struct list domains; /* struct plan_domain.link */
    size_t n_domains;
    struct list hosts;     /* struct plan_host.link: those that the domains' records lead to */
    struct hash by_name;   /* struct plan_host.node */
    struct findings notes; /* what is missing for more records, or speaks against these */
};

/* names: SIP domains as administrators write them; none: all. -1 with a sentence: one is none of ours. plan_fini is due in any case. */
int plan_make(struct plan *p, const struct plan_site *site, const struct slice *names, size_t n, struct err *err);
void plan_fini(struct plan *p);

/* "_xmpp-server._tcp"; whether it may be left to other servers. */
const char *plan_service_label(enum plan_service_id id);
bool plan_service_is_optional(enum plan_service_id id);

/* NULL: no record of the plan leads there. */
struct plan_host *plan_find_host(const struct plan *p, const char *name);

/* Is host the domain or below it? */
bool plan_is_within(const char *host, const char *domain);

/* One record, with its texts. Borrowed until return. */
struct plan_record {
    const char *domain; /* of ours; "": of all that share the host */
    const char *owner;
    const char *type;
    uint32_t ttl_s;
    const char *data;
    bool optional;
    const char *why;
};
void plan_each(const struct plan *p, void (*fn)(void *arg, const struct plan_record *record), void *arg);

/* The same as lines of a zone file, one by one. */
void plan_srv_line(const struct plan *p, const struct plan_domain *d, enum plan_service_id id, size_t port,
                   char out[PLAN_LINE]);
void plan_addr_line(const struct plan *p, const char *host, const struct addr *a, char out[PLAN_LINE]);
void plan_tlsa_line(const struct plan *p, const char *host, uint16_t port, const struct chain *chain,
                    char out[PLAN_LINE]);
void plan_caa_line(const struct plan *p, const struct plan_domain *d, struct slice authority, char out[PLAN_LINE]);

#endif
