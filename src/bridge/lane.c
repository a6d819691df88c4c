/* The lane itself: who waits in it, what slows its partner down, when it is over. */
#include <stdlib.h>

#include "bridge/lane_parts.h"
#include "bridge/session.h"
#include "bridge/status.h"

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
    lane->pausing = federation_pause(lane->bridge->federation, lane->remote, pause) && pause;
    list_unlink(&lane->pauses);
    if (lane->pausing) {
        list_push(&lane->bridge->pausing, &lane->pauses);
        timer_start(&lane->bridge->loop->timers, &lane->prompt, LANE_PROMPT_MS);
    } else {
        timer_stop(&lane->bridge->loop->timers, &lane->prompt);
    }
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
    list_init(&lane->pauses);
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

void lane_give_back(struct lane *lane)
{
    static const char why[] = "The gateway is shutting down";

    if (lane->flying)
        flight_give_back_condition(lane->flying, lane->bridge, MAP_REMOTE_SERVER_TIMEOUT, why);
    list_each (l, &lane->waiting)
        flight_give_back_condition(container_of(l, struct flight, link), lane->bridge, MAP_RECIPIENT_UNAVAILABLE, why);
    lane_free(lane);
}

void lane_push_first(struct lane *lane, struct flight *f)
{
    list_push(lane->waiting.next, &f->link);
    lane->n_waiting++;
}

static void lane_end_if_empty(struct lane *lane)
{
    if (!lane->flying && list_empty(&lane->waiting))
        lane_free(lane);
}

void lane_next(struct lane *lane)
{
    struct bridge *b = lane->bridge;
    struct list *l;

    while (!lane->flying && (l = list_pop(&lane->waiting)) != NULL) {
        struct flight *f = container_of(l, struct flight, link);

        lane->n_waiting--;
        if (loop_now(b->loop) - f->since_ms > LANE_WAIT_MS)
            flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "The recipient takes messages too slowly");
        else if (lane_launch(lane, f))
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
        flight_give_back_condition(f, b, MAP_RESOURCE_CONSTRAINT, "Too many messages wait for this recipient");
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

void lane_restart_clocks(struct lane *lane)
{
    list_each (l, &lane->waiting)
        container_of(l, struct flight, link)->since_ms = loop_now(lane->bridge->loop);
}

void lane_let_go(struct lane *lane)
{
    lane->let_go = true;
    lane_pause(lane, false);
}

void lane_reconsider(struct lane *lane)
{
    struct bridge *b = lane->bridge;

    list_each_safe (l, tmp, &lane->waiting) {
        struct flight *f = container_of(l, struct flight, link);

        if (flight_route(f, b))
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
