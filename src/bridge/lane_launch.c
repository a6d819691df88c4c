/* Where a message leaves its lane: by which route, to which servers, in a request of its own or in a session. */
#include "bridge/identity.h"
#include "bridge/lane_parts.h"
#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/receipts.h"
#include "bridge/session.h"
#include "bridge/status.h"
#include "bridge/way.h"

const struct route *flight_route(struct flight *f, struct bridge *b)
{
    const struct route *route = directory_route_to(b->directory, f->to.domain);
    struct gate_refusal no;

    if (route && f->generation == b->generation)
        return route;
    route = gate_x2s(b->directory, &f->from, &f->to, presence_added(b, &f->to, &f->from), &no);
    f->generation = b->generation;
    if (!route)
        flight_give_back_refused(f, b, &no);
    return route;
}

struct sip_targets *lane_targets(struct bridge *b, const struct route *route, struct slice domain)
{
    char mem[WAY_MEM];
    struct arena arena;
    struct sip_destination to;
    struct sip_targets *t = NULL;
    uint8_t order[SIP_TARGETS_MAX];
    struct sip_target only;

    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    if (way_to(&arena, route, domain, &to)) {
        t = sip_located(b->sip, &to);
        if (!t && to.n_hops == 1 && way_first(&to, &only))
            t = sip_targets_one(&only, to.to_proxy);
    }
    arena_reset(&arena);
    if (!t || sip_targets_order(b->sip, t, order))
        return t;
    sip_targets_drop(t);
    return NULL;
}

bool lane_target(struct bridge *b, const struct route *route, struct slice domain, struct sip_target *out)
{
    struct sip_targets *t = lane_targets(b, route, domain);
    uint8_t order[SIP_TARGETS_MAX];
    bool known = t && sip_targets_order(b->sip, t, order);

    if (known)
        *out = t->v[order[0]].target;
    sip_targets_drop(t);
    return known;
}

/* Where a session's text may go is known now, or why it is not. */
static void on_located(void *arg, struct sip_targets *targets, enum sip_fault fault, const char *why)
{
    struct lane *lane = arg;
    struct flight *f = lane->flying;

    lane->lookup = NULL;
    lane->flying = NULL;
    if (targets) {
        lane_push_first(lane, f);
    } else {
        flight_give_back_unanswered(f, lane->bridge, SIP_NOT_FOUND);
        flight_free(f, lane->bridge);
    }
    lane_next(lane);
}

/* False: it was given back. */
static bool locate_first(struct lane *lane, struct flight *f, const struct route *route)
{
    char mem[WAY_MEM];
    struct arena arena;
    struct sip_destination to;
    struct sip_targets *known = NULL;
    bool ok;

    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    ok = way_to(&arena, route, f->to.domain, &to);
    if (ok)
        known = sip_located(lane->bridge->sip, &to);
    if (ok && !known)
        lane->lookup = sip_locate(lane->bridge->sip, &to, on_located, lane);
    arena_reset(&arena);
    if (known) { /* and none of them may be tried */
        sip_targets_drop(known);
        flight_give_back_unanswered(f, lane->bridge, SIP_LEFT_ALONE);
    } else if (!ok) {
        flight_give_back_condition(f, lane->bridge, MAP_INTERNAL_SERVER_ERROR, "The SIP server has no usable name");
    } else if (!lane->lookup) {
        flight_give_back_condition(f, lane->bridge, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
    } else {
        lane->flying = f;
    }
    return lane->flying == f;
}

static void took_off(struct lane *lane, struct flight *f, const struct route *route)
{
    lane->flying = f;
    f->sent_ms = loop_now(lane->bridge->loop);
    if (f->kind == FLIGHT_TEXT)
        note_flight_sent(lane->bridge, f, route);
}

/* As a MESSAGE of its own. False: it was given back. */
static bool launch_alone(struct lane *lane, struct flight *f, const struct route *route)
{
    struct bridge *b = lane->bridge;
    struct sip_destination to;
    struct sip_send request = { .method = SIP_MESSAGE,
                                .uri = f->message.uri,
                                .from = f->message.from,
                                .to = f->message.to,
                                .call_id = f->message.call_id,
                                .cseq = 1,
                                .branch = f->message.branch,
                                .max_forwards = f->max_forwards,
                                .headers = f->ask.body.n ? f->ask.headers : f->message.headers,
                                .body = f->ask.body.n ? f->ask.body : f->message.body };
    char mem[WAY_MEM];
    struct arena arena;
    bool ok;

    if (f->ask.body.n && abilities_has(&b->abilities, &f->to, ABILITY_NO_CPIM, loop_now(b->loop))) {
        receipts_withdraw(b, f); /* whoever has refused CPIM while it waited would refuse it again */
        request.headers = f->message.headers;
        request.body = f->message.body;
    }
    if (route->trust_identity && !identity_assert(&f->arena, f->message.from, &request.headers)) {
        flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
        return false;
    }
    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    ok = way_to(&arena, route, f->to.domain, &to);
    lane->attempt = ok ? sip_request(b->sip, &to, &request, LANE_ANSWER_MS, lane_on_result, lane) : NULL;
    arena_reset(&arena);
    if (!ok)
        flight_give_back_condition(f, b, MAP_INTERNAL_SERVER_ERROR, "The SIP server has no usable name");
    else if (!lane->attempt)
        flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
    else
        took_off(lane, f, route);
    return lane->flying == f;
}

static bool give_back_too_long(struct flight *f, struct bridge *b)
{
    flight_give_back_unanswered(f, b, SIP_TOO_LONG);
    return false;
}

static bool launch_in_session(struct lane *lane, struct flight *f, const struct route *route)
{
    struct bridge *b = lane->bridge;
    struct sip_targets *targets = lane_targets(b, route, f->to.domain);
    enum im_session_send how;

    if (!targets)
        return locate_first(lane, f, route);
    f->in_session = true;
    how = im_session_send(lane, f, route, targets, lane_on_result, &lane->client);
    sip_targets_drop(targets);
    switch (how) {
    case SESSION_FLIES:
    case SESSION_WAITS: took_off(lane, f, route); return true;
    case SESSION_NOT: f->in_session = false; return launch_alone(lane, f, route);
    case SESSION_TOO_LONG: return give_back_too_long(f, b);
    case SESSION_FULL:
        flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "There are too many conversations");
        return false;
    case SESSION_BUSY: break;
    }
    flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
    return false;
}

bool lane_launch(struct lane *lane, struct flight *f)
{
    struct bridge *b = lane->bridge;
    const struct route *route = flight_route(f, b);

    f->in_session = false;
    if (!route)
        return false;
    if (f->kind == FLIGHT_TYPING &&
        route->im == ROUTE_SESSION) { /* never opens one (STOX-CS-15), and those tell it themselves */
        status_ended(f, b, 0);
        return false;
    }
    if (f->kind == FLIGHT_TEXT && route->im != ROUTE_PAGER)
        return launch_in_session(lane, f, route);
    return launch_alone(lane, f, route);
}
