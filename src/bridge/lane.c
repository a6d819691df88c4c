#include "bridge/lane.h"

#include <stdlib.h>

#include "bridge/identity.h"
#include "bridge/note.h"
#include "bridge/receipts.h"
#include "bridge/session.h"
#include "bridge/status.h"
#include "bridge/way.h"
#include "map/error.h"

static void lane_next(struct lane *lane);
static void on_grace(struct timer *t);

static bool key_is(const struct hash_node *node, const void *key)
{
    const struct lane *lane = container_of(node, struct lane, node);

    return slice_eq(slice_of(lane->key, lane->key_n), *(const struct slice *)key);
}

/* The partner is not read while any of its lanes pauses it; xmpp counts. */
static void lane_pause(struct lane *lane, bool pause)
{
    if (lane->pausing == pause)
        return;
    lane->pausing = xmpp_pause(lane->bridge->xmpp, lane->remote, pause) && pause;
    if (lane->pausing)
        timer_start(&lane->bridge->loop->timers, &lane->prompt, LANE_PROMPT_MS);
    else
        timer_stop(&lane->bridge->loop->timers, &lane->prompt);
}

static void on_not_prompt(struct timer *t)
{
    struct lane *lane = container_of(t, struct lane, prompt);

    lane->slow = true;
    lane_pause(lane, false);
}

static struct lane *lane_new(struct bridge *b, struct slice key, size_t remote_at, size_t remote_n, uint64_t hash)
{
    struct lane *lane = calloc(1, sizeof(*lane) + key.n);

    if (!lane)
        return NULL;
    lane->bridge = b;
    lane->key_n = key.n;
    memcpy(lane->key, key.p, key.n);
    lane->remote = slice_of(lane->key + remote_at, remote_n);
    list_init(&lane->waiting);
    timer_init(&lane->prompt, on_not_prompt);
    timer_init(&lane->grace, on_grace);
    if (hash_add(&b->lanes, &lane->node, hash))
        return lane;
    free(lane);
    return NULL;
}

struct lane *lane_of(struct bridge *b, const struct jid *from, const struct jid *to)
{
    const struct route *route = directory_route_to(b->directory, to->domain);
    size_t at = from->local.n ? from->local.n + 1 : 0;
    struct hash_node *node;
    struct slice key;
    uint64_t hash;

    buf_clear(&b->key);
    jid_put_bare(&b->key, from);
    buf_char(&b->key, '\n');
    if (route && route->im != ROUTE_PAGER) /* all of a user's devices are in one session */
        jid_put_bare(&b->key, to);
    else
        jid_put(&b->key, to);
    if (!buf_ok(&b->key))
        return NULL;
    key = buf_slice(&b->key);
    hash = hash_bytes(&b->lanes, key);
    node = hash_find(&b->lanes, hash, key_is, &key);
    return node ? container_of(node, struct lane, node) : lane_new(b, key, at, from->domain.n, hash);
}

void lane_free(struct lane *lane)
{
    struct list *l;

    if (lane->attempt)
        sip_request_forget(lane->attempt);
    if (lane->client)
        sip_client_forget(lane->client);
    sip_locate_cancel(lane->lookup);
    if (lane->session)
        im_session_leave(lane->session);
    if (lane->flying)
        flight_free(lane->flying, lane->bridge);
    while ((l = list_pop(&lane->waiting)) != NULL)
        flight_free(container_of(l, struct flight, link), lane->bridge);
    lane_pause(lane, false);
    timer_stop(&lane->bridge->loop->timers, &lane->grace);
    hash_remove(&lane->bridge->lanes, &lane->node);
    free(lane);
}

