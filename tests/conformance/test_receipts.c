/* STOX-RCP and STOX-IM-25: receipts, as far as the bridge between two played sides can show it (V-RCP-03). */
#include "status_support.h"

#include "bridge/receipts.h"
#include "map/content.h"

#define REQUEST "<request xmlns='urn:xmpp:receipts'/>"
#define MARKABLE "<markable xmlns='urn:xmpp:chat-markers:0'/>"
#define ALWAYS                                                                                                         \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n imdn = always }\n"                         \
              "sip-domain contoso.example { route = office }\n" SIDES_PARTNER
#define NEVER                                                                                                          \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n imdn = never }\n"                          \
              "sip-domain contoso.example { route = office }\n" SIDES_PARTNER
#define ON_200                                                                                                         \
    SIDES_ORG "route office { transport = udp\n next-hop = \"192.0.2.10\"\n receipt-on-200 = yes }\n"                  \
              "sip-domain contoso.example { route = office }\n" SIDES_PARTNER

#define HEAD "From: <sip:" ALICE ">\r\nTo: <sip:" ROMEO ">\r\nDateTime: 2020-01-01T01:00:00+01:00\r\n"
#define NS "NS: imdn <urn:ietf:params:imdn>\r\n"

/* ---- what alice's side sends ---- */

/* A text of alice that asks; answered as given (0: still held). The stanza's id is returned in id. */
static struct sip_server *alice_asks(struct sides *s, const char *ask, const char *more, char id[64])
{
    char body[1024];
    const char *at;
    size_t n;

    snprintf(body, sizeof(body),
             HEAD NS "imdn.Message-ID: Ab1cd2Ef3gh4\r\n%s%s%s%s\r\nContent-Type: text/plain\r\n\r\nhello",
             ask ? "imdn.Disposition-Notification: " : "", ask ? ask : "", ask ? "\r\n" : "", more);
    n = s->n_sent;
    assert_int_equal(from_sip(s, "message/cpim", body), 0);
    at = strstr(last_stanza(s, n + 1), " id='");
    assert_non_null(at);
    snprintf(id, 64, "%.*s", (int)strcspn(at + 5, "'"), at + 5);
    return &s->servers[s->n_servers - 1];
}

static void settle(struct sides *s)
{
    s2x_settled(s->bridge, s->sent[s->n_sent - 1].token, XMPP_FATE_CONFIRMED, "");
}

static void alice_notifies(struct sides *s, const char *from, const char *id, const char *what)
{
    char body[1024], branch[32];

    snprintf(body, sizeof(body),
             "From: <sip:%s>\r\nTo: <sip:" ROMEO ">\r\n" NS
             "imdn.Message-ID: own\r\n\r\nContent-Type: message/imdn+xml\r\n"
             "Content-Disposition: notification\r\n\r\n<imdn "
             "xmlns='urn:ietf:params:xml:ns:imdn'><message-id>%s</message-id>%s"
             "</imdn>",
             from, id, what);
    snprintf(branch, sizeof(branch), "n%zu", s->n_servers);
    assert_int_equal(sides_sip(s, OFFICE, from[0] == 'a' ? "<sip:" ALICE ">" : "<sip:bob@contoso.example>",
                               "sip:" ROMEO, branch, "Content-Type: message/cpim\r\n", body)
                         ->status,
                     200);
}

#define DELIVERED "<delivery-notification><status><delivered/></status></delivery-notification>"
#define FAILED "<delivery-notification><status><failed/></status></delivery-notification>"
#define FORBIDDEN "<delivery-notification><status><forbidden/></status></delivery-notification>"
#define DISPLAYED "<display-notification><status><displayed/></status></display-notification>"
#define PROCESSED "<processing-notification><status><processed/></status></processing-notification>"

/* ---- what romeo's side sends ---- */

static void romeo_tells(struct sides *s, const char *kind, const char *id)
{
    char inside[256];

    snprintf(inside, sizeof(inside), "<%s xmlns='%s' id='%s'/>", kind,
             kind[0] == 'd' ? "urn:xmpp:chat-markers:0" : "urn:xmpp:receipts", id);
    from_xmpp(s, "", inside);
}

