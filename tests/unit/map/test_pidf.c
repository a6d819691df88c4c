/* PIDF documents: what is read out of anybody's, what is written, and that both agree. */
#include "presence_support.h"

#include "map/document.h"
#include "map/pidf.h"

static enum map_pidf read_of(struct arena *a, const char *document, struct map_presences *out)
{
    return map_read_pidf(a, slice_str(document), SLICE("fr"), &romeo, NULL, NOW, out);
}

#define TUPLE(inside) "<tuple id='ID-a'>" inside "</tuple>"
#define OPEN TUPLE("<status><basic>open</basic></status>")
#define PERSON(inside) "<dm:person id='p'>" inside "</dm:person>"
#define ACTIVITY(name) "<rpid:activities><rpid:" name "/></rpid:activities>"
#define SHOW(name) "<show xmlns='jabber:client'>" name "</show>"
#define STATUS(inside) TUPLE("<status>" inside "</status>")

static const struct {
    const char *id, *document, *says;
} documents[] = {
    { "open", PIDF(OPEN), "/a open" },
    { "closed", PIDF(STATUS("<basic>closed</basic>")), "/a closed" },
    { "closed has notes alone",
      PIDF(TUPLE(
          "<status><basic>closed</basic>" SHOW("dnd") "</status><contact priority='1'>sip:romeo@example.net</contact>"
                                                      "<note>bye</note>")),
      "/a closed [fr]bye" },
    { "V-PRS-N02 priority, note, show",
      PIDF(TUPLE(
          "<status><basic>open</basic>" SHOW("dnd") "</status><contact priority='0.5'>sip:romeo@example.net</contact>"
                                                    "<note xml:lang='cs'>zanepr\u00E1zdn\u011Bn</note>")),
      "/a open dnd priority=64 [cs]zanepr\u00E1zdn\u011Bn" },
    { "V-PRS-N02 on the phone", PIDF(OPEN PERSON(ACTIVITY("on-the-phone"))), "/a open dnd" },
    { "V-PRS-N02 rpid away", PIDF(STATUS("<basic>open</basic>" ACTIVITY("away"))), "/a open away" },
    { "V-PRS-N02 illegal show", PIDF(STATUS("<basic>open</basic>" SHOW("foo"))), "/a open" },
    { "V-PRS-N02 illegal priority",
      PIDF(TUPLE("<status><basic>open</basic></status><contact priority='1.5'>sip:romeo@example.net</contact>")),
      "/a open" },
    { "V-PRS-N02 no tuples", PIDF(""), "/ closed" },
    { "V-PRS-N02 no basic", PIDF(STATUS(SHOW("away"))), "/a open away" },
    { "no basic, an activity", PIDF(STATUS(ACTIVITY("playing"))), "/a open" },
    { "no basic, nothing", PIDF(STATUS("")), "/ closed" },
    { "no basic in one", PIDF("<tuple id='b'><status/></tuple>" OPEN), "/a open" },
    { "a note alone", PIDF("<note>on leave</note>"), "/ closed [fr]on leave" },
    { "two tuples", PIDF(OPEN "<tuple id='ID-b_20c'><status><basic>closed</basic></status></tuple>"),
      "/a open; /b c closed" },
    { "one resource, two tuples", PIDF(STATUS("<basic>closed</basic>") OPEN), "/a open" },
    { "the first of two contacts",
      PIDF(TUPLE("<status><basic>open</basic></status><contact priority='1'>sip:romeo@example.net;gr=x</contact>"
                 "<contact priority='2'>sip:romeo@example.net;gr=y</contact>")),
      "/x open priority=127" },
    { "GRUU before id",
      PIDF(TUPLE("<status><basic>open</basic></status><contact>sip:romeo@example.net;gr=dr4</contact>")), "/dr4 open" },
    { "GRUU of a device",
      PIDF(TUPLE("<status><basic>open</basic></status>"
                 "<contact>&lt;sips:romeo@example.net;gr=urn:uuid:f81d4fae%20x&gt;</contact>")),
      "/urn:uuid:f81d4fae x open" },
    { "temporary GRUU", PIDF(TUPLE("<status><basic>open</basic></status><contact>sip:x@example.net;gr</contact>")),
      "/a open" },
    { "contact of no use",
      PIDF(TUPLE("<status><basic>open</basic></status><contact>mailto:r@example.net;gr=x</contact>")), "/a open" },
    { "entity sip",
      "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sip:Romeo@EXAMPLE.net:5061;x=y'>" OPEN "</presence>",
      "/a open" },
    { "entity sips",
      "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='sips:romeo@example.net'>" OPEN "</presence>", "/a open" },
    { "entity without scheme",
      "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity=' romeo@example.net'>" OPEN "</presence>", "/a open" },
    { "prefixed",
      "<p:presence xmlns:p='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'><p:tuple id='x'><p:status>"
      "<p:basic> open </p:basic></p:status></p:tuple></p:presence>",
      "/x open" },
    { "comments and the like",
      "<?xml version=\"1.0\" encoding='us-ascii' standalone=\"yes\"?>\n<!-- <x> --><?hint x=\">\"?>\n"
      "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'><!-- > -->" TUPLE(
          "<status><basic>op<!---->en</basic></status><note><![CDATA[a <!-- b --> c]]></note>") "</presence>\n<!-- end "
                                                                                                "-->\n",
      "/a open [fr]a <!-- b --> c" },
    { "byte order mark", "\xEF\xBB\xBF" PIDF(OPEN), "/a open" },
    { "unknown extensions",
      PIDF(TUPLE(
          "<status><basic>open</basic><x:y xmlns:x='urn:x' p:mustUnderstand='true' "
          "xmlns:p='urn:ietf:params:xml:ns:pidf'><x:z/></x:y></status><x:y xmlns:x='urn:x'/>") "<y xmlns='urn:x'/>"),
      "/a open" },
    { "must be understood in an extension",
      PIDF(OPEN PERSON("<rpid:activities><rpid:busy/><y xmlns='urn:x' mustUnderstand='1'/></rpid:activities>")),
      "/a open" },
    { "need not be understood in an extension",
      PIDF(OPEN PERSON("<rpid:activities><rpid:busy/><y xmlns='urn:x' mustUnderstand='0'/></rpid:activities>")),
      "/a open dnd" },
    { "person before tuple activity", PIDF(STATUS("<basic>open</basic>" ACTIVITY("away")) PERSON(ACTIVITY("busy"))),
      "/a open dnd" },
    { "person first, and nothing mapped", PIDF(PERSON(ACTIVITY("tv")) STATUS("<basic>open</basic>" ACTIVITY("away"))),
      "/a open away" },
    { "XMPP's show before RPID", PIDF(STATUS("<basic>open</basic>" SHOW("xa")) PERSON(ACTIVITY("busy"))),
      "/a open xa" },
    { "a tuple without show beside one with",
      PIDF(STATUS("<basic>open</basic>" SHOW(
          "away")) "<tuple id='b'><status><basic>open</basic></status></tuple>" PERSON(ACTIVITY("away"))),
      "/a open away; /b open" },
    { "several activities",
      PIDF(OPEN PERSON("<rpid:activities><rpid:away/><rpid:meeting/><rpid:vacation/></rpid:activities>")),
      "/a open dnd" },
    { "activity that is over",
      PIDF(OPEN PERSON("<rpid:activities until='2026-09-21T14:13:20Z'><rpid:busy/></rpid:activities>")), "/a open" },
    { "activity that is not yet over",
      PIDF(OPEN PERSON("<rpid:activities from='2026-09-21T14:13:20Z' until='2026-09-21T16:13:21+02:00'><rpid:busy/>"
                       "</rpid:activities>")),
      "/a open dnd" },
    { "activity to come",
      PIDF(OPEN PERSON("<rpid:activities from='2026-09-21T14:13:21Z'><rpid:busy/></rpid:activities>")), "/a open" },
    { "the newer person",
      PIDF(OPEN "<dm:person id='p'>" ACTIVITY(
          "busy") "<dm:timestamp>2026-01-01T00:00:00Z</dm:timestamp></dm:person>"
                  "<dm:person id='q'>" ACTIVITY("away") "<dm:timestamp>2026-01-01T00:00:01Z</dm:timestamp></dm:person>"
                                                        "<dm:person id='r'>" ACTIVITY("busy") "</dm:person>"),
      "/a open away" },
    { "idle",
      PIDF(TUPLE("<status><basic>open</basic></status>"
                 "<rpid:user-input last-input='2026-09-21T14:00:00Z'>idle</rpid:user-input>")),
      "/a open idle=1789999200" },
    { "idle person", PIDF(OPEN PERSON("<rpid:user-input last-input='2026-09-21T14:00:00Z'>idle</rpid:user-input>")),
      "/a open idle=1789999200" },
    { "active", PIDF(OPEN PERSON("<rpid:user-input last-input='2026-09-21T14:00:00Z'>active</rpid:user-input>")),
      "/a open" },
    { "presence-level note",
      PIDF(OPEN "<tuple id='b'><status><basic>open</basic></status><note>here</note></tuple>"
                "<note xml:lang='en'>all</note>"),
      "/a open [en]all; /b open [fr]here" },
    { "a person's note", PIDF(OPEN PERSON(ACTIVITY("busy") "<dm:note>ill</dm:note>")), "/a open dnd [fr]ill" },
    { "an activity's note",
      PIDF(OPEN PERSON("<rpid:activities><rpid:note xml:lang='en'>x</rpid:note><rpid:busy/></rpid:activities>")),
      "/a open dnd [en]x" },
    { "one note for a language",
      PIDF(TUPLE("<status><basic>open</basic></status><note>a</note><note>b</note>"
                 "<note xml:lang='en'>c</note>")),
      "/a open [fr]a [en]c" },
    { "language of a tuple",
      PIDF("<tuple id='x' xml:lang='de'><status><basic>open</basic></status><note>a</note></tuple>"), "/x open [de]a" },
    { "Lync",
      "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:ep=\"urn:ietf:params:xml:ns:pidf:status:rpid-status\" "
      "xmlns:et=\"urn:ietf:params:xml:ns:pidf:rpid-tuple\" xmlns:ci=\"urn:ietf:params:xml:ns:pidf:cipid\" "
      "entity=\"sip:romeo@example.net\"><tuple id=\"0\"><status><basic>open</basic><ep:activities><ep:activity>busy"
      "</ep:activity></ep:activities></status></tuple><ci:display-name>Romeo Montague</ci:display-name></presence>",
      "/0 open dnd nick=Romeo Montague" },
    { "baresip",
      "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\"?>\r\n<presence "
      "xmlns=\"urn:ietf:params:xml:ns:pidf\"\r\n"
      "    xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\"\r\n    "
      "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\"\r\n"
      "    entity=\"sip:romeo@example.net\">\r\n  <dm:person id=\"p4159\"><rpid:activities/></dm:person>\r\n"
      "  <tuple id=\"t4109\">\r\n    <status>\r\n      <basic>open</basic>\r\n    </status>\r\n"
      "    <contact>sip:romeo@example.net</contact>\r\n  </tuple>\r\n</presence>\r\n",
      "/t4109 open" },
    { "baresip does not know",
      PIDF("<tuple id='t4109'><status><basic>unkown</basic></status><contact>sip:romeo@example.net</contact></tuple>"),
      "/ closed" },
    { "linphone",
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
      "entity=\"sip:romeo@example.net\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
      "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" "
      "xmlns:pidfonline=\"http://www.linphone.org/xsds/pidfonline.xsd\">\n"
      " <tuple id=\"i9dmd1\">\n  <status><basic>open</basic><pidfonline:online/></status>\n"
      "  <contact priority=\"0.8\">sip:romeo@example.net;gr=urn:uuid:9f4c</contact>\n"
      "  <timestamp>2026-09-21T14:00:00Z</timestamp>\n </tuple>\n <dm:person id=\"ru43ab\">\n  <rpid:activities>"
      "<rpid:away/></rpid:activities>\n </dm:person>\n</presence>\n",
      "/urn:uuid:9f4c open away priority=102" },
    { "Kamailio joins what phones have published",
      "<?xml version=\"1.0\"?>\n<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" "
      "xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" "
      "xmlns:rpid=\"urn:ietf:params:xml:ns:pidf:rpid\" entity=\"sip:romeo@example.net\">"
      "<tuple xmlns=\"urn:ietf:params:xml:ns:pidf\" id=\"pj1\"><status><basic>open</basic></status></tuple>"
      "<tuple id=\"pj2\"><status><basic>closed</basic></status></tuple>"
      "<person xmlns=\"urn:ietf:params:xml:ns:pidf:data-model\" id=\"pj1p\"><activities "
      "xmlns=\"urn:ietf:params:xml:ns:pidf:rpid\"><on-the-phone/></activities><note>On the "
      "phone</note></person></presence>",
      "/pj1 open dnd [fr]On the phone; /pj2 closed [fr]On the phone" },
};

