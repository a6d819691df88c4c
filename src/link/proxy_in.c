/* From partners: stanzas to their gateways, within credit, until they are handled. */
#include <stdlib.h>

#include "link/proxy_parts.h"
#include "xmpp/writer.h"

#define NS_SERVER SLICE("jabber:server")

#define KEPT_MAX ((size_t)64 << 20) /* bytes of stanzas that no gateway has handled, of all partners */
#define KEPT_PARTNER_MAX ((size_t)4 << 20)

/* ---- those that are not handled ---- */

static bool id_is(const struct hash_node *node, const void *key)
{
    return container_of(node, const struct proxy_in, node)->id == *(const uint64_t *)key;
}

static uint64_t id_hash(const struct proxy_session *s, uint64_t id)
{
    return hash_bytes(&s->ins_by_id, slice_of((const char *)&id, sizeof(id)));
}

/* It is the gateway's of this account from now on, by another id. False on memory. */
static bool in_add(struct proxy_in *in, struct proxy_account *a)
{
    struct proxy_session *s = a->session;
    uint64_t id = s->proxy->last_in + 1;

    in->id = in->stanza.receipt = id;
    if (!hash_add(&s->ins_by_id, &in->node, id_hash(s, id)))
        return false;
    s->proxy->last_in++;
    in->account = a;
    list_push(&s->ins, &in->link);
    s->proxy->kept += in->kept;
    a->kept += in->kept;
    return true;
}

static void in_remove(struct proxy_in *in)
{
    struct proxy_session *s = in->account->session;

    hash_remove(&s->ins_by_id, &in->node);
    list_unlink(&in->link);
    list_unlink(&in->wait);
    s->proxy->kept -= in->kept;
    in->account->kept -= in->kept;
}

static void in_free(struct proxy_in *in)
{
    in_remove(in);
    free(in);
}

static void put(char **at, struct slice *s)
{
    if (s->n)
        memcpy(*at, s->p, s->n);
    s->p = *at;
    *at += s->n;
}

/* Not kept unless there is room for it, or it must be. NULL on memory. */
static struct proxy_in *in_new(struct proxy_account *a, const struct link_stanza_frame *f,
                               const struct xmpp_stanza *stanza, bool must)
{
    size_t n = f->local.n + f->remote.n + f->lang.n + f->stanza.n, all = sizeof(struct proxy_in) + n;
    bool keeps = must || (a->kept + all <= KEPT_PARTNER_MAX && a->session->proxy->kept + all <= KEPT_MAX);
    struct proxy_in *in = malloc(sizeof(*in) + (keeps ? n : 0));
    char *at;

    if (!in)
        return NULL;
    *in = (struct proxy_in){ .receipt = stanza->receipt, .stream = stanza->stream, .kept = keeps ? all : 0 };
    list_init(&in->link);
    list_init(&in->wait);
    if (keeps) {
        in->stanza = *f;
        at = in->bytes;
        put(&at, &in->stanza.local);
        put(&at, &in->stanza.remote);
        put(&at, &in->stanza.lang);
        put(&at, &in->stanza.stanza);
    }
    if (in_add(in, a))
        return in;
    free(in);
    return NULL;
}

/* Its stream is closed: the partner hears what was counted, and sends this one again. */
static void in_give_up(struct proxy_in *in)
{
    struct proxy_session *s = in->account->session;

    s->let_go = in->id > s->let_go ? in->id : s->let_go;
    (void)federation_close_stream(s->proxy->federation, in->stream);
    in_free(in);
}

void proxy_on_handled(struct proxy_session *s, const struct link_handled_frame *handled)
{
    struct hash_node *node = hash_find(&s->ins_by_id, id_hash(s, handled->receipt), id_is, &handled->receipt);
    struct proxy_in *in = node ? container_of(node, struct proxy_in, node) : NULL;
    uint64_t receipt = in ? in->receipt : 0;

    if (!in && handled->receipt > s->let_go) {
        proxy_complain(s, LINK_BAD_FRAME, "HANDLED, receipt: this was not given to it");
        return;
    }
    if (in)
        in_free(in);
    if (receipt)
        federation_handled(s->proxy->federation, receipt);
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
    const struct proxy_session *s = a->session;

    return !s->learns && list_empty(&a->waiting) && !link_numbered_is_full(&s->session.numbered) &&
           link_credit_has(&a->in, bytes);
}

static void go(struct proxy_account *a, const struct link_stanza_frame *stanza)
{
    const struct link_frame f = { .type = LINK_STANZA, .stanza = *stanza };

    (void)link_credit_take(&a->in, stanza->stanza.n);
    proxy_tell(a->session, &f);
}

static void wait(struct proxy_in *in)
{
    list_push(&in->account->waiting, &in->wait);
    set_pause(in->account, true);
}

