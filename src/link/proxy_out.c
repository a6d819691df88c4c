/* Toward partners: stanzas of gateways, until each has its fate. */
#include <stdlib.h>

#include "link/proxy_parts.h"

static bool token_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct proxy_out, by_token)->token == *(const uint64_t *)key;
}

static bool id_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct proxy_out, by_id)->id == *(const uint64_t *)key;
}

static uint64_t number_hash(const struct hash *h, uint64_t number)
{
    return hash_bytes(h, slice_of((const char *)&number, sizeof(number)));
}

static struct proxy_out *find_token(const struct link_proxy *p, uint64_t token)
{
    struct hash_node *node = hash_find(&p->outs, number_hash(&p->outs, token), token_is, &token);

    return node ? container_of(node, struct proxy_out, by_token) : NULL;
}

static struct proxy_out *find_id(const struct proxy_session *s, uint64_t id)
{
    struct hash_node *node = hash_find(&s->by_id, number_hash(&s->by_id, id), id_is, &id);

    return node ? container_of(node, struct proxy_out, by_id) : NULL;
}

static void out_free(struct proxy_out *o)
{
    struct proxy_session *s = o->session;

    hash_remove(&s->proxy->outs, &o->by_token);
    hash_remove(&s->by_id, &o->by_id);
    list_unlink(&o->link);
    timer_stop(&s->proxy->conf.loop->timers, &o->deadline);
    (void)link_credit_give(&o->account->out, 1, o->bytes);
    free(o);
}

/* A partner's server has a say in why: what it writes into a stream error. */
static void tell_fate(struct proxy_session *s, uint64_t id, unsigned fate, bool written, const char *why)
{
    char room[LINK_WHY_MAX];
    const struct link_frame f = { .type = LINK_FATE,
                                  .fate = { .id = id,
                                            .fate = fate,
                                            .written = written,
                                            .why = link_frame_text(slice_str(why), sizeof(room), room) } };

    proxy_tell(s, &f);
}

/* Was it written? Whoever waits for it is told that it is not the proxy's any more. */
static void take_back(struct proxy_out *o, const char *why)
{
    struct proxy_session *s = o->session;
    uint64_t id = o->id;
    bool written = federation_withdraw(s->proxy->federation, o->token);

    out_free(o);
    tell_fate(s, id, LINK_FATE_TAKEN_BACK, written, why);
}

static void on_deadline(struct timer *t)
{
    take_back(container_of(t, struct proxy_out, deadline), "its time is over");
}

void proxy_on_lease(struct timer *t)
{
    struct proxy_session *s = container_of(t, struct proxy_session, lease);
    struct link_proxy *p = s->proxy;
    uint64_t now = loop_now(p->conf.loop);
    unsigned held;

    if (s->session.line && log_allowed(&p->log_lost, now, 10, &held)) /* else link-lost was said */
        log_warning(p->conf.loop->log, "gateway-silent", LOG_Z("gateway", s->name),
                    LOG_Z("why", "it is linked, and has answered nothing for 2.5 s, where it is asked each second"),
                    LOG_Z("effect", "what it has given is taken back; what partners send goes to another one that has "
                                    "the domains, or waits"));
    while (!list_empty(&s->outs) && !s->over)
        take_back(container_of(s->outs.next, struct proxy_out, link), "the gateway was not heard for 2.5 s");
    proxy_stand_back(s);
}

/* Charged, which there must be credit for. NULL on memory. */
static struct proxy_out *out_new(struct proxy_session *s, struct proxy_account *a, const struct link_send_frame *send)
{
    struct link_proxy *p = s->proxy;
    struct proxy_out *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    o->session = s;
    o->account = a;
    o->id = send->id;
    o->token = ++p->last_token;
    o->bytes = send->stanza.n;
    timer_init(&o->deadline, on_deadline);
    list_init(&o->link);
    if (hash_add(&p->outs, &o->by_token, number_hash(&p->outs, o->token))) {
        if (hash_add(&s->by_id, &o->by_id, number_hash(&s->by_id, o->id))) {
            list_push(&s->outs, &o->link);
            (void)link_credit_take(&a->out, o->bytes); /* has was asked */
            return o;
        }
        hash_remove(&p->outs, &o->by_token);
    }
    free(o);
    return NULL;
}

