/*
 * SIP to XMPP. A MESSAGE is answered when its fate is known, and the answer means exactly what DESIGN says: 200 the
 * partner's server has it, 202 this partner confirms nothing, anything else it is not delivered and never will be later.
 * The request is held by its server transaction; what is kept here is the thread between the two (struct held).
 */
#include <stdlib.h>

#include "base/text.h"
#include "bridge/admit.h"
#include "bridge/note.h"
#include "bridge/presence.h"
#include "bridge/receipts.h"
#include "bridge/status.h"
#include "bridge/trial.h"
#include "map/error.h"
#include "map/hops.h"
#include "sip/writer.h"

/* A SIP MESSAGE that waits for the fate of its stanza. Owned by the two tables; freed by held_end. */
struct held {
    struct hash_node by_token, by_id, by_text;
    struct timer deadline; /* the hold time */
    struct bridge *bridge;
    struct sip_server *txn;
    uint64_t token;
    uint64_t since_ms;
    uint64_t receipt; /* what bridge/receipts.h remembers of it */
    bool tells_id;    /* 200 names the id that an ms-imdn may name later (lync-gateway 7.2) */
    uint64_t talk;    /* bridge/talk.h */
    bool to_full_jid; /* decides between 4xx and 6xx (RFC 7247 7.1) */
    size_t remote_n;  /* the partner's domain, at the end of key */
    size_t key_n;     /* "id local-bare remote-bare", separated by spaces' impossible neighbour LF */
    char key[];
};

static bool token_is(const struct hash_node *node, const void *key)
{
    return container_of(node, struct held, by_token)->token == *(const uint64_t *)key;
}

static bool key_is(const struct hash_node *node, const void *key)
{
    const struct held *h = container_of(node, struct held, by_id);

    return slice_eq(slice_of(h->key, h->key_n), *(const struct slice *)key);
}

static uint64_t token_hash(const struct bridge *b, uint64_t token)
{
    return hash_bytes(&b->held_by_token, slice_of((const char *)&token, sizeof(token)));
}

/* What a bounce is recognised by: RFC 6120 8.3.1 keeps the id and swaps the addresses; resources may be gone. */
static bool make_key(struct bridge *b, struct slice id, const struct jid *local, const struct jid *remote,
                     struct slice *key)
{
    buf_clear(&b->key);
    buf_put(&b->key, slice_first(id, BRIDGE_ID_MAX));
    buf_char(&b->key, '\n');
    jid_put_bare(&b->key, local);
    buf_char(&b->key, '\n');
    jid_put_bare(&b->key, remote);
    *key = buf_slice(&b->key);
    return buf_ok(&b->key);
}

static void held_end(struct held *h)
{
    struct bridge *b = h->bridge;

    timer_stop(&b->loop->timers, &h->deadline);
    hash_remove(&b->held_by_token, &h->by_token);
    hash_remove(&b->held_by_id, &h->by_id);
    hash_remove(&b->held_by_text, &h->by_text);
    b->counters.held--;
    free(h);
}

static struct slice remote_of(const struct held *h)
{
    return slice_of(h->key + h->key_n - h->remote_n, h->remote_n);
}

static struct slice id_of(const struct held *h)
{
    struct slice id, rest;

    slice_cut(slice_of(h->key, h->key_n), '\n', &id, &rest);
    return id;
}

/* In b->scratch; without memory there is none. */
static struct slice message_id(const struct held *h)
{
    struct buf *out = &h->bridge->scratch;

    buf_clear(out);
    sip_put_header(out, "Message-Id", id_of(h));
    return buf_ok(out) ? buf_slice(out) : slice_of(NULL, 0);
}

/* The sender gets status and reason; what an administrator is told is in end. */
static void held_answer(struct held *h, const struct talk_end *end, const char *reason, struct slice headers)
{
    struct bridge *b = h->bridge;

    if (end->status >= 300)
        receipts_forget(b, h->receipt);
    if (end->status == 200 && h->tells_id)
        headers = message_id(h);
    bridge_count(b, SCORE_S2X, end->outcome, remote_of(h));
    scores_delay(&b->scores, loop_now(b->loop) - h->since_ms);
    note_sip_ended(b, h->talk, id_of(h), end, reason);
    trial_or_respond(b, h->txn, end, reason, headers);
    held_end(h);
}

