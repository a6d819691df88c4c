/* DNS, and the certificates that are assigned. */
#include <stdio.h>

#include "base/clock.h"
#include "base/rand.h"
#include "daemon/check_rows.h"
#include "deploy/certs_check.h"
#include "deploy/dns_check.h"

#define BOOK_BYTES (64u << 20)

struct pages {
    struct arena arena;
    struct book book[ADMIN_CHECK_RESOLVERS];
    char name[ADMIN_CHECK_RESOLVERS][ADDR_TEXT];
    char nonce[40]; /* a label that nobody has published */
};

/* False: that one cannot be asked, and that was said. */
static bool look(struct check *c, const struct plan *plan, struct pages *p, size_t i)
{
    const struct admin_check *what = c->what;
    struct dns_look_conf conf = { .plan = plan,
                                  .servers = c->conf->boot->dns_servers.v,
                                  .n_servers = c->conf->boot->dns_servers.n,
                                  .trust_anchor_file = c->conf->boot->dns_trust_anchor,
                                  .connect = i == 0,
                                  .stop = c->stop,
                                  .log = c->conf->log };
    struct err err = { "" };

    snprintf(p->name[i], ADDR_TEXT, "of this gateway");
    if (i < what->n_resolvers) {
        snprintf(p->name[i], ADDR_TEXT, "%.*s", SLICE_FMT(slice_first(what->resolvers[i], ADDR_TEXT - 1)));
        conf.servers = &what->resolvers[i];
        conf.n_servers = 1;
    }
    book_init(&p->book[i], &p->arena, p->name[i], p->nonce);
    if (dns_look(&conf, &p->book[i], &err) == 0) {
        if (conf.connect)
            check_outer(c, plan, &p->book[i]);
        return true;
    }
    findings_add(c->out, FINDING_FAILED, "resolver", p->name[i], "DNS cannot be asked: %s", err.text);
    return false;
}

static void look_and_judge(struct check *c, const struct plan *plan)
{
    struct pages p;
    size_t n = c->what->n_resolvers > 1 ? 2 : 1, looked = 0;
    char random[17];

    arena_init(&p.arena, BOOK_BYTES);
    rand_hex(random, 16);
    snprintf(p.nonce, sizeof(p.nonce), "stox-check-%s", random);
    while (looked < n && look(c, plan, &p, looked))
        looked++;
    if (looked == n)
        dns_check(plan, &p.book[0], n > 1 ? &p.book[1] : NULL, c->out);
    dns_check_verdict(plan, c->out, c->verdict, sizeof(c->verdict));
    arena_reset(&p.arena);
}

void check_dns(struct check *c)
{
    struct err err = { "" };
    struct plan plan;

    snprintf(c->verdict, sizeof(c->verdict), "DNS was not looked at.");
    if (plan_make(&plan, &c->site, c->what->domains, c->what->n_domains, &err) != 0)
        findings_add(c->out, FINDING_FAILED, "dns", "", "%s", err.text);
    else if (plan.n_domains > DNS_CHECK_DOMAINS)
        findings_line(c->out,
                      findings_add(c->out, FINDING_FAILED, "too-many-domains", "",
                                   "%zu domains are more than the %d that are looked at at once: name some",
                                   plan.n_domains, DNS_CHECK_DOMAINS),
                      "stoxctl dns check DOMAIN...");
    else
        look_and_judge(c, &plan);
    plan_fini(&plan);
}

void check_certificates(struct check *c)
{
    const struct certs_wish wish = { .config = c->config,
                                     .boot = c->conf->boot,
                                     .vault = c->conf->vault,
                                     .now_s = clock_wall_s(),
                                     .shown = check_shown,
                                     .arg = c };

    certs_check(&wish, c->out);
}