/* Gives the message back to its sender, unless he did not want to know (headline). */
static void give_back_because(struct flight *f, struct bridge *b, bool ours, const struct map_stanza_error *error,
                              const char *why)
{
    if (f->kind != FLIGHT_TEXT) {
        status_ended(f, b, 0);
        return;
    }
    receipts_withdraw(b, f);
    bridge_count(b, SCORE_X2S, SCORE_REFUSED, f->from.domain);
    bridge_log_refused(b, "xmpp-to-sip", f->message.from, f->message.uri, f->status, why, f->talk);
    note_flight_ended(b, f,
                      &(struct talk_end){ .outcome = error->condition == MAP_REMOTE_SERVER_TIMEOUT && !f->status
                                                         ? SCORE_TIMED_OUT
                                                         : SCORE_REFUSED,
                                          .status = f->status,
                                          .condition = map_condition_name(error->condition),
                                          .why = error->text.n ? error->text : slice_str(why) });
    if (!f->message.report_errors)
        return;
    f->owed = true;
    bridge_send_error(b, "message", &f->to, &f->from, f->id, ours, error, &f->receipt);
}

static void give_back(struct flight *f, struct bridge *b, bool ours, const struct map_stanza_error *error)
{
    give_back_because(f, b, ours, error, map_condition_name(error->condition));
}

static void give_back_refused(struct flight *f, struct bridge *b, const struct gate_refusal *no)
{
    struct map_stanza_error error = { .condition = map_condition_of(slice_str(no->condition)),
                                      .type = no->type,
                                      .text = slice_str(no->text) };

    give_back_because(f, b, true, &error, no->why);
}

static void give_back_condition(struct flight *f, struct bridge *b, enum map_condition condition, const char *text)
{
    struct map_stanza_error error = { .condition = condition, .type = "wait", .text = slice_str(text) };

    give_back(f, b, true, &error);
}

void lane_give_back(struct lane *lane)
{
    static const char why[] = "The gateway is shutting down";

    if (lane->flying)
        give_back_condition(lane->flying, lane->bridge, MAP_REMOTE_SERVER_TIMEOUT, why);
    list_each (l, &lane->waiting)
        give_back_condition(container_of(l, struct flight, link), lane->bridge, MAP_RECIPIENT_UNAVAILABLE, why);
    lane_free(lane);
}

static void push_first(struct lane *lane, struct flight *f)
{
    list_push(lane->waiting.next, &f->link);
    lane->n_waiting++;
}

/* A GRUU that is gone is tried once more at its owner's address of record (STOX-IM-51). */
static bool try_aor(struct lane *lane, struct flight *f, unsigned status)
{
    struct jid bare = f->to;
    struct buf uri;
    struct slice text;

    if (f->kind != FLIGHT_TEXT || f->to.resource.n == 0 || f->tried_aor ||
        (status != 404 && status != 480 && status != 410))
        return false;
    f->tried_aor = true;
    bare.resource = slice_of(NULL, 0);
    buf_init(&uri, 8 * JID_PART_MAX);
    text = slice_of(NULL, 0);
    if (map_jid_to_uri(&uri, &bare, false, &lane->bridge->map.aliases) && buf_ok(&uri))
        text = arena_dup(&f->arena, buf_slice(&uri));
    buf_free(&uri);
    if (!text.p)
        return false;
    f->message.uri = text;
    f->message.branch = slice_of(NULL, 0);
    push_first(lane, f);
    return true;
}

/* No server has said anything: why, as its sender understands it. */
static void give_back_unanswered(struct flight *f, struct bridge *b, enum sip_no_answer why)
{
    struct map_stanza_error error = { .condition = MAP_REMOTE_SERVER_TIMEOUT };

    switch (why) {
    case SIP_ANSWERED:
    case SIP_TIMED_OUT: give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT, "The SIP side did not answer"); return;
    case SIP_UNREACHABLE:
        give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT, "The SIP server cannot be reached");
        return;
    case SIP_NOT_FOUND: give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT, "The SIP server cannot be found"); return;
    case SIP_NO_MEMORY: give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy"); return;
    case SIP_LEFT_ALONE: /* as the 503 that asked for it */
        map_error_to_stanza(&f->arena, 503, NULL, &b->map.aliases, &error);
        error.type = "wait";
        error.text = SLICE("The SIP server asks to be left alone for a while");
        break;
    case SIP_TOO_LONG: /* RFC 3428 8, STOX-IM-28 */
        error = (struct map_stanza_error){ .condition = MAP_POLICY_VIOLATION,
                                           .type = "modify",
                                           .text = SLICE("Too long for the way to this user") };
        break;
    }
    give_back(f, b, true, &error);
}

