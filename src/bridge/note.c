#include "bridge/note.h"

#include "bridge/lane.h"
#include "map/error.h"

#define NS_STANZA_ERROR "urn:ietf:params:xml:ns:xmpp-stanzas"

uint64_t note_sip_in(struct bridge *b, const struct jid *from, const struct jid *to)
{
    return talks_came(&b->talks, SCORE_S2X, from, to, loop_now(b->loop));
}

void note_sip_ended(struct bridge *b, uint64_t talk, const struct talk_end *end)
{
    talks_ended(&b->talks, talk, SCORE_S2X, end, loop_now(b->loop));
}

/* Who writes to whom; false: that cannot be said, or the source may not speak for that address. */
static bool parties_of(struct bridge *b, const struct sip_request *request, struct arena *a, struct jid *from,
                       struct jid *to)
{
    const struct sip_msg *m = request->msg;
    const struct route *route;
    struct slice none = { 0 }, domain;

    if (!m->from.uri.has_user || map_uri_to_jid(a, &m->from.uri, none, &b->map.aliases, from) != MAP_ADDRESS_OK ||
        map_uri_to_jid(a, &m->uri, none, &b->map.aliases, to) != MAP_ADDRESS_OK)
        return false;
    route = directory_route_to(b->directory, from->domain);
    return route && jid_domain_to_ascii(a, from->domain, &domain) && speaker_may(route, domain, request->from);
}

uint64_t note_sip_refused(struct bridge *b, const struct sip_request *request, unsigned status, const char *why)
{
    const struct talk_end end = { .outcome = SCORE_REFUSED, .status = status, .why = slice_str(why) };
    _Alignas(16) char memory[2048];
    struct arena a;
    struct jid from, to;
    uint64_t talk = 0;

    arena_init_on(&a, memory, sizeof(memory), 65536);
    if (parties_of(b, request, &a, &from, &to)) {
        talk = note_sip_in(b, &from, &to);
        note_sip_ended(b, talk, &end);
    }
    arena_reset(&a);
    return talk;
}

const char *note_condition(const struct xml *stanza)
{
    const struct xml *error = xml_child(stanza, "jabber:server", "error");

    for (const struct xml *c = error ? xml_first_child(error) : NULL; c; c = xml_next(c))
        if (slice_is(c->ns, NS_STANZA_ERROR) && !slice_is(c->name, "text"))
            return map_condition_name(map_condition_of(c->name));
    return map_condition_name(MAP_UNDEFINED_CONDITION);
}

uint64_t note_bounced_late(struct bridge *b, const struct xmpp_stanza *stanza)
{
    talks_bounced(&b->talks, stanza->to, stanza->from, note_condition(stanza->el), loop_now(b->loop));
    return talks_id(&b->talks, stanza->to, stanza->from);
}

/* Addresses of our domains themselves are nobody's conversation. */
uint64_t note_xmpp_in(struct bridge *b, const struct xmpp_stanza *stanza)
{
    if (!stanza->to->local.n)
        return 0;
    return talks_came(&b->talks, SCORE_X2S, stanza->to, stanza->from, loop_now(b->loop));
}

uint64_t note_xmpp_refused(struct bridge *b, const struct xmpp_stanza *stanza, const char *condition, const char *why)
{
    const struct talk_end end = { .outcome = SCORE_REFUSED, .condition = condition, .why = slice_str(why) };
    uint64_t talk = note_xmpp_in(b, stanza);

    talks_ended(&b->talks, talk, SCORE_X2S, &end, loop_now(b->loop));
    return talk;
}

void note_flight_ended(struct bridge *b, const struct flight *f, const struct talk_end *end)
{
    talks_ended(&b->talks, f->talk, SCORE_X2S, end, loop_now(b->loop));
}
