/*
 * What part of the world an address belongs to. Some IPv6 addresses are only a wrapping: the packet goes on to the IPv4
 * address inside. Of these the inner one decides.
 */
#ifndef STOX_NET_ADDR_SCOPE_H
#define STOX_NET_ADDR_SCOPE_H

#include "net/addr.h"

enum addr_scope {
    ADDR_PUBLIC,
    ADDR_PRIVATE, /* RFC 1918, RFC 4193 and the site-local ones before it, RFC 6598, benchmarks (RFC 2544, RFC 5180) */
    ADDR_LOOPBACK,
    ADDR_LINK_LOCAL,
    ADDR_MULTICAST,
    ADDR_BROADCAST,
    ADDR_UNSPECIFIED, /* 0.0.0.0/8 and :: */
    ADDR_RESERVED,    /* documentation, protocols' own, and all that nobody has been given */
};
enum addr_scope addr_scope(const struct addr *a);

/* "a private address" */
const char *addr_scope_text(enum addr_scope scope);

/*
 * The address inside of an IPv4-mapped, -translated or -compatible (RFC 4291 2.5.5), 6to4 (RFC 3056), NAT64 (RFC 6052,
 * RFC 8215) or Teredo (RFC 4380) one, with the same port. False: a is no wrapping.
 */
bool addr_unwrap(const struct addr *a, struct addr *inner);

#endif
