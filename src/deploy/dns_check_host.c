/* Where a record leads: the name, its addresses, the port, and what TLSA records say of the certificate there. */
#include <stdio.h>

#include "deploy/dns_check_parts.h"

/* ---- addresses ---- */

static void say_no_address(const struct judge *j, const struct plan_host *h, const char *target, bool unknown)
{
    struct finding *it =
        findings_add(j->out, FINDING_FAILED, unknown ? "target-unknown" : "target-no-address", j->domain->name,
                     unknown ? "%s does not exist (NXDOMAIN): partners cannot get there"
                             : "%s has no address: partners cannot get there",
                     target);
    char line[PLAN_LINE];

    if (h->n_addrs == 0)
        return;
    plan_addr_line(j->plan, target, &h->addrs[0], line);
    findings_remedy(j->out, it, "Publish:");
    findings_line(j->out, it, "%s", line);
}

static void judge_foreign(const struct judge *j, const struct plan_host *h, const char *target,
                          const struct dns_answer *a)
{
    char text[ADDR_TEXT], line[PLAN_LINE];

    for (size_t i = 0; i < a->n_addrs; i++) {
        struct finding *it;

        if (judge_is_ours(h, &a->addrs[i]))
            continue;
        it = findings_add(j->out, FINDING_FAILED, "address-foreign", j->domain->name,
                          "%s has the address %s, which is not this gateway's", target,
                          addr_ip_text(&a->addrs[i], text));
        findings_remedy(
            j->out, it,
            "Remove it. If partners do reach this gateway by it, as behind a NAT, say so instead: stoxctl gateway "
            "set --add-public-address %s",
            text);
        plan_addr_line(j->plan, target, &a->addrs[i], line);
        findings_line(j->out, it, "%s", line);
    }
}

static bool is_published(const struct dns_answer *a, const struct addr *ours)
{
    for (size_t i = 0; i < a->n_addrs; i++)
        if (addr_same_ip(&a->addrs[i], ours))
            return true;
    return false;
}

static void judge_unpublished(const struct judge *j, const struct plan_host *h, const char *target,
                              const struct dns_answer *a)
{
    char text[ADDR_TEXT], line[PLAN_LINE];

    for (size_t i = 0; i < h->n_addrs; i++) {
        struct finding *it;

        if (is_published(a, &h->addrs[i]))
            continue;
        it = findings_add(j->out, FINDING_NOTE, "address-missing", j->domain->name,
                          "%s is not published with %s, where this gateway can be reached too", target,
                          addr_ip_text(&h->addrs[i], text));
        plan_addr_line(j->plan, target, &h->addrs[i], line);
        findings_remedy(j->out, it, "Publish:");
        findings_line(j->out, it, "%s", line);
    }
}

/* ---- is somebody there ---- */

/* Who has tried. */
static const char *from(const struct plan_service *s)
{
    return s->outer ? "the proxy" : "here";
}

/* False: not there, and that was said. */
static bool judge_reached(const struct judge *j, const struct plan_service *s, const struct addr *at)
{
    const struct reached *r = book_find_reached(j->book, at);
    struct finding *it;
    char text[ADDR_TEXT];
    bool sure;

    if (!r || r->open)
        return r != NULL;
    sure = r->refused || !s->host->chosen; /* many a NAT lets nobody inside come back in by its outer address */
    it = findings_add(j->out, sure ? FINDING_FAILED : FINDING_WARNING, "port-closed", j->domain->name,
                      "%s cannot be connected to from %s: %s", addr_text(at, text), from(s),
                      r->why ? r->why : "no answer");
    if (sure)
        findings_remedy(j->out, it, "Does the %s listen there, and does a firewall or load balancer let it through?",
                        s->outer ? "proxy" : "gateway");
    else
        findings_remedy(j->out, it,
                        "It is a public-address, which a NAT may not let this machine itself use: try it from "
                        "outside.");
    return false;
}

/* True: each address of ours was connected to. */
static bool judge_ports(const struct judge *j, const struct plan_service *s, const struct dns_answer *a, uint16_t port)
{
    bool all = true;

    for (size_t i = 0; i < a->n_addrs; i++) {
        struct addr at = a->addrs[i];

        if (!judge_is_ours(s->host, &at))
            continue;
        addr_set_port(&at, port);
        all = judge_reached(j, s, &at) && all;
    }
    return all;
}

/* ---- TLSA ---- */

/* What an authority that we do not have is about may be right. */
static bool fits_one(const struct chain *chain, const struct dane_record *r)
{
    return chain && chain->chain && tls_chain_fits(chain->chain, r) != TLS_CHAIN_FITS_NOT;
}

/* Is it right for some certificate that is shown at this name and port? */
static bool fits_any(const struct judge *j, const char *host, uint16_t port, const struct dane_record *r)
{
    const struct plan_host *h = plan_find_host(j->plan, host);

    if (!h)
        return false;
    list_each (l, &h->keys) {
        const struct plan_key *k = container_of(l, struct plan_key, link);

        if (k->port == port && fits_one(k->chain, r))
            return true;
    }
    return false;
}

static void say_stale(const struct judge *j, const char *name, const struct dane_record *r)
{
    struct finding *it = findings_add(
        j->out, FINDING_WARNING, "tlsa-stale", j->domain->name,
        "%s has a TLSA record (%u %u %u) of a certificate that is not shown there: left from an earlier one?", name,
        r->usage, r->selector, r->matching);

    findings_remedy(j->out, it, "Remove it, unless it is of the next key, before a change.");
}

