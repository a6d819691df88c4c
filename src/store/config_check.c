#include <stdlib.h>

#include "base/log.h"
#include "base/pin.h"
#include "base/text.h"
#include "store/certificate.h"
#include "store/config.h"

static void warn(struct config_warnings *w, const char *kind, struct slice name, const char *why)
{
    if (!w)
        return;
    w->n++;
    buf_printf(&w->text, "%s \"%.*s\": %s\n", kind, SLICE_FMT(name), why);
}

/* One domain and what it was declared as, for finding doubles. */
struct claim {
    struct slice domain;
    const char *as;
    struct slice owner;
};

static int by_domain(const void *a, const void *b)
{
    return slice_cmp(((const struct claim *)a)->domain, ((const struct claim *)b)->domain);
}

static size_t count_claims(const struct config_list *domains, const struct config_list *partners)
{
    size_t n = domains->n + partners->n;

    for (size_t i = 0; i < partners->n; i++)
        n += CONFIG_OBJECT(partner, partners, i)->additional_domains.n;
    return n;
}

static void make_claims(const struct config_list *domains, const struct config_list *partners, struct claim *claims)
{
    for (size_t i = 0; i < domains->n; i++)
        *claims++ = (struct claim){ domains->v[i]->name, "sip-domain", domains->v[i]->name };
    for (size_t i = 0; i < partners->n; i++) {
        const struct partner *p = CONFIG_OBJECT(partner, partners, i);
        const struct slice *more = p->additional_domains.v;

        *claims++ = (struct claim){ p->name, "partner", p->name };
        for (size_t k = 0; k < p->additional_domains.n; k++)
            *claims++ = (struct claim){ more[k], "partner", p->name };
    }
}

/* No domain may be declared twice, nor be both ours and a partner's (STOX-ARCH-06). */
static int check_domains(const struct config *c, struct err *err)
{
    const struct config_list *domains = config_list(c, &sip_domain_kind), *partners = config_list(c, &partner_kind);
    size_t n = count_claims(domains, partners);
    struct claim *claims = calloc(n + 1, sizeof(*claims));
    int rc = 0;

    if (!claims)
        return err_memory(err, "checking the configuration");
    make_claims(domains, partners, claims);
    qsort(claims, n, sizeof(*claims), by_domain);
    for (size_t i = 1; i < n && rc == 0; i++)
        if (slice_eq(claims[i - 1].domain, claims[i].domain))
            rc = err_set(err, "the domain %.*s is declared twice: in %s \"%.*s\" and in %s \"%.*s\"",
                         SLICE_FMT(claims[i].domain), claims[i - 1].as, SLICE_FMT(claims[i - 1].owner), claims[i].as,
                         SLICE_FMT(claims[i].owner));
    free(claims);
    return rc;
}

static int judge_sip_domain(const struct sip_domain *d, struct config_warnings *w, struct err *err)
{
    if (!certificate_is_stored(d->certificate) && !d->certificate != !d->key)
        return err_set(err, "sip-domain \"%.*s\": certificate and key belong together, and %s is missing",
                       SLICE_FMT(d->name), d->key ? "certificate" : "key");
    if (!d->certificate)
        warn(w, "sip-domain", d->name, "without a certificate partners can use neither TLS nor SASL with it");
    return 0;
}

/* Rows 5 and 11 of the matrix: the Control Panel did not save them (lync-gateway.md 2.3). */
static bool is_only_strictly_wrong(const struct partner *p)
{
    return p->tls == XMPP_NOT_SUPPORTED && p->sasl != XMPP_NOT_SUPPORTED;
}

static int judge_pins(const struct partner *p, struct err *err)
{
    const struct slice *pins = p->pins.v;
    unsigned char hash[PIN_HASH];

    for (size_t i = 0; i < p->pins.n; i++)
        if (!pin_parse(pins[i], hash)) {
            char text[100];

            log_escape(text, sizeof(text), pins[i]);
            return err_set(
                err,
                "partner \"%.*s\": pins: \"%s\" is not sha256/ and the base64 of 32 bytes (the log shows the "
                "pin of a certificate that is refused)",
                SLICE_FMT(p->name), text);
        }
    if (p->pins.n && p->tls == XMPP_NOT_SUPPORTED)
        return err_set(err, "partner \"%.*s\": pins need TLS: allow it, or remove them", SLICE_FMT(p->name));
    return 0;
}

