/* SUBSCRIBE as a notifier takes it: what speaks against it, our answers, refreshes, and the end. RFC 6665 4.2.1. */
#include <assert.h>

#include "sip/event_values.h"
#include "sip/inspect.h"
#include "sip/route_set.h"
#include "sip/scan.h"
#include "sip/stack.h"
#include "sip/texts.h"
#include "sip/writer.h"

#define LOG_BURST 5 /* lines in 10 s */

static const struct slice nothing = { 0 };

static const struct sip_event_ops *ops_of(const struct sip *sip)
{
    return sip->conf.ops->events;
}

/* What is granted, by our limits (STOX-PRS-58, 59): 0; 400; or 423 with its line. */
static unsigned check_expires(struct sip *sip, const struct sip_msg *m, uint32_t *granted_s)
{
    const struct sip_sub_limits *limits = &sip->subs.limits;
    bool bad;

    if (!sip_msg_expires(m, granted_s, &bad)) {
        *granted_s = limits->expires_s;
        if (bad)
            return 400;
    } else if (*granted_s && *granted_s < limits->expires_min_s && *granted_s < 3600) {
        sip_put_header_u64(&sip->headers, "Min-Expires", limits->expires_min_s);
        return 423;
    }
    if (*granted_s > limits->expires_max_s)
        *granted_s = limits->expires_max_s;
    return 0;
}

/* A filter, or the like, that must be understood (RFC 3261 8.2.3). */
static bool has_unknown_body(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_header(m, SIP_H_CONTENT_DISPOSITION);
    struct slice handling;

    if (!m->body.n)
        return false;
    return !h || sip_param_count(slice_from(h->value, slice_find(h->value, ';')), "handling", &handling) != 1 ||
           !slice_ieq(handling, SLICE("optional"));
}

/* What each SUBSCRIBE has to be like: 0, or the status and its reason; lines are in sip->headers. */
static unsigned check(struct sip *sip, const struct sip_msg *m, bool winfo, uint32_t *granted_s, const char **reason)
{
    unsigned status;

    *reason = NULL;
    if (!sip_msg_accepts(m, winfo ? SLICE(SIP_WINFO) : SLICE(SIP_PIDF)))
        return 406;
    if (has_unknown_body(m)) {
        buf_put(&sip->headers, SLICE("Accept:\r\n"));
        return 415;
    }
    status = check_expires(sip, m, granted_s);
    if (status == 400)
        *reason = "Bad Expires";
    return status;
}

static unsigned check_first(struct sip *sip, const struct sip_incoming *in, bool winfo, struct slice *target,
                            struct slice *id, uint32_t *granted_s, const char **reason)
{
    unsigned status = sip_sub_check_event(sip, in->m, winfo, id);

    *reason = NULL;
    if (status) {
        *reason = status == 400 ? "Bad Event" : NULL;
        return status;
    }
    if (!sip_msg_contact(in->m, target)) {
        *reason = "SUBSCRIBE needs one Contact with a SIP URI";
        return 400;
    }
    if (sip_subs_find_tag(sip, in->m->call_id, in->id->tag)) {
        *reason = "This SUBSCRIBE has been answered long ago";
        return 482;
    }
    return check(sip, in->m, winfo, granted_s, reason);
}

/* The dialog that it makes (RFC 3261 12.1.1): 0, or what it is refused with. */
static unsigned begin(struct sip_sub *s, const struct sip_incoming *in, struct slice target, struct slice id)
{
    struct slice parts[SUB_TEXTS] = { 0 };
    struct buf *b = sip_subs_lines(s->sip);

    if (!sip_route_set_put(b, in->m) || !buf_ok(b))
        return 513;
    parts[SUB_CALL_ID] = in->m->call_id;
    parts[SUB_LOCAL] = in->m->to_text;
    parts[SUB_REMOTE] = in->m->from_text;
    parts[SUB_TARGET] = target;
    parts[SUB_ROUTES] = buf_slice(b);
    parts[SUB_USER] = in->m->uri.user;
    parts[SUB_ID] = id;
    if (sip_texts_size(parts, SUB_TEXTS) > SIP_SUB_TEXT_MAX)
        return 513;
    s->tag = in->id->tag;
    if (!sip_sub_set_texts(s, parts) || !sip_sub_enter(s))
        return 503;
    sip_sub_set_tag(s, in->m->from_text, in->m->from_tag);
    s->txn = sip_servers_add(&s->sip->servers, in->id, in->m, in->source);
    return s->txn ? 0 : 503;
}

