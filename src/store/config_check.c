#include "store/config_check.h"

#include <stdlib.h>

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

/* No domain may be declared twice, nor be both ours and a partner's (STOX-ARCH-06). */
static int check_domains(const struct config *c, struct err *err)
{
    size_t n = c->n_sip_domains, at = 0;
    struct claim *claims;
    int rc = 0;

    for (size_t i = 0; i < c->n_partners; i++)
        n += 1 + c->partners[i].additional_domains.n;
    claims = calloc(n + 1, sizeof(*claims));
    if (!claims)
        return err_set(err, "out of memory while checking the configuration");
    for (size_t i = 0; i < c->n_sip_domains; i++)
        claims[at++] = (struct claim){ c->sip_domains[i].name, "sip-domain", c->sip_domains[i].name };
    for (size_t i = 0; i < c->n_partners; i++) {
        const struct partner *p = &c->partners[i];
        const struct slice *more = p->additional_domains.v;

        claims[at++] = (struct claim){ p->name, "partner", p->name };
        for (size_t k = 0; k < p->additional_domains.n; k++)
            claims[at++] = (struct claim){ more[k], "partner", p->name };
    }
    qsort(claims, n, sizeof(*claims), by_domain);
    for (size_t i = 1; i < n && rc == 0; i++)
        if (slice_eq(claims[i - 1].domain, claims[i].domain))
            rc = err_set(err, "the domain %.*s is declared twice: in %s \"%.*s\" and in %s \"%.*s\"",
                         SLICE_FMT(claims[i].domain), claims[i - 1].as, SLICE_FMT(claims[i - 1].owner), claims[i].as,
                         SLICE_FMT(claims[i].owner));
    free(claims);
    return rc;
}

static int resolve_routes(struct config *c, struct log *log, struct err *err)
{
    for (size_t i = 0; i < c->n_sip_domains; i++) {
        struct sip_domain *d = &c->sip_domains[i];

        for (size_t k = 0; k < c->n_routes && !d->route; k++)
            if (slice_eq(c->routes[k].name, d->route_name))
                d->route = &c->routes[k];
        if (!d->route)
            return err_set(err, "sip-domain \"%.*s\": there is no route \"%.*s\"", SLICE_FMT(d->name),
                           SLICE_FMT(d->route_name));
        if (!d->certificate != !d->key)
            return err_set(err, "sip-domain \"%.*s\": certificate and key belong together, and %s is missing",
                           SLICE_FMT(d->name), d->key ? "certificate" : "key");
        if (!d->certificate)
            log_warning(log, "no-certificate", LOG_S("domain", d->name),
                        LOG_Z("hint", "partners can use neither TLS nor SASL with this domain"));
    }
    return 0;
}

static int check_partner(const struct partner *p, struct log *log, struct err *err)
{
    const char *why = NULL;

    switch (xmpp_matrix_judge(p->tls, p->sasl, p->dialback, &why)) {
    case XMPP_MATRIX_OK: break;
    case XMPP_MATRIX_WARNING: log_warning(log, "partner-setting", LOG_S("partner", p->name), LOG_Z("why", why)); break;
    case XMPP_MATRIX_INVALID: return err_set(err, "partner \"%.*s\": %s", SLICE_FMT(p->name), why);
    }
    if (p->type != PARTNER_FEDERATED)
        log_warning(log, "partner-type", LOG_S("partner", p->name),
                    LOG_Z("why", "contact rules of public partners come with presence; messages are carried as for "
                                 "federated partners"));
    return 0;
}

int config_check(struct config *c, struct log *log, struct err *err)
{
    if (c->n_sip_domains == 0)
        return err_set(err, "no sip-domain is declared: there is nobody to serve");
    if (check_domains(c, err) || resolve_routes(c, log, err))
        return -1;
    for (size_t i = 0; i < c->n_partners; i++)
        if (check_partner(&c->partners[i], log, err))
            return -1;
    for (size_t i = 0; i < c->n_routes; i++)
        if (addr_is_unusable(&c->routes[i].next_hop))
            return err_set(err, "route \"%.*s\": next-hop is not an address of one machine",
                           SLICE_FMT(c->routes[i].name));
    return 0;
}
