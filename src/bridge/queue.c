#include "bridge/queue.h"

#include <stdio.h>

#include "bridge/lane.h"

#define A_PART 200 /* lanes or pairs; of a lane all messages are looked at */

struct walk {
    struct bridge *b;
    void (*fn)(void *arg, const struct bridge_queue_info *info);
    void *arg;
};

static void measure(const struct lane *lane, struct bridge_queue_info *info)
{
    const struct flight *first = lane->flying;

    info->n = lane->n_waiting + (lane->flying ? 1 : 0);
    info->n_written = lane->flying ? 1 : 0;
    info->bytes = lane->flying ? lane->flying->charged : 0;
    list_each (l, &lane->waiting)
        info->bytes += container_of(l, struct flight, link)->charged;
    if (!first && !list_empty(&lane->waiting))
        first = container_of(lane->waiting.next, struct flight, link);
    info->since_ms = first ? first->since_ms : loop_now(lane->bridge->loop);
}

static void on_lane(struct hash_node *node, void *arg)
{
    const struct lane *lane = container_of(node, const struct lane, node);
    const struct walk *w = arg;
    struct bridge_queue_info info = { .to_sip = true, .remote = lane->remote };
    const struct route *route;
    char waits[200];
    struct slice rest;

    slice_cut(slice_of(lane->key, lane->key_n), '\n', &info.from, &info.to);
    slice_cut(info.to, '/', &info.local, &rest);
    slice_cut(info.local, '@', &rest, &info.local);
    measure(lane, &info);
    route = directory_route_to(w->b->directory, info.local);
    if (lane->flying)
        info.until_ms = lane->flying->sent_ms + LANE_WAIT_MS;
    snprintf(waits, sizeof(waits), "%s of route %.*s%s",
             lane->lookup    ? "the addresses of the SIP servers"
             : lane->attempt ? "the answer of a SIP server"
             : lane->client  ? "the answer in an INVITE session"
                             : "an INVITE session",
             SLICE_FMT(route ? route->name : SLICE("(which is gone)")),
             lane->pausing ? "; the partner is not read meanwhile" : "");
    info.waits_for = waits;
    info.then = "each goes back to its sender when it is not answered, or could not be sent, within 32 s";
    info.then_ms = info.since_ms + LANE_WAIT_MS;
    w->fn(w->arg, &info);
}

static void on_pair(void *arg, const struct xmpp_queue_info *pair)
{
    const struct walk *w = arg;
    struct bridge_queue_info info = { .from = pair->local,
                                      .to = pair->remote,
                                      .local = pair->local,
                                      .remote = pair->remote,
                                      .n = pair->n,
                                      .bytes = pair->bytes,
                                      .n_written = pair->n_written,
                                      .since_ms = pair->since_ms,
                                      .waits_for = pair->waits_for,
                                      .until_ms = pair->until_ms,
                                      .stream = pair->stream };

    info.then = pair->n ? "each is answered 504 when it was not acknowledged within hold-time"
                        : "a stream is tried again "
                          "with the next message";
    info.then_ms = pair->n ? pair->since_ms + directory_gateway(w->b->directory)->hold_s * 1000ull : pair->until_ms;
    w->fn(w->arg, &info);
}

bool bridge_walk_queue(struct bridge *b, struct bridge_queue_at *at,
                       void (*fn)(void *arg, const struct bridge_queue_info *info), void *arg)
{
    struct walk w = { b, fn, arg };

    if (at->to_xmpp)
        return federation_walk_queue(b->federation, &at->at, A_PART, on_pair, &w);
    at->to_xmpp = !hash_walk(&b->lanes, &at->at, A_PART, on_lane, &w);
    return true;
}