static void documents_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct map_presences p;
        struct arena a;

        arena_init(&a, MAP_PIDF_ARENA);
        if (read_of(&a, documents[i].document, &p) != MAP_PIDF_OK)
            fail_msg("not read: %s", documents[i].id);
        if (strcmp(line_of(&a, &p, false), documents[i].says) != 0)
            print_error("%s\n", documents[i].id);
        assert_string_equal(line_of(&a, &p, false), documents[i].says);
        arena_reset(&a);
    }
}

static void every_activity_has_its_show(void **state)
{
    static const struct {
        const char *show, *activities;
    } rows[] = {
        { " away", "away meal travel in-transit steering" },
        { " xa", "vacation sleeping holiday permanent-absence" },
        { " dnd", "busy meeting appointment presentation on-the-phone performance working" },
        { "", "playing tv shopping worship spectator looking-for-work other unknown x" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice rest = slice_str(rows[i].activities), word;

        while (rest.n) {
            struct map_presences p;
            struct arena a;

            arena_init(&a, MAP_PIDF_ARENA);
            slice_cut(rest, ' ', &word, &rest);
            assert_int_equal(read_of(&a,
                                     text_of(&a, PIDF(OPEN PERSON("<rpid:activities><rpid:%.*s/></rpid:activities>")),
                                             SLICE_FMT(word)),
                                     &p),
                             MAP_PIDF_OK);
            assert_string_equal(line_of(&a, &p, false), text_of(&a, "/a open%s", rows[i].show));
            arena_reset(&a);
        }
    }
}

static const struct {
    const char *id, *document;
    enum map_pidf result;
} refused[] = {
    { "nothing", "", MAP_PIDF_MALFORMED },
    { "no XML", "open", MAP_PIDF_MALFORMED },
    { "half of it", "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>" OPEN,
      MAP_PIDF_MALFORMED },
    { "another root", "<list xmlns='urn:ietf:params:xml:ns:rlmi'/>", MAP_PIDF_MALFORMED },
    { "another namespace", "<presence entity='pres:romeo@example.net'/>", MAP_PIDF_MALFORMED },
    { "not well-formed", PIDF("<tuple></note>"), MAP_PIDF_MALFORMED },
    { "DTD", "<!DOCTYPE presence [<!ENTITY a 'aaaa'>]>" PIDF("<note>&a;</note>"), MAP_PIDF_MALFORMED },
    { "DTD of others", "<!DOCTYPE presence SYSTEM 'http://example.org/x.dtd'>" PIDF(OPEN), MAP_PIDF_MALFORMED },
    { "undeclared entity", PIDF("<note>&a;</note>"), MAP_PIDF_MALFORMED },
    { "unbound prefix", PIDF("<x:y/>"), MAP_PIDF_MALFORMED },
    { "not UTF-8", PIDF("<note>\xE9</note>"), MAP_PIDF_MALFORMED },
    { "another encoding", "<?xml version='1.0' encoding='ISO-8859-1'?><presence xmlns='urn:ietf:params:xml:ns:pidf'/>",
      MAP_PIDF_MALFORMED },
    { "endless comment", PIDF("<!-- "), MAP_PIDF_MALFORMED },
    { "two hyphens in a comment", PIDF("<!-- -- -->"), MAP_PIDF_MALFORMED },
    { "a second declaration", PIDF("<?xml version='1.0'?>"), MAP_PIDF_MALFORMED },
    { "somebody else",
      "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:other@example.net'>" OPEN "</presence>",
      MAP_PIDF_OTHER },
    { "somebody elsewhere",
      "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.org'>" OPEN "</presence>",
      MAP_PIDF_OTHER },
    { "nobody", "<presence xmlns='urn:ietf:params:xml:ns:pidf'>" OPEN "</presence>", MAP_PIDF_OTHER },
    { "a number", "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='tel:+1'>" OPEN "</presence>", MAP_PIDF_OTHER },
};

static void what_is_no_document_of_his_is_refused(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct map_presences p;
        struct arena a;

        arena_init(&a, MAP_PIDF_ARENA);
        if (read_of(&a, refused[i].document, &p) != refused[i].result)
            fail_msg("%s", refused[i].id);
        arena_reset(&a);
    }
}