/* The partner's server did not acknowledge in time: 504, and the stanza is withdrawn. 408 would be wrong (RFC 4320 4.2). */
static void on_deadline(struct timer *t)
{
    struct held *h = container_of(t, struct held, deadline);
    struct bridge *b = h->bridge;
    bool written = federation_withdraw(b->federation, h->token);
    const struct talk_end end = {
        .outcome = SCORE_TIMED_OUT,
        .status = 504,
        .why = written ? SLICE("written to the partner, whose server did not acknowledge it within hold-time: whether "
                               "it arrived is unknown")
                       : SLICE("not sent within hold-time: the partner's stream was not ready, or takes no more")
    };

    if (written)
        b->counters.s2x_outcome_unknown++;
    log_info(b->log, "message-timeout", LOG_Z("direction", "sip-to-xmpp"), LOG_S("id", id_of(h)),
             LOG_X("conversation", h->talk), LOG_Z("outcome", written ? "unknown" : "not-sent"));
    held_answer(h, &end, "The partner's server did not acknowledge in time", slice_of(NULL, 0));
}

/*
 * What a message that goes round in a ring of gateways keeps on each lap: who writes to whom in which conversation what.
 * While the first copy is held, a second one is not its sender's: RFC 3428 8 has him wait for the answer. The keyed hash is
 * the whole memory of it.
 */
static uint64_t text_hash(const struct bridge *b, const struct sip_msg *m, const struct jid *from, const struct jid *to)
{
    const struct hash *h = &b->held_by_text;
    uint64_t hash = hash_bytes(h, from->local);

    hash = hash_more(h, hash_more(h, hash, from->domain), to->local);
    hash = hash_more(h, hash_more(h, hash, to->domain), m->call_id);
    if (m->to_tag.n) /* in a session the same text may come twice, and a ring shows in its INVITE */
        hash = hash_more(h, hash, slice_of((const char *)&m->cseq, sizeof(m->cseq)));
    return hash_more(h, hash, m->body);
}

static bool any(const struct hash_node *node, const void *key)
{
    return true;
}

static bool held_add(struct bridge *b, struct held *h, struct slice key, uint64_t text)
{
    if (!hash_add(&b->held_by_token, &h->by_token, token_hash(b, h->token)))
        return false;
    if (hash_add(&b->held_by_id, &h->by_id, hash_bytes(&b->held_by_id, key)) &&
        hash_add(&b->held_by_text, &h->by_text, text))
        return true;
    hash_remove(&b->held_by_token, &h->by_token);
    hash_remove(&b->held_by_id, &h->by_id);
    return false;
}

static struct held *held_new(struct bridge *b, struct sip_server *txn, struct slice id, const struct jid *from,
                             const struct jid *to, uint64_t text)
{
    struct slice key;
    struct held *h;

    if (!make_key(b, id, from, to, &key))
        return NULL;
    h = calloc(1, sizeof(*h) + key.n);
    if (!h)
        return NULL;
    h->bridge = b;
    h->txn = txn;
    h->token = b->next_token++;
    h->since_ms = loop_now(b->loop);
    h->to_full_jid = to->resource.n > 0;
    h->remote_n = to->domain.n;
    h->key_n = key.n;
    memcpy(h->key, key.p, key.n);
    timer_init(&h->deadline, on_deadline);
    if (!held_add(b, h, key, text)) {
        free(h);
        return NULL;
    }
    b->counters.held++;
    return h;
}

static const struct slice nobody;

static void refuse(struct bridge *b, const struct sip_request *request, struct slice remote, unsigned status,
                   const char *reason, const char *headers)
{
    struct admit_refusal no = { .status = status, .reason = reason, .headers = slice_str(headers), .remote = remote };

    admit_refuse(b, request, &no);
}

