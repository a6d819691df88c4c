/* The domainpart: IDNA2008 names in U-labels, host names, IP literals (RFC 7622 3.2). */
#include <arpa/inet.h>
#include <idn2.h>

#include "base/text.h"
#include "xmpp/jid.h"
#include "xmpp/precis.h"

#define LABEL_MAX 63
#define NAME_MAX_ASCII 253 /* RFC 1035 2.3.4, without the trailing dot */

/* Bytes of a U-label name that libidn2 is asked about at most: 253 A-label characters stand for fewer than this. */
#define NAME_MAX_UTF8 JID_PART_MAX

/* Not IDN2_USE_STD3_ASCII_RULES: with it, libidn2 2.3.3 leaves out what would map to '@' or '/' instead of refusing it.
 * Without it these characters come out, and host_kind sees them. */
#define IDN_FLAGS (IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL)

enum host_kind {
    HOST_BAD,
    HOST_PLAIN, /* NR-LDH labels */
    HOST_IDN,   /* not ASCII, or with A-labels */
};

static bool ldh(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

/* RFC 5890 2.3.1: "--" in third and fourth place is reserved; only "xn--" means something. */
static enum host_kind label_kind(struct slice label)
{
    if (label.n == 0 || label.n > LABEL_MAX || label.p[0] == '-' || label.p[label.n - 1] == '-')
        return HOST_BAD;
    for (size_t i = 0; i < label.n; i++) {
        if (!ldh(label.p[i]))
            return HOST_BAD;
    }
    if (label.n >= 4 && label.p[2] == '-' && label.p[3] == '-')
        return slice_istarts(label, SLICE("xn--")) ? HOST_IDN : HOST_BAD;
    return HOST_PLAIN;
}

static enum host_kind host_kind(struct slice name)
{
    enum host_kind kind = HOST_PLAIN;
    struct slice rest = name, label;
    bool more = true;

    for (size_t i = 0; i < name.n; i++) {
        if ((unsigned char)name.p[i] >= 0x80)
            return name.n <= NAME_MAX_UTF8 ? HOST_IDN : HOST_BAD;
    }
    if (name.n == 0 || name.n > NAME_MAX_ASCII)
        return HOST_BAD;
    while (more) {
        more = slice_cut(rest, '.', &label, &rest);
        switch (label_kind(label)) {
        case HOST_BAD: return HOST_BAD;
        case HOST_IDN: kind = HOST_IDN; break;
        case HOST_PLAIN: break;
        }
    }
    return kind;
}

static bool copy_lower(struct arena *a, struct slice in, struct slice *out)
{
    char *to = arena_alloc(a, in.n);

    if (!to)
        return false;
    for (size_t i = 0; i < in.n; i++)
        to[i] = text_lower(in.p[i]);
    *out = slice_of(to, in.n);
    return true;
}

/* UTS 46 drops invisible characters, IDNA2008 knows them not: a name that holds one is refused, like one that is no UTF-8. */
static bool all_visible(struct slice name)
{
    size_t at = 0;
    uint32_t ch;

    while (text_next(name, &at, &ch)) {
        enum precis_property property = precis_property(ch);

        if (property == PRECIS_DISALLOWED || property == PRECIS_UNASSIGNED)
            return false;
    }
    return at == name.n;
}

/* IDNA2008 lookup: every label is checked, the result is A-labels. */
static bool to_ascii(struct arena *a, struct slice in, struct slice *out)
{
    char *z = all_visible(in) ? arena_strdup(a, in) : NULL;
    uint8_t *ascii = NULL;
    bool ok;

    if (!z || idn2_lookup_u8((const uint8_t *)z, &ascii, IDN_FLAGS) != IDN2_OK)
        return false;
    /* What came out may have gained a trailing or an inner dot by mapping: it has to be a name as it stands. */
    ok = host_kind(slice_str((const char *)ascii)) != HOST_BAD && copy_lower(a, slice_str((const char *)ascii), out);
    idn2_free(ascii);
    return ok;
}

static bool to_unicode(struct arena *a, struct slice ascii, struct slice *out)
{
    char *z = arena_strdup(a, ascii), *name = NULL;

    if (!z || idn2_to_unicode_8z8z(z, &name, IDN_FLAGS) != IDN2_OK)
        return false;
    *out = arena_dup(a, slice_str(name));
    idn2_free(name);
    return out->p && out->n && out->n <= JID_PART_MAX;
}

/* By way of A-labels: they are unique, and what does not come back from them unchanged is no name. */
static bool prep_idn(struct arena *a, struct slice in, struct slice *out)
{
    struct slice ascii, again;

    return to_ascii(a, in, &ascii) && to_unicode(a, ascii, out) && to_ascii(a, *out, &again) && slice_eq(ascii, again);
}

/* RFC 3986 3.2.2. Written as RFC 5952 writes it, so that one address is one domain. Zones are of this machine only. */
static bool prep_ipv6(struct arena *a, struct slice in, struct slice *out)
{
    char text[INET6_ADDRSTRLEN + 2], canonical[INET6_ADDRSTRLEN + 2];
    struct in6_addr addr;
    size_t n;

    if (in.n < 4 || in.n - 2 >= INET6_ADDRSTRLEN || in.p[in.n - 1] != ']' || memchr(in.p, '\0', in.n))
        return false;
    memcpy(text, in.p + 1, in.n - 2);
    text[in.n - 2] = '\0';
    if (inet_pton(AF_INET6, text, &addr) != 1 || !inet_ntop(AF_INET6, &addr, canonical + 1, INET6_ADDRSTRLEN))
        return false;
    n = 1 + strlen(canonical + 1);
    canonical[0] = '[';
    canonical[n++] = ']';
    *out = arena_dup(a, slice_of(canonical, n));
    return out->p != NULL;
}

bool jid_prep_domain(struct arena *a, struct slice in, struct slice *out)
{
    if (in.n && in.p[0] == '[')
        return prep_ipv6(a, in, out);
    if (in.n && in.p[in.n - 1] == '.')
        in.n--;
    switch (host_kind(in)) {
    case HOST_BAD: return false;
    case HOST_PLAIN: return copy_lower(a, in, out);
    case HOST_IDN: return prep_idn(a, in, out);
    }
    return false;
}

bool jid_domain_to_ascii(struct arena *a, struct slice domain, struct slice *out)
{
    if (domain.n && domain.p[0] == '[')
        return prep_ipv6(a, domain, out);
    switch (host_kind(domain)) {
    case HOST_BAD: return false;
    case HOST_PLAIN: return copy_lower(a, domain, out);
    case HOST_IDN: return to_ascii(a, domain, out);
    }
    return false;
}
