/*
 * XMPP to SIP. A message stanza becomes one SIP MESSAGE on its pair's lane; what SIP answers decides what the sender hears,
 * and only then the stanza counts as handled toward its server (DESIGN, "What an answer means").
 */
#include "bridge/lane.h"
#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/receipts.h"
#include "bridge/status.h"
#include "map/error.h"
#include "map/hops.h"

/* Nothing of it goes to SIP, and nobody is told. */
static void drop(struct bridge *b, const struct xmpp_stanza *stanza)
{
    bridge_count(b, SCORE_X2S, SCORE_EMPTY, stanza->from->domain);
    federation_handled(b->federation, stanza->receipt);
}

static void refuse(struct bridge *b, const struct xmpp_stanza *stanza, const char *type, const char *condition,
                   const char *text, const char *why)
{
    if (status_is(stanza)) {
        drop(b, stanza);
        return;
    }
    bridge_count(b, SCORE_X2S, SCORE_REFUSED, stanza->from->domain);
    bridge_log_refused(b, "xmpp-to-sip", stanza->from->domain, stanza->to->domain, 0, why,
                       note_xmpp_refused(b, stanza, condition, why));
    bridge_send_condition(b, "message", stanza->to, stanza->from, xml_attr(stanza->el, "id"), type, condition, text,
                          &stanza->receipt);
}

static void busy(struct bridge *b, const struct xmpp_stanza *stanza)
{
    refuse(b, stanza, "wait", "resource-constraint", "The gateway is busy", "out of memory");
}

/* Its thread comes back with the answer, though the Call-ID cannot hold it. */
static void keep_thread(struct bridge *b, const struct xmpp_stanza *stanza, const struct map_im_message *message)
{
    const struct listed *partner;

    if (!message->thread.n)
        return;
    partner = directory_partner(b->directory, stanza->from->domain);
    threads_keep(&b->threads, partner ? partner->xmpp.name : stanza->from->domain,
                 &(struct thread_key){ .remote = stanza->from, .local = stanza->to, .call_id = message->call_id },
                 message->thread);
}

/* Puts a mapped message on its lane. */
static void carry(struct bridge *b, const struct xmpp_stanza *stanza, const struct map_im_message *message,
                  uint64_t nonce)
{
    bool bodies = directory_gateway(b->directory)->log_bodies;
    struct flight *f = flight_new(FLIGHT_TEXT, stanza->from, stanza->to, xml_attr(stanza->el, "id"));
    struct lane *lane = NULL;

    if (f && flight_keep(f, message)) {
        f->receipt = stanza->receipt;
        f->max_forwards = map_hops_of(stanza->arena, stanza->el);
        lane = lane_of(b, &f->from, &f->to);
    }
    if (!lane) {
        if (f) {
            f->owed = true; /* by the error that follows */
            flight_free(f, b);
        }
        busy(b, stanza);
        return;
    }
    keep_thread(b, stanza, message);
    receipts_ask(b, f, xml_attr(stanza->el, "type"), nonce);
    flight_charge(f, b);
    f->generation = b->generation;
    f->talk = note_xmpp_in(b, stanza, f->message.body);
    LOG_AT_(b->log, bodies ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "message", LOG_Z("direction", "xmpp-to-sip"),
            LOG_X("conversation", f->talk), LOG_S("id", f->id), LOG_S("call-id", f->message.call_id),
            LOG_S("from", f->message.from), LOG_S("to", f->message.uri),
            LOG_BODY(bodies ? "body" : NULL, f->message.body));
    status_beside_text(b, stanza);
    lane_add(lane, f);
}

/*
 * What branch, tag and Call-ID of the request derive from. A partner whose stream broke sends again what we had not
 * acknowledged, perhaps to the next process of ours: the same stanza makes the same request, and a SIP server that had it
 * takes it for a retransmission. The text counts too, for clients that are careless with ids.
 */
static uint64_t nonce_of(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct slice id = xml_attr(stanza->el, "id");
    const struct xml *body = xml_child(stanza->el, "jabber:server", "body");
    const struct slice *parts[] = { &stanza->from->local, &stanza->from->domain, &stanza->from->resource,
                                    &stanza->to->local,   &stanza->to->domain,   &stanza->to->resource };
    struct hash h = { 0 };
    uint64_t nonce;

    if (!id.n)
        return rand_pool_u64(&b->nonces);
    memcpy(h.key, b->map.key, sizeof(h.key));
    nonce = hash_mac(&h, id);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        nonce = hash_mac_more(&h, nonce, *parts[i]);
    return body ? hash_mac_more(&h, nonce, xml_text(stanza->arena, body)) : nonce;
}

