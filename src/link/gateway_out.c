/* Toward partners: the queue of each pair of domains, and what a proxy has of it. */
#include <stdlib.h>

#include "link/gateway_parts.h"

static uint64_t number_hash(const struct hash *h, uint64_t number)
{
    return hash_bytes(h, slice_of((const char *)&number, sizeof(number)));
}

static bool token_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct gateway_out, by_token)->token == *(const uint64_t *)key;
}

static bool id_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct gateway_out, by_id)->id == *(const uint64_t *)key;
}

/* ---- pairs ---- */

struct pair_key {
    struct slice local, remote;
};

static bool pair_is(const struct hash_node *node, const void *key)
{
    const struct gateway_pair *p = container_of(node, const struct gateway_pair, node);
    const struct pair_key *k = key;

    return slice_eq(gateway_local(p), k->local) && slice_eq(gateway_remote(p), k->remote);
}

static uint64_t pair_hash(const struct link_gateway *g, const struct pair_key *k)
{
    return hash_more(&g->pairs, hash_bytes(&g->pairs, k->local), k->remote);
}

static struct gateway_pair *pair_find(const struct link_gateway *g, const struct pair_key *k)
{
    struct hash_node *node = hash_find(&g->pairs, pair_hash(g, k), pair_is, k);

    return node ? container_of(node, struct gateway_pair, node) : NULL;
}

static struct gateway_pair *pair_of(struct link_gateway *g, const struct pair_key *k)
{
    struct gateway_pair *p = pair_find(g, k);

    if (p)
        return p;
    p = calloc(1, sizeof(*p) + k->local.n + k->remote.n);
    if (!p)
        return NULL;
    p->gateway = g;
    p->local_n = k->local.n;
    p->remote_n = k->remote.n;
    memcpy(p->names, k->local.p, k->local.n);
    memcpy(p->names + k->local.n, k->remote.p, k->remote.n);
    list_init(&p->waiting);
    list_init(&p->owed);
    list_init(&p->queue);
    list_init(&p->sent);
    if (hash_add(&g->pairs, &p->node, pair_hash(g, k)))
        return p;
    free(p);
    return NULL;
}

static void pair_free(struct gateway_pair *p)
{
    hash_remove(&p->gateway->pairs, &p->node);
    list_unlink(&p->waiting);
    free(p);
}

static void pair_waits(struct gateway_pair *p)
{
    list_unlink(&p->waiting);
    list_push(&p->gateway->waiting, &p->waiting);
    gateway_turn(p->gateway);
}

/* ---- stanzas ---- */

static struct gateway_out *out_new(struct gateway_pair *p, const struct federation_stanza *stanza)
{
    struct link_gateway *g = p->gateway;
    struct gateway_out *o = calloc(1, sizeof(*o) + stanza->bytes.n);

    if (!o)
        return NULL;
    o->pair = p;
    o->since_ms = loop_now(g->conf.loop);
    o->until_ms = stanza->until_ms;
    o->n = stanza->bytes.n;
    memcpy(o->bytes, stanza->bytes.p, stanza->bytes.n);
    if (stanza->token && !hash_add(&g->tokens, &o->by_token, number_hash(&g->tokens, stanza->token))) {
        free(o);
        return NULL;
    }
    o->token = stanza->token;
    list_push(o->token ? &p->queue : &p->owed, &o->link);
    p->n++;
    p->bytes += o->n;
    g->counters.queued++;
    return o;
}

/* It is no proxy's any more. */
static void out_take(struct gateway_out *o)
{
    struct link_gateway *g = o->pair->gateway;

    if (!o->at)
        return;
    hash_remove(&g->ids, &o->by_id);
    (void)link_credit_give(&o->account->out, 1, o->n);
    o->at = NULL;
    o->account = NULL;
}

static void out_free(struct gateway_out *o)
{
    struct gateway_pair *p = o->pair;

    out_take(o);
    list_unlink(&o->link);
    if (o->token)
        hash_remove(&p->gateway->tokens, &o->by_token);
    p->n--;
    p->bytes -= o->n;
    p->gateway->counters.queued--;
    free(o);
}

static void pair_rest(struct gateway_pair *p)
{
    if (!p->n)
        pair_free(p);
}

static void out_settle(struct gateway_out *o, enum xmpp_fate fate, const char *why)
{
    struct gateway_pair *p = o->pair;
    struct link_gateway *g = p->gateway;
    uint64_t token = o->token;

    out_free(o);
    pair_rest(p);
    if (token && !g->freeing)
        g->conf.ops->settled(g->conf.owner, token, fate, why);
}

