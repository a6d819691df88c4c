/* What the stack says of our subscriptions (sip/subscription.h). */
#include <stdlib.h>

#include "bridge/note.h"
#include "bridge/watch_x2s_parts.h"

#define MEM 8192
#define ARENA_MAX (1024 * 1024)

void watch_x2s_accepted(struct sip_sub *s, unsigned expires_s)
{
    /* State stays as it is until the NOTIFY (8.4 row 4). */
}

static bool is_pidf(const struct sip_msg *msg)
{
    const struct sip_header *h = sip_msg_header(msg, SIP_H_CONTENT_TYPE);
    struct slice type, params;

    return h && sip_media_type(h->value, &type, &params) && slice_ieq(type, SLICE("application/pidf+xml"));
}

unsigned watch_x2s_read(const struct bridge *b, const struct jid *local, struct arena *a, const struct sip_msg *msg,
                        struct map_presences *out, bool *said)
{
    const struct sip_header *lang = sip_msg_header(msg, SIP_H_CONTENT_LANGUAGE);

    *said = false;
    if (!msg->body.n)
        return 200;
    if (!is_pidf(msg))
        return 415;
    switch (map_read_pidf(a, msg->body, lang ? lang->value : slice_of(NULL, 0), local, &b->map.aliases, clock_wall_s(),
                          out)) {
    case MAP_PIDF_OK: *said = true; return 200;
    case MAP_PIDF_OTHER: return 200;
    case MAP_PIDF_MALFORMED: return 400;
    case MAP_PIDF_NO_MEMORY: break;
    }
    return 500;
}

void watch_x2s_take_active(struct watch_x2s *w, struct arena *a, const struct map_presences *now, bool said)
{
    struct bridge *b = w->bridge;

    if (w->pending)
        w->active_ms = loop_now(b->loop);
    w->pending = false;
    timer_stop(&b->loop->timers, &w->gone);
    watch_x2s_event(w, X2S_ACTIVE, &(struct watch_cause){ 0 });
    if (!said)
        return;
    (void)watch_tell_difference(w, a, now);
    if (w->asker && w->told) {
        watch_tell_known(w, slice_str(w->asker));
        free(w->asker);
        w->asker = NULL;
        w->asker_only = false;
    }
}

static void note_notice(struct watch_x2s *w, const struct sip_sub_notified *n)
{
    static const char *const words[] = {
        [SIP_SUB_PENDING] = "pending", [SIP_SUB_ACTIVE] = "active", [SIP_SUB_TERMINATED] = "terminated"
    };
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);

    note_subscription(w->bridge, &local, &remote, false, "NOTIFY", words[n->state]);
}

unsigned watch_x2s_notified(struct sip_sub *s, const struct sip_sub_notified *n)
{
    struct watch_x2s *w = sip_sub_data(s);
    _Alignas(16) char memory[MEM];
    struct map_presences now = { 0 };
    struct arena a;
    struct jid local;
    unsigned status;
    bool said;

    if (!w) /* nobody wants to know any more */
        return 200;
    local = contact_local_jid(w->contact);
    w->bridge->watches_x2s.notifies++;
    note_notice(w, n);
    arena_init_on(&a, memory, sizeof(memory), ARENA_MAX);
    status = watch_x2s_read(w->bridge, &local, &a, n->msg, &now, &said);
    if (status == 200 && n->state == SIP_SUB_ACTIVE) {
        watch_x2s_take_active(w, &a, &now, said);
    } else if (n->state == SIP_SUB_PENDING && (status == 200 || status == 415)) {
        w->pending = true;
        watch_x2s_event(w, X2S_PENDING, &(struct watch_cause){ 0 });
    }
    arena_reset(&a);
    watch_x2s_settle(w);
    return n->state == SIP_SUB_TERMINATED ? 200
                                          : status; /* what it says besides the end does not matter (8.4 row 26) */
}

/* Is he there, of whom we have heard that he is not? The answer comes before the subscription lapses (RFC 8048 8.1). */
static void probe(struct watch_x2s *w)
{
    if (w->contact->s2x == CONTACT_S2X_GRANTED)
        watch_tell_type(w->bridge, w->contact, "probe");
}

bool watch_x2s_refresh(struct sip_sub *s)
{
    struct watch_x2s *w = sip_sub_data(s);

    if (!w)
        return false;
    if (w->state != X2S_IDLE)
        return watch_x2s_route(w->bridge, w->contact) != NULL;
    probe(w);
    return false;
}

void watch_x2s_ended(struct sip_sub *s, const struct sip_sub_end *end)
{
    struct watch_x2s *w = sip_sub_data(s);
    enum x2s_event event = x2s_event_of_end(end);

    if (!w)
        return;
    w->sub = NULL;
    w->pending = true;
    w->error = end->status ? end->status : event == X2S_NO_SUCH ? 404 : 0;
    watch_x2s_event(w, event, &(struct watch_cause){ .end = end, .retry_after_s = end->retry_after_s });
    watch_x2s_settle(w);
}