/* Whoever takes no CPIM, or nothing so long, gets the text as it is, once, and is asked for nothing (STOX-RCP-19, STOX-SIP-35). */
static bool try_plain(struct lane *lane, struct flight *f, const struct sip_result *result)
{
    bool too_long =
        result->status == 0 && result->no_answer == SIP_TOO_LONG; /* better without a receipt than not at all */

    if (f->ask.body.n == 0 || (result->status != 415 && result->status != 413 && !too_long))
        return false;
    if (result->status == 415)
        abilities_note(&lane->bridge->abilities, &f->to, ABILITY_NO_CPIM, loop_now(lane->bridge->loop));
    receipts_withdraw(lane->bridge, f);
    f->message.branch = slice_of(NULL, 0);
    push_first(lane, f);
    return true;
}

/* Whoever knows the session no more has not taken the text either. */
static bool try_new_session(struct lane *lane, struct flight *f)
{
    if (!f->in_session || f->renewed)
        return false;
    f->renewed = true;
    push_first(lane, f);
    return true;
}

/* The final answer to a text, or that there is none. */
static void text_ended(struct flight *f, struct bridge *b, const struct sip_result *result)
{
    struct map_stanza_error error;

    if (result->status >= 200 && result->status < 300) {
        bridge_count(b, SCORE_X2S, SCORE_DELIVERED, f->from.domain);
        note_flight_ended(b, f, &(struct talk_end){ .outcome = SCORE_DELIVERED, .status = f->status });
        receipts_on_answer(b, f, result->status);
    } else if (result->status) {
        map_error_to_stanza(&f->arena, result->status, result->msg, &b->map.aliases, &error);
        give_back(f, b, false, &error);
    } else {
        give_back_unanswered(f, b, result->no_answer);
    }
}

/* It was never written, and its session goes on by another server. */
static bool try_other_server(struct lane *lane, struct flight *f)
{
    if (f->moved)
        return false;
    f->moved = true;
    push_first(lane, f);
    return true;
}

static void on_result(void *arg, const struct sip_result *result)
{
    struct lane *lane = arg;
    struct flight *f = lane->flying;
    struct bridge *b = lane->bridge;
    bool moved;

    lane->flying = NULL;
    lane->attempt = NULL;
    lane->slow = result->status == 0;
    timer_stop(&b->loop->timers, &lane->grace);
    f->status = result->status;
    if (f->kind == FLIGHT_TEXT)
        note_flight_answered(b, f, result);
    moved = lane->session && im_session_result(lane->session, result);
    if ((moved && try_other_server(lane, f)) || (result->status == 481 && try_new_session(lane, f))) {
        lane_next(lane);
        return;
    }
    if ((result->status >= 300 && try_aor(lane, f, result->status)) || try_plain(lane, f, result)) {
        lane_next(lane);
        return;
    }
    if (f->kind == FLIGHT_TEXT)
        text_ended(f, b, result);
    else
        status_ended(f, b, result->status);
    log_debug(b->log, "message-answered", LOG_Z("direction", "xmpp-to-sip"), LOG_X("conversation", f->talk),
              LOG_S("id", f->id), LOG_U("status", result->status));
    flight_free(f, b);
    lane_next(lane);
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
        push_first(lane, f);
    } else {
        give_back_unanswered(f, lane->bridge, SIP_NOT_FOUND);
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
        give_back_unanswered(f, lane->bridge, SIP_LEFT_ALONE);
    } else if (!ok) {
        give_back_condition(f, lane->bridge, MAP_INTERNAL_SERVER_ERROR, "The SIP server has no usable name");
    } else if (!lane->lookup) {
        give_back_condition(f, lane->bridge, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
    } else {
        lane->flying = f;
    }
    return lane->flying == f;
}

