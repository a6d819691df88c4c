#include "xmpp/jid.h"

#include "base/text.h"
#include "xmpp/precis.h"

static bool is_ascii(struct slice s)
{
    unsigned char all = 0;

    for (size_t i = 0; i < s.n; i++)
        all |= (unsigned char)s.p[i];
    return all < 0x80;
}

/* RFC 7622 3.3.1, and what no PRECIS class allows in ASCII. */
static bool local_char_ok(char c)
{
    return c > ' ' && c < 0x7F && !memchr("\"&'/:<>@", c, 8);
}

static bool no_excluded(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] < 0x80 && !local_char_ok(s.p[i]))
            return false;
    }
    return true;
}

static bool prep_precis(struct arena *a, enum precis_profile profile, struct slice in, struct slice *out)
{
    char normal[PRECIS_MAX];
    size_t n = precis_enforce(profile, in, normal);

    if (n == 0)
        return false;
    *out = arena_dup(a, slice_of(normal, n));
    return out->p != NULL;
}

bool jid_prep_local(struct arena *a, struct slice in, struct slice *out)
{
    char *to;

    if (!is_ascii(in))
        return prep_precis(a, PRECIS_USERNAME, in, out) && no_excluded(*out);
    if (in.n == 0 || in.n > JID_PART_MAX || !no_excluded(in))
        return false;
    to = arena_alloc(a, in.n);
    if (!to)
        return false;
    for (size_t i = 0; i < in.n; i++)
        to[i] = text_lower(in.p[i]);
    *out = slice_of(to, in.n);
    return true;
}

bool jid_prep_resource(struct arena *a, struct slice in, struct slice *out)
{
    if (!is_ascii(in)) {
        /* A leading space is refused as in RFC 7622 table 2, example 18, though OpaqueString alone would let it pass. */
        return prep_precis(a, PRECIS_OPAQUE, in, out) && out->p[0] != ' ';
    }
    if (in.n == 0 || in.n > JID_PART_MAX || in.p[0] == ' ')
        return false;
    for (size_t i = 0; i < in.n; i++) {
        if (in.p[i] < ' ' || in.p[i] == 0x7F)
            return false;
    }
    *out = arena_dup(a, in);
    return out->p != NULL;
}

/* RFC 7622 3.2: the first '/' is looked for before the first '@', and both before anything is mapped. */
bool jid_parse(struct arena *a, struct slice text, struct jid *out)
{
    struct slice address, local, domain, resource;
    struct jid j = { 0 };

    if (slice_cut(text, '/', &address, &resource) && !jid_prep_resource(a, resource, &j.resource))
        return false;
    if (slice_cut(address, '@', &local, &domain)) {
        if (!jid_prep_local(a, local, &j.local))
            return false;
    } else {
        domain = address;
    }
    if (!jid_prep_domain(a, domain, &j.domain))
        return false;
    *out = j;
    return true;
}

void jid_put_bare(struct buf *b, const struct jid *j)
{
    if (j->local.n) {
        buf_put(b, j->local);
        buf_char(b, '@');
    }
    buf_put(b, j->domain);
}

void jid_put(struct buf *b, const struct jid *j)
{
    jid_put_bare(b, j);
    if (j->resource.n) {
        buf_char(b, '/');
        buf_put(b, j->resource);
    }
}

bool jid_bare_eq(const struct jid *a, const struct jid *b)
{
    return slice_eq(a->domain, b->domain) && slice_eq(a->local, b->local);
}

bool jid_eq(const struct jid *a, const struct jid *b)
{
    return jid_bare_eq(a, b) && slice_eq(a->resource, b->resource);
}