static void repeat(struct buf *b, const char *s, size_t n)
{
    while (n--)
        buf_str(b, s);
}

static void documents_have_bounds(void **state)
{
    static const struct {
        const char *open, *close;
        size_t n;
        enum map_pidf result;
    } cases[] = {
        { "<x xmlns='urn:x'>", "</x>", 31, MAP_PIDF_OK },
        { "<x xmlns='urn:x'>", "</x>", 32, MAP_PIDF_MALFORMED },
        { "<x xmlns='urn:x'>", "</x>", 2000, MAP_PIDF_MALFORMED },
        { "<a>", "</a>", 1, MAP_PIDF_OK },
        { "<a/>", "", 16300, MAP_PIDF_OK },
        { "<tuple id='x'><status><basic>open</basic></status></tuple>", "", 1100, MAP_PIDF_OK },
        { "<note>&lt;</note>", "", 3800, MAP_PIDF_OK },
        { "<tuple id='x'>a<b/></tuple>", "", 2400, MAP_PIDF_OK },
        { "<a/>", "", 16400, MAP_PIDF_MALFORMED },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_presences p;
        struct arena a;
        struct buf b;

        arena_init(&a, MAP_PIDF_ARENA);
        buf_init(&b, 1 << 20);
        buf_str(&b, "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='pres:romeo@example.net'>");
        repeat(&b, cases[i].open, cases[i].n);
        repeat(&b, cases[i].close, cases[i].n);
        buf_str(&b, "</presence>");
        assert_int_equal(map_read_pidf(&a, buf_slice(&b), slice_of(NULL, 0), &romeo, NULL, NOW, &p), cases[i].result);
        buf_free(&b);
        arena_reset(&a);
    }
}

