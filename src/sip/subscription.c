/* The subscription as an object: found by Call-ID and our tag, charged to its route, with one timer for all that it waits for. */
#include <stdlib.h>

#include "sip/charge.h"
#include "sip/event_values.h"
#include "sip/inspect.h"
#include "sip/reply.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/texts.h"
#include "sip/writer.h"

const char *sip_sub_end_name(enum sip_sub_end_why why)
{
    switch (why) {
    case SIP_SUB_END_REFUSED: return "refused";
    case SIP_SUB_END_LOST: return "lost";
    case SIP_SUB_END_SILENT: return "silent";
    case SIP_SUB_END_UNREACHABLE: return "unreachable";
    case SIP_SUB_END_TERMINATED: return "terminated";
    case SIP_SUB_END_LAPSED: return "lapsed";
    case SIP_SUB_END_UNSUBSCRIBED: return "unsubscribed";
    case SIP_SUB_END_EXPIRED: return "expired";
    case SIP_SUB_END_FAILED: return "failed";
    }
    return "unknown";
}

void sip_subs_init(struct sip_subs *t)
{
    hash_init(&t->by_call);
    hash_init(&t->charges);
    list_init(&t->flights);
    list_init(&t->waiting);
    buf_init(&t->lines, SIP_HEAD_MAX);
    t->n_flying = 0;
    t->limits = (struct sip_sub_limits){
        .expires_s = 3600, .expires_min_s = 60, .expires_max_s = 3600, .pace_ms = 5000, .max = SIZE_MAX
    };
}

void sip_set_sub_limits(struct sip *sip, const struct sip_sub_limits *limits)
{
    sip->subs.limits = *limits;
}

static void free_entry(struct hash_node *node, void *arg)
{
    sip_sub_free(container_of(node, struct sip_sub, by_call));
}

void sip_subs_fini(struct sip *sip)
{
    struct sip_subs *t = &sip->subs;

    hash_each(&t->by_call, free_entry, NULL);
    sip_subs_fini_flights(sip);
    hash_free(&t->by_call);
    hash_free(&t->charges);
    buf_free(&t->lines);
}

struct buf *sip_subs_lines(struct sip *sip)
{
    buf_clear(&sip->subs.lines);
    return &sip->subs.lines;
}

struct call_key {
    struct slice call_id;
    uint64_t tag;
};

static bool same_call(const struct hash_node *node, const void *arg)
{
    const struct sip_sub *s = container_of(node, struct sip_sub, by_call);
    const struct call_key *key = arg;

    return s->tag == key->tag && slice_eq(sip_sub_text(s, SUB_CALL_ID), key->call_id);
}

static uint64_t call_hash(const struct hash *h, const struct call_key *key)
{
    return hash_more(h, hash_bytes(h, slice_of((const char *)&key->tag, sizeof(key->tag))), key->call_id);
}

struct sip_sub *sip_subs_find_tag(const struct sip *sip, struct slice call_id, uint64_t our_tag)
{
    const struct hash *h = &sip->subs.by_call;
    const struct call_key key = { call_id, our_tag };
    struct hash_node *node = h->n ? hash_find(h, call_hash(h, &key), same_call, &key) : NULL;

    return node ? container_of(node, struct sip_sub, by_call) : NULL;
}

struct sip_sub *sip_subs_find(const struct sip *sip, struct slice call_id, struct slice our_tag)
{
    uint64_t tag;

    return sip_tag_read(our_tag, &tag) ? sip_subs_find_tag(sip, call_id, tag) : NULL;
}

bool sip_sub_enter(struct sip_sub *s)
{
    struct hash *h = &s->sip->subs.by_call;
    struct call_key key = { sip_sub_text(s, SUB_CALL_ID), s->tag };

    if (!hash_add(h, &s->by_call, call_hash(h, &key)))
        return false;
    s->sip->counters.subscriptions = h->n;
    return true;
}

static void on_timer(struct timer *timer)
{
    struct sip_sub *s = container_of(timer, struct sip_sub, timer);

    if (s->notifier)
        sip_notifier_time(s, loop_now(s->sip->loop));
    else
        sip_subscriber_time(s, loop_now(s->sip->loop));
}

