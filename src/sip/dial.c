#include "sip/dial.h"

#include <stdlib.h>

#include "sip/attempt.h"
#include "sip/client_priv.h"
#include "sip/inspect.h"
#include "sip/reply.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define PLACES_MAX 12 /* INVITEs of one call, whatever answers them */

enum part { PART_URI, PART_FROM, PART_TO, PART_CALL_ID, PART_USER, PART_PARAMS, PART_HEADERS, PART_BODY, PARTS };

/* Owned by its dialog, until there is an answer. */
struct sip_dial {
    struct sip_dialog *d;
    struct sip_targets *targets;
    struct sip_redirects *redirects;
    uint8_t order[SIP_TARGETS_MAX];
    size_t n_order, i_order;
    uint8_t place; /* in targets: of the INVITE under way */
    struct timer silence;
    uint64_t since_ms;
    struct sip_login login;
    unsigned n_sent;
    bool repeated; /* an earlier one may have arrived */
    struct sip_invite invite;
    char text[]; /* of invite */
};

static void on_answer(void *arg, const struct sip_result *result);

/* ---- what is sent ---- */

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

/* The lines of an INVITE behind what is in lines already; the slice is of lines. d NULL: as a first one has them. */
static struct slice invite_lines(struct sip *sip, const struct sip_dialog *d, const struct sip_invite *r,
                                 struct slice contact)
{
    struct buf *b = &sip->dialogs.lines;
    size_t at = b->n;

    sip_put_header(b, "Contact", contact);
    sip_put_allow(b, sip);
    sip_put_supported(b, sip);
    if (d)
        sip_session_put_wish(d, b, false);
    else if (sip->conf.session_s)
        sip_put_header_u64(b, "Session-Expires", sip->conf.session_s);
    if (r->expires_s)
        sip_put_header_u64(b, "Expires", r->expires_s);
    buf_put(b, r->headers);
    return slice_from(buf_slice(b), at);
}

/* False: too large to be built. What the result borrows is in lines, which must not be touched until it was sent. */
static bool make_invite(struct sip *sip, const struct sip_dialog *d, const struct sip_target *target,
                        const struct sip_invite *r, struct own_texts *own, struct sip_send *send)
{
    struct buf *b = sip_dialogs_lines(sip);

    if (!b || !make_own(sip, target, r, d ? d->tag : 0, own))
        return false;
    *send = (struct sip_send){ .method = SIP_INVITE,
                               .uri = r->uri,
                               .from = own->from,
                               .to = r->to,
                               .call_id = r->call_id,
                               .cseq = d ? d->cseq : 1,
                               .max_forwards = r->max_forwards,
                               .headers = invite_lines(sip, d, r, own->contact),
                               .body = r->body };
    return buf_ok(b);
}

static bool fits(struct sip *sip, const struct sip_dialog *d, const struct sip_targets *targets,
                 const struct sip_target *target, const struct sip_invite *r)
{
    struct own_texts own;
    struct sip_send send;

    if (!make_invite(sip, d, target, r, &own, &send))
        return false;
    send.to_proxy = targets->to_proxy;
    return sip_clients_fits(&sip->clients, target, &send, SIP_UDP_REQUEST_MAX);
}

/* Over UDP only what is short enough (18.1.1). False: there is no other transport for it. */
static bool choose_transport(struct sip *sip, const struct sip_dialog *d, const struct sip_targets *targets,
                             const struct sip_invite *r, struct sip_target *target)
{
    if (target->transport != SIP_UDP || fits(sip, d, targets, target, r))
        return true;
    if (!(targets->transports & SIP_MAY(SIP_TCP)))
        return false;
    target->transport = SIP_TCP;
    return true;
}

bool sip_invite_fits(struct sip *sip, const struct sip_targets *targets, const struct sip_invite *invite)
{
    for (size_t i = 0; i < targets->n; i++) {
        struct sip_target target = targets->v[i].target;

        if (choose_transport(sip, NULL, targets, invite, &target))
            return true;
    }
    return false;
}

/* ---- one server ---- */

