#include "xmpp/cert.h"

static struct slice without_dot(struct slice s)
{
    return s.n && s.p[s.n - 1] == '.' ? slice_first(s, s.n - 1) : s;
}

/* No certificate name is compared with an address: a wildcard would otherwise take its first number for a label. */
static bool is_address(struct slice domain)
{
    size_t i = domain.n;

    if (domain.n == 0 || domain.p[0] == '[')
        return true;
    while (i > 0 && domain.p[i - 1] >= '0' && domain.p[i - 1] <= '9')
        i--;
    return i < domain.n && (i == 0 || domain.p[i - 1] == '.');
}

/* RFC 9525 6.3: '*' is the whole left-most label and stands for one label; we want two labels behind it at least. */
static bool wildcard_covers(struct slice name, struct slice domain)
{
    struct slice suffix = slice_from(name, 1); /* ".example.com" */
    size_t dot = slice_find(domain, '.');

    if (name.n < 3 || name.p[0] != '*' || name.p[1] != '.')
        return false;
    if (slice_find(slice_from(suffix, 1), '.') == suffix.n - 1)
        return false;
    return dot > 0 && dot < domain.n && slice_ieq(slice_from(domain, dot), suffix);
}

static bool srv_covers(struct slice name, struct slice domain)
{
    struct slice service = SLICE("_xmpp-server.");

    return slice_istarts(name, service) && slice_ieq(slice_from(name, service.n), domain);
}

bool xmpp_cert_covers(const struct tls_name *names, size_t n_names, struct slice domain_a, struct slice domain_u)
{
    struct slice a = without_dot(domain_a), u = without_dot(domain_u);

    if (is_address(a) || u.n == 0)
        return false;
    for (size_t i = 0; i < n_names; i++) {
        struct slice name = without_dot(names[i].text);

        if (slice_find(name, '\0') != name.n)
            continue; /* "example.com\0.evil.example" is nobody's name */
        switch (names[i].kind) {
        case TLS_NAME_DNS:
            if (slice_ieq(name, a) || wildcard_covers(name, a))
                return true;
            break;
        case TLS_NAME_SRV:
            if (srv_covers(name, a))
                return true;
            break;
        case TLS_NAME_XMPP:
            if (slice_ieq(name, u) || slice_ieq(name, a))
                return true;
            break;
        case TLS_NAME_URI: break; /* SIP's */
        }
    }
    return false;
}