/* The text of one of n requests is CPIM that asks for something, or (ask NULL) for nothing; its Message-ID is returned in id. */
static void read_request(struct sides *s, size_t n, struct map_content *c, const char *content_type)
{
    const struct sip_attempt *client = last_request(s, n);
    const char *headers = client->headers;

    assert_true(strncmp(headers, "Content-Type: ", 14) == 0);
    assert_int_equal(strncmp(headers + 14, content_type, strlen(content_type)), 0);
    assert_int_equal(map_content_read(&s->arena, slice_str(content_type), SLICE(""), slice_str(client->body), c),
                     MAP_CONTENT_OK);
}

static const char *c_str(struct sides *s, struct slice text)
{
    return arena_strdup(&s->arena, text);
}

/* Romeo's text with a request; alice's side has taken it. Returns the Message-ID of the notification that it asks for. */
static const char *romeo_asks(struct sides *s, const char *attrs, const char *ask, unsigned status)
{
    struct map_content c;
    char inside[512];
    size_t n = s->n_clients;

    snprintf(inside, sizeof(inside), "<body>what light</body>%s", ask);
    from_xmpp(s, attrs, inside);
    read_request(s, n + 1, &c, "message/cpim");
    assert_true(map_imdn_asks(&c.imdn));
    sides_answer(s, n, status);
    return c_str(s, c.imdn.message_id);
}

/* ---- XMPP asks ---- */

static void STOX_RCP_05_2xx_is_no_receipt(void **state)
{
    static const unsigned statuses[] = { 200, 202 };

    for (size_t i = 0; i < 2; i++) {
        struct sides *s = sides_new();

        from_xmpp(s, "id='m1'", "<body>x</body>" REQUEST);
        assert_string_equal(last_request(s, 1)->body, "x");
        sides_answer(s, 0, statuses[i]);
        assert_int_equal(s->n_sent, 0);
        sides_free(s);
    }
}

static void STOX_RCP_05_2xx_from_xmpp_makes_no_imdn(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "positive-delivery, display", "", id);
    settle(s);
    sides_advance(s, 100000);
    assert_int_equal(s->n_clients, 0);
    sides_free(s);
}

static void STOX_RCP_06_receipt_on_200_by_setting(void **state)
{
    static const struct {
        unsigned status;
        const char *attrs, *inside;
        bool told;
    } cases[] = { { 200, "id='m1' type='chat'", "<body>x</body>" REQUEST, true },
                  { 202, "id='m1' type='chat'", "<body>x</body>" REQUEST, false },
                  { 200, "id='m1'", "<body>x</body>", false },
                  { 200, "", "<body>x</body>" REQUEST, false } };

    for (size_t i = 0; i < 4; i++) {
        struct sides *s = sides_new();

        sides_apply(s, ON_200);
        from_xmpp(s, cases[i].attrs, cases[i].inside);
        sides_answer(s, 0, cases[i].status);
        assert_int_equal(s->n_sent, cases[i].told);
        if (cases[i].told)
            assert_string_equal(s->sent[0].stanza,
                                "<message from='" ALICE "' to='" ROMEO "/garden' type='chat'><received "
                                "xmlns='urn:xmpp:receipts' id='m1'/></message>");
        sides_free(s);
    }
}

static void STOX_RCP_07_the_request(void **state)
{
    struct sides *s = sides_new();
    struct map_content c;
    const char *id, *other;

    sides_apply(s, ALWAYS);
    from_xmpp(s, "id='m1' xml:lang='en'", "<subject>S</subject><body>what light</body>" REQUEST MARKABLE);
    read_request(s, 1, &c, "message/cpim");
    assert_string_equal(s->clients[0].headers, "Content-Type: message/cpim\r\nSubject: S\r\n");
    assert_string_equal(c_str(s, c.text), "what light");
    assert_true(c.imdn.positive && c.imdn.negative && c.imdn.display && c.has_date);
    assert_string_equal(c_str(s, c.cpim_from.user), "romeo");
    assert_string_equal(c_str(s, c.cpim_to.user), "alice");
    assert_true(c.imdn.message_id.n >= 16); /* of hex: 64 bits and more */
    sides_answer(s, 0, 200);
    id = romeo_asks(s, "id='m2'", REQUEST, 200);
    other = romeo_asks(s, "id='m3'", MARKABLE, 200);
    assert_string_not_equal(id, other);
    sides_free(s);
}

