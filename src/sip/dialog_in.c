/* The peer's INVITE becomes a session: what speaks against it, our answers, its ACK and CANCEL. RFC 3261 9.2, 12.1.1, 13.3. */
#include <assert.h>

#include "sip/dialog_priv.h"
#include "sip/inspect.h"
#include "sip/msg_session.h"
#include "sip/reply.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/writer.h"

static const struct slice nothing = { 0 };

static const struct sip_dialog_ops *ops_of(const struct sip *sip)
{
    return sip->conf.ops->dialogs;
}

/* An answer to an INVITE of which nothing is kept: the same comes out for its repetition. */
static void refuse(struct sip *sip, const struct sip_incoming *in, unsigned status, const char *reason,
                   struct slice headers)
{
    sip->counters.refused++;
    sip_servers_reply(&sip->servers, in->id, in->m, in->source, status, reason, headers);
}

static struct sip_target source_target(const struct sip_source *source)
{
    return (struct sip_target){ .transport = source->transport, .addr = source->addr };
}

/*
 * The dialog that an INVITE would make with us (12.1.1), our Contact included. Lines hold what parts borrow. False: more routes
 * than may be.
 */
static bool make_parts(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in, struct slice target,
                       struct slice parts[DIALOG_TEXTS])
{
    const struct sip_target back = source_target(in->source);
    struct buf *b = &sip->dialogs.lines;
    size_t n_local, n_contact;

    sip_put_safe(b, in->m->to_text);
    buf_put(b, SLICE(";tag="));
    sip_put_tag(b, d->tag);
    n_local = b->n;
    sip_dialog_put_contact(b, sip, &back, d->secure, in->m->uri.user, nothing);
    n_contact = b->n;
    if (!sip_route_set_put(b, in->m) || !buf_ok(b))
        return false;
    parts[DIALOG_CALL_ID] = in->m->call_id;
    parts[DIALOG_LOCAL] = slice_of(b->p, n_local);
    parts[DIALOG_REMOTE] = in->m->from_text;
    parts[DIALOG_REMOTE_TAG] = in->m->from_tag;
    parts[DIALOG_TARGET] = target;
    parts[DIALOG_ROUTES] = slice_of(b->p + n_contact, b->n - n_contact);
    parts[DIALOG_CONTACT] = slice_of(b->p + n_local, n_contact - n_local);
    parts[DIALOG_ACCOUNT] = nothing; /* known with the target */
    return true;
}

/* What the INVITE says of itself. */
static void learn(struct sip_dialog *d, const struct sip_incoming *in)
{
    d->tag = in->id->tag;
    d->state = DIALOG_RINGING;
    d->secure = in->m->uri.scheme == SIP_SCHEME_SIPS;
    d->peer_cseq = d->invite_cseq = in->m->cseq;
    d->reliable = sip_msg_lists(in->m, SIP_H_REQUIRE, SLICE("100rel"));
    d->updates = sip_msg_lists(in->m, SIP_H_ALLOW, SLICE("UPDATE"));
    sip_session_note(d, in->m);
}

/* 0, or the status to refuse the INVITE with. */
static unsigned begin(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in, struct slice target)
{
    struct slice parts[DIALOG_TEXTS];

    learn(d, in);
    if (!sip_dialogs_lines(sip))
        return 503;
    if (!make_parts(sip, d, in, target, parts) || sip_dialog_too_big(parts))
        return 513;
    if (!sip_dialog_set_texts(d, parts) || !sip_dialog_enter(d))
        return 503;
    d->server = sip_invite_server_new(&sip->invites, in, d);
    return d->server ? 0 : 503;
}

/* What speaks against an INVITE before anything is kept of it: 0, or the status and its reason; lines are in sip->headers. */
static unsigned check(struct sip *sip, const struct sip_incoming *in, struct slice *target, const char **reason)
{
    *reason = NULL;
    if (!sip_msg_contact(in->m, target)) {
        *reason = "INVITE needs one Contact with a SIP URI";
        return 400;
    }
    if (sip_invite_too_big(in->m))
        return 513;
    if (sip_dialogs_find_tag(sip, in->m->call_id, in->id->tag)) {
        *reason = "This INVITE has been answered long ago";
        return 482;
    }
    if (sip_invites_full(&sip->invites))
        return 503;
    return sip_session_check(sip, in->m, &sip->headers);
}

#define LOG_BURST 5 /* lines in 10 s */

/* The administrator reads whose sessions are too many. */
static void log_full(struct sip *sip, const struct sip_incoming *in)
{
    char from[ADDR_TEXT];
    unsigned held;

    if (log_allowed(&sip->log_full, loop_now(sip->loop), LOG_BURST, &held))
        log_info(sip->loop->log, "sip-sessions-full", LOG_Z("from", addr_text(&in->source->addr, from)),
                 LOG_S("route", in->route), LOG_U("sessions", sip->dialogs.by_call.n),
                 LOG_U("most", sip->conf.dialogs_max), LOG_U("most-of-a-route", sip->conf.dialogs_per_route_max),
                 LOG_Z("reason", "too many sessions, or this route has its share: the INVITE was answered 503"),
                 LOG_U("not-logged", held));
}

/* How long the caller waits for a final answer (13.3.1); UINT64_MAX: he does not say. */
static uint64_t patience_ms(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_EXPIRES);
    uint64_t seconds;

    return h && slice_u64(h->value, UINT32_MAX, &seconds) ? seconds * 1000 : UINT64_MAX;
}

static void offer(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    const struct sip_request request = { .msg = in->m, .from = in->peer, .route = in->route };
    struct sip_invite_server *s = d->server;
    uint64_t patience = patience_ms(in->m);

    if (patience != UINT64_MAX)
        timer_start(&sip->loop->timers, &d->timer, patience);
    ops_of(sip)->invite(sip->conf.owner, d, &request);
    sip_invite_server_trying(s); /* it is there until a timer ends it, whatever became of d */
}

