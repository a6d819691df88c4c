#include "sip/flow.h"

const char *sip_transport_name(enum sip_transport t)
{
    switch (t) {
    case SIP_UDP: return "udp";
    case SIP_TCP: return "tcp";
    case SIP_TLS: return "tls";
    }
    return "unknown";
}

uint64_t sip_target_hash(const struct hash *h, const struct sip_target *target)
{
    /* Field by field: struct addr has padding, and a flow label that is no part of the address. */
    char key[1 + 2 + 16];
    size_t n = 0;
    uint16_t port = addr_port(&target->addr);

    key[n++] = (char)target->transport;
    memcpy(key + n, &port, sizeof(port));
    n += sizeof(port);
    if (target->addr.sa.sa_family == AF_INET6) {
        memcpy(key + n, &target->addr.v6.sin6_addr, 16);
        n += 16;
    } else {
        memcpy(key + n, &target->addr.v4.sin_addr, 4);
        n += 4;
    }
    if (target->transport != SIP_TLS)
        return hash_bytes(h, slice_of(key, n));
    return hash_more(h, hash_more(h, hash_bytes(h, slice_of(key, n)), slice_str(target->host)),
                     slice_str(target->route));
}

bool sip_target_eq(const struct sip_target *a, const struct sip_target *b)
{
    return a->transport == b->transport && a->apart == b->apart && addr_eq(&a->addr, &b->addr) &&
           (a->transport != SIP_TLS || (strcmp(a->host, b->host) == 0 && strcmp(a->route, b->route) == 0));
}