static unsigned fate_status(enum xmpp_fate fate)
{
    switch (fate) {
    case XMPP_FATE_CONFIRMED: return 200;
    case XMPP_FATE_UNCONFIRMED: return 202;
    case XMPP_FATE_NO_SERVER: return 404;
    case XMPP_FATE_UNREACHABLE:
    case XMPP_FATE_REFUSED:
    case XMPP_FATE_LOST: return 504;
    case XMPP_FATE_TOO_LONG: return 413;
    case XMPP_FATE_FULL: return 480; /* one partner's limit: never 503 (STOX-ERR-07) */
    }
    return 500;
}

static const char *fate_headers(enum xmpp_fate fate)
{
    return fate == XMPP_FATE_FULL ? "Retry-After: 10\r\n" : "";
}

/* What the sender is told: by what became of it, and never what only concerns those who run the gateway. */
static const char *fate_reason(enum xmpp_fate fate)
{
    switch (fate) {
    case XMPP_FATE_CONFIRMED:
    case XMPP_FATE_UNCONFIRMED: return NULL;
    case XMPP_FATE_NO_SERVER: return "That domain has no XMPP server";
    case XMPP_FATE_UNREACHABLE: return "The partner's server cannot be reached";
    case XMPP_FATE_REFUSED: return "No connection that both sides allow";
    case XMPP_FATE_FULL: return "Too many messages wait for the partner";
    case XMPP_FATE_LOST: return "The connection broke before the partner's server acknowledged";
    case XMPP_FATE_TOO_LONG: return "The partner takes no message of that size";
    }
    return NULL;
}

/* Federation has not taken it: as if it had, and this were what became of it. */
static void refuse_by(struct bridge *b, const struct sip_request *request, const struct jid *from, const struct jid *to,
                      enum xmpp_fate fate)
{
    const struct admit_refusal no = { .status = fate_status(fate),
                                      .reason = fate_reason(fate),
                                      .why = bridge_refusal(b, from->domain, to->domain, fate),
                                      .headers = slice_str(fate_headers(fate)),
                                      .remote = to->domain };

    admit_refuse(b, request, &no);
}

/* Two gateways lead to each other: a message comes while it is held, or too often in a short time. True: it was refused. */
static bool goes_round(struct bridge *b, const struct sip_request *request, const struct jid *to, uint64_t text)
{
    uint32_t cseq = request->msg->cseq;
    uint64_t message = hash_more(&b->held_by_text, text, slice_of((const char *)&cseq, sizeof(cseq)));

    if (hash_find(&b->held_by_text, text, any, NULL))
        refuse(b, request, to->domain, 482, "The same message is already on its way: two gateways lead to each other",
               "");
    else if (replays_is_excess(&b->replays, message, loop_now(b->loop)))
        refuse(b, request, to->domain, 482, "The same message has come again and again in 10 s", "");
    else
        return false;
    return true;
}

/* Hands the stanza in b->scratch over. The request is answered here or later, always once. */
static void carry(struct bridge *b, const struct sip_request *request, const struct jid *from, const struct jid *to,
                  const struct map_im_stanza *made, struct im_session *session)
{
    uint64_t text = text_hash(b, request->msg, from, to), hold_ms = directory_gateway(b->directory)->hold_s * 1000ull;
    enum xmpp_fate fate = XMPP_FATE_FULL;
    struct held *h;
    bool bodies;

    if (goes_round(b, request, to, text))
        return;
    h = held_new(b, request->txn, made->id, from, to, text);
    if (!h) {
        refuse(b, request, to->domain, 503, NULL, "Retry-After: 10\r\n");
        return;
    }
    if (!bridge_send(b, from->domain, to->domain, h->token, loop_now(b->loop) + hold_ms, &fate)) {
        held_end(h);
        refuse_by(b, request, from, to, fate);
        return;
    }
    presence_wrote(b, from, to);
    h->talk = note_sip_in(b, request, from, to, made->id);
    h->tells_id = session && im_session_remember(session, made->id);
    h->receipt = receipts_expect(b, from, to, made->id, &made->ask);
    typing_text_from_sip(b, to, from, made->thread);
    timer_start(&b->loop->timers, &h->deadline, hold_ms);
    bodies = directory_gateway(b->directory)->log_bodies;
    LOG_AT_(b->log, bodies ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, "message", LOG_Z("direction", "sip-to-xmpp"),
            LOG_X("conversation", h->talk), LOG_S("call-id", request->msg->call_id), LOG_S("id", made->id),
            LOG_S("from", request->msg->from.uri_text), LOG_S("to", request->msg->uri_text),
            LOG_BODY(bodies ? "body" : NULL, request->msg->body));
}

