/* isComposing documents and chat states, both ways, and what is refused as a document. */
#include "im_support.h"

#include "map/status.h"
#include "map/typing.h"

#define NS "xmlns='urn:ietf:params:xml:ns:im-iscomposing'"
#define DOC(inside) "<isComposing " NS ">" inside "</isComposing>"

static const struct {
    const char *id, *text;
    enum map_document_fault fault;
    bool active;
    unsigned refresh_s;
} documents[] = {
    { "active", DOC("<state>active</state>"), MAP_DOCUMENT_OK, true, 0 },
    { "idle", DOC("<state>idle</state>"), MAP_DOCUMENT_OK, false, 0 },
    { "unknown state", DOC("<state>typing-fast</state>"), MAP_DOCUMENT_OK, false, 0 },
    { "of another case", DOC("<state>Active</state>"), MAP_DOCUMENT_OK, false, 0 },
    { "white space", "\r\n<?xml version='1.0' encoding='UTF-8'?>\r\n" DOC("\n <state> active </state>\n") "\r\n",
      MAP_DOCUMENT_OK, true, 0 },
    { "all elements",
      DOC("<state>active</state><lastactive>2003-01-27T10:43:00Z</lastactive><contenttype>audio</contenttype>"
          "<refresh>90</refresh>"),
      MAP_DOCUMENT_OK, true, 90 },
    { "prefixed",
      "<c:isComposing xmlns:c='urn:ietf:params:xml:ns:im-iscomposing'><c:state>active</c:state></c:isComposing>",
      MAP_DOCUMENT_OK, true, 0 },
    { "unknown elements", DOC("<x xmlns='urn:x'><state>idle</state></x><state>active</state><y/>"), MAP_DOCUMENT_OK,
      true, 0 },
    { "two states: the first", DOC("<state>active</state><state>idle</state>"), MAP_DOCUMENT_OK, true, 0 },
    { "long refresh", DOC("<state>active</state><refresh>4000000000</refresh>"), MAP_DOCUMENT_OK, true, 86400 },
    { "no number", DOC("<state>active</state><refresh>-1</refresh>"), MAP_DOCUMENT_OK, true, 0 },
    { "liblinphone's",
      "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"no\" ?>" DOC("<state>active</state><refresh>60</refresh>"),
      MAP_DOCUMENT_OK, true, 60 },
    { "no state", DOC("<refresh>60</refresh>"), MAP_DOCUMENT_MALFORMED, false, 0 },
    { "state of another namespace", DOC("<state xmlns='urn:x'>active</state>"), MAP_DOCUMENT_MALFORMED, false, 0 },
    { "another root", "<composing " NS "><state>active</state></composing>", MAP_DOCUMENT_MALFORMED, false, 0 },
    { "no namespace", "<isComposing><state>active</state></isComposing>", MAP_DOCUMENT_MALFORMED, false, 0 },
    { "nothing", "", MAP_DOCUMENT_MALFORMED, false, 0 },
    { "no XML", "active", MAP_DOCUMENT_MALFORMED, false, 0 },
    { "cut off", "<isComposing " NS "><state>active</state>", MAP_DOCUMENT_MALFORMED, false, 0 },
    { "DTD", "<!DOCTYPE isComposing [<!ENTITY a 'active'>]>" DOC("<state>&a;</state>"), MAP_DOCUMENT_MALFORMED, false,
      0 },
    { "comment", DOC("<!-- --><state>active</state>"), MAP_DOCUMENT_MALFORMED, false, 0 },
    { "processing instruction", DOC("<?x y?><state>active</state>"), MAP_DOCUMENT_MALFORMED, false, 0 },
    { "UTF-16", "<?xml version='1.0' encoding='UTF-16'?>" DOC("<state>active</state>"), MAP_DOCUMENT_MALFORMED, false,
      0 },
    { "too deep",
      DOC("<a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a></a></a></a></a></a></a>"
          "</a></a><state>active</state>"),
      MAP_DOCUMENT_MALFORMED, false, 0 },
};

static void documents_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct map_composing c;
        enum map_document_fault fault = map_composing_read(slice_str(documents[i].text), &c);

        if (fault != documents[i].fault)
            fail_msg("%s: fault %d, not %d", documents[i].id, fault, documents[i].fault);
        if (fault == MAP_DOCUMENT_OK && (c.active != documents[i].active || c.refresh_s != documents[i].refresh_s))
            fail_msg("%s: active %d, refresh %u", documents[i].id, c.active, c.refresh_s);
    }
}

static void a_document_of_more_than_its_bound_is_refused(void **state)
{
    static const char head[] = "<isComposing " NS "><state>active</state>";
    struct map_composing c;
    struct buf b;

    buf_init(&b, 4 * MAP_DOCUMENT_MAX);
    buf_str(&b, head);
    while (b.n < MAP_DOCUMENT_MAX)
        buf_str(&b, "<a/>");
    buf_str(&b, "</isComposing>");
    assert_int_equal(map_composing_read(buf_slice(&b), &c), MAP_DOCUMENT_MALFORMED);
    buf_free(&b);
}