/* Wherever an arena ends, it is said, and nothing else is. */
static void memory_that_ends_is_told(void **state)
{
    static const char document[] = PIDF("<tuple id='ID-_C3_BC'><status><basic>open</basic>" SHOW(
        "dnd") "</status><contact priority='0.5'>"
               "sip:romeo@example.net;gr=%C3%BC</contact><note>a<x xmlns='urn:x'/>b</note></tuple><tuple "
               "id='\u00FC'><status><basic>open"
               "</basic></status></tuple><note xml:lang='en'>n</note>" PERSON(ACTIVITY("busy")));
    bool last = false;

    for (size_t max = 0; max < 64 * 1024; max += max < 24000 ? 509 : 61) {
        struct map_presences p;
        enum map_pidf result;
        struct arena a;

        arena_init(&a, max);
        result = read_of(&a, document, &p);
        assert_true(result == MAP_PIDF_OK || (result == MAP_PIDF_NO_MEMORY && !last));
        last = result == MAP_PIDF_OK;
        arena_reset(&a);
    }
    assert_true(last);
}

static void timestamps_of_the_future_are_now(void **state)
{
    struct map_presences p;
    struct arena a;

    arena_init(&a, MAP_PIDF_ARENA);
    assert_int_equal(
        read_of(&a,
                PIDF("<tuple id='a'><status><basic>open</basic></status><timestamp>2026-09-21T14:00:00.5Z</timestamp>"
                     "</tuple><tuple id='b'><status><basic>open</basic></status><timestamp>2027-09-21T14:00:00Z"
                     "</timestamp></tuple><tuple id='c'><status><basic>open</basic></status>"
                     "<timestamp>yesterday</timestamp></tuple>"),
                &p),
        MAP_PIDF_OK);
    assert_string_equal(line_of(&a, &p, true), "/a open at=1789999200; /b open at=1790000000; /c open at=0");
    arena_reset(&a);
}

