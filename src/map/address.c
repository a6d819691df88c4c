#include "map/address.h"

#include <errno.h>

#include "base/text.h"
#include "map/scratch.h"

/* Octets a SIP user part may hold unescaped, alphanumerics and - _ . ! ~ * ' ( ) & = + $ , ; ? / (RFC 3261 25.1). */
static const struct text_set user_set = { { 0xabffffd200000000, 0x47fffffe87fffffe, 0, 0 } };

/* The same for a URI parameter's value: alphanumerics and - _ . ! ~ * ' ( ) [ ] / : & + $. */
static const struct text_set param_set = { { 0x07ffefd200000000, 0x47fffffeaffffffe, 0, 0 } };

/* Octets that need no work on the way from a SIP user part to a localpart: no escape of either side. */
static const struct text_set plain_set = { { 0xabff7f1200000000, 0x47fffffe87fffffe, 0, 0 } };

/* What prepared ASCII domains and IP literals consist of. */
static const struct text_set host_set = { { 0x07ff600000000000, 0x07fffffeaffffffe, 0, 0 } };

static bool all_in(const struct text_set *set, struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if (!(set->bits[c >> 6] >> (c & 63) & 1))
            return false;
    }
    return true;
}

/* The character that the escape at s[at] stands for, letter case of its digits ignored; 0 when there is none. */
static char escape_at(struct slice s, size_t at)
{
    static const char ten[] = " \"&'/:<>@\\";
    static const char codes[] = "202226272f3a3c3e405c";

    if (s.n - at < 3 || s.p[at] != '\\')
        return 0;
    for (size_t i = 0; i < sizeof(ten) - 1; i++) {
        if (codes[2 * i] == s.p[at + 1] && codes[2 * i + 1] == text_lower(s.p[at + 2]))
            return ten[i];
    }
    return 0;
}

/* As escape_at, but only the lower-case form that escaping writes. */
static char escape_here(struct slice s, size_t at)
{
    char c = escape_at(s, at);

    return c && !(s.p[at + 2] >= 'A' && s.p[at + 2] <= 'F') ? c : 0;
}

static size_t count_escapes(struct slice s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && escape_here(s, i)) {
            n++;
            i += 2;
        }
    }
    return n;
}

/* XEP-0106 wants \5c only where the backslash would otherwise begin an escape. Anywhere else it would become the SIP user
 * of the localpart with a plain backslash: two people, one name. */
static bool has_needless_escape(struct slice local)
{
    for (size_t i = 0; i < local.n; i++) {
        char c = local.p[i] == '\\' ? escape_here(local, i) : 0;

        if (!c)
            continue;
        if (c == '\\') {
            char rest[] = { '\\', i + 3 < local.n ? local.p[i + 3] : 0, i + 4 < local.n ? local.p[i + 4] : 0 };

            if (!escape_at(slice_of(rest, sizeof(rest)), 0))
                return true;
        }
        i += 2;
    }
    return false;
}

bool map_escape_local(struct buf *b, struct slice text)
{
    static const struct text_set reserved = { { 0x540080c500000000, 0x0000000000000001, 0, 0 } };

    if (text.n && (text.p[0] == ' ' || text.p[text.n - 1] == ' '))
        return false;
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];

        if ((reserved.bits[c >> 6] >> (c & 63) & 1) || (c == '\\' && escape_at(text, i))) {
            char digits[] = { '\\', "0123456789abcdef"[c >> 4], "0123456789abcdef"[c & 15] };

            buf_add(b, digits, sizeof(digits));
        } else {
            buf_char(b, (char)c);
        }
    }
    return true;
}

void map_unescape_local(struct buf *b, struct slice local)
{
    for (size_t i = 0; i < local.n; i++) {
        char c = local.p[i] == '\\' ? escape_here(local, i) : 0;

        if (c == ' ' && (i == 0 || i + 3 == local.n))
            c = 0;
        buf_char(b, c ? c : local.p[i]);
        if (c)
            i += 2;
    }
}

/* Why preparing failed, which says only yes or no; errno was 0 before it. A lack of memory must not be told as "no such
 * user": malloc leaves its trace in errno, and an arena that is used up is asked for more. */
static enum map_address_fault fault_of(struct arena *a)
{
    return errno != ENOMEM && arena_alloc(a, 4 * JID_PART_MAX) ? MAP_ADDRESS_MALFORMED : MAP_ADDRESS_NO_MEMORY;
}

static bool has_controls(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    }
    return false;
}

/* Steps 3 to 6 of the catalogue's S2X. */
static enum map_address_fault user_to_local(struct arena *a, struct slice user, struct slice *local)
{
    struct buf plain, escaped;

    if (user.n == 0 || user.n > 3 * JID_PART_MAX)
        return MAP_ADDRESS_MALFORMED;
    if (all_in(&plain_set, user))
        return jid_prep_local(a, user, local) ? MAP_ADDRESS_OK : fault_of(a);
    if (!scratch_init(&plain, a, user.n) || !scratch_init(&escaped, a, 3 * user.n))
        return MAP_ADDRESS_NO_MEMORY;
    if (!text_unpercent(&plain, user) || !text_is_utf8(buf_slice(&plain)) || has_controls(buf_slice(&plain)) ||
        !map_escape_local(&escaped, buf_slice(&plain)))
        return MAP_ADDRESS_MALFORMED;
    if (!jid_prep_local(a, buf_slice(&escaped), local))
        return fault_of(a);
    /* Normalization may make an escape or break one (a full-width backslash, a combining mark behind "\3a"): then the
     * name would come back as somebody else's. */
    if (count_escapes(*local) != count_escapes(buf_slice(&escaped)) || has_needless_escape(*local))
        return MAP_ADDRESS_MALFORMED;
    return MAP_ADDRESS_OK;
}

