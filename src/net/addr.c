#include "net/addr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/hash.h"

static const unsigned char mapped_prefix[12] = { [10] = 0xFF, [11] = 0xFF };

static bool is_v4(const struct addr *a)
{
    return a->sa.sa_family == AF_INET;
}

static void set_v4(struct addr *out, const void *ip, in_port_t port)
{
    *out = (struct addr){ .v4 = { .sin_family = AF_INET, .sin_port = port } };
    memcpy(&out->v4.sin_addr, ip, 4);
}

/* The bytes of the IP address, 4 or 16. */
static struct slice ip_bytes(const struct addr *a)
{
    return is_v4(a) ? slice_of((const char *)&a->v4.sin_addr, 4) : slice_of((const char *)&a->v6.sin6_addr, 16);
}

bool addr_from_sockaddr(const struct sockaddr *sa, struct addr *out)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;

    if (sa->sa_family == AF_INET) {
        memcpy(&v4, sa, sizeof(v4));
        set_v4(out, &v4.sin_addr, v4.sin_port);
        return true;
    }
    if (sa->sa_family != AF_INET6)
        return false;
    memcpy(&v6, sa, sizeof(v6));
    if (memcmp(&v6.sin6_addr, mapped_prefix, sizeof(mapped_prefix)) == 0) {
        set_v4(out, v6.sin6_addr.s6_addr + 12, v6.sin6_port);
        return true;
    }
    *out = (struct addr){ .v6 = v6 };
    out->v6.sin6_flowinfo = 0;
    return true;
}

static bool parse_bare_ip(struct slice ip, uint16_t port, struct addr *out)
{
    char text[INET6_ADDRSTRLEN];
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    struct in_addr v4;

    if (ip.n == 0 || ip.n >= sizeof(text) || slice_find(ip, '\0') < ip.n)
        return false;
    memcpy(text, ip.p, ip.n);
    text[ip.n] = '\0';
    if (inet_pton(AF_INET, text, &v4) == 1) {
        set_v4(out, &v4, htons(port));
        return true;
    }
    return inet_pton(AF_INET6, text, &v6.sin6_addr) == 1 && addr_from_sockaddr((const struct sockaddr *)&v6, out);
}

bool addr_parse_ip(struct slice ip, uint16_t port, struct addr *out)
{
    bool open = slice_starts(ip, SLICE("[")), closed = slice_ends(ip, SLICE("]"));

    if (!open && !closed)
        return parse_bare_ip(ip, port, out);
    if (!open || !closed || slice_find(ip, ':') == ip.n)
        return false;
    return parse_bare_ip(slice_of(ip.p + 1, ip.n - 2), port, out);
}

bool addr_parse(struct slice text, uint16_t default_port, struct addr *out)
{
    size_t end = slice_starts(text, SLICE("[")) ? slice_find(text, ']') + 1 : slice_find(text, ':');
    struct slice after = slice_from(text, end);
    uint64_t port;

    /* An IPv6 address without brackets has no port. */
    if (after.n == 0 || slice_find(slice_from(after, 1), ':') < after.n - 1)
        return addr_parse_ip(text, default_port, out);
    if (after.p[0] != ':' || !slice_u64(slice_from(after, 1), UINT16_MAX, &port))
        return false;
    return addr_parse_ip(slice_first(text, end), (uint16_t)port, out);
}

socklen_t addr_len(const struct addr *a)
{
    return is_v4(a) ? sizeof(a->v4) : sizeof(a->v6);
}

uint16_t addr_port(const struct addr *a)
{
    return ntohs(is_v4(a) ? a->v4.sin_port : a->v6.sin6_port);
}

void addr_set_port(struct addr *a, uint16_t port)
{
    if (is_v4(a))
        a->v4.sin_port = htons(port);
    else
        a->v6.sin6_port = htons(port);
}

bool addr_eq(const struct addr *a, const struct addr *b)
{
    return addr_port(a) == addr_port(b) && addr_same_ip(a, b);
}