static void say_mismatch(const struct judge *j, const struct plan_service *s, const struct dns_srv *srv, bool counts)
{
    struct finding *it;
    char line[PLAN_LINE];

    if (!s->chain || !s->chain->chain) {
        it = findings_add(j->out, FINDING_FAILED, "tlsa-without-certificate", j->domain->name,
                          "there are TLSA records for %s port %u, but %s has no certificate that could be shown",
                          srv->target, (unsigned)srv->port, j->domain->name);
        findings_remedy(j->out, it, "Assign a certificate, or remove the TLSA records.");
        return;
    }
    it = findings_add(j->out, counts ? FINDING_FAILED : FINDING_WARNING, "tlsa-mismatch", j->domain->name,
                      "none of the TLSA records for %s port %u fits the certificate assigned to %s%s", srv->target,
                      (unsigned)srv->port, j->domain->name,
                      counts ? ": partners that use DANE refuse it" : "; they do not count, as the zone is not signed");
    plan_tlsa_line(j->plan, srv->target, srv->port, s->chain, line);
    findings_remedy(j->out, it, "Publish:");
    findings_line(j->out, it, "%s", line);
}

/* DANE asks that all that led there is secure (RFC 7673 3). */
static bool say_insecure(const struct judge *j, const struct dns_srv *srv, bool secure)
{
    struct finding *it;

    if (secure || !j->book->validates)
        return secure;
    it = findings_add(
        j->out, FINDING_WARNING, "tlsa-insecure", j->domain->name,
        "the TLSA records for %s port %u count for nobody: they, or the records that lead there, are not signed "
        "by DNSSEC",
        srv->target, (unsigned)srv->port);
    findings_remedy(j->out, it, "Sign the zones of %s and %s, or remove the TLSA records.", j->domain->ascii,
                    srv->target);
    return false;
}

static void judge_tlsa(const struct judge *j, enum plan_service_id id, const struct dns_srv *srv, bool way_secure)
{
    const struct plan_service *s = &j->domain->services[id];
    const struct dns_answer *a = book_find(j->book, HEARD_TLSA, srv->target, srv->port);
    bool fits = false, secure;
    char name[JUDGE_NAME];

    snprintf(name, sizeof(name), "_%u._tcp.%.253s", (unsigned)srv->port, srv->target);
    if (a->status == DNS_FAILED)
        judge_failure(j, FINDING_WARNING, name, a);
    if (a->status != DNS_OK)
        return;
    secure = say_insecure(j, srv, a->secure && way_secure);
    for (size_t i = 0; i < a->n_tlsa; i++) {
        bool this_fits = fits_one(s->chain, &a->tlsa[i]);

        fits = fits || this_fits;
        if (!this_fits && !fits_any(j, srv->target, srv->port, &a->tlsa[i]))
            say_stale(j, name, &a->tlsa[i]);
    }
    if (!fits)
        say_mismatch(j, s, srv, secure || !j->book->validates);
    else if (secure)
        findings_add(j->out, FINDING_OK, "tlsa-fits", j->domain->name, "the TLSA records of %s fit the certificate",
                     name);
}

/* ---- all of it ---- */

static void say_alias(const struct judge *j, const struct plan_host *h, const struct dns_srv *srv, const char *to)
{
    struct finding *it =
        findings_add(j->out, FINDING_FAILED, "target-alias", j->domain->name,
                     "%s is an alias (CNAME) of %s: an SRV record must not lead to an alias (RFC 2782), and "
                     "some servers refuse it",
                     srv->target, to);
    char line[PLAN_LINE];

    if (h->n_addrs == 0)
        return;
    plan_addr_line(j->plan, srv->target, &h->addrs[0], line);
    findings_remedy(j->out, it, "Publish addresses in the place of the CNAME:");
    findings_line(j->out, it, "%s", line);
}

void judge_target(const struct judge *j, enum plan_service_id id, const struct dns_srv *srv,
                  const struct dns_answer *of)
{
    const struct plan_service *s = &j->domain->services[id];
    const struct plan_host *h = s->host;
    const struct dns_answer *a = book_find(j->book, HEARD_ADDRS, srv->target, 0);
    size_t failed = j->out->n[FINDING_FAILED];
    bool reached;

    if (a->alias_of)
        say_alias(j, h, srv, a->alias_of);
    if (a->status == DNS_FAILED) {
        judge_failure(j, FINDING_FAILED, srv->target, a);
        return;
    }
    if (a->status != DNS_OK) {
        say_no_address(j, h, srv->target, a->status == DNS_NO_NAME);
        return;
    }
    judge_foreign(j, h, srv->target, a);
    judge_unpublished(j, h, srv->target, a);
    judge_ttl(j, srv->target, a->ttl_s);
    reached = judge_ports(j, s, a, srv->port);
    judge_tlsa(j, id, srv, of->secure && a->secure);
    if (j->out->n[FINDING_FAILED] == failed)
        findings_add(j->out, FINDING_OK, "srv-ok", j->domain->name, "%s.%s leads to %s port %u, which %s %s",
                     plan_service_label(id), j->domain->ascii, srv->target, (unsigned)srv->port,
                     reached ? "answers from" : "could not be tried from", from(s));
}