static void domains_have_their_names_on_each_side(void **state)
{
    static const struct map_alias alias = { SLICE("sip.example.net"), SLICE("example.net") };
    static const struct map_aliases aliases = { &alias, 1 };
    struct map_presence one = { .resource = SLICE("r"), .available = true };
    struct map_presences p;
    struct slice lang;
    struct arena a;
    struct buf b;

    arena_init(&a, MAP_PIDF_ARENA);
    buf_init(&b, 65536);
    map_put_pidf(&b, &romeo, &aliases, &(struct map_presences){ 1, &one }, NOW, true, 0, &lang);
    assert_true(buf_ok(&b));
    assert_non_null(strstr(c_str(&a, buf_slice(&b)), " entity='pres:romeo@sip.example.net'"));
    assert_non_null(strstr(c_str(&a, buf_slice(&b)), "<contact>sip:romeo@sip.example.net;gr=r</contact>"));
    assert_int_equal(map_read_pidf(&a, buf_slice(&b), slice_of(NULL, 0), &romeo, &aliases, NOW, &p), MAP_PIDF_OK);
    assert_int_equal(map_read_pidf(&a, buf_slice(&b), slice_of(NULL, 0), &romeo, NULL, NOW, &p), MAP_PIDF_OTHER);
    buf_free(&b);
    arena_reset(&a);
}

