/* Our requests in a session: the INVITE that begins it, MESSAGE and others in it, refreshes, BYE. RFC 3261 12.2.1, 13.2, 14.1. */
#include <assert.h>

#include "base/rand.h"
#include "sip/client_priv.h"
#include "sip/dial.h"
#include "sip/msg_session.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/writer.h"

static const struct sip_dialog_ops *ops_of(const struct sip_dialog *d)
{
    return d->sip->conf.ops->dialogs;
}

struct sip_dialog *sip_invite(struct sip *sip, struct sip_targets *targets, const struct sip_invite *invite, void *data)
{
    bool full;
    struct sip_dialog *d = sip_dialog_new(sip, invite->route, &full);

    if (!d)
        return NULL;
    d->state = DIALOG_CALLING;
    d->called = true;
    d->data = data;
    d->tag = sip_dialogs_make_tag(&sip->dialogs);
    if (sip_dialog_set_text(d, DIALOG_CALL_ID, invite->call_id) && sip_dialog_enter(d) &&
        sip_dial_start(d, targets, invite))
        return d;
    sip_dialog_free(d);
    return NULL;
}

/*
 * A request in the dialog (12.2.1.1): more lines, then content. What the result borrows is in lines and in d's texts. False:
 * too large.
 */
static bool make_request(struct sip_dialog *d, enum sip_method method, uint32_t cseq, struct slice more,
                         const struct sip_content *content, struct sip_send *send)
{
    struct buf *b = &d->sip->dialogs.lines;
    struct slice uri;

    buf_clear(b);
    sip_route_put(b, sip_dialog_text(d, DIALOG_ROUTES), sip_dialog_text(d, DIALOG_TARGET), &uri);
    buf_put(b, more);
    if (content)
        buf_put(b, content->headers);
    *send = (struct sip_send){ .method = method,
                               .uri = uri,
                               .from = sip_dialog_text(d, DIALOG_LOCAL),
                               .to = sip_dialog_text(d, DIALOG_REMOTE),
                               .call_id = sip_dialog_text(d, DIALOG_CALL_ID),
                               .cseq = cseq,
                               .max_forwards = content && content->max_forwards ? content->max_forwards : 70,
                               .headers = buf_slice(b),
                               .body = content ? content->body : slice_of(NULL, 0) };
    return buf_ok(b);
}

void sip_dialog_bye(struct sip_dialog *d, struct slice headers)
{
    struct sip_target target;
    struct sip_send send;

    if (!d->hop || !make_request(d, SIP_BYE, ++d->cseq, headers, NULL, &send))
        return;
    target = sip_dialog_target(d);
    (void)sip_clients_send(&d->sip->clients, &target, &send, NULL, NULL);
}

struct sip_client *sip_dialog_send(struct sip_dialog *d, enum sip_method method, const struct sip_content *content,
                                   sip_done *done, void *arg)
{
    struct slice none = { 0 };
    struct sip_target target;
    struct sip_send send;
    struct sip_client *c;

    assert(d->state == DIALOG_UP && method != SIP_INVITE && method != SIP_ACK && method != SIP_CANCEL);
    if (!make_request(d, method, d->cseq + 1, none, content, &send))
        return NULL;
    target = sip_dialog_target(d);
    c = sip_clients_send(&d->sip->clients, &target, &send, done, arg);
    if (!c)
        return NULL;
    d->cseq++;
    sip_client_count(c, &d->cseq);
    c->dialog = d;
    list_push(&d->requests, &c->in_dialog);
    return c;
}

bool sip_dialog_fits(struct sip_dialog *d, enum sip_method method, const struct sip_content *content)
{
    const struct sip_target target = sip_dialog_target(d);
    struct slice none = { 0 };
    struct sip_send send;

    return target.transport != SIP_UDP || (make_request(d, method, UINT32_MAX, none, content, &send) &&
                                           sip_clients_fits(&d->sip->clients, &target, &send, SIP_UDP_REQUEST_MAX));
}

/* What a result says about the dialog itself (12.2.1.2, RFC 5057 5.1). True: it is no more, and d is gone. */
static bool lost(struct sip_dialog *d, const struct sip_result *result)
{
    bool silent = result->status == 0 && result->no_answer == SIP_TIMED_OUT;

    if (result->status != 481 && result->status != 408 && !silent)
        return false;
    if (result->status != 481)
        sip_dialog_bye(d, slice_of(NULL, 0));
    sip_dialog_finish(d, SIP_END_LOST, result->msg);
    return true;
}

void sip_dialog_heard(struct sip_dialog *d, struct sip_client *c, const struct sip_result *result)
{
    list_unlink(&c->in_dialog);
    c->dialog = NULL;
    if (c->deadline_ms - 64u * d->sip->clients.t1_ms >= d->hop_ms) /* it went where requests go now */
        sip_health_judge(d->sip, &d->hop->target, 0, result);      /* of silence what is behind it may be to blame */
    if (d->state == DIALOG_UP)
        (void)lost(d, result);
}

/* The dialog that a 2xx makes of our INVITE (12.1.2). A 2xx without Contact leaves us what we called. */
static bool become(struct sip_dialog *d, const struct sip_msg *m)
{
    struct slice parts[DIALOG_TEXTS];
    struct buf *b = &d->sip->dialogs.lines;

    for (size_t i = 0; i < DIALOG_TEXTS; i++)
        parts[i] = sip_dialog_text(d, i);
    buf_clear(b);
    if (!sip_route_set_put(b, m) || !buf_ok(b))
        return false;
    parts[DIALOG_ROUTES] = buf_slice(b);
    parts[DIALOG_REMOTE] = m->to_text;
    parts[DIALOG_REMOTE_TAG] = m->to_tag;
    (void)sip_msg_contact(m, &parts[DIALOG_TARGET]);
    return sip_dialog_set_texts(d, parts);
}

