/* From partners: stanzas to their gateways, within credit, and what streams are there. */
#include <stdlib.h>

#include "link/proxy_parts.h"
#include "xmpp/writer.h"
#include "xmpp/xmpp.h"

#define NS_SERVER SLICE("jabber:server")

/* A frame that has to wait, as it will be sent: what its slices point to lies behind it. */
struct proxy_waiting {
    struct list link;
    struct link_stanza_frame stanza;
    char bytes[];
};

static bool receipt_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct proxy_in, node)->receipt == *(const uint64_t *)key;
}

static uint64_t receipt_hash(const struct proxy_session *s, uint64_t receipt)
{
    return hash_bytes(&s->receipts, slice_of((const char *)&receipt, sizeof(receipt)));
}

/* That the gateway has it. False on memory. */
static bool remember(struct proxy_session *s, uint64_t receipt)
{
    struct proxy_in *in = receipt ? calloc(1, sizeof(*in)) : NULL;

    if (!receipt)
        return true;
    if (!in)
        return false;
    in->receipt = receipt;
    if (hash_add(&s->receipts, &in->node, receipt_hash(s, receipt)))
        return true;
    free(in);
    return false;
}

void proxy_on_handled(struct proxy_session *s, const struct link_handled_frame *handled)
{
    struct hash_node *node = hash_find(&s->receipts, receipt_hash(s, handled->receipt), receipt_is, &handled->receipt);

    if (!node) {
        proxy_complain(s, LINK_BAD_FRAME, "HANDLED, receipt: this was not given to it");
        return;
    }
    hash_remove(&s->receipts, node);
    free(container_of(node, struct proxy_in, node));
    federation_handled(s->proxy->federation, handled->receipt);
}

/* ---- within credit ---- */

static void set_pause(struct proxy_account *a, bool pause)
{
    struct federation *f = a->session->proxy->federation;
    struct slice name = slice_of(a->name, a->name_n);

    if (a->paused != pause)
        a->paused = federation_pause(f, name, pause) && pause;
}

static bool may_go(const struct proxy_account *a, size_t bytes)
{
    return list_empty(&a->waiting) && !link_numbered_is_full(&a->session->session.numbered) &&
           link_credit_has(&a->in, bytes);
}

static void go(struct proxy_account *a, const struct link_stanza_frame *stanza)
{
    const struct link_frame f = { .type = LINK_STANZA, .stanza = *stanza };

    (void)link_credit_take(&a->in, stanza->stanza.n);
    proxy_tell(a->session, &f);
}

static void put(char **at, struct slice *s)
{
    if (s->n)
        memcpy(*at, s->p, s->n);
    s->p = *at;
    *at += s->n;
}

/* False on memory. */
static bool wait(struct proxy_account *a, const struct link_stanza_frame *f)
{
    struct proxy_waiting *w = malloc(sizeof(*w) + f->local.n + f->remote.n + f->lang.n + f->stanza.n);
    char *at;

    if (!w)
        return false;
    w->stanza = *f;
    at = w->bytes;
    put(&at, &w->stanza.local);
    put(&at, &w->stanza.remote);
    put(&at, &w->stanza.lang);
    put(&at, &w->stanza.stanza);
    list_push(&a->waiting, &w->link);
    set_pause(a, true);
    return true;
}

static void flush(struct proxy_account *a)
{
    struct proxy_session *s = a->session;

    while (!list_empty(&a->waiting) && !s->over && !link_numbered_is_full(&s->session.numbered)) {
        struct proxy_waiting *w = container_of(a->waiting.next, struct proxy_waiting, link);

        if (!link_credit_has(&a->in, w->stanza.stanza.n))
            return;
        list_unlink(&w->link);
        go(a, &w->stanza);
        free(w);
    }
    if (list_empty(&a->waiting))
        set_pause(a, false);
}

static void flush_one(struct hash_node *node, void *arg)
{
    flush(container_of(node, struct proxy_account, node));
}

void proxy_flush(struct proxy_session *s)
{
    hash_each(&s->accounts, flush_one, NULL);
}

