#include "map/entity.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "map/disco.h"
#include "map/error.h"
#include "xmpp/writer.h"

#define NS_CAPS "http://jabber.org/protocol/caps"
#define NS_GATEWAY "jabber:iq:gateway"
#define NS_DISCO_INFO "http://jabber.org/protocol/disco#info"
#define NS_DISCO_ITEMS "http://jabber.org/protocol/disco#items"
#define NODE "https://stox.example/" /* of the program, before "#" and the digest */

struct question {
    const struct map_entity *entity;
    const struct xml *child; /* what is asked */
    const struct jid *from, *to;
    struct slice id; /* .p NULL: none */
};

/* ---- the two forms of an answer ---- */

static void open_iq(struct buf *out, const struct question *q, const char *type)
{
    buf_str(out, "<iq");
    xml_put_attr(out, "type", slice_str(type));
    xml_put_attr_jid(out, "from", q->to);
    xml_put_attr_jid(out, "to", q->from);
    if (q->id.p)
        xml_put_attr(out, "id", q->id);
    buf_char(out, '>');
}

static void put_error(struct buf *out, const struct question *q, const char *type, enum map_condition condition)
{
    open_iq(out, q, "error");
    xml_put_error(out, type, map_condition_name(condition), q->to->domain, slice_of(NULL, 0), slice_of(NULL, 0));
    buf_str(out, "</iq>");
}

static void put_unavailable(struct buf *out, const struct question *q)
{
    put_error(out, q, "cancel", MAP_SERVICE_UNAVAILABLE);
}

/* XEP-0030 3.2: the node comes back with the error too. */
static void put_no_node(struct buf *out, const struct question *q, struct slice node)
{
    open_iq(out, q, "error");
    buf_str(out, "<query");
    xml_put_attr(out, "xmlns", q->child->ns);
    xml_put_attr(out, "node", node);
    buf_str(out, "/>");
    xml_put_error(out, "cancel", map_condition_name(MAP_ITEM_NOT_FOUND), q->to->domain, slice_of(NULL, 0),
                  slice_of(NULL, 0));
    buf_str(out, "</iq>");
}

/* ---- discovery ---- */

static const struct map_identity identities[] = { { "gateway", "sip", "", "Stox" }, { "server", "im", "", "Stox" } };

static const char *const features[] = { NS_CAPS,          NS_DISCO_INFO,       NS_DISCO_ITEMS,  NS_GATEWAY,
                                        "jabber:iq:last", "jabber:iq:version", "urn:xmpp:ping", "urn:xmpp:time" };

/* All that a description needs, in one place: it points into itself. */
struct described {
    struct map_disco disco;
    struct map_field fields[MAP_CONTACTS_MAX];
    struct slice contacts[MAP_CONTACTS_MAX], uris[MAP_CONTACTS_MAX];
};

