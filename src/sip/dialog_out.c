/* Our requests in a session: the INVITE that begins it, MESSAGE and others in it, refreshes, BYE. RFC 3261 12.2.1, 13.2, 14.1. */
#include <assert.h>

#include "base/rand.h"
#include "sip/client_priv.h"
#include "sip/dialog_priv.h"
#include "sip/inspect.h"
#include "sip/msg_session.h"
#include "sip/reply.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define PARSE_MEM (16 * 1024)

static const struct sip_dialog_ops *ops_of(const struct sip_dialog *d)
{
    return d->sip->conf.ops->dialogs;
}

/* Our From and Contact, into lines, as slices of it. */
struct own_texts {
    struct slice from, contact;
};

static bool make_own(struct sip *sip, const struct sip_target *target, const struct sip_invite *r, uint64_t tag,
                     struct own_texts *own)
{
    struct buf *b = &sip->dialogs.lines;
    struct sip_uri uri;
    bool secure = sip_uri_parse(r->uri, &uri) && uri.scheme == SIP_SCHEME_SIPS;
    size_t n_from;

    sip_put_safe(b, r->from);
    buf_put(b, SLICE(";tag="));
    sip_put_tag(b, tag);
    n_from = b->n;
    sip_dialog_put_contact(b, sip, target, secure, r->user, r->params);
    own->from = slice_of(b->p, n_from);
    own->contact = slice_from(buf_slice(b), n_from);
    return buf_ok(b);
}

/* The lines of an INVITE behind what is in lines already; the slice is of lines. */
static struct slice invite_lines(struct sip *sip, const struct sip_invite *r, struct slice contact)
{
    struct buf *b = &sip->dialogs.lines;
    size_t at = b->n;

    sip_put_header(b, "Contact", contact);
    sip_put_allow(b, sip);
    sip_put_supported(b, sip);
    if (sip->conf.session_s) {
        sip_put_header_u64(b, "Session-Expires", sip->conf.session_s);
    }
    buf_put(b, r->headers);
    return slice_from(buf_slice(b), at);
}

/* False: too large to be built. What the result borrows is in lines, which must not be touched until it was sent. */
static bool make_invite(struct sip *sip, const struct sip_target *target, const struct sip_invite *r, uint64_t tag,
                        struct own_texts *own, struct sip_send *send)
{
    struct buf *b = sip_dialogs_lines(sip);

    if (!b || !make_own(sip, target, r, tag, own))
        return false;
    *send = (struct sip_send){ .method = SIP_INVITE,
                               .uri = r->uri,
                               .from = own->from,
                               .to = r->to,
                               .call_id = r->call_id,
                               .cseq = 1,
                               .max_forwards = r->max_forwards,
                               .headers = invite_lines(sip, r, own->contact),
                               .body = r->body };
    return buf_ok(b);
}

bool sip_invite_fits(struct sip *sip, const struct sip_target *target, const struct sip_invite *invite, size_t max)
{
    struct own_texts own;
    struct sip_send send;

    return make_invite(sip, target, invite, 0, &own, &send) && sip_clients_fits(&sip->clients, target, &send, max);
}

static void on_answer(void *arg, const struct sip_result *result);

static bool dial(struct sip_dialog *d, const struct sip_target *target, const struct sip_invite *r)
{
    struct slice parts[DIALOG_TEXTS] = { 0 };
    struct own_texts own;
    struct sip_send send;

    if (!make_invite(d->sip, target, r, d->tag, &own, &send) || !sip_dialog_set_target(d, target))
        return false;
    parts[DIALOG_CALL_ID] = r->call_id;
    parts[DIALOG_LOCAL] = own.from;
    parts[DIALOG_REMOTE] = r->to;
    parts[DIALOG_TARGET] = r->uri;
    parts[DIALOG_CONTACT] = own.contact;
    parts[DIALOG_ACCOUNT] = slice_str(target->route);
    if (!sip_dialog_set_texts(d, parts) || !sip_dialog_enter(d))
        return false;
    d->secure = slice_starts(own.contact, SLICE("<sips:"));
    d->cseq = 1;
    d->pending = sip_clients_invite(&d->sip->clients, target, &send, on_answer, d);
    return d->pending != NULL;
}