/* ---- written ---- */

static void a_document_says_all_of_it(void **state)
{
    struct map_presence v[2];
    struct map_presences p = { 2, v };
    struct arena a;

    arena_init(&a, ARENA_MAX);
    v[0] = presence_of(&a, "a", "", "<priority>5</priority>");
    v[1] = presence_of(&a, "9 \u00FC", "xml:lang='en'",
                       "<show>dnd</show><priority>-1</priority><status>busy</status>"
                       "<idle xmlns='urn:xmpp:idle:1' since='2026-09-21T14:00:00Z'/>"
                       "<nick xmlns='http://jabber.org/protocol/nick'>Jule</nick>");
    assert_slice(
        &a, pidf_of(&a, &p, true),
        "<?xml version='1.0' encoding='UTF-8'?>\n<presence xmlns='urn:ietf:params:xml:ns:pidf' "
        "xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity='pres:juliet@example.com'>"
        "<tuple id='ID-a'><status><basic>open</basic></status>"
        "<contact priority='0.039'>sip:juliet@example.com;gr=a</contact>"
        "<timestamp>2026-09-21T14:13:20Z</timestamp></tuple>"
        "<tuple id='ID-9_20_C3_BC'><status><basic>open</basic><show xmlns='jabber:client'>dnd</show>"
        "<ep:activities xmlns:ep='urn:ietf:params:xml:ns:pidf:status:rpid-status'><ep:activity>busy</ep:activity>"
        "</ep:activities></status><rpid:user-input last-input='2026-09-21T14:00:00Z'>idle</rpid:user-input>"
        "<contact>sip:juliet@example.com;gr=9%20%C3%BC</contact><note xml:lang='en'>busy</note>"
        "<timestamp>2026-09-21T14:13:20Z</timestamp></tuple>"
        "<dm:person xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' id='person'>"
        "<ci:display-name xmlns:ci='urn:ietf:params:xml:ns:pidf:cipid'>Jule</ci:display-name></dm:person>"
        "<ci:display-name xmlns:ci='urn:ietf:params:xml:ns:pidf:cipid'>Jule</ci:display-name></presence>");
    arena_reset(&a);
}

