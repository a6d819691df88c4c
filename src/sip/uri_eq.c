/* Comparing URIs, RFC 3261 19.1.4. */
#include "base/text.h"
#include "sip/scan.h"
#include "sip/uri.h"

/* Parameters or headers compared in one URI; above that two URIs are not equal. Keeps the cost linear. */
#define PARTS_MAX 64

struct unit {
    unsigned char c;
    bool escaped; /* and it would mean something else if it were not */
};

static unsigned char hex_value(char c)
{
    return (unsigned char)(c <= '9' ? c - '0' : text_lower(c) - 'a' + 10);
}

static struct unit next_unit(struct slice *s)
{
    struct unit u = { (unsigned char)s->p[0], false };

    if (u.c == '%' && s->n >= 3 && sip_is(s->p[1], SIP_C_HEX) && sip_is(s->p[2], SIP_C_HEX)) {
        u.c = (unsigned char)(hex_value(s->p[1]) << 4 | hex_value(s->p[2]));
        u.escaped = sip_is((char)u.c, SIP_C_RESERVED);
        sip_take_n(s, 2);
    }
    sip_take_n(s, 1);
    return u;
}

static bool same_text(struct slice a, struct slice b, bool fold)
{
    while (a.n && b.n) {
        struct unit x = next_unit(&a), y = next_unit(&b);

        if (fold) {
            x.c = (unsigned char)text_lower((char)x.c);
            y.c = (unsigned char)text_lower((char)y.c);
        }
        if (x.c != y.c || x.escaped != y.escaped)
            return false;
    }
    return a.n == 0 && b.n == 0;
}

/* Parameters that, named in one URI only, make the two differ. */
static bool is_decisive(struct slice name)
{
    static const struct slice names[] = {
        { "transport", 9 }, { "user", 4 }, { "ttl", 3 }, { "method", 6 }, { "maddr", 5 }
    };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (same_text(name, names[i], true))
            return true;
    }
    return false;
}

static bool params_agree(struct slice a, struct slice b)
{
    struct slice name, value, other_name, other_value;

    for (size_t n = 0; sip_take_param(&a, &name, &value) == SIP_TAKE_OK; n++) {
        struct slice rest = b;
        bool found = false;

        if (n == PARTS_MAX)
            return false;
        while (!found && sip_take_param(&rest, &other_name, &other_value) == SIP_TAKE_OK)
            found = same_text(name, other_name, true);
        if (found ? !same_text(value, other_value, true) : is_decisive(name))
            return false;
    }
    return true;
}

/* Every header of a stands in b with the same value. *n gets the number of headers of a. */
static bool headers_within(struct slice a, struct slice b, size_t *n)
{
    struct slice header, other;

    for (*n = 0; a.n; ++*n) {
        struct slice rest = b;
        bool found = false;

        if (*n == PARTS_MAX)
            return false;
        slice_cut(a, '&', &header, &a);
        while (!found && rest.n) {
            slice_cut(rest, '&', &other, &rest);
            found = same_text(header, other, true);
        }
        if (!found)
            return false;
    }
    return true;
}

bool sip_uri_eq(const struct sip_uri *a, const struct sip_uri *b)
{
    size_t n_a, n_b;

    if (a->scheme != b->scheme || a->scheme == SIP_SCHEME_TEL || a->scheme == SIP_SCHEME_OTHER)
        return false;
    return a->has_user == b->has_user && same_text(a->user, b->user, false) &&
           (a->password.p != NULL) == (b->password.p != NULL) && same_text(a->password, b->password, false) &&
           same_text(a->host, b->host, true) && a->port == b->port && params_agree(a->params, b->params) &&
           params_agree(b->params, a->params) && headers_within(a->headers, b->headers, &n_a) &&
           headers_within(b->headers, a->headers, &n_b) && n_a == n_b;
}
