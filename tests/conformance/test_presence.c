/*
 * STOX-PRS: presence, as far as the translation itself can show it: the vectors V-PRS-X and V-PRS-N. Dialogs, states and what is
 * sent when are shown elsewhere.
 */
#include "../unit/map/presence_support.h"

#include "../unit/map/schema.h"

#include "map/pidf.h"
#include "map/winfo.h"

static const char *schemas;

/* ---- documents of ours, looked at as XML ---- */

static struct xml *tree_of(struct arena *a, struct slice document)
{
    struct slice declaration;

    assert_true(slice_starts(document, SLICE("<?xml version='1.0' encoding='UTF-8'?>\n")));
    slice_cut(document, '\n', &declaration, &document);
    return stanza_of(a, document);
}

static const char *text_below(struct arena *a, const struct xml *el, const char *ns, const char *name)
{
    const struct xml *child = el ? xml_child(el, ns, name) : NULL;

    return child ? c_str(a, xml_text(a, child)) : "-";
}

/* "ID-a open show priority [lang]note", '-' for what there is not. */
static const char *tuple_of(struct arena *a, const struct xml *tuple)
{
    const struct xml *status = xml_child(tuple, MAP_NS_PIDF, "status"),
                     *contact = xml_child(tuple, MAP_NS_PIDF, "contact");
    const char *priority = contact ? attr_text(a, contact, "priority") : NULL;
    const char *text = text_of(a, "%s %s %s %s", attr_text(a, tuple, "id"), text_below(a, status, MAP_NS_PIDF, "basic"),
                               text_below(a, status, "jabber:client", "show"), priority ? priority : "-");

    for (const struct xml *el = xml_first_child(tuple); el; el = xml_next(el))
        if (xml_is(el, MAP_NS_PIDF, "note"))
            text = text_of(a, "%s [%.*s]%s", text, SLICE_FMT(xml_lang(el)), c_str(a, xml_text(a, el)));
    return text;
}

static const char *tuples_of(struct arena *a, const struct map_presences *p)
{
    const struct xml *root = tree_of(a, pidf_of(a, p, true));
    const char *text = "";

    assert_true(xml_is(root, MAP_NS_PIDF, "presence"));
    assert_string_equal(attr_text(a, root, "entity"), "pres:juliet@example.com");
    for (const struct xml *el = xml_first_child(root); el; el = xml_next(el))
        if (xml_is(el, MAP_NS_PIDF, "tuple"))
            text = text_of(a, "%s%s%s", text, *text ? "; " : "", tuple_of(a, el));
    return text;
}

static void assert_tuples(const char *attrs, const char *inside, const char *expected)
{
    struct map_presence one;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    one = presence_of(&a, "r", attrs, inside);
    assert_string_equal(tuples_of(&a, &(struct map_presences){ 1, &one }), expected);
    arena_reset(&a);
}

/* ---- documents of others ---- */

static void assert_read(const char *document, const char *expected)
{
    struct map_presences p;
    struct arena a;

    arena_init(&a, MAP_PIDF_ARENA);
    assert_int_equal(map_read_pidf(&a, slice_str(document), slice_of(NULL, 0), &romeo, NULL, NOW, &p), MAP_PIDF_OK);
    assert_string_equal(line_of(&a, &p, false), expected);
    arena_reset(&a);
}

static void put_told(void *arg, const struct map_presence *p)
{
    map_put_presence_stanza(arg, &romeo, p, &juliet, true);
}

/* What Juliet gets after the second document, when the first was told; first NULL: nothing was. */
static void assert_told(const char *first, const char *second, const char *expected)
{
    struct map_presences was = { 0 }, now;
    struct arena a;
    struct buf b;

    arena_init(&a, 2 * MAP_PIDF_ARENA);
    buf_init(&b, 65536);
    if (first)
        assert_int_equal(map_read_pidf(&a, slice_str(first), slice_of(NULL, 0), &romeo, NULL, NOW, &was), MAP_PIDF_OK);
    assert_int_equal(map_read_pidf(&a, slice_str(second), slice_of(NULL, 0), &romeo, NULL, NOW, &now), MAP_PIDF_OK);
    map_presence_diff(&was, &now, put_told, &b);
    assert_slice(&a, buf_slice(&b), expected);
    buf_free(&b);
    arena_reset(&a);
}

