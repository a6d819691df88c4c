/*
 * XMPP to SIP. A message stanza becomes one SIP MESSAGE on its pair's lane; what SIP answers decides what the sender hears,
 * and only then the stanza counts as handled toward its server (DESIGN, "What an answer means").
 */
#include <stdlib.h>

#include "bridge/lane.h"
#include "bridge/note.h"
#include "map/error.h"

#define FLIGHT_ARENA_MAX (1u << 20)

/* Takes the addresses and id over into the flight's own memory. */
static bool keep_addresses(struct flight *f, const struct xmpp_stanza *stanza)
{
    struct slice id = xml_attr(stanza->el, "id");
    const struct slice *from[] = { &stanza->from->local, &stanza->from->domain, &stanza->from->resource,
                                   &stanza->to->local,   &stanza->to->domain,   &stanza->to->resource };
    struct slice *kept[] = { &f->from.local, &f->from.domain, &f->from.resource,
                             &f->to.local,   &f->to.domain,   &f->to.resource };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        *kept[i] = arena_dup(&f->arena, *from[i]);
        if (!kept[i]->p)
            return false;
    }
    f->id = id.p ? arena_dup(&f->arena, id) : id;
    return !id.p || f->id.p;
}

static struct flight *flight_new(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct flight *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    arena_init(&f->arena, FLIGHT_ARENA_MAX);
    f->receipt = stanza->receipt;
    list_init(&f->link);
    if (keep_addresses(f, stanza))
        return f;
    arena_reset(&f->arena);
    free(f);
    return NULL;
}

/* The slices of out that map left in the stanza's own memory are moved into the flight's. */
static bool keep_message(struct flight *f)
{
    struct slice *s[] = { &f->message.uri,    &f->message.from,    &f->message.to,  &f->message.call_id,
                          &f->message.branch, &f->message.headers, &f->message.body };

    for (size_t i = 0; i < sizeof(s) / sizeof(s[0]); i++) {
        *s[i] = arena_dup(&f->arena, *s[i]);
        if (!s[i]->p)
            return false;
    }
    return true;
}

static void refuse(struct bridge *b, const struct xmpp_stanza *stanza, const char *type, const char *condition,
                   const char *text, const char *why)
{
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
static void carry(struct bridge *b, const struct xmpp_stanza *stanza, const struct map_im_message *message)
{
    bool bodies = directory_gateway(b->directory)->log_bodies;
    struct flight *f = flight_new(b, stanza);
    struct lane *lane;

    if (!f) {
        busy(b, stanza);
        return;
    }
    f->message = *message;
    f->message.thread = slice_of(NULL, 0);
    lane = keep_message(f) ? lane_of(b, &f->from, &f->to) : NULL;
    if (!lane) {
        arena_reset(&f->arena);
        free(f);
        busy(b, stanza);
        return;
    }
    keep_thread(b, stanza, message);
    f->charged = f->arena.used + sizeof(*f);
    b->queued_bytes += f->charged;
    f->generation = b->generation;
    f->talk = note_xmpp_in(b, stanza, f->message.body);
    LOG_AT_(b->log, bodies ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "message", LOG_Z("direction", "xmpp-to-sip"),
            LOG_X("conversation", f->talk), LOG_S("id", f->id), LOG_S("call-id", f->message.call_id),
            LOG_S("from", f->message.from), LOG_S("to", f->message.uri),
            LOG_BODY(bodies ? "body" : NULL, f->message.body));
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
    nonce = hash_bytes(&h, id);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
        nonce = hash_more(&h, nonce, *parts[i]);
    return body ? hash_more(&h, nonce, xml_text(stanza->arena, body)) : nonce;
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

/* The same stanza, by its id, too often in a short time: two gateways lead to each other, somewhere. True: it was refused. */
static bool goes_round(struct bridge *b, const struct xmpp_stanza *stanza, uint64_t nonce)
{
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
    if (b->stopping) {
        refuse(b, stanza, "wait", "recipient-unavailable", "The gateway is shutting down",
               "the gateway is shutting down");
        return;
    }
    if (!gate_x2s(b->directory, stanza->from, stanza->to, &no)) {
        refuse(b, stanza, no.type, no.condition, no.text, no.why);
        return;
    }
    nonce = nonce_of(b, stanza);
    if (!within_rate(b, stanza) || goes_round(b, stanza, nonce))
        return;
    b->map.now_wall_s = clock_wall_s();
    switch (map_im_to_message(stanza->arena, &b->map, stanza->el, stanza->from, stanza->to, stanza->stream_lang, nonce,
                              &message, &refusal)) {
    case MAP_IM_OK: carry(b, stanza, &message); break;
    case MAP_IM_EMPTY:
        bridge_count(b, SCORE_X2S, SCORE_EMPTY, stanza->from->domain);
        xmpp_handled(b->xmpp, stanza->receipt);
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

static void let_go_one(struct hash_node *node, void *arg)
{
    lane_let_go(container_of(node, struct lane, node));
}

void x2s_let_go(struct bridge *b)
{
    hash_each(&b->lanes, let_go_one, NULL);
}

static void reconsider_one(struct hash_node *node, void *arg)
{
    lane_reconsider(container_of(node, struct lane, node));
}

void x2s_reconsider(struct bridge *b)
{
    hash_each(&b->lanes, reconsider_one, NULL);
}

void x2s_free(struct bridge *b)
{
    hash_each(&b->lanes, free_one, NULL);
    hash_free(&b->lanes);
}