bool link_gateway_send(struct link_gateway *g, const struct federation_stanza *stanza, enum xmpp_fate *fate)
{
    const struct pair_key key = { stanza->local, stanza->remote };
    struct gateway_pair *p;

    *fate = g->phase == LINK_REST ? XMPP_FATE_UNREACHABLE : XMPP_FATE_REFUSED;
    if (g->phase == LINK_REST || !g->conf.ops->partner(g->conf.owner, stanza->remote))
        return false;
    *fate = XMPP_FATE_FULL;
    if (!stanza->bytes.n || stanza->bytes.n > LINK_SENT_MAX || !(p = pair_of(g, &key)))
        return false;
    if (p->n >= LINK_QUEUE_STANZAS || stanza->bytes.n > LINK_QUEUE_BYTES - p->bytes || !out_new(p, stanza)) {
        pair_rest(p);
        return false;
    }
    pair_waits(p);
    return true;
}

const char *link_gateway_refusal(const struct link_gateway *g, enum xmpp_fate fate)
{
    if (g->phase == LINK_REST)
        return "the gateway is stopping";
    return fate == XMPP_FATE_FULL ? "too much waits for the partner already, or there is no memory for more"
                                  : "the settings have no such partner";
}

bool link_gateway_withdraw(struct link_gateway *g, uint64_t token)
{
    struct hash_node *node = token ? hash_find(&g->tokens, number_hash(&g->tokens, token), token_is, &token) : NULL;
    struct gateway_out *o;
    struct gateway_pair *p;
    struct gateway_link *at;
    struct link_frame f = { .type = LINK_WITHDRAW };
    bool written;

    if (!node)
        return false;
    o = container_of(node, struct gateway_out, by_token);
    p = o->pair;
    at = o->at;
    f.withdraw.id = o->id;
    written = at || o->writes;
    out_free(o);
    pair_rest(p);
    if (at)
        gateway_tell(at, &f);
    return written;
}

bool link_gateway_is_crowded(const struct link_gateway *g, struct slice local, struct slice remote)
{
    const struct gateway_pair *p = pair_find(g, &(struct pair_key){ local, remote });

    return p && (p->n >= LINK_QUEUE_STANZAS / 2 || p->bytes >= LINK_QUEUE_BYTES / 2);
}

/* ---- to proxies ---- */

/* The one that has something of the pair, for the order; else the ready one that comes first. NULL: none now. */
static struct gateway_link *link_for(struct link_gateway *g, const struct gateway_pair *p)
{
    if (!list_empty(&p->sent)) {
        struct gateway_link *at = container_of(p->sent.next, struct gateway_out, link)->at;

        return gateway_is_ready(at) ? at : NULL;
    }
    return gateway_chosen(g);
}

static bool is_too_late(const struct gateway_out *o)
{
    return o->until_ms && loop_now(o->pair->gateway->conf.loop) + LINK_EARLY_MS >= o->until_ms;
}

/* False: it has to wait. */
static bool give(struct gateway_link *l, struct gateway_account *a, struct gateway_out *o)
{
    struct gateway_pair *p = o->pair;
    struct link_gateway *g = p->gateway;
    const struct link_frame f = { .type = LINK_SEND,
                                  .send = { .id = g->last_id + 1,
                                            .awaited = o->token != 0,
                                            .until_ms = o->until_ms,
                                            .local = gateway_local(p),
                                            .remote = gateway_remote(p),
                                            .stanza = slice_of(o->bytes, o->n) } };

    if (o->token && !link_credit_has(&a->out, o->n))
        return false;
    if (o->token && !hash_add(&g->ids, &o->by_id, number_hash(&g->ids, f.send.id)))
        return false;
    if (!link_session_send(&l->session, &f)) {
        if (o->token)
            hash_remove(&g->ids, &o->by_id);
        return false;
    }
    g->last_id++;
    if (!o->token) {
        out_free(o);
        return true;
    }
    o->id = f.send.id;
    o->at = l;
    o->account = a;
    (void)link_credit_take(&a->out, o->n);
    list_unlink(&o->link);
    list_push(&p->sent, &o->link);
    return true;
}

/* One of the pair. False: nothing of it can go now. */
static bool pump_one(struct link_gateway *g, struct gateway_pair *p)
{
    const struct xmpp_partner *partner = g->conf.ops->partner(g->conf.owner, gateway_remote(p));
    struct gateway_link *l = partner ? link_for(g, p) : NULL;
    struct gateway_account *a =
        l && !link_numbered_is_full(&l->session.numbered) ? gateway_account_of(l, partner->name) : NULL;

    if (!a)
        return false;
    if (!list_empty(&p->owed))
        return give(l, a, container_of(p->owed.next, struct gateway_out, link));
    list_each (it, &p->queue) {
        struct gateway_out *o = container_of(it, struct gateway_out, link);

        if (!is_too_late(o)) /* its owner is about to withdraw it */
            return give(l, a, o);
    }
    return false;
}