static void STOX_RCP_11_the_recipient_tells(void **state)
{
    struct sides *s = sides_new();
    const char *id;

    sides_apply(s, ALWAYS);
    id = romeo_asks(s, "id='m1' type='chat'", REQUEST MARKABLE, 200);
    alice_notifies(s, ALICE, "unknown", DELIVERED);
    alice_notifies(s, "bob@contoso.example", id, DELIVERED); /* he never got it */
    alice_notifies(s, ALICE, id, PROCESSED);
    assert_int_equal(s->n_sent, 0);
    alice_notifies(s, ALICE, id, DELIVERED);
    assert_string_equal(last_stanza(s, 1), "<message from='" ALICE "' to='" ROMEO "/garden' type='chat'><received "
                                           "xmlns='urn:xmpp:receipts' id='m1'/></message>");
    alice_notifies(s, ALICE, id, DISPLAYED);
    assert_string_equal(last_stanza(s, 2), "<message from='" ALICE "' to='" ROMEO "/garden' type='chat'><displayed "
                                           "xmlns='urn:xmpp:chat-markers:0' id='m1'/></message>");
    alice_notifies(s, ALICE, id, DELIVERED);
    alice_notifies(s, ALICE, id, DISPLAYED);
    (void)last_stanza(s, 2);
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_free(s);
}

static void STOX_RCP_12_the_type_is_the_messages(void **state)
{
    struct sides *s = sides_new();
    const char *id;

    sides_apply(s, ALWAYS);
    id = romeo_asks(s, "id='m1'", REQUEST, 200);
    alice_notifies(s, ALICE, id, DELIVERED);
    assert_string_equal(last_stanza(s, 1), "<message from='" ALICE "' to='" ROMEO "/garden'><received "
                                           "xmlns='urn:xmpp:receipts' id='m1'/></message>");
    sides_free(s);
}

static void STOX_RCP_13_no_id_no_request(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, ALWAYS);
    from_xmpp(s, "", "<body>x</body>" REQUEST MARKABLE);
    assert_string_equal(last_request(s, 1)->body, "x");
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_free(s);
}

static void STOX_RCP_14_displayed_only_where_asked(void **state)
{
    struct sides *s = sides_new();
    const char *id;
    char of_alice[64];

    sides_apply(s, ALWAYS);
    id = romeo_asks(s, "id='m1'", REQUEST, 200);
    alice_notifies(s, ALICE, id, DISPLAYED);
    assert_int_equal(s->n_sent, 0);
    (void)alice_asks(s, "positive-delivery", "", of_alice);
    assert_null(strstr(last_stanza(s, 1), "markable"));
    settle(s);
    romeo_tells(s, "displayed", of_alice);
    (void)last_request(s, 1);
    sides_free(s);
}

static void STOX_RCP_14_markers_move_forward(void **state)
{
    struct sides *s = sides_new();
    const char *first, *second;

    sides_apply(s, ALWAYS);
    first = romeo_asks(s, "id='m1'", REQUEST MARKABLE, 200);
    second = romeo_asks(s, "id='m2'", REQUEST MARKABLE, 200);
    alice_notifies(s, ALICE, second, DISPLAYED); /* and so the first */
    assert_non_null(strstr(last_stanza(s, 1), "id='m2'"));
    alice_notifies(s, ALICE, first, DISPLAYED);
    (void)last_stanza(s, 1);
    alice_notifies(s, ALICE, first, DELIVERED); /* a receipt is of one message */
    assert_non_null(strstr(last_stanza(s, 2), "<received "));
    assert_non_null(strstr(s->sent[1].stanza, "id='m1'"));
    sides_free(s);
}

static void failures_that_come_later_are_told(void **state)
{
    static const struct {
        const char *what, *condition;
    } cases[] = { { FAILED, "<recipient-unavailable " }, { FORBIDDEN, "<forbidden " } };

    for (size_t i = 0; i < 2; i++) {
        struct sides *s = sides_new();
        const char *id;

        sides_apply(s, ALWAYS);
        id = romeo_asks(s, "id='m1'", REQUEST, 202);
        alice_notifies(s, ALICE, id, cases[i].what);
        assert_non_null(strstr(last_stanza(s, 1), "type='error'"));
        assert_non_null(strstr(s->sent[0].stanza, " id='m1'"));
        assert_non_null(strstr(s->sent[0].stanza, cases[i].condition));
        alice_notifies(s, ALICE, id, cases[i].what);
        (void)last_stanza(s, 1);
        sides_free(s);
    }
}

