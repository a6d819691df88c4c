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

/* What is known of a person to one who watches him. */
struct known {
    struct map_vcard card;
    bool watched; /* he lets the one who asks watch him */
    bool there;   /* the device that is asked about is there; of a bare address: he is known */
};

/* His name, by his presence or else by what he has sent, and whether the resource is one of his. Slices are in the arena. */
static struct known known_of(const struct bridge *b, struct arena *a, const struct xmpp_stanza *stanza)
{
    const struct contact *c = contact_find(b, stanza->to, stanza->from);
    struct known known = { .watched = c && c->x2s == CONTACT_X2S_AUTH };
    struct watch_x2s_info info;

    if (!known.watched)
        return known;
    known.there = stanza->to->resource.n == 0;
    watch_x2s_show(c, a, &info);
    for (size_t i = 0; i < info.known.n; i++) {
        const struct map_presence *p = &info.known.v[i];

        known.there = known.there || (p->available && slice_eq(p->resource, stanza->to->resource));
        if (p->nick.n)
            known.card.name = p->nick;
    }
    if (!known.card.name.n)
        known.card.name = arena_dup(a, cards_name(b, stanza->to));
    return known;
}

static void take_abilities(const struct bridge *b, struct map_entity *entity, const struct jid *local)
{
    uint64_t now = loop_now(b->loop);

    entity->chat_states = !abilities_has(&b->abilities, local, ABILITY_NO_COMPOSING, now);
    entity->receipts = receipts_pass(b, local) && abilities_has(&b->abilities, local, ABILITY_IMDN, now);
}

/* What may be said of him who is asked about, and what his side takes. */
static void look_at_person(const struct bridge *b, struct map_entity *entity, const struct xmpp_stanza *stanza,
                           const struct known *known)
{
    bool wrote = typing_wrote(b, stanza->from, stanza->to);

    if (known->watched)
        entity->card = &known->card;
    entity->knows_person = wrote || known->there;
    if (!entity->knows_person)
        return;
    take_abilities(b, entity, stanza->to);
}

struct map_entity entity_device(const struct bridge *b, const struct jid *local)
{
    struct map_entity device = { 0 };

    take_abilities(b, &device, local);
    return device;
}

void entity_iq(struct bridge *b, const struct xmpp_stanza *stanza)
{
    struct map_entity entity = entity_of(b);
    struct known known = { 0 };

    if (stanza->to->local.n) {
        known = known_of(b, stanza->arena, stanza);
        look_at_person(b, &entity, stanza, &known);
    }
    buf_clear(&b->scratch);
    if (!map_entity_answer(&b->scratch, &entity, stanza->el, stanza->from, stanza->to))
        return;
    if (!bridge_send(b, stanza->to->domain, stanza->from->domain, 0, 0, NULL))
        log_debug(b->log, "answer-not-sent", LOG_S("remote", stanza->from->domain),
                  LOG_S("id", xml_attr(stanza->el, "id")));
}

void entity_put_features(const struct bridge *b, struct buf *out)
{
    struct map_entity entity = entity_of(b);

    map_entity_put_caps(out, &entity);
}
