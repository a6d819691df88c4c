/* What SIP subscribes to, and what it is told. */
#include <stdio.h>
#include <stdlib.h>

#include "bridge/admit.h"
#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/watch_s2x_parts.h"
#include "bridge/way.h"

#define DIALOGS_PER_PAIR 16 /* a phone that forgets its subscriptions begins new ones; the oldest has to go then */

static const struct slice nothing;

/* ---- dialogs ---- */

static struct s2x_dialog *dialog_new(struct watch_s2x *w, struct sip_sub *s, bool poll)
{
    struct s2x_dialog *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->watch = w;
    d->sub = s;
    d->poll = poll;
    list_push(&w->dialogs, &d->link);
    w->bridge->watches_s2x.n_dialogs++;
    sip_sub_set_data(s, d);
    return d;
}

void watch_s2x_dialog_free(struct s2x_dialog *d)
{
    list_unlink(&d->link);
    d->watch->bridge->watches_s2x.n_dialogs--;
    free(d);
}

size_t watch_s2x_n_dialogs(const struct watch_s2x *w)
{
    size_t n = 0;

    list_each (it, &w->dialogs)
        n += !container_of(it, struct s2x_dialog, link)->poll;
    return n;
}

void watch_s2x_tell(struct watch_s2x *w, bool urgent)
{
    list_each (it, &w->dialogs) {
        struct s2x_dialog *d = container_of(it, struct s2x_dialog, link);

        if (!d->poll)
            sip_sub_changed(d->sub, urgent);
    }
}

void watch_s2x_end(struct watch_s2x *w, const struct sip_sub_notice *notice)
{
    while (!list_empty(&w->dialogs)) {
        struct s2x_dialog *d = container_of(w->dialogs.next, struct s2x_dialog, link);

        sip_sub_end(d->sub, notice);
        watch_s2x_dialog_free(d);
    }
}

void watch_s2x_accept(struct s2x_dialog *d, const struct sip_request *request)
{
    if (!sip_sub_accept(d->sub, request->msg->uri.user, nothing))
        watch_s2x_dialog_free(d);
}

void watch_s2x_refuse(struct s2x_dialog *d, const struct sip_request *request)
{
    if (directory_gateway(d->watch->bridge->directory)->polite_blocking) {
        watch_s2x_accept(d, request);
        return;
    }
    sip_sub_refuse(d->sub, 403, "This person does not want to be watched", nothing);
    watch_s2x_dialog_free(d);
}

/* ---- SUBSCRIBE ---- */

static void refuse(struct bridge *b, struct sip_sub *s, const struct sip_msg *m, const struct admit_refusal *no)
{
    b->watches_s2x.refused++;
    bridge_log_refusal(b, "sip-subscription", m->from.uri_text, m->uri_text, no->status,
                       no->why ? no->why : no->reason);
    sip_sub_refuse(s, no->status, no->reason, no->headers);
}

static void refuse_for_now(struct bridge *b, struct sip_sub *s, const struct sip_msg *m, unsigned status,
                           const char *why)
{
    const struct admit_refusal no = { .status = status, .why = why, .headers = SLICE("Retry-After: 60\r\n") };

    refuse(b, s, m, &no);
}

/* May she watch him, as far as settings go? False: no is filled in. */
static bool judge(struct bridge *b, const struct sip_request *request, struct arena *a, struct admitted *who,
                  struct admit_refusal *no)
{
    struct gate_refusal gate;

    if (!bridge_takes_presence(b)) {
        *no = (struct admit_refusal){ .status = 503,
                                      .reason = "The gateway is shutting down",
                                      .headers = SLICE("Retry-After: 5\r\n") };
        return false;
    }
    if (!admit_watcher(b, request->msg, request->from, a, who, no))
        return false;
    if (presence_route(b, &who->from, &who->to, &gate))
        return true;
    *no = (struct admit_refusal){ .status = 403, .reason = "Presence is not served here", .why = gate.why };
    return false;
}

/* He said no; is that long ago? */
static void forgive(struct watch_s2x *w)
{
    unsigned hold_s = directory_gateway(w->bridge->directory)->denied_hold_s;

    if (w->contact->s2x == CONTACT_S2X_DENIED && clock_wall_s() - w->contact->s2x_since_s >= (int64_t)hold_s)
        watch_s2x_event(w, S2X_FORGIVEN, &(struct s2x_cause){ 0 });
}

/* One more than she may have of him: the oldest goes. */
static void make_room(struct watch_s2x *w)
{
    const struct sip_sub_notice gone = { .state = SIP_SUB_TERMINATED,
                                         .reason = SIP_REASON_PROBATION,
                                         .retry_after_s = 3600 };
    struct s2x_dialog *oldest = container_of(w->dialogs.next, struct s2x_dialog, link);

    if (watch_s2x_n_dialogs(w) <= DIALOGS_PER_PAIR)
        return;
    sip_sub_end(oldest->sub, &gone);
    watch_s2x_dialog_free(oldest);
}

