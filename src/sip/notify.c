/* NOTIFY as a notifier sends it: what it says when its turn has come, and what its result means. RFC 6665 4.2.2. */
#include "base/rand.h"
#include "sip/health.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define WAY_MEM 4096
#define WAY_MAX (64 * 1024)
#define LOG_BURST 5     /* lines in 10 s */
#define LINES_FIXED 380 /* a NOTIFY without its texts and our name, generously */
#define CROWDED_MS 1000 /* until it is tried again where too much was under way */

static const struct sip_event_ops *ops_of(const struct sip_sub *s)
{
    return s->sip->conf.ops->events;
}

static const char *state_name(enum sip_sub_state state)
{
    switch (state) {
    case SIP_SUB_PENDING: return "pending";
    case SIP_SUB_ACTIVE: return "active";
    case SIP_SUB_TERMINATED: break;
    }
    return "terminated";
}

static void put_state(struct buf *b, const struct sip_sub *s, const struct sip_sub_notice *n)
{
    uint64_t now = loop_now(s->sip->loop);

    buf_put(b, SLICE("Subscription-State: "));
    buf_str(b, state_name(n->state));
    if (n->state != SIP_SUB_TERMINATED) {
        buf_put(b, SLICE(";expires="));
        buf_u64(b, s->expires_ms > now ? (s->expires_ms - now) / 1000 : 0);
    } else {
        if (n->reason) {
            buf_put(b, SLICE(";reason="));
            buf_str(b, sip_sub_reason_name(n->reason));
        }
        if (n->retry_after_s) {
            buf_put(b, SLICE(";retry-after="));
            buf_u64(b, n->retry_after_s);
        }
    }
    buf_put(b, SLICE("\r\n"));
}

/* RFC 3261 18.1.1: what of 1300 bytes is left for the body over UDP, by what stands in the lines around it; 1: nothing. */
static size_t room_over_udp(const struct sip_sub *s)
{
    size_t lines = LINES_FIXED + 2 * s->sip->conf.host.n;

    for (size_t i = 0; i < SUB_TEXTS; i++)
        lines += s->n_text[i];
    return lines < SIP_UDP_REQUEST_MAX ? SIP_UDP_REQUEST_MAX - lines : 1;
}

/* 0: all bodies may go. */
static size_t room_over(const struct sip_sub *s, const struct sip_destination *to)
{
    return to->transports == SIP_MAY(SIP_UDP) || s->brief ? room_over_udp(s) : 0;
}

/* May it go by UDP, but for its length? */
static bool is_lengthy(const struct sip_sub *s, const struct sip_destination *to, struct slice body)
{
    return (to->transports & SIP_MAY(SIP_UDP)) && body.n > room_over_udp(s);
}

/* False: no memory, or too much is under way. */
static bool send_notify(struct sip_sub *s, const struct sip_destination *to, const struct sip_sub_notice *n)
{
    struct buf *b = sip_subs_lines(s->sip);
    struct slice body = s->bare ? slice_of(NULL, 0) : n->content.body;

    sip_sub_put_dialog(s, b);
    put_state(b, s, n);
    if (body.n)
        buf_put(b, n->content.headers);
    if (!buf_ok(b) || !sip_sub_fly(s, SIP_NOTIFY, to, buf_slice(b), body))
        return false;
    s->lengthy = is_lengthy(s, to, body);
    s->state = n->state;
    s->notices++;
    s->last_notice_ms = loop_now(s->sip->loop);
    return true;
}

/* The owner hears the end as soon as the last NOTIFY is on its way. */
static void part(struct sip_sub *s, const struct sip_sub_notice *n)
{
    const struct sip_sub_end end = { .why = s->ending ? (enum sip_sub_end_why)s->why : SIP_SUB_END_TERMINATED,
                                     .reason = n->reason,
                                     .retry_after_s = n->retry_after_s };

    if (s->phase == SUB_OVER) {
        sip_sub_schedule(s);
        return;
    }
    s->phase = SUB_OVER;
    sip_sub_schedule(s);
    ops_of(s)->ended(s->sip->conf.owner, s, &end);
}

static void describe(struct sip_sub *s, struct sip_sub_notice *n)
{
    if (s->phase == SUB_OVER) {
        *n = s->rest->notice;
        return;
    }
    ops_of(s)->describe(s->sip->conf.owner, s, s->ending, n);
    if (!s->ending)
        return;
    n->state = SIP_SUB_TERMINATED;
    n->reason = SIP_REASON_TIMEOUT;
    n->retry_after_s = 0;
}

static void go_to(struct sip_sub *s, const struct sip_destination *to)
{
    struct sip_sub_notice n = { .body_max = room_over(s, to) };

    s->due_ms = SIP_SUB_NEVER;
    describe(s, &n);
    if (!send_notify(s, to, &n)) {
        s->due_ms = loop_now(s->sip->loop) + CROWDED_MS + rand_below(CROWDED_MS);
        sip_sub_schedule(s);
    } else if (n.state == SIP_SUB_TERMINATED) {
        part(s, &n);
    } else {
        sip_sub_schedule(s);
    }
}