static void nobody_is_one_closed_tuple(void **state)
{
    struct arena a;

    arena_init(&a, ARENA_MAX);
    assert_slice(&a, pidf_of(&a, &(struct map_presences){ 0 }, true),
                 "<?xml version='1.0' encoding='UTF-8'?>\n<presence xmlns='urn:ietf:params:xml:ns:pidf' "
                 "xmlns:rpid='urn:ietf:params:xml:ns:pidf:rpid' entity='pres:juliet@example.com'>"
                 "<tuple id='ID-'><status><basic>closed</basic></status><contact>sip:juliet@example.com</contact>"
                 "<timestamp>2026-09-21T14:13:20Z</timestamp></tuple></presence>");
    arena_reset(&a);
}

static void what_is_written_is_read_as_the_same(void **state)
{
    uint64_t seed = 3;

    for (int i = 0; i < 2000; i++) {
        struct map_presences p, again;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        do
            p = any_presences(&a, &seed, i % 20 ? 3 : MAP_PRESENCE_MAX, true);
        while (p.n == 0);
        for (size_t k = 0; k < p.n; k++) /* as names on XMPP are */
            if (!jid_prep_resource(&a, p.v[k].resource, &p.v[k].resource))
                p.v[k].resource = slice_str(text_of(&a, "r%zu", k));
        assert_int_equal(map_read_pidf(&a, pidf_of(&a, &p, true), slice_of(NULL, 0), &juliet, NULL, NOW, &again),
                         MAP_PIDF_OK);
        assert_string_equal(line_of(&a, &again, true), line_of(&a, &p, true));
        arena_reset(&a);
    }
}

static void notes_are_left_out_where_they_are_not_to_be_seen(void **state)
{
    struct map_presence one;
    struct map_presences p = { 1, &one };
    struct arena a;

    arena_init(&a, ARENA_MAX);
    one = presence_of(&a, "a", "", "<status>secret</status>");
    assert_non_null(strstr(c_str(&a, pidf_of(&a, &p, true)), "secret"));
    assert_null(strstr(c_str(&a, pidf_of(&a, &p, false)), "secret"));
    arena_reset(&a);
}

static void the_language_of_all_notes_is_told(void **state)
{
    static const struct {
        const char *first, *second, *lang;
    } cases[] = {
        { "<status xml:lang='fr'>a</status>", "<status xml:lang='FR'>b</status>", "FR" },
        { "<status xml:lang='fr'>a</status>", "", "fr" },
        { "<status xml:lang='fr'>a</status>", "<status xml:lang='en'>b</status>", "" },
        { "<status xml:lang='fr'>a</status>", "<status>b</status>", "" },
        { "<status>a</status>", "<status xml:lang='fr'>b</status>", "" },
        { "", "", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_presence v[2];
        struct slice lang;
        struct arena a;
        struct buf b;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 65536);
        v[0] = presence_of(&a, "a", "", cases[i].first);
        v[1] = presence_of(&a, "b", "", cases[i].second);
        map_put_pidf(&b, &juliet, NULL, &(struct map_presences){ 2, v }, NOW, true, 0, &lang);
        assert_slice(&a, lang, cases[i].lang);
        map_put_pidf(&b, &juliet, NULL, &(struct map_presences){ 2, v }, NOW, false, 0, &lang);
        assert_int_equal(lang.n, 0);
        buf_free(&b);
        arena_reset(&a);
    }
}

static size_t times(struct arena *a, struct slice text, const char *what)
{
    size_t n = 0;

    for (const char *at = c_str(a, text); (at = strstr(at, what)); at++)
        n++;
    return n;
}

/* As room gets less: with notes, without, then only the most available. */
static void a_short_document_says_what_matters_most(void **state)
{
    static const struct {
        size_t max, n_tuples, n_notes;
    } cases[] = { { 0, 2, 2 }, { 2000, 2, 2 }, { 700, 2, 0 }, { 450, 1, 0 }, { 100, 0, 0 } };
    struct map_presence v[2] = {
        { .resource = SLICE("desk"), .available = true, .show = MAP_SHOW_DND, .n_notes = 1 },
        { .resource = SLICE("phone"), .available = true, .n_notes = 1 },
    };
    struct map_note note = { .text = SLICE("in a meeting until the cows come home, and then some more of it") };

    v[0].notes[0] = v[1].notes[0] = note;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct slice lang;
        struct arena a;
        struct buf b;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 65536);
        map_put_pidf(&b, &juliet, NULL, &(struct map_presences){ 2, v }, NOW, true, cases[i].max, &lang);
        assert_int_equal(buf_ok(&b), cases[i].n_tuples > 0);
        assert_true(!cases[i].max || b.n <= cases[i].max);
        assert_int_equal(times(&a, buf_slice(&b), "<tuple "), cases[i].n_tuples);
        assert_int_equal(times(&a, buf_slice(&b), "<note"), cases[i].n_notes);
        assert_true(!cases[i].n_tuples || times(&a, buf_slice(&b), "'ID-phone'") == 1);
        buf_free(&b);
        arena_reset(&a);
    }
}

