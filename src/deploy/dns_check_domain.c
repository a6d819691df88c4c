/* What concerns a domain as a whole: who may issue for it, names that nobody has published, and what another resolver says. */
#include <stdio.h>

#include "deploy/dns_check_parts.h"

/* ---- time to live ---- */

void judge_ttl(const struct judge *j, const char *of, uint32_t ttl_s)
{
    struct finding *it;

    if (ttl_s > DNS_TTL_LONG_S) {
        it = findings_add(j->out, FINDING_WARNING, "ttl-long", j->domain->name,
                          "%s is kept for %u s: after a change some partners go the old way for so long", of,
                          (unsigned)ttl_s);
        findings_remedy(j->out, it,
                        "Before a planned switch, lower its TTL to 300, and wait for the old one to run out.");
    } else if (ttl_s < DNS_TTL_SHORT_S) {
        it = findings_add(
            j->out, FINDING_WARNING, "ttl-short", j->domain->name,
            "%s is kept for %u s only: it is asked for again and again, and is gone as soon as a name server is", of,
            (unsigned)ttl_s);
        findings_remedy(j->out, it, "A TTL of 300 is short enough for a switch, and %d is right otherwise.",
                        PLAN_TTL_S);
    }
}

/* ---- CAA (RFC 8659) ---- */

struct caa_set {
    const char *at; /* the name that has it; NULL: none has */
    const struct dns_answer *answer;
};

/* The records closest to the domain. */
static struct caa_set relevant(const struct judge *j)
{
    struct caa_set set = { NULL, NULL };

    for (const char *at = j->domain->ascii; at; at = strchr(at, '.') ? strchr(at, '.') + 1 : NULL) {
        set.answer = book_find(j->book, HEARD_CAA, at, 0);
        set.at = at;
        if (set.answer->status == DNS_OK || set.answer->status == DNS_FAILED)
            return set;
    }
    return (struct caa_set){ NULL, NULL };
}

/* The domain of an issue value, without its parameters. */
static struct slice issuer_of(const struct dns_caa *r)
{
    struct slice head, rest;

    (void)slice_cut(slice_str(r->value), ';', &head, &rest);
    return slice_trim(head);
}

static size_t count_issue(const struct dns_answer *a)
{
    size_t n = 0;

    for (size_t i = 0; i < a->n_caa; i++)
        n += strcmp(a->caa[i].tag, "issue") == 0;
    return n;
}

static bool lets_issue(const struct dns_answer *a, struct slice authority)
{
    for (size_t i = 0; i < a->n_caa; i++)
        if (strcmp(a->caa[i].tag, "issue") == 0 && slice_ieq(issuer_of(&a->caa[i]), authority))
            return true;
    return false;
}

/* "ca.example, other.example"; "nobody" */
static void name_issuers(const struct dns_answer *a, char *out, size_t size)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < a->n_caa && n < size; i++) {
        struct slice who = issuer_of(&a->caa[i]);

        if (strcmp(a->caa[i].tag, "issue") == 0 && who.n)
            n += (size_t)snprintf(out + n, size - n, "%s%.*s", n ? ", " : "", SLICE_FMT(who));
    }
    if (n == 0)
        snprintf(out, size, "nobody");
}

static void judge_authority(const struct judge *j, const struct caa_set *set, struct slice authority)
{
    struct finding *it;
    char who[500], line[PLAN_LINE];

    if (lets_issue(set->answer, authority)) {
        findings_add(j->out, FINDING_OK, "caa-allows", j->domain->name, "the CAA records of %s let %.*s issue", set->at,
                     SLICE_FMT(authority));
        return;
    }
    name_issuers(set->answer, who, sizeof(who));
    it = findings_add(j->out, FINDING_FAILED, "caa-forbids", j->domain->name,
                      "the CAA records of %s let %s issue, and not %.*s: the next certificate will be refused", set->at,
                      who, SLICE_FMT(authority));
    plan_caa_line(j->plan, j->domain, authority, line);
    findings_remedy(j->out, it, "Publish:");
    findings_line(j->out, it, "%s", line);
}

void judge_caa(const struct judge *j)
{
    const struct setting_list *authorities = &config_gateway(j->plan->site.config)->authorities;
    const struct slice *names = authorities->v;
    struct caa_set set = relevant(j);
    char who[500];

    if (!set.at)
        return; /* anybody may */
    if (set.answer->status == DNS_FAILED) {
        judge_failure(j, FINDING_WARNING, set.at, set.answer);
        return;
    }
    if (count_issue(set.answer) == 0)
        return;
    for (size_t i = 0; i < authorities->n; i++)
        judge_authority(j, &set, names[i]);
    if (authorities->n)
        return;
    name_issuers(set.answer, who, sizeof(who));
    findings_remedy(j->out,
                    findings_add(j->out, FINDING_NOTE, "caa-unjudged", j->domain->name,
                                 "the CAA records of %s let %s issue certificates", set.at, who),
                    "Say who issues yours: stoxctl gateway set --add-certificate-authority NAME");
}

