#include "net/dns_record.h"

#include <arpa/inet.h>

#include "base/text.h"

#define NAME_MAX_BYTES 253
#define LABEL_MAX_BYTES 63

static bool is_name_char(char c)
{
    c = text_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

bool dns_name_ok(const char *name)
{
    size_t label = 0, n = 0;

    for (; name[n]; n++) {
        if (n == NAME_MAX_BYTES)
            return false;
        if (name[n] == '.' && label == 0)
            return false;
        if (name[n] != '.' && (!is_name_char(name[n]) || label == LABEL_MAX_BYTES))
            return false;
        label = name[n] == '.' ? 0 : label + 1;
    }
    return label > 0;
}

/* Labels up to the empty one, which must end the rdata, as lower-case text. */
static bool parse_target(struct slice wire, char out[256])
{
    size_t n = 0;

    while (wire.n > 0 && wire.p[0] != 0) {
        size_t len = (unsigned char)wire.p[0];

        if (len > LABEL_MAX_BYTES || len >= wire.n || n + len + 1 > NAME_MAX_BYTES + 1)
            return false;
        for (size_t i = 1; i <= len; i++) {
            if (!is_name_char(wire.p[i]))
                return false;
            out[n++] = text_lower(wire.p[i]);
        }
        out[n++] = '.';
        wire = slice_from(wire, len + 1);
    }
    out[n > 0 ? n - 1 : 0] = '\0';
    return wire.n == 1;
}

static uint16_t read_u16(const char *p)
{
    return (uint16_t)((unsigned char)p[0] << 8 | (unsigned char)p[1]);
}

bool dns_parse_srv(struct slice rdata, struct dns_srv *out)
{
    if (rdata.n < 7 || !parse_target(slice_from(rdata, 6), out->target))
        return false;
    out->priority = read_u16(rdata.p);
    out->weight = read_u16(rdata.p + 2);
    out->port = read_u16(rdata.p + 4);
    return true;
}

/* Cuts a character-string (RFC 1035 3.3) off. */
static bool cut_string(struct slice *wire, struct slice *out)
{
    size_t n = wire->n > 0 ? (unsigned char)wire->p[0] : 0;

    if (wire->n == 0 || n >= wire->n)
        return false;
    *out = slice_of(wire->p + 1, n);
    *wire = slice_from(*wire, n + 1);
    return true;
}

bool dns_parse_naptr(struct slice rdata, struct dns_naptr *out)
{
    struct slice rest = slice_from(rdata, 4), flags, service, regexp;

    if (rdata.n < 4 || !cut_string(&rest, &flags) || !cut_string(&rest, &service) || !cut_string(&rest, &regexp))
        return false;
    if (!slice_ieq(flags, SLICE("s")) || regexp.n || service.n == 0 || service.n >= sizeof(out->service) ||
        !parse_target(rest, out->replacement) || !out->replacement[0])
        return false;
    out->order = read_u16(rdata.p);
    out->preference = read_u16(rdata.p + 2);
    for (size_t i = 0; i < service.n; i++)
        out->service[i] = text_lower(service.p[i]);
    out->service[service.n] = '\0';
    return true;
}

static bool is_tag_char(char c)
{
    c = text_lower(c);
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool dns_parse_caa(struct slice rdata, struct dns_caa *out)
{
    size_t n = rdata.n > 1 ? (unsigned char)rdata.p[1] : 0;
    struct slice value = slice_from(rdata, 2 + n);

    if (n == 0 || n >= sizeof(out->tag) || rdata.n < 2 + n || value.n >= sizeof(out->value))
        return false;
    out->critical = (unsigned char)rdata.p[0] & 0x80;
    for (size_t i = 0; i < n; i++) {
        if (!is_tag_char(rdata.p[2 + i]))
            return false;
        out->tag[i] = text_lower(rdata.p[2 + i]);
    }
    out->tag[n] = '\0';
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < ' ' || value.p[i] > '~')
            return false;
        out->value[i] = value.p[i];
    }
    out->value[value.n] = '\0';
    return true;
}

void dns_naptr_order(struct dns_naptr *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct dns_naptr moved = v[i];
        size_t k = i;

        for (; k > 0 && (moved.order < v[k - 1].order ||
                         (moved.order == v[k - 1].order && moved.preference < v[k - 1].preference));
             k--)
            v[k] = v[k - 1];
        v[k] = moved;
    }
}

bool dns_parse_addr(int type, struct slice rdata, uint16_t port, struct addr *out)
{
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

    if (type == DNS_TYPE_A && rdata.n == sizeof(v4.sin_addr)) {
        memcpy(&v4.sin_addr, rdata.p, sizeof(v4.sin_addr));
        return addr_from_sockaddr((const struct sockaddr *)&v4, out);
    }
    if (type == DNS_TYPE_AAAA && rdata.n == sizeof(v6.sin6_addr)) {
        memcpy(&v6.sin6_addr, rdata.p, sizeof(v6.sin6_addr));
        return addr_from_sockaddr((const struct sockaddr *)&v6, out);
    }
    return false;
}

static void swap(struct dns_srv *a, struct dns_srv *b)
{
    struct dns_srv t = *a;

    *a = *b;
    *b = t;
}

/* Lower priority number first; within one priority records of weight 0 first, as RFC 2782 wants them for its draw. */
static bool goes_before(const struct dns_srv *a, const struct dns_srv *b)
{
    if (a->priority != b->priority)
        return a->priority < b->priority;
    return a->weight == 0 && b->weight != 0;
}

/* Draws the record that comes first of n with the same priority. */
static size_t draw(const struct dns_srv *srv, size_t n, uint64_t (*random)(uint64_t below))
{
    uint64_t sum = 0, at;
    size_t i = 0;

    for (size_t k = 0; k < n; k++)
        sum += srv[k].weight;
    at = random(sum + 1);
    for (sum = srv[0].weight; sum < at && i + 1 < n; sum += srv[i].weight)
        i++;
    return i;
}

void dns_srv_order(struct dns_srv *srv, size_t n, uint64_t (*random)(uint64_t below))
{
    for (size_t i = 1; i < n; i++) {
        for (size_t k = i; k > 0 && goes_before(&srv[k], &srv[k - 1]); k--)
            swap(&srv[k], &srv[k - 1]);
    }
    for (size_t i = 0; i < n; i++) {
        size_t same = 1, k;

        while (i + same < n && srv[i + same].priority == srv[i].priority)
            same++;
        /* What was drawn moves to the front; the others keep their order, so zero weights stay first. */
        for (k = i + draw(srv + i, same, random); k > i; k--)
            swap(&srv[k], &srv[k - 1]);
    }
}
