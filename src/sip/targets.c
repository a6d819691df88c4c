/* Lists of targets: their count of users, and the order to try them in. */
#include <stdlib.h>

#include "base/rand.h"
#include "sip/stack.h"

struct sip_targets *sip_targets_one(const struct sip_target *target, bool to_proxy)
{
    struct sip_targets *t = calloc(1, sizeof(*t) + sizeof(t->v[0]));

    if (!t)
        return NULL;
    t->refs = 1;
    t->n = 1;
    t->transports = SIP_MAY(target->transport);
    t->to_proxy = to_proxy;
    t->v[0].target = *target;
    return t;
}

struct sip_targets *sip_targets_keep(struct sip_targets *t)
{
    if (t)
        t->refs++;
    return t;
}

void sip_targets_drop(struct sip_targets *t)
{
    if (t && --t->refs == 0)
        free(t);
}

/* Draws the order of the servers of each tier (RFC 2782), and lists their targets in it. */
static void draw(const struct sip_targets *t, uint8_t out[SIP_TARGETS_MAX])
{
    struct dns_srv servers[SIP_TARGETS_MAX];
    size_t n = 0, at = 0;

    for (size_t i = 0; i < t->n; i++) {
        const struct sip_place *p = &t->v[i];

        if (i && p->server == t->v[i - 1].server)
            continue;
        servers[n] = (struct dns_srv){ .priority = p->tier, .weight = p->weight };
        servers[n++].mark = (unsigned)i;
    }
    dns_srv_order(servers, n, rand_below);
    for (size_t k = 0; k < n; k++)
        for (size_t i = servers[k].mark; i < t->n && t->v[i].server == t->v[servers[k].mark].server; i++)
            out[at++] = (uint8_t)i;
}

size_t sip_targets_order(struct sip *sip, const struct sip_targets *t, uint8_t order[SIP_TARGETS_MAX])
{
    uint8_t drawn[SIP_TARGETS_MAX];
    enum sip_fitness fit[SIP_TARGETS_MAX];
    const size_t n_all = t->n;
    size_t n = 0;

    for (size_t i = 0; i < n_all; i++)
        drawn[i] = (uint8_t)i;
    if (t->drawn)
        draw(t, drawn);
    for (size_t i = 0; i < n_all; i++)
        fit[i] = sip_health_fitness(sip, &t->v[drawn[i]].target);
    for (enum sip_fitness f = SIP_FIT; f <= SIP_FIT_LAST; f++)
        for (size_t i = 0; i < n_all; i++)
            if (fit[i] == f)
                order[n++] = drawn[i];
    return n;
}
