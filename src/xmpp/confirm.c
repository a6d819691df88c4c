/*
 * How a pair hears that the partner's server has taken what was written: XEP-0198, which is its stream's matter
 * (stream_sm.c), or the barrier, a ping (XEP-0199) behind the stanzas.
 */
#include <stdio.h>

#include "base/rand.h"
#include "xmpp/pair_parts.h"
#include "xmpp/stream.h"
#include "xmpp/writer.h"

#define ASK_AGAIN_MS 1000
#define PING_OLD_MS 2000 /* an answer that has not come by then was not on its way */
#define PREFIX_LEN 16

static void on_answer_late(struct timer *t);

const char *xmpp_confirm_name(enum xmpp_confirm c)
{
    switch (c) {
    case XMPP_CONFIRM_PING: return "ping";
    case XMPP_CONFIRM_SM: return "sm";
    case XMPP_CONFIRM_NO: return "no";
    }
    return "?";
}

void xmpp_confirm_init(struct xmpp_pair *p)
{
    timer_init(&p->answer, on_answer_late);
}

void xmpp_confirm_start(struct xmpp_pair *p)
{
    p->ping_n = p->ping_answered = 0;
    p->ping_open = p->ping_idle = false;
    p->misses = 0;
    rand_hex(p->ping_prefix, PREFIX_LEN);
}

void xmpp_confirm_stop(struct xmpp_pair *p)
{
    timer_stop(&p->x->loop->timers, &p->answer);
}

/* ---- asking ---- */

static void ask_ping(struct xmpp_pair *p, bool idle)
{
    struct buf b;

    buf_init(&b, 8192);
    buf_str(&b, "<iq type='get'");
    xml_put_attr(&b, "from", p->local);
    xml_put_attr(&b, "to", p->remote);
    buf_printf(&b, " id='%s-%llu'><ping xmlns='" NS_PING "'/></iq>", p->ping_prefix,
               (unsigned long long)(p->ping_n + 1));
    if (buf_ok(&b) && xmpp_stream_write(p->stream, buf_slice(&b))) {
        if (p->stream->sm_out.on) /* it counts there, too */
            xmpp_stream_sm_wrote(p->stream);
        p->ping_n++;
        p->ping_open = true;
        p->ping_idle = idle;
        p->ping_ms = loop_now(p->x->loop);
        timer_start(&p->x->loop->timers, &p->answer, idle ? XMPP_ANSWER_MS : XMPP_BARRIER_MS);
    } else { /* memory may be there again soon */
        timer_start(&p->x->loop->timers, &p->answer, ASK_AGAIN_MS);
    }
    buf_free(&b);
}

void xmpp_confirm_ask(struct xmpp_pair *p)
{
    switch (p->confirm) {
    case XMPP_CONFIRM_SM:
        if (!list_empty(&p->window))
            xmpp_stream_sm_ask(p->stream);
        break;
    case XMPP_CONFIRM_PING:
        if ((!p->ping_open || p->ping_idle) && xmpp_window_is_awaited(p))
            ask_ping(p, false);
        break;
    case XMPP_CONFIRM_NO:
        if (p->ping_n == 0 && !list_empty(&p->window))
            ask_ping(p, true); /* once for each stream: perhaps it has learned to answer */
        xmpp_out_settle_all(&p->window, XMPP_FATE_UNCONFIRMED, "written; this partner confirms nothing");
        break;
    }
}

void xmpp_pair_keep_alive(struct xmpp_pair *p)
{
    switch (p->confirm) {
    case XMPP_CONFIRM_SM: xmpp_stream_sm_ask(p->stream); break;
    case XMPP_CONFIRM_PING:
        if (!p->ping_open)
            ask_ping(p, true);
        break;
    case XMPP_CONFIRM_NO: xmpp_stream_write(p->stream, SLICE(" ")); break;
    }
}