static int by_octets(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Sorted as "kind=uri" the contacts are in the order of kinds, and of URIs in each. */
static void describe_contacts(struct described *d, const struct map_entity *e)
{
    size_t n = e->n_contacts < MAP_CONTACTS_MAX ? e->n_contacts : MAP_CONTACTS_MAX;
    struct slice kind, last = { 0 };
    struct map_field *field = NULL;

    for (size_t i = 0; i < n; i++)
        d->contacts[i] = e->contacts[i];
    qsort(d->contacts, n, sizeof(d->contacts[0]), by_octets);
    for (size_t i = 0; i < n; i++) {
        if (!slice_cut(d->contacts[i], '=', &kind, &d->uris[i]))
            continue;
        if (!field || !slice_eq(kind, last)) {
            field = &d->fields[d->disco.n_fields++];
            snprintf(field->var, sizeof(field->var), "%.*s-addresses", SLICE_FMT(slice_first(kind, 40)));
            field->values = &d->uris[i];
            field->n = 0;
            last = kind;
        }
        field->n++;
    }
}

static void describe(struct described *d, const struct map_entity *e)
{
    d->disco = (struct map_disco){ .identities = identities,
                                   .n_identities = sizeof(identities) / sizeof(identities[0]),
                                   .features = features,
                                   .n_features = sizeof(features) / sizeof(features[0]),
                                   .fields = d->fields };
    describe_contacts(d, e);
    if (d->disco.n_fields)
        d->disco.form = "http://jabber.org/network/serverinfo";
}

/* Of a person: his account, or the device behind a full address. */
#define PERSON_FEATURES 5

static void describe_person(struct map_disco *disco, const struct map_entity *e, bool device,
                            const char *known[PERSON_FEATURES])
{
    static const struct map_identity account = { "account", "registered", "", "" }, client = { "client", "pc", "", "" };

    *disco = (struct map_disco){ .identities = device ? &client : &account, .n_identities = 1, .features = known };
    if (device)
        known[disco->n_features++] = NS_CAPS;
    if (e->chat_states)
        known[disco->n_features++] = "http://jabber.org/protocol/chatstates";
    known[disco->n_features++] = NS_DISCO_INFO;
    if (e->receipts) {
        known[disco->n_features++] = "urn:xmpp:chat-markers:0";
        known[disco->n_features++] = "urn:xmpp:receipts";
    }
}

/* Without memory it is none. */
static bool is_caps_node(struct slice node, const struct map_disco *disco)
{
    const size_t n = sizeof(NODE "#") - 1;
    char ver[MAP_DISCO_VER + 1];

    return slice_starts(node, SLICE(NODE "#")) && map_disco_ver(disco, ver) && slice_is(slice_from(node, n), ver);
}

static void person_info(struct buf *out, const struct question *q)
{
    struct slice node = xml_attr(q->child, "node");
    bool device = q->to->resource.n > 0;
    const char *known[PERSON_FEATURES];
    struct map_disco disco;

    describe_person(&disco, q->entity, device, known);
    if (!q->entity->knows_person || !q->to->local.n) {
        put_unavailable(out, q);
    } else if (node.n && !(device && is_caps_node(node, &disco))) {
        put_no_node(out, q, node);
    } else {
        open_iq(out, q, "result");
        map_disco_put(out, &disco, node);
        buf_str(out, "</iq>");
    }
}

static void disco_info(struct buf *out, const struct question *q)
{
    struct slice node = xml_attr(q->child, "node");
    struct described d;

    describe(&d, q->entity);
    if (node.n && !is_caps_node(node, &d.disco)) {
        put_no_node(out, q, node);
    } else {
        open_iq(out, q, "result");
        map_disco_put(out, &d.disco, node);
        buf_str(out, "</iq>");
    }
}

static void disco_items(struct buf *out, const struct question *q)
{
    struct slice node = xml_attr(q->child, "node");

    if (node.n) {
        put_no_node(out, q, node);
        return;
    }
    open_iq(out, q, "result");
    buf_str(out, "<query xmlns='" NS_DISCO_ITEMS "'/></iq>");
}

static void put_caps(struct buf *out, const struct map_disco *disco)
{
    char ver[MAP_DISCO_VER + 1];

    if (!map_disco_ver(disco, ver)) /* it is optional */
        return;
    buf_str(out, "<c xmlns='" NS_CAPS "' hash='sha-1' node='" NODE "'");
    xml_put_attr(out, "ver", slice_str(ver));
    buf_str(out, "/>");
}

void map_entity_put_caps(struct buf *out, const struct map_entity *e)
{
    struct described d;

    describe(&d, e);
    put_caps(out, &d.disco);
}

void map_entity_put_device_caps(struct buf *out, const struct map_entity *e)
{
    const char *known[PERSON_FEATURES];
    struct map_disco disco;

    describe_person(&disco, e, true, known);
    put_caps(out, &disco);
}

/* ---- the others ---- */

static void ping(struct buf *out, const struct question *q)
{
    open_iq(out, q, "result");
    buf_str(out, "</iq>");
}

/* Without the operating system, which helps nobody but those who look for its faults (XEP-0092 5). */
static void version(struct buf *out, const struct question *q)
{
    open_iq(out, q, "result");
    buf_str(out, "<query xmlns='jabber:iq:version'><name>Stox</name>");
    xml_put_text_element(out, "version", slice_str(q->entity->version));
    buf_str(out, "</query></iq>");
}

/* A gateway's own zone is UTC. */
static void entity_time(struct buf *out, const struct question *q)
{
    open_iq(out, q, "result");
    buf_str(out, "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>");
    clock_put_rfc3339(out, q->entity->now_wall_s);
    buf_str(out, "</utc></time></iq>");
}

/* Of a server it is the time it has been up (XEP-0012). */
static void last_activity(struct buf *out, const struct question *q)
{
    open_iq(out, q, "result");
    buf_str(out, "<query xmlns='jabber:iq:last' seconds='");
    buf_u64(out, q->entity->uptime_s);
    buf_str(out, "'/></iq>");
}

/* ---- jabber:iq:gateway (XEP-0100 6.3): a SIP address is asked for, and becomes a JID ---- */

static void gateway_prompt(struct buf *out, const struct question *q)
{
    open_iq(out, q, "result");
    buf_str(out, "<query xmlns='" NS_GATEWAY "'><desc>Enter the SIP address of the person</desc>"
                 "<prompt>SIP address</prompt></query></iq>");
}

/* Only addresses of the domain that is asked: whether others are reached, and how, is theirs to say. */
static void gateway_jid(struct buf *out, const struct question *q)
{
    const struct xml *prompt = xml_child(q->child, NS_GATEWAY, "prompt");
    _Alignas(16) char memory[4096];
    char text[2 * JID_PART_MAX + 2];
    enum map_address_fault fault;
    struct arena a;
    struct jid jid;

    arena_init_on(&a, memory, sizeof(memory), 1u << 20);
    fault = prompt ? map_text_to_jid(&a, xml_text(&a, prompt), &q->entity->aliases, &jid) : MAP_ADDRESS_MALFORMED;
    if (fault == MAP_ADDRESS_NO_MEMORY) {
        put_error(out, q, "wait", MAP_RESOURCE_CONSTRAINT);
    } else if (fault != MAP_ADDRESS_OK || !jid.local.n || !slice_eq(jid.domain, q->to->domain)) {
        put_error(out, q, "cancel", MAP_ITEM_NOT_FOUND);
    } else {
        struct buf bare = { .p = text, .cap = sizeof(text), .max = sizeof(text) };

        jid_put_bare(&bare, &jid);
        open_iq(out, q, "result");
        buf_str(out, "<query xmlns='" NS_GATEWAY "'>");
        xml_put_text_element(out, "jid", buf_slice(&bare));
        buf_str(out, "</query></iq>");
    }
    arena_reset(&a);
}

/* ---- who answers what ---- */

struct row {
    const char *ns, *name;
    void (*get)(struct buf *out, const struct question *q);
    void (*set)(struct buf *out, const struct question *q); /* NULL: unavailable */
};

static const struct row of_domain[] = {
    { NS_DISCO_INFO, "query", disco_info, NULL },
    { NS_DISCO_ITEMS, "query", disco_items, NULL },
    { "urn:xmpp:ping", "ping", ping, NULL },
    { "jabber:iq:version", "query", version, NULL },
    { "urn:xmpp:time", "time", entity_time, NULL },
    { "jabber:iq:last", "query", last_activity, NULL },
    { NS_GATEWAY, "query", gateway_prompt, gateway_jid },
};

/* Clients ask everybody they list for a card (XEP-0054). Who may not see it, and who asks of nobody, get the same answer. */
static void vcard(struct buf *out, const struct question *q)
{
    const struct map_vcard *card = q->entity->card;

    if (!card) {
        put_error(out, q, "cancel", MAP_ITEM_NOT_FOUND);
        return;
    }
    open_iq(out, q, "result");
    if (slice_is(q->child->ns, MAP_NS_VCARD4))
        map_put_vcard4(out, card, q->to);
    else
        map_put_vcard_temp(out, card, q->to);
    buf_str(out, "</iq>");
}

/* To those who may know that he is there (XEP-0199). */
static void person_ping(struct buf *out, const struct question *q)
{
    if (q->entity->knows_person)
        ping(out, q);
    else
        put_unavailable(out, q);
}

static const struct row of_person[] = { { MAP_NS_VCARD_TEMP, "vCard", vcard, NULL },
                                        { MAP_NS_VCARD4, "vcard", vcard, NULL },
                                        { "urn:xmpp:ping", "ping", person_ping, NULL },
                                        { NS_DISCO_INFO, "query", person_info, NULL } };

static const struct row of_device[] = { { "urn:xmpp:ping", "ping", person_ping, NULL },
                                        { NS_DISCO_INFO, "query", person_info, NULL } };

#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

static void answer(struct buf *out, const struct question *q, bool get)
{
    const struct row *rows = q->to->resource.n ? of_device : q->to->local.n ? of_person : of_domain;
    size_t n = q->to->resource.n ? COUNT(of_device) : q->to->local.n ? COUNT(of_person) : COUNT(of_domain);

    for (size_t i = 0; i < n; i++) {
        if (xml_is(q->child, rows[i].ns, rows[i].name) && (get || rows[i].set)) {
            (get ? rows[i].get : rows[i].set)(out, q);
            return;
        }
    }
    put_unavailable(out, q);
}

bool map_entity_answer(struct buf *out, const struct map_entity *e, const struct xml *iq, const struct jid *from,
                       const struct jid *to)
{
    struct slice type = xml_attr(iq, "type");
    struct question q = { .entity = e, .child = xml_first_child(iq), .from = from, .to = to, .id = xml_attr(iq, "id") };
    bool get = slice_is(type, "get");

    if (slice_is(type, "result") || slice_is(type, "error"))
        return false;
    if ((!get && !slice_is(type, "set")) || !q.id.p || !q.child || xml_next(q.child))
        put_error(out, &q, "modify", MAP_BAD_REQUEST);
    else
        answer(out, &q, get);
    return true;
}
