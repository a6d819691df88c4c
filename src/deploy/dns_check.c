#include <stdio.h>

#include "deploy/dns_check_parts.h"

void judge_service_name(const struct judge *j, enum plan_service_id id, char out[JUDGE_NAME])
{
    snprintf(out, JUDGE_NAME, "%s.%.253s", plan_service_label(id), j->domain->ascii);
}

bool judge_is_ours(const struct plan_host *h, const struct addr *a)
{
    for (size_t i = 0; i < h->n_addrs; i++)
        if (addr_same_ip(&h->addrs[i], a))
            return true;
    return false;
}

void judge_failure(const struct judge *j, enum finding_mark mark, const char *of, const struct dns_answer *a)
{
    static const struct {
        const char *check, *remedy;
    } faults[] = {
        [DNS_FAULT_NONE] = { "dns-failed", "" },
        [DNS_FAULT_SILENCE] = { "dns-silent", "Are all name servers of the zone up, and reachable from everywhere?" },
        [DNS_FAULT_SERVER] = { "dns-servfail",
                               "Is the zone loaded on all servers that it is delegated to? Their logs say "
                               "why not." },
        [DNS_FAULT_BOGUS] = { "dnssec-bogus",
                              "Sign the zone anew, or make the DS record in the zone above fit its keys: until then "
                              "everybody who validates has no answer at all." },
        [DNS_FAULT_RECORDS] = { "dns-malformed", "Write the record anew." },
        [DNS_FAULT_HERE] = { "dns-not-asked", "" },
    };
    struct finding *it = findings_add(j->out, mark, faults[a->fault].check, j->domain->name, "%s: %s", of,
                                      a->why ? a->why : "there is no answer");

    findings_remedy(j->out, it, "%s", faults[a->fault].remedy);
}

/* ---- what is missing ---- */

static void lines_of(const struct judge *j, enum plan_service_id id, struct finding *it)
{
    const struct plan_service *s = &j->domain->services[id];
    char line[PLAN_LINE];

    if (s->n_ports == 0)
        return;
    plan_srv_line(j->plan, j->domain, id, 0, line);
    findings_remedy(j->out, it, "Publish:");
    findings_line(j->out, it, "%s", line);
}

static void say_missing(const struct judge *j, enum plan_service_id id, const char *name)
{
    enum finding_mark mark = FINDING_FAILED;
    const char *effect = "partners do not find this gateway";

    if (id == PLAN_XMPPS) {
        mark = FINDING_WARNING;
        effect = "partners do not find that TLS from the first byte is offered, and use STARTTLS";
    } else if (plan_service_is_optional(id)) {
        mark = FINDING_NOTE;
        effect = "SIP systems that look for this domain do not find this gateway, which is right where another server "
                 "has it";
    }
    lines_of(j, id, findings_add(j->out, mark, "srv-missing", j->domain->name, "%s is not there: %s", name, effect));
}

static void say_not_offered(const struct judge *j, enum plan_service_id id, const char *name)
{
    bool optional = plan_service_is_optional(id);
    struct finding *it = findings_add(
        j->out, optional ? FINDING_NOTE : FINDING_FAILED, "srv-dot", j->domain->name,
        "%s has the target \".\", which says that the domain does not offer this: nobody even tries", name);

    lines_of(j, id, it);
}

/* ---- whose a record is ---- */

enum whose {
    OURS,
    OURS_OTHER_NAME, /* the addresses are ours */
    OTHERS,
    NOBODYS, /* it leads to no address */
    UNKNOWN, /* the answer is missing */
};

/* Of a domain that does not listen for this service, ours is what the XMPP side has. */
static const struct plan_host *host_of(const struct judge *j, enum plan_service_id id)
{
    const struct plan_host *h = j->domain->services[id].host;

    return h ? h : j->domain->services[PLAN_XMPP].host;
}

static enum whose whose(const struct judge *j, enum plan_service_id id, const struct dns_srv *srv)
{
    const struct plan_host *h = host_of(j, id);
    const struct dns_answer *a = book_find(j->book, HEARD_ADDRS, srv->target, 0);

