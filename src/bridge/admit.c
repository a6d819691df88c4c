#include "bridge/admit.h"

#include "bridge/identity.h"
#include "bridge/note.h"
#include "bridge/trial.h"

static bool refuse(struct admit_refusal *no, unsigned status, const char *reason)
{
    no->status = status;
    no->reason = reason;
    return false;
}

static bool refuse_because(struct admit_refusal *no, unsigned status, const struct gate_refusal *gate)
{
    no->why = gate->why;
    return refuse(no, status, gate->text);
}

static bool refuse_for_now(struct admit_refusal *no)
{
    no->headers = SLICE("Retry-After: 10\r\n");
    return refuse(no, 503, NULL);
}

/* What has a rate of its own: one setting for a SIP system and one for each user; 480, as neither is an overload of ours
 * (STOX-SEC-15). */
struct what {
    struct rates *users, *systems;
    unsigned user_rate;
    bool watches; /* no message */
};

static struct what messages(struct bridge *b)
{
    return (struct what){ &b->rates, &b->route_rates, directory_gateway(b->directory)->sip_user_message_rate, false };
}

static struct what subscriptions(struct bridge *b)
{
    return (struct what){ &b->watch_rates, &b->watch_route_rates,
                          directory_gateway(b->directory)->sip_user_subscription_rate, true };
}

static bool refuse_excess(struct bridge *b, struct admit_refusal *no, const char *why, const char *reason)
{
    b->counters.s2x_throttled++;
    no->why = why;
    no->headers = SLICE("Retry-After: 5\r\n");
    return refuse(no, 480, reason);
}

static bool within_route_rate(struct bridge *b, const struct route *route, const struct what *what,
                              struct admit_refusal *no)
{
    const struct jid system = { .domain = route->name };
    unsigned rate = what->watches ? route->subscription_rate : route->message_rate;

    switch (rates_take(what->systems, &system, rate, loop_now(b->loop))) {
    case RATES_PASS: return true;
    case RATES_NO_MEMORY: return refuse_for_now(no);
    case RATES_EXCESS: break;
    }
    if (what->watches)
        return refuse_excess(b, no, "the SIP system is faster than its route's subscription-rate",
                             "Your SIP system is subscribing too fast");
    return refuse_excess(b, no, "the SIP system is faster than its route's message-rate",
                         "Your SIP system is sending messages too fast");
}

/* The sender is a user of a domain that this source may speak for, and one who may talk to partners. */
static bool admit_sender(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                         const struct what *what, struct jid *from, struct admit_refusal *no)
{
    struct identity id;
    struct gate_refusal gate;

    if (!identity_of(b, m, peer, a, &id) || !id.route || !note_is_from(id.route, id.domain, peer))
        return refuse(no, 403, "This source may not send for that From address");
    if (peer && route_asks_digest(id.route) && !proof_covers(peer->proof, &id.jid))
        return refuse(no, 403, "Your account may not send for that From address");
    if (id.hidden)
        return refuse(no, 433, "XMPP has no anonymous senders"); /* RFC 5079 */
    *from = id.jid;
    if (!within_route_rate(b, id.route, what, no))
        return false;
    if (!gate_user(b->directory, from, &gate))
        return refuse_because(no, 403, &gate);
    cards_heard(b, from, id.display);
    return true;
}

static bool refuse_address(struct admit_refusal *no, enum map_address_fault fault)
{
    switch (fault) {
    case MAP_ADDRESS_OK: break;
    case MAP_ADDRESS_SCHEME: return refuse(no, 416, "Only sip and im addresses are served");
    case MAP_ADDRESS_SIPS: return refuse(no, 403, "sips cannot be kept up into XMPP, use sip");
    case MAP_ADDRESS_MALFORMED: return refuse(no, 404, "This address cannot be written on XMPP");
    case MAP_ADDRESS_NO_MEMORY: return refuse_for_now(no);
    }
    return refuse(no, 500, NULL);
}