/* The ACK to a 2xx (13.2.2.4); the transaction repeats it when the 2xx is repeated. */
static void acknowledge(struct sip_dialog *d, struct sip_client *c, const struct sip_msg *m)
{
    struct slice none = { 0 };
    struct sip_send ack;

    if (make_request(d, SIP_ACK, m->cseq, none, NULL, &ack))
        sip_invite_client_ack(c, m, &ack);
}

void sip_dialog_answered(struct sip_dialog *d, const struct sip_msg *m)
{
    struct sip_client *c = d->pending;

    d->pending = NULL;
    d->cseq = sip_invite_client_cseq(c);
    if (!become(d, m)) { /* the transaction sends an ACK and a BYE, as to a fork */
        sip_dialog_finish(d, SIP_END_BROKEN, m);
        return;
    }
    d->state = DIALOG_UP;
    d->confirmed = true; /* by us */
    d->updates = sip_msg_lists(m, SIP_H_ALLOW, SLICE("UPDATE"));
    acknowledge(d, c, m);
    sip_session_agreed(d, m);
    ops_of(d)->answered(d->sip->conf.owner, d, m);
}

void sip_dialog_cancel(struct sip_dialog *d)
{
    if (d->state != DIALOG_CALLING)
        return;
    d->cancelled = true;
    sip_invite_client_cancel(d->pending);
}

/* RFC 3261 14.1: in units of 10 ms, from a range that is the caller's or the callee's alone. */
static uint64_t glare_pause(const struct sip_dialog *d)
{
    return d->called ? 2100 + 10 * rand_below(191) : 10 * rand_below(201);
}

/* Our re-INVITE was asked for credentials that it had not, and the next one has them (other requests go again by themselves). */
static bool is_asked(struct sip_dialog *d, const struct sip_client *before, const struct sip_result *result)
{
    struct sip_login login = before->login;

    return result->status && before->invite &&
           sip_login_asked(&d->sip->logins, sip_dialog_text(d, DIALOG_ACCOUNT), &login, result->msg);
}

/* A refresh of ours has its final result; d->pending is what it was. */
static void refreshed(struct sip_dialog *d, const struct sip_result *result)
{
    uint64_t at = loop_now(d->sip->loop), left = d->bye_at_ms > at ? d->bye_at_ms - at : 0;
    struct sip_client *before = d->pending;

    d->pending = NULL;
    if (d->state != DIALOG_UP)
        return;
    if (result->status >= 200 && result->status < 300) {
        d->n_tries = 0;
        sip_session_agreed(d, result->msg);
        sip_dialog_refresh_target(d, result->msg); /* last: the owner may end it */
    } else if (result->status == 491) {
        sip_session_later(d, glare_pause(d));
    } else if ((result->status == 422 && sip_session_too_small(d, result->msg)) || is_asked(d, before, result)) {
        sip_session_later(d, 1);
    } else if (!lost(d, result) && left > 1000) {
        sip_session_later(d, left / 2); /* it may be possible later; if not, the session expires */
    }
}

static void on_update_done(void *arg, const struct sip_result *result)
{
    refreshed(arg, result);
}

static void on_reinvite_answer(void *arg, const struct sip_result *result)
{
    struct sip_dialog *d = arg;

    if (result->status >= 100 && result->status < 200)
        return;
    if (result->status >= 200 && result->status < 300)
        acknowledge(d, d->pending, result->msg);
    refreshed(d, result);
}

static bool begin_refresh(struct sip_dialog *d, enum sip_method method, const struct sip_content *content)
{
    struct buf *b = &d->sip->headers;
    struct sip_clients *t = &d->sip->clients;
    const struct sip_target target = sip_dialog_target(d);
    struct sip_send send;

    buf_clear(b);
    sip_dialog_put_usual(d, b);
    sip_session_put_wish(d, b, true);
    if (!buf_ok(b) || !make_request(d, method, d->cseq + 1, buf_slice(b), content, &send))
        return false;
    d->pending = method == SIP_INVITE ? sip_clients_invite(t, &target, &send, on_reinvite_answer, d)
                                      : sip_clients_send(t, &target, &send, on_update_done, d);
    if (!d->pending)
        return false;
    d->cseq++;
    sip_client_count(d->pending, &d->cseq);
    return true;
}

bool sip_dialog_refresh(struct sip_dialog *d)
{
    struct sip_content content = { 0 };

    if (d->state != DIALOG_UP || d->pending || d->server)
        return false;
    if (d->updates)
        return begin_refresh(d, SIP_UPDATE, NULL);
    return ops_of(d)->describe(d->sip->conf.owner, d, NULL, &content) == 200 && begin_refresh(d, SIP_INVITE, &content);
}

void sip_dialog_end(struct sip_dialog *d, struct slice headers)
{
    switch ((enum dialog_state)d->state) {
    case DIALOG_CALLING: break; /* CANCEL; a 2xx that comes all the same gets a BYE */
    case DIALOG_RINGING: sip_dialog_refuse(d, 480, NULL, slice_of(NULL, 0)); return;
    case DIALOG_UP:
        if (d->server) { /* not before the ACK: RFC 3261 15 */
            sip_session_stop(d);
            d->state = DIALOG_LEAVING;
            return;
        }
        sip_dialog_bye(d, headers);
        break;
    case DIALOG_LEAVING: return;
    }
    sip_dialog_free(d);
}