/* A link-local address means something on its link only. */
bool addr_same_ip(const struct addr *a, const struct addr *b)
{
    return a->sa.sa_family == b->sa.sa_family && slice_eq(ip_bytes(a), ip_bytes(b)) &&
           (is_v4(a) || a->v6.sin6_scope_id == b->v6.sin6_scope_id);
}

bool addr_is_loopback(const struct addr *a)
{
    return is_v4(a) ? ntohl(a->v4.sin_addr.s_addr) >> 24 == 127 : IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

bool addr_is_wildcard(const struct addr *a)
{
    return is_v4(a) ? a->v4.sin_addr.s_addr == INADDR_ANY : IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr);
}

bool addr_is_unusable(const struct addr *a)
{
    uint32_t ip;

    if (!is_v4(a))
        return IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr) || IN6_IS_ADDR_MULTICAST(&a->v6.sin6_addr);
    ip = ntohl(a->v4.sin_addr.s_addr);
    return ip >> 24 == 0 || ip >> 28 == 0xE || ip == INADDR_BROADCAST;
}

uint64_t addr_hash_ip(const struct addr *a, const uint64_t key[2])
{
    struct hash h = { .key = { key[0], key[1] } };

    return hash_bytes(&h, ip_bytes(a));
}

static char *put_number(char *out, unsigned n)
{
    char digits[10];
    size_t at = sizeof(digits);

    do
        digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    memcpy(out, digits + at, sizeof(digits) - at);
    return out + sizeof(digits) - at;
}

/* Every request asks for some: inet_ntop prints it by sprintf. */
static char *put_v4(char *out, struct slice ip)
{
    for (size_t i = 0; i < ip.n; i++) {
        if (i > 0)
            *out++ = '.';
        out = put_number(out, (unsigned char)ip.p[i]);
    }
    *out = '\0';
    return out;
}

const char *addr_ip_text(const struct addr *a, char out[ADDR_TEXT])
{
    if (is_v4(a))
        put_v4(out, ip_bytes(a));
    else if (!inet_ntop(a->sa.sa_family, ip_bytes(a).p, out, ADDR_TEXT))
        out[0] = '\0';
    return out;
}

const char *addr_text(const struct addr *a, char out[ADDR_TEXT])
{
    char ip[ADDR_TEXT], *end;

    if (is_v4(a)) {
        end = put_v4(out, ip_bytes(a));
        *end++ = ':';
        *put_number(end, addr_port(a)) = '\0';
    } else {
        snprintf(out, ADDR_TEXT, "[%.46s]:%u", addr_ip_text(a, ip), addr_port(a));
    }
    return out;
}

bool addr_net_parse(struct slice text, struct addr_net *out)
{
    struct slice ip, len;
    bool has_len = slice_cut(text, '/', &ip, &len);
    bool written_v6 = slice_find(ip, ':') < ip.n;
    struct addr_net net;
    uint64_t prefix;

    if (!addr_parse_ip(ip, 0, &net.ip))
        return false;
    prefix = written_v6 ? 128 : 32;
    if (has_len && !slice_u64(len, prefix, &prefix))
        return false;
    if (written_v6 && is_v4(&net.ip)) { /* mapped */
        if (prefix < 96)
            return false;
        prefix -= 96;
    }
    net.prefix = (unsigned)prefix;
    *out = net;
    return true;
}

bool addr_net_has(const struct addr_net *net, const struct addr *a)
{
    struct slice x = ip_bytes(&net->ip), y = ip_bytes(a);
    size_t whole = net->prefix / 8;
    unsigned bits = net->prefix % 8;

    if (net->ip.sa.sa_family != a->sa.sa_family || !slice_eq(slice_first(x, whole), slice_first(y, whole)))
        return false;
    return bits == 0 || ((unsigned char)x.p[whole] ^ (unsigned char)y.p[whole]) >> (8 - bits) == 0;
}