static void STOX_RCP_18_asked_when_known_to_answer(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    from_xmpp(s, "id='m1'", "<body>x</body>" REQUEST);
    assert_string_equal(last_request(s, 1)->body, "x");
    sides_answer(s, 0, 200);
    (void)alice_asks(s, "positive-delivery", "", id);
    settle(s);
    (void)romeo_asks(s, "id='m2'", REQUEST, 200);
    sides_apply(s, NEVER);
    from_xmpp(s, "id='m3'", "<body>x</body>" REQUEST);
    assert_string_equal(last_request(s, 3)->body, "x");
    sides_free(s);
}

static void STOX_RCP_19_plain_once_after_415(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, ALWAYS);
    (void)romeo_asks(s, "id='m1'", REQUEST MARKABLE, 415);
    assert_string_equal(last_request(s, 2)->body, "what light");
    assert_non_null(strstr(s->clients[1].headers, "Content-Type: text/plain;charset=UTF-8\r\n"));
    assert_string_equal(s->clients[1].call_id, s->clients[0].call_id);
    assert_int_equal(s->n_handled, 0);
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_answer(s, 1, 200);
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->n_sent, 0);
    from_xmpp(s, "id='m2'", "<body>again</body>" REQUEST); /* nobody is asked twice in a day */
    assert_string_equal(last_request(s, 3)->body, "again");
    sides_answer(s, 2, 415); /* and whoever takes no text either has refused it */
    (void)last_request(s, 3);
    assert_non_null(strstr(last_stanza(s, 1), "type='error'"));
    sides_free(s);
}

/* Nobody in a room is asked, and nobody answers for it; what a room says is refused by now (STOX-IM-08). */
static void STOX_RCP_16_none_in_a_group(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, ALWAYS);
    from_xmpp(s, "id='m1' type='groupchat'", "<body>x</body>" REQUEST MARKABLE);
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    for (size_t i = 0; i < s->n_sent; i++)
        assert_null(strstr(last_stanza(s, i + 1), "<received"));
    from_xmpp(s, "id='m2' type='groupchat'", "<received xmlns='urn:xmpp:receipts' id='m0'/>");
    assert_int_equal(s->n_clients, 0);
    sides_free(s);
}

/* What is left to try is said by the refusal: no wrapping, which is shorter; nothing at all (RFC 3261 8.1.3.5). */
static void STOX_SIP_35_once_more_without_what_was_refused(void **state)
{
    static const struct {
        unsigned status;
        bool again, by_day; /* once more; and not asked again for a day */
    } cases[] = { { 413, true, false }, { 415, true, true }, { 416, false, false }, { 420, false, false } };

    for (size_t i = 0; i < 4; i++) {
        struct sides *s = sides_new();
        size_t n = cases[i].again ? 2 : 1;

        sides_apply(s, ALWAYS);
        (void)romeo_asks(s, "id='m1'", REQUEST, cases[i].status);
        if (cases[i].again)
            assert_string_equal(last_request(s, 2)->body, "what light");
        (void)last_request(s, n);
        if (cases[i].again)
            sides_answer(s, 1, cases[i].status); /* once */
        (void)last_request(s, n);
        assert_non_null(strstr(last_stanza(s, 1), "type='error'"));
        from_xmpp(s, "id='m2'", "<body>again</body>" REQUEST);
        assert_int_equal(strcmp(last_request(s, n + 1)->body, "again") == 0, cases[i].by_day);
        sides_free(s);
    }
}

static void STOX_RCP_19_never_doubled(void **state)
{
    static const unsigned statuses[] = { 0, 404, 488, 500 };

    for (size_t i = 0; i < 4; i++) { /* it may have arrived, or is refused as it is */
        struct sides *s = sides_new();

        sides_apply(s, ALWAYS);
        (void)romeo_asks(s, "id='m1'", REQUEST, statuses[i]);
        (void)last_request(s, 1);
        assert_non_null(strstr(last_stanza(s, 1), "type='error'"));
        assert_int_equal(s->bridge->receipts.shares.n, 0);
        sides_free(s);
    }
}