    if (h && strcmp(h->name, srv->target) == 0)
        return OURS;
    if (a->status == DNS_FAILED)
        return UNKNOWN;
    if (a->status != DNS_OK)
        return NOBODYS;
    for (size_t i = 0; h && i < a->n_addrs; i++)
        if (judge_is_ours(h, &a->addrs[i]))
            return OURS_OTHER_NAME;
    return OTHERS;
}

static bool has_port(const struct plan_service *s, uint16_t port)
{
    for (size_t i = 0; i < s->n_ports; i++)
        if (s->ports[i] == port)
            return true;
    return false;
}

/* ---- records of others ---- */

/* What a record that does not lead to us means beside one that does. best: the lowest priority number of ours. */
static void say_beside(const struct judge *j, const char *name, const struct dns_srv *srv, enum whose whose_it_is,
                       uint16_t best)
{
    enum finding_mark mark = FINDING_WARNING;
    const char *check = "srv-shared", *effect = "some partners go there and some come here";
    struct finding *it;

    if (whose_it_is == NOBODYS) {
        check = "srv-stale";
        effect = "that name has no address; partners lose time there";
    } else if (srv->priority < best) {
        check = "srv-priority";
        effect = "all partners go there first, and come here only while it is down";
    } else if (srv->priority > best) {
        mark = FINDING_NOTE;
        check = "srv-backup";
        effect = "partners go there while this gateway cannot be reached";
    }
    it = findings_add(j->out, mark, check, j->domain->name, "%s also leads to %s port %u (priority %u, ours %u): %s",
                      name, srv->target, (unsigned)srv->port, (unsigned)srv->priority, (unsigned)best, effect);
    findings_remedy(j->out, it, "Unless that is meant, as before a switch, remove:");
    findings_line(j->out, it, "%s. IN SRV %u %u %u %s.", name, (unsigned)srv->priority, (unsigned)srv->weight,
                  (unsigned)srv->port, srv->target);
}

/* Of all records none leads here: the first one. */
static void say_elsewhere(const struct judge *j, enum plan_service_id id, const char *name, const struct dns_srv *srv)
{
    const struct dns_answer *a = book_find(j->book, HEARD_ADDRS, srv->target, 0);
    bool optional = plan_service_is_optional(id);
    const char *check = optional ? "srv-elsewhere" : "srv-wrong-target", *what = "is not this gateway";

    if (a->status == DNS_NO_NAME) {
        check = "target-unknown";
        what = "does not exist (NXDOMAIN)";
    } else if (a->status == DNS_NO_DATA) {
        check = "target-no-address";
        what = "has no address";
    } else if (a->status == DNS_FAILED) {
        judge_failure(j, optional ? FINDING_WARNING : FINDING_FAILED, srv->target, a);
    }
    lines_of(j, id,
             findings_add(j->out, optional ? FINDING_NOTE : FINDING_FAILED, check, j->domain->name,
                          "%s leads to %s port %u, which %s%s", name, srv->target, (unsigned)srv->port, what,
                          optional ? "; right where that is your own SIP server" : ""));
}

/* ---- one service ---- */

/* Lync and its successors: the server has to be within the domain, or they refuse with 1009. */
static void judge_domain_conflict(const struct judge *j, const char *name, const struct dns_srv *srv, bool ours)
{
    struct finding *it;

    if (plan_is_within(srv->target, j->domain->ascii))
        return;
    it = findings_add(j->out, ours ? FINDING_FAILED : FINDING_WARNING, "srv-domain-conflict", j->domain->name,
                      "%s leads to %s, which is not within %s: Lync and Skype for Business refuse that (ms-diagnostics "
                      "1009, conflicting SRV and host domains)",
                      name, srv->target, j->domain->ascii);
    lines_of(j, PLAN_SIP_FEDERATION, it);
}