#define TO " to='juliet@example.com'"
#define A(inside) "<tuple id='ID-a'>" inside "</tuple>"
#define OPEN_A A("<status><basic>open</basic></status>")
#define CLOSED_A A("<status><basic>closed</basic></status>")
#define OPEN_B "<tuple id='ID-b'><status><basic>open</basic></status></tuple>"

static void STOX_PRS_37_PIDF_becomes_presence(void **state)
{
    static const struct {
        const char *tuple, *says;
    } rows[] = {
        { "<status><basic>open</basic></status>", "/a open" },
        { "<status><basic>closed</basic></status>", "/a closed" },
        { "<status><show xmlns='jabber:client'>away</show></status>", "/a open away" },
        { "<status/>", "/ closed" },
        { "<status><basic>open</basic></status><note xml:lang='fr'>occup\u00E9</note><note>busy</note>",
          "/a open [fr]occup\u00E9 []busy" },
        { "<status><basic>open</basic><show xmlns='jabber:client'>chat</show></status>", "/a open chat" },
        { "<status><basic>open</basic><show xmlns='jabber:client'>xa</show></status>", "/a open xa" },
        { "<status><basic>open</basic><show xmlns='jabber:client'>foo</show></status>", "/a open" },
        { "<status><basic>open</basic><show xmlns='jabber:client'>dnd</show></status><contact "
          "priority='0.5'>sip:romeo@example.net</contact><note xml:lang='fr'>occup\u00E9</note>",
          "/a open dnd priority=64 [fr]occup\u00E9" },
        { "<status><basic>open</basic></status><contact priority='1.5'>sip:romeo@example.net</contact>", "/a open" },
        { "<status><basic>closed</basic><show xmlns='jabber:client'>dnd</show></status><contact "
          "priority='1'>sip:x</contact>",
          "/a closed" },
        { "<status><basic>open</basic><y xmlns='urn:microsoft'>z</y></status>", "/a open" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_read(text_of(&a, PIDF(A("%s")), rows[i].tuple), rows[i].says);
        arena_reset(&a);
    }
    assert_read(PIDF(OPEN_A "<dm:person id='p'><rpid:activities><rpid:on-the-phone/></rpid:activities></dm:person>"),
                "/a open dnd");
    assert_read(PIDF(OPEN_A "<note>for all</note>"), "/a open []for all");
}

static void STOX_PRS_38_open_and_closed_come_from_the_same_resource(void **state)
{
    assert_told(NULL, PIDF(OPEN_A), "<presence from='romeo@example.net/a'" TO "></presence>");
    assert_told(PIDF(OPEN_A), PIDF(CLOSED_A),
                "<presence from='romeo@example.net/a'" TO " type='unavailable'></presence>");
    assert_told(NULL, PIDF(A("<status><basic>open</basic></status><contact>sip:romeo@example.net;gr=dr4</contact>")),
                "<presence from='romeo@example.net/dr4'" TO "></presence>");
    assert_told(NULL, PIDF("<tuple id='ID-9_20_C3_BC'><status><basic>open</basic></status></tuple>"),
                "<presence from='romeo@example.net/9 \u00FC'" TO "></presence>");
    assert_told(NULL, PIDF("<tuple id='t4109'><status><basic>open</basic></status></tuple>"),
                "<presence from='romeo@example.net/t4109'" TO "></presence>");
}

static void STOX_PRS_40_each_document_is_all_there_is(void **state)
{
    assert_told(PIDF(OPEN_A OPEN_B), PIDF(OPEN_B),
                "<presence from='romeo@example.net/a'" TO " type='unavailable'></presence>");
    assert_told(PIDF(OPEN_A OPEN_B), PIDF(OPEN_B OPEN_A), "");
    assert_told(PIDF(OPEN_A),
                PIDF(A("<status><basic>open</basic></status><timestamp>2026-01-01T00:00:00Z</timestamp>")), "");
    assert_told(PIDF(OPEN_A), PIDF(A("<status><basic>open</basic></status><note>x</note>") OPEN_B),
                "<presence from='romeo@example.net/a'" TO "><status>x</status></presence>"
                "<presence from='romeo@example.net/b'" TO "></presence>");
}

static void STOX_PRS_41_no_tuples_are_nobody(void **state)
{
    assert_told(PIDF(OPEN_A OPEN_B), PIDF(""),
                "<presence from='romeo@example.net/a'" TO " type='unavailable'></presence>"
                "<presence from='romeo@example.net/b'" TO " type='unavailable'></presence>");
    assert_told(PIDF(OPEN_A), PIDF("<note>on leave</note>"),
                "<presence from='romeo@example.net/a'" TO " type='unavailable'><status>on leave</status></presence>");
    assert_told(NULL, PIDF("<note>on leave</note>"),
                "<presence from='romeo@example.net'" TO " type='unavailable'><status>on leave</status></presence>");
    assert_told(PIDF(""), PIDF(""), "");
}

static void STOX_PRS_42_what_is_unknown_is_ignored(void **state)
{
#define UNKNOWN(attrs) "<y xmlns='urn:x' xmlns:p='urn:ietf:params:xml:ns:pidf'" attrs "><z/></y>"
    assert_read(PIDF(A("<status><basic>open</basic>" UNKNOWN("") "</status>" UNKNOWN("")) UNKNOWN("")), "/a open");
    assert_read(PIDF(A("<status><basic>open</basic>" UNKNOWN(" p:mustUnderstand='true'") "</status>")), "/a open");
    assert_read(PIDF(OPEN_A "<dm:person id='p'><rpid:activities><rpid:busy/>" UNKNOWN(
                    " p:mustUnderstand='true'") "</rpid:activities><dm:note>still here</dm:note></dm:person>"),
                "/a open []still here");
}

static void assert_refused(struct slice document)
{
    struct map_presences p;
    struct arena a;

    arena_init(&a, MAP_PIDF_ARENA);
    assert_int_equal(map_read_pidf(&a, document, slice_of(NULL, 0), &romeo, NULL, NOW, &p), MAP_PIDF_MALFORMED);
    assert_true(a.used < 64 * 1024); /* nothing was expanded */
    arena_reset(&a);
}

static void STOX_PRS_43_hostile_documents_are_refused(void **state)
{
    struct buf b;

    assert_refused(SLICE("<presence"));
    assert_refused(SLICE(PIDF("<tuple></presence>")));
    assert_refused(
        SLICE("<!DOCTYPE p [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;'>"
              "<!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'>]>" PIDF("<note>&d;</note>")));
    assert_refused(SLICE("<!DOCTYPE p SYSTEM 'file:///etc/passwd'>" PIDF("")));
    assert_refused(SLICE(PIDF("<note>&undeclared;</note>")));
    buf_init(&b, 1 << 18);
    buf_str(&b, "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>");
    for (int i = 0; i < 32; i++)
        buf_str(&b, "<x>");
    for (int i = 0; i < 32; i++)
        buf_str(&b, "</x>");
    buf_str(&b, "</presence>");
    assert_refused(buf_slice(&b));
    buf_clear(&b);
    buf_str(&b, "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>");
    while (b.n <= MAP_PIDF_MAX)
        buf_str(&b, "<note>x</note>");
    buf_str(&b, "</presence>");
    assert_refused(buf_slice(&b));
    buf_free(&b);
}

static void STOX_PRS_44_older_tuples_are_ignored(void **state)
{
#define AT(id, show, time)                                                                                             \
    "<tuple id='" id "'><status><basic>open</basic><show xmlns='jabber:client'>" show                                  \
    "</show></status><timestamp>2026-09-21T" time "Z</timestamp></tuple>"
    struct map_presences was, now;
    struct arena a;

    arena_init(&a, 2 * MAP_PIDF_ARENA);
    assert_int_equal(map_read_pidf(&a, SLICE(PIDF(AT("a", "dnd", "12:00:00") AT("b", "dnd", "12:00:00"))),
                                   slice_of(NULL, 0), &romeo, NULL, NOW, &was),
                     MAP_PIDF_OK);
    assert_int_equal(map_read_pidf(&a, SLICE(PIDF(AT("a", "away", "11:59:59") AT("b", "away", "12:00:01"))),
                                   slice_of(NULL, 0), &romeo, NULL, NOW, &now),
                     MAP_PIDF_OK);
    map_presences_keep_newer(&was, &now);
    assert_string_equal(line_of(&a, &now, false), "/a open dnd; /b open away");
    arena_reset(&a);
}

static void STOX_PRS_45_entity_is_the_presentity(void **state)
{
    static const struct {
        const char *entity;
        enum map_pidf result;
    } cases[] = {
        { "pres:romeo@example.net", MAP_PIDF_OK },
        { "sip:romeo@example.net", MAP_PIDF_OK },
        { "sips:romeo@example.net", MAP_PIDF_OK },
        { "romeo@example.net", MAP_PIDF_OK },
        { "sip:ROMEO@Example.NET", MAP_PIDF_OK },
        { "pres:other@example.net", MAP_PIDF_OTHER },
        { "pres:romeo@example.com", MAP_PIDF_OTHER },
        { "pres:example.net", MAP_PIDF_OTHER },
        { "mailto:romeo@example.net", MAP_PIDF_OTHER },
        { "", MAP_PIDF_OTHER },
        { "pres:romeo@example.net@example.com", MAP_PIDF_OTHER },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_presences p;
        struct arena a;

        arena_init(&a, MAP_PIDF_ARENA);
        assert_int_equal(
            map_read_pidf(
                &a,
                slice_str(text_of(&a, "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='%s'>" OPEN_A "</presence>",
                                  cases[i].entity)),
                slice_of(NULL, 0), &romeo, NULL, NOW, &p),
            cases[i].result);
        arena_reset(&a);
    }
}

/* V-PRS-X02, and what may be left out once it was told. */
static const struct {
    const char *resource, *attrs, *inside, *tuples;
} steps[] = {
    { "a", "", "<priority>5</priority>", "ID-a open - 0.039" },
    { "b", "", "<show>dnd</show><priority>-1</priority><status xml:lang='en'>busy</status>",
      "ID-a open - 0.039; ID-b open dnd - [en]busy" },
    { "a", "type='unavailable'", "<status>bye</status>", "ID-a closed - - []bye; ID-b open dnd - [en]busy" },
    { "b", "", "<show>away</show>", "ID-b open away -" },
    { "", "type='unavailable'", "", "ID-b closed - -" },
};

static void walk_through_the_steps(size_t n)
{
    struct map_presences set = { 0 };
    struct arena a;

    arena_init(&a, ARENA_MAX);
    for (size_t i = 0; i < n; i++) {
        struct map_presence one = presence_of(&a, steps[i].resource, steps[i].attrs, steps[i].inside);
        struct map_presences now;

        assert_true(map_presences_take(&a, &set, &one, &now));
        assert_string_equal(tuples_of(&a, &now), steps[i].tuples);
        map_presences_told(&now);
        set = now;
    }
    arena_reset(&a);
}

static void STOX_PRS_74_a_document_holds_all_resources(void **state)
{
    walk_through_the_steps(2);
}

static void STOX_PRS_75_presence_becomes_PIDF(void **state)
{
    assert_tuples("", "", "ID-r open - -");
    assert_tuples("type='unavailable'", "", "ID-r closed - -");
    assert_tuples("", "<show>chat</show>", "ID-r open chat -");
    assert_tuples("", "<show>away</show>", "ID-r open away -");
    assert_tuples("", "<show>xa</show>", "ID-r open xa -");
    assert_tuples("", "<show>dnd</show>", "ID-r open dnd -");
    assert_tuples("", "<priority>0</priority>", "ID-r open - 0.000");
    assert_tuples("", "<priority>127</priority>", "ID-r open - 1.000");
    assert_tuples("", "<priority>-1</priority>", "ID-r open - -");
    assert_tuples("xml:lang='fr'", "<status>occup\u00E9</status><status xml:lang='en'>busy</status>",
                  "ID-r open - - [fr]occup\u00E9 [en]busy");
    for (int n = 0; n < 127; n++)
        assert_true(map_priority_to_contact((int8_t)n) < map_priority_to_contact((int8_t)(n + 1)));
}

static void STOX_PRS_75_who_cannot_read_show_reads_RPID(void **state)
{
    static const struct {
        const char *show, *activity;
    } rows[] = { { "", NULL }, { "chat", NULL }, { "away", "away" }, { "xa", "away" }, { "dnd", "busy" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct xml *person, *activities;
        struct map_presence one;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        one = presence_of(&a, "r", "", text_of(&a, "<show>%s</show>", rows[i].show));
        person =
            xml_child(tree_of(&a, pidf_of(&a, &(struct map_presences){ 1, &one }, true)), MAP_NS_DATA_MODEL, "person");
        activities = person ? xml_child(person, MAP_NS_RPID, "activities") : NULL;
        assert_int_equal(activities != NULL, rows[i].activity != NULL);
        if (activities)
            assert_non_null(xml_child(activities, MAP_NS_RPID, rows[i].activity));
        arena_reset(&a);
    }
}

static void STOX_PRS_76_ids_are_names_and_reversible(void **state)
{
    static const struct {
        const char *resource, *id;
    } cases[] = {
        { "yn0cl4", "ID-yn0cl4" }, { "9 \u00FC", "ID-9_20_C3_BC" }, { "a_b", "ID-a_5Fb" }, { "x/y", "ID-x_2Fy" }
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice id, back;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        assert_true(map_tuple_id(&a, slice_str(cases[i].resource), &id));
        assert_slice(&a, id, cases[i].id);
        assert_true(map_resource_of_tuple(&a, id, &back));
        assert_slice(&a, back, cases[i].resource);
        arena_reset(&a);
    }
}

static void STOX_PRS_77_closed_once_then_dropped(void **state)
{
    struct map_presences none = { 0 };
    struct arena a;

    walk_through_the_steps(4);
    arena_init(&a, ARENA_MAX);
    assert_string_equal(tuples_of(&a, &none), "ID- closed - -");
    arena_reset(&a);
}

static void STOX_PRS_78_unavailable_from_the_bare_address_closes_all(void **state)
{
    struct map_presence v[2], bare;
    struct map_presences set = { 2, v }, now;
    struct arena a;

    walk_through_the_steps(5);
    arena_init(&a, ARENA_MAX);
    v[0] = presence_of(&a, "a", "", "<priority>5</priority>");
    v[1] = presence_of(&a, "b", "", "<show>dnd</show>");
    bare = presence_of(&a, "", "type='unavailable'", "");
    assert_true(map_presences_take(&a, &set, &bare, &now));
    assert_string_equal(tuples_of(&a, &now), "ID-a closed - -; ID-b closed - -");
    arena_reset(&a);
}

static void STOX_PRS_79_documents_are_valid(void **state)
{
    uint64_t seed = 79;
    struct schema s;

    schema_init(&s, schemas, "pidf.xsd");
    for (int i = 0; i < 300; i++) {
        struct map_presences p;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        p = any_presences(&a, &seed, 4, false);
        assert_taken(&s, pidf_of(&a, &p, i % 2));
        arena_reset(&a);
    }
    schema_fini(&s);
}

static void STOX_PRS_80_closed_has_neither_show_nor_priority(void **state)
{
    struct map_presence closed = { .resource = SLICE("r") };
    const char *condition = NULL;
    struct map_presence p;
    struct arena a;
    struct buf b;

    assert_tuples("type='unavailable'", "<show>dnd</show><priority>5</priority>", "ID-r closed - -");
    assert_tuples("", "<show>busy</show>", "ID-r open - -");
    arena_init(&a, ARENA_MAX);
    buf_init(&b, 4096);
    assert_false(map_presence_of_stanza(&a,
                                        stanza_of(&a, SLICE("<presence><show>xa</show><show>dnd</show></presence>")),
                                        SLICE("r"), slice_of(NULL, 0), NOW, &p, &condition));
    assert_string_equal(condition, "bad-request");
    map_put_presence_stanza(&b, &romeo, &closed, &juliet, true);
    assert_slice(&a, buf_slice(&b), "<presence from='romeo@example.net/r'" TO " type='unavailable'></presence>");
    buf_free(&b);
    arena_reset(&a);
}

static void STOX_PRS_81_idle_and_nick_are_mapped_others_dropped(void **state)
{
    static const char inside[] =
        "<idle xmlns='urn:xmpp:idle:1' since='2026-09-21T14:00:00Z'/>"
        "<nick xmlns='http://jabber.org/protocol/nick'>Jule</nick>"
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:n' ver='v'/>"
        "<x xmlns='vcard-temp:x:update'><photo>da39a3ee5e6b4b0d3255bfef95601890afd80709</photo></x>"
        "<y xmlns='urn:unheard-of'>z</y>";
    const struct xml *root, *tuple, *person, *input;
    struct map_presence one;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    one = presence_of(&a, "r", "", inside);
    root = tree_of(&a, pidf_of(&a, &(struct map_presences){ 1, &one }, true));
    tuple = xml_child(root, MAP_NS_PIDF, "tuple");
    person = xml_child(root, MAP_NS_DATA_MODEL, "person");
    input = xml_child(tuple, MAP_NS_RPID, "user-input");
    assert_non_null(input);
    assert_string_equal(attr_text(&a, input, "last-input"), "2026-09-21T14:00:00Z");
    assert_string_equal(c_str(&a, xml_text(&a, input)), "idle");
    assert_string_equal(text_below(&a, person, MAP_NS_CIPID, "display-name"), "Jule");
    assert_null(strstr(c_str(&a, pidf_of(&a, &(struct map_presences){ 1, &one }, true)), "urn:unheard-of"));
    arena_reset(&a);
}

static void STOX_PRS_87_watchers_are_told(void **state)
{
    struct map_watcher v[2] = {
        { SLICE("w1"), juliet, MAP_WATCHER_PENDING, MAP_WATCHER_SUBSCRIBE, 60 },
        { SLICE("w2"), juliet, MAP_WATCHER_ACTIVE, MAP_WATCHER_APPROVED, 0 },
    };
    struct map_winfo w = { .version = 0, .full = true, .n = 2, .v = v };
    struct buf b;

    buf_init(&b, 65536);
    assert_int_equal(map_put_winfo(&b, &romeo, NULL, &w, MAP_WINFO_MAX), 2);
    buf_char(&b, '\0');
    assert_true(buf_ok(&b));
    assert_non_null(strstr(b.p, " version='0' state='full'><watcher-list resource='sip:romeo@example.net' "
                                "package='presence'><watcher id='w1' status='pending' event='subscribe' "
                                "duration-subscribed='60'>sip:juliet@example.com</watcher>"
                                "<watcher id='w2' status='active' event='approved'>sip:juliet@example.com</watcher>"));
    buf_free(&b);
}

static void STOX_PRS_96_persons_first_and_only_while_it_is_true(void **state)
{
#define DURING(attrs, name) "<rpid:activities" attrs "><rpid:" name "/></rpid:activities>"
#define PERSON(inside) "<dm:person id='p'>" inside "</dm:person>"
    struct map_presence one;
    const struct xml *root;
    struct arena a;

    assert_read(PIDF(A("<status><basic>open</basic>" DURING("", "away") "</status>") PERSON(DURING("", "busy"))),
                "/a open dnd");
    assert_read(PIDF(A("<status><basic>open</basic>" DURING("", "away") "</status>")), "/a open away");
    assert_read(PIDF(OPEN_A PERSON(DURING(" until='2026-09-21T14:13:19Z'", "busy"))), "/a open");
    assert_read(PIDF(OPEN_A PERSON(DURING(" from='2026-09-21T14:13:21Z'", "busy"))), "/a open");
    assert_read(PIDF(OPEN_A PERSON(DURING(" from='2026-09-21T14:13:19Z' until='2026-09-21T14:13:21Z'", "busy"))),
                "/a open dnd");
    arena_init(&a, ARENA_MAX);
    one = presence_of(&a, "r", "", "<show>dnd</show>");
    root = tree_of(&a, pidf_of(&a, &(struct map_presences){ 1, &one }, true));
    assert_true(xml_is(xml_first_child(root), MAP_NS_PIDF, "tuple"));
    assert_true(xml_is(xml_next(xml_first_child(root)), MAP_NS_DATA_MODEL, "person"));
    arena_reset(&a);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_PRS_37_PIDF_becomes_presence),
        cmocka_unit_test(STOX_PRS_38_open_and_closed_come_from_the_same_resource),
        cmocka_unit_test(STOX_PRS_40_each_document_is_all_there_is),
        cmocka_unit_test(STOX_PRS_41_no_tuples_are_nobody),
        cmocka_unit_test(STOX_PRS_42_what_is_unknown_is_ignored),
        cmocka_unit_test(STOX_PRS_43_hostile_documents_are_refused),
        cmocka_unit_test(STOX_PRS_44_older_tuples_are_ignored),
        cmocka_unit_test(STOX_PRS_45_entity_is_the_presentity),
        cmocka_unit_test(STOX_PRS_74_a_document_holds_all_resources),
        cmocka_unit_test(STOX_PRS_75_presence_becomes_PIDF),
        cmocka_unit_test(STOX_PRS_75_who_cannot_read_show_reads_RPID),
        cmocka_unit_test(STOX_PRS_76_ids_are_names_and_reversible),
        cmocka_unit_test(STOX_PRS_77_closed_once_then_dropped),
        cmocka_unit_test(STOX_PRS_78_unavailable_from_the_bare_address_closes_all),
        cmocka_unit_test(STOX_PRS_79_documents_are_valid),
        cmocka_unit_test(STOX_PRS_80_closed_has_neither_show_nor_priority),
        cmocka_unit_test(STOX_PRS_81_idle_and_nick_are_mapped_others_dropped),
        cmocka_unit_test(STOX_PRS_87_watchers_are_told),
        cmocka_unit_test(STOX_PRS_96_persons_first_and_only_while_it_is_true),
    };

    schemas = argc > 1 ? argv[1] : ".";
    return cmocka_run_group_tests(tests, NULL, NULL);
}