/* As a component there is no certificate to pin, and one address alone. */
static int judge_component(const struct partner *p, struct config_warnings *w, struct err *err)
{
    const char *wrong = NULL;

    if (addr_is_unusable(&p->component) || addr_port(&p->component) == 0)
        wrong = "component is not an address and port of one machine";
    else if (p->proxy.n)
        wrong = "component and proxy both say where its server is: remove one of them";
    else if (p->pins.n)
        wrong = "a component's connection has no certificate that pins could be of: remove them, or component";
    if (wrong)
        return err_set(err, "partner \"%.*s\": %s", SLICE_FMT(p->name), wrong);
    if (!p->component_secret.n) /* an export has none, and must be taken all the same */
        warn(w, "partner", p->name, "component-secret is missing: nothing can attach without");
    if (!addr_is_loopback(&p->component))
        warn(w, "partner", p->name,
             "what is said to the address of component is not encrypted, and nobody proves there who he is: it should "
             "be "
             "this machine, or a network that only you can reach");
    return 0;
}

static int judge_proxy(const struct proxy *p, struct config_warnings *w, struct err *err)
{
    unsigned char hash[PIN_HASH];
    char shown[120];

    if (addr_is_unusable(&p->address) || addr_port(&p->address) == 0)
        return err_set(err, "proxy \"%.*s\": address is not an address and port of one machine", SLICE_FMT(p->name));
    if (p->pin.n && !pin_parse(p->pin, hash)) {
        log_escape(shown, sizeof(shown), p->pin);
        return err_set(err,
                       "proxy \"%.*s\": pin: \"%s\" is not sha256/ and the base64 of 32 bytes (stoxd --role proxy "
                       "--make-key prints it on the proxy's machine)",
                       SLICE_FMT(p->name), shown);
    }
    if (p->enabled && !p->pin.n)
        warn(w, "proxy", p->name, "without the pin of its key the gateway does not link with it");
    return 0;
}

static int judge_negotiation(const struct partner *p, bool strict, struct config_warnings *w, struct err *err)
{
    const char *why = NULL;

    switch (xmpp_matrix_judge(p->tls, p->sasl, p->dialback, &why)) {
    case XMPP_MATRIX_OK: break;
    case XMPP_MATRIX_WARNING:
        if (strict && is_only_strictly_wrong(p))
            return err_set(
                err, "partner \"%.*s\": SASL works only over TLS, which is turned off: allow TLS or turn SASL off",
                SLICE_FMT(p->name));
        warn(w, "partner", p->name, why);
        break;
    case XMPP_MATRIX_INVALID: return err_set(err, "partner \"%.*s\": %s", SLICE_FMT(p->name), why);
    }
    return 0;
}

static int judge_partner(const struct partner *p, bool strict, struct config_warnings *w, struct err *err)
{
    if (judge_pins(p, err) ||
        (p->component.sa.sa_family ? judge_component(p, w, err) : judge_negotiation(p, strict, w, err)))
        return -1;
    if (p->type == PARTNER_PUBLIC_VERIFIED)
        warn(w, "partner", p->name,
             "the type public-verified is not recommended: its users' identities are taken on trust");
    return 0;
}

/* A URI as far as it matters here: a scheme, and none of the characters that RFC 3986 keeps out. */
static bool is_uri(struct slice uri)
{
    struct slice scheme, rest;

    if (!slice_cut(uri, ':', &scheme, &rest) || !scheme.n || !rest.n)
        return false;
    for (size_t i = 0; i < uri.n; i++) {
        unsigned char c = (unsigned char)uri.p[i];

        if (c <= ' ' || c >= 0x7f || memchr("<>\"{}|\\^`", c, 9) ||
            (i < scheme.n && !(text_lower((char)c) >= 'a' && text_lower((char)c) <= 'z') &&
             (i == 0 || !memchr("0123456789+-.", c, 13))))
            return false;
    }
    return true;
}

/* What DNS can lead to: a name, and addresses. */
static int judge_public(const struct gateway *g, struct err *err)
{
    const struct slice *addresses = g->public_addresses.v;
    struct arena arena;
    struct slice name;
    struct addr a;
    bool ok;

    arena_init(&arena, 16384);
    ok = !g->public_name.n ||
         (!addr_parse_ip(g->public_name, 0, &a) && !setting_domain(&name, g->public_name, &arena, NULL));
    arena_reset(&arena);
    if (!ok)
        return err_set(err, "gateway: public-name: \"%.*s\" is no name of a host", SLICE_FMT(g->public_name));
    for (size_t i = 0; i < g->public_addresses.n; i++)
        if (!addr_parse_ip(addresses[i], 0, &a))
            return err_set(err, "gateway: public-addresses: \"%.*s\" is no IP address (without port)",
                           SLICE_FMT(addresses[i]));
    return 0;
}

