/* From partners: stanzas to the owner, credit to the proxies, and who is linked. */
#include <stdlib.h>

#include "link/gateway_parts.h"

static uint64_t number_hash(const struct link_gateway *g, uint64_t number)
{
    return hash_bytes(&g->receipts, slice_of((const char *)&number, sizeof(number)));
}

static bool receipt_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct gateway_in, node)->ours == *(const uint64_t *)key;
}

/* A receipt of ours for one of the proxy's. False: no memory. */
static bool remember(struct gateway_link *l, uint64_t theirs, uint64_t *ours)
{
    struct link_gateway *g = l->gateway;
    struct gateway_in *in = theirs ? calloc(1, sizeof(*in)) : NULL;

    *ours = 0;
    if (!theirs)
        return true;
    if (!in)
        return false;
    *in = (struct gateway_in){ .ours = g->last_receipt + 1, .theirs = theirs, .link = l, .session = l->n_sessions };
    if (!hash_add(&g->receipts, &in->node, number_hash(g, in->ours))) {
        free(in);
        return false;
    }
    *ours = ++g->last_receipt;
    return true;
}

void link_gateway_handled(struct link_gateway *g, uint64_t receipt)
{
    struct hash_node *node = receipt ? hash_find(&g->receipts, number_hash(g, receipt), receipt_is, &receipt) : NULL;
    struct gateway_in *in = node ? container_of(node, struct gateway_in, node) : NULL;
    struct link_frame f = { .type = LINK_HANDLED };

    if (!in)
        return;
    hash_remove(&g->receipts, node);
    f.handled.receipt = in->theirs;
    if (in->session == in->link->n_sessions && in->link->session.begun)
        gateway_tell(in->link, &f);
    free(in);
}

static void drop_receipt(struct hash_node *node, void *arg)
{
    struct link_gateway *g = arg;

    hash_remove(&g->receipts, node);
    free(container_of(node, struct gateway_in, node));
}

void gateway_drop_receipts(struct link_gateway *g)
{
    hash_each(&g->receipts, drop_receipt, g);
}

/* ---- stanzas ---- */

void gateway_on_stanza(struct gateway_link *l, const struct link_stanza_frame *stanza)
{
    struct link_gateway *g = l->gateway;
    const struct xmpp_partner *partner = g->conf.ops->partner(g->conf.owner, stanza->remote);
    struct gateway_account *a = gateway_account_of(l, partner ? partner->name : stanza->remote);
    struct link_stanza_frame ours = *stanza;
    enum link_heard heard;
    const char *why;

    if (a && !link_credit_take(&a->in, stanza->stanza.n)) {
        gateway_complain(l, LINK_OVER_CREDIT, "STANZA: more of one partner has come than may");
        return;
    }
    if (!a || !remember(l, stanza->receipt, &ours.receipt)) {
        gateway_complain(l, LINK_CUT, "out of memory");
        return;
    }
    a->stanzas++;
    a->bytes += stanza->stanza.n;
    list_unlink(&a->owing);
    list_push(&g->owing, &a->owing);
    gateway_turn(g);
    heard = link_ear_hear(l->ear, &ours, &why);
    if (heard == LINK_A_LIE)
        gateway_complain(l, LINK_LIED, why);
    else if (heard == LINK_NO_MEMORY)
        gateway_complain(l, LINK_CUT, why);
}

/* ---- credit ---- */

void gateway_give_credit(struct link_gateway *g)
{
    struct list held, *it;

    list_init(&held);
    while ((it = list_pop(&g->owing))) {
        struct gateway_account *a = container_of(it, struct gateway_account, owing);
        const struct link_frame f = { .type = LINK_CREDIT,
                                      .credit = { slice_of(a->name, a->name_n), a->stanzas, a->bytes } };

        if (xmpp_tally_count(&g->paused, f.credit.partner) || !link_session_send(&a->link->session, &f)) {
            list_push(&held, &a->owing);
            continue;
        }
        (void)link_credit_give(&a->in, a->stanzas, a->bytes);
        a->stanzas = a->bytes = 0;
    }
    list_move_all(&g->owing, &held);
}

bool link_gateway_pause(struct link_gateway *g, struct slice remote, bool pause)
{
    const struct xmpp_partner *partner = g->conf.ops->partner(g->conf.owner, remote);

    if (!partner)
        return false;
    if (pause)
        return xmpp_tally_take(&g->paused, partner->name, UINT32_MAX);
    xmpp_tally_give(&g->paused, partner->name);
    gateway_turn(g);
    return true;
}

/* ---- who is linked ---- */

static bool domain_is(const struct hash_node *node, const void *key)
{
    const struct gateway_domain *d = container_of(node, const struct gateway_domain, node);

    return slice_eq(slice_of(d->name, d->n), *(const struct slice *)key);
}

static struct gateway_domain *domain_find(const struct gateway_link *l, struct slice name)
{
    struct hash_node *node = hash_find(&l->linked, hash_bytes(&l->linked, name), domain_is, &name);

    return node ? container_of(node, struct gateway_domain, node) : NULL;
}

static void domain_drop(struct gateway_link *l, struct gateway_domain *d)
{
    if (d)
        hash_remove(&l->linked, &d->node);
    free(d);
}

/* Without memory it is as if there were no stream: presence asks anew. */
static void domain_add(struct gateway_link *l, struct slice name)
{
    struct gateway_domain *d = domain_find(l, name) ? NULL : calloc(1, sizeof(*d) + name.n);

    if (!d)
        return;
    d->n = name.n;
    memcpy(d->name, name.p, name.n);
    if (!hash_add(&l->linked, &d->node, hash_bytes(&l->linked, name)))
        free(d);
}

void gateway_on_linked(struct gateway_link *l, const struct link_linked_frame *linked)
{
    const struct link_gateway_conf *conf = &l->gateway->conf;

    if (!conf->ops->partner(conf->owner, linked->remote)) /* by the settings of before */
        return;
    if (linked->still)
        domain_add(l, linked->remote);
    else
        domain_drop(l, domain_find(l, linked->remote));
    if (conf->ops->link && (linked->still || !linked->up)) /* an end in order is told to nobody */
        conf->ops->link(conf->owner, linked->remote, linked->up);
}

bool link_gateway_is_linked(const struct link_gateway *g, struct slice remote)
{
    for (size_t i = 0; i < GATEWAY_LINKS; i++)
        if (domain_find(&g->links[i], remote))
            return true;
    return false;
}

static void unlink_one(struct hash_node *node, void *arg)
{
    struct gateway_link *l = arg;
    struct link_gateway *g = l->gateway;
    struct gateway_domain *d = container_of(node, struct gateway_domain, node);

    hash_remove(&l->linked, node);
    if (!g->freeing && g->conf.ops->link)
        g->conf.ops->link(g->conf.owner, slice_of(d->name, d->n), false);
    free(d);
}

void gateway_unlink_all(struct gateway_link *l)
{
    hash_each(&l->linked, unlink_one, l);
}
