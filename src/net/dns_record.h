/* What is in DNS records and names, apart from asking for them: pure functions, for dns.c and its tests. */
#ifndef STOX_NET_DNS_RECORD_H
#define STOX_NET_DNS_RECORD_H

#include "net/dns.h"

#define DNS_TYPE_A 1
#define DNS_TYPE_AAAA 28
#define DNS_TYPE_SRV 33
#define DNS_TYPE_NAPTR 35
#define DNS_TYPE_TLSA 52
#define DNS_TYPE_CAA 257

/* Up to 253 characters, labels of 1 to 63 letters, digits, hyphens and underscores, no trailing dot. */
bool dns_name_ok(const char *name);

/* RFC 2782; rdata as on the wire, its name not compressed. False when it is malformed or the target is no host name. */
bool dns_parse_srv(struct slice rdata, struct dns_srv *out);

/*
 * RFC 3403 4.1; rdata as on the wire. False when it is malformed, or leads to no SRV records: another flag than "s", a regular
 * expression, a service of more characters than any that we know.
 */
bool dns_parse_naptr(struct slice rdata, struct dns_naptr *out);

/* RFC 8659 4.1. */
bool dns_parse_caa(struct slice rdata, struct dns_caa *out);

/* By order, then by preference (RFC 3403 4.1); equal ones stay as they are. */
void dns_naptr_order(struct dns_naptr *naptr, size_t n);

/* The rdata of A or AAAA. */
bool dns_parse_addr(int type, struct slice rdata, uint16_t port, struct addr *out);

#endif
