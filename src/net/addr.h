/* An IP address with a port, IPv4 or IPv6. An IPv4-mapped IPv6 address is the IPv4 address (RFC 4291 2.5.5.2). */
#ifndef STOX_NET_ADDR_H
#define STOX_NET_ADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/slice.h"

struct addr {
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    };
};

/* [ "[" ] ip [ "]" ] only, numeric; names are refused. */
bool addr_parse_ip(struct slice ip, uint16_t port, struct addr *out);

/* "192.0.2.1:5060" or "[2001:db8::1]:5060"; without a port, default_port. */
bool addr_parse(struct slice text, uint16_t default_port, struct addr *out);

/* From the kernel's form, mapped addresses unmapped. False for other families. */
bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out);
socklen_t addr_len(const struct addr *a);
uint16_t addr_port(const struct addr *a);
void addr_set_port(struct addr *a, uint16_t port);
bool addr_eq(const struct addr *a, const struct addr *b); /* with port */
bool addr_same_ip(const struct addr *a, const struct addr *b);
bool addr_is_loopback(const struct addr *a);
bool addr_is_wildcard(const struct addr *a); /* 0.0.0.0 and ::, what a listener is bound to that takes all */
bool addr_is_unusable(const struct addr *a); /* multicast, broadcast, unspecified: never sent to */
uint64_t addr_hash_ip(const struct addr *a, const uint64_t key[2]);

/* A host as somebody has named it: an address with its port, or a name with or without one. */
struct addr_host {
    struct addr addr;  /* of no family: it is a name */
    struct slice name; /* borrowed */
    uint16_t port;     /* of the name; 0: none is given */
};

#define ADDR_TEXT 64
/* "192.0.2.1" / "2001:db8::1" without port; returns out. */
const char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT]);
/* "192.0.2.1:5060" / "[2001:db8::1]:5060"; returns out. */
const char *addr_text(const struct addr *a, char out[ADDR_TEXT]);

/* A network in CIDR form; without /len the single address. */
struct addr_net {
    struct addr ip;
    unsigned prefix;
};
bool addr_net_parse(struct slice text, struct addr_net *out);
bool addr_net_has(const struct addr_net *net, const struct addr *a);

#endif