static void what_is_written_is_read_as_the_same(void **state)
{
    static const struct map_composing cases[] = { { true, 0 }, { true, 60 }, { false, 0 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_composing c;
        struct buf b;

        buf_init(&b, 1000);
        map_composing_put(&b, cases[i].active, cases[i].refresh_s);
        assert_int_equal(map_composing_read(buf_slice(&b), &c), MAP_DOCUMENT_OK);
        assert_int_equal(c.active, cases[i].active);
        assert_int_equal(c.refresh_s, cases[i].refresh_s);
        buf_free(&b);
    }
}

static const struct {
    const char *inside;
    enum map_chat_state state;
    bool told, active; /* toward SIP */
} states[] = {
    { "<composing xmlns='http://jabber.org/protocol/chatstates'/>", MAP_CHAT_COMPOSING, true, true },
    { "<paused xmlns='http://jabber.org/protocol/chatstates'/>", MAP_CHAT_PAUSED, true, false },
    { "<active xmlns='http://jabber.org/protocol/chatstates'/>", MAP_CHAT_ACTIVE, true, false },
    { "<inactive xmlns='http://jabber.org/protocol/chatstates'/>", MAP_CHAT_INACTIVE, true, false },
    { "<gone xmlns='http://jabber.org/protocol/chatstates'/>", MAP_CHAT_GONE, false, false },
    { "<dancing xmlns='http://jabber.org/protocol/chatstates'/>", MAP_CHAT_NONE, false, false },
    { "<composing xmlns='urn:x'/><thread>t</thread>", MAP_CHAT_NONE, false, false },
    { "", MAP_CHAT_NONE, false, false },
};

static void chat_states_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        struct arena a;
        bool active;
        enum map_chat_state found;

        arena_init(&a, ARENA_MAX);
        found = map_chat_state_of(stanza_of(&a, slice_str(text_of(&a, "<message>%s</message>", states[i].inside))));
        assert_int_equal(found, states[i].state);
        assert_int_equal(map_chat_state_to_composing(found, &active), states[i].told);
        assert_int_equal(active, states[i].active);
        arena_reset(&a);
    }
}

static void a_message_tells_sip(void **state)
{
    struct map_conf conf = im_conf();
    struct map_im_message m;
    struct jid from, to;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    assert_true(jid_parse(&a, SLICE("juliet@example.com"), &from) && jid_parse(&a, SLICE("romeo@example.net"), &to));
    assert_int_equal(map_composing_to_message(&a, &conf, &from, &to, SLICE("a-thread"), 7, true, 60, &m), MAP_IM_OK);
    assert_slice(&a, m.uri, "sip:romeo@example.net");
    assert_true(slice_starts(m.from, SLICE("<sip:juliet@example.com>;tag=")));
    assert_slice(&a, m.call_id, "a-thread");
    assert_slice(&a, m.headers, "Content-Type: application/im-iscomposing+xml\r\n");
    assert_int_equal(m.branch.n, 0);
    assert_slice(&a, m.body,
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<isComposing "
                 "xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state><contenttype>text/plain"
                 "</contenttype><refresh>60</refresh></isComposing>");
    arena_reset(&a);
}

static const struct {
    const char *lines;
    const char *body;
    enum map_im result;
    unsigned status;
    bool composing;
} messages[] = {
    { "Content-Type: application/im-iscomposing+xml\r\n", DOC("<state>active</state>"), MAP_IM_STATUS, 0, true },
    { "Content-Type: Application/IM-isComposing+XML;charset=utf-8\r\n", DOC("<state>idle</state>"), MAP_IM_STATUS, 0,
      false },
    { "Content-Type: application/im-iscomposing+xml\r\n", "no XML", MAP_IM_REFUSED, 400, false },
    { "Content-Type: message/cpim\r\n",
      "From: <sip:romeo@example.net>\r\nTo: <sip:juliet@example.com>\r\n\r\nContent-Type: "
      "application/im-iscomposing+xml\r\n\r\n" DOC("<state>active</state>"),
      MAP_IM_STATUS, 0, true },
    { "Content-Type: message/cpim\r\n",
      "From: <sip:tybalt@example.net>\r\n\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n" DOC(
          "<state>active</state>"),
      MAP_IM_REFUSED, 403, false },
    /* A text beside it is what counts. */
    { "Content-Type: multipart/alternative;boundary=b\r\n",
      "--b\r\nContent-Type: application/im-iscomposing+xml\r\n\r\n" DOC(
          "<state>active</state>") "\r\n--b\r\n\r\ntext\r\n--b--",
      MAP_IM_OK, 0, false },
};

static void sip_messages_tell_a_state(void **state)
{
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        struct s2x s;

        s2x_run(&s, messages[i].lines, slice_str(messages[i].body));
        assert_int_equal(s.result, messages[i].result);
        if (s.result == MAP_IM_REFUSED)
            assert_int_equal(s.refusal.status, messages[i].status);
        if (s.result == MAP_IM_STATUS)
            assert_int_equal(s.made.composing, messages[i].composing);
        assert_false(s.made.is_imdn);
        s2x_fini(&s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(a_document_of_more_than_its_bound_is_refused),
        cmocka_unit_test(what_is_written_is_read_as_the_same),
        cmocka_unit_test(chat_states_are_read),
        cmocka_unit_test(a_message_tells_sip),
        cmocka_unit_test(sip_messages_tell_a_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
