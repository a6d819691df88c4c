/* Stream management (XEP-0198) of what we write: one count for a stream, whatever pairs it carries. STOX-S2S-77. */
#include <stdio.h>

#include "xmpp/stream_parts.h"

#define ASK_AGAIN_MS 1000

void xmpp_stream_sm_start(struct xmpp_stream *s)
{
    s->sm_out = (struct xmpp_sm_out){ .on = true };
    list_each (it, &s->pairs)
        xmpp_pair_sm_started(container_of(it, struct xmpp_pair, on_stream));
}

uint32_t xmpp_stream_sm_wrote(struct xmpp_stream *s)
{
    s->sm_out.resting = false;
    return ++s->sm_out.sent;
}

void xmpp_stream_sm_ask(struct xmpp_stream *s)
{
    if (s->sm_out.asked || s->sm_out.resting || !xmpp_stream_write(s, SLICE("<r xmlns='" NS_SM "'/>")))
        return;
    s->sm_out.asked = true;
    timer_start(&s->x->loop->timers, &s->answer, XMPP_ANSWER_MS);
}

static bool any_unacknowledged(const struct xmpp_stream *s)
{
    list_each (it, &s->pairs) {
        const struct xmpp_pair *p = container_of(it, struct xmpp_pair, on_stream);

        if (p->confirm == XMPP_CONFIRM_SM && !list_empty(&p->window))
            return true;
    }
    return false;
}

static void acked(struct xmpp_stream *s, uint32_t h, uint32_t n_new)
{
    s->sm_out.asked = false;
    timer_stop(&s->x->loop->timers, &s->answer);
    /* A peer that counts only what was delivered may have nothing to add for long: asking at once would never rest. When it
     * says by itself what is new, the rest is over. */
    s->sm_out.resting = n_new == 0 && any_unacknowledged(s);
    if (s->sm_out.resting)
        timer_start(&s->x->loop->timers, &s->answer, ASK_AGAIN_MS);
    list_each (it, &s->pairs)
        xmpp_pair_acked(container_of(it, struct xmpp_pair, on_stream), h);
}

void xmpp_stream_sm_on_a(struct xmpp_stream *s, const struct xml *a)
{
    char extra[160];
    uint32_t n_new;
    uint64_t h;

    if (!slice_u64(xml_attr(a, "h"), UINT32_MAX, &h)) {
        xmpp_stream_error(s, XMPP_STREAM_BAD_FORMAT, "an acknowledgement without a usable h");
    } else if (!xmpp_sm_out_ack(&s->sm_out, (uint32_t)h, &n_new)) {
        snprintf(extra, sizeof(extra), "<handled-count-too-high xmlns='" NS_SM "' h='%u' send-count='%u'/>",
                 (unsigned)h, (unsigned)s->sm_out.sent);
        xmpp_stream_error_extra(s, XMPP_STREAM_UNDEFINED_CONDITION, "more acknowledged than was sent", extra);
    } else {
        acked(s, (uint32_t)h, n_new);
    }
}

void xmpp_stream_sm_on_late(struct timer *t)
{
    struct xmpp_stream *s = container_of(t, struct xmpp_stream, answer);

    if (s->state != XMPP_STATE_READY)
        return;
    if (s->sm_out.asked &&
        s->resume) { /* if it is only cut off, an error would not reach it and end what can be resumed */
        conn_abort(s->conn);
        return;
    }
    if (s->sm_out.asked) {
        xmpp_stream_error(s, XMPP_STREAM_CONNECTION_TIMEOUT, "no answer within 60 s");
        return;
    }
    s->sm_out.resting = false;
    if (any_unacknowledged(s))
        xmpp_stream_sm_ask(s);
}
