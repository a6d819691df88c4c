/* Another process takes over: partners' streams are closed so that each stanza is either counted or comes again there. */
#include "xmpp/stream_parts.h"

/* Ours may have stanzas without an acknowledgement on it: it goes last, with the others. */
static bool is_only_theirs(const struct xmpp_stream *s)
{
    return s->inbound && list_empty(&s->pairs) && s->state != XMPP_STATE_CLOSED;
}

void xmpp_leave(struct xmpp *x)
{
    x->leaving = true;
    list_each (it, &x->streams) {
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (is_only_theirs(s) && s->state == XMPP_STATE_READY)
            xmpp_stream_pause(s, true, s->window_paused);
    }
}

size_t xmpp_leave_close(struct xmpp *x)
{
    size_t n = 0;

    list_each_safe (it, tmp, &x->streams) {
        struct xmpp_stream *s = container_of(it, struct xmpp_stream, link);

        if (!is_only_theirs(s))
            continue;
        n++;
        if (s->state != XMPP_STATE_READY) /* a set-up goes on until it is one */
            continue;
        xmpp_stream_close(s, "another process takes over");
        xmpp_stream_pause(s, false, false);
    }
    return n;
}