void proxy_on_credit(struct proxy_session *s, const struct link_credit_frame *credit)
{
    struct proxy_account *a = proxy_account_find(s, credit->partner);

    if (!a || !link_credit_give(&a->in, credit->stanzas, credit->bytes))
        proxy_complain(s, LINK_BAD_FRAME, "CREDIT: more comes back than was used up");
    else
        flush(a);
}

/* ---- stanzas ---- */

/* Its stream is closed: the partner hears what was counted, and sends this one again. */
static void give_up(struct link_proxy *p, const struct xmpp_stanza *stanza, const char *why)
{
    log_warning(p->conf.loop->log, "stanza-not-taken", LOG_S("local", stanza->to->domain),
                LOG_S("remote", stanza->from->domain), LOG_Z("why", why));
    if (stanza->receipt)
        (void)federation_close_stream(p->federation, xmpp_stream_of_receipt(stanza->receipt));
}

/* As the bridge would refuse one that is too long for SIP. */
static void bounce(struct link_proxy *p, const struct xmpp_stanza *stanza)
{
    struct federation_stanza error = { .local = stanza->to->domain, .remote = stanza->from->domain };
    struct slice type = xml_attr(stanza->el, "type"), id = xml_attr(stanza->el, "id");
    enum xmpp_fate fate;

    federation_handled(p->federation, stanza->receipt);
    if (slice_is(type, "error") || slice_is(type, "result") || slice_is(stanza->el->name, "presence"))
        return;
    buf_clear(&p->scratch);
    buf_char(&p->scratch, '<');
    buf_put(&p->scratch, stanza->el->name);
    xml_put_attr_jid(&p->scratch, "from", stanza->to);
    xml_put_attr_jid(&p->scratch, "to", stanza->from);
    if (id.n)
        xml_put_attr(&p->scratch, "id", id);
    buf_str(&p->scratch, " type='error'>");
    xml_put_error(&p->scratch, "modify", "policy-violation", slice_of(NULL, 0),
                  SLICE("The stanza is longer than this server takes"), slice_of(NULL, 0));
    buf_str(&p->scratch, "</");
    buf_put(&p->scratch, stanza->el->name);
    buf_char(&p->scratch, '>');
    error.bytes = buf_slice(&p->scratch);
    if (buf_ok(&p->scratch))
        (void)federation_send(p->federation, &error, &fate);
}

void proxy_on_stanza(void *owner, const struct xmpp_stanza *stanza)
{
    struct link_proxy *p = owner;
    struct proxy_session *s = proxy_owner_of(p, stanza->to->domain, stanza->from->domain);
    const struct xmpp_partner *partner = s ? link_copy_partner(s->copy, stanza->from->domain) : NULL;
    struct proxy_account *a = partner ? proxy_account_of(s, partner->name) : NULL;
    struct link_stanza_frame f = { .receipt = stanza->receipt,
                                   .local = stanza->to->domain,
                                   .remote = stanza->from->domain,
                                   .lang = slice_first(stanza->stream_lang, 64) };

    if (!a) {
        give_up(p, stanza, s ? "out of memory" : "no gateway has this pair of domains any more");
        return;
    }
    buf_clear(&p->scratch);
    xml_put(&p->scratch, stanza->el, NS_SERVER);
    if (!buf_ok(&p->scratch)) {
        bounce(p, stanza);
        return;
    }
    f.stanza = buf_slice(&p->scratch);
    if (!remember(s, f.receipt))
        give_up(p, stanza, "out of memory");
    else if (may_go(a, f.stanza.n))
        go(a, &f);
    else if (!wait(a, &f))
        give_up(p, stanza, "out of memory");
}

/* ---- what streams are there ---- */

/* A domain of a partner's that the gateway takes for linked. */
struct proxy_linked {
    struct hash_node node;
    size_t n;
    char name[];
};

static bool domain_is(const struct hash_node *node, const void *key)
{
    const struct proxy_linked *d = container_of(node, const struct proxy_linked, node);

    return slice_eq(slice_of(d->name, d->n), *(const struct slice *)key);
}