static void a_text_that_would_be_too_long_with_a_request_goes_without(void **state)
{
    struct sides *s = sides_new();

    sides_apply(s, ALWAYS);
    s->too_long = true;
    from_xmpp(s, "id='m1'", "<body>x</body>" REQUEST);
    sides_answer(s, 0, 0);
    assert_string_equal(last_request(s, 2)->body, "x");
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_free(s);
}

/* ---- SIP asks ---- */

static void STOX_RCP_08_the_imdn(void **state)
{
    struct sides *s = sides_new();
    struct map_content c;
    struct map_imdn imdn;
    char id[64];

    (void)alice_asks(s, "positive-delivery, display", "", id);
    assert_non_null(strstr(last_stanza(s, 1), "<body>hello</body>"));
    assert_non_null(strstr(s->sent[0].stanza, REQUEST MARKABLE));
    settle(s);
    romeo_tells(s, "received", id);
    read_request(s, 1, &c, "message/cpim");
    assert_string_equal(s->clients[0].uri, "sip:" ALICE);
    assert_int_equal(c.kind, MAP_CONTENT_IMDN);
    assert_true(c.imdn.message_id.n >= 16 && !slice_is(c.imdn.message_id, "Ab1cd2Ef3gh4"));
    assert_false(map_imdn_asks(&c.imdn));
    assert_null(strstr(s->clients[0].body, "Disposition-Notification"));
    assert_non_null(strstr(s->clients[0].body, "From: <sip:" ROMEO ">\r\nTo: <sip:" ALICE ">\r\n"));
    assert_non_null(strstr(s->clients[0].body, "\r\nContent-Disposition: notification\r\n"));
    assert_non_null(strstr(s->clients[0].body, "<datetime>2020-01-01T01:00:00+01:00</datetime>"));
    assert_non_null(strstr(s->clients[0].body, "<recipient-uri>sip:" ROMEO "</recipient-uri>"));
    assert_int_equal(map_imdn_read(&s->arena, c.text, &imdn), MAP_DOCUMENT_OK);
    assert_int_equal(imdn.state, MAP_IMDN_DELIVERED);
    assert_string_equal(c_str(s, imdn.message_id), "Ab1cd2Ef3gh4");
    sides_answer(s, 0, 200);
    romeo_tells(s, "displayed", id);
    read_request(s, 2, &c, "message/cpim");
    assert_int_equal(map_imdn_read(&s->arena, c.text, &imdn), MAP_DOCUMENT_OK);
    assert_int_equal(imdn.state, MAP_IMDN_DISPLAYED);
    sides_free(s);
}

static void STOX_RCP_08_the_way_back(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "positive-delivery",
                     "imdn.IMDN-Record-Route: <sip:one.contoso.example>\r\n"
                     "imdn.IMDN-Record-Route: <sip:two.contoso.example>\r\n",
                     id);
    settle(s);
    romeo_tells(s, "received", id);
    assert_string_equal(last_request(s, 1)->uri, "sip:one.contoso.example");
    assert_non_null(strstr(s->clients[0].body, "imdn.IMDN-Route: <sip:one.contoso.example>\r\n"
                                               "imdn.IMDN-Route: <sip:two.contoso.example>\r\n"));
    assert_null(strstr(s->clients[0].body, "Record-Route"));
    sides_free(s);
}

static void STOX_RCP_09_one_for_each_disposition(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "positive-delivery, display", "", id);
    settle(s);
    for (int i = 0; i < 3; i++) {
        romeo_tells(s, "received", id);
        romeo_tells(s, "displayed", id);
        if (s->n_clients > (size_t)i && s->clients[i].in_use)
            sides_answer(s, (size_t)i, 200);
    }
    (void)last_request(s, 2);
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_free(s);
}

static void STOX_RCP_09_none_for_an_imdn(void **state)
{
    struct sides *s = sides_new();

    assert_int_equal(from_sip(s, "message/cpim",
                              HEAD NS "imdn.Message-ID: i1\r\nimdn.Disposition-Notification: positive-delivery\r\n\r\n"
                                      "Content-Type: message/imdn+xml\r\n\r\n<imdn xmlns='urn:ietf:params:xml:ns:imdn'>"
                                      "<message-id>x</message-id>" DELIVERED "</imdn>"),
                     200);
    assert_int_equal(s->n_sent, 0);
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_free(s);
}