static int judge_gateway(const struct gateway *g, struct err *err)
{
    static const char *const kinds[] = { "abuse", "admin", "feedback", "sales", "security", "status", "support" };
    const struct slice *contacts = g->contacts.v;

    for (size_t i = 0; i < g->contacts.n; i++) {
        struct slice kind = { 0 }, uri = { 0 };
        bool known = false;

        (void)slice_cut(contacts[i], '=', &kind, &uri);
        for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++)
            known = known || slice_is(kind, kinds[k]);
        if (!known || !is_uri(uri))
            return err_set(
                err,
                "gateway: contact-addresses: \"%.*s\" is not KIND=URI, as abuse=mailto:abuse@contoso.example; "
                "KIND is abuse, admin, feedback, sales, security, status or support",
                SLICE_FMT(contacts[i]));
    }
    return judge_public(g, err);
}

static int check_references(const struct config *c, struct err *err)
{
    const struct config_list *policies = config_list(c, &policy_kind), *users = config_list(c, &sip_user_kind);
    const size_t site_n = sizeof(POLICY_SITE) - 1;

    for (size_t i = 0; i < policies->n; i++) {
        struct slice name = policies->v[i]->name;

        if (slice_starts(name, SLICE(POLICY_SITE)) && !config_find(c, &site_kind, slice_from(name, site_n)))
            return err_set(err, "policy \"%.*s\": there is no site \"%.*s\"", SLICE_FMT(name),
                           SLICE_FMT(slice_from(name, site_n)));
    }
    for (size_t i = 0; i < users->n; i++) {
        const struct sip_user *u = CONFIG_OBJECT(sip_user, users, i);

        if (u->policy.n && (slice_is(u->policy, POLICY_GLOBAL) || slice_starts(u->policy, SLICE(POLICY_SITE))))
            return err_set(err, "sip-user \"%.*s\": the policy \"%.*s\" cannot be granted: it applies by itself",
                           SLICE_FMT(u->name), SLICE_FMT(u->policy));
        if (u->policy.n && !config_find(c, &policy_kind, u->policy))
            return err_set(err, "sip-user \"%.*s\": there is no policy \"%.*s\"", SLICE_FMT(u->name),
                           SLICE_FMT(u->policy));
        if (u->site.n && !config_find(c, &site_kind, u->site))
            return err_set(err, "sip-user \"%.*s\": there is no site \"%.*s\"", SLICE_FMT(u->name), SLICE_FMT(u->site));
    }
    return 0;
}

static int check_counts(const struct config *c, struct err *err)
{
    for (size_t i = 0; i < MODEL_N_KINDS; i++)
        if (c->lists[i].n > model_kinds[i]->max_objects)
            return err_set(err, "%zu %s are more than the %zu allowed", c->lists[i].n, model_kinds[i]->plural,
                           model_kinds[i]->max_objects);
    return 0;
}

/* Two at one place, or with one key, would be one that is linked twice. */
static int check_proxies(const struct config *c, struct err *err)
{
    const struct config_list *proxies = config_list(c, &proxy_kind);

    for (size_t i = 0; i < proxies->n; i++)
        for (size_t k = 0; k < i; k++) {
            const struct proxy *p = CONFIG_OBJECT(proxy, proxies, k), *q = CONFIG_OBJECT(proxy, proxies, i);

            if (addr_eq(&p->address, &q->address) || (p->pin.n && slice_eq(p->pin, q->pin)))
                return err_set(err, "the proxies \"%.*s\" and \"%.*s\" have the same %s", SLICE_FMT(p->name),
                               SLICE_FMT(q->name), slice_eq(p->pin, q->pin) && p->pin.n ? "pin" : "address");
        }
    return 0;
}

/* One pattern in two sites would leave it to chance where a user belongs. */
static int check_patterns(const struct config *c, struct err *err)
{
    const struct config_list *sites = config_list(c, &site_kind);
    struct claim *claims;
    size_t n = 0, at = 0;
    int rc = 0;

    for (size_t i = 0; i < sites->n; i++)
        n += CONFIG_OBJECT(site, sites, i)->users.n;
    claims = calloc(n + 1, sizeof(*claims));
    if (!claims)
        return err_memory(err, "checking the configuration");
    for (size_t i = 0; i < sites->n; i++) {
        const struct site *s = CONFIG_OBJECT(site, sites, i);

        for (size_t k = 0; k < s->users.n; k++)
            claims[at++] = (struct claim){ ((const struct slice *)s->users.v)[k], "site", s->name };
    }
    qsort(claims, n, sizeof(*claims), by_domain);
    for (size_t i = 1; i < n && rc == 0; i++)
        if (slice_eq(claims[i - 1].domain, claims[i].domain))
            rc = err_set(err, "the users %.*s are declared twice: in site \"%.*s\" and in site \"%.*s\"",
                         SLICE_FMT(claims[i].domain), SLICE_FMT(claims[i - 1].owner), SLICE_FMT(claims[i].owner));
    free(claims);
    return rc;
}

