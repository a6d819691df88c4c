/* What a subscription needs once its owner has turned away from it: where its last request goes, and what that says. */
#include <stdlib.h>

#include "sip/stack.h"

#define WAY_MEM 4096
#define WAY_MAX (64 * 1024)

static struct slice keep(char **at, struct slice text)
{
    struct slice kept = slice_of(*at, text.n);

    if (text.n)
        memcpy(*at, text.p, text.n);
    *at += text.n;
    return kept;
}

static size_t size_of(const struct sip_destination *to, const struct sip_sub_notice *n)
{
    size_t size = to->n_hops * sizeof(*to->hops) + to->n_networks * sizeof(*to->networks) + to->route.n + to->domain.n +
                  to->tls_name.n + n->content.headers.n + n->content.body.n;

    for (size_t i = 0; i < to->n_hops; i++)
        size += to->hops[i].name.n;
    return size;
}

/* The arrays first, which are aligned there; then the texts. */
static void fill(struct sub_rest *r, const struct sip_destination *to, const struct sip_sub_notice *n)
{
    struct addr_host *hops = (struct addr_host *)r->memory;
    struct addr_net *networks = (struct addr_net *)(hops + to->n_hops);
    char *at = (char *)(networks + to->n_networks);

    for (size_t i = 0; i < to->n_hops; i++) {
        hops[i] = to->hops[i];
        hops[i].name = keep(&at, to->hops[i].name);
    }
    if (to->n_networks)
        memcpy(networks, to->networks, to->n_networks * sizeof(*networks));
    r->to = *to;
    r->to.hops = hops;
    r->to.networks = networks;
    r->to.route = keep(&at, to->route);
    r->to.domain = keep(&at, to->domain);
    r->to.tls_name = keep(&at, to->tls_name);
    r->notice = *n;
    r->notice.content.headers = keep(&at, n->content.headers);
    r->notice.content.body = keep(&at, n->content.body);
}

/* NULL: no way, or no memory. */
struct sub_rest *sip_sub_make_rest(struct sip_sub *s, const struct sip_sub_notice *n)
{
    _Alignas(max_align_t) char mem[WAY_MEM];
    struct sub_rest *r = NULL;
    struct sip_destination to;
    struct arena arena;

    arena_init_on(&arena, mem, sizeof(mem), WAY_MAX);
    if (s->sip->conf.ops->events->way(s->sip->conf.owner, s, &arena, &to))
        r = malloc(sizeof(*r) + size_of(&to, n));
    if (r)
        fill(r, &to, n);
    arena_reset(&arena);
    return r;
}

bool sip_sub_way(struct sip_sub *s, struct arena *a, struct sip_destination *to)
{
    if (!s->rest)
        return s->sip->conf.ops->events->way(s->sip->conf.owner, s, a, to);
    *to = s->rest->to;
    return true;
}
