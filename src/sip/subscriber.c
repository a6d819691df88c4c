/* SUBSCRIBE as a subscriber sends it: the first, refreshes, Expires 0, and what their results mean. RFC 6665 4.1.2. */
#include "base/rand.h"
#include "sip/event_values.h"
#include "sip/health.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define WAY_MEM 4096
#define WAY_MAX (64 * 1024)
#define CROWDED_MS 1000     /* until it is tried again where too much was under way */
#define REFRESH_MIN_MS 5000 /* however short a time is granted: what lasts less than this is not followed */
#define RETRY_MIN_MS 10000  /* a refresh that failed for a while */
#define CALL_ID_LEN 32

static const struct sip_event_ops *ops_of(const struct sip_sub *s)
{
    return s->sip->conf.ops->events;
}

static uint64_t limit_from_now(const struct sip_sub *s)
{
    return loop_now(s->sip->loop) + 64ull * s->sip->conf.t1_ms;
}

/* ---- the beginning ---- */

static bool fill(struct sip_sub *s, const struct sip_subscribe *r)
{
    struct slice parts[SUB_TEXTS] = { 0 };
    char call_id[CALL_ID_LEN + 1];
    struct sip_uri uri;

    rand_hex(call_id, CALL_ID_LEN);
    parts[SUB_CALL_ID] = slice_str(call_id);
    parts[SUB_LOCAL] = r->from;
    parts[SUB_REMOTE] = r->to;
    parts[SUB_TARGET] = r->uri;
    parts[SUB_USER] = r->user;
    parts[SUB_PARAMS] = r->params;
    parts[SUB_ACCEPT] = r->accept;
    s->secure = sip_uri_parse(r->uri, &uri) && uri.scheme == SIP_SCHEME_SIPS;
    return sip_sub_set_texts(s, parts) && sip_sub_enter(s);
}

struct sip_sub *sip_subscribe(struct sip *sip, const struct sip_subscribe *subscribe, void *data)
{
    unsigned status;
    struct sip_sub *s = sip_sub_new(sip, subscribe->route, &status);

    if (!s)
        return NULL;
    s->phase = SUB_STARTING;
    s->state = SIP_SUB_PENDING;
    s->data = data;
    s->asked_s = subscribe->expires_s;
    s->poll = !subscribe->expires_s;
    s->tag = sip_dialogs_make_tag(&sip->dialogs);
    s->due_ms = loop_now(sip->loop);
    s->limit_ms = limit_from_now(s); /* for its turn */
    if (!fill(s, subscribe)) {
        sip_sub_free(s);
        return NULL;
    }
    sip_sub_schedule(s);
    return s;
}

void sip_sub_refresh(struct sip_sub *s)
{
    if (s->phase != SUB_UP || s->flight || s->poll)
        return;
    s->forced = true;
    s->due_ms = loop_now(s->sip->loop);
    sip_sub_schedule(s);
}

void sip_sub_unsubscribe(struct sip_sub *s)
{
    const struct sip_sub_notice nothing = { 0 };

    if (!s->rest)
        s->rest = sip_sub_make_rest(s, &nothing);
    if (s->phase == SUB_UP) {
        s->phase = SUB_ENDING;
        s->due_ms = loop_now(s->sip->loop);
        s->expires_ms = SIP_SUB_NEVER;
        s->limit_ms = limit_from_now(s);
    } else if (s->phase == SUB_STARTING) {
        s->ending = true;
    }
    sip_sub_schedule(s);
}

/* ---- its time ---- */

/* At max(e/2, e - 60 s), a tenth of it earlier at random (STOX-PRS-13). */
static uint64_t refresh_after(uint64_t ms)
{
    uint64_t at = ms > 120000 ? ms - 60000 : ms / 2;

    at -= rand_below(at / 10 + 1);
    return at > REFRESH_MIN_MS ? at : REFRESH_MIN_MS;
}

void sip_subscriber_lasts(struct sip_sub *s, uint32_t expires_s)
{
    uint64_t now = loop_now(s->sip->loop), ms = 1000ull * expires_s;

    s->expires_ms = now + ms;
    if (s->phase == SUB_UP && !s->lapsing)
        s->due_ms = now + refresh_after(ms);
}