/* SIP systems expect the server's name in its certificate; XMPP servers expect the domain. */
static void judge_sip_name(const struct judge *j, enum plan_service_id id, const char *target)
{
    const struct chain *chain = j->domain->services[id].chain;
    struct finding *it;

    if (!plan_service_is_optional(id) || !chain || !chain->chain || tls_chain_names(chain->chain, target))
        return;
    it = findings_add(j->out, FINDING_WARNING, "sip-certificate-name", j->domain->name,
                      "the sip-certificate does not name %s, where SIP systems are led to: they refuse it", target);
    findings_remedy(j->out, it, "Ask for one that has %s among its dNSNames too.", target);
}

static void judge_ours(const struct judge *j, enum plan_service_id id, const char *name, const struct dns_srv *srv,
                       enum whose whose_it_is, const struct dns_answer *of)
{
    const struct plan_service *s = &j->domain->services[id];
    struct finding *it;

    if (s->n_ports == 0) {
        it = findings_add(j->out, FINDING_FAILED, "srv-not-served", j->domain->name,
                          "%s leads here, to %s port %u, but this gateway does not listen for it", name, srv->target,
                          (unsigned)srv->port);
        findings_remedy(j->out, it, "Let it listen (listen-xmpps, listen-sip-tls in the bootstrap file), or remove:");
        findings_line(j->out, it, "%s. IN SRV %u %u %u %s.", name, (unsigned)srv->priority, (unsigned)srv->weight,
                      (unsigned)srv->port, srv->target);
        return;
    }
    if (whose_it_is == OURS_OTHER_NAME)
        findings_add(j->out, FINDING_NOTE, "srv-other-name", j->domain->name,
                     "%s leads to %s, another name of this gateway; expected was %s", name, srv->target, s->host->name);
    if (!has_port(s, srv->port)) {
        it = findings_add(j->out, FINDING_FAILED, "srv-wrong-port", j->domain->name,
                          "%s leads to port %u of %s, but this gateway listens on port %u", name, (unsigned)srv->port,
                          srv->target, (unsigned)s->ports[0]);
        lines_of(j, id, it);
        return;
    }
    judge_sip_name(j, id, srv->target);
    judge_target(j, id, srv, of);
}

static void judge_records(const struct judge *j, enum plan_service_id id, const char *name, const struct dns_answer *a)
{
    const struct dns_srv *first = NULL;
    enum whose whose_of[64];
    uint16_t best = UINT16_MAX;
    size_t n_ours = 0, n = a->n_srv < 64 ? a->n_srv : 64;

    for (size_t i = 0; i < n; i++) {
        const struct dns_srv *srv = &a->srv[i];

        whose_of[i] = srv->target[0] ? whose(j, id, srv) : NOBODYS;
        if (whose_of[i] <= OURS_OTHER_NAME) {
            n_ours++;
            best = srv->priority < best ? srv->priority : best;
        } else if (!first && srv->target[0]) {
            first = srv;
        }
    }
    for (size_t i = 0; i < n; i++) {
        if (whose_of[i] <= OURS_OTHER_NAME)
            judge_ours(j, id, name, &a->srv[i], whose_of[i], a);
        else if (n_ours && a->srv[i].target[0])
            say_beside(j, name, &a->srv[i], whose_of[i], best);
        if (id == PLAN_SIP_FEDERATION && a->srv[i].target[0])
            judge_domain_conflict(j, name, &a->srv[i], whose_of[i] <= OURS_OTHER_NAME);
    }
    if (n_ours == 0 && first && (j->domain->services[id].n_ports || plan_service_is_optional(id)))
        say_elsewhere(j, id, name, first);
}

static void judge_service(const struct judge *j, enum plan_service_id id)
{
    const struct plan_service *s = &j->domain->services[id];
    const struct dns_answer *a;
    char name[JUDGE_NAME];

    judge_service_name(j, id, name);
    a = book_find(j->book, HEARD_SRV, name, 0);
    if (a->status == DNS_FAILED) {
        if (s->n_ports)
            judge_failure(j, plan_service_is_optional(id) ? FINDING_WARNING : FINDING_FAILED, name, a);
    } else if (a->status != DNS_OK) {
        if (s->n_ports)
            say_missing(j, id, name);
    } else if (a->n_srv == 1 && !a->srv[0].target[0]) {
        if (s->n_ports)
            say_not_offered(j, id, name);
    } else {
        judge_records(j, id, name, a);
        judge_ttl(j, name, a->ttl_s);
    }
}