static void bounce(struct sides *s, const char *id, const char *condition)
{
    char attrs[128], inside[256];

    snprintf(attrs, sizeof(attrs), "type='error' id='%s'", id);
    snprintf(inside, sizeof(inside), "<error type='cancel'><%s xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>",
             condition);
    from_xmpp(s, attrs, inside);
}

static void STOX_RCP_09_no_failure_after_a_refusal(void **state)
{
    struct sides *s = sides_new();
    struct sip_server *txn;
    char id[64];

    txn = alice_asks(s, "negative-delivery", "", id);
    bounce(s, id, "item-not-found"); /* while it is held: this is the answer */
    assert_int_equal(txn->status, 604);
    bounce(s, id, "item-not-found");
    txn = alice_asks(s, "negative-delivery", "", id);
    sides_advance(s, 20000);
    assert_int_equal(txn->status, 504);
    bounce(s, id, "item-not-found");
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->bridge->receipts.shares.n, 0);
    sides_free(s);
}

static void assert_failed(struct sides *s, enum map_imdn_state state)
{
    struct map_content c;
    struct map_imdn imdn;

    read_request(s, 1, &c, "message/cpim");
    assert_int_equal(c.kind, MAP_CONTENT_IMDN);
    assert_int_equal(map_imdn_read(&s->arena, c.text, &imdn), MAP_DOCUMENT_OK);
    assert_int_equal(imdn.state, state);
}

static void STOX_RCP_10_a_late_bounce_is_told(void **state)
{
    static const struct {
        const char *condition;
        enum map_imdn_state state;
    } cases[] = { { "service-unavailable", MAP_IMDN_FAILED },
                  { "policy-violation", MAP_IMDN_FORBIDDEN },
                  { "forbidden", MAP_IMDN_FORBIDDEN },
                  { "remote-server-timeout", MAP_IMDN_ERROR } };

    for (size_t i = 0; i < 4; i++) {
        struct sides *s = sides_new();
        char id[64];

        (void)alice_asks(s, "positive-delivery, negative-delivery", "", id);
        settle(s);
        bounce(s, id, cases[i].condition);
        assert_failed(s, cases[i].state);
        bounce(s, id, cases[i].condition);
        (void)last_request(s, 1);
        assert_true(sides_logged(s, "sender-told=yes"));
        sides_free(s);
    }
}

static void STOX_IM_25_a_late_bounce_is_an_imdn_or_a_record(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "negative-delivery", "", id);
    settle(s);
    bounce(s, id, "service-unavailable");
    assert_failed(s, MAP_IMDN_FAILED);
    sides_free(s);

    s = sides_new();
    (void)alice_asks(s, "positive-delivery", "", id); /* not for failures */
    settle(s);
    bounce(s, id, "service-unavailable");
    alice_writes(s, "plain");
    bounce(s, "b1", "service-unavailable");
    assert_int_equal(s->n_clients, 0);
    assert_int_equal(s->bridge->counters.bounces_late, 2);
    assert_true(sides_logged(s, "message-bounced-late"));
    assert_true(sides_logged(s, "sender-told=no"));
    sides_free(s);
}

static void a_bounce_after_the_receipt_is_no_failure(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "positive-delivery, negative-delivery", "", id);
    settle(s);
    romeo_tells(s, "received", id); /* one of his devices has it */
    bounce(s, id, "service-unavailable");
    (void)last_request(s, 1);
    sides_free(s);
}

static void receipts_of_others_are_ignored(void **state)
{
    struct sides *s = sides_new();
    char id[64], stanza[512];

    (void)alice_asks(s, "positive-delivery", "", id);
    settle(s);
    snprintf(stanza, sizeof(stanza),
             "<message from='tybalt@fabrikam.example/x' to='" ALICE
             "'><received xmlns='urn:xmpp:receipts' id='%s'/></message>",
             id);
    sides_xmpp(s, stanza, 1);
    snprintf(stanza, sizeof(stanza),
             "<message from='" ROMEO
             "/x' to='bob@contoso.example'><received xmlns='urn:xmpp:receipts' id='%s'/></message>",
             id);
    sides_xmpp(s, stanza, 2);
    romeo_tells(s, "received", "other");
    assert_int_equal(s->n_clients, 0);
    romeo_tells(s, "received", id);
    (void)last_request(s, 1);
    sides_free(s);
}

