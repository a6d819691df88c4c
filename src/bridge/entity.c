/* What our domains answer to an iq, and say of themselves in their stream features. */
#include "map/entity.h"
#include "bridge/bridge_private.h"
#include "bridge/receipts.h"

static struct map_entity entity_of(const struct bridge *b)
{
    const struct gateway *g = directory_gateway(b->directory);

    return (struct map_entity){ .version = STOX_VERSION,
                                .now_wall_s = clock_wall_s(),
                                .uptime_s = (loop_now(b->loop) - b->since_ms) / 1000,
                                .contacts = g->contacts.v,
                                .n_contacts = g->contacts.n,
                                .aliases = b->map.aliases };
}

/* What may be said of him who is asked about, and what his side takes. Nothing of people who have not written. */
static void look_at_person(const struct bridge *b, struct map_entity *entity, const struct xmpp_stanza *stanza)
{
    uint64_t now = loop_now(b->loop);

    if (!stanza->to->local.n || !typing_wrote(b, stanza->from, stanza->to))
        return;
    entity->knows_person = true;
    entity->chat_states = !abilities_has(&b->abilities, stanza->to, ABILITY_NO_COMPOSING, now);
    entity->receipts = receipts_pass(b, stanza->to) && abilities_has(&b->abilities, stanza->to, ABILITY_IMDN, now);
}

void entity_iq(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct map_entity entity = entity_of(b);
    enum xmpp_fate fate;

    look_at_person(b, &entity, stanza);
    buf_clear(&b->scratch);
    if (!map_entity_answer(&b->scratch, &entity, stanza->el, stanza->from, stanza->to))
        return;
    if (!buf_ok(&b->scratch) ||
        !xmpp_send(b->xmpp, stanza->to->domain, stanza->from->domain, buf_slice(&b->scratch), 0, &fate))
        log_debug(b->log, "answer-not-sent", LOG_S("remote", stanza->from->domain),
                  LOG_S("id", xml_attr(stanza->el, "id")));
}

void entity_put_features(const struct bridge *b, struct buf *out)
{
    struct map_entity entity = entity_of(b);

    map_entity_put_caps(out, &entity);
}