/* ms until it has to be taken back. False: it is too late already. */
static bool time_left(const struct proxy_session *s, uint64_t until_ms, uint64_t *ms)
{
    uint64_t now = loop_now(s->proxy->conf.loop), deadline = link_lease_deadline(&s->session.lease, until_ms);

    *ms = deadline > now ? deadline - now : 0;
    return *ms > 0 && link_lease_holds(&s->session.lease, now);
}

static void refuse(struct proxy_session *s, const struct link_send_frame *send, unsigned fate, const char *why)
{
    if (send->awaited)
        tell_fate(s, send->id, fate, false, why);
}

/* ms: for so long it may be written. */
static void hand_over(struct proxy_session *s, struct proxy_account *a, const struct link_send_frame *send, uint64_t ms)
{
    struct link_proxy *p = s->proxy;
    struct proxy_out *o = send->awaited ? out_new(s, a, send) : NULL;
    const struct federation_stanza stanza = {
        .local = send->local, .remote = send->remote, .bytes = send->stanza, .token = o ? o->token : 0
    };
    enum xmpp_fate fate;

    if (send->awaited && !o) {
        refuse(s, send, XMPP_FATE_FULL, "the proxy has no memory for it");
        return;
    }
    if (!federation_send(p->federation, &stanza, &fate)) {
        if (o)
            out_free(o);
        refuse(s, send, fate, federation_refusal(p->federation, send->local, send->remote, fate));
        return;
    }
    if (o && send->until_ms)
        timer_start(&p->conf.loop->timers, &o->deadline, ms);
}

/* What speaks against it; NULL: nothing, and *a is its partner's account. */
static const char *object_to(struct proxy_session *s, const struct link_send_frame *send, struct proxy_account **a)
{
    const struct xmpp_partner *partner;
    const char *why = proxy_may_not_send(s, send->local, send->remote, &partner);

    if (why)
        return why;
    *a = proxy_account_of(s, partner->name);
    return *a ? NULL : "the proxy has no memory for it";
}

void proxy_on_send(struct proxy_session *s, const struct link_send_frame *send)
{
    struct proxy_account *a = NULL;
    const char *why = object_to(s, send, &a);
    uint64_t ms;

    if (find_id(s, send->id))
        proxy_complain(s, LINK_BAD_FRAME, "SEND, id: there is one with this id");
    else if (why)
        refuse(s, send, XMPP_FATE_REFUSED, why);
    else if (send->awaited && !link_credit_has(&a->out, send->stanza.n))
        proxy_complain(s, LINK_OVER_CREDIT, "SEND: more for one partner is under way than may be");
    else if (!time_left(s, send->until_ms, &ms))
        refuse(s, send, LINK_FATE_TAKEN_BACK, "it came too late to be written");
    else
        hand_over(s, a, send, ms);
}

void proxy_on_withdraw(struct proxy_session *s, const struct link_withdraw_frame *withdraw)
{
    struct proxy_out *o = find_id(s, withdraw->id);

    if (!o) /* its fate is under way */
        return;
    (void)federation_withdraw(s->proxy->federation, o->token);
    out_free(o);
}

void proxy_on_settled(void *owner, uint64_t token, enum xmpp_fate fate, const char *why)
{
    struct proxy_out *o = find_token(owner, token);
    struct proxy_session *s;
    uint64_t id;

    if (!o)
        return;
    s = o->session;
    id = o->id;
    out_free(o);
    tell_fate(s, id, fate, fate == XMPP_FATE_CONFIRMED || fate == XMPP_FATE_UNCONFIRMED || fate == XMPP_FATE_LOST, why);
}

void proxy_out_drop_all(struct proxy_session *s)
{
    while (!list_empty(&s->outs)) {
        struct proxy_out *o = container_of(s->outs.next, struct proxy_out, link);

        (void)federation_withdraw(s->proxy->federation, o->token);
        out_free(o);
    }
}