/* The way to its recipient as the settings are now; NULL: it was given back. */
static const struct route *route_of(struct flight *f, struct bridge *b)
{
    const struct route *route = directory_route_to(b->directory, f->to.domain);
    struct gate_refusal no;

    if (route && f->generation == b->generation)
        return route;
    route = gate_x2s(b->directory, &f->from, &f->to, &no);
    f->generation = b->generation;
    if (!route)
        give_back_refused(f, b, &no);
    return route;
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
        give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
        return false;
    }
    arena_init_on(&arena, mem, sizeof(mem), WAY_ARENA_MAX);
    ok = way_to(&arena, route, f->to.domain, &to);
    lane->attempt = ok ? sip_request(b->sip, &to, &request, LANE_ANSWER_MS, on_result, lane) : NULL;
    arena_reset(&arena);
    if (!ok)
        give_back_condition(f, b, MAP_INTERNAL_SERVER_ERROR, "The SIP server has no usable name");
    else if (!lane->attempt)
        give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
    else
        took_off(lane, f, route);
    return lane->flying == f;
}

static bool give_back_too_long(struct flight *f, struct bridge *b)
{
    give_back_unanswered(f, b, SIP_TOO_LONG);
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
    how = im_session_send(lane, f, route, targets, on_result, &lane->client);
    sip_targets_drop(targets);
    switch (how) {
    case SESSION_FLIES:
    case SESSION_WAITS: took_off(lane, f, route); return true;
    case SESSION_NOT: f->in_session = false; return launch_alone(lane, f, route);
    case SESSION_TOO_LONG: return give_back_too_long(f, b);
    case SESSION_FULL:
        give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "There are too many conversations");
        return false;
    case SESSION_BUSY: break;
    }
    give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
    return false;
}

static bool launch(struct lane *lane, struct flight *f)
{
    struct bridge *b = lane->bridge;
    const struct route *route = route_of(f, b);

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

static void lane_end_if_empty(struct lane *lane)
{
    if (!lane->flying && list_empty(&lane->waiting))
        lane_free(lane);
}

/* Sends the oldest message; those that waited too long, or cannot be sent, go back. An empty lane ends. */
static void lane_next(struct lane *lane)
{
    struct bridge *b = lane->bridge;
    struct list *l;

    while (!lane->flying && (l = list_pop(&lane->waiting)) != NULL) {
        struct flight *f = container_of(l, struct flight, link);

        lane->n_waiting--;
        if (loop_now(b->loop) - f->since_ms > LANE_WAIT_MS)
            give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The recipient takes messages too slowly");
        else if (launch(lane, f))
            break;
        flight_free(f, b);
    }
    if (lane->n_waiting < LANE_PAUSE / 2)
        lane_pause(lane, false);
    else if (lane->pausing)
        timer_start(&b->loop->timers, &lane->prompt, LANE_PROMPT_MS);
    lane_end_if_empty(lane);
}

/* The text does not wait any longer: what is told of the typing it outlives is of no use. */
static void on_grace(struct timer *t)
{
    struct lane *lane = container_of(t, struct lane, grace);
    struct flight *f = lane->flying;

    if (!f || f->kind != FLIGHT_TYPING)
        return;
    sip_request_forget(lane->attempt);
    lane->attempt = NULL;
    lane->flying = NULL;
    status_ended(f, lane->bridge, 0);
    flight_free(f, lane->bridge);
    lane_next(lane);
}

/* A text makes what was told of typing before it out of date, and so does the next state. */
static void supersede_typing(struct lane *lane, const struct flight *by)
{
    if (by->kind == FLIGHT_RECEIPT)
        return;
    list_each_safe (l, tmp, &lane->waiting) {
        struct flight *f = container_of(l, struct flight, link);

        if (f->kind != FLIGHT_TYPING)
            continue;
        list_unlink(l);
        lane->n_waiting--;
        status_ended(f, lane->bridge, 0);
        flight_free(f, lane->bridge);
    }
    if (by->kind == FLIGHT_TEXT && lane->flying && lane->flying->kind == FLIGHT_TYPING && !timer_running(&lane->grace))
        timer_start(&lane->bridge->loop->timers, &lane->grace, LANE_GRACE_MS);
}

static bool waits_for_session(const struct lane *lane)
{
    return lane->flying && !lane->client && !lane->lookup && lane->session;
}

void lane_add(struct lane *lane, struct flight *f)
{
    struct bridge *b = lane->bridge;

    f->lane = lane;
    f->since_ms = loop_now(b->loop);
    supersede_typing(lane, f);
    if (lane->n_waiting >= (waits_for_session(lane) ? SESSION_QUEUE_MAX - 1 : LANE_MAX) ||
        b->queued_bytes > LANES_BYTES_MAX) {
        give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "Too many messages wait for this recipient");
        flight_free(f, b);
        lane_end_if_empty(lane);
        return;
    }
    list_push(&lane->waiting, &f->link);
    lane->n_waiting++;
    if (lane->n_waiting >= LANE_PAUSE && !lane->slow)
        lane_pause(lane, true);
    if (!lane->flying)
        lane_next(lane);
}