/* ---- names that nobody has published ---- */

static bool leads_here(const struct judge *j, const struct dns_answer *a)
{
    const struct plan_host *h = j->domain->services[PLAN_XMPP].host;

    for (size_t i = 0; h && i < a->n_srv; i++)
        if (strcmp(a->srv[i].target, h->name) == 0)
            return true;
    for (size_t i = 0; h && i < a->n_addrs; i++)
        if (judge_is_ours(h, &a->addrs[i]))
            return true;
    return false;
}

void judge_wildcards(const struct judge *j)
{
    char name[JUDGE_NAME];
    struct finding *it;

    snprintf(name, sizeof(name), "%s.%s.%.253s", plan_service_label(PLAN_XMPP), j->book->nonce, j->domain->ascii);
    if (leads_here(j, book_find(j->book, HEARD_SRV, name, 0))) {
        it = findings_add(
            j->out, FINDING_WARNING, "wildcard-srv", j->domain->name,
            "a wildcard below %s leads here too, for domains that this gateway does not serve: partners that "
            "write to them come here and are refused",
            j->domain->ascii);
        findings_remedy(j->out, it, "Name each domain in the place of the wildcard record.");
    }
    snprintf(name, sizeof(name), "%s.%.253s", j->book->nonce, j->domain->ascii);
    if (leads_here(j, book_find(j->book, HEARD_ADDRS, name, 0))) {
        it = findings_add(
            j->out, FINDING_WARNING, "wildcard-address", j->domain->name,
            "a wildcard gives every name below %s an address of this gateway: partners that write to such a "
            "domain come here and are refused",
            j->domain->ascii);
        findings_remedy(j->out, it, "Name each host in the place of *.%s.", j->domain->ascii);
    }
}

/* ---- two resolvers ---- */

static bool has_srv(const struct dns_answer *a, const struct dns_srv *like)
{
    for (size_t i = 0; i < a->n_srv; i++) {
        const struct dns_srv *s = &a->srv[i];

        if (s->port == like->port && s->priority == like->priority && s->weight == like->weight &&
            strcmp(s->target, like->target) == 0)
            return true;
    }
    return false;
}

static bool has_addr(const struct dns_answer *a, const struct addr *like)
{
    for (size_t i = 0; i < a->n_addrs; i++)
        if (addr_same_ip(&a->addrs[i], like))
            return true;
    return false;
}

static bool same(const struct dns_answer *a, const struct dns_answer *b)
{
    if (a->status != b->status || a->n_srv != b->n_srv || a->n_addrs != b->n_addrs)
        return false;
    for (size_t i = 0; i < a->n_srv; i++)
        if (!has_srv(b, &a->srv[i]))
            return false;
    for (size_t i = 0; i < a->n_addrs; i++)
        if (!has_addr(b, &a->addrs[i]))
            return false;
    return true;
}

/* The first record, in words. */
static void describe(const struct dns_answer *a, char *out, size_t n)
{
    char text[ADDR_TEXT];

    if (a->status == DNS_FAILED)
        snprintf(out, n, "no answer");
    else if (a->status != DNS_OK)
        snprintf(out, n, "there is none");
    else if (a->n_srv)
        snprintf(out, n, "%u %u %u %s%s", (unsigned)a->srv[0].priority, (unsigned)a->srv[0].weight,
                 (unsigned)a->srv[0].port, a->srv[0].target, a->n_srv > 1 ? " and more" : "");
    else if (a->n_addrs)
        snprintf(out, n, "%s%s", addr_ip_text(&a->addrs[0], text), a->n_addrs > 1 ? " and more" : "");
    else
        snprintf(out, n, "nothing that can be used");
}

static void compare(const struct judge *j, const struct book *other, enum heard_type type, const char *name)
{
    const struct dns_answer *a = book_find(j->book, type, name, 0), *b = book_find(other, type, name, 0);
    char here[350], there[350];
    struct finding *it;

    if (same(a, b))
        return;
    describe(a, here, sizeof(here));
    describe(b, there, sizeof(there));
    it = findings_add(j->out, FINDING_WARNING, "resolvers-differ", j->domain->name,
                      "the resolvers do not say the same of %s: %s says %s, %s says %s", name, j->book->resolver, here,
                      other->resolver, there);
    findings_remedy(j->out, it,
                    "One may have old records for up to %u s more; or there are two views of the zone, and the "
                    "one for the world has to be right.",
                    (unsigned)(a->ttl_s > b->ttl_s ? a->ttl_s : b->ttl_s));
}

void judge_split(const struct judge *j, const struct book *other)
{
    char name[JUDGE_NAME];

    for (enum plan_service_id id = 0; id < PLAN_SERVICES; id++) {
        const struct dns_answer *a;

        judge_service_name(j, id, name);
        compare(j, other, HEARD_SRV, name);
        a = book_find(j->book, HEARD_SRV, name, 0);
        for (size_t i = 0; i < a->n_srv; i++)
            if (a->srv[i].target[0])
                compare(j, other, HEARD_ADDRS, a->srv[i].target);
    }
}