/* The administrator reads whose subscriptions are too many. */
static void log_full(struct sip *sip, const struct sip_incoming *in)
{
    char from[ADDR_TEXT];
    unsigned held;

    if (log_allowed(&sip->log_subs_full, loop_now(sip->loop), LOG_BURST, &held))
        log_info(sip->loop->log, "sip-subscriptions-full", LOG_Z("from", addr_text(&in->source->addr, from)),
                 LOG_S("route", in->route), LOG_U("subscriptions", sip->subs.by_call.n),
                 LOG_U("most", sip->subs.limits.max), LOG_U("most-of-a-route", sip->subs.limits.max_per_route),
                 LOG_Z("reason", "too many subscriptions, or this route has its share: the SUBSCRIBE was refused"),
                 LOG_U("not-logged", held));
}

static void offer(struct sip_sub *s, const struct sip_incoming *in)
{
    const struct sip_request request = { .msg = in->m, .from = in->peer, .route = in->route };
    struct sip *sip = s->sip;

    s->limit_ms = loop_now(sip->loop) + 64ull * sip->conf.t1_ms;
    sip_sub_schedule(s);
    ops_of(sip)->subscribe(sip->conf.owner, s, &request, s->granted_s);
}

/* Nothing is kept of it: the same answer comes out for its repetition. */
static void refuse_first(struct sip *sip, const struct sip_incoming *in, unsigned status, const char *reason)
{
    if (status == 503 || status == 480)
        buf_put(&sip->headers, SLICE("Retry-After: 60\r\n"));
    sip->counters.refused++;
    sip_servers_reply(&sip->servers, in->id, in->m, in->source, status, reason, buf_slice(&sip->headers));
}

void sip_notifier_asked(struct sip *sip, const struct sip_incoming *in)
{
    bool winfo = sip_asks_winfo(sip, in->m);
    struct slice target, id;
    struct sip_sub *s = NULL;
    const char *reason;
    uint32_t granted_s;
    unsigned status;

    buf_clear(&sip->headers);
    status = check_first(sip, in, winfo, &target, &id, &granted_s, &reason);
    if (!status) {
        s = sip_sub_new(sip, in->route, &status);
        if (!s)
            log_full(sip, in);
    }
    if (s) {
        s->notifier = true;
        s->winfo = winfo;
        s->phase = SUB_ASKED;
        s->state = SIP_SUB_PENDING;
        s->secure = in->m->uri.scheme == SIP_SCHEME_SIPS;
        s->peer_cseq = in->m->cseq;
        s->granted_s = granted_s;
        status = begin(s, in, target, id);
    }
    if (s && !status) {
        offer(s, in);
        return;
    }
    if (s)
        sip_sub_free(s);
    refuse_first(sip, in, status, reason);
}

/* Expires and Contact of a 2xx. */
static struct slice ok_lines(struct sip_sub *s, const struct sip_target *back)
{
    struct buf *b = sip_subs_lines(s->sip);

    sip_put_header_u64(b, "Expires", s->granted_s);
    sip_sub_put_contact(b, s, back);
    return buf_slice(b);
}

/* The next NOTIFY is the last. Where its turn does not come, for a server that is away, it ends all the same. */
static void end_by(struct sip_sub *s, enum sip_sub_end_why why, uint64_t now)
{
    s->ending = true;
    s->why = (uint8_t)why;
    s->due_ms = now;
    s->limit_ms = now + 64ull * s->sip->conf.t1_ms;
}

/* From now on; its NOTIFY follows from the loop (RFC 6665 4.2.1.2). */
static void run(struct sip_sub *s)
{
    uint64_t now = loop_now(s->sip->loop);

    s->expires_ms = now + 1000ull * s->granted_s;
    s->ending = false;
    s->limit_ms = SIP_SUB_NEVER;
    s->due_ms = now;
    s->pause_s = 0;
    if (!s->granted_s)
        end_by(s, SIP_SUB_END_UNSUBSCRIBED, now);
    sip_sub_schedule(s);
}

static bool set_contact(struct sip_sub *s, struct slice user, struct slice params)
{
    struct slice parts[SUB_TEXTS];

    if (!user.n && !params.n)
        return true;
    for (size_t i = 0; i < SUB_TEXTS; i++)
        parts[i] = sip_sub_text(s, i);
    parts[SUB_USER] = user;
    parts[SUB_PARAMS] = params;
    return sip_sub_set_texts(s, parts);
}

/* Lines of the 2xx to the first SUBSCRIBE: Record-Route goes back, too (RFC 3261 12.1.1). */
static bool make_ok(struct sip_sub *s, struct slice user, struct slice params)
{
    const struct sip_target back = sip_server_source(s->txn);
    struct buf *b = &s->sip->subs.lines;

    if (!set_contact(s, user, params))
        return false;
    (void)ok_lines(s, &back);
    if (s->n_text[SUB_ROUTES])
        sip_put_header(b, "Record-Route", sip_sub_text(s, SUB_ROUTES));
    return buf_ok(b);
}

