/*
 * A request of the peer's in a dialog: does it belong there, is it in order, and what it leads to. RFC 3261 12.2.2, 14.2,
 * 15.1.2; RFC 3262 3; RFC 3311 5.2.
 */
#include "sip/client_priv.h"
#include "sip/dialog_priv.h"
#include "sip/inspect.h"
#include "sip/msg_session.h"
#include "sip/stack.h"
#include "sip/writer.h"

static const struct slice nothing = { 0 };

static const struct sip_dialog_ops *ops_of(const struct sip *sip)
{
    return sip->conf.ops->dialogs;
}

/* INVITEs need their ACK absorbed: each answer has a transaction, where there is memory for it. */
static void refuse(struct sip *sip, const struct sip_incoming *in, unsigned status, const char *reason,
                   struct slice headers)
{
    const struct sip_final final = { .status = status, .reason = reason, .headers = headers };
    struct sip_invite_server *s = NULL;

    if (in->m->method_id != SIP_INVITE) {
        sip_answer(sip, in, status, reason, headers);
        return;
    }
    sip->counters.refused++;
    if (!sip_invites_full(&sip->invites) && !sip_invite_too_big(in->m))
        s = sip_invite_server_new(&sip->invites, in, NULL);
    if (s)
        (void)sip_invite_server_final(s, &final);
    else
        sip_servers_reply(&sip->servers, in->id, in->m, in->source, status, reason, headers);
}

/* RFC 3261 14.2, 12.2.2: too early or in the way of another; come again. */
static void refuse_for_now(struct sip *sip, const struct sip_incoming *in, unsigned status)
{
    refuse(sip, in, status, NULL, SLICE("Retry-After: 1\r\n"));
}

/* Held as a request out of dialogs is; NULL: no memory, and it was answered so. */
static struct sip_server *hold(struct sip *sip, const struct sip_incoming *in)
{
    struct sip_server *txn = sip_servers_add(&sip->servers, in->id, in->m, in->source);

    if (!txn)
        refuse_for_now(sip, in, 503);
    return txn;
}

/* Settled by us, at once. */
static void settle(struct sip *sip, const struct sip_incoming *in, unsigned status, struct slice headers)
{
    struct sip_server *txn = hold(sip, in);

    if (txn)
        sip_respond(txn, status, NULL, headers);
}

static void take_bye(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    struct sip_server *txn = hold(sip, in);

    if (!txn)
        return;
    sip_respond(txn, 200, NULL, nothing);
    if (d->state == DIALOG_RINGING) {
        struct sip_invite_server *s = d->server;

        d->server = NULL;
        (void)sip_invite_server_final(s, &(struct sip_final){ .status = 487 });
        sip_dialog_finish(d, SIP_END_CANCELLED, in->m);
        return;
    }
    sip_dialog_finish(d, SIP_END_BYE, in->m);
}

static void take_options(struct sip *sip, const struct sip_incoming *in)
{
    buf_clear(&sip->headers);
    sip_put_abilities(&sip->headers, sip);
    settle(sip, in, 200, buf_slice(&sip->headers));
}

/* MESSAGE, INFO: the owner's, once the session is up. */
static void take_content(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    struct sip_request request = { .msg = in->m, .from = in->peer, .route = in->route };

    if (d->state == DIALOG_RINGING) {
        refuse_for_now(sip, in, 500);
        return;
    }
    request.txn = hold(sip, in);
    if (request.txn)
        ops_of(sip)->request(sip->conf.owner, d, &request);
}

/* Our description, where the request has one or wants one. 0: none is needed; 200; or what it is refused with. */
static unsigned describe(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in, struct sip_content *out)
{
    *out = (struct sip_content){ 0 };
    if (in->m->method_id != SIP_INVITE && !in->m->body.n)
        return 0;
    return ops_of(sip)->describe(sip->conf.owner, d, in->m, out);
}

static bool is_refusal(unsigned status)
{
    return status != 0 && status != 200;
}

/* Another offer is open, theirs or ours (RFC 3311 5.2, RFC 3261 14.2). True: the request was answered so. */
static bool collides(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    if (d->pending)
        refuse(sip, in, 491, NULL, nothing);
    else if (d->state == DIALOG_RINGING)
        refuse_for_now(sip, in, 500);
    else if (d->server) /* the ACK to our 2xx is missing, and may hold an answer */
        refuse(sip, in, 491, NULL, nothing);
    else
        return false;
    return true;
}

static void take_update(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    struct buf *b = &sip->dialogs.lines;
    struct sip_content content;
    struct sip_server *txn;
    unsigned status;

    if ((in->m->body.n || d->state == DIALOG_RINGING) && collides(sip, d, in))
        return;
    status = describe(sip, d, in, &content);
    if (is_refusal(status)) {
        refuse(sip, in, status, NULL, nothing);
        return;
    }
    txn = hold(sip, in);
    if (!txn)
        return;
    buf_clear(b);
    sip_dialog_put_usual(d, b);
    if (d->state == DIALOG_UP) {
        sip_session_note(d, in->m);
        sip_session_put_answer(d, b);
        sip_session_begin(d);
    }
    buf_put(b, content.headers);
    if (!buf_ok(b)) {
        sip_respond(txn, 500, NULL, nothing);
        return;
    }
    sip_respond_with(txn, 200, buf_slice(b), content.body);
    if (d->state != DIALOG_CALLING)
        sip_dialog_refresh_target(d, in->m);
}