static const struct sip_target *target_of(const struct sip_dial *dial)
{
    return &dial->targets->v[dial->place].target;
}

static bool has_next(const struct sip_dial *dial)
{
    return dial->i_order < dial->n_order && dial->n_sent < PLACES_MAX;
}

/* The INVITE to the place it is at, in the name of d. False: it cannot go there. */
static bool launch(struct sip_dial *dial)
{
    struct sip_dialog *d = dial->d;
    struct sip_target target = *target_of(dial);
    struct slice parts[DIALOG_TEXTS] = { 0 };
    struct own_texts own;
    struct sip_send send;

    if (dial->n_sent == PLACES_MAX || !choose_transport(d->sip, d, dial->targets, &dial->invite, &target) ||
        !make_invite(d->sip, d, &target, &dial->invite, &own, &send) || !sip_dialog_set_target(d, &target))
        return false;
    parts[DIALOG_CALL_ID] = dial->invite.call_id;
    parts[DIALOG_LOCAL] = own.from;
    parts[DIALOG_REMOTE] = dial->invite.to;
    parts[DIALOG_TARGET] = dial->invite.uri;
    parts[DIALOG_CONTACT] = own.contact;
    parts[DIALOG_ACCOUNT] = slice_str(target.route);
    if (!sip_dialog_set_texts(d, parts))
        return false;
    send.to_proxy = dial->targets->to_proxy;
    d->secure = slice_starts(own.contact, SLICE("<sips:"));
    d->pending = sip_clients_invite(&d->sip->clients, &target, &send, on_answer, d);
    if (!d->pending)
        return false;
    dial->login.n_signed += d->pending->login.n_signed;
    dial->n_sent++;
    dial->since_ms = loop_now(d->sip->loop);
    if (has_next(dial))
        timer_start(&d->sip->loop->timers, &dial->silence, SIP_ATTEMPT_SILENCE_MS);
    return true;
}

/* The next server that it can be sent to. False: there is none. */
static bool next(struct sip_dial *dial)
{
    timer_stop(&dial->d->sip->loop->timers, &dial->silence);
    dial->d->pending = NULL;
    while (has_next(dial)) {
        dial->place = dial->order[dial->i_order++];
        if (launch(dial))
            return true;
    }
    return false;
}

/* To the same server, with the next CSeq. */
static bool again(struct sip_dial *dial)
{
    struct sip_dialog *d = dial->d;
    uint32_t used = sip_invite_client_cseq(d->pending);

    timer_stop(&d->sip->loop->timers, &dial->silence);
    d->pending = NULL;
    d->cseq = used + 1;
    return launch(dial);
}

/* ---- what comes of it ---- */

static void finish(struct sip_dial *dial, const struct sip_result *result)
{
    enum sip_end_why why = SIP_END_UNREACHABLE;

    if (result->status && !(result->status == 482 && dial->repeated))
        why = SIP_END_REFUSED;
    else if (dial->repeated || result->no_answer == SIP_TIMED_OUT)
        why = SIP_END_TIMED_OUT;
    dial->d->pending = NULL;
    sip_dialog_finish(dial->d, why, why == SIP_END_REFUSED ? result->msg : NULL);
}

/* May another server take what this one has not? */
static bool may_go_on(const struct sip_dial *dial, const struct sip_result *result)
{
    return result->status == 0 || result->status == 503 || (result->status == 482 && dial->repeated);
}

/* The same server, asked otherwise. */
static bool is_asked_otherwise(struct sip_dial *dial, const struct sip_result *result)
{
    struct sip_dialog *d = dial->d;
    struct slice route = sip_dialog_text(d, DIALOG_ACCOUNT), uri;

    if (result->status == 422)
        return sip_session_too_small(d, result->msg);
    if (sip_login_asked(&d->sip->logins, route, &dial->login, result->msg))
        return true;
    if (!sip_redirected(d->sip, &dial->redirects, route, dial->invite.uri, result->msg, &uri))
        return false;
    dial->invite.uri = uri;
    return true;
}