/* Is its sender within user-message-rate? False: it was refused. */
static bool within_rate(struct bridge *b, const struct xmpp_stanza *stanza)
{
    switch (
        rates_take(&b->rates, stanza->from, directory_gateway(b->directory)->user_message_rate, loop_now(b->loop))) {
    case RATES_PASS: return true;
    case RATES_NO_MEMORY: busy(b, stanza); return false;
    case RATES_EXCESS: break;
    }
    b->counters.x2s_throttled++;
    refuse(b, stanza, "wait", "resource-constraint", "You are sending messages too fast",
           "the sender is faster than user-message-rate");
    return false;
}

/* Handed on too often, or the same stanza, by its id, too often in a short time: two gateways lead to each other, somewhere.
 * True: it was refused. */
static bool goes_round(struct bridge *b, const struct xmpp_stanza *stanza, uint64_t nonce)
{
    if (map_hops_of(stanza->arena, stanza->el) == 0) {
        refuse(b, stanza, "modify", "not-acceptable", "The message has been handed on too often",
               "the message has passed as many servers and gateways as it may: do two gateways lead to each other?");
        return true;
    }
    if (!xml_attr(stanza->el, "id").n || !replays_is_excess(&b->replays, nonce, loop_now(b->loop)))
        return false;
    refuse(b, stanza, "modify", "policy-violation", "The same message has come again and again",
           "the same message came more than 5 times in 10 s: do two gateways lead to each other?");
    return true;
}

void x2s_message(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct gate_refusal no;
    struct map_im_message message;
    struct map_im_xmpp_refusal refusal;
    uint64_t nonce;

    b->counters.x2s_in++;
    if (!bridge_takes_messages(b)) {
        refuse(b, stanza, "wait", "recipient-unavailable", "The gateway is shutting down",
               "the gateway is shutting down");
        return;
    }
    if (!gate_x2s(b->directory, stanza->from, stanza->to, presence_added(b, stanza->to, stanza->from), &no)) {
        refuse(b, stanza, no.type, no.condition, no.text, no.why);
        return;
    }
    nonce = nonce_of(b, stanza);
    if (!within_rate(b, stanza) || goes_round(b, stanza, nonce))
        return;
    b->map.now_wall_s = clock_wall_s();
    switch (map_im_to_message(stanza->arena, &b->map, stanza->el, stanza->from, stanza->to, stanza->stream_lang, nonce,
                              &message, &refusal)) {
    case MAP_IM_OK: carry(b, stanza, &message, nonce); break;
    case MAP_IM_STATUS:
    case MAP_IM_EMPTY:
        if (status_is(stanza))
            status_from_xmpp(b, stanza);
        drop(b, stanza);
        break;
    case MAP_IM_REFUSED: refuse(b, stanza, refusal.type, refusal.condition, refusal.text, refusal.condition); break;
    case MAP_IM_NO_MEMORY: busy(b, stanza); break;
    }
}

static void free_one(struct hash_node *node, void *arg)
{
    lane_free(container_of(node, struct lane, node));
}

static void give_back_one(struct hash_node *node, void *arg)
{
    lane_give_back(container_of(node, struct lane, node));
}

void x2s_give_back_all(struct bridge *b)
{
    hash_each(&b->lanes, give_back_one, NULL);
}

void x2s_let_go(struct bridge *b)
{
    list_each_safe (l, tmp, &b->pausing)
        lane_let_go(container_of(l, struct lane, pauses));
}

static void reconsider_one(struct hash_node *node, void *arg)
{
    lane_reconsider(container_of(node, struct lane, node));
}

bool x2s_reconsider(struct bridge *b, uint64_t *at, size_t n)
{
    return hash_walk(&b->lanes, at, n, reconsider_one, NULL);
}

void x2s_free(struct bridge *b)
{
    hash_each(&b->lanes, free_one, NULL);
    hash_free(&b->lanes);
}