static void take_reinvite(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    struct buf *b = &sip->dialogs.lines;
    struct sip_content content;
    unsigned status;

    if (collides(sip, d, in))
        return;
    status = sip_invite_too_big(in->m) ? 513 : describe(sip, d, in, &content);
    if (is_refusal(status)) {
        refuse(sip, in, status, NULL, nothing);
        return;
    }
    d->server = sip_invites_full(&sip->invites) ? NULL : sip_invite_server_new(&sip->invites, in, d);
    if (!d->server) {
        refuse_for_now(sip, in, 503);
        return;
    }
    d->invite_cseq = in->m->cseq;
    buf_clear(b);
    sip_session_note(d, in->m);
    if (!sip_dialog_final_ok(d, &content, nothing)) {
        struct sip_invite_server *s = d->server;

        d->server = NULL;
        (void)sip_invite_server_final(s, &(struct sip_final){ .status = 500 });
        return;
    }
    sip_dialog_refresh_target(d, in->m);
}

static void take_prack(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    const struct sip_header *h = sip_msg_named(in->m, SLICE("rack"), 0);
    struct sip_rack rack;

    if (!h || !sip_rack_parse(h->value, &rack)) {
        refuse(sip, in, 400, "PRACK needs one good RAck", nothing);
        return;
    }
    if (!d->server || !slice_is(rack.method, "INVITE") || !sip_invite_server_prack(d->server, rack.rseq, rack.cseq)) {
        settle(sip, in, 481, nothing);
        return;
    }
    settle(sip, in, 200, nothing);
}

/*
 * Before the 2xx that makes it, a dialog of ours as caller is the forks' that have answered. What overtook its 2xx on a lossy
 * way is not answered: it comes again, later than the 2xx. True: settled here.
 */
static bool is_early(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    if (d->state != DIALOG_CALLING)
        return false;
    if (in->m->method_id == SIP_UPDATE && sip_invite_client_knows(d->pending, in->m->from_tag))
        return false;
    if (in->source->transport != SIP_UDP)
        refuse_for_now(sip, in, 500);
    return true;
}

/* Does the request belong to this dialog? True: no, and it was answered. */
static bool is_foreign(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    if (!sip_dialog_is_of_route(d, in->route)) {
        refuse(sip, in, 403, "The session is another system's", nothing);
        return true;
    }
    if (d->state == DIALOG_CALLING)
        return false;
    /* What the owner has ended is over, but for the BYE that may cross ours. */
    if (slice_eq(in->m->from_tag, sip_dialog_text(d, DIALOG_REMOTE_TAG)) &&
        (d->state != DIALOG_LEAVING || in->m->method_id == SIP_BYE))
        return false;
    refuse(sip, in, 481, NULL, nothing);
    return true;
}

static unsigned check_session(struct sip *sip, const struct sip_incoming *in)
{
    buf_clear(&sip->headers);
    if (in->m->method_id != SIP_INVITE && in->m->method_id != SIP_UPDATE)
        return 0;
    return sip_session_check(sip, in->m, &sip->headers);
}

/* Only a datagram can come while the table is full; it comes again, and must be the next one in order then. */
static bool is_full(struct sip *sip, const struct sip_incoming *in)
{
    if (in->m->method_id == SIP_INVITE || !sip_servers_full(&sip->servers))
        return false;
    sip->counters.dropped_full++;
    return true;
}

void sip_dialog_request(struct sip *sip, struct sip_dialog *d, const struct sip_incoming *in)
{
    unsigned status;

    if (is_full(sip, in))
        return;
    if (is_foreign(sip, d, in) || is_early(sip, d, in))
        return;
    if (in->m->cseq <= d->peer_cseq && d->state != DIALOG_CALLING) {
        refuse(sip, in, 500, "CSeq is not above the last one", nothing);
        return;
    }
    if (d->state != DIALOG_CALLING) /* forks count each for itself */
        d->peer_cseq = in->m->cseq;
    status = check_session(sip, in);
    if (status) {
        refuse(sip, in, status, NULL, buf_slice(&sip->headers));
        return;
    }
    switch (in->m->method_id) {
    case SIP_BYE: take_bye(sip, d, in); break;
    case SIP_INVITE: take_reinvite(sip, d, in); break;
    case SIP_UPDATE: take_update(sip, d, in); break;
    case SIP_PRACK: take_prack(sip, d, in); break;
    case SIP_OPTIONS: take_options(sip, in); break;
    default: take_content(sip, d, in); break; /* MESSAGE, INFO: inspection lets nothing else through */
    }
}
