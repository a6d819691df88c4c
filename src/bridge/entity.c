/* What our domains answer to an iq, and say of themselves in their stream features. */
#include "map/entity.h"
#include "bridge/bridge_private.h"

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

void entity_iq(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct map_entity entity = entity_of(b);
    enum xmpp_fate fate;

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