void sip_notify_go(struct sip_sub *s)
{
    _Alignas(max_align_t) char mem[WAY_MEM];
    struct sip_destination to;
    struct arena arena;

    arena_init_on(&arena, mem, sizeof(mem), WAY_MAX);
    if (sip_sub_way(s, &arena, &to))
        go_to(s, &to);
    else
        sip_sub_finish(s, &(struct sip_sub_end){ .why = s->ending ? (enum sip_sub_end_why)s->why : SIP_SUB_END_FAILED,
                                                 .no_answer = SIP_NOT_FOUND });
    arena_reset(&arena);
}

void sip_sub_end(struct sip_sub *s, const struct sip_sub_notice *notice)
{
    uint64_t now = loop_now(s->sip->loop);
    struct sip_sub_notice n = *notice;

    n.state = SIP_SUB_TERMINATED;
    if (s->phase == SUB_UP)
        s->rest = sip_sub_make_rest(s, &n);
    if (s->phase != SUB_UP || !s->rest) {
        sip_sub_drop(s);
        return;
    }
    s->phase = SUB_OVER;
    s->data = NULL;
    s->due_ms = now;
    s->limit_ms = now + 64ull * s->sip->conf.t1_ms;
    sip_sub_schedule(s);
}

/* RFC 6665 4.2.2, and a silence; 401 and 407 come here only when nothing answers them. */
bool sip_sub_status_ends(unsigned status)
{
    switch (status) {
    case 404:
    case 405:
    case 410:
    case 416:
    case 480:
    case 481:
    case 482:
    case 483:
    case 484:
    case 485:
    case 489:
    case 501:
    case 604: return true;
    default: return false;
    }
}

static bool ends(const struct sip_result *r)
{
    if (r->status)
        return sip_sub_status_ends(r->status) || r->status == 408 || r->status == 401 || r->status == 407;
    return r->no_answer == SIP_TIMED_OUT;
}

static bool met_nobody(const struct sip_result *r)
{
    return !r->status || r->status == 503 || sip_retry_after(r->msg);
}

/* Again, later each time and apart from others that failed with it. */
static void wait_longer(struct sip_sub *s, unsigned asked_s)
{
    unsigned wait_s = s->pause_s ? 2u * s->pause_s : SIP_SUB_PAUSE_MIN_S;

    if (wait_s < asked_s)
        wait_s = asked_s;
    if (wait_s > SIP_SUB_PAUSE_MAX_S)
        wait_s = SIP_SUB_PAUSE_MAX_S;
    s->pause_s = (uint16_t)wait_s;
    s->due_ms = loop_now(s->sip->loop) + 1000ull * wait_s + rand_below(500ull * wait_s);
}

/* Logs it, and has it sent once more at once. */
static void say_too_long(struct sip_sub *s, const char *event, const char *reason)
{
    struct sip *sip = s->sip;
    unsigned held;

    if (log_allowed(&sip->log_notify, loop_now(sip->loop), LOG_BURST, &held))
        log_warning(sip->loop->log, event, LOG_S("call-id", sip_sub_text(s, SUB_CALL_ID)),
                    LOG_S("to", sip_sub_text(s, SUB_REMOTE)), LOG_Z("reason", reason), LOG_U("not-logged", held));
    s->due_ms = loop_now(sip->loop);
}

static void too_long(struct sip_sub *s)
{
    say_too_long(s, "sip-notify-too-long",
                 "a NOTIFY over 1300 bytes, and the route has no transport but UDP: the watcher sees no "
                 "presence (allow TCP or TLS on the route)");
    s->bare = true;
}

/* RFC 3261 18.1.1: sent over TCP for its length alone, to a server that may have only UDP. */
static void shorten(struct sip_sub *s)
{
    say_too_long(s, "sip-notify-shortened",
                 "a NOTIFY over 1300 bytes went over TCP, and no server took the connection: it goes once more, short "
                 "enough for UDP (let the server listen on TCP)");
    s->brief = true;
}

void sip_notify_done(struct sip_sub *s, const struct sip_result *r)
{
    bool was_bare = s->bare, was_brief = s->brief;

    s->bare = s->brief = false;
    if (s->phase == SUB_OVER && s->due_ms != SIP_SUB_NEVER) { /* this one was the one before the last */
        sip_sub_schedule(s);
        return;
    }
    if (s->phase == SUB_OVER) {
        sip_sub_free(s);
        return;
    }
    if (ends(r) || (r->no_answer == SIP_TOO_LONG && was_bare)) {
        sip_sub_finish(s,
                       &(struct sip_sub_end){
                           .why = SIP_SUB_END_FAILED, .status = r->status, .no_answer = r->no_answer, .msg = r->msg });
        return;
    }
    if (r->no_answer == SIP_TOO_LONG)
        too_long(s);
    else if (r->no_answer == SIP_UNREACHABLE && s->lengthy && !was_brief)
        shorten(s);
    else if (met_nobody(r))
        wait_longer(s, r->msg ? sip_retry_after(r->msg) : 0);
    else
        s->pause_s = 0;
    sip_sub_schedule(s);
}
