/* Sessions as SIP begins them, and what happens inside of all: INVITE, MESSAGE, INFO, new descriptions, the end. */
#include <stdlib.h>

#include "bridge/admit.h"
#include "bridge/session_parts.h"
#include "map/content.h"

static const struct slice nothing;

static struct slice value_of(const struct sip_msg *m, enum sip_header_id id)
{
    const struct sip_header *h = sip_msg_header(m, id);

    return h ? h->value : nothing;
}

bool im_session_describe(struct bridge *b, const struct map_sdp *offer, uint64_t id, struct sip_content *out)
{
    buf_clear(&b->scratch);
    map_sdp_put(&b->scratch, offer, b->boot->host_name, id);
    *out = (struct sip_content){ SLICE("Content-Type: " MAP_SDP_TYPE "\r\n"), buf_slice(&b->scratch) };
    return buf_ok(&b->scratch);
}

/* ---- the INVITE ---- */

static void note_refusal(struct bridge *b, const struct sip_msg *m, const struct admit_refusal *no)
{
    b->sessions.refused++;
    bridge_log_refusal(b, "sip-session", m->from.uri_text, m->uri_text, no->status, no->why ? no->why : no->reason);
}

static void refuse(struct bridge *b, struct sip_dialog *d, const struct sip_msg *m, const struct admit_refusal *no)
{
    note_refusal(b, m, no);
    sip_dialog_refuse(d, no->status, no->reason, no->headers);
}

/* 0: sdp is filled in, or *offered is false; else the status that the description is refused with. */
static unsigned read_offer(const struct sip_msg *m, struct map_sdp *sdp, bool *offered)
{
    struct slice type, params;

    *offered = m->body.n > 0;
    if (!*offered)
        return 0;
    if (!sip_media_type(value_of(m, SIP_H_CONTENT_TYPE), &type, &params) || !slice_ieq(type, SLICE(MAP_SDP_TYPE)))
        return 415;
    switch (map_sdp_read(m->body, sdp)) {
    case MAP_SDP_OK: break;
    case MAP_SDP_MALFORMED: return 400;
    case MAP_SDP_NO_LINE: return 488;
    }
    return 0;
}

static void refuse_offer(struct admit_refusal *no, unsigned status)
{
    *no = (struct admit_refusal){ .status = status, .remote = no->remote };
    switch (status) {
    case 400: no->reason = "Malformed Session Description"; break;
    case 415:
        no->headers = SLICE("Accept: " MAP_SDP_TYPE "\r\n");
        no->why = "its body is no session description";
        break;
    default: no->why = "it offers no instant messages over SIP (m=message, sip)"; break;
    }
}

static bool has_waiting(const struct im_session *s)
{
    return s->lane != NULL;
}

struct room {
    uint64_t call;
    bool goes_round;
};

/* The same conversation once more: its caller has lost it (it was restarted, say), unless it is on its way round. */
static void replace(struct im_session *s, void *arg)
{
    struct room *room = arg;

    if (s->call != room->call || s->state > SESSION_UP)
        return;
    if (s->called || has_waiting(s))
        room->goes_round = true;
    else
        im_session_end_soon(s, "its caller has begun it anew", 0);
}

/* Room for one more session of these two. False: a session of ours comes back to us. */
static bool make_room(struct bridge *b, const struct admitted *who, struct slice call_id)
{
    struct room room = { .call = im_session_call_hash(b, call_id) };
    struct im_session_search q = { 0 };

    im_session_each(b, &who->to, &who->from, replace, &room);
    if (room.goes_round)
        return false;
    im_session_search(b, &who->to, &who->from, &q);
    if (q.n >= SESSIONS_PER_PAIR && q.oldest->state == SESSION_UP && !q.oldest->lane)
        im_session_end_soon(q.oldest, "these two have begun more sessions than they may have", 0);
    return true;
}

/*
 * Both have called at the same time (STOX-SES-38): of the two, the one whose Call-ID sorts lower stays. Theirs is lower: what waits
 * for the answer to ours goes into theirs. Ours is lower: theirs serves until ours is answered, lest their first text be lost.
 */
static void settle_glare(struct im_session *theirs, struct slice call_id)
{
    struct bridge *b = theirs->bridge;
    struct jid remote = im_session_remote(theirs), local = im_session_local(theirs);
    struct im_session_search q = { 0 };
    struct im_session *ours;
    struct lane *lane;

    im_session_search(b, &remote, &local, &q);
    ours = q.calling;
    if (!ours || !ours->called)
        return;
    if (slice_cmp(sip_dialog_call_id(ours->dialog), call_id) < 0) {
        theirs->yields = true;
        return;
    }
    theirs->alias = ours->call;
    lane = ours->lane;
    im_session_end(ours, "both sides called: the other session stays");
    if (lane)
        lane_session_up(lane);
}