static int check_routes(const struct config *c, struct err *err)
{
    const struct config_list *domains = config_list(c, &sip_domain_kind);

    for (size_t i = 0; i < domains->n; i++) {
        const struct sip_domain *d = CONFIG_OBJECT(sip_domain, domains, i);

        if (!config_find(c, &route_kind, d->route))
            return err_set(err, "sip-domain \"%.*s\": there is no route \"%.*s\"", SLICE_FMT(d->name),
                           SLICE_FMT(d->route));
    }
    return 0;
}

/* A name without its password, or the other way round. An export has no passwords, and must be taken all the same. */
static void judge_credentials(const struct route *r, struct config_warnings *w)
{
    if (r->digest_user.n && !r->digest_password.n)
        warn(w, "route", r->name, "digest-password is missing: digest-user cannot prove itself without");
    if (r->digest_password.n && !r->digest_user.n)
        warn(w, "route", r->name, "digest-password has no use without digest-user");
    if (r->digest_user.n && !route_asks_digest(r))
        warn(w, "route", r->name, "digest-user has no use as long as identify-by does not ask for digest");
    if (r->next_hop_user.n && !r->next_hop_password.n)
        warn(w, "route", r->name, "next-hop-password is missing: a next hop that asks for it gets nothing");
}

static bool has_quotes(struct slice s)
{
    return slice_find(s, '"') < s.n || slice_find(s, '\\') < s.n;
}

/* A name that is no partner's would let pass what was meant to be blocked. */
static int check_blocks(const struct config *c, struct err *err)
{
    const struct config_list *blocks = config_list(c, &block_kind);

    for (size_t i = 0; i < blocks->n; i++) {
        const struct block *b = CONFIG_OBJECT(block, blocks, i);
        const struct slice *partners = b->partners.v;

        for (size_t k = 0; k < b->partners.n; k++)
            if (!config_find(c, &partner_kind, partners[k]))
                return err_set(err, "block \"%.*s\": there is no partner \"%.*s\" (its primary domain is needed)",
                               SLICE_FMT(b->name), SLICE_FMT(partners[k]));
    }
    return 0;
}

/* What next-hop names says nothing of who is who: DNS is no proof. */
static int judge_hops(const struct route *r, struct err *err)
{
    const struct addr_host *hops = r->next_hops.v;
    bool has_address = false;

    for (size_t i = 0; i < r->next_hops.n; i++) {
        if (!hops[i].addr.sa.sa_family)
            continue;
        has_address = true;
        if (addr_is_unusable(&hops[i].addr))
            return err_set(err, "route \"%.*s\": next-hop is not an address of one machine", SLICE_FMT(r->name));
    }
    if (!has_address && r->sources.n == 0 &&
        (route_identifies_by(r) == ROUTE_BY_ADDRESS || route_identifies_by(r) == ROUTE_BY_BOTH ||
         route_identifies_by(r) == ROUTE_BY_ADDRESS_AND_DIGEST))
        return err_set(err,
                       "route \"%.*s\": next-hop has no address, so sources must say which addresses may speak for its "
                       "domains (or transport = tls, where certificates say it)",
                       SLICE_FMT(r->name));
    return 0;
}

static int judge_route(const struct route *r, struct config_warnings *w, struct err *err)
{
    if (judge_hops(r, err))
        return -1;
    if (has_quotes(r->digest_user) || has_quotes(r->next_hop_user))
        return err_set(err, "route \"%.*s\": digest-user and next-hop-user have neither quotes nor backslashes",
                       SLICE_FMT(r->name));
    judge_credentials(r, w);
    return 0;
}

int config_judge(const struct record *r, bool strict, struct config_warnings *warnings, struct err *err)
{
    if (r->kind == &sip_domain_kind)
        return judge_sip_domain(r->object, warnings, err);
    if (r->kind == &partner_kind)
        return judge_partner(r->object, strict, warnings, err);
    if (r->kind == &gateway_kind)
        return judge_gateway(r->object, err);
    if (r->kind == &route_kind)
        return judge_route(r->object, warnings, err);
    if (r->kind == &proxy_kind)
        return judge_proxy(r->object, warnings, err);
    return 0;
}

int config_check(const struct config *c, struct err *err)
{
    return check_counts(c, err) || check_domains(c, err) || check_routes(c, err) || check_references(c, err) ||
                   check_patterns(c, err) || check_blocks(c, err) || check_proxies(c, err) ||
                   certificate_check_uses(c, err)
               ? -1
               : 0;
}