static void flush(struct proxy_account *a)
{
    struct proxy_session *s = a->session;

    while (!list_empty(&a->waiting) && !s->over && !s->learns && !link_numbered_is_full(&s->session.numbered)) {
        struct proxy_in *in = container_of(a->waiting.next, struct proxy_in, wait);

        if (!link_credit_has(&a->in, in->stanza.stanza.n))
            return;
        list_unlink(&in->wait);
        go(a, &in->stanza);
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

static void give_up(struct link_proxy *p, const struct xmpp_stanza *stanza, const char *why)
{
    log_warning(p->conf.loop->log, "stanza-not-taken", LOG_S("local", stanza->to->domain),
                LOG_S("remote", stanza->from->domain), LOG_Z("why", why));
    (void)federation_close_stream(p->federation, stanza->stream);
}

/* As the bridge would refuse it. */
static void bounce(struct link_proxy *p, const struct xmpp_stanza *stanza, const char *text)
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
    xml_put_error(&p->scratch, "modify", "policy-violation", slice_of(NULL, 0), slice_str(text), slice_of(NULL, 0));
    buf_str(&p->scratch, "</");
    buf_put(&p->scratch, stanza->el->name);
    buf_char(&p->scratch, '>');
    error.bytes = buf_slice(&p->scratch);
    if (buf_ok(&p->scratch))
        (void)federation_send(p->federation, &error, &fate);
}

/* For the moment, or for good: of two gateways one has our domain, and only the other one this partner. */
static void no_owner(struct link_proxy *p, const struct xmpp_stanza *stanza)
{
    if (proxy_ops.serves(p, stanza->to->domain) && proxy_ops.partner(p, stanza->from->domain))
        bounce(p, stanza, "There is no federation between these domains");
    else
        give_up(p, stanza, "no gateway has this pair of domains any more");
}

static void take(struct proxy_account *a, struct link_stanza_frame *f, const struct xmpp_stanza *stanza)
{
    bool may = may_go(a, f->stanza.n);
    struct proxy_in *in = in_new(a, f, stanza, !may);

    if (!in) {
        give_up(a->session->proxy, stanza, "out of memory");
    } else if (may) {
        f->receipt = in->id;
        go(a, f);
    } else {
        wait(in);
    }
}

void proxy_on_stanza(void *owner, const struct xmpp_stanza *stanza)
{
    struct link_proxy *p = owner;
    struct proxy_session *s = proxy_owner_of(p, stanza->to->domain, stanza->from->domain);
    const struct xmpp_partner *partner = s ? link_copy_partner(s->copy, stanza->from->domain) : NULL;
    struct proxy_account *a = partner ? proxy_account_of(s, partner->name) : NULL;
    struct link_stanza_frame f = { .local = stanza->to->domain,
                                   .remote = stanza->from->domain,
                                   .lang = slice_first(stanza->stream_lang, 64) };

    if (!s) {
        no_owner(p, stanza);
        return;
    }
    if (!a) {
        give_up(p, stanza, "out of memory");
        return;
    }
    buf_clear(&p->scratch);
    xml_put(&p->scratch, stanza->el, NS_SERVER);
    if (!buf_ok(&p->scratch)) {
        bounce(p, stanza, "The stanza is longer than this server takes");
        return;
    }
    f.stanza = buf_slice(&p->scratch);
    take(a, &f, stanza);
}

/* ---- to another gateway ---- */

/* False on memory. */
static bool pass(struct proxy_in *in, struct proxy_session *to)
{
    const struct xmpp_partner *partner = link_copy_partner(to->copy, in->stanza.remote);
    struct proxy_account *a = proxy_account_of(to, partner->name);
    struct proxy_session *from = in->account->session;

    if (!a)
        return false;
    from->let_go = in->id > from->let_go ? in->id : from->let_go;
    in_remove(in);
    if (!in_add(in, a)) {
        (void)federation_close_stream(to->proxy->federation, in->stream);
        free(in);
    } else if (may_go(a, in->stanza.stanza.n)) {
        go(a, &in->stanza);
    } else {
        wait(in);
    }
    return true;
}

void proxy_pass_on(struct proxy_session *s, bool ends)
{
    struct link_proxy *p = s->proxy;
    size_t passed = 0;

    list_each_safe (it, tmp, &s->ins) {
        struct proxy_in *in = container_of(it, struct proxy_in, link);
        struct proxy_session *to = in->kept ? proxy_owner_of(p, in->stanza.local, in->stanza.remote) : NULL;

        if (to && to != s && pass(in, to))
            passed++;
        else if (ends)
            in_give_up(in);
    }
    if (passed)
        log_info(p->conf.loop->log, "stanzas-passed-on", LOG_Z("gateway", s->name), LOG_U("stanzas", passed),
                 LOG_Z("why", "it had not handled them, and is not heard: another gateway, or process, has them now"));
    if (!ends)
        proxy_flush(s);
}

void proxy_judge_anew(struct proxy_session *s)
{
    list_each_safe (it, tmp, &s->ins) {
        struct proxy_in *in = container_of(it, struct proxy_in, link);

        if (in->kept &&
            !(link_copy_serves(s->copy, in->stanza.local, NULL) && link_copy_partner(s->copy, in->stanza.remote)))
            in_give_up(in);
    }
    proxy_flush(s);
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

static void drop_account(struct hash_node *node, void *arg)
{
    struct proxy_account *a = container_of(node, struct proxy_account, node);

    set_pause(a, false);
    hash_remove(&a->session->accounts, node);
    free(a);
}

void proxy_in_drop_all(struct proxy_session *s)
{
    proxy_pass_on(s, true);
    hash_each(&s->accounts, drop_account, NULL);
}
