/* What CPIM asks for, IMDN documents both ways, and receipts as XMPP writes them. */
#include "im_support.h"

#include "map/content.h"
#include "map/status.h"

#define NS "xmlns='urn:ietf:params:xml:ns:imdn'"
#define DOC(inside) "<imdn " NS "><message-id>Ab1cd2Ef3gh4</message-id>" inside "</imdn>"
#define DELIVERY(state) DOC("<delivery-notification><status><" state "/></status></delivery-notification>")
#define DISPLAY(state) DOC("<display-notification><status><" state "/></status></display-notification>")

static const struct {
    const char *id, *text;
    enum map_document_fault fault;
    enum map_imdn_state state;
} documents[] = {
    { "delivered", DELIVERY("delivered"), MAP_DOCUMENT_OK, MAP_IMDN_DELIVERED },
    { "failed", DELIVERY("failed"), MAP_DOCUMENT_OK, MAP_IMDN_FAILED },
    { "error", DELIVERY("error"), MAP_DOCUMENT_OK, MAP_IMDN_ERROR },
    { "forbidden", DELIVERY("forbidden"), MAP_DOCUMENT_OK, MAP_IMDN_FORBIDDEN },
    { "displayed", DISPLAY("displayed"), MAP_DOCUMENT_OK, MAP_IMDN_DISPLAYED },
    { "not to be told whether", DISPLAY("forbidden"), MAP_DOCUMENT_OK, MAP_IMDN_OTHER },
    { "displayed where delivery is told", DELIVERY("displayed"), MAP_DOCUMENT_OK, MAP_IMDN_OTHER },
    { "processed", DOC("<processing-notification><status><processed/></status></processing-notification>"),
      MAP_DOCUMENT_OK, MAP_IMDN_OTHER },
    { "the first one",
      DOC("<delivery-notification><status><delivered/></status></delivery-notification>"
          "<display-notification><status><displayed/></status></display-notification>"),
      MAP_DOCUMENT_OK, MAP_IMDN_DELIVERED },
    { "no status", DOC("<delivery-notification/>"), MAP_DOCUMENT_OK, MAP_IMDN_OTHER },
    { "an extension's word", DELIVERY("x:delivered xmlns:x='urn:x'"), MAP_DOCUMENT_OK, MAP_IMDN_OTHER },
    { "nothing told", DOC(""), MAP_DOCUMENT_OK, MAP_IMDN_OTHER },
    { "no id", "<imdn " NS "><delivery-notification><status><delivered/></status></delivery-notification></imdn>",
      MAP_DOCUMENT_MALFORMED, MAP_IMDN_OTHER },
    { "empty id", "<imdn " NS "><message-id> </message-id></imdn>", MAP_DOCUMENT_MALFORMED, MAP_IMDN_OTHER },
    { "another root", "<i " NS "><message-id>1</message-id></i>", MAP_DOCUMENT_MALFORMED, MAP_IMDN_OTHER },
    { "no XML", "delivered", MAP_DOCUMENT_MALFORMED, MAP_IMDN_OTHER },
    { "DTD", "<!DOCTYPE imdn>" DELIVERY("delivered"), MAP_DOCUMENT_MALFORMED, MAP_IMDN_OTHER },
};

static void documents_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(documents) / sizeof(documents[0]); i++) {
        struct arena a;
        struct map_imdn d;
        enum map_document_fault fault;

        arena_init(&a, ARENA_MAX);
        fault = map_imdn_read(&a, slice_str(documents[i].text), &d);
        if (fault != documents[i].fault)
            fail_msg("%s: fault %d", documents[i].id, fault);
        if (fault == MAP_DOCUMENT_OK && d.state != documents[i].state)
            fail_msg("%s: state %d", documents[i].id, d.state);
        if (fault == MAP_DOCUMENT_OK)
            assert_slice(&a, d.message_id, "Ab1cd2Ef3gh4");
        arena_reset(&a);
    }
}

#define IMDN "NS: imdn <urn:ietf:params:imdn>\r\n"