/* ---- one domain ---- */

/* False: there is no such domain, and no more to say of it. */
static bool judge_existence(const struct judge *j)
{
    const struct dns_answer *a = book_find(j->book, HEARD_ADDRS, j->domain->ascii, 0), *srv;
    char name[JUDGE_NAME];
    struct finding *it;

    judge_service_name(j, PLAN_XMPP, name);
    srv = book_find(j->book, HEARD_SRV, name, 0);
    if (a->status != DNS_NO_NAME || srv->status != DNS_NO_NAME)
        return true;
    it = findings_add(j->out, FINDING_FAILED, "domain-unknown", j->domain->name,
                      "%s does not exist in DNS (NXDOMAIN), and nothing below it", j->domain->ascii);
    lines_of(j, PLAN_XMPP, it);
    findings_remedy(j->out, it, "Is it registered, and delegated to your name servers? Then publish:");
    return false;
}

static void judge_signature(const struct judge *j)
{
    const struct dns_answer *a;
    char name[JUDGE_NAME];

    judge_service_name(j, PLAN_XMPP, name);
    a = book_find(j->book, HEARD_SRV, name, 0);
    if (!j->book->validates || a->status == DNS_FAILED)
        return;
    findings_add(j->out, a->secure ? FINDING_OK : FINDING_NOTE, a->secure ? "dnssec-secure" : "dnssec-unsigned",
                 j->domain->name, a->secure ? "%s is signed, and the signature is good" : "%s is not signed by DNSSEC",
                 name);
}

static void judge_domain(struct judge *j, const struct plan_domain *d, const struct book *other)
{
    j->domain = d;
    if (judge_existence(j)) {
        for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++)
            judge_service(j, id);
        judge_signature(j);
        judge_caa(j);
        judge_wildcards(j);
    }
    if (other)
        judge_split(j, other);
}

static bool says_nothing(struct findings *out, const struct book *book)
{
    struct finding *it;

    if (!book || !book_is_silent(book))
        return false;
    it = findings_add(out, FINDING_FAILED, "resolver-silent", book->resolver,
                      "the resolver %s has answered none of the questions", book->resolver);
    findings_remedy(out, it, "Is the address right, and does it answer this machine (UDP and TCP port 53)?");
    return true;
}

void dns_check(const struct plan *plan, const struct book *book, const struct book *other, struct findings *out)
{
    struct judge j = { .plan = plan, .book = book, .out = out };

    findings_append(out, &plan->notes);
    if (plan->n_domains == 0)
        findings_add(out, FINDING_NOTE, "no-domains", "", "there are no SIP domains yet: stoxctl domain new");
    if (book->short_of_memory || (other && other->short_of_memory))
        out->left_out++;
    if (plan->n_domains == 0 || says_nothing(out, book))
        return;
    if (!book->validates)
        findings_add(out, FINDING_NOTE, "dnssec-not-checked", "",
                     "DNSSEC is not checked: no dns-trust-anchor is set in the bootstrap file");
    if (says_nothing(out, other))
        other = NULL;
    list_each (l, &plan->domains)
        judge_domain(&j, container_of(l, struct plan_domain, link), other);
}

void dns_check_verdict(const struct plan *plan, const struct findings *f, char *out, size_t n)
{
    size_t bad = f->n[FINDING_FAILED], more = f->n[FINDING_WARNING];

    if (f->left_out)
        snprintf(out, n, "There was more to say than could be kept: check fewer domains at once.");
    else if (bad)
        snprintf(out, n, "DNS is not right: %zu fault%s and %zu warning%s for %zu domain%s.", bad, bad == 1 ? "" : "s",
                 more, more == 1 ? "" : "s", plan->n_domains, plan->n_domains == 1 ? "" : "s");
    else
        snprintf(out, n, "DNS leads partners to this gateway, for %zu domain%s%s.", plan->n_domains,
                 plan->n_domains == 1 ? "" : "s", more ? "; there are warnings" : "");
}
