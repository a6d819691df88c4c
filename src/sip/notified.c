/* NOTIFY as a subscriber takes it: does it belong here, what does it say, and what is it answered with. RFC 6665 4.1.3, 4.4.1. */
#include "sip/event_values.h"
#include "sip/msg_session.h"
#include "sip/route_set.h"
#include "sip/stack.h"
#include "sip/texts.h"
#include "sip/writer.h"

static const struct slice nothing = { 0 };

/* What speaks against it: 0, or the status and its reason; lines are in sip->headers. */
static unsigned check(struct sip_sub *s, const struct sip_msg *m, struct sip_state_value *state, const char **reason)
{
    const struct sip_header *h = sip_msg_named(m, SLICE("subscription-state"), 0);
    struct slice id;
    unsigned status = sip_sub_check_event(s->sip, m, false, &id);

    *reason = NULL;
    if (status)
        return status;
    if (!slice_eq(id, sip_sub_text(s, SUB_ID)))
        return 481;
    if (h && sip_state_parse(h->value, state))
        return 0;
    *reason = "NOTIFY needs one good Subscription-State";
    return 400;
}

/*
 * The first NOTIFY makes the dialog: route set and remote target are its own, not the 2xx's (STOX-PRS-06). 0, or what it is refused
 * with.
 */
static unsigned make_dialog(struct sip_sub *s, const struct sip_msg *m)
{
    struct slice parts[SUB_TEXTS], target;
    struct buf *b = sip_subs_lines(s->sip);

    if (!sip_msg_contact(m, &target) || !m->from_tag.n)
        return 400;
    if (!sip_route_set_put(b, m) || !buf_ok(b))
        return 513;
    for (size_t i = 0; i < SUB_TEXTS; i++)
        parts[i] = sip_sub_text(s, i);
    parts[SUB_REMOTE] = m->from_text;
    parts[SUB_TARGET] = target;
    parts[SUB_ROUTES] = buf_slice(b);
    if (sip_texts_size(parts, SUB_TEXTS) > SIP_SUB_TEXT_MAX)
        return 513;
    if (!sip_sub_set_texts(s, parts))
        return 500;
    sip_sub_set_tag(s, m->from_text, m->from_tag);
    s->peer_cseq = m->cseq;
    sip_subscriber_in_dialog(s);
    return 0;
}

static void answer(struct sip_sub *s, const struct sip_incoming *in, unsigned status)
{
    const struct sip_target back = { .transport = in->source->transport, .addr = in->source->addr };
    struct buf *b = &s->sip->headers;

    buf_clear(b);
    if (status < 300) {
        sip_sub_put_contact(b, s, &back);
    } else if (status == 415) {
        sip_put_header(b, "Accept", sip_sub_text(s, SUB_ACCEPT));
        sip_put_header(b, "Accept-Encoding", SLICE("identity"));
    }
    sip_answer(s->sip, in, status, NULL, buf_slice(b));
}

/* How long it lasts by what the notifier says, but not longer than was granted or asked for (STOX-PRS-12). */
static void adjust(struct sip_sub *s, const struct sip_state_value *state)
{
    uint32_t most = s->accepted ? s->granted_s : s->asked_s;
    uint64_t now = loop_now(s->sip->loop);

    if (s->phase != SUB_UP || s->poll)
        return;
    if (state->has_expires)
        sip_subscriber_lasts(s, state->expires_s < most ? state->expires_s : most);
    else if (s->expires_ms == SIP_SUB_NEVER || s->expires_ms < now)
        sip_subscriber_lasts(s, most);
}

static void note(struct sip_sub *s, const struct sip_state_value *state)
{
    s->state = state->state;
    s->notices++;
    s->last_notice_ms = loop_now(s->sip->loop);
    if (s->phase == SUB_UP && !s->poll)
        s->limit_ms = SIP_SUB_NEVER; /* Timer N has what it waited for */
    if (state->state != SIP_SUB_TERMINATED)
        adjust(s, state);
}

static unsigned tell(struct sip_sub *s, const struct sip_msg *m, const struct sip_state_value *state)
{
    const struct sip_sub_notified n = {
        .state = state->state, .reason = state->reason, .retry_after_s = state->retry_after_s, .msg = m
    };

    return s->sip->conf.ops->events->notified(s->sip->conf.owner, s, &n);
}

static void take(struct sip_sub *s, const struct sip_incoming *in, const struct sip_state_value *state)
{
    const struct sip_sub_end end = {
        .why = SIP_SUB_END_TERMINATED, .reason = state->reason, .retry_after_s = state->retry_after_s, .msg = in->m
    };
    struct sip *sip = s->sip;
    uint64_t tag = s->tag;
    bool is_last = state->state == SIP_SUB_TERMINATED || s->poll;
    unsigned status;

    note(s, state);
    status = tell(s, in->m, state);
    if (sip_subs_find_tag(sip, in->m->call_id, tag) != s) { /* the owner has dropped it */
        sip_answer(sip, in, status, NULL, nothing);
        return;
    }
    answer(s, in, status);
    if (is_last)
        sip_subscriber_over(s, &end);
    else
        sip_sub_schedule(s);
}

void sip_subscriber_notified(struct sip_sub *s, const struct sip_incoming *in)
{
    struct sip_state_value state;
    const char *reason;
    unsigned status;

    buf_clear(&s->sip->headers);
    status = check(s, in->m, &state, &reason);
    if (!status && s->in_dialog)
        sip_sub_refresh_target(s, in->m);
    else if (!status)
        status = make_dialog(s, in->m);
    if (status)
        sip_answer(s->sip, in, status, reason, buf_slice(&s->sip->headers));
    else
        take(s, in, &state);
}