static void keep_caller(struct im_session *s, const struct sip_request *request, const struct admitted *who)
{
    struct slice gr = sip_dialog_remote_target(s->dialog);
    struct sip_uri uri;

    if (!sip_uri_parse(gr, &uri) || !sip_param(uri.params, "gr", &gr) || !gr.n)
        gr = who->from.resource;
    s->gruu = gr.n && gr.n <= JID_PART_MAX ? malloc(gr.n) : NULL;
    if (!s->gruu)
        return;
    memcpy(s->gruu, gr.p, gr.n);
    s->n_gruu = (uint16_t)gr.n;
}

bool im_session_accept(struct im_session *s, const struct sip_target *target, const struct map_sdp *offer)
{
    struct sip_accept accept = { .target = target };
    struct jid local = im_session_local(s);
    struct lane *lane = s->lane;

    local.resource = nothing;
    if (!im_session_describe(s->bridge, offer, s->call, &accept.content)) {
        im_session_refuse(s, 500, NULL, nothing);
        return false;
    }
    if (!sip_dialog_accept(s->dialog, &accept)) {
        s->dialog = NULL;
        im_session_refuse(s, 0, NULL, nothing);
        return false;
    }
    sip_dialog_set_data(s->dialog, s);
    abilities_forget(&s->bridge->abilities, &local, ABILITY_NO_SESSIONS);
    im_session_up(s);
    settle_glare(s, sip_dialog_call_id(s->dialog));
    if (lane)
        lane_session_up(lane);
    return true;
}

void im_session_refuse(struct im_session *s, unsigned status, const char *reason, struct slice headers)
{
    struct sip_dialog *d = s->dialog;
    struct lane *lane = s->lane;

    s->bridge->sessions.refused++;
    im_session_log(s, "session-refused", reason ? reason : "out of memory", status);
    im_session_free(s);
    if (d)
        sip_dialog_refuse(d, status, reason, headers);
    if (lane)
        lane_session_up(lane);
}

static void begin(struct bridge *b, struct sip_dialog *d, const struct sip_request *request, const struct admitted *who,
                  const struct route *route, const struct map_sdp *offer)
{
    const struct sip_msg *m = request->msg;
    struct admit_refusal no = { .status = 480,
                                .reason = "Too many conversations",
                                .why = "session-limit, partner-session-limit or user-session-limit is reached",
                                .headers = SLICE("Retry-After: 10\r\n") };
    struct sip_target target;
    bool full;
    struct im_session *s = im_session_new(b, &who->to, &who->from, route, m->call_id, &full);

    if (!s) {
        if (!full)
            no = (struct admit_refusal){ .status = 503, .why = "out of memory", .headers = no.headers };
        refuse(b, d, m, &no);
        return;
    }
    s->dialog = d;
    s->takes = (uint8_t)(offer ? offer->takes : MAP_SDP_TEXT);
    keep_caller(s, request, who);
    if (lane_target(b, route, im_session_name(s, SESSION_LOCAL_DOMAIN), &target))
        (void)im_session_accept(s, &target, offer);
    else if (!im_session_hold(s, route, m))
        im_session_refuse(s, 503, NULL, no.headers);
}

/* What the settings and the description say. False: no is filled in. */
static bool judge(struct bridge *b, const struct sip_request *request, struct arena *a, struct admitted *who,
                  const struct route **route, struct admit_refusal *no, struct map_sdp *sdp, bool *offered)
{
    const struct sip_msg *m = request->msg;
    unsigned status;

    if (!bridge_takes_messages(b)) {
        *no = (struct admit_refusal){ .status = 503,
                                      .reason = "The gateway is shutting down",
                                      .headers = SLICE("Retry-After: 5\r\n") };
        return false;
    }
    if (!admit(b, m, request->from, a, who, no))
        return false;
    *route = directory_route_to(b->directory, who->from.domain);
    if ((*route)->im == ROUTE_PAGER) {
        *no = (struct admit_refusal){ .status = 405,
                                      .why = "the route's im is pager: sessions are for session and auto",
                                      .headers = SLICE("Allow: MESSAGE, OPTIONS\r\n") };
        return false;
    }
    status = read_offer(m, sdp, offered);
    if (status)
        refuse_offer(no, status);
    return !status;
}

