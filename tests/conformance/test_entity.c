/* STOX-IQ: what a domain of ours answers to an iq. What needs streams is in test_entity_wire.py. */
#include "../unit/map/im_support.h"

#include "map/disco.h"
#include "map/entity.h"
#include "map/presence.h"

#define GET(id, to, inside)                                                                                            \
    "<iq type='get' from='romeo@fabrikam.example/orchard' to='" to "' id='" id "'>" inside "</iq>"
#define DOMAIN "contoso.example"
#define USER "alice@contoso.example"
#define UNAVAILABLE                                                                                                    \
    "<error type='cancel' by='contoso.example'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>"     \
    "</error></iq>"
#define INFO "http://jabber.org/protocol/disco#info"
#define ITEMS "http://jabber.org/protocol/disco#items"

static const struct slice contacts[] = { { "security=xmpp:sec@contoso.example", 33 },
                                         { "abuse=mailto:b@contoso.example?subject=a&b", 42 },
                                         { "abuse=mailto:a@contoso.example", 30 } };

static struct map_entity entity(void)
{
    return (struct map_entity){
        .version = "1.2.3", .now_wall_s = NOW, .uptime_s = 4711, .contacts = contacts, .n_contacts = 3
    };
}

/* The answer as text, or NULL; it must be XML again. */
static const char *ask(struct arena *a, const struct map_entity *e, const char *iq)
{
    const struct xml *el = stanza_of(a, slice_str(iq));
    struct jid from, to;
    struct buf out;
    const char *text = NULL;

    assert_true(jid_parse(a, xml_attr(el, "from"), &from) && jid_parse(a, xml_attr(el, "to"), &to));
    buf_init(&out, ARENA_MAX);
    if (map_entity_answer(&out, e, el, &from, &to)) {
        assert_true(buf_ok(&out));
        text = c_str(a, buf_slice(&out));
        assert_non_null(stanza_of(a, buf_slice(&out)));
    } else {
        assert_int_equal(out.n, 0);
    }
    buf_free(&out);
    return text;
}

static void expect(const char *iq, const char *part)
{
    struct map_entity e = entity();
    struct arena a;
    const char *text;

    arena_init(&a, ARENA_MAX);
    text = ask(&a, &e, iq);
    if (!part)
        assert_null(text);
    else if (!text || !strstr(text, part))
        fail_msg("there is no %s in %s, the answer to %s", part, text, iq);
    arena_reset(&a);
}

static void STOX_IQ_01_the_domain_says_what_it_is_and_does(void **state)
{
    struct map_entity bare = { .version = "1" };
    struct arena a;

    arena_init(&a, ARENA_MAX);
    assert_string_equal(
        ask(&a, &bare, GET("d1", DOMAIN, "<query xmlns='" INFO "'/>")),
        "<iq type='result' from='contoso.example' to='romeo@fabrikam.example/orchard' id='d1'><query xmlns='" INFO "'>"
        "<identity category='gateway' type='sip' name='Stox'/><identity category='server' type='im' name='Stox'/>"
        "<feature var='http://jabber.org/protocol/caps'/><feature var='" INFO "'/><feature var='" ITEMS "'/>"
        "<feature var='jabber:iq:gateway'/><feature var='jabber:iq:last'/><feature var='jabber:iq:version'/><feature "
        "var='urn:xmpp:ping'/>"
        "<feature var='urn:xmpp:time'/></query></iq>");
    arena_reset(&a);
}

/* Truthful: each feature that is a namespace of questions is answered, and nothing else is. */
static void STOX_IQ_01_every_feature_is_served(void **state)
{
    expect(GET("1", DOMAIN, "<query xmlns='" ITEMS "'/>"), "type='result'");
    expect(GET("1", DOMAIN, "<query xmlns='jabber:iq:last'/>"), "<query xmlns='jabber:iq:last' seconds='4711'/></iq>");
    expect(GET("1", DOMAIN, "<query xmlns='jabber:iq:version'/>"), "type='result'");
    expect(GET("1", DOMAIN, "<ping xmlns='urn:xmpp:ping'/>"), "type='result'");
    expect(GET("1", DOMAIN, "<time xmlns='urn:xmpp:time'/>"),
           "<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>2020-01-01T00:00:00Z</utc></time></iq>");
}

