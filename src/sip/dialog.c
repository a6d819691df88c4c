/* The session as an object: found by Call-ID and our tag, charged to its route, with its texts in one block. */
#include <stdlib.h>

#include "sip/charge.h"
#include "sip/client_priv.h"
#include "sip/dial.h"
#include "sip/inspect.h"
#include "sip/msg_session.h"
#include "sip/reply.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/texts.h"
#include "sip/writer.h"

const char *sip_end_name(enum sip_end_why why)
{
    switch (why) {
    case SIP_END_REFUSED: return "refused";
    case SIP_END_TIMED_OUT: return "timed-out";
    case SIP_END_UNREACHABLE: return "unreachable";
    case SIP_END_CANCELLED: return "cancelled";
    case SIP_END_BYE: return "bye";
    case SIP_END_NO_ACK: return "no-ack";
    case SIP_END_NO_PRACK: return "no-prack";
    case SIP_END_EXPIRED: return "expired";
    case SIP_END_LOST: return "lost";
    case SIP_END_BROKEN: return "broken";
    }
    return "unknown";
}

void sip_dialogs_init(struct sip_dialogs *t)
{
    hash_init(&t->by_call);
    hash_init(&t->charges);
    hash_init(&t->secrets);
    t->n_tags = 0;
    buf_init(&t->lines, SIP_HEAD_MAX);
}

/* What is under way does not call d any more. */
static void forget_pending(struct sip_dialog *d)
{
    if (d->pending && d->pending->invite)
        sip_invite_client_forget(d->pending);
    else if (d->pending)
        sip_client_forget(d->pending);
}

/* The stack ends: nothing is sent. */
static void free_entry(struct hash_node *node, void *arg)
{
    struct sip_dialog *d = container_of(node, struct sip_dialog, by_call);

    forget_pending(d);
    d->pending = NULL;
    sip_dialog_free(d);
}

void sip_dialogs_fini(struct sip *sip)
{
    struct sip_dialogs *t = &sip->dialogs;

    hash_each(&t->by_call, free_entry, NULL);
    hash_free(&t->by_call);
    hash_free(&t->charges);
    hash_free(&t->secrets);
    buf_free(&t->lines);
}

struct buf *sip_dialogs_lines(struct sip *sip)
{
    struct buf *b = &sip->dialogs.lines;

    buf_clear(b);
    return buf_reserve(b, SIP_HEAD_MAX) ? b : NULL;
}

uint64_t sip_dialogs_make_tag(struct sip_dialogs *t)
{
    t->n_tags++;
    return hash_mac(&t->secrets, slice_of((const char *)&t->n_tags, sizeof(t->n_tags)));
}

struct call_key {
    struct slice call_id;
    uint64_t tag;
};

static bool same_call(const struct hash_node *node, const void *arg)
{
    const struct sip_dialog *d = container_of(node, struct sip_dialog, by_call);
    const struct call_key *key = arg;

    return d->tag == key->tag && slice_eq(sip_dialog_text(d, DIALOG_CALL_ID), key->call_id);
}

static uint64_t call_hash(const struct hash *h, const struct call_key *key)
{
    return hash_more(h, hash_bytes(h, slice_of((const char *)&key->tag, sizeof(key->tag))), key->call_id);
}

struct sip_dialog *sip_dialogs_find_tag(const struct sip *sip, struct slice call_id, uint64_t our_tag)
{
    const struct hash *h = &sip->dialogs.by_call;
    const struct call_key key = { call_id, our_tag };
    struct hash_node *node = h->n ? hash_find(h, call_hash(h, &key), same_call, &key) : NULL;

    return node ? container_of(node, struct sip_dialog, by_call) : NULL;
}

struct sip_dialog *sip_dialogs_find(const struct sip *sip, struct slice call_id, struct slice our_tag)
{
    uint64_t tag;

    return sip_tag_read(our_tag, &tag) ? sip_dialogs_find_tag(sip, call_id, tag) : NULL;
}

bool sip_dialog_enter(struct sip_dialog *d)
{
    struct hash *h = &d->sip->dialogs.by_call;
    struct call_key key = { sip_dialog_text(d, DIALOG_CALL_ID), d->tag };

    if (!hash_add(h, &d->by_call, call_hash(h, &key)))
        return false;
    d->sip->counters.dialogs = h->n;
    return true;
}

/* False: no memory, or *full. */
static bool charge_take(struct sip *sip, struct slice route, struct sip_charge **charge, bool *full)
{
    *charge = NULL;
    *full = sip->dialogs.by_call.n >= sip->conf.dialogs_max;
    if (*full || !route.n)
        return !*full;
    *charge = sip_charge_take(&sip->dialogs.charges, route, sip->conf.dialogs_per_route_max, full);
    return *charge != NULL;
}

bool sip_dialog_is_of_route(const struct sip_dialog *d, struct slice route)
{
    return !d->charge || slice_eq(route, sip_charge_name(d->charge));
}

struct sip_dialog *sip_dialog_new(struct sip *sip, struct slice route, bool *full)
{
    struct sip_charge *charge;
    struct sip_dialog *d;

    if (!charge_take(sip, route, &charge, full))
        return NULL;
    d = calloc(1, sizeof(*d));
    if (!d) {
        if (charge)
            sip_charge_drop(&sip->dialogs.charges, charge);
        return NULL;
    }
    d->sip = sip;
    d->charge = charge;
    list_init(&d->requests);
    sip_session_init(d);
    return d;
}