struct sip_sub *sip_sub_new(struct sip *sip, struct slice route, unsigned *status)
{
    const struct sip_sub_limits *limits = &sip->subs.limits;
    struct sip_charge *charge;
    struct sip_sub *s;
    bool full;

    *status = 503;
    if (sip->subs.by_call.n >= limits->max)
        return NULL;
    charge = sip_charge_take(&sip->subs.charges, route, limits->max_per_route, &full);
    if (full)
        *status = 480;
    if (!charge)
        return NULL;
    s = calloc(1, sizeof(*s));
    if (!s) {
        sip_charge_drop(&sip->subs.charges, charge);
        return NULL;
    }
    s->sip = sip;
    s->charge = charge;
    s->due_ms = s->limit_ms = s->expires_ms = SIP_SUB_NEVER;
    list_init(&s->waiting);
    timer_init(&s->timer, on_timer);
    return s;
}

void sip_sub_free(struct sip_sub *s)
{
    struct sip *sip = s->sip;

    timer_stop(&sip->loop->timers, &s->timer);
    list_unlink(&s->waiting);
    if (list_empty(&s->charge->waiting))
        list_unlink(&s->charge->in_waiting);
    sip_sub_let_fly(s);
    hash_remove(&sip->subs.by_call, &s->by_call);
    sip->counters.subscriptions = sip->subs.by_call.n;
    sip_charge_drop(&sip->subs.charges, s->charge);
    if (s->phase != SUB_ASKED)
        free(s->rest);
    free(s->text);
    free(s);
}

void sip_sub_finish(struct sip_sub *s, const struct sip_sub_end *end)
{
    timer_stop(&s->sip->loop->timers, &s->timer);
    if (s->phase != SUB_OVER)
        s->sip->conf.ops->events->ended(s->sip->conf.owner, s, end);
    sip_sub_free(s);
}

void sip_sub_drop(struct sip_sub *s)
{
    if (s->phase == SUB_ASKED && s->txn)
        sip_respond(s->txn, 480, NULL, slice_of(NULL, 0));
    sip_sub_free(s);
}

struct slice sip_sub_text(const struct sip_sub *s, enum sub_text i)
{
    return sip_texts_get(s->text, s->n_text, i);
}

bool sip_sub_set_texts(struct sip_sub *s, const struct slice parts[SUB_TEXTS])
{
    return sip_texts_set(&s->text, s->n_text, parts, SUB_TEXTS, SIP_SUB_TEXT_MAX);
}

void sip_sub_set_tag(struct sip_sub *s, struct slice remote, struct slice tag)
{
    s->tag_at = tag.n ? (uint16_t)(tag.p - remote.p) : 0;
    s->n_tag = (uint16_t)tag.n;
    s->in_dialog = true;
}

struct slice sip_sub_remote_tag(const struct sip_sub *s)
{
    return slice_first(slice_from(sip_sub_text(s, SUB_REMOTE), s->tag_at), s->n_tag);
}

void sip_sub_refresh_target(struct sip_sub *s, const struct sip_msg *m)
{
    struct slice parts[SUB_TEXTS], target;

    if (!sip_msg_contact(m, &target) || slice_eq(target, sip_sub_text(s, SUB_TARGET)))
        return;
    for (size_t i = 0; i < SUB_TEXTS; i++)
        parts[i] = sip_sub_text(s, i);
    parts[SUB_TARGET] = target;
    (void)sip_sub_set_texts(s, parts); /* without memory the old one has to do */
}

void sip_sub_schedule(struct sip_sub *s)
{
    uint64_t now = loop_now(s->sip->loop), at = SIP_SUB_NEVER;

    if (s->phase != SUB_OVER && !(s->notifier && s->ending))
        at = s->expires_ms;
    if (!s->flight && s->limit_ms < at) /* else its result comes first */
        at = s->limit_ms;
    if (!s->flight && list_empty(&s->waiting) && s->due_ms < at)
        at = s->due_ms;
    if (at < now)
        at = now;
    if (at == SIP_SUB_NEVER)
        timer_stop(&s->sip->loop->timers, &s->timer);
    else if (!timer_running(&s->timer) || s->timer.due_ms != at) /* to move it is to touch those beside it, too */
        timer_start(&s->sip->loop->timers, &s->timer, at - now);
}