/* What the partner's user called the conversation, if the Call-ID could not hold it. */
static struct slice known_thread(struct bridge *b, const struct sip_msg *m, const struct jid *from,
                                 const struct jid *to)
{
    return threads_find(&b->threads, &(struct thread_key){ .remote = to, .local = from, .call_id = m->call_id });
}

/* An admitted message becomes a stanza. */
/* session: that the request is inside of; NULL: none. */
static void translate(struct bridge *b, const struct sip_request *request, struct arena *a, const struct admitted *who,
                      struct im_session *session)
{
    const struct jid *from = &who->from, *to = &who->to;
    struct map_im_stanza made;
    struct map_im_sip_refusal refusal;
    struct map_conf conf = b->map;

    buf_clear(&b->scratch);
    conf.now_wall_s = clock_wall_s();
    conf.receipts = receipts_pass(b, from);
    conf.pager_chat |= session != NULL; /* STOX-SES-35 */
    switch (map_im_to_stanza(a, &conf, request->msg, from, to, known_thread(b, request->msg, from, to), &b->scratch,
                             &made, &refusal)) {
    case MAP_IM_OK:
        map_hops_put(&b->scratch, request->msg);
        carry(b, request, from, to, &made, session);
        break;
    case MAP_IM_STATUS: status_from_sip(b, request->txn, from, to, &made); break;
    case MAP_IM_EMPTY:
        bridge_count(b, SCORE_S2X, SCORE_EMPTY, to->domain);
        trial_or_respond(b, request->txn, &(struct talk_end){ .outcome = SCORE_EMPTY, .status = 200 }, NULL, nobody);
        break;
    case MAP_IM_REFUSED: refuse(b, request, to->domain, refusal.status, refusal.reason, refusal.headers); break;
    case MAP_IM_NO_MEMORY: refuse(b, request, to->domain, 503, NULL, "Retry-After: 10\r\n"); break;
    }
}

void s2x_message(struct bridge *b, const struct sip_request *request)
{
    _Alignas(16) char memory[4096];
    struct arena a;
    struct admitted who;
    struct admit_refusal no;

    b->counters.s2x_in++;
    if (!bridge_takes_messages(b)) {
        refuse(b, request, nobody, 503, "The gateway is shutting down", "Retry-After: 5\r\n");
        return;
    }
    arena_init_on(&a, memory, sizeof(memory), 1u << 20);
    if (admit(b, request->msg, request->from, &a, &who, &no))
        translate(b, request, &a, &who, NULL);
    else
        admit_refuse(b, request, &no);
    arena_reset(&a);
}

void s2x_in_session(struct bridge *b, const struct sip_request *request, const struct admitted *who,
                    struct im_session *session)
{
    _Alignas(16) char memory[4096];
    struct arena a;

    arena_init_on(&a, memory, sizeof(memory), 1u << 20);
    translate(b, request, &a, who, session);
    arena_reset(&a);
}

static enum score_outcome outcome_of(enum xmpp_fate fate)
{
    switch (fate) {
    case XMPP_FATE_CONFIRMED: return SCORE_DELIVERED;
    case XMPP_FATE_UNCONFIRMED: return SCORE_UNCONFIRMED;
    case XMPP_FATE_LOST: return SCORE_UNKNOWN;
    default: return SCORE_REFUSED;
    }
}