static void STOX_IQ_02_nobody_learns_who_is_there(void **state)
{
    static const char *const people[] = { USER, "nobody@contoso.example" };
    struct map_entity e = entity();
    struct arena a;

    arena_init(&a, ARENA_MAX);
    for (size_t i = 0; i < 2; i++) {
        const char *text = ask(&a, &e,
                               text_of(&a,
                                       "<iq type='get' from='r@fabrikam.example' to='%s' id='1'><query "
                                       "xmlns='" INFO "' node='x'/></iq>",
                                       people[i]));

        assert_string_equal(
            text, text_of(&a, "<iq type='error' from='%s' to='r@fabrikam.example' id='1'>" UNAVAILABLE, people[i]));
    }
    arena_reset(&a);
}

static void STOX_IQ_04_an_unknown_node_is_mirrored_and_not_found(void **state)
{
    expect(GET("1", DOMAIN, "<query xmlns='" INFO "' node='a&amp;&apos;b'/>"),
           "<query xmlns='" INFO "' node='a&amp;&apos;b'/><error type='cancel' by='contoso.example'><item-not-found ");
    expect(GET("1", DOMAIN, "<query xmlns='" ITEMS "' node='commands'/>"),
           "<query xmlns='" ITEMS "' node='commands'/><error type='cancel' by='contoso.example'><item-not-found ");
    expect(GET("1", DOMAIN, "<query xmlns='" INFO "' node=''/>"), "type='result'");
    expect(GET("1", DOMAIN, "<query xmlns='" INFO "' node='https://stox.example/'/>"), "<item-not-found ");
    expect(GET("1", DOMAIN, "<query xmlns='" INFO "' node='https://stox.example/#'/>"), "<item-not-found ");
}

static void STOX_IQ_05_no_items(void **state)
{
    expect(GET("1", DOMAIN, "<query xmlns='" ITEMS "'/>"), "id='1'><query xmlns='" ITEMS "'/></iq>");
}

static void STOX_IQ_06_ping(void **state)
{
    expect(GET("p", DOMAIN, "<ping xmlns='urn:xmpp:ping'/>"),
           "<iq type='result' from='contoso.example' to='romeo@fabrikam.example/orchard' id='p'></iq>");
    expect(GET("p", USER, "<ping xmlns='urn:xmpp:ping'/>"), UNAVAILABLE);
    expect(GET("p", USER "/gone", "<ping xmlns='urn:xmpp:ping'/>"), UNAVAILABLE);
    expect(GET("p", DOMAIN "/x", "<ping xmlns='urn:xmpp:ping'/>"), UNAVAILABLE);
}

static void STOX_IQ_07_the_version_without_the_system(void **state)
{
    expect(GET("1", DOMAIN, "<query xmlns='jabber:iq:version'/>"),
           "<query xmlns='jabber:iq:version'><name>Stox</name><version>1.2.3</version></query></iq>");
}

static void STOX_IQ_08_everything_else_is_unavailable(void **state)
{
    static const char *const asked[] = {
        "<query xmlns='jabber:iq:roster'/>",
        "<vCard xmlns='vcard-temp:x'/>",
        "<ping xmlns='urn:made-up'/>",
        "<pong xmlns='urn:xmpp:ping'/>",
        "<query xmlns='http://jabber.org/protocol/pubsub'/>",
        "<ping/>",
    };
    static const char *const to[] = { DOMAIN, DOMAIN "/r", USER, USER "/r", "nobody@contoso.example" };
    static const char *const types[] = { "get", "set" };
    struct map_entity e = entity();
    struct arena a;

    arena_init(&a, ARENA_MAX);
    for (size_t i = 0; i < 6 * 5 * 2; i++) {
        const char *text = ask(&a, &e,
                               text_of(&a, "<iq type='%s' from='r@fabrikam.example' to='%s' id='1'>%s</iq>",
                                       types[i % 2], to[i / 2 % 5], asked[i / 10]));

        assert_string_equal(
            text, text_of(&a, "<iq type='error' from='%s' to='r@fabrikam.example' id='1'>" UNAVAILABLE, to[i / 2 % 5]));
    }
    arena_reset(&a);
    for (size_t i = 0; i < 2; i++) /* what is there to be read is not there to be written */
        expect(i ? "<iq type='set' from='a@b' to='contoso.example' id='1'><query xmlns='" INFO "'/></iq>"
                 : "<iq type='set' from='a@b' to='contoso.example' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
               UNAVAILABLE);
}

#define BAD "<error type='modify' by='contoso.example'><bad-request "
#define PING "<ping xmlns='urn:xmpp:ping'/>"