void sip_subscriber_in_dialog(struct sip_sub *s)
{
    uint64_t now = loop_now(s->sip->loop);

    if (s->phase != SUB_STARTING)
        return;
    s->due_ms = SIP_SUB_NEVER;
    if (s->ending) {
        s->phase = SUB_ENDING;
        s->due_ms = now;
        s->expires_ms = SIP_SUB_NEVER;
        s->limit_ms = limit_from_now(s);
    } else {
        s->phase = SUB_UP;
        if (s->expires_ms != SIP_SUB_NEVER) /* the 2xx has come before */
            sip_subscriber_lasts(s, s->expires_ms > now ? (uint32_t)((s->expires_ms - now) / 1000) : 0);
    }
    s->ending = false;
}

static void finish(struct sip_sub *s, enum sip_sub_end_why why, const struct sip_result *r)
{
    struct sip_sub_end end = { .why = why };

    if (r) {
        end.status = r->status;
        end.no_answer = r->no_answer;
        end.msg = r->msg;
        end.retry_after_s = r->msg ? sip_retry_after(r->msg) : 0;
    }
    if (s->phase == SUB_ENDING || s->ending)
        end.why = SIP_SUB_END_UNSUBSCRIBED;
    sip_sub_finish(s, &end);
}

void sip_subscriber_over(struct sip_sub *s, const struct sip_sub_end *end)
{
    struct sip_sub_end told = *end;

    if (s->phase == SUB_ENDING && s->flight) { /* Expires 0 is under way: its answer ends it */
        s->said_over = true;
        return;
    }
    if (s->phase == SUB_ENDING)
        told.why = SIP_SUB_END_UNSUBSCRIBED;
    else if (s->lapsing && end->reason == SIP_REASON_TIMEOUT)
        told.why = SIP_SUB_END_LAPSED;
    sip_sub_finish(s, &told);
}

/* The owner may not want it any more. False: it is to lapse. */
static bool may_refresh(struct sip_sub *s)
{
    if (s->phase != SUB_UP || s->forced || s->again || ops_of(s)->refresh(s->sip->conf.owner, s))
        return true;
    s->lapsing = true;
    s->due_ms = SIP_SUB_NEVER;
    return false;
}

static enum sip_sub_end_why over_by_time(const struct sip_sub *s)
{
    if (s->phase == SUB_STARTING)
        return SIP_SUB_END_SILENT;
    return s->lapsing ? SIP_SUB_END_LAPSED : SIP_SUB_END_LOST;
}

void sip_subscriber_time(struct sip_sub *s, uint64_t now)
{
    bool waits = s->flight || !list_empty(&s->waiting);

    if (s->limit_ms <= now && !s->flight) {
        finish(s, s->cseq ? SIP_SUB_END_SILENT : SIP_SUB_END_UNREACHABLE, NULL); /* without a turn in all the time */
        return;
    }
    if (s->expires_ms <= now) {
        finish(s, over_by_time(s), NULL);
        return;
    }
    if (s->due_ms <= now && !waits && may_refresh(s))
        sip_sub_queue(s);
    else
        sip_sub_schedule(s);
}

/* ---- requests ---- */

static bool send_subscribe(struct sip_sub *s, const struct sip_destination *to)
{
    struct buf *b = sip_subs_lines(s->sip);

    sip_sub_put_dialog(s, b);
    sip_put_header_u64(b, "Expires", s->phase == SUB_ENDING ? 0 : s->asked_s);
    sip_put_header(b, "Accept", sip_sub_text(s, SUB_ACCEPT));
    return buf_ok(b) && sip_sub_fly(s, SIP_SUBSCRIBE, to, buf_slice(b), slice_of(NULL, 0));
}

static void go_to(struct sip_sub *s, const struct sip_destination *to)
{
    uint64_t now = loop_now(s->sip->loop);

    s->due_ms = SIP_SUB_NEVER;
    if (send_subscribe(s, to)) {
        s->forced = s->lapsing = false;
        s->limit_ms = limit_from_now(s); /* Timer N */
    } else {
        s->due_ms = now + CROWDED_MS + rand_below(CROWDED_MS);
    }
    sip_sub_schedule(s);
}

/* It was unsubscribed before anything was sent; or where the last request goes could not be kept, for want of memory. */
static bool has_nothing_to_send(const struct sip_sub *s)
{
    return (s->phase == SUB_STARTING && s->ending && !s->cseq) || (s->phase == SUB_ENDING && !s->rest);
}