void sip_dialog_free(struct sip_dialog *d)
{
    struct sip *sip = d->sip;

    timer_stop(&sip->loop->timers, &d->timer);
    list_each_safe (l, tmp, &d->requests) {
        struct sip_client *c = container_of(l, struct sip_client, in_dialog);

        c->dialog = NULL;
        c->counter = NULL;
        list_unlink(l);
    }
    if (d->pending && d->pending->invite) /* once it rings, only that ends it */
        sip_invite_client_cancel(d->pending);
    forget_pending(d);
    sip_dial_free(d->dial);
    if (d->server && sip_invite_server_dialog(d->server))
        sip_invite_server_acked(d->server);
    if (d->hop)
        sip_hop_drop(d->hop);
    hash_remove(&sip->dialogs.by_call, &d->by_call);
    sip->counters.dialogs = sip->dialogs.by_call.n;
    if (d->charge)
        sip_charge_drop(&sip->dialogs.charges, d->charge);
    free(d->text);
    free(d);
}

void sip_dialog_finish(struct sip_dialog *d, enum sip_end_why why, const struct sip_msg *msg)
{
    const struct sip_end end = { .why = why, .status = msg && !msg->is_request ? msg->status : 0, .msg = msg };

    sip_session_stop(d);
    if (d->state != DIALOG_LEAVING)
        d->sip->conf.ops->dialogs->ended(d->sip->conf.owner, d, &end);
    sip_dialog_free(d);
}

struct slice sip_dialog_text(const struct sip_dialog *d, enum dialog_text i)
{
    return sip_texts_get(d->text, d->n_text, i);
}

bool sip_dialog_too_big(const struct slice parts[DIALOG_TEXTS])
{
    return sip_texts_size(parts, DIALOG_TEXTS) > SIP_DIALOG_TEXT_MAX;
}

bool sip_dialog_set_texts(struct sip_dialog *d, const struct slice parts[DIALOG_TEXTS])
{
    return sip_texts_set(&d->text, d->n_text, parts, DIALOG_TEXTS, SIP_DIALOG_TEXT_MAX);
}

bool sip_dialog_set_text(struct sip_dialog *d, enum dialog_text i, struct slice text)
{
    struct slice parts[DIALOG_TEXTS];

    for (size_t k = 0; k < DIALOG_TEXTS; k++)
        parts[k] = sip_dialog_text(d, k);
    if (slice_eq(parts[i], text))
        return true;
    parts[i] = text;
    return sip_dialog_set_texts(d, parts);
}

void sip_dialog_put_contact(struct buf *b, struct sip *sip, const struct sip_target *target, bool secure,
                            struct slice user, struct slice params)
{
    sip_put_contact(b, &sip->clients, target,
                    &(struct sip_contact){ .user = user, .params = params, .secure = secure });
}

void sip_dialog_put_usual(const struct sip_dialog *d, struct buf *b)
{
    sip_put_header(b, "Contact", sip_dialog_text(d, DIALOG_CONTACT));
    sip_put_allow(b, d->sip);
    sip_put_supported(b, d->sip);
}

void sip_dialog_refresh_target(struct sip_dialog *d, const struct sip_msg *m)
{
    const struct sip_dialog_ops *ops = d->sip->conf.ops->dialogs;
    struct slice target, before = sip_dialog_text(d, DIALOG_TARGET);

    if (!sip_msg_contact(m, &target) || slice_eq(target, before) || !sip_dialog_set_text(d, DIALOG_TARGET, target))
        return;
    if (ops->moved && d->state == DIALOG_UP && !sip_dialog_text(d, DIALOG_ROUTES).n)
        ops->moved(d->sip->conf.owner, d);
}

void sip_dialog_set_data(struct sip_dialog *d, void *data)
{
    d->data = data;
}

void *sip_dialog_data(const struct sip_dialog *d)
{
    return d->data;
}

struct slice sip_dialog_call_id(const struct sip_dialog *d)
{
    return sip_dialog_text(d, DIALOG_CALL_ID);
}

struct slice sip_dialog_remote_target(const struct sip_dialog *d)
{
    return d->state == DIALOG_CALLING ? slice_of(NULL, 0) : sip_dialog_text(d, DIALOG_TARGET);
}

struct slice sip_dialog_next_uri(const struct sip_dialog *d)
{
    return sip_route_next(sip_dialog_text(d, DIALOG_ROUTES), sip_dialog_text(d, DIALOG_TARGET));
}

struct sip_target sip_dialog_target(const struct sip_dialog *d)
{
    struct sip_target target = d->hop->target;
    struct slice account = sip_dialog_text(d, DIALOG_ACCOUNT);

    memcpy(target.route, account.p, account.n);
    target.route[account.n] = '\0';
    return target;
}

bool sip_dialog_set_target(struct sip_dialog *d, const struct sip_target *target)
{
    struct hop *hop = sip_hop_hold(&d->sip->clients, target);

    if (!hop)
        return false;
    if (!sip_dialog_set_text(d, DIALOG_ACCOUNT, slice_str(target->route))) {
        sip_hop_drop(hop);
        return false;
    }
    if (d->hop)
        sip_hop_drop(d->hop);
    d->hop = hop;
    d->hop_ms = loop_now(d->sip->loop);
    return true;
}

bool sip_dialog_move(struct sip_dialog *d, const struct sip_targets *targets)
{
    uint8_t order[SIP_TARGETS_MAX];
    size_t n = sip_targets_order(d->sip, targets, order);

    for (size_t i = 0; i < n; i++) {
        const struct sip_target *target = &targets->v[order[i]].target;

        if (!d->hop || !sip_target_eq(target, &d->hop->target))
            return sip_dialog_set_target(d, target);
    }
    return false;
}