static void STOX_IQ_09_what_is_no_iq_is_a_bad_request(void **state)
{
    static const char *const bad[] = {
        "<iq type='get' from='a@b' to='contoso.example'>" PING "</iq>",
        "<iq type='get' from='a@b' to='contoso.example' id='1'/>",
        "<iq type='get' from='a@b' to='contoso.example' id='1'>ping</iq>",
        "<iq type='set' from='a@b' to='alice@contoso.example' id='1'>" PING PING "</iq>",
        "<iq type='get' from='a@b' to='contoso.example' id='1'>" PING "<x xmlns='y'/></iq>",
        "<iq type='GET' from='a@b' to='contoso.example' id='1'>" PING "</iq>",
        "<iq type='' from='a@b' to='contoso.example' id='1'>" PING "</iq>",
        "<iq from='a@b' to='contoso.example' id='1'>" PING "</iq>",
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect(bad[i], BAD);
    expect("<iq type='get' from='a@b' to='contoso.example' id=''>" PING "</iq>",
           "<iq type='result'"); /* an id it has */
    expect("<iq type='get' from='a@b' to='contoso.example' id='1'> " PING "\n</iq>", "<iq type='result'");
}

static void STOX_IQ_10_answers_are_not_answered(void **state)
{
    expect("<iq type='result' from='a@b' to='contoso.example' id='1'/>", NULL);
    expect("<iq type='error' from='a@b' to='contoso.example' id='1'><error/></iq>", NULL);
    expect("<iq type='result' from='a@b' to='alice@contoso.example'>" PING PING "</iq>", NULL);
    expect("<iq type='error' from='a@b' to='alice@contoso.example'/>", NULL);
}

/* V-IQ-01: the two examples of XEP-0115, 5.2 without a form and 5.3 with one. */
static void STOX_IQ_11_the_digest_of_the_vectors(void **state)
{
    static const struct map_identity exodus = { "client", "pc", "", "Exodus 0.9.1" };
    static const struct map_identity psi[] = { { "client", "pc", "el", "\u03a8 0.11" },
                                               { "client", "pc", "en", "Psi 0.11" } };
    static const struct slice values[] = { { "ipv4", 4 },   { "ipv6", 4 }, { "Mac", 3 },
                                           { "10.5.1", 6 }, { "Psi", 3 },  { "0.11", 4 } };
    static const struct map_field fields[] = { { "ip_version", values, 2 },
                                               { "os", values + 2, 1 },
                                               { "os_version", values + 3, 1 },
                                               { "software", values + 4, 1 },
                                               { "software_version", values + 5, 1 } };
    static const char *const features[] = { "http://jabber.org/protocol/caps", "http://jabber.org/protocol/disco#info",
                                            "http://jabber.org/protocol/disco#items",
                                            "http://jabber.org/protocol/muc" };
    struct map_disco d = { .identities = &exodus, .n_identities = 1, .features = features, .n_features = 4 };
    char ver[MAP_DISCO_VER + 1];

    assert_true(map_disco_ver(&d, ver));
    assert_string_equal(ver, "QgayPKawpkPSDYmwT/WM94uAlu0=");
    d.identities = psi;
    d.n_identities = 2;
    d.form = "urn:xmpp:dataforms:softwareinfo";
    d.fields = fields;
    d.n_fields = 5;
    assert_true(map_disco_ver(&d, ver));
    assert_string_equal(ver, "q07IKJEyjvHSyhy//CH0CxmKi8w=");
}

/* The stream feature's digest is that of the answer, and is a node that can be asked for. */
static void STOX_IQ_11_the_node_with_the_digest_is_answered(void **state)
{
    struct map_entity e = entity();
    const struct xml *c;
    const char *node;
    struct arena a;
    struct buf out;

    arena_init(&a, ARENA_MAX);
    buf_init(&out, 4096);
    map_entity_put_caps(&out, &e);
    c = stanza_of(&a, buf_slice(&out));
    assert_true(xml_is(c, "http://jabber.org/protocol/caps", "c"));
    assert_slice(&a, xml_attr(c, "hash"), "sha-1");
    node = text_of(&a, "%.*s#%.*s", SLICE_FMT(xml_attr(c, "node")), SLICE_FMT(xml_attr(c, "ver")));
    assert_non_null(strstr(ask(&a, &e, text_of(&a, GET("1", DOMAIN, "<query xmlns='" INFO "' node='%s'/>"), node)),
                           text_of(&a, "node='%s'><identity ", node)));
    e.n_contacts = 2;
    assert_non_null(strstr(ask(&a, &e, text_of(&a, GET("1", DOMAIN, "<query xmlns='" INFO "' node='%s'/>"), node)),
                           "item-not-found"));
    buf_free(&out);
    arena_reset(&a);
}

/* A device's presence has the digest of what it answers, which changes with what its side takes. */
static void STOX_IQ_11_presence_of_a_device_has_its_digest(void **state)
{
    struct jid alice = { SLICE("alice"), SLICE(DOMAIN), { 0 } };
    struct map_presence p = { .resource = SLICE("phone"), .available = true };
    struct map_entity e = entity();
    char was[256] = "";

    for (int takes = 0; takes < 4; takes++) {
        const struct xml *c;
        const char *node;
        struct arena a;
        struct buf out;

        arena_init(&a, ARENA_MAX);
        buf_init(&out, 4096);
        e.knows_person = true;
        e.chat_states = takes & 1;
        e.receipts = takes & 2;
        map_put_presence_stanza(&out, &alice, &p, &alice, true, &e);
        c = xml_child(stanza_of(&a, buf_slice(&out)), "http://jabber.org/protocol/caps", "c");
        assert_non_null(c);
        node = text_of(&a, "%.*s#%.*s", SLICE_FMT(xml_attr(c, "node")), SLICE_FMT(xml_attr(c, "ver")));
        assert_non_null(strstr(
            ask(&a, &e, text_of(&a, GET("1", "alice@" DOMAIN "/phone", "<query xmlns='" INFO "' node='%s'/>"), node)),
            text_of(&a, "node='%s'><identity category='client' type='pc'/>", node)));
        assert_non_null(
            strstr(ask(&a, &e, text_of(&a, GET("1", "alice@" DOMAIN, "<query xmlns='" INFO "' node='%s'/>"), node)),
                   "item-not-found"));
        assert_string_not_equal(node, was);
        snprintf(was, sizeof(was), "%s", node);
        buf_free(&out);
        arena_reset(&a);
    }
}

/* Whoever it is, and whether there is one: nothing can be learned by asking for cards. */
static void STOX_IQ_13_cards_are_not_found(void **state)
{
    static const char *const people[] = { USER, "nobody@contoso.example", "a\\20b@contoso.example" };

    for (size_t i = 0; i < 3; i++) {
        struct map_entity e = entity();
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_string_equal(ask(&a, &e,
                                text_of(&a,
                                        "<iq type='get' from='r@fabrikam.example' to='%s' id='v'><vCard "
                                        "xmlns='vcard-temp'/></iq>",
                                        people[i])),
                            text_of(&a,
                                    "<iq type='error' from='%s' to='r@fabrikam.example' id='v'><error type='cancel' "
                                    "by='contoso.example'><item-not-found "
                                    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
                                    people[i]));
        arena_reset(&a);
    }
    expect(GET("v", USER "/phone", "<vCard xmlns='vcard-temp'/>"), UNAVAILABLE);
    expect(GET("v", DOMAIN, "<vCard xmlns='vcard-temp'/>"), UNAVAILABLE);
    expect("<iq type='set' from='a@b' to='" USER "' id='1'><vCard xmlns='vcard-temp'/></iq>", UNAVAILABLE);
}

static void STOX_IQ_13_the_card_of_whom_one_may_see(void **state)
{
    static const struct map_vcard card = { .name = { "Alice", 5 } };
    struct map_entity e = entity();
    struct arena a;

    e.card = &card;
    arena_init(&a, ARENA_MAX);
    assert_string_equal(ask(&a, &e, GET("v", USER, "<vCard xmlns='vcard-temp'/>")),
                        "<iq type='result' from='" USER "' to='romeo@fabrikam.example/orchard' id='v'><vCard "
                        "xmlns='vcard-temp'><FN>Alice</FN><N/><JABBERID>" USER "</JABBERID></vCard></iq>");
    assert_string_equal(ask(&a, &e, GET("v", USER, "<vcard xmlns='urn:ietf:params:xml:ns:vcard-4.0'/>")),
                        "<iq type='result' from='" USER "' to='romeo@fabrikam.example/orchard' id='v'><vcard "
                        "xmlns='urn:ietf:params:xml:ns:vcard-4.0'><fn><text>Alice</text></fn><impp><uri>xmpp:" USER
                        "</uri></impp></vcard></iq>");
    arena_reset(&a);
}

#define SET(inside)                                                                                                    \
    "<iq type='set' from='a@b' to='" DOMAIN "' id='1'><query xmlns='jabber:iq:gateway'>" inside "</query></iq>"
#define PROMPT(text) SET("<prompt>" text "</prompt>")

static void STOX_IQ_18_a_sip_address_becomes_a_jid(void **state)
{
    expect(GET("g", DOMAIN, "<query xmlns='jabber:iq:gateway'/>"), "<prompt>SIP address</prompt></query></iq>");
    expect(PROMPT("sip:o'malley@contoso.example"), "<jid>o\\27malley@contoso.example</jid></query></iq>");
    expect(PROMPT(" Alice@Contoso.Example\n"), "<jid>alice@contoso.example</jid>");
    expect(PROMPT("im:alice@contoso.example;x=y"), "<jid>alice@contoso.example</jid>");
    expect(PROMPT("sip:a%26b&lt;c@contoso.example"), "item-not-found"); /* '<' is none of a SIP URI */
    expect(PROMPT("sip:a%26b@contoso.example"), "<jid>a\\26b@contoso.example</jid>");
    expect(SET("<prompt>ali<b/>ce@contoso.example</prompt>"), "<jid>alice@contoso.example</jid>");
}

static void STOX_IQ_18_other_addresses_are_not_found(void **state)
{
    static const char *const prompts[] = {
        PROMPT(""),
        PROMPT("alice"),
        PROMPT("sip:contoso.example"),
        PROMPT("sip:alice@other.example"), /* of no business of this domain */
        PROMPT("romeo@fabrikam.example"),
        PROMPT("sips:alice@contoso.example"),
        PROMPT("tel:+4930123"),
        PROMPT("sip:a%00b@contoso.example"),
        PROMPT("sip:a%0d%0ab@contoso.example"),
        PROMPT("@contoso.example"),
        SET(""),
        SET("<jid>alice@contoso.example</jid>"),
    };

    for (size_t i = 0; i < sizeof(prompts) / sizeof(prompts[0]); i++)
        expect(prompts[i], "<item-not-found ");
    expect("<iq type='set' from='a@b' to='" USER "' id='1'><query xmlns='jabber:iq:gateway'/></iq>", UNAVAILABLE);
}

static void STOX_IQ_17_pubsub_is_not_served(void **state)
{
    expect(GET("1", USER, "<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='x'/></pubsub>"), UNAVAILABLE);
}

static void STOX_IQ_19_whom_to_turn_to(void **state)
{
    expect(GET("1", DOMAIN, "<query xmlns='" INFO "'/>"),
           "<x xmlns='jabber:x:data' type='result'>"
           "<field var='FORM_TYPE' type='hidden'><value>http://jabber.org/network/serverinfo</value></field>"
           "<field var='abuse-addresses'><value>mailto:a@contoso.example</value>"
           "<value>mailto:b@contoso.example?subject=a&amp;b</value></field>"
           "<field var='security-addresses'><value>xmpp:sec@contoso.example</value></field></x></query></iq>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_IQ_01_the_domain_says_what_it_is_and_does),
        cmocka_unit_test(STOX_IQ_01_every_feature_is_served),
        cmocka_unit_test(STOX_IQ_02_nobody_learns_who_is_there),
        cmocka_unit_test(STOX_IQ_04_an_unknown_node_is_mirrored_and_not_found),
        cmocka_unit_test(STOX_IQ_05_no_items),
        cmocka_unit_test(STOX_IQ_06_ping),
        cmocka_unit_test(STOX_IQ_07_the_version_without_the_system),
        cmocka_unit_test(STOX_IQ_08_everything_else_is_unavailable),
        cmocka_unit_test(STOX_IQ_09_what_is_no_iq_is_a_bad_request),
        cmocka_unit_test(STOX_IQ_10_answers_are_not_answered),
        cmocka_unit_test(STOX_IQ_11_the_digest_of_the_vectors),
        cmocka_unit_test(STOX_IQ_11_the_node_with_the_digest_is_answered),
        cmocka_unit_test(STOX_IQ_11_presence_of_a_device_has_its_digest),
        cmocka_unit_test(STOX_IQ_13_cards_are_not_found),
        cmocka_unit_test(STOX_IQ_13_the_card_of_whom_one_may_see),
        cmocka_unit_test(STOX_IQ_18_a_sip_address_becomes_a_jid),
        cmocka_unit_test(STOX_IQ_18_other_addresses_are_not_found),
        cmocka_unit_test(STOX_IQ_17_pubsub_is_not_served),
        cmocka_unit_test(STOX_IQ_19_whom_to_turn_to),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