/* Whoever has the longest names and notes there can be. */
static void a_document_is_never_over_its_bound(void **state)
{
    struct map_presence v[MAP_PRESENCE_MAX] = { 0 };
    struct map_presences p = { MAP_PRESENCE_MAX, v }, again;
    struct slice document;
    struct arena a;
    struct buf note, name;

    arena_init(&a, ARENA_MAX);
    buf_init(&note, 4096);
    repeat(&note, "'", MAP_NOTE_BYTES);
    for (int i = 0; i < MAP_PRESENCE_MAX; i++) {
        v[i] = (struct map_presence){ .available = true, .has_priority = true, .priority = (int8_t)i };
        v[i].resource = slice_str(text_of(&a, "%0900d_%d", 0, i));
        map_presence_add_note(&v[i], SLICE("en"), buf_slice(&note));
        map_presence_add_note(&v[i], SLICE("fr"), buf_slice(&note));
    }
    document = pidf_of(&a, &p, true);
    assert_true(document.n <= MAP_PIDF_MAX);
    assert_int_equal(map_read_pidf(&a, document, slice_of(NULL, 0), &juliet, NULL, NOW, &again), MAP_PIDF_OK);
    assert_int_equal(again.n, MAP_PRESENCE_MAX);
    assert_int_equal(again.v[0].n_notes, 0);
    buf_init(&name, 4096);
    repeat(&name, "\u4E2D", 300);
    for (int i = 0; i < MAP_PRESENCE_MAX; i++)
        v[i].resource = slice_str(text_of(&a, "%.*s%d", SLICE_FMT(buf_slice(&name)), i));
    document = pidf_of(&a, &p, true);
    assert_true(document.n <= MAP_PIDF_MAX);
    assert_int_equal(map_read_pidf(&a, document, slice_of(NULL, 0), &juliet, NULL, NOW, &again), MAP_PIDF_OK);
    assert_true(again.n >= 4 && again.n < MAP_PRESENCE_MAX);
    assert_int_equal(again.v[again.n - 1].priority, MAP_PRESENCE_MAX - 1);
    buf_free(&note);
    buf_free(&name);
    arena_reset(&a);
}

static void a_presentity_without_sip_address_has_no_document(void **state)
{
    static const struct jid nobody = { SLICE("a\\5c20"), SLICE("\u00DF.."), { NULL, 0 } };
    struct slice lang;
    struct buf b;

    buf_init(&b, 65536);
    map_put_pidf(&b, &nobody, NULL, &(struct map_presences){ 0 }, NOW, true, 0, &lang);
    assert_false(buf_ok(&b));
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(every_activity_has_its_show),
        cmocka_unit_test(what_is_no_document_of_his_is_refused),
        cmocka_unit_test(documents_have_bounds),
        cmocka_unit_test(memory_that_ends_is_told),
        cmocka_unit_test(timestamps_of_the_future_are_now),
        cmocka_unit_test(domains_have_their_names_on_each_side),
        cmocka_unit_test(a_document_says_all_of_it),
        cmocka_unit_test(nobody_is_one_closed_tuple),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(notes_are_left_out_where_they_are_not_to_be_seen),
        cmocka_unit_test(the_language_of_all_notes_is_told),
        cmocka_unit_test(a_short_document_says_what_matters_most),
        cmocka_unit_test(a_document_is_never_over_its_bound),
        cmocka_unit_test(a_presentity_without_sip_address_has_no_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