static const struct {
    const char *id, *headers;
    bool asks, positive, negative, display;
    const char *message_id;
    unsigned n_routes;
} asks[] = {
    { "all",
      IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: positive-delivery, negative-delivery,display\r\n",
      true, true, true, true, "Ab1", 0 },
    { "display", IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n", true, false, false, true,
      "Ab1", 0 },
    { "another prefix", "NS: i <urn:ietf:params:imdn>\r\ni.Message-ID: Ab1\r\ni.Disposition-Notification: display\r\n",
      true, false, false, true, "Ab1", 0 },
    { "prefix never bound", "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n", false, false, false,
      false, "", 0 },
    { "prefix of something else",
      "NS: imdn <urn:x>\r\nimdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n", false, false, false,
      false, "", 0 },
    { "bound too late", "imdn.Message-ID: Ab1\r\n" IMDN "imdn.Disposition-Notification: display\r\n", false, false,
      false, true, "", 0 },
    { "only an id", IMDN "imdn.Message-ID: Ab1\r\n", false, false, false, false, "Ab1", 0 },
    { "no id", IMDN "imdn.Disposition-Notification: display\r\n", false, false, false, true, "", 0 },
    { "processing", IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: processing\r\n", false, false, false,
      false, "Ab1", 0 },
    { "parameters", IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: positive-delivery;x=y , display\r\n",
      true, true, false, true, "Ab1", 0 },
    { "two ids", IMDN "imdn.Message-ID: Ab1\r\nimdn.Message-ID: Ab2\r\nimdn.Disposition-Notification: display\r\n",
      false, false, false, true, "Ab1", 0 },
    { "an id that is no token", IMDN "imdn.Message-ID: a<b\r\nimdn.Disposition-Notification: display\r\n", false, false,
      false, true, "", 0 },
    { "a way back",
      IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n"
           "imdn.IMDN-Record-Route: <sip:a.example>\r\nimdn.IMDN-Record-Route: \"B\" <sip:b.example>\r\n",
      true, false, false, true, "Ab1", 2 },
    { "no way back",
      IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n"
           "imdn.IMDN-Record-Route: sip:a.example\r\n",
      false, false, false, true, "Ab1", 0 },
    { "a way with a space",
      IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n"
           "imdn.IMDN-Record-Route: <sip:a.example SIP/2.0>\r\n",
      false, false, false, true, "Ab1", 0 },
    { "a way that is not SIP",
      IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n"
           "imdn.IMDN-Record-Route: <tel:+15551234>\r\n",
      false, false, false, true, "Ab1", 0 },
    { "too long a way",
      IMDN "imdn.Message-ID: Ab1\r\nimdn.Disposition-Notification: display\r\n"
           "imdn.IMDN-Record-Route: <sip:a>\r\nimdn.IMDN-Record-Route: <sip:b>\r\n"
           "imdn.IMDN-Record-Route: <sip:c>\r\nimdn.IMDN-Record-Route: <sip:d>\r\n"
           "imdn.IMDN-Record-Route: <sip:e>\r\n",
      false, false, false, true, "Ab1", 4 },
};

static void asks_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(asks) / sizeof(asks[0]); i++) {
        struct arena a;
        struct map_content c;

        arena_init(&a, ARENA_MAX);
        assert_int_equal(
            map_content_read(&a, SLICE("message/cpim"), SLICE(""),
                             slice_str(text_of(&a, "%s\r\nContent-Type: text/plain\r\n\r\nx", asks[i].headers)), &c),
            MAP_CONTENT_OK);
        if (map_imdn_asks(&c.imdn) != asks[i].asks || c.imdn.positive != asks[i].positive ||
            c.imdn.negative != asks[i].negative || c.imdn.display != asks[i].display ||
            c.imdn.n_routes != asks[i].n_routes || !slice_is(c.imdn.message_id, asks[i].message_id))
            fail_msg("%s", asks[i].id);
        arena_reset(&a);
    }
}