void sip_subscribe_go(struct sip_sub *s)
{
    _Alignas(max_align_t) char mem[WAY_MEM];
    struct sip_destination to;
    struct arena arena;

    if (has_nothing_to_send(s)) {
        finish(s, SIP_SUB_END_UNSUBSCRIBED, NULL);
        return;
    }
    arena_init_on(&arena, mem, sizeof(mem), WAY_MAX);
    if (sip_sub_way(s, &arena, &to))
        go_to(s, &to);
    else
        finish(s, s->phase == SUB_STARTING ? SIP_SUB_END_UNREACHABLE : SIP_SUB_END_LOST,
               &(struct sip_result){ .no_answer = SIP_NOT_FOUND });
    arena_reset(&arena);
}

/* ---- results ---- */

/* 423: once more with what it asks for (RFC 6665 4.1.2.1), but for no longer than a day. */
static bool asks_for_longer(struct sip_sub *s, const struct sip_result *r)
{
    uint32_t min_s;

    if (r->status != 423 || s->again || s->phase == SUB_ENDING || !sip_msg_min_expires(r->msg, &min_s) ||
        min_s <= s->asked_s || min_s > SIP_SUB_MIN_EXPIRES_MAX_S)
        return false;
    s->again = true;
    s->asked_s = min_s;
    s->due_ms = loop_now(s->sip->loop);
    s->limit_ms = SIP_SUB_NEVER;
    sip_sub_schedule(s);
    return true;
}

static void taken(struct sip_sub *s, const struct sip_msg *m)
{
    bool first = !s->accepted, bad;
    uint32_t granted_s;

    s->again = false;
    s->accepted = true;
    if (s->in_dialog)
        sip_sub_refresh_target(s, m);
    if (s->phase == SUB_ENDING) {
        if (s->said_over)
            finish(s, SIP_SUB_END_UNSUBSCRIBED, NULL);
        else
            sip_sub_schedule(s); /* until the last NOTIFY, or Timer N */
        return;
    }
    if (!sip_msg_expires(m, &granted_s, &bad) || granted_s > s->asked_s)
        granted_s = s->asked_s;
    s->granted_s = granted_s;
    if (!s->poll)
        sip_subscriber_lasts(s, granted_s);
    sip_sub_schedule(s);
    if (first)
        ops_of(s)->accepted(s->sip->conf.owner, s, granted_s);
}

/* Valid until its time is over (RFC 6665 4.1.2.2); until then it is tried again. */
static void again_later(struct sip_sub *s, const struct sip_result *r)
{
    uint64_t now = loop_now(s->sip->loop), left = s->expires_ms > now ? s->expires_ms - now : 0;
    uint64_t wait = 1000ull * (r->msg ? sip_retry_after(r->msg) : 0);

    if (!wait)
        wait = left / 4 > RETRY_MIN_MS ? left / 4 : RETRY_MIN_MS;
    s->again = false;
    s->limit_ms = SIP_SUB_NEVER;
    s->due_ms = now + wait + rand_below(wait / 10 + 1);
    sip_sub_schedule(s);
}

/* Is it of no use to go on with the dialog? 403 and 603: the answer is no (STOX-PRS-17). A silence is Timer N's end, too. */
static bool is_lost(const struct sip_result *r)
{
    if (!r->status)
        return r->no_answer == SIP_TIMED_OUT;
    return sip_sub_status_ends(r->status) || r->status == 403 || r->status == 603 || r->status == 401 ||
           r->status == 407 || r->status == 423;
}

/* The first SUBSCRIBE was refused, or never answered. A NOTIFY says as much as the 2xx that was lost. */
static void first_failed(struct sip_sub *s, const struct sip_result *r)
{
    if (r->status || s->phase == SUB_STARTING) {
        finish(s, r->status ? SIP_SUB_END_REFUSED : SIP_SUB_END_UNREACHABLE, r);
        return;
    }
    s->accepted = true;
    s->granted_s = s->asked_s;
    sip_sub_schedule(s);
    ops_of(s)->accepted(s->sip->conf.owner, s, s->granted_s);
}

void sip_subscribe_done(struct sip_sub *s, const struct sip_result *r)
{
    if (r->status >= 200 && r->status < 300)
        taken(s, r->msg);
    else if (asks_for_longer(s, r))
        return;
    else if (s->phase == SUB_ENDING && s->due_ms != SIP_SUB_NEVER && !is_lost(r))
        sip_sub_schedule(s); /* that was a refresh; Expires 0 is still to be sent */
    else if (s->phase == SUB_ENDING)
        finish(s, SIP_SUB_END_UNSUBSCRIBED, r);
    else if (!s->accepted)
        first_failed(s, r);
    else if (is_lost(r))
        finish(s, SIP_SUB_END_LOST, r);
    else
        again_later(s, r);
}