bool sip_sub_accept(struct sip_sub *s, struct slice user, struct slice params)
{
    assert(s->phase == SUB_ASKED);
    if (!make_ok(s, user, params)) {
        sip_sub_refuse(s, 500, NULL, nothing);
        return false;
    }
    sip_respond(s->txn, 200, NULL, buf_slice(&s->sip->subs.lines));
    s->txn = NULL;
    s->phase = SUB_UP;
    s->limit_ms = SIP_SUB_NEVER;
    run(s);
    return true;
}

void sip_sub_refuse(struct sip_sub *s, unsigned status, const char *reason, struct slice headers)
{
    assert(s->phase == SUB_ASKED && status >= 300 && status <= 699);
    s->sip->counters.refused++;
    sip_respond(s->txn, status, reason, headers);
    s->txn = NULL;
    sip_sub_free(s);
}

/* What speaks against a SUBSCRIBE in the dialog. */
static unsigned check_again(struct sip_sub *s, const struct sip_msg *m, uint32_t *granted_s, const char **reason)
{
    struct slice id;
    unsigned status = sip_sub_check_event(s->sip, m, s->winfo, &id);

    *reason = NULL;
    if (s->ending && s->why != SIP_SUB_END_EXPIRED)
        return 481;
    if (status == 489 && sip_msg_header(m, SIP_H_EVENT))
        status = 403; /* a second one in the dialog */
    if (!status && !slice_eq(id, sip_sub_text(s, SUB_ID)))
        status = 403;
    if (status) {
        *reason = status == 403 ? "One subscription for each dialog" : NULL;
        return status;
    }
    return check(s->sip, m, s->winfo, granted_s, reason);
}

void sip_notifier_refreshed(struct sip_sub *s, const struct sip_incoming *in)
{
    const struct sip_target back = { .transport = in->source->transport, .addr = in->source->addr };
    struct sip *sip = s->sip;
    const char *reason;
    uint32_t granted_s;
    unsigned status;

    buf_clear(&sip->headers);
    if (s->phase == SUB_ASKED) {
        sip_answer(sip, in, 500, NULL, SLICE("Retry-After: 1\r\n"));
        return;
    }
    status = check_again(s, in->m, &granted_s, &reason);
    if (status) {
        sip_answer(sip, in, status, reason, buf_slice(&sip->headers));
        return;
    }
    s->granted_s = granted_s;
    sip_sub_refresh_target(s, in->m);
    sip_answer(sip, in, 200, NULL, ok_lines(s, &back));
    run(s);
    if (granted_s && ops_of(sip)->refreshed)
        ops_of(sip)->refreshed(sip->conf.owner, s, in->m);
}

static void end_unanswered(struct sip_sub *s)
{
    struct sip_server *txn = s->txn;

    s->txn = NULL;
    sip_respond(txn, 480, NULL, nothing);
    sip_sub_finish(s, &(struct sip_sub_end){ .why = SIP_SUB_END_EXPIRED, .status = 480 });
}

/* Its patience is over, with its owner or for its last turn. */
static void give_up(struct sip_sub *s)
{
    if (s->phase == SUB_ASKED)
        end_unanswered(s);
    else
        sip_sub_finish(s, &(struct sip_sub_end){ .why = (enum sip_sub_end_why)s->why });
}

void sip_notifier_time(struct sip_sub *s, uint64_t now)
{
    if (s->limit_ms <= now && !s->flight) {
        give_up(s);
        return;
    }
    if (s->phase == SUB_UP && !s->ending && s->expires_ms <= now)
        end_by(s, SIP_SUB_END_EXPIRED, now);
    if (s->due_ms <= now && !s->flight && list_empty(&s->waiting))
        sip_sub_queue(s);
    else
        sip_sub_schedule(s);
}

void sip_sub_changed(struct sip_sub *s, bool urgent)
{
    uint64_t now = loop_now(s->sip->loop), at = now, pace = s->sip->subs.limits.pace_ms;

    if (s->phase != SUB_UP || (s->pause_s && s->due_ms != SIP_SUB_NEVER)) /* after a pause goes the newest, too */
        return;
    if (!urgent && s->notices && s->last_notice_ms + pace > now)
        at = s->last_notice_ms + pace;
    if (at >= s->due_ms)
        return;
    s->due_ms = at;
    sip_sub_schedule(s);
}
