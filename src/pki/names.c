#include "pki/names.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/log.h"
#include "base/text.h"
#include "xmpp/jid.h"

#define ARENA_MAX (256u << 10)
#define SRV "_xmpp-server."

const char *const pki_uses[] = { "federation", "sip", "admin", NULL };

void pki_names_init(struct pki_names *names)
{
    memset(names->v, 0, sizeof(names->v));
    names->n = 0;
    arena_init(&names->arena, ARENA_MAX);
}

void pki_names_fini(struct pki_names *names)
{
    arena_reset(&names->arena);
    names->n = 0;
}

static bool find(const struct pki_names *names, struct slice text, size_t *at)
{
    for (size_t i = 0; i < names->n; i++) {
        if (!slice_ieq(names->v[i], text))
            continue;
        *at = i;
        return true;
    }
    return false;
}

bool pki_names_has(const struct pki_names *names, struct slice text)
{
    size_t at;

    return find(names, text, &at);
}

bool pki_names_remove(struct pki_names *names, struct slice text)
{
    size_t at;

    if (!find(names, text, &at))
        return false;
    memmove(names->v + at, names->v + at + 1, (names->n - at - 1) * sizeof(names->v[0]));
    names->n--;
    return true;
}

/* "_service.": letters, digits and hyphens (RFC 4985 2). */
static bool is_service(struct slice label)
{
    if (label.n < 2 || label.n > 63)
        return false;
    for (size_t i = 1; i < label.n; i++) {
        char c = text_lower(label.p[i]);

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return true;
}

static bool is_address(struct slice text)
{
    char z[64];
    unsigned char raw[16];

    if (text.n >= sizeof(z) || text.n == 0)
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    return inet_pton(AF_INET, z, raw) == 1 || inet_pton(AF_INET6, z, raw) == 1 || z[0] == '[';
}

/* What stands in front of the domain: "*." or "_service.". */
static struct slice front_of(struct slice text)
{
    size_t dot = slice_find(text, '.');

    if (dot == text.n || (text.p[0] != '_' && !(dot == 1 && text.p[0] == '*')))
        return slice_of(text.p, 0);
    return slice_first(text, dot + 1);
}

static const char *fault_of(struct slice front, struct slice domain)
{
    if (is_address(domain))
        return "is an address: authorities sign names; use the name that leads to it";
    if (front.n && front.p[0] == '_' && !is_service(slice_first(front, front.n - 1)))
        return "is no SRVName: it begins with a service, as in _xmpp-server.contoso.example";
    if (front.n == 2 && slice_find(domain, '.') == domain.n)
        return "is a wildcard for all of a top-level domain, which no authority signs";
    return NULL;
}

/* In normal form, in the arena. */
static int prepare(struct pki_names *names, struct slice text, struct slice *out, struct err *err)
{
    struct slice front = front_of(text), domain = slice_from(text, front.n), ascii;
    const char *fault = fault_of(front, domain);
    char shown[120], *p;

    *out = slice_of(NULL, 0);
    log_escape(shown, sizeof(shown), text);
    if (fault)
        return err_set(err, "\"%s\" %s", shown, fault);
    if (!jid_domain_to_ascii(&names->arena, domain, &ascii) || is_address(ascii) || ascii.n + front.n > PKI_NAME_MAX)
        return err_set(err, "\"%s\" is no domain name", shown);
    p = arena_alloc(&names->arena, front.n + ascii.n);
    if (!p)
        return err_memory(err, "taking the names of a certificate");
    for (size_t i = 0; i < front.n; i++)
        p[i] = text_lower(front.p[i]);
    memcpy(p + front.n, ascii.p, ascii.n);
    *out = slice_of(p, front.n + ascii.n);
    return 0;
}

int pki_names_add(struct pki_names *names, struct slice text, struct err *err)
{
    struct slice name;

    if (names->n == PKI_NAMES_MAX)
        return err_set(err, "a certificate has at most %d names here", PKI_NAMES_MAX);
    text = slice_trim(text);
    if (text.n > 1 && text.p[text.n - 1] == '.')
        text.n--;
    if (prepare(names, text, &name, err) != 0)
        return -1;
    if (pki_names_has(names, name))
        return err_set(err, "\"%.*s\" is among the names already", SLICE_FMT(name));
    names->v[names->n++] = name;
    return 0;
}

/* prefix and domain, unless it is there already. */
static int add_once(struct pki_names *names, const char *prefix, struct slice domain, struct err *err)
{
    char text[1200];
    int n = snprintf(text, sizeof(text), "%s%.*s", prefix, SLICE_FMT(domain));
    struct slice name;

    if (n < 0 || (size_t)n >= sizeof(text))
        return err_set(err, "a domain is too long for a certificate");
    if (prepare(names, slice_of(text, (size_t)n), &name, err) != 0)
        return -1;
    return pki_names_has(names, name) ? 0 : pki_names_add(names, name, err);
}

int pki_names_propose(struct pki_names *names, const struct pki_proposal *p, struct err *err)
{
    bool federates = p->use == PKI_USE_FEDERATION;

    if (!federates && p->host_name.n && !is_address(p->host_name) && add_once(names, "", p->host_name, err) != 0)
        return -1;
    for (size_t i = 0; federates && i < p->n_domains; i++)
        if (add_once(names, "", p->domains[i], err) != 0)
            return -1;
    for (size_t i = 0; i < p->n_sip_domains; i++)
        if (add_once(names, "sip.", p->sip_domains[i], err) != 0)
            return -1;
    for (size_t i = 0; federates && i < p->n_domains; i++)
        if (add_once(names, SRV, p->domains[i], err) != 0)
            return -1;
    return 0;
}
