#include "net/addr_scope.h"

#include <string.h>

struct row {
    unsigned char ip[16];
    unsigned prefix;
    enum addr_scope scope;
};

/* The first row that fits counts. */
static const struct row v4_rows[] = {
    { { 0 }, 8, ADDR_UNSPECIFIED },          { { 10 }, 8, ADDR_PRIVATE },
    { { 100, 64 }, 10, ADDR_PRIVATE },       { { 127 }, 8, ADDR_LOOPBACK },
    { { 169, 254 }, 16, ADDR_LINK_LOCAL },   { { 172, 16 }, 12, ADDR_PRIVATE },
    { { 192, 0, 0 }, 24, ADDR_RESERVED },   /* RFC 6890 */
    { { 192, 0, 2 }, 24, ADDR_RESERVED },   /* RFC 5737, with the two below */
    { { 192, 88, 99 }, 24, ADDR_RESERVED }, /* RFC 7526: whichever 6to4 relay is next */
    { { 192, 168 }, 16, ADDR_PRIVATE },      { { 198, 18 }, 15, ADDR_PRIVATE },
    { { 198, 51, 100 }, 24, ADDR_RESERVED }, { { 203, 0, 113 }, 24, ADDR_RESERVED },
    { { 224 }, 4, ADDR_MULTICAST },          { { 255, 255, 255, 255 }, 32, ADDR_BROADCAST },
    { { 240 }, 4, ADDR_RESERVED },           { { 0 }, 0, ADDR_PUBLIC },
};

static const struct row v6_rows[] = {
    { { 0 }, 128, ADDR_UNSPECIFIED },
    { { [15] = 1 }, 128, ADDR_LOOPBACK },
    { { 0xFE, 0x80 }, 10, ADDR_LINK_LOCAL },
    { { 0xFE, 0xC0 }, 10, ADDR_PRIVATE }, /* RFC 3879 took site-local away; routers still know it */
    { { 0xFC }, 7, ADDR_PRIVATE },
    { { 0xFF }, 8, ADDR_MULTICAST },
    { { 0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01 }, 48, ADDR_PRIVATE }, /* RFC 8215: a translator of this site */
    { { 0x20, 0x01, 0x00, 0x02 }, 48, ADDR_PRIVATE },             /* RFC 5180 */
    { { 0x20, 0x01 }, 23, ADDR_RESERVED },                        /* RFC 2928 */
    { { 0x20, 0x01, 0x0D, 0xB8 }, 32, ADDR_RESERVED },            /* RFC 3849, and RFC 9637 below */
    { { 0x3F, 0xFF }, 20, ADDR_RESERVED },
    { { 0x20 }, 3, ADDR_PUBLIC },
    { { 0 }, 0, ADDR_RESERVED }, /* RFC 4291 2.4: not given to anybody so far */
};

/* Where the IPv4 address stands. ::1 and :: look compatible and are not: see addr_unwrap. */
static const struct wrap {
    unsigned char ip[16];
    unsigned prefix;
    unsigned at;
    unsigned char mask; /* Teredo hides it from NATs that would rewrite it */
} wraps[] = {
    { { 0 }, 96, 12, 0 },                                  /* compatible */
    { { [10] = 0xFF, 0xFF }, 96, 12, 0 },                  /* mapped */
    { { [8] = 0xFF, 0xFF }, 96, 12, 0 },                   /* translated (RFC 2765) */
    { { 0x20, 0x02 }, 16, 2, 0 },                          /* 6to4 */
    { { 0x20, 0x01, 0x00, 0x00 }, 32, 12, 0xFF },          /* Teredo: the client */
    { { 0x00, 0x64, 0xFF, 0x9B }, 96, 12, 0 },             /* NAT64 */
    { { 0x00, 0x64, 0xFF, 0x9B, 0x00, 0x01 }, 96, 12, 0 }, /* the same, by a translator of this site */
};

static bool fits(const unsigned char *ip, const unsigned char *net, unsigned prefix)
{
    unsigned whole = prefix / 8, bits = prefix % 8;

    return memcmp(ip, net, whole) == 0 && (bits == 0 || (ip[whole] ^ net[whole]) >> (8 - bits) == 0);
}

bool addr_unwrap(const struct addr *a, struct addr *inner)
{
    const unsigned char *ip = a->v6.sin6_addr.s6_addr;
    unsigned char v4[4];

    if (a->sa.sa_family != AF_INET6 || IN6_IS_ADDR_UNSPECIFIED(&a->v6.sin6_addr) || addr_is_loopback(a))
        return false;
    for (size_t i = 0; i < sizeof(wraps) / sizeof(wraps[0]); i++) {
        const struct wrap *w = &wraps[i];

        if (!fits(ip, w->ip, w->prefix))
            continue;
        for (unsigned k = 0; k < 4; k++)
            v4[k] = ip[w->at + k] ^ w->mask;
        *inner = (struct addr){ .v4 = { .sin_family = AF_INET, .sin_port = a->v6.sin6_port } };
        memcpy(&inner->v4.sin_addr, v4, sizeof(v4));
        return true;
    }
    return false;
}

enum addr_scope addr_scope(const struct addr *a)
{
    bool v4;
    struct addr inner;
    const unsigned char *ip;
    const struct row *row;

    if (addr_unwrap(a, &inner))
        a = &inner;
    v4 = a->sa.sa_family == AF_INET;
    ip = v4 ? (const unsigned char *)&a->v4.sin_addr : a->v6.sin6_addr.s6_addr;
    row = v4 ? v4_rows : v6_rows; /* both end with a row that fits everything */
    while (!fits(ip, row->ip, row->prefix))
        row++;
    return row->scope;
}

const char *addr_scope_text(enum addr_scope scope)
{
    switch (scope) {
    case ADDR_PUBLIC: return "a public address";
    case ADDR_PRIVATE: return "a private address";
    case ADDR_LOOPBACK: return "a loopback address";
    case ADDR_LINK_LOCAL: return "a link-local address";
    case ADDR_MULTICAST: return "a multicast address";
    case ADDR_BROADCAST: return "the broadcast address";
    case ADDR_UNSPECIFIED: return "no address of a host";
    case ADDR_RESERVED: return "a reserved address";
    }
    return "an unknown address";
}
