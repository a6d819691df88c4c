/* Sessions as XMPP begins them: a text finds its session or opens one, flies in it, and what the answer says about it. */
#include <stdlib.h>

#include "bridge/identity.h"
#include "bridge/receipts.h"
#include "bridge/session_parts.h"
#include "map/error.h"

/* The client that wrote is the one that is written to from now on (STOX-SES-37). Without memory it stays as it was. */
static void lock_to(struct im_session *s, struct slice resource)
{
    char *copy;

    if (s->client && slice_eq(slice_of(s->client, s->n_client), resource))
        return;
    copy = malloc(resource.n + 1);
    if (!copy)
        return;
    if (resource.n)
        memcpy(copy, resource.p, resource.n);
    free(s->client);
    s->client = copy;
    s->n_client = (uint16_t)resource.n;
}

static enum im_session_send fly(struct im_session *s, struct lane *lane, struct flight *f, sip_done *done,
                                struct sip_client **client)
{
    struct sip_content content = { f->message.headers, f->message.body, f->max_forwards };

    receipts_withdraw(s->bridge, f); /* the form that asks for notifications is CPIM, which was not agreed */
    if (!sip_dialog_fits(s->dialog, SIP_MESSAGE, &content))
        return SESSION_TOO_LONG;
    *client = sip_dialog_send(s->dialog, SIP_MESSAGE, &content, done, lane);
    if (!*client)
        return SESSION_BUSY;
    s->lane = lane;
    lane->session = s;
    lock_to(s, f->from.resource);
    im_session_used(s);
    return SESSION_FLIES;
}

/* "<uri>;tag=x" without the tag, which is the stack's in a session. */
static struct slice without_tag(struct slice from)
{
    size_t n = from.n;

    while (n && from.p[n - 1] != '>')
        n--;
    return slice_first(from, n);
}

/* Our Contact bears the sender's user part and client (STOX-SES-04). The URI is one of ours, so that it can be read. */
static void put_sender(const struct flight *f, struct sip_invite *invite)
{
    struct slice from = without_tag(f->message.from);
    struct sip_uri uri;

    if (from.n < 2 || !sip_uri_parse(slice_of(from.p + 1, from.n - 2), &uri))
        return;
    invite->user = uri.user;
    invite->params = uri.params;
}

static enum im_session_send call(struct im_session *s, struct lane *lane, struct flight *f, const struct route *route,
                                 struct sip_targets *targets)
{
    struct bridge *b = s->bridge;
    struct sip_content offer;
    struct sip_invite invite = { .uri = f->message.uri,
                                 .from = without_tag(f->message.from),
                                 .to = f->message.to,
                                 .call_id = f->message.call_id,
                                 .route = speaker_of_hop(b->directory, route, &targets->v[0].target),
                                 .max_forwards = f->max_forwards,
                                 .expires_s = SESSION_RING_MS / 1000 };

    if (!im_session_describe(b, NULL, s->call, &offer))
        return SESSION_BUSY;
    invite.headers = offer.headers;
    if (route->trust_identity && !identity_assert(&f->arena, f->message.from, &invite.headers))
        return SESSION_BUSY;
    invite.body = offer.body;
    put_sender(f, &invite);
    if (!sip_invite_fits(b->sip, targets, &invite))
        return SESSION_TOO_LONG;
    s->dialog = sip_invite(b->sip, targets, &invite, s);
    if (!s->dialog)
        return SESSION_BUSY;
    s->lane = lane;
    lane->session = s;
    timer_start(&b->loop->timers, &s->timer, SESSION_RING_MS);
    return SESSION_WAITS;
}

static enum im_session_send open_session(struct lane *lane, struct flight *f, const struct route *route,
                                         struct sip_targets *targets)
{
    struct bridge *b = lane->bridge;
    bool full;
    struct im_session *s = im_session_new(b, &f->from, &f->to, route, f->message.call_id, &full);
    enum im_session_send how;

    if (!s)
        return full ? SESSION_FULL : SESSION_BUSY;
    s->called = true;
    how = call(s, lane, f, route, targets);
    if (how != SESSION_WAITS)
        im_session_free(s);
    return how;
}

/* The session for this text; NULL: one is to be opened. */
static struct im_session *choose(struct bridge *b, const struct flight *f)
{
    struct im_session_search q = { .call = im_session_call_hash(b, f->message.call_id) };