struct sip_dialog *sip_invite(struct sip *sip, const struct sip_target *target, const struct sip_invite *invite,
                              void *data)
{
    bool full;
    struct sip_dialog *d = sip_dialog_new(sip, invite->route, &full);

    if (!d)
        return NULL;
    d->state = DIALOG_CALLING;
    d->called = true;
    d->data = data;
    d->tag = sip_dialogs_make_tag(&sip->dialogs);
    if (dial(d, target, invite))
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
                               .max_forwards = 70,
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

bool sip_dialog_fits(struct sip_dialog *d, enum sip_method method, const struct sip_content *content, size_t max)
{
    const struct sip_target target = sip_dialog_target(d);
    struct slice none = { 0 };
    struct sip_send send;

    return make_request(d, method, UINT32_MAX, none, content, &send) &&
           sip_clients_fits(&d->sip->clients, &target, &send, max);
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

static void answered(struct sip_dialog *d, const struct sip_msg *m)
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

/* Lines that the next INVITE has of its own. */
static bool is_made_anew(const struct sip_header *h)
{
    switch (h->id) {
    case SIP_H_VIA:
    case SIP_H_MAX_FORWARDS:
    case SIP_H_FROM:
    case SIP_H_TO:
    case SIP_H_CALL_ID:
    case SIP_H_CSEQ:
    case SIP_H_CONTENT_LENGTH: return true;
    default: return slice_is(h->name, "Session-Expires") || slice_is(h->name, "Min-SE");
    }
}

/* Our INVITE once more, as it was but for the session interval (RFC 4028 7.3), with the next CSeq. */
static bool redial(struct sip_dialog *d)
{
    _Alignas(max_align_t) char mem[PARSE_MEM];
    struct buf *b = &d->sip->dialogs.lines;
    struct sip_client *before = d->pending;
    struct arena arena;
    struct sip_msg m;
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), SIP_HEAD_MAX);
    ok = sip_client_read_back(before, &m, &arena);
    buf_clear(b);
    for (size_t i = 0; ok && i < m.n_headers; i++) {
        if (is_made_anew(&m.headers[i]))
            continue;
        buf_put(b, m.headers[i].name);
        buf_put(b, SLICE(": "));
        buf_put(b, m.headers[i].value);
        buf_put(b, SLICE("\r\n"));
    }
    sip_session_put_wish(d, b, false);
    if (ok && buf_ok(b)) {
        const struct sip_target target = sip_dialog_target(d);
        struct sip_send send = { .method = SIP_INVITE,
                                 .uri = m.uri_text,
                                 .from = sip_dialog_text(d, DIALOG_LOCAL),
                                 .to = sip_dialog_text(d, DIALOG_REMOTE),
                                 .call_id = sip_dialog_text(d, DIALOG_CALL_ID),
                                 .cseq = sip_invite_client_cseq(before) + 1,
                                 .max_forwards = (unsigned)m.max_forwards,
                                 .headers = buf_slice(b),
                                 .body = m.body };

        d->pending = sip_clients_invite(&d->sip->clients, &target, &send, on_answer, d);
    }
    arena_reset(&arena);
    return d->pending && d->pending != before;
}

static enum sip_end_why why_of(enum sip_no_answer no_answer)
{
    return no_answer == SIP_TIMED_OUT ? SIP_END_TIMED_OUT : SIP_END_UNREACHABLE;
}

/* What our INVITE led to so far. */
static void on_answer(void *arg, const struct sip_result *result)
{
    struct sip_dialog *d = arg;

    if (result->status >= 100 && result->status < 200) {
        if (ops_of(d)->progress)
            ops_of(d)->progress(d->sip->conf.owner, d, result->msg);
        return;
    }
    if (result->status >= 200 && result->status < 300) {
        answered(d, result->msg);
        return;
    }
    if (result->status == 422 && !d->cancelled && sip_session_too_small(d, result->msg) && redial(d))
        return;
    d->pending = NULL;
    sip_dialog_finish(d, result->status ? SIP_END_REFUSED : why_of(result->no_answer), result->msg);
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

/* A refresh of ours has its final result; d->pending is what it was. */
static void refreshed(struct sip_dialog *d, const struct sip_result *result)
{
    uint64_t at = loop_now(d->sip->loop), left = d->bye_at_ms > at ? d->bye_at_ms - at : 0;

    d->pending = NULL;
    if (d->state != DIALOG_UP)
        return;
    if (result->status >= 200 && result->status < 300) {
        d->n_tries = 0;
        sip_session_agreed(d, result->msg);
        sip_dialog_refresh_target(d, result->msg); /* last: the owner may end it */
    } else if (result->status == 491) {
        sip_session_later(d, glare_pause(d));
    } else if (result->status == 422 && sip_session_too_small(d, result->msg)) {
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