static bool admit_recipient(struct bridge *b, const struct sip_msg *m, struct arena *a, struct admitted *out,
                            struct admit_refusal *no)
{
    struct slice gr = { 0 };
    struct gate_refusal gate;
    enum map_address_fault fault;

    if (!sip_param(m->uri.params, "gr", &gr))
        gr = slice_of(NULL, 0);
    fault = map_uri_to_jid(a, &m->uri, gr, &b->map.aliases, &out->to);
    if (fault != MAP_ADDRESS_OK)
        return refuse_address(no, fault);
    if (!directory_partner(b->directory, out->to.domain))
        return refuse(no, 404, "No XMPP partner has that domain");
    no->remote = out->to.domain;
    if (gate_blocks(b->directory, &out->to, &out->from, &gate))
        return refuse_because(no, 403, &gate);
    return out->to.local.n > 0 || refuse(no, 404, "That address names a domain, not a person");
}

static bool within_rate(struct bridge *b, const struct jid *from, const struct what *what, struct admit_refusal *no)
{
    switch (rates_take(what->users, from, what->user_rate, loop_now(b->loop))) {
    case RATES_PASS: return true;
    case RATES_NO_MEMORY: return refuse_for_now(no);
    case RATES_EXCESS: break;
    }
    if (what->watches)
        return refuse_excess(b, no, "the user is faster than sip-user-subscription-rate",
                             "You are subscribing too fast");
    return refuse_excess(b, no, "the sender is faster than sip-user-message-rate", "You are sending messages too fast");
}

bool admit_rate(struct bridge *b, const struct jid *from, struct admit_refusal *no)
{
    const struct what what = messages(b);

    return within_rate(b, from, &what, no);
}

static bool admit_what(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                       const struct what *what, struct admitted *out, struct admit_refusal *no)
{
    *no = (struct admit_refusal){ 0 };
    return admit_sender(b, m, peer, a, what, &out->from, no) && admit_recipient(b, m, a, out, no) &&
           within_rate(b, &out->from, what, no);
}

bool admit(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
           struct admitted *out, struct admit_refusal *no)
{
    const struct what what = messages(b);

    return admit_what(b, m, peer, a, &what, out, no);
}

bool admit_watcher(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                   struct admitted *out, struct admit_refusal *no)
{
    const struct what what = subscriptions(b);

    return admit_what(b, m, peer, a, &what, out, no);
}

bool admit_owner(struct bridge *b, const struct sip_msg *m, const struct sip_peer *peer, struct arena *a,
                 struct jid *who, struct admit_refusal *no)
{
    const struct what what = subscriptions(b);
    enum map_address_fault fault;
    struct jid named;

    *no = (struct admit_refusal){ 0 };
    if (!admit_sender(b, m, peer, a, &what, who, no))
        return false;
    fault = map_uri_to_jid(a, &m->uri, slice_of(NULL, 0), &b->map.aliases, &named);
    if (fault != MAP_ADDRESS_OK)
        return refuse_address(no, fault);
    if (!who->local.n || !jid_bare_eq(who, &named))
        return refuse(no, 403, "Only the one whose address it is may do that");
    return within_rate(b, who, &what, no);
}

void admit_refuse(struct bridge *b, const struct sip_request *request, const struct admit_refusal *no)
{
    const struct sip_msg *m = request->msg;
    const char *why = no->why ? no->why : no->reason;
    uint64_t talk = note_sip_refused(b, request, no->status, no->reason, why);

    bridge_count(b, SCORE_S2X, SCORE_REFUSED, no->remote);
    bridge_log_refused(b, "sip-to-xmpp", m->from.uri_text, m->uri_text, no->status, why, talk);
    trial_or_respond(b, request->txn,
                     &(struct talk_end){ .outcome = SCORE_REFUSED, .status = no->status, .why = slice_str(why) },
                     no->reason, no->headers);
}
