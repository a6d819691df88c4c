/*
 * Names to addresses, by libunbound on our loop: NAPTR, SRV, A, AAAA, TLSA and CAA, with DNSSEC status. Answers come as they are in DNS;
 * choosing among them (RFC 2782 weights, RFC 3263, RFC 6120 3.2) is dns_srv_order's and the protocols' work.
 */
#ifndef STOX_NET_DNS_H
#define STOX_NET_DNS_H

#include "net/addr.h"
#include "net/dane.h"
#include "net/loop.h"

struct dns;

struct dns_conf {
    const struct slice *servers; /* addresses to ask, "ip" or "ip@port"; none: the system's resolv.conf */
    size_t n_servers;
    const char *trust_anchor_file; /* for DNSSEC; NULL: status is never secure */
};
struct dns *dns_new(struct loop *loop, const struct dns_conf *conf, struct err *err);

/* Queries still running are cancelled. */
void dns_free(struct dns *dns);

enum dns_status {
    DNS_OK,      /* there are records */
    DNS_NO_DATA, /* the name exists (or may exist), no record of this type */
    DNS_NO_NAME, /* NXDOMAIN */
    DNS_FAILED,  /* SERVFAIL, time-out, DNSSEC bogus: ask again later */
};

/* Why a question has failed. */
enum dns_fault {
    DNS_FAULT_NONE,
    DNS_FAULT_SILENCE, /* nothing came in time */
    DNS_FAULT_SERVER,  /* SERVFAIL, or another error code; also what libunbound makes of servers that are silent */
    DNS_FAULT_BOGUS,   /* DNSSEC */
    DNS_FAULT_RECORDS, /* all of them are malformed */
    DNS_FAULT_HERE,    /* the resolver on this machine */
};

struct dns_srv {
    uint16_t priority, weight, port;
    char target[256]; /* lower case, no trailing dot; "" for "." (service not offered, RFC 2782) */
    unsigned mark;    /* the caller's: 0 from DNS, and dns_srv_order takes it along */
};

/* A NAPTR record that ends the search for a service (RFC 3403, flag "s"); those with other flags or a regexp are left out. */
struct dns_naptr {
    uint16_t order, preference;
    char service[32];      /* lower case: "sip+d2u" */
    char replacement[256]; /* where the SRV records are: lower case, no trailing dot */
};

/* A CAA record (RFC 8659). */
struct dns_caa {
    bool critical;
    char tag[16];    /* lower case */
    char value[256]; /* printable ASCII; what is not, and what is longer, makes the record malformed */
};

struct dns_answer {
    enum dns_status status;
    enum dns_fault fault; /* for DNS_FAILED: what kind */
    bool secure;          /* validated by DNSSEC */
    uint32_t ttl_s;
    const char *why;           /* for DNS_FAILED: a clause for the log */
    const char *alias_of;      /* the name asked for is a CNAME, and this is where it leads; NULL: it is none */
    const struct dns_srv *srv; /* of dns_query_srv, at most 32 */
    size_t n_srv;
    const struct dns_naptr
        *naptr; /* of dns_query_naptr, at most 32, by order and preference; usable or none: may be 0 */
    size_t n_naptr;
    const struct addr *addrs; /* of dns_query_addrs, at most 32, port as asked, AAAA and A taking turns (RFC 8305) */
    size_t n_addrs;
    const struct dane_record *tlsa; /* of dns_query_tlsa, at most DANE_RECORDS_MAX, usable or not */
    size_t n_tlsa;
    const struct dns_caa *caa; /* of dns_query_caa, at most 32 */
    size_t n_caa;
};

struct dns_query;                                                  /* lives until its callback or dns_cancel */
typedef void dns_done(void *arg, const struct dns_answer *answer); /* answer is borrowed until return */

/* name: without trailing dot, A-labels. NULL when the question cannot be asked; the callback is never called from inside. */
struct dns_query *dns_query_srv(struct dns *dns, const char *name, dns_done *done, void *arg);
struct dns_query *dns_query_addrs(struct dns *dns, const char *name, uint16_t port, dns_done *done, void *arg);

/* NAPTR records. DNS_OK with none: there are some, but none of this kind. */
struct dns_query *dns_query_naptr(struct dns *dns, const char *name, dns_done *done, void *arg);

/* What is said of the certificate of host's server at this TCP port; DNS_OK says nothing if the answer is not secure. */
struct dns_query *dns_query_tlsa(struct dns *dns, const char *host, uint16_t port, dns_done *done, void *arg);

/* Which authorities may issue for exactly this name; whoever wants to know climbs the tree himself (RFC 8659 3). */
struct dns_query *dns_query_caa(struct dns *dns, const char *name, dns_done *done, void *arg);

/* The callback will not come. */
void dns_cancel(struct dns_query *q);

/* Puts records in the order to try: by priority, by weighted chance within one (RFC 2782). random(n) gives 0..n-1. */
void dns_srv_order(struct dns_srv *srv, size_t n, uint64_t (*random)(uint64_t below));

#endif