static void STOX_RCP_15_nothing_is_made_up(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "positive-delivery, display", "", id);
    settle(s);
    from_xmpp(s, "id='a1'", "<body>an answer</body>"); /* he has read it, but has not said so */
    assert_string_equal(last_request(s, 1)->body, "an answer");
    sides_answer(s, 0, 200);
    romeo_tells(s, "displayed", id); /* he tells what he wants to tell: no delivery */
    assert_non_null(strstr(last_request(s, 2)->body, "<displayed/>"));
    sides_answer(s, 1, 200);
    (void)last_request(s, 2);
    (void)last_stanza(s, 1);
    sides_free(s);
}

static void never_means_never(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    sides_apply(s, NEVER);
    (void)alice_asks(s, "positive-delivery, display", "", id);
    assert_null(strstr(last_stanza(s, 1), "urn:xmpp:receipts"));
    assert_null(strstr(s->sent[0].stanza, "markable"));
    settle(s);
    romeo_tells(s, "received", id);
    assert_int_equal(s->n_clients, 0);
    sides_free(s);
}

/* ---- what must survive ---- */

static void receipts_keep_their_place_in_line(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    (void)alice_asks(s, "positive-delivery", "", id);
    settle(s);
    from_xmpp(s, "id='1'", "<body>one</body>");
    romeo_tells(s, "received", id);
    from_xmpp(s, "id='2'", "<body>two</body>");
    assert_string_equal(last_request(s, 1)->body, "one");
    sides_answer(s, 0, 200);
    assert_non_null(strstr(last_request(s, 2)->body, "<delivered/>"));
    sides_answer(s, 1, 480); /* nobody hears of that */
    assert_string_equal(last_request(s, 3)->body, "two");
    sides_answer(s, 2, 200);
    (void)last_stanza(s, 1);
    assert_int_equal(s->bridge->counters.x2s_delivered, 2);
    assert_int_equal(s->bridge->counters.x2s_refused, 0);
    assert_int_equal(s->bridge->counters.statuses_dropped, 1);
    assert_int_equal(s->bridge->queued_bytes, 0);
    sides_free(s);
}

static void STOX_RCP_17_a_day_and_bounded(void **state)
{
    struct sides *s = sides_new();
    struct map_imdn_ask ask = { .message_id = SLICE("m"), .positive = true };
    struct jid alice, romeo;
    char id[64], of_alice[64];

    (void)alice_asks(s, "positive-delivery", "", of_alice);
    settle(s);
    sides_advance(s, 86400000);
    assert_true(jid_parse(&s->arena, SLICE(ROMEO), &romeo) && jid_parse(&s->arena, SLICE(ALICE), &alice));
    for (int i = 0; i < RECEIPTS_MAX - 1; i++) {
        snprintf(id, sizeof(id), "%d", i);
        assert_int_not_equal(receipts_expect(s->bridge, &alice, &romeo, slice_str(id), &ask), 0);
    }
    assert_int_equal(s->bridge->receipts.shares.n, RECEIPTS_MAX);
    romeo_tells(s, "received", of_alice); /* the oldest of all, after a day */
    (void)last_request(s, 1);
    for (int i = 0; i < 10; i++) {
        snprintf(id, sizeof(id), "more%d", i);
        assert_int_not_equal(receipts_expect(s->bridge, &alice, &romeo, slice_str(id), &ask), 0);
    }
    assert_int_equal(s->bridge->receipts.shares.n, RECEIPTS_MAX);
    assert_true(s->bridge->receipts.shares.bytes <= RECEIPTS_BYTES_MAX);
    sides_answer(s, 0, 200);
    romeo_tells(s, "received", "0"); /* gone */
    (void)last_request(s, 1);
    romeo_tells(s, "received", "more0");
    (void)last_request(s, 2);
    sides_free(s);
}

/* What romeo is told of alice's side, or of a full address of hers. */
static const char *asked(struct sides *s, const char *from, const char *to)
{
    char stanza[512];

    snprintf(stanza, sizeof(stanza),
             "<iq type='get' id='d' from='%s' to='%s'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>",
             from, to);
    sides_xmpp(s, stanza, 1);
    return s->sent[s->n_sent - 1].stanza;
}

#define F(var) "<feature var='" var "'/>"

