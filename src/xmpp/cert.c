#include "xmpp/cert.h"

#include <libpsl.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"

#define NAMES_SHOWN 5

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

/* "co.uk", as the list has it that the library brings; registries' suffixes only, and single labels. */
static bool is_public_suffix(struct slice domain)
{
    char text[256];

    if (domain.n >= sizeof(text))
        return false;
    for (size_t i = 0; i < domain.n; i++)
        text[i] = text_lower(domain.p[i]);
    text[domain.n] = '\0';
    return psl_is_public_suffix2(psl_builtin(), text, PSL_TYPE_ICANN) == 1;
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
    if (dot == 0 || dot == domain.n || !slice_ieq(slice_from(domain, dot), suffix))
        return false;
    return !is_public_suffix(slice_from(suffix, 1));
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

const char *xmpp_cert_by_name(enum xmpp_cert_by by)
{
    switch (by) {
    case XMPP_CERT_REFUSED: break;
    case XMPP_CERT_PKIX: return "ok";
    case XMPP_CERT_DANE: return "dane";
    case XMPP_CERT_PIN: return "pinned";
    }
    return "refused";
}

bool xmpp_cert_is_pinned(struct slice pin, const struct slice *pins, size_t n_pins)
{
    for (size_t i = 0; i < n_pins && pin.n; i++)
        if (slice_eq(pin, pins[i]))
            return true;
    return false;
}

/* RFC 7673 4: a secure SRV record makes its target a name as good as the domain; a dNSName, as for any host. */
static bool covers_target(const struct tls_peer *peer, struct slice target)
{
    for (size_t i = 0; i < peer->n_names && target.n; i++)
        if (peer->names[i].kind == TLS_NAME_DNS && xmpp_cert_covers(&peer->names[i], 1, target, target))
            return true;
    return false;
}

static bool covers(const struct xmpp_cert_case *c)
{
    return xmpp_cert_covers(c->peer->names, c->peer->n_names, c->domain_a, c->domain_u) ||
           covers_target(c->peer, c->target);
}

static void say_names(const struct tls_peer *peer, char *out, size_t n)
{
    static const char *const kinds[] = {
        [TLS_NAME_DNS] = "", [TLS_NAME_SRV] = "SRVName ", [TLS_NAME_XMPP] = "XmppAddr ", [TLS_NAME_URI] = "URI "
    };
    size_t at = 0;

    for (size_t i = 0; i < peer->n_names && i < NAMES_SHOWN; i++) {
        char name[80];

        log_escape(name, sizeof(name), peer->names[i].text);
        at += (size_t)snprintf(out + at, n - at, "%s%s%s", i ? ", " : "it names ", kinds[peer->names[i].kind], name);
        if (at >= n)
            return;
    }
    if (peer->n_names == 0)
        snprintf(out, n, "it has no name that counts: the common name does not");
    else if (peer->n_names > NAMES_SHOWN)
        snprintf(out + at, n - at, " and %zu more", peer->n_names - NAMES_SHOWN);
}

static enum xmpp_fault fault_of(enum tls_cert_fault kind)
{
    switch (kind) {
    case TLS_CERT_FINE:
    case TLS_CERT_OTHER: break;
    case TLS_CERT_EXPIRED: return XMPP_FAULT_CERT_EXPIRED;
    case TLS_CERT_NOT_YET: return XMPP_FAULT_CERT_NOT_YET;
    case TLS_CERT_SELF_SIGNED: return XMPP_FAULT_CERT_SELF_SIGNED;
    case TLS_CERT_UNKNOWN_ISSUER: return XMPP_FAULT_CERT_UNKNOWN_CA;
    case TLS_CERT_REVOKED: return XMPP_FAULT_CERT_REVOKED;
    }
    return XMPP_FAULT_CERT_OTHER;
}

static void refuse_name(const struct xmpp_cert_case *c, struct xmpp_cert_verdict *out)
{
    char names[600];

    out->fault = XMPP_FAULT_CERT_NAME;
    if (c->domain_u.n == 0) {
        snprintf(out->why, sizeof(out->why), "the partner does not say which domain it is");
        return;
    }
    say_names(c->peer, names, sizeof(names));
    snprintf(out->why, sizeof(out->why),
             "it is valid but does not name the domain (%s); one is needed with the domain as dNSName, SRVName or "
             "XmppAddr",
             names);
}

static void refuse_chain(const struct tls_peer *peer, struct xmpp_cert_verdict *out)
{
    out->fault = fault_of(peer->fault_kind);
    snprintf(out->why, sizeof(out->why), "%s", peer->fault);
    if (peer->sound)
        snprintf(out->advice, sizeof(out->advice), "if you know its key to be the partner's, pin it: %.*s",
                 SLICE_FMT(peer->pin));
}

static void refuse_pin(const struct tls_peer *peer, struct xmpp_cert_verdict *out)
{
    out->forbidden = true;
    out->fault = XMPP_FAULT_CERT_PIN;
    snprintf(out->why, sizeof(out->why), "its key %.*s is none of the partner's pins", SLICE_FMT(peer->pin));
    snprintf(out->advice, sizeof(out->advice),
             "if the partner has told you of a new key, add it: stoxctl partner set with --add-pin");
}

void xmpp_cert_judge(const struct xmpp_cert_case *c, struct xmpp_cert_verdict *out)
{
    const struct tls_peer *peer = c->peer;

    *out = (struct xmpp_cert_verdict){ .by = XMPP_CERT_REFUSED };
    if (!peer->presented) {
        out->forbidden = c->n_pins > 0;
        out->fault = XMPP_FAULT_CERT_MISSING;
        snprintf(out->why, sizeof(out->why), "none was presented%s", c->n_pins ? ", and the partner has pins" : "");
    } else if (c->n_pins && !xmpp_cert_is_pinned(peer->pin, c->pins, c->n_pins)) {
        refuse_pin(peer, out);
    } else if (peer->dane == TLS_DANE_NO_MATCH) {
        out->forbidden = true;
        out->fault = XMPP_FAULT_CERT_DANE;
        snprintf(out->why, sizeof(out->why), "%s", peer->fault);
    } else if (c->n_pins && !peer->sound) {
        out->fault = fault_of(peer->unsound_kind);
        snprintf(out->why, sizeof(out->why), "%s (its key is pinned, but that is no excuse)", peer->unsound);
    } else if (c->n_pins && c->domain_u.n) {
        out->by = XMPP_CERT_PIN;
    } else if (peer->dane == TLS_DANE_FINAL) {
        out->by = XMPP_CERT_DANE;
    } else if (!peer->trusted) {
        refuse_chain(peer, out);
    } else if (!covers(c)) {
        refuse_name(c, out);
    } else {
        out->by = peer->dane == TLS_DANE_MATCH ? XMPP_CERT_DANE : XMPP_CERT_PKIX;
    }
}