static void begin(struct bridge *b, struct sip_sub *s, const struct sip_request *request, const struct admitted *who,
                  bool poll)
{
    const char *why = "out of memory";
    struct contact *c = contact_make(b, &who->from, &who->to, &why);
    struct watch_s2x *w = c ? watch_s2x_of(b, c) : NULL;
    struct s2x_dialog *d = NULL;

    if (w) {
        w->busy++;
        forgive(w);
        d = dialog_new(w, s, poll);
        w->busy--;
    }
    if (!d) {
        refuse_for_now(b, s, request->msg, c ? 503 : 480, c ? "out of memory" : why);
        if (w)
            watch_s2x_rest(w);
        else if (c)
            contact_tidy(b, c);
        return;
    }
    if (!poll) {
        make_room(w);
        if (contact_set_added(b, c, true)) /* she wants him: docs/PRESENCE.md */
            watch_x2s_added(b, c);
    }
    watch_s2x_event(w, poll ? S2X_POLL : S2X_SUBSCRIBE, &(struct s2x_cause){ .dialog = d, .request = request });
}

void watch_s2x_subscribe(struct bridge *b, struct sip_sub *s, const struct sip_request *request, unsigned expires_s)
{
    _Alignas(16) char memory[4096];
    struct admit_refusal no;
    struct admitted who;
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), 1u << 20);
    if (judge(b, request, &a, &who, &no)) {
        note_subscription(b, &who.from, &who.to, false, "SUBSCRIBE", expires_s ? "" : "(polls)");
        begin(b, s, request, &who, expires_s == 0);
    } else {
        refuse(b, s, request->msg, &no);
    }
    arena_reset(&a);
}

/* ---- NOTIFY ---- */

static void note_notice(struct watch_s2x *w, enum sip_sub_state state, size_t n)
{
    static const char *const words[] = {
        [SIP_SUB_PENDING] = "pending", [SIP_SUB_ACTIVE] = "active", [SIP_SUB_TERMINATED] = "terminated"
    };
    struct jid local = contact_local_jid(w->contact), remote = contact_remote_jid(w->contact);
    char text[64];

    (void)snprintf(text, sizeof(text), "%s, %zu bytes", words[state], n);
    note_subscription(w->bridge, &local, &remote, true, "NOTIFY", text);
}

/* Unsubscribed or expired, he is gone for her (STOX-PRS-63); a poll is told what is known (8.5 row 12). */
void watch_s2x_describe(struct sip_sub *s, bool last, struct sip_sub_notice *out)
{
    struct s2x_dialog *d = sip_sub_data(s);
    struct watch_s2x *w = d->watch;
    bool polite = directory_gateway(w->bridge->directory)->polite_blocking;
    size_t max = out->body_max;

    w->bridge->watches_s2x.notices++;
    *out = (struct sip_sub_notice){ .state = SIP_SUB_PENDING };
    switch (w->shown) {
    case CONTACT_S2X_NONE:
    case CONTACT_S2X_ASKED:
    case CONTACT_S2X_N: break;
    case CONTACT_S2X_GRANTED:
        out->state = SIP_SUB_ACTIVE;
        watch_s2x_put(w, last && !d->poll, max, &out->content);
        break;
    case CONTACT_S2X_DENIED: /* politely (STOX-PRS-84); or a poll, which hears nothing; or she asks again, which is not stored yet */
        if (!polite && !d->poll)
            break;
        out->state = SIP_SUB_ACTIVE;
        if (polite)
            watch_s2x_put(w, true, max, &out->content);
        break;
    }
    note_notice(w, last ? SIP_SUB_TERMINATED : out->state, out->content.body.n);
}

void watch_s2x_refreshed(struct sip_sub *s)
{
    struct s2x_dialog *d = sip_sub_data(s);

    watch_s2x_event(d->watch, S2X_REFRESH, &(struct s2x_cause){ 0 });
}

bool watch_s2x_way(struct sip_sub *s, struct arena *a, struct sip_destination *out)
{
    const struct s2x_dialog *d = sip_sub_data(s);
    struct jid local = contact_local_jid(d->watch->contact);
    const struct route *route = directory_route_to(d->watch->bridge->directory, local.domain);

    return route && way_to(a, route, local.domain, out);
}

void watch_s2x_ended(struct sip_sub *s, const struct sip_sub_end *end)
{
    struct s2x_dialog *d = sip_sub_data(s);
    struct watch_s2x *w;
    bool left;

    if (!d)
        return;
    w = d->watch;
    log_debug(w->bridge->log, "subscription-ended", LOG_S("local", contact_local(w->contact)),
              LOG_S("remote", contact_remote(w->contact)), LOG_Z("why", sip_sub_end_name(end->why)),
              LOG_U("status", end->status));
    left = !d->poll && watch_s2x_n_dialogs(w) == 1;
    watch_s2x_dialog_free(d);
    if (w->contact->s2x == CONTACT_S2X_GRANTED)
        w->linger_ms = loop_now(w->bridge->loop) + WATCH_LINGER_MS;
    if (left)
        watch_s2x_event(w, S2X_LEFT, &(struct s2x_cause){ 0 });
    else
        watch_s2x_rest(w);
}