/* In turns, of each pair one, until none can go. */
void gateway_pump(struct link_gateway *g)
{
    struct list stuck, *l;

    list_init(&stuck);
    while ((l = list_pop(&g->waiting))) {
        struct gateway_pair *p = container_of(l, struct gateway_pair, waiting);

        if (!pump_one(g, p))
            list_push(&stuck, &p->waiting);
        else if (!list_empty(&p->owed) || !list_empty(&p->queue))
            list_push(&g->waiting, &p->waiting);
        else
            pair_rest(p);
    }
    list_move_all(&g->waiting, &stuck);
}

/* ---- and back ---- */

/* To the front of its pair's queue, or to its end when it may have been written too often already. */
static void wait_again(struct gateway_out *o, bool written)
{
    struct gateway_pair *p = o->pair;

    out_take(o);
    o->writes += written;
    if (o->writes >= LINK_WRITES_MAX) {
        out_settle(o, XMPP_FATE_LOST, "it was written as often as may be, and never acknowledged");
        return;
    }
    list_unlink(&o->link);
    list_push(p->queue.next, &o->link);
    pair_waits(p);
}

static void settle_by(struct gateway_out *o, const struct link_fate_frame *fate)
{
    char why[LINK_WHY_MAX + 1];

    memcpy(why, fate->why.n ? fate->why.p : "", fate->why.n);
    why[fate->why.n] = '\0';
    /* What was written in vain before is not known to be undelivered, whatever has become of it now. */
    out_settle(o, o->writes && fate->fate > XMPP_FATE_UNCONFIRMED ? XMPP_FATE_LOST : (enum xmpp_fate)fate->fate, why);
}

void gateway_on_fate(struct gateway_link *l, const struct link_fate_frame *fate)
{
    struct link_gateway *g = l->gateway;
    struct hash_node *node = hash_find(&g->ids, number_hash(&g->ids, fate->id), id_is, &fate->id);
    struct gateway_out *o = node ? container_of(node, struct gateway_out, by_id) : NULL;

    if (fate->id > g->last_id || (o && o->at != l))
        gateway_complain(l, LINK_LIED, "FATE, id: this stanza was not given to it");
    else if (!o) /* withdrawn meanwhile */
        return;
    else if (fate->fate == LINK_FATE_TAKEN_BACK)
        wait_again(o, fate->written);
    else
        settle_by(o, fate);
    gateway_turn(g); /* there is credit again */
}

struct moving {
    struct gateway_link *link;
    struct list all; /* struct gateway_out */
};

static void collect(struct hash_node *node, void *arg)
{
    struct moving *m = arg;
    struct gateway_pair *p = container_of(node, struct gateway_pair, node);

    list_each_safe (it, tmp, &p->sent)
        if (container_of(it, struct gateway_out, link)->at == m->link) {
            list_unlink(it);
            list_push(&m->all, it);
        }
}

/* The last ones first, as each goes to the front. */
void gateway_move_all(struct gateway_link *l)
{
    struct moving m = { .link = l };

    list_init(&m.all);
    hash_each(&l->gateway->pairs, collect, &m);
    while (!list_empty(&m.all))
        wait_again(container_of(m.all.prev, struct gateway_out, link), true);
}

static void drop_pair(struct hash_node *node, void *arg)
{
    struct gateway_pair *p = container_of(node, struct gateway_pair, node);
    struct list *const lists[] = { &p->owed, &p->queue, &p->sent };

    for (size_t i = 0; i < 3; i++)
        while (!list_empty(lists[i]))
            out_free(container_of(lists[i]->next, struct gateway_out, link));
    pair_free(p);
}

void gateway_drop_pairs(struct link_gateway *g)
{
    hash_each(&g->pairs, drop_pair, NULL);
}

static void review(struct hash_node *node, void *arg)
{
    struct gateway_pair *p = container_of(node, struct gateway_pair, node);
    struct link_gateway *g = p->gateway;

    if (!g->conf.ops->partner(g->conf.owner, gateway_remote(p)) ||
        !g->conf.ops->serves(g->conf.owner, gateway_local(p))) {
        list_unlink(&p->waiting);
        list_push(arg, &p->waiting);
    }
}

/* What waits for partners that are gone; what a proxy has it gives back by the same settings. */
void gateway_refuse_removed(struct link_gateway *g)
{
    struct list removed;

    list_init(&removed);
    hash_each(&g->pairs, review, &removed);
    while (!list_empty(&removed)) {
        struct gateway_pair *p = container_of(removed.next, struct gateway_pair, waiting);
        struct gateway_out *o = !list_empty(&p->owed)    ? container_of(p->owed.next, struct gateway_out, link)
                                : !list_empty(&p->queue) ? container_of(p->queue.next, struct gateway_out, link)
                                                         : NULL;

        if (!o)
            list_unlink(&p->waiting);
        else
            out_settle(o, o->writes ? XMPP_FATE_LOST : XMPP_FATE_REFUSED, "the settings do not allow it any more");
    }
}