static void a_notification_is_read_as_it_was_written(void **state)
{
    static const struct slice routes[] = { SLICE("sip:a.example"), SLICE("sip:b.example") };
    struct map_imdn_about about = { .message_id = SLICE("Ab1cd2Ef3gh4"),
                                    .date = SLICE("2020-01-01T01:00:00+01:00"),
                                    .sender = SLICE("sip:romeo@example.net"),
                                    .recipient = SLICE("sip:juliet@example.com"),
                                    .routes = routes,
                                    .n_routes = 2,
                                    .own_id = SLICE("other"),
                                    .now_wall_s = NOW };
    struct map_content c;
    struct map_imdn d;
    struct arena a;
    struct buf b;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, 10000);
    for (int state_of = MAP_IMDN_DELIVERED; state_of < MAP_IMDN_OTHER; state_of++) {
        about.state = (enum map_imdn_state)state_of;
        buf_clear(&b);
        map_imdn_put(&b, &about);
        assert_int_equal(map_content_read(&a, SLICE("message/cpim"), SLICE(""), buf_slice(&b), &c), MAP_CONTENT_OK);
        assert_int_equal(c.kind, MAP_CONTENT_IMDN);
        assert_int_equal(map_imdn_read(&a, c.text, &d), MAP_DOCUMENT_OK);
        assert_int_equal(d.state, about.state);
        assert_slice(&a, d.message_id, "Ab1cd2Ef3gh4");
        assert_slice(&a, c.imdn.message_id, "other");
        assert_slice(&a, c.cpim_from.user, "juliet");
    }
    about.state = MAP_IMDN_DELIVERED;
    buf_clear(&b);
    map_imdn_put(&b, &about);
    assert_slice(&a, buf_slice(&b),
                 "From: <sip:juliet@example.com>\r\nTo: <sip:romeo@example.net>\r\nDateTime: 2020-01-01T00:00:00Z\r\n"
                 "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: other\r\nimdn.IMDN-Route: <sip:a.example>\r\n"
                 "imdn.IMDN-Route: <sip:b.example>\r\n\r\nContent-Type: message/imdn+xml\r\n"
                 "Content-Disposition: notification\r\nContent-Length: 300\r\n\r\n"
                 "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imdn xmlns=\"urn:ietf:params:xml:ns:imdn\">"
                 "<message-id>Ab1cd2Ef3gh4</message-id><datetime>2020-01-01T01:00:00+01:00</datetime>"
                 "<recipient-uri>sip:juliet@example.com</recipient-uri><delivery-notification><status><delivered/>"
                 "</status></delivery-notification></imdn>");
    buf_free(&b);
    arena_reset(&a);
}

static void a_request_is_read_as_it_was_written(void **state)
{
    static const struct {
        bool received, displayed;
        const char *line;
    } cases[] = { { true, false, "positive-delivery, negative-delivery" },
                  { false, true, "display" },
                  { true, true, "positive-delivery, negative-delivery, display" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct map_imdn_request r = { .from = SLICE("sip:juliet@example.com"),
                                      .to = SLICE("sip:romeo@example.net"),
                                      .message_id = SLICE("id1"),
                                      .date_wall_s = NOW,
                                      .received = cases[i].received,
                                      .displayed = cases[i].displayed,
                                      .type = SLICE("Content-Type: text/plain;charset=UTF-8\r\n"),
                                      .text = SLICE("a\n\u00fc") };
        struct arena a;
        struct buf b;
        struct map_content c;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, 10000);
        map_imdn_put_request(&b, &r);
        assert_slice(&a, buf_slice(&b),
                     text_of(&a,
                             "From: <sip:juliet@example.com>\r\nTo: <sip:romeo@example.net>\r\nDateTime: "
                             "2020-01-01T00:00:00Z\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: id1\r\n"
                             "imdn.Disposition-Notification: %s\r\n\r\nContent-Type: "
                             "text/plain;charset=UTF-8\r\n\r\na\n\u00fc",
                             cases[i].line));
        assert_int_equal(map_content_read(&a, SLICE("message/cpim"), SLICE(""), buf_slice(&b), &c), MAP_CONTENT_OK);
        assert_slice(&a, c.text, "a\n\u00fc");
        assert_true(c.imdn.positive == r.received && c.imdn.negative == r.received && c.imdn.display == r.displayed);
        buf_free(&b);
        arena_reset(&a);
    }
}

static void a_text_asks_in_cpim(void **state)
{
    struct map_asking asking, again;
    struct map_content c;
    struct jid from, to;
    struct x2s x;

    x2s_run(&x, "xml:lang='cs'",
            "<subject>S</subject><body>a &amp; b</body><request xmlns='urn:xmpp:receipts'/>"
            "<markable xmlns='urn:xmpp:chat-markers:0'/>");
    assert_int_equal(x.result, MAP_IM_OK);
    assert_true(x.m.asks_received && x.m.asks_displayed);
    assert_true(jid_parse(&x.arena, SLICE(JULIET), &from) && jid_parse(&x.arena, SLICE("romeo@example.net"), &to));
    assert_int_equal(map_im_ask(&x.arena, &x.conf, &from, &to, 42, &x.m, &asking), MAP_IM_OK);
    assert_slice(&x.arena, asking.headers, "Content-Type: message/cpim\r\nSubject: S\r\n");
    assert_int_equal(map_content_read(&x.arena, SLICE("message/cpim"), SLICE(""), asking.body, &c), MAP_CONTENT_OK);
    assert_slice(&x.arena, c.text, "a & b");
    assert_slice(&x.arena, c.language, "cs");
    assert_slice(&x.arena, c.cpim_from.user, "juliet");
    assert_true(map_imdn_asks(&c.imdn) && c.imdn.positive && c.imdn.negative && c.imdn.display);
    assert_true(slice_eq(c.imdn.message_id, asking.message_id) && asking.message_id.n == 32);
    assert_int_equal(map_im_ask(&x.arena, &x.conf, &from, &to, 42, &x.m, &again), MAP_IM_OK);
    assert_true(slice_eq(again.message_id, asking.message_id));
    assert_int_equal(map_im_ask(&x.arena, &x.conf, &from, &to, 43, &x.m, &again), MAP_IM_OK);
    assert_false(slice_eq(again.message_id, asking.message_id));
    x2s_fini(&x);
}