static void drop_linked(struct hash_node *node, void *arg)
{
    hash_remove(arg, node);
    free(container_of(node, struct proxy_linked, node));
}

/* Without memory the gateway goes on thinking so, until a stream breaks. */
static void note_linked(struct proxy_session *s, struct slice remote, bool still)
{
    uint64_t hash = hash_bytes(&s->linked, remote);
    struct hash_node *node = hash_find(&s->linked, hash, domain_is, &remote);
    struct proxy_linked *d;

    if (node && !still)
        drop_linked(node, &s->linked);
    if (node || !still || !(d = calloc(1, sizeof(*d) + remote.n)))
        return;
    d->n = remote.n;
    memcpy(d->name, remote.p, remote.n);
    if (!hash_add(&s->linked, &d->node, hash))
        free(d);
}

static void tell_link(struct proxy_session *s, struct slice remote, bool up)
{
    const struct link_frame f = { .type = LINK_LINKED,
                                  .linked = { remote, up, up || federation_is_linked(s->proxy->federation, remote) } };

    if (!s->session.begun || !s->copy || !link_copy_partner(s->copy, remote))
        return;
    note_linked(s, remote, f.linked.still);
    proxy_tell(s, &f);
}

static void see_if_linked(struct hash_node *node, void *arg)
{
    struct proxy_session *s = arg;
    const struct proxy_linked *d = container_of(node, const struct proxy_linked, node);
    const struct link_frame f = { .type = LINK_LINKED,
                                  .linked = { .remote = slice_of(d->name, d->n), .up = true, .still = false } };

    if (federation_is_linked(s->proxy->federation, f.linked.remote))
        return;
    proxy_tell(s, &f);
    drop_linked(node, &s->linked);
}

void proxy_see_links(struct proxy_session *s)
{
    hash_each(&s->linked, see_if_linked, s);
}

void proxy_on_link(void *owner, struct slice remote, bool up)
{
    struct link_proxy *p = owner;

    list_each (it, &p->sessions)
        tell_link(container_of(it, struct proxy_session, link), remote, up);
}

static void tell_if_linked(void *arg, const struct xmpp_partner *partner, const struct slice *more, size_t n_more)
{
    struct proxy_session *s = arg;

    if (federation_is_linked(s->proxy->federation, partner->name))
        tell_link(s, partner->name, true);
    for (size_t i = 0; i < n_more; i++)
        if (federation_is_linked(s->proxy->federation, more[i]))
            tell_link(s, more[i], true);
}

void proxy_tell_links(struct proxy_session *s)
{
    if (federation_counters(s->proxy->federation)->streams_authenticated) /* mostly there are none yet */
        link_copy_each_partner(s->copy, tell_if_linked, s);
}

/* ---- pauses, and the end ---- */

static void pause_one(struct hash_node *node, void *arg)
{
    struct proxy_account *a = container_of(node, struct proxy_account, node);

    set_pause(a, *(const bool *)arg && !list_empty(&a->waiting));
}

void proxy_pauses(struct proxy_session *s, bool pause)
{
    hash_each(&s->accounts, pause_one, &pause);
}

static void close_its_stream(struct hash_node *node, void *arg)
{
    struct proxy_session *s = arg;
    struct proxy_in *in = container_of(node, struct proxy_in, node);

    (void)federation_close_stream(s->proxy->federation, xmpp_stream_of_receipt(in->receipt));
    hash_remove(&s->receipts, node);
    free(in);
}

static void drop_account(struct hash_node *node, void *arg)
{
    struct proxy_account *a = container_of(node, struct proxy_account, node);
    struct list *l;

    set_pause(a, false);
    while ((l = list_pop(&a->waiting)))
        free(container_of(l, struct proxy_waiting, link));
    hash_remove(&a->session->accounts, node);
    free(a);
}

void proxy_in_drop_all(struct proxy_session *s)
{
    hash_each(&s->linked, drop_linked, &s->linked);
    hash_free(&s->linked);
    hash_each(&s->receipts, close_its_stream, s);
    hash_each(&s->accounts, drop_account, NULL);
}