/* The administrator's sentence, and where it goes. */
static void log_fate(const struct held *h, enum xmpp_fate fate, const char *why)
{
    struct bridge *b = h->bridge;
    struct slice id, local, remote, rest;

    slice_cut(slice_of(h->key, h->key_n), '\n', &id, &rest);
    slice_cut(rest, '\n', &local, &remote);
    if (fate == XMPP_FATE_LOST)
        log_info(b->log, "message-lost", LOG_Z("direction", "sip-to-xmpp"), LOG_S("id", id),
                 LOG_X("conversation", h->talk), LOG_Z("outcome", "unknown"), LOG_Z("why", why));
    else if (fate_status(fate) >= 300)
        bridge_log_refused(b, "sip-to-xmpp", local, remote, fate_status(fate), why, h->talk);
    log_debug(b->log, "message-answered", LOG_Z("direction", "sip-to-xmpp"), LOG_X("conversation", h->talk),
              LOG_S("id", id), LOG_U("status", fate_status(fate)), LOG_Z("why", why));
}

void s2x_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why)
{
    const struct talk_end end = { .outcome = outcome_of(fate), .status = fate_status(fate), .why = slice_str(why) };
    struct hash_node *node = hash_find(&b->held_by_token, token_hash(b, token), token_is, &token);
    struct held *h;

    if (!node)
        return;
    h = container_of(node, struct held, by_token);
    log_fate(h, fate, why);
    held_answer(h, &end, fate_reason(fate), slice_str(fate_headers(fate)));
}

static struct held *held_of_bounce(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct hash_node *node = NULL;
    struct slice key;

    if (make_key(b, xml_attr(stanza->el, "id"), stanza->to, stanza->from, &key))
        node = hash_find(&b->held_by_id, hash_bytes(&b->held_by_id, key), key_is, &key);
    return node ? container_of(node, struct held, by_id) : NULL;
}

/* Header lines of an answer, in b->scratch; without memory for them there are none. */
static struct slice bounce_headers(struct bridge *b, const struct map_sip_error *error)
{
    struct buf *out = &b->scratch;

    buf_clear(out);
    if (error->status == 405)
        buf_str(out, "Allow: MESSAGE, OPTIONS\r\n"); /* RFC 3261 21.4.6 */
    if (error->contact.n) {
        buf_str(out, "Contact: <");
        sip_put_safe(out, error->contact);
        buf_str(out, ">\r\n");
    }
    return buf_ok(out) ? buf_slice(out) : slice_of(NULL, 0);
}

static void bounced_late(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct slice id = xml_attr(stanza->el, "id");
    bool told;

    if (status_bounced(b, stanza))
        return;
    told = receipts_bounced(b, stanza) || im_session_bounced(b, stanza);
    b->counters.bounces_late++;
    log_info(b->log, "message-bounced-late", LOG_X("conversation", note_bounced_late(b, stanza)), LOG_S("id", id),
             LOG_S("remote", stanza->from->domain), LOG_Z("sender-told", told ? "yes" : "no"));
}

/* An error stanza for a message we still hold decides it (STOX-IM-26); of one that comes later the log is told, and the
 * sender if he wanted that (STOX-IM-25). */
void s2x_bounce(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct held *h = held_of_bounce(b, stanza);
    struct talk_end end = { .outcome = SCORE_REFUSED, .why = SLICE("the partner's server gave it back") };
    struct map_sip_error error;

    if (!h) {
        bounced_late(b, stanza);
        return;
    }
    b->counters.bounces_matched++;
    map_error_to_sip(stanza->arena, stanza->el, h->to_full_jid, false, &b->map.aliases, &error);
    (void)federation_withdraw(b->federation, h->token);
    end.status = error.status;
    end.condition = note_condition(stanza->el);
    held_answer(h, &end, arena_strdup(stanza->arena, error.reason), bounce_headers(b, &error));
}

static void free_one(struct hash_node *node, void *arg)
{
    held_end(container_of(node, struct held, by_token));
}

void s2x_free(struct bridge *b)
{
    hash_each(&b->held_by_token, free_one, NULL);
    hash_free(&b->held_by_token);
    hash_free(&b->held_by_id);
    hash_free(&b->held_by_text);
}