/* Step 8: whatever cannot be a resource is left out (STOX-ADDR-16). */
static enum map_address_fault gr_to_resource(struct arena *a, struct slice gr, struct slice *resource)
{
    struct buf plain;

    *resource = (struct slice){ 0 };
    if (gr.n == 0 || gr.n > 3 * JID_PART_MAX)
        return MAP_ADDRESS_OK;
    if (!scratch_init(&plain, a, gr.n))
        return MAP_ADDRESS_NO_MEMORY;
    if (!text_unpercent(&plain, gr) || !text_is_utf8(buf_slice(&plain)))
        return MAP_ADDRESS_OK;
    if (!jid_prep_resource(a, buf_slice(&plain), resource)) {
        *resource = (struct slice){ 0 };
        if (fault_of(a) == MAP_ADDRESS_NO_MEMORY)
            return MAP_ADDRESS_NO_MEMORY;
    }
    return MAP_ADDRESS_OK;
}

enum map_address_fault map_uri_to_jid(struct arena *a, const struct sip_uri *uri, struct slice gr,
                                      const struct map_aliases *aliases, struct jid *out)
{
    enum map_address_fault fault;

    *out = (struct jid){ 0 };
    errno = 0;
    if (uri->scheme == SIP_SCHEME_SIPS)
        return MAP_ADDRESS_SIPS;
    if (uri->scheme != SIP_SCHEME_SIP && uri->scheme != SIP_SCHEME_IM && uri->scheme != SIP_SCHEME_PRES)
        return MAP_ADDRESS_SCHEME;
    if (uri->has_user) {
        fault = user_to_local(a, uri->user, &out->local);
        if (fault != MAP_ADDRESS_OK)
            return fault;
    }
    if (!jid_prep_domain(a, uri->host, &out->domain))
        return fault_of(a);
    for (size_t i = 0; aliases && i < aliases->n; i++) {
        if (slice_eq(aliases->v[i].sip, out->domain)) {
            out->domain = aliases->v[i].xmpp;
            break;
        }
    }
    return gr_to_resource(a, gr, &out->resource);
}

enum map_address_fault map_text_to_jid(struct arena *a, struct slice text, const struct map_aliases *aliases,
                                       struct jid *out)
{
    static const char *const schemes[] = { "sip:", "sips:", "im:", "pres:", "tel:" };
    struct slice uri = slice_trim(text), none = { 0 };
    struct sip_uri parsed;
    bool has_scheme = false;
    struct buf b;

    *out = (struct jid){ 0 };
    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
        has_scheme |= slice_istarts(uri, slice_str(schemes[i]));
    if (!text.p || !scratch_init(&b, a, uri.n + 4))
        return MAP_ADDRESS_NO_MEMORY;
    if (!has_scheme)
        buf_str(&b, "sip:");
    buf_put(&b, uri);
    return sip_uri_parse(buf_slice(&b), &parsed) ? map_uri_to_jid(a, &parsed, none, aliases, out)
                                                 : MAP_ADDRESS_MALFORMED;
}

static bool put_user(struct buf *b, struct slice local)
{
    char mem[JID_PART_MAX];
    struct buf plain = { .p = mem, .cap = sizeof(mem), .max = sizeof(mem) };

    if (all_in(&user_set, local)) {
        buf_put(b, local);
        return true;
    }
    if (local.n > sizeof(mem) || has_needless_escape(local))
        return false;
    map_unescape_local(&plain, local);
    text_put_percent(b, buf_slice(&plain), &user_set);
    return true;
}

static bool put_host(struct buf *b, struct slice domain)
{
    char mem[2048];
    struct arena a;
    struct slice ascii;
    bool ok;

    if (all_in(&host_set, domain)) {
        buf_put(b, domain);
        return domain.n > 0;
    }
    arena_init_on(&a, mem, sizeof(mem), 16384);
    ok = jid_domain_to_ascii(&a, domain, &ascii) && all_in(&host_set, ascii);
    if (ok)
        buf_put(b, ascii);
    arena_reset(&a);
    return ok;
}

static bool put_uri(struct buf *b, const struct jid *jid, struct slice domain, bool with_gr)
{
    buf_str(b, "sip:");
    if (jid->local.n) {
        if (!put_user(b, jid->local))
            return false;
        buf_char(b, '@');
    }
    if (!put_host(b, domain))
        return false;
    if (with_gr && jid->resource.n) {
        buf_str(b, ";gr=");
        if (all_in(&param_set, jid->resource))
            buf_put(b, jid->resource);
        else
            text_put_percent(b, jid->resource, &param_set);
    }
    return true;
}

bool map_jid_to_uri(struct buf *b, const struct jid *jid, bool with_gr, const struct map_aliases *aliases)
{
    struct slice domain = jid->domain;
    size_t start = b->n;

    for (size_t i = 0; aliases && i < aliases->n; i++) {
        if (slice_eq(aliases->v[i].xmpp, domain)) {
            domain = aliases->v[i].sip;
            break;
        }
    }
    if (put_uri(b, jid, domain, with_gr))
        return true;
    b->n = start;
    return false;
}