static void on_invite(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct bridge *b = owner;
    _Alignas(16) char memory[4096];
    const struct route *route;
    struct admit_refusal no;
    struct admitted who;
    struct map_sdp sdp;
    struct arena a;
    bool offered;

    arena_init_on(&a, memory, sizeof(memory), 1u << 20);
    if (!judge(b, request, &a, &who, &route, &no, &sdp, &offered)) {
        refuse(b, d, request->msg, &no);
    } else if (!make_room(b, &who, request->msg->call_id)) {
        no = (struct admit_refusal){ .status = 482,
                                     .why = "our own session comes back: two gateways lead to each other" };
        refuse(b, d, request->msg, &no);
    } else {
        begin(b, d, request, &who, route, offered ? &sdp : NULL);
    }
    arena_reset(&a);
}

/* A text that waited for that sets out. */
static void known(struct im_session *s)
{
    if (s->known)
        return;
    s->known = true;
    if (s->lane && s->state == SESSION_UP)
        lane_session_up(s->lane);
}

static void on_confirmed(void *owner, struct sip_dialog *d, const struct sip_msg *ack)
{
    struct im_session *s = sip_dialog_data(d);
    struct map_sdp sdp;

    if (ack->body.n && map_sdp_read(ack->body, &sdp) == MAP_SDP_OK)
        s->takes = (uint8_t)sdp.takes;
    else if (ack->body.n)
        im_session_end_soon(s, "the answer in the ACK has no conversation in it that texts could go into", 0);
    known(s);
}

/* ---- inside ---- */

static void on_text(struct im_session *s, const struct sip_request *request)
{
    struct bridge *b = s->bridge;
    struct admit_refusal no = { .remote = im_session_name(s, SESSION_REMOTE_DOMAIN) };
    struct admitted who = { .from = im_session_local(s), .to = im_session_remote(s) };

    b->counters.s2x_in++;
    if (!bridge_takes_messages(b)) {
        no.status = 503;
        no.reason = "The gateway is shutting down";
        no.headers = SLICE("Retry-After: 5\r\n");
    }
    if (no.status || !admit_rate(b, &who.from, &no)) {
        admit_refuse(b, request, &no);
        return;
    }
    im_session_used(s);
    s2x_in_session(b, request, &who, s);
}

static void on_request(void *owner, struct sip_dialog *d, const struct sip_request *request)
{
    struct im_session *s = sip_dialog_data(d);

    im_session_judge(s);
    if (s->state != SESSION_UP) { /* it is about to end */
        sip_respond(request->txn, 481, NULL, nothing);
        return;
    }
    known(s); /* whose ACK is late or lost */
    switch (request->msg->method_id) {
    case SIP_MESSAGE: on_text(s, request); break;
    case SIP_INFO: im_session_info(s, request); break;
    default:
        sip_respond(request->txn, 405, NULL, SLICE("Allow: MESSAGE, INFO, BYE, INVITE, ACK, CANCEL, UPDATE\r\n"));
        break;
    }
}

static unsigned on_describe(void *owner, struct sip_dialog *d, const struct sip_msg *msg, struct sip_content *out)
{
    struct im_session *s = sip_dialog_data(d);
    bool offered = false;
    struct map_sdp sdp;
    unsigned status = msg ? read_offer(msg, &sdp, &offered) : 0;

    if (status)
        return status;
    if (offered)
        s->takes = (uint8_t)sdp.takes;
    return im_session_describe(s->bridge, offered ? &sdp : NULL, s->call, out) ? 200 : 500;
}

static void on_moved(void *owner, struct sip_dialog *d)
{
    /* Requests go by the route's next hop, wherever the peer's Contact is. */
}

static void on_ended(void *owner, struct sip_dialog *d, const struct sip_end *end)
{
    struct im_session *s = sip_dialog_data(d);
    struct lane *lane;
    bool calling, held;

    if (!s) /* its INVITE was taken back while we were asked */
        return;
    calling = s->state == SESSION_CALLING;
    held = s->state == SESSION_HELD;
    lane = calling || held || (s->lane && !s->lane->client) ? s->lane : NULL;
    im_session_log(s, calling || held ? "session-refused" : "session-ended", sip_end_name(end->why), end->status);
    if (end->why == SIP_END_BYE)
        im_session_tell_gone(s);
    s->bridge->sessions.failed += calling;
    s->dialog = NULL;
    im_session_free(s);
    if (lane && calling)
        lane_session_failed(lane, end);
    else if (lane) /* it waited for the ACK, or for DNS: in another session */
        lane_session_up(lane);
}

const struct sip_dialog_ops im_session_ops = {
    .invite = on_invite,
    .confirmed = on_confirmed,
    .answered = im_session_answered,
    .request = on_request,
    .describe = on_describe,
    .moved = on_moved,
    .ended = on_ended,
};