static void STOX_CS_13_states_are_advertised_until_415(void **state)
{
    struct sides *s = sides_new();

    assert_non_null(strstr(asked(s, ROMEO "/x", ALICE), "<service-unavailable ")); /* he does not know her */
    alice_writes(s, "hello");
    assert_non_null(strstr(asked(s, ROMEO "/x", ALICE), "<identity category='account' type='registered'/>" F(CHATSTATES)
                                                            F("http://jabber.org/protocol/disco#info") "</query>"));
    assert_non_null(strstr(asked(s, ROMEO "/x", ALICE "/phone"), "<identity category='client' type='pc'/>"));
    assert_non_null(strstr(asked(s, "tybalt@fabrikam.example/x", ALICE), "<service-unavailable "));
    assert_non_null(strstr(asked(s, ROMEO "/x", "bob@contoso.example"), "<service-unavailable "));
    from_xmpp(s, "", "<composing xmlns='" CHATSTATES "'/>");
    sides_answer(s, 0, 415);
    assert_null(strstr(asked(s, ROMEO "/x", ALICE), CHATSTATES));
    sides_free(s);
}

static void STOX_RCP_18_receipts_are_advertised_once_seen(void **state)
{
    struct sides *s = sides_new();
    char id[64];

    alice_writes(s, "hello");
    assert_null(strstr(asked(s, ROMEO "/x", ALICE), "urn:xmpp:receipts"));
    (void)alice_asks(s, "positive-delivery", "", id);
    settle(s);
    assert_non_null(
        strstr(asked(s, ROMEO "/x", ALICE), F("urn:xmpp:chat-markers:0") F("urn:xmpp:receipts") "</query>"));
    sides_apply(s, NEVER);
    assert_null(strstr(asked(s, ROMEO "/x", ALICE), "urn:xmpp:receipts"));
    sides_free(s);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_RCP_05_2xx_is_no_receipt),
        cmocka_unit_test(STOX_RCP_05_2xx_from_xmpp_makes_no_imdn),
        cmocka_unit_test(STOX_RCP_06_receipt_on_200_by_setting),
        cmocka_unit_test(STOX_RCP_07_the_request),
        cmocka_unit_test(STOX_RCP_08_the_imdn),
        cmocka_unit_test(STOX_RCP_08_the_way_back),
        cmocka_unit_test(STOX_RCP_09_one_for_each_disposition),
        cmocka_unit_test(STOX_RCP_09_none_for_an_imdn),
        cmocka_unit_test(STOX_RCP_09_no_failure_after_a_refusal),
        cmocka_unit_test(STOX_RCP_10_a_late_bounce_is_told),
        cmocka_unit_test(STOX_RCP_11_the_recipient_tells),
        cmocka_unit_test(STOX_RCP_12_the_type_is_the_messages),
        cmocka_unit_test(STOX_RCP_13_no_id_no_request),
        cmocka_unit_test(STOX_RCP_14_displayed_only_where_asked),
        cmocka_unit_test(STOX_RCP_14_markers_move_forward),
        cmocka_unit_test(STOX_RCP_15_nothing_is_made_up),
        cmocka_unit_test(STOX_RCP_17_a_day_and_bounded),
        cmocka_unit_test(STOX_RCP_18_asked_when_known_to_answer),
        cmocka_unit_test(STOX_RCP_18_receipts_are_advertised_once_seen),
        cmocka_unit_test(STOX_RCP_19_plain_once_after_415),
        cmocka_unit_test(STOX_RCP_16_none_in_a_group),
        cmocka_unit_test(STOX_SIP_35_once_more_without_what_was_refused),
        cmocka_unit_test(STOX_RCP_19_never_doubled),
        cmocka_unit_test(STOX_CS_13_states_are_advertised_until_415),
        cmocka_unit_test(STOX_IM_25_a_late_bounce_is_an_imdn_or_a_record),
        cmocka_unit_test(failures_that_come_later_are_told),
        cmocka_unit_test(a_text_that_would_be_too_long_with_a_request_goes_without),
        cmocka_unit_test(a_bounce_after_the_receipt_is_no_failure),
        cmocka_unit_test(receipts_of_others_are_ignored),
        cmocka_unit_test(never_means_never),
        cmocka_unit_test(receipts_keep_their_place_in_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
