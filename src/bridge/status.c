#include "bridge/status.h"

#include "bridge/receipts.h"
#include "bridge/typing.h"
#include "map/status.h"

bool status_is(const struct xmpp_stanza *stanza)
{
    return slice_is(stanza->el->name, "message") && map_is_status(stanza->el);
}

static void receipts_in(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct map_receipts receipts;

    map_receipts_of(stanza->el, &receipts);
    for (size_t i = 0; i < receipts.n; i++)
        receipts_from_xmpp(b, stanza->from, stanza->to, &receipts.v[i]);
}

void status_from_xmpp(struct bridge *b, const struct xmpp_stanza *stanza)
{
    if (slice_is(xml_attr(stanza->el, "type"), "groupchat")) /* STOX-CS-14 */
        return;
    typing_from_xmpp(b, stanza->from, stanza->to, map_chat_state_of(stanza->el));
    if (map_chat_state_of(stanza->el) == MAP_CHAT_GONE)
        im_session_gone(b, stanza);
    receipts_in(b, stanza);
}

void status_beside_text(struct bridge *b, const struct xmpp_stanza *stanza)
{
    const struct xml *thread = xml_child(stanza->el, "jabber:server", "thread");

    typing_text_from_xmpp(b, stanza->from, stanza->to, map_chat_state_of(stanza->el),
                          thread ? xml_text(stanza->arena, thread) : slice_of(NULL, 0));
    receipts_in(b, stanza);
}

void status_from_sip(struct bridge *b, struct sip_server *txn, const struct jid *local, const struct jid *remote,
                     const struct map_im_stanza *made)
{
    if (made->is_imdn) {
        abilities_note(&b->abilities, local, ABILITY_IMDN, loop_now(b->loop));
        receipts_from_sip(b, local, remote, &made->imdn);
    } else {
        typing_from_sip(b, remote, local, made->composing, made->refresh_s);
    }
    bridge_count(b, SCORE_S2X, SCORE_EMPTY, remote->domain);
    sip_respond(txn, 200, NULL, slice_of(NULL, 0));
}

bool status_bounced(struct bridge *b, const struct xmpp_stanza *error)
{
    if (xml_attr(error->el, "id").n)
        return false;
    typing_bounced(b, error->from, error->to);
    return true;
}

void status_to_sip(struct bridge *b, const struct jid *remote, const struct jid *local, enum flight_kind kind,
                   const struct map_im_message *message)
{
    struct flight *f = flight_new(kind, remote, local, slice_of(NULL, 0));
    struct lane *lane = NULL;

    if (!f)
        return;
    f->owed = true; /* no stanza waits for it */
    if (bridge_takes_messages(b) && flight_keep(f, message))
        lane = lane_of(b, remote, local);
    if (!lane) {
        status_ended(f, b, 0);
        flight_free(f, b);
        return;
    }
    flight_charge(f, b);
    f->generation = b->generation - 1; /* what its state or receipt was let in by may have changed: it is judged anew */
    lane_add(lane, f);
}

bool status_may_pass(const struct bridge *b, const struct jid *local, const struct jid *remote)
{
    struct gate_refusal no;

    return directory_route_to(b->directory, local->domain) && directory_partner(b->directory, remote->domain) &&
           gate_user(b->directory, local, &no) && !gate_blocks(b->directory, remote, local, &no);
}

struct slice status_partner(const struct bridge *b, struct slice domain)
{
    const struct listed *partner = directory_partner(b->directory, domain);

    return partner ? partner->xmpp.name : domain;
}

void status_ended(struct flight *f, struct bridge *b, unsigned status)
{
    bool typing = f->kind == FLIGHT_TYPING;

    if (status >= 200 && status < 300)
        (*(typing ? &b->counters.typing_to_sip : &b->counters.receipts_to_sip))++;
    else
        b->counters.statuses_dropped++;
    if (typing && status == 415)
        abilities_note(&b->abilities, &f->to, ABILITY_NO_COMPOSING, loop_now(b->loop));
}
