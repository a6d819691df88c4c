/* Incoming stanzas that are no instant message, errors back to XMPP, and how any stanza leaves. */
#include <stdlib.h>

#include "bridge/bridge_private.h"
#include "bridge/presence.h"
#include "bridge/trial.h"
#include "map/error.h"

bool bridge_send(struct bridge *b, struct slice local, struct slice remote, uint64_t token, uint64_t until_ms,
                 enum xmpp_fate *fate)
{
    const struct federation_stanza stanza = {
        .local = local, .remote = remote, .bytes = buf_slice(&b->scratch), .token = token, .until_ms = until_ms
    };
    enum xmpp_fate unheard;

    fate = fate ? fate : &unheard;
    *fate = XMPP_FATE_FULL;
    return buf_ok(&b->scratch) && federation_send(b->federation, &stanza, fate);
}

const char *bridge_refusal(const struct bridge *b, struct slice local, struct slice remote, enum xmpp_fate fate)
{
    return buf_ok(&b->scratch) ? federation_refusal(b->federation, local, remote, fate) : "there is no memory for it";
}

/* A stanza that was refused: it counts as handled when its sender's server has the error, or nothing more can be done. */
struct owed {
    struct hash_node node;
    uint64_t token, receipt;
};

static bool owed_is(const struct hash_node *node, const void *key)
{
    return container_of(node, struct owed, node)->token == *(const uint64_t *)key;
}

static uint64_t token_hash(const struct bridge *b, uint64_t token)
{
    return hash_bytes(&b->owed, slice_of((const char *)&token, sizeof(token)));
}

/* Remembers the receipt under a token of its own; 0: no memory. */
static uint64_t owe(struct bridge *b, uint64_t receipt)
{
    struct owed *o = calloc(1, sizeof(*o));

    if (!o)
        return 0;
    o->token = b->next_token++;
    o->receipt = receipt;
    if (hash_add(&b->owed, &o->node, token_hash(b, o->token)))
        return o->token;
    free(o);
    return 0;
}

/* The error with this token has met its fate. False: the token is none of these. */
static bool pay(struct bridge *b, uint64_t token)
{
    struct hash_node *node = hash_find(&b->owed, token_hash(b, token), owed_is, &token);
    struct owed *o;

    if (!node)
        return false;
    o = container_of(node, struct owed, node);
    hash_remove(&b->owed, node);
    federation_handled(b->federation, o->receipt);
    free(o);
    return true;
}

static void free_owed(struct hash_node *node, void *arg)
{
    free(container_of(node, struct owed, node));
}

void bridge_free_owed(struct bridge *b)
{
    hash_each(&b->owed, free_owed, NULL);
    hash_free(&b->owed);
}

void bridge_settled(struct bridge *b, uint64_t token, enum xmpp_fate fate, const char *why)
{
    if (!pay(b, token) && !presence_settled(b, token, fate, why))
        s2x_settled(b, token, fate, why);
}

void bridge_send_error(struct bridge *b, const char *kind, const struct jid *from, const struct jid *to,
                       struct slice id, bool ours, const struct map_stanza_error *error, const uint64_t *receipt)
{
    uint64_t token;

    if (receipt && trial_is(b, *receipt))
        return;
    token = receipt ? owe(b, *receipt) : 0;

    buf_clear(&b->scratch);
    map_put_error_stanza(&b->scratch, kind, from, to, id, ours ? from->domain : slice_of(NULL, 0), error);
    if (!bridge_send(b, from->domain, to->domain, token, 0, NULL)) {
        log_info(b->log, "error-not-sent", LOG_S("remote", to->domain), LOG_S("id", id));
        if (token)
            (void)pay(b, token);
    }
    if (receipt && !token)
        federation_handled(b->federation, *receipt);
}

void bridge_send_condition(struct bridge *b, const char *kind, const struct jid *from, const struct jid *to,
                           struct slice id, const char *type, const char *condition, const char *text,
                           const uint64_t *receipt)
{
    struct map_stanza_error error = { .condition = map_condition_of(slice_str(condition)),
                                      .type = type,
                                      .text = slice_str(text) };

    bridge_send_error(b, kind, from, to, id, true, &error, receipt);
}

/* A question, or presence, between those whom the block list keeps apart. Answers get none. */
static bool is_blocked(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct slice type = xml_attr(stanza->el, "type");
    bool iq = slice_is(stanza->el->name, "iq");
    struct gate_refusal no;

    if (!gate_blocks(b->directory, stanza->from, stanza->to, &no))
        return false;
    if (iq ? !slice_is(type, "result") && !slice_is(type, "error") : slice_is(type, "subscribe"))
        bridge_send_condition(b, iq ? "iq" : "presence", stanza->to, stanza->from, xml_attr(stanza->el, "id"), no.type,
                              no.condition, no.text, NULL);
    return true;
}

void bridge_stanza(struct bridge *b, const struct xmpp_stanza *stanza)
{
    if (slice_is(stanza->el->name, "message")) {
        if (!slice_is(xml_attr(stanza->el, "type"), "error")) {
            x2s_message(b, stanza);
            return; /* x2s says when it is handled */
        }
        s2x_bounce(b, stanza);
    } else if (is_blocked(b, stanza)) {
        /* it has its answer */
    } else if (slice_is(stanza->el->name, "iq")) {
        if (!cards_answer(b, stanza))
            entity_iq(b, stanza); /* each get and set has an answer (STOX-ERR-14); results and errors have none */
    } else {
        presence_stanza(b, stanza);
        return; /* likewise */
    }
    federation_handled(b->federation, stanza->receipt);
}

void bridge_log_refusal(struct bridge *b, const char *direction, struct slice from, struct slice to, unsigned status,
                        const char *why)
{
    bridge_log_refused(b, direction, from, to, status, why, 0);
}

void bridge_log_refused(struct bridge *b, const char *direction, struct slice from, struct slice to, unsigned status,
                        const char *why, uint64_t talk)
{
    unsigned held;

    if (log_allowed(&b->refusals, loop_now(b->loop), 50, &held))
        log_info(b->log, "message-refused", LOG_Z("direction", direction), LOG_S("from", from), LOG_S("to", to),
                 LOG_U("status", status), LOG_Z("why", why), LOG_U("held-back", held),
                 LOG_X(talk ? "conversation" : NULL, talk));
}