struct sip_contact sip_sub_contact(const struct sip_sub *s)
{
    return (struct sip_contact){ .user = sip_sub_text(s, SUB_USER),
                                 .params = sip_sub_text(s, SUB_PARAMS),
                                 .secure = s->secure };
}

void sip_sub_put_contact(struct buf *b, const struct sip_sub *s, const struct sip_target *back)
{
    const struct sip_contact contact = sip_sub_contact(s);

    buf_put(b, SLICE("Contact: "));
    sip_put_contact(b, &s->sip->clients, back, &contact);
    buf_put(b, SLICE("\r\n"));
}

bool sip_sub_is_foreign(struct sip_sub *s, const struct sip_incoming *in)
{
    if (!slice_eq(in->route, sip_charge_name(s->charge))) {
        sip_answer(s->sip, in, 403, "The subscription is another system's", slice_of(NULL, 0));
        return true;
    }
    if (!s->in_dialog)
        return false;
    if (s->phase == SUB_OVER || !slice_eq(in->m->from_tag, sip_sub_remote_tag(s))) {
        sip_answer(s->sip, in, 481, NULL, slice_of(NULL, 0));
        return true;
    }
    if (in->m->cseq <= s->peer_cseq) {
        sip_answer(s->sip, in, 500, "CSeq is not above the last one", slice_of(NULL, 0));
        return true;
    }
    s->peer_cseq = in->m->cseq;
    return false;
}

/* In a dialog of ours. The dialog has one usage (STOX-PRS-86). */
static void take_inside(struct sip *sip, struct sip_sub *s, const struct sip_incoming *in)
{
    if (sip_sub_is_foreign(s, in))
        return;
    if (in->m->method_id == SIP_NOTIFY && !s->notifier)
        sip_subscriber_notified(s, in);
    else if (in->m->method_id == SIP_SUBSCRIBE && s->notifier)
        sip_notifier_refreshed(s, in);
    else if (in->m->method_id == SIP_NOTIFY)
        sip_answer(sip, in, 481, NULL, slice_of(NULL, 0));
    else
        sip_answer(sip, in, 403, "One subscription for each dialog", slice_of(NULL, 0));
}

void sip_subs_take(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_sub *s = in->m->to_tag.n ? sip_subs_find(sip, in->m->call_id, in->m->to_tag) : NULL;

    if (sip_servers_full(&sip->servers)) { /* a datagram, which comes again: it must be the next in order then */
        sip->counters.dropped_full++;
        return;
    }
    if (s)
        take_inside(sip, s, in);
    else
        sip_notifier_asked(sip, in); /* inspection lets nothing else through */
}

unsigned sip_sub_check_event(struct sip *sip, const struct sip_msg *m, bool winfo, struct slice *id)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_EVENT);
    struct sip_event event;

    *id = slice_of(NULL, 0);
    if (h && !sip_event_parse(h->value, &event))
        return 400;
    if (!h || !slice_is(event.type, winfo ? SIP_EVENT_WINFO : SIP_EVENT)) {
        sip_put_allow_events(&sip->headers, sip);
        return 489;
    }
    *id = event.id;
    return 0;
}

bool sip_sub_is_winfo(const struct sip_sub *s)
{
    return s->winfo;
}

void sip_sub_set_data(struct sip_sub *s, void *data)
{
    s->data = data;
}

void *sip_sub_data(const struct sip_sub *s)
{
    return s->data;
}

void sip_sub_show(const struct sip_sub *s, struct sip_sub_info *out)
{
    uint64_t now = loop_now(s->sip->loop);
    bool runs = s->expires_ms != SIP_SUB_NEVER && s->expires_ms > now;

    *out = (struct sip_sub_info){ .notifier = s->notifier,
                                  .state = s->state,
                                  .expires_in_s = runs ? (unsigned)((s->expires_ms - now) / 1000) : 0,
                                  .call_id = sip_sub_text(s, SUB_CALL_ID),
                                  .remote_target = s->in_dialog ? sip_sub_text(s, SUB_TARGET) : slice_of(NULL, 0),
                                  .route = sip_charge_name(s->charge),
                                  .notices = s->notices,
                                  .last_notice_ms = s->last_notice_ms };
}
