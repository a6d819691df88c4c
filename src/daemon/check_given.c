/* What proxies show partners: the certificates that they are given, which are those in use here. */
#include <stdio.h>
#include <string.h>

#include "daemon/check_rows.h"
#include "daemon/links.h"
#include "pki/facts.h"

struct given {
    const struct tls *tls;
    const char *name; /* a domain of ours, in A-labels */
    struct certs_handshake *out;
    bool found;
};

static void take(void *arg, const struct tls_shown *shown)
{
    struct given *g = arg;
    struct pki_facts facts;

    if (strcmp(shown->name, g->name) != 0 || !pki_facts_of((X509 *)shown->leaf, &facts))
        return;
    snprintf(g->out->sha256, sizeof(g->out->sha256), "%s", facts.sha256);
    g->found = true;
}

static void look(void *arg)
{
    struct given *g = arg;
    struct tls_identities *set = tls_identities_in_use(g->tls);

    tls_identities_each(set, take, g);
    tls_identities_drop(set);
}

bool check_is_given(const struct check *c)
{
    const struct boot *b = c->conf->boot;

    return c->conf->links->outer && b->xmpp.n + b->xmpps.n == 0 && config_list(c->config, &proxy_kind)->n > 0;
}

enum certs_shown check_given(const struct check *c, const char *name, struct certs_handshake *out)
{
    struct given g = { .tls = c->conf->links->outer, .name = name, .out = out };

    if (!loop_call(c->conf->door, look, &g))
        return CERTS_NOWHERE;
    snprintf(out->at, sizeof(out->at), "the proxies");
    if (!g.found)
        snprintf(out->why, sizeof(out->why), "they are given no certificate of this name: the log says why");
    return g.found ? CERTS_SHOWN : CERTS_NOT_SHOWN;
}
