#include "daemon/check_rounds.h"

#include "deploy/dns_check.h"

static unsigned every_h(void *owner)
{
    struct check_rounds *r = owner;
    struct config *config = keeper_config(r->keeper);
    size_t n = config_list(config, &sip_domain_kind)->n;
    unsigned hours = config_gateway(config)->dns_check_h;

    config_drop(config);
    return n && n <= DNS_CHECK_DOMAINS ? hours : 0;
}

static uint64_t last_ms(void *owner)
{
    struct check_rounds *r = owner;
    struct verdict v;

    checks_last(r->checks, VERDICT_DNS, &v);
    return v.check ? v.at_ms : 0;
}

/* One that finds no room among those of administrators comes with the next tick. */
static void look(void *owner)
{
    const struct admin_check all_of_dns = { .all = false };
    struct check_rounds *r = owner;
    struct admin_refusal no;

    checks_begin(r->checks, &all_of_dns, &no);
}

int check_rounds_init(struct check_rounds *r, struct loop *loop, struct err *err)
{
    const struct dns_rounds_conf conf = {
        .loop = loop, .every_h = every_h, .last_ms = last_ms, .look = look, .owner = r
    };

    r->rounds = dns_rounds_new(&conf, err);
    return r->rounds ? 0 : -1;
}

void check_rounds_fini(struct check_rounds *r)
{
    dns_rounds_free(r->rounds);
    r->rounds = NULL;
}