/* They waited for the session, not for one another. */
static void restart_clocks(struct lane *lane)
{
    list_each (l, &lane->waiting)
        container_of(l, struct flight, link)->since_ms = loop_now(lane->bridge->loop);
}

void lane_session_up(struct lane *lane)
{
    push_first(lane, lane->flying);
    lane->flying = NULL;
    restart_clocks(lane);
    lane_next(lane);
}

/* The other side takes no INVITE for texts, or does not react to one at all. */
static bool is_no_session(const struct sip_result *result)
{
    static const unsigned statuses[] = { 405, 415, 488, 501, 606 };

    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (result->status == statuses[i])
            return true;
    return !result->status && result->no_answer == SIP_TIMED_OUT;
}

static bool falls_back(const struct lane *lane, const struct sip_result *result)
{
    const struct route *route = directory_route_to(lane->bridge->directory, lane->flying->to.domain);

    return route && route->im == ROUTE_AUTO && is_no_session(result);
}

/* All of them hear what the INVITE was answered. */
static void fail_all(struct lane *lane, const struct sip_result *result)
{
    struct bridge *b = lane->bridge;
    struct list *l;

    while ((l = list_pop(&lane->waiting)) != NULL) {
        struct flight *f = container_of(l, struct flight, link);

        lane->n_waiting--;
        if (f->kind == FLIGHT_TEXT)
            text_ended(f, b, result);
        else
            status_ended(f, b, 0);
        flight_free(f, b);
    }
}

void lane_session_failed(struct lane *lane, const struct sip_end *end)
{
    struct bridge *b = lane->bridge;
    struct flight *f = lane->flying;
    bool silent = end->why == SIP_END_TIMED_OUT || end->status == 487; /* which answers our CANCEL */
    struct sip_result result = { .status = silent ? 0 : end->status,
                                 .msg = silent ? NULL : end->msg,
                                 .no_answer = silent ? SIP_TIMED_OUT : SIP_UNREACHABLE };

    lane->slow = silent;
    if (falls_back(lane, &result)) {
        abilities_note(&b->abilities, &f->to, ABILITY_NO_SESSIONS, loop_now(b->loop));
        lane_session_up(lane);
        return;
    }
    lane->flying = NULL;
    restart_clocks(lane);
    if (!try_aor(lane, f, result.status)) {
        push_first(lane, f);
        fail_all(lane, &result);
    }
    lane_next(lane);
}

void lane_let_go(struct lane *lane)
{
    lane->let_go = lane->pausing;
    lane_pause(lane, false);
}

void lane_reconsider(struct lane *lane)
{
    struct bridge *b = lane->bridge;

    list_each_safe (l, tmp, &lane->waiting) {
        struct flight *f = container_of(l, struct flight, link);

        if (route_of(f, b))
            continue;
        list_unlink(l);
        lane->n_waiting--;
        flight_free(f, b);
    }
    if (lane->let_go && lane->n_waiting >= LANE_PAUSE / 2)
        lane_pause(lane, true);
    lane->let_go = false;
    lane_end_if_empty(lane);
}