static void only_a_stanza_with_an_id_asks(void **state)
{
    struct arena a;
    bool received, displayed;

    arena_init(&a, ARENA_MAX);
    map_receipts_asked(stanza_of(&a, SLICE("<message><body>x</body><request xmlns='urn:xmpp:receipts'/><markable "
                                           "xmlns='urn:xmpp:chat-markers:0'/></message>")),
                       &received, &displayed);
    assert_false(received || displayed);
    map_receipts_asked(stanza_of(&a, SLICE("<message id='1'><request xmlns='urn:xmpp:receipts'/></message>")),
                       &received, &displayed);
    assert_true(received && !displayed);
    arena_reset(&a);
}

static void a_notification_goes_by_its_route(void **state)
{
    static const struct slice route[] = { SLICE("sip:relay.example") };
    struct map_imdn_about about = { .message_id = SLICE("m1"), .date = SLICE(""), .own_id = SLICE("o1") };
    struct map_conf conf = im_conf();
    struct map_im_message m;
    struct jid from, to;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    assert_true(jid_parse(&a, SLICE(JULIET), &from) && jid_parse(&a, SLICE("romeo@example.net/r"), &to));
    assert_int_equal(map_imdn_to_message(&a, &conf, &from, &to, 1, &about, &m), MAP_IM_OK);
    assert_slice(&a, m.uri, "sip:romeo@example.net;gr=r");
    about.routes = route;
    about.n_routes = 1;
    assert_int_equal(map_imdn_to_message(&a, &conf, &from, &to, 1, &about, &m), MAP_IM_OK);
    assert_slice(&a, m.uri, "sip:relay.example");
    assert_true(slice_starts(m.body, SLICE("From: <sip:juliet@example.com>\r\nTo: <sip:romeo@example.net>\r\n")));
    arena_reset(&a);
}

static const struct {
    const char *inside;
    unsigned n;
    enum map_receipt_kind first;
    const char *id;
} receipts[] = {
    { "<received xmlns='urn:xmpp:receipts' id='m1'/>", 1, MAP_RECEIPT_RECEIVED, "m1" },
    { "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>", 1, MAP_RECEIPT_DISPLAYED, "m1" },
    { "<displayed xmlns='urn:xmpp:chat-markers:0' id='m2'/><received xmlns='urn:xmpp:receipts' id='m1'/>", 2,
      MAP_RECEIPT_RECEIVED, "m1" },
    { "<received xmlns='urn:xmpp:receipts'/>", 0, MAP_RECEIPT_NONE, NULL },
    { "<received xmlns='urn:xmpp:receipts' id=''/>", 0, MAP_RECEIPT_NONE, NULL },
    { "<received xmlns='urn:xmpp:chat-markers:0' id='m1'/>", 0, MAP_RECEIPT_NONE, NULL }, /* withdrawn from XEP-0333 */
    { "<received id='m1'/>", 0, MAP_RECEIPT_NONE, NULL },
    { "<body>x</body>", 0, MAP_RECEIPT_NONE, NULL },
};

static void receipts_are_read(void **state)
{
    for (size_t i = 0; i < sizeof(receipts) / sizeof(receipts[0]); i++) {
        struct arena a;
        struct map_receipts r;

        arena_init(&a, ARENA_MAX);
        map_receipts_of(stanza_of(&a, slice_str(text_of(&a, "<message>%s</message>", receipts[i].inside))), &r);
        assert_int_equal(r.n, receipts[i].n);
        if (r.n) {
            assert_int_equal(r.v[0].kind, receipts[i].first);
            assert_slice(&a, r.v[0].id, receipts[i].id);
        }
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_read),
        cmocka_unit_test(asks_are_read),
        cmocka_unit_test(a_notification_is_read_as_it_was_written),
        cmocka_unit_test(a_request_is_read_as_it_was_written),
        cmocka_unit_test(a_text_asks_in_cpim),
        cmocka_unit_test(only_a_stanza_with_an_id_asks),
        cmocka_unit_test(a_notification_goes_by_its_route),
        cmocka_unit_test(receipts_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