void sip_dialogs_invite(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_dialog *d = NULL;
    struct slice target;
    const char *reason;
    bool full;
    unsigned status;

    buf_clear(&sip->headers);
    status = check(sip, in, &target, &reason);
    if (!status) {
        d = sip_dialog_new(sip, in->route, &full);
        status = d ? begin(sip, d, in, target) : 503;
        if (!d && full)
            log_full(sip, in);
    }
    if (!status) {
        offer(sip, d, in);
        return;
    }
    if (d)
        sip_dialog_free(d);
    if (status == 503)
        buf_put(&sip->headers, SLICE("Retry-After: 10\r\n"));
    refuse(sip, in, status, reason, buf_slice(&sip->headers));
}

bool sip_dialog_ring(struct sip_dialog *d, unsigned status, struct slice headers)
{
    struct buf *b = &d->sip->dialogs.lines;

    assert(d->state == DIALOG_RINGING);
    buf_clear(b);
    sip_put_header(b, "Contact", sip_dialog_text(d, DIALOG_CONTACT));
    buf_put(b, headers);
    return buf_ok(b) && sip_invite_server_ring(d->server, status, buf_slice(b), d->reliable);
}

/* Takes the transaction away from d, which does not care for it any more. */
static void final(struct sip_dialog *d, unsigned status, const char *reason, struct slice headers)
{
    struct sip_invite_server *s = d->server;

    d->server = NULL;
    (void)sip_invite_server_final(s, &(struct sip_final){ .status = status, .reason = reason, .headers = headers });
}

void sip_dialog_refuse(struct sip_dialog *d, unsigned status, const char *reason, struct slice headers)
{
    assert(d->state == DIALOG_RINGING && status >= 300 && status <= 699);
    d->sip->counters.refused++;
    final(d, status, reason, headers);
    sip_dialog_free(d);
}

bool sip_dialog_final_ok(struct sip_dialog *d, const struct sip_content *content, struct slice headers)
{
    struct buf *b = &d->sip->dialogs.lines;
    struct sip_final ok = { .status = 200, .body = content->body };

    buf_clear(b);
    sip_dialog_put_usual(d, b);
    sip_session_put_answer(d, b);
    buf_put(b, headers);
    buf_put(b, content->headers);
    ok.headers = buf_slice(b);
    if (!buf_ok(b) || !sip_invite_server_final(d->server, &ok))
        return false;
    sip_session_begin(d);
    return true;
}

static bool set_contact(struct sip_dialog *d, const struct sip_accept *accept)
{
    struct buf *b = &d->sip->dialogs.lines;

    if (!accept->user.n && !accept->params.n)
        return true;
    buf_clear(b);
    sip_dialog_put_contact(b, d->sip, accept->target, d->secure, accept->user, accept->params);
    return buf_ok(b) && sip_dialog_set_text(d, DIALOG_CONTACT, buf_slice(b));
}

bool sip_dialog_accept(struct sip_dialog *d, const struct sip_accept *accept)
{
    assert(d->state == DIALOG_RINGING);
    if (!sip_dialog_set_target(d, accept->target) || !set_contact(d, accept) ||
        !sip_dialog_final_ok(d, &accept->content, accept->headers)) {
        sip_dialog_refuse(d, 500, NULL, nothing);
        return false;
    }
    d->state = DIALOG_UP;
    return true;
}

void sip_dialogs_ack(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_dialog *d;

    if (sip_invites_ack(&sip->invites, in->m))
        return;
    d = sip_dialogs_find(sip, in->m->call_id, in->m->to_tag);
    if (!d || !d->server || d->state == DIALOG_RINGING || in->m->cseq != d->invite_cseq ||
        !slice_eq(in->m->from_tag, sip_dialog_text(d, DIALOG_REMOTE_TAG)) || !sip_dialog_is_of_route(d, in->route))
        return; /* a repeated one, or forged: an ACK is never answered */
    sip_invite_server_acked(d->server);
    d->server = NULL;
    if (d->state == DIALOG_LEAVING) {
        sip_dialog_bye(d, nothing);
        sip_dialog_free(d);
    } else if (!d->confirmed) {
        d->confirmed = true;
        ops_of(sip)->confirmed(sip->conf.owner, d, in->m);
    }
}

bool sip_dialogs_cancel(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_server_id id;
    struct sip_invite_server *s = sip_invites_cancelled(&sip->invites, in->m, &id);
    struct sip_dialog *d = s ? sip_invite_server_dialog(s) : NULL;

    if (!s || (d && !sip_dialog_is_of_route(d, in->route)))
        return false;
    sip_servers_reply(&sip->servers, &id, in->m, in->source, 200, NULL, nothing);
    if (d && d->state == DIALOG_RINGING) {
        final(d, 487, NULL, nothing);
        sip_dialog_finish(d, SIP_END_CANCELLED, in->m);
    }
    return true;
}

void sip_dialog_overdue(struct sip_dialog *d)
{
    final(d, 487, NULL, nothing);
    sip_dialog_finish(d, SIP_END_CANCELLED, NULL);
}

void sip_dialog_no_ack(struct sip_dialog *d)
{
    d->server = NULL;
    sip_dialog_bye(d, SLICE("Reason: SIP;cause=408;text=\"ACK missing\"\r\n"));
    sip_dialog_finish(d, SIP_END_NO_ACK, NULL);
}

void sip_dialog_no_prack(struct sip_dialog *d)
{
    final(d, 504, "Reliable response not acknowledged", nothing);
    sip_dialog_finish(d, SIP_END_NO_PRACK, NULL);
}
