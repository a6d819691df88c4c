/*
 * Session timers (RFC 4028): who refreshes, when, and the BYE when nobody does. A session that no side has asked an interval
 * for does not expire.
 */
#include "sip/dialog_priv.h"
#include "sip/msg_session.h"
#include "sip/stack.h"
#include "sip/writer.h"

#define SHORTEST_S 90       /* RFC 4028 4: no interval may be below */
#define TRIES_MAX 3         /* after 422 */
#define MARGIN_MAX_MS 32000 /* section 10: BYE so long before the end, or a third of the interval */
#define BUSY_MS 5000        /* until the next try, when another transaction is in the way */

static uint64_t now(const struct sip_dialog *d)
{
    return loop_now(d->sip->loop);
}

static void arm(struct sip_dialog *d)
{
    uint64_t at = d->refresh_at_ms < d->bye_at_ms ? d->refresh_at_ms : d->bye_at_ms;

    if (at == UINT64_MAX)
        timer_stop(&d->sip->loop->timers, &d->timer);
    else
        timer_start(&d->sip->loop->timers, &d->timer, at > now(d) ? at - now(d) : 0);
}

static void on_timer(struct timer *timer)
{
    struct sip_dialog *d = container_of(timer, struct sip_dialog, timer);

    if (d->state == DIALOG_RINGING) {
        sip_dialog_overdue(d);
        return;
    }
    if (now(d) >= d->bye_at_ms) {
        sip_dialog_bye(d, SLICE("Reason: SIP;cause=408;text=\"Session timer expired\"\r\n"));
        sip_dialog_finish(d, SIP_END_EXPIRED, NULL);
        return;
    }
    d->refresh_at_ms = UINT64_MAX;
    if (!sip_dialog_refresh(d))
        d->refresh_at_ms = now(d) + BUSY_MS;
    arm(d);
}

void sip_session_init(struct sip_dialog *d)
{
    timer_init(&d->timer, on_timer);
    d->refresh_at_ms = d->bye_at_ms = UINT64_MAX;
    d->session_s = d->sip->conf.session_s;
}

void sip_session_stop(struct sip_dialog *d)
{
    d->refresh_at_ms = d->bye_at_ms = UINT64_MAX;
    arm(d);
}

void sip_session_later(struct sip_dialog *d, uint64_t ms)
{
    d->refresh_at_ms = now(d) + ms;
    arm(d);
}

static uint32_t shortest(const struct sip *sip)
{
    return sip->conf.session_min_s > SHORTEST_S ? sip->conf.session_min_s : SHORTEST_S;
}

static struct sip_session_expires wish_of(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_named(m, SLICE("session-expires"), 'x');
    struct sip_session_expires wish = { 0 };

    if (h)
        (void)sip_session_expires_parse(h->value, &wish);
    return wish;
}

static uint32_t min_of(const struct sip_msg *m)
{
    const struct sip_header *h = sip_msg_named(m, SLICE("min-se"), 0);
    uint32_t seconds = 0;

    if (h)
        (void)sip_min_se_parse(h->value, &seconds);
    return seconds;
}

static void put_expires(struct buf *b, uint32_t seconds, const char *refresher)
{
    buf_put(b, SLICE("Session-Expires: "));
    buf_u64(b, seconds);
    if (refresher) {
        buf_put(b, SLICE(";refresher="));
        buf_str(b, refresher);
    }
    buf_put(b, SLICE("\r\n"));
}

void sip_session_put_wish(const struct sip_dialog *d, struct buf *b, bool refresher)
{
    if (d->session_s)
        put_expires(b, d->session_s, refresher ? "uac" : NULL);
    if (d->min_se_s)
        sip_put_header_u64(b, "Min-SE", d->min_se_s);
}

unsigned sip_session_check(const struct sip *sip, const struct sip_msg *m, struct buf *b)
{
    struct sip_session_expires wish = wish_of(m);

    if (!wish.seconds || wish.seconds >= shortest(sip))
        return 0;
    sip_put_header_u64(b, "Min-SE", shortest(sip));
    return 422;
}

/* The session lives from now on for session_s, and is refreshed by us or the peer. */
void sip_session_begin(struct sip_dialog *d)
{
    uint64_t whole = 1000ull * d->session_s, margin = whole / 3;

    if (!d->session_s) {
        sip_session_stop(d);
        return;
    }
    if (margin > MARGIN_MAX_MS)
        margin = MARGIN_MAX_MS;
    d->bye_at_ms = now(d) + whole - margin;
    d->refresh_at_ms = d->refreshes ? now(d) + whole / 2 : UINT64_MAX;
    arm(d);
}

/* Section 9, table 2. Where we may choose, the peer refreshes: it knows that it can. */
void sip_session_note(struct sip_dialog *d, const struct sip_msg *m)
{
    struct sip_session_expires wish = wish_of(m);
    uint32_t ours = d->sip->conf.session_s, min = min_of(m);

    d->knows_timer =
        sip_msg_lists(m, SIP_H_SUPPORTED, SLICE("timer")) || sip_msg_lists(m, SIP_H_REQUIRE, SLICE("timer"));
    d->session_s = wish.seconds;
    if (!wish.seconds && ours && d->knows_timer)
        d->session_s = ours > min ? ours : min;
    d->refreshes = !d->knows_timer || wish.refresher == SIP_REFRESHER_UAS;
}

void sip_session_put_answer(const struct sip_dialog *d, struct buf *b)
{
    if (!d->session_s)
        return;
    put_expires(b, d->session_s, d->refreshes ? "uas" : "uac");
    if (d->knows_timer)
        buf_put(b, SLICE("Require: timer\r\n"));
}

/* Section 7.2. What the peer answers below the shortest counts as that: it must not make us refresh without end. */
void sip_session_agreed(struct sip_dialog *d, const struct sip_msg *m)
{
    struct sip_session_expires agreed = wish_of(m);

    d->session_s = agreed.seconds && agreed.seconds < SHORTEST_S ? SHORTEST_S : agreed.seconds;
    d->refreshes = agreed.refresher != SIP_REFRESHER_UAS;
    sip_session_begin(d);
}

bool sip_session_too_small(struct sip_dialog *d, const struct sip_msg *m)
{
    uint32_t min = min_of(m);

    if (min <= d->session_s || d->n_tries == TRIES_MAX)
        return false;
    d->n_tries++;
    d->session_s = d->min_se_s = min;
    return true;
}