static void final(struct sip_dial *dial, const struct sip_result *result)
{
    struct sip_dialog *d = dial->d;

    if (!d->cancelled && may_go_on(dial, result)) {
        dial->repeated |= result->no_answer == SIP_TIMED_OUT;
        if (next(dial))
            return;
    } else if (!d->cancelled && is_asked_otherwise(dial, result) && again(dial)) {
        return;
    }
    finish(dial, result);
}

/* What our INVITE led to so far. */
static void on_answer(void *arg, const struct sip_result *result)
{
    struct sip_dialog *d = arg;
    struct sip_dial *dial = d->dial;

    if (result->status >= 100 && result->status < 200) {
        timer_stop(&d->sip->loop->timers, &dial->silence);
        if (d->sip->conf.ops->dialogs->progress)
            d->sip->conf.ops->dialogs->progress(d->sip->conf.owner, d, result->msg);
        return;
    }
    sip_health_judge(d->sip, target_of(dial), dial->since_ms, result);
    if (result->status >= 200 && result->status < 300) {
        sip_dial_free(dial);
        d->dial = NULL;
        sip_dialog_answered(d, result->msg);
        return;
    }
    final(dial, result);
}

/* Nothing has come back: the INVITE is taken back, should it have arrived, and goes to the next server. */
static void on_silence(struct timer *t)
{
    struct sip_dial *dial = container_of(t, struct sip_dial, silence);
    struct sip_dialog *d = dial->d;
    const struct sip_result silent = { .no_answer = SIP_TIMED_OUT };
    enum sip_client_progress progress = sip_client_progress(d->pending);

    if (d->cancelled || progress == SIP_CLIENT_HEARD)
        return;
    sip_health_judge(d->sip, target_of(dial), dial->since_ms, &silent);
    if (progress == SIP_CLIENT_UNSENT) {
        sip_client_drop(d->pending);
    } else {
        dial->repeated = true;
        sip_invite_client_abandon(d->pending);
    }
    if (!next(dial))
        finish(dial, &silent);
}

/* ---- its beginning and end ---- */

void sip_dial_free(struct sip_dial *dial)
{
    if (!dial)
        return;
    timer_stop(&dial->d->sip->loop->timers, &dial->silence);
    sip_redirects_free(dial->redirects);
    sip_targets_drop(dial->targets);
    free(dial);
}

static struct slice *part_of(struct sip_invite *r, enum part i)
{
    switch (i) {
    case PART_URI: return &r->uri;
    case PART_FROM: return &r->from;
    case PART_TO: return &r->to;
    case PART_CALL_ID: return &r->call_id;
    case PART_USER: return &r->user;
    case PART_PARAMS: return &r->params;
    case PART_HEADERS: return &r->headers;
    case PART_BODY:
    case PARTS: break;
    }
    return &r->body;
}

static struct sip_dial *dial_new(struct sip_dialog *d, struct sip_targets *targets, const struct sip_invite *invite)
{
    struct sip_invite r = *invite;
    struct sip_dial *dial;
    size_t n = 0;
    char *at;

    for (enum part i = 0; i < PARTS; i++)
        n += part_of(&r, i)->n;
    dial = calloc(1, sizeof(*dial) + n);
    if (!dial)
        return NULL;
    at = dial->text;
    for (enum part i = 0; i < PARTS; i++) {
        struct slice *part = part_of(&r, i);

        if (part->n)
            memcpy(at, part->p, part->n);
        *part = slice_of(at, part->n);
        at += part->n;
    }
    r.route = slice_of(NULL, 0); /* it is in d's charge */
    dial->invite = r;
    dial->d = d;
    dial->targets = sip_targets_keep(targets);
    timer_init(&dial->silence, on_silence);
    return dial;
}

bool sip_dial_start(struct sip_dialog *d, struct sip_targets *targets, const struct sip_invite *invite)
{
    d->dial = dial_new(d, targets, invite);
    if (!d->dial)
        return false;
    d->cseq = 1;
    d->dial->n_order = sip_targets_order(d->sip, targets, d->dial->order);
    return next(d->dial);
}
