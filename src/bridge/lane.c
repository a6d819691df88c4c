#include "bridge/lane.h"

#include <stdlib.h>

#include "bridge/note.h"
#include "map/error.h"

static void lane_next(struct lane *lane);

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
    if (hash_add(&b->lanes, &lane->node, hash))
        return lane;
    free(lane);
    return NULL;
}

struct lane *lane_of(struct bridge *b, const struct jid *from, const struct jid *to)
{
    size_t at = from->local.n ? from->local.n + 1 : 0;
    struct hash_node *node;
    struct slice key;
    uint64_t hash;

    buf_clear(&b->key);
    jid_put_bare(&b->key, from);
    buf_char(&b->key, '\n');
    jid_put(&b->key, to);
    if (!buf_ok(&b->key))
        return NULL;
    key = buf_slice(&b->key);
    hash = hash_bytes(&b->lanes, key);
    node = hash_find(&b->lanes, hash, key_is, &key);
    return node ? container_of(node, struct lane, node) : lane_new(b, key, at, from->domain.n, hash);
}

void flight_free(struct flight *f, struct bridge *b)
{
    b->queued_bytes -= f->charged;
    if (!f->owed)
        xmpp_handled(b->xmpp, f->receipt);
    arena_reset(&f->arena);
    free(f);
}

void lane_free(struct lane *lane)
{
    struct list *l;

    if (lane->client)
        sip_client_forget(lane->client);
    if (lane->flying)
        flight_free(lane->flying, lane->bridge);
    while ((l = list_pop(&lane->waiting)) != NULL)
        flight_free(container_of(l, struct flight, link), lane->bridge);
    lane_pause(lane, false);
    hash_remove(&lane->bridge->lanes, &lane->node);
    free(lane);
}

/* Gives the message back to its sender, unless he did not want to know (headline). */
static void give_back_because(struct flight *f, struct bridge *b, bool ours, const struct map_stanza_error *error,
                              const char *why)
{
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

/* A GRUU that is gone is tried once more at its owner's address of record (STOX-IM-51). */
static bool try_aor(struct lane *lane, struct flight *f, unsigned status)
{
    struct jid bare = f->to;
    struct buf uri;
    struct slice text;

    if (f->to.resource.n == 0 || f->tried_aor || (status != 404 && status != 480 && status != 410))
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
    list_push(lane->waiting.next, &f->link); /* first in line again */
    lane->n_waiting++;
    return true;
}

static void on_result(void *arg, const struct sip_result *result)
{
    struct lane *lane = arg;
    struct flight *f = lane->flying;
    struct bridge *b = lane->bridge;
    struct map_stanza_error error;

    lane->flying = NULL;
    lane->client = NULL;
    lane->slow = result->status == 0;
    f->status = result->status;
    note_flight_answered(b, f, result);
    if (result->status >= 300 && try_aor(lane, f, result->status)) {
        lane_next(lane);
        return;
    }
    if (result->status >= 200 && result->status < 300) {
        bridge_count(b, SCORE_X2S, SCORE_DELIVERED, f->from.domain);
        note_flight_ended(b, f, &(struct talk_end){ .outcome = SCORE_DELIVERED, .status = f->status });
    } else if (result->status) {
        map_error_to_stanza(&f->arena, result->status, result->msg, &b->map.aliases, &error);
        give_back(f, b, false, &error);
    } else {
        give_back_condition(f, b, MAP_REMOTE_SERVER_TIMEOUT,
                            result->no_answer == SIP_UNREACHABLE ? "The SIP server cannot be reached"
                                                                 : "The SIP side did not answer");
    }
    log_debug(b->log, "message-answered", LOG_Z("direction", "xmpp-to-sip"), LOG_X("conversation", f->talk),
              LOG_S("id", f->id), LOG_U("status", result->status));
    flight_free(f, b);
    lane_next(lane);
}

static enum sip_transport route_transport(const struct route *route)
{
    switch ((enum route_transport)route->transport) {
    case ROUTE_UDP: break;
    case ROUTE_TCP: return SIP_TCP;
    case ROUTE_TLS: return SIP_TLS;
    }
    return SIP_UDP;
}

/* Over TLS the server is asked for by the name that its certificate has to show. False: a domain that has no such name. */
static bool name_target(struct sip_target *target, const struct route *route, struct slice domain)
{
    char mem[1024];
    struct arena arena;
    struct slice host = { 0 };
    bool ok = true;

    arena_init_on(&arena, mem, sizeof(mem), 16384);
    if (route->tls_names.n)
        host = ((const struct slice *)route->tls_names.v)[0];
    ok = jid_domain_to_ascii(&arena, host.n ? host : domain, &host) && host.n < sizeof(target->host) &&
         route->name.n < sizeof(target->route);
    if (ok) {
        memcpy(target->host, host.p, host.n);
        memcpy(target->route, route->name.p, route->name.n);
    }
    arena_reset(&arena);
    return ok;
}

static bool target_of(const struct route *route, struct slice domain, struct sip_target *out)
{
    *out = (struct sip_target){ .transport = route_transport(route), .addr = route->next_hop };
    return out->transport != SIP_TLS || name_target(out, route, domain);
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

static bool launch(struct lane *lane, struct flight *f)
{
    struct bridge *b = lane->bridge;
    const struct route *route = route_of(f, b);
    struct sip_target target;
    struct sip_send request = { .method = SIP_MESSAGE,
                                .uri = f->message.uri,
                                .from = f->message.from,
                                .to = f->message.to,
                                .call_id = f->message.call_id,
                                .cseq = 1,
                                .branch = f->message.branch,
                                .max_forwards = 70,
                                .headers = f->message.headers,
                                .body = f->message.body };

    if (!route)
        return false;
    if (!target_of(route, f->to.domain, &target)) {
        give_back_condition(f, b, MAP_INTERNAL_SERVER_ERROR, "The SIP server has no usable name");
        return false;
    }
    /* Nothing over 1300 bytes goes where congestion is not controlled (RFC 3428 8, STOX-IM-28). */
    if (target.transport == SIP_UDP && !sip_send_fits(b->sip, &target, &request, 1300)) {
        struct map_stanza_error error = { .condition = MAP_POLICY_VIOLATION,
                                          .type = "modify",
                                          .text = SLICE("Too long for the way to this user") };

        give_back(f, b, true, &error);
        return false;
    }
    lane->client = sip_send(b->sip, &target, &request, on_result, lane);
    if (!lane->client) {
        give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The gateway is busy");
        return false;
    }
    lane->flying = f;
    f->sent_ms = loop_now(b->loop);
    note_flight_sent(b, f, &target);
    return true;
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

void lane_add(struct lane *lane, struct flight *f)
{
    struct bridge *b = lane->bridge;

    f->lane = lane;
    f->since_ms = loop_now(b->loop);
    if (lane->n_waiting >= LANE_MAX || b->queued_bytes > LANES_BYTES_MAX) {
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
