#include "xmpp/repeats.h"

#include <stdlib.h>
#include <string.h>

void xmpp_repeats_init(struct xmpp_repeats *r, struct hash *by_receipt)
{
    *r = (struct xmpp_repeats){ .by_receipt = by_receipt };
    list_init(&r->carried);
}

static void carried_free(struct xmpp_carried *c)
{
    hash_remove(c->of->by_receipt, &c->by_receipt);
    list_unlink(&c->link);
    c->of->n--;
    free(c);
}

static struct xmpp_carried *first_of(const struct xmpp_repeats *r)
{
    return list_empty(&r->carried) ? NULL : container_of(r->carried.next, struct xmpp_carried, link);
}

void xmpp_repeats_fini(struct xmpp_repeats *r)
{
    struct xmpp_carried *c;

    while ((c = first_of(r)))
        carried_free(c);
    xmpp_repeats_rest(r);
}

void xmpp_repeats_rest(struct xmpp_repeats *r)
{
    free(r->prints);
    r->prints = NULL;
}

/* ---- fingerprints ---- */

static uint64_t print_content(const struct hash *keyed, uint64_t print, const struct xml *el)
{
    for (const struct xml *c = el->first; c; c = c->next) {
        print = hash_more(keyed, print, c->is_text ? c->text : c->name);
        for (const struct xml *in = c->is_text ? NULL : c->first; in; in = in->next)
            if (in->is_text)
                print = hash_more(keyed, print, in->text);
    }
    return print;
}

uint64_t xmpp_repeats_print(const struct hash *keyed, const struct xml *el)
{
    static const char *const attrs[] = { "from", "to", "type", "id" };
    uint64_t print = hash_bytes(keyed, el->name);

    for (size_t i = 0; i < sizeof(attrs) / sizeof(*attrs); i++)
        print = hash_more(keyed, print, xml_attr(el, attrs[i]));
    return xml_attr(el, "id").n ? print : print_content(keyed, print, el);
}

static void note(struct xmpp_repeats *r, uint32_t seq, uint64_t print)
{
    if (!r->prints)
        r->prints = malloc(XMPP_SM_WINDOW * sizeof(*r->prints));
    if (r->prints)
        r->prints[seq % XMPP_SM_WINDOW] = print;
    else
        r->blind = true;
}

/* ---- while it is connected ---- */

static void drop_unbound(struct xmpp_repeats *r)
{
    struct xmpp_carried *c;

    while ((c = first_of(r)) && !c->bound)
        carried_free(c);
}

static struct xmpp_carried *known(struct xmpp_repeats *r, uint64_t print)
{
    list_each (it, &r->carried) {
        struct xmpp_carried *c = container_of(it, struct xmpp_carried, link);

        if (c->bound)
            break;
        if (c->print == print)
            return c;
    }
    return NULL;
}

bool xmpp_repeats_is_one(struct xmpp_repeats *r, struct xmpp_sm_in *sm, uint32_t seq, uint64_t print)
{
    struct xmpp_carried *first = first_of(r), *c = NULL;

    note(r, seq, print);
    if (r->n_left == 0)
        return false;
    if (first && !first->bound) {
        c = known(r, print);
        if (c != first)
            r->out_of_step = true;
    }
    if (c && c->done) {
        carried_free(c);
        xmpp_sm_in_handled(sm, seq);
    } else if (c) {
        c->bound = true;
        c->seq = seq;
        list_unlink(&c->link);
        list_push(&r->carried, &c->link);
    }
    if (--r->n_left == 0) /* what would have been repeated has been */
        drop_unbound(r);
    return c != NULL;
}

static bool same_receipt(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct xmpp_carried, by_receipt)->receipt == *(const uint64_t *)key;
}

static uint64_t receipt_hash(const struct hash *h, uint64_t receipt)
{
    return hash_bytes(h, slice_of((const char *)&receipt, sizeof(receipt)));
}

struct xmpp_carried *xmpp_repeats_find(const struct hash *by_receipt, uint64_t receipt)
{
    struct hash_node *node =
        by_receipt->n ? hash_find(by_receipt, receipt_hash(by_receipt, receipt), same_receipt, &receipt) : NULL;

    return node ? container_of(node, struct xmpp_carried, by_receipt) : NULL;
}

bool xmpp_repeats_handled(struct xmpp_carried *c, uint32_t *seq)
{
    c->done = true;
    if (!c->bound)
        return false;
    *seq = c->seq;
    carried_free(c);
    return true;
}

/* ---- between two connections ---- */

static struct xmpp_carried *carried_new(struct xmpp_repeats *r, uint64_t receipt, uint64_t print, bool done)
{
    struct xmpp_carried *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    *c = (struct xmpp_carried){ .of = r, .receipt = receipt, .print = print, .done = done };
    list_init(&c->link);
    if (!hash_add(r->by_receipt, &c->by_receipt, receipt_hash(r->by_receipt, receipt))) {
        free(c);
        return NULL;
    }
    r->n++;
    return c;
}

/* The bound one that counts under this number, taken from the front of the list. */
static struct xmpp_carried *take_bound(struct list *bound, uint32_t seq)
{
    struct xmpp_carried *c = list_empty(bound) ? NULL : container_of(bound->next, struct xmpp_carried, link);

    if (!c || c->seq != seq)
        return NULL;
    list_unlink(&c->link);
    c->bound = false;
    return c;
}

static void split(struct xmpp_repeats *r, struct list *unbound, struct list *bound)
{
    struct list *l;

    list_init(unbound);
    list_init(bound);
    while ((l = list_pop(&r->carried)))
        list_push(container_of(l, struct xmpp_carried, link)->bound ? bound : unbound, l);
}

/* In the order of the peer's count: what came on this connection, then what it had not repeated yet. */
bool xmpp_repeats_carry(struct xmpp_repeats *r, struct xmpp_sm_in *sm, uint32_t serial)
{
    struct list unbound, bound;
    unsigned n_unbound = 0;
    bool ok = !r->blind;

    split(r, &unbound, &bound);
    for (uint32_t seq = sm->handled; seq != sm->received && ok; seq++) {
        struct xmpp_carried *c = take_bound(&bound, seq);

        if (!c)
            c = carried_new(r, (uint64_t)serial << 32 | seq, r->prints[seq % XMPP_SM_WINDOW],
                            xmpp_sm_in_is_done(sm, seq));
        if (c)
            list_push(&r->carried, &c->link);
        ok = c != NULL;
    }
    list_each (it, &unbound)
        n_unbound++;
    list_move_all(&r->carried, &bound); /* none, unless memory is out */
    list_move_all(&r->carried, &unbound);
    r->n_numbered = r->out_of_step ? r->n - n_unbound : r->n;
    xmpp_repeats_rest(r);
    return ok && r->n <= XMPP_SM_WINDOW;
}

void xmpp_repeats_go_on(struct xmpp_repeats *r, struct xmpp_sm_in *sm)
{
    struct xmpp_carried *c;

    for (; r->n_numbered > 0 && (c = first_of(r)) && c->done; r->n_numbered--) {
        carried_free(c);
        sm->handled++;
    }
    xmpp_sm_in_go_on(sm);
    r->n_left = r->n;
    r->out_of_step = r->n_numbered < r->n;
}
