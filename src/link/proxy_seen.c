/* What administrators of the gateway see of this proxy: counters, and who looks at set-ups while they run. */
#include "link/proxy_parts.h"

#define NOTES_MAX (256 * 1024) /* bytes that wait on a line, beyond which notes are dropped */

bool proxy_say(struct proxy_session *s, const struct link_frame *frame)
{
    return s->session.line && !s->over && link_line_has_room(s->session.line) &&
           link_line_write(s->session.line, frame);
}

static void say_step(void *arg, const struct step *step)
{
    char room[XMPP_TRACE_MAX];
    const struct link_frame f = { .type = LINK_STEP,
                                  .step = { .at_ms = step->at_ms,
                                            .step = step->kind,
                                            .result = step->result,
                                            .text = link_frame_text(step->text, sizeof(room), room) } };

    (void)proxy_say(arg, &f);
}

void proxy_say_steps(struct proxy_session *s, const struct xmpp_trace *trace)
{
    if (trace)
        (void)xmpp_trace_each(trace, say_step, s);
}

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
                                                .streams_authenticated = c->streams_authenticated,
                                                .trip_ms = s->session.trip_ms,
                                                .program = SLICE(STOX_VERSION) } };

    (void)proxy_say(s, &f);
}

void proxy_show(struct proxy_session *s)
{
    if (!s->session.line || s->over)
        return;
    proxy_see_links(s);
    show_counters(s);
    proxy_show_streams(s);
    proxy_show_attempts(s);
    proxy_show_probes(s);
    if (s->notes_dropped)
        log_warning(s->proxy->conf.loop->log, "notes-dropped", LOG_Z("gateway", s->name),
                    LOG_U("notes", s->notes_dropped),
                    LOG_Z("why", "the link is slower than the set-ups that an administrator looks at"));
    s->notes_dropped = 0;
}

void proxy_show_anew(struct proxy_session *s)
{
    proxy_streams_drop_all(s);
    s->attempts_ms = 0;
    s->watches = false;
}

void proxy_seen_drop_all(struct proxy_session *s)
{
    proxy_streams_drop_all(s);
    proxy_probes_drop_all(s);
    proxy_knocks_drop_all(s);
    hash_free(&s->shown);
}

/* ---- notes ---- */

bool proxy_on_watched(void *owner)
{
    const struct link_proxy *p = owner;

    list_each (it, &p->sessions)
        if (container_of(it, const struct proxy_session, link)->watches)
            return true;
    return false;
}

/* Of whom it may know: its own domains' and its partners', and of nobody that has not said a name. */
static bool may_know(const struct proxy_session *s, struct slice local, struct slice remote)
{
    return s->copy && ((local.n && link_copy_serves(s->copy, local, NULL)) || link_copy_partner(s->copy, remote));
}

void proxy_on_noted(void *owner, struct slice local, struct slice remote, bool inbound, const char *step,
                    enum step_result result, struct slice text)
{
    struct link_proxy *p = owner;
    char room[1024];
    const struct link_frame f = { .type = LINK_NOTE,
                                  .note = { .local = local,
                                            .remote = remote,
                                            .inbound = inbound,
                                            .step = slice_str(step),
                                            .result = result,
                                            .text = link_frame_text(text, sizeof(room), room) } };

    list_each (it, &p->sessions) {
        struct proxy_session *s = container_of(it, struct proxy_session, link);

        if (!s->watches || !s->session.line || !may_know(s, local, remote))
            continue;
        if (link_line_pending(s->session.line) > NOTES_MAX || !proxy_say(s, &f))
            s->notes_dropped++;
    }
}