void xmpp_pair_sm_started(struct xmpp_pair *p)
{
    if (p->ready && p->confirm != XMPP_CONFIRM_SM && list_empty(&p->window) && !p->ping_open)
        p->confirm = XMPP_CONFIRM_SM;
}

/* ---- answers ---- */

/* "<prefix>-<number>" of this stream's pings. */
static bool ping_number(const struct xmpp_pair *p, struct slice id, uint64_t *n)
{
    return slice_starts(id, slice_of(p->ping_prefix, PREFIX_LEN)) && id.n > PREFIX_LEN && id.p[PREFIX_LEN] == '-' &&
           slice_u64(slice_from(id, PREFIX_LEN + 1), UINT64_MAX, n);
}

bool xmpp_pair_pong(struct xmpp *x, struct slice local, struct slice remote, struct slice id)
{
    struct xmpp_pair *p = xmpp_pair_find(x, local, remote);
    struct xmpp_out *o;
    uint64_t n;

    if (!p || !p->ready || !ping_number(p, id, &n))
        return false;
    if (n > p->ping_n || n <= p->ping_answered)
        return true;
    p->ping_answered = n;
    p->misses = 0;
    if (n == p->ping_n) {
        p->ping_open = false;
        timer_stop(&p->x->loop->timers, &p->answer);
    }
    if (p->confirm == XMPP_CONFIRM_NO) {
        p->confirm = XMPP_CONFIRM_PING;
        p->confirms_not = false;
        log_info(x->loop->log, "stream-confirms", LOG_S("local", p->local), LOG_S("remote", p->remote),
                 LOG_Z("confirm", "ping"));
    }
    if (p->confirm == XMPP_CONFIRM_PING)
        while ((o = xmpp_out_first(&p->window)) && o->cover <= n) {
            p->heard = true;
            xmpp_out_settle(o, XMPP_FATE_CONFIRMED, "acknowledged by ping");
        }
    xmpp_pair_turn(p);
    return true;
}

void xmpp_pair_way_back(struct xmpp *x, struct slice local, struct slice remote)
{
    struct xmpp_pair *p = xmpp_pair_find(x, local, remote);

    if (p && !p->stream)
        xmpp_backoff_clear(&p->backoff);
    if (!p || !p->ready || !p->ping_open || p->confirm != XMPP_CONFIRM_PING ||
        loop_now(x->loop) - p->ping_ms < PING_OLD_MS)
        return;
    p->ping_open = false;
    xmpp_pair_turn(p);
}

static void confirms_no_more(struct xmpp_pair *p)
{
    p->confirm = XMPP_CONFIRM_NO;
    p->confirms_not = true;
    log_warning(p->x->loop->log, "stream-confirms-nothing", LOG_S("local", p->local), LOG_S("remote", p->remote),
                LOG_Z("confirm", "no"),
                LOG_Z("why", "three pings were left unanswered; messages are accepted without confirmation until one "
                             "is answered: the partner must answer XEP-0199 or offer XEP-0198"));
    xmpp_pair_turn(p);
}

static void on_answer_late(struct timer *t)
{
    struct xmpp_pair *p = container_of(t, struct xmpp_pair, answer);

    if (!p->ready || p->confirm == XMPP_CONFIRM_SM)
        return;
    if (p->confirm == XMPP_CONFIRM_NO) {
        p->ping_open = false;
        return;
    }
    if (!p->ping_open) {
        xmpp_pair_turn(p);
        return;
    }
    if (p->ping_idle) {
        xmpp_stream_error(p->stream, XMPP_STREAM_CONNECTION_TIMEOUT, "no answer within 60 s");
        return;
    }
    p->ping_open = false;
    if (++p->misses < XMPP_BARRIER_MISSES) {
        xmpp_pair_turn(p);
        return;
    }
    if (!xmpp_stream_is_taken(p->stream)) /* what we wrote is not even on its way: no live stream */
        xmpp_stream_error(p->stream, XMPP_STREAM_CONNECTION_TIMEOUT, "no answer within 60 s");
    else
        confirms_no_more(p);
}
