/* What administrators of the gateway see of this proxy. */
#include "link/proxy_parts.h"

static void show_counters(struct proxy_session *s)
{
    const struct xmpp_counters *c = federation_counters(s->proxy->federation);
    const struct link_frame f = { .type = LINK_COUNTERS,
                                  .counters = { .stanzas_in = c->stanzas_in,
                                                .stanzas_out = c->stanzas_out,
                                                .confirmed = c->confirmed,
                                                .unconfirmed = c->unconfirmed,
                                                .failed = c->failed,
                                                .resent = c->resent,
                                                .streams_opened = c->streams_opened,
                                                .streams_failed = c->streams_failed,
                                                .streams_refused = c->streams_refused,
                                                .streams_failed_in = c->streams_failed_in,
                                                .throttles = c->throttles,
                                                .throttled_ms = c->throttled_ms,
                                                .streams = c->streams,
                                                .streams_authenticated = c->streams_authenticated } };

    (void)link_line_write(s->session.line, &f);
}

void proxy_show(struct proxy_session *s)
{
    if (s->session.line && !s->over && link_line_has_room(s->session.line))
        show_counters(s);
}