    im_session_search(b, &f->from, &f->to, &q);
    if (q.exact)
        return q.exact;
    if (!f->message.threaded || q.n >= SESSIONS_PER_PAIR)
        return q.latest;
    if (q.fresh) /* whoever was written to answers in a thread of his own */
        q.fresh->alias = q.call;
    return q.fresh;
}

enum im_session_send im_session_send(struct lane *lane, struct flight *f, const struct route *route,
                                     struct sip_targets *targets, sip_done *done, struct sip_client **client)
{
    struct bridge *b = lane->bridge;
    struct im_session *s = choose(b, f);

    if (s && s->lane && s->lane != lane) /* one of before the settings changed */
        return SESSION_BUSY;
    if (s && s->state == SESSION_UP && s->known)
        return fly(s, lane, f, done, client);
    if (s) { /* its caller has not acknowledged our 200; or it was called by a lane that has ended since */
        s->lane = lane;
        lane->session = s;
        return SESSION_WAITS;
    }
    if (route->im == ROUTE_AUTO && abilities_has(&b->abilities, &f->to, ABILITY_NO_SESSIONS, loop_now(b->loop)))
        return SESSION_NOT;
    return open_session(lane, f, route, targets);
}

/* Its server cannot be reached: is there another one? */
static bool move(struct im_session *s)
{
    struct slice domain = im_session_name(s, SESSION_LOCAL_DOMAIN);
    const struct route *route = directory_route_to(s->bridge->directory, domain);
    struct sip_targets *targets = route ? lane_targets(s->bridge, route, domain) : NULL;
    bool moved = targets && sip_dialog_move(s->dialog, targets);

    sip_targets_drop(targets);
    return moved;
}

bool im_session_result(struct im_session *s, const struct sip_result *result)
{
    bool silent = result->status == 0 && result->no_answer == SIP_TIMED_OUT;

    im_session_leave(s);
    if (result->status == 481 || result->status == 408 || silent) {
        s->state = SESSION_LOST; /* ended follows */
        timer_stop(&s->bridge->loop->timers, &s->timer);
    } else if (result->status == 480 && s->state == SESSION_UP) {
        im_session_end_soon(s, "a text was answered 480", 0); /* Lync's user is gone, and the session with him */
    }
    return result->status == 0 && result->no_answer == SIP_UNREACHABLE && s->state == SESSION_UP && move(s);
}

static void keep_gruu(struct im_session *s)
{
    struct slice target = sip_dialog_remote_target(s->dialog), gr;
    struct sip_uri uri;

    if (!sip_uri_parse(target, &uri) || !sip_param(uri.params, "gr", &gr) || !gr.n || gr.n > JID_PART_MAX)
        return;
    s->gruu = malloc(gr.n);
    if (!s->gruu)
        return;
    memcpy(s->gruu, gr.p, gr.n);
    s->n_gruu = (uint16_t)gr.n;
}

/* Both have called: the session whose Call-ID sorts lower stays (STOX-SES-38), and this one was it. */
static void end_yielding(struct im_session *s, void *arg)
{
    struct im_session *winner = arg;

    if (s == winner || !s->yields || s->state != SESSION_UP)
        return;
    winner->alias = winner->alias ? winner->alias : s->call;
    s->yields = false;
    im_session_end_soon(s, "both sides called: the other session stays", 0);
}

void im_session_answered(void *owner, struct sip_dialog *d, const struct sip_msg *msg)
{
    struct im_session *s = sip_dialog_data(d);
    struct bridge *b = s->bridge;
    struct jid remote = im_session_remote(s), local = im_session_local(s);
    struct lane *lane = s->lane;
    struct map_sdp sdp;

    im_session_judge(s);
    if (s->state != SESSION_CALLING) /* the settings have ended it meanwhile: its timer says so to the other side */
        return;
    if (map_sdp_read(msg->body, &sdp) != MAP_SDP_OK) {
        const struct sip_end none = { .why = SIP_END_REFUSED, .status = 488 };

        b->sessions.failed++;
        im_session_leave(s);
        im_session_end(s, "the answer has no conversation in it that texts could go into");
        if (lane)
            lane_session_failed(lane, &none);
        return;
    }
    s->takes = (uint8_t)sdp.takes;
    s->known = true;
    keep_gruu(s);
    im_session_up(s);
    im_session_each(b, &remote, &local, end_yielding, s);
    if (lane)
        lane_session_up(lane);
}
