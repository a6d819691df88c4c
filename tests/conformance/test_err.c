/* STOX-ERR: errors in both directions. 04, 14, 16 and 19 need the wire. */
#include "../unit/map/im_support.h"

#include "map/error.h"

#define NS "urn:ietf:params:xml:ns:xmpp-stanzas"

/* Catalogue 3.1 as Stox answers a MESSAGE: status when we had written to a full JID, to a bare one. */
static const struct {
    const char *condition;
    unsigned full, bare;
} conditions[] = {
    { "bad-request", 400, 400 },
    { "conflict", 400, 400 },
    { "feature-not-implemented", 405, 501 },
    { "forbidden", 403, 603 },
    { "gone", 410, 410 },
    { "internal-server-error", 500, 500 },
    { "item-not-found", 404, 604 },
    { "jid-malformed", 400, 400 },
    { "not-acceptable", 406, 606 },
    { "not-allowed", 403, 403 },
    { "not-authorized", 403, 403 },
    { "policy-violation", 403, 403 },
    { "recipient-unavailable", 480, 600 },
    { "registration-required", 403, 403 },
    { "remote-server-not-found", 404, 404 },
    { "remote-server-timeout", 504, 504 },
    { "resource-constraint", 500, 500 },
    { "service-unavailable", 403, 403 },
    { "subscription-required", 400, 400 },
    { "undefined-condition", 400, 400 },
    { "unexpected-request", 400, 400 },
};

static struct map_sip_error to_sip(struct arena *a, const char *type, const char *inside, bool full, bool invite)
{
    const char *text = text_of(
        a, "<message type='error' from='a@b' to='c@d' id='1'><body>x</body><error type='%s'>%s</error></message>", type,
        inside);
    struct map_sip_error e;

    map_error_to_sip(a, stanza_of(a, slice_str(text)), full, invite, NULL, &e);
    return e;
}

static unsigned status_of(const char *type, const char *condition, bool full, bool invite)
{
    struct arena a;
    unsigned status;

    arena_init(&a, ARENA_MAX);
    status = to_sip(&a, type, text_of(&a, "<%s xmlns='" NS "'/>", condition), full, invite).status;
    arena_reset(&a);
    return status;
}

static struct map_stanza_error to_stanza(struct arena *a, unsigned status, const char *reason, const char *lines)
{
    const char *text = text_of(a,
                               "SIP/2.0 %u %s\r\nVia: SIP/2.0/TCP gw.example;branch=z9hG4bKa\r\n"
                               "To: <sip:romeo@example.net>;tag=b\r\nFrom: <sip:juliet@example.com>;tag=a\r\n"
                               "Call-ID: c\r\nCSeq: 1 MESSAGE\r\n%sContent-Length: 0\r\n\r\n",
                               status, reason, lines);
    struct map_stanza_error e;

    map_error_to_stanza(a, status, sip_of_bytes(a, slice_str(text)), NULL, &e);
    return e;
}

static void assert_stanza_error(unsigned status, const char *condition, const char *type)
{
    struct map_stanza_error e;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    map_error_to_stanza(&a, status, NULL, NULL, &e);
    if (strcmp(map_condition_name(e.condition), condition) != 0 || strcmp(e.type, type) != 0)
        fail_msg("%u becomes %s, %s", status, map_condition_name(e.condition), e.type);
    arena_reset(&a);
}

static void STOX_ERR_01_conditions_to_statuses(void **state)
{
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        unsigned full = status_of("cancel", conditions[i].condition, true, false);
        unsigned bare = status_of("wait", conditions[i].condition, false, false);

        if (strcmp(conditions[i].condition, "remote-server-timeout") == 0)
            full = status_of("wait", conditions[i].condition, true, false);
        if (full != conditions[i].full || bare != conditions[i].bare)
            fail_msg("%s becomes %u, %u", conditions[i].condition, full, bare);
        assert_string_equal(map_condition_name(map_condition_of(slice_str(conditions[i].condition))),
                            conditions[i].condition);
    }
}

static void STOX_ERR_02_statuses_to_conditions(void **state)
{
    static const struct {
        unsigned first, last;
        const char *condition, *type;
    } rows[] = {
        { 300, 300, "redirect", "modify" },
        { 301, 301, "gone", "cancel" },
        { 302, 302, "redirect", "modify" },
        { 305, 305, "redirect", "modify" },
        { 380, 380, "not-acceptable", "modify" },
        { 400, 400, "bad-request", "modify" },
        { 401, 401, "not-authorized", "auth" },
        { 402, 402, "bad-request", "modify" },
        { 403, 403, "forbidden", "auth" },
        { 404, 404, "item-not-found", "cancel" },
        { 405, 405, "feature-not-implemented", "cancel" },
        { 406, 406, "not-acceptable", "modify" },
        { 407, 407, "registration-required", "auth" },
        { 408, 408, "remote-server-timeout", "wait" },
        { 410, 410, "gone", "cancel" },
        { 412, 412, "bad-request", "modify" },
        { 413, 414, "policy-violation", "modify" },
        { 415, 416, "not-acceptable", "modify" },
        { 417, 417, "bad-request", "modify" },
        { 420, 420, "feature-not-implemented", "cancel" },
        { 421, 421, "not-acceptable", "modify" },
        { 422, 422, "not-acceptable", "modify" },
        { 423, 423, "resource-constraint", "wait" },
        { 424, 424, "bad-request", "modify" },
        { 428, 429, "bad-request", "modify" },
        { 430, 430, "recipient-unavailable", "wait" },
        { 433, 433, "bad-request", "modify" },
        { 436, 438, "bad-request", "modify" },
        { 439, 439, "feature-not-implemented", "cancel" },
        { 440, 440, "policy-violation", "modify" },
        { 469, 470, "forbidden", "auth" },
        { 480, 480, "recipient-unavailable", "wait" },
        { 481, 481, "item-not-found", "cancel" },
        { 482, 483, "not-acceptable", "modify" },
        { 484, 485, "item-not-found", "cancel" },
        { 486, 487, "recipient-unavailable", "wait" },
        { 488, 488, "not-acceptable", "modify" },
        { 489, 489, "policy-violation", "modify" },
        { 491, 491, "unexpected-request", "wait" },
        { 493, 493, "bad-request", "modify" },
        { 494, 494, "not-authorized", "auth" },
        { 500, 500, "internal-server-error", "cancel" },
        { 501, 501, "feature-not-implemented", "cancel" },
        { 502, 502, "remote-server-not-found", "cancel" },
        { 503, 503, "internal-server-error", "cancel" },
        { 504, 504, "remote-server-timeout", "wait" },
        { 505, 505, "not-acceptable", "modify" },
        { 513, 513, "policy-violation", "modify" },
        { 580, 580, "not-acceptable", "modify" },
        { 600, 600, "recipient-unavailable", "wait" },
        { 603, 603, "recipient-unavailable", "wait" },
        { 604, 604, "item-not-found", "cancel" },
        { 606, 606, "not-acceptable", "modify" },
        { 607, 608, "recipient-unavailable", "wait" },
    };
    struct arena a;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned status = rows[i].first; status <= rows[i].last; status++)
            assert_stanza_error(status, rows[i].condition, rows[i].type);
    }
    arena_init(&a, ARENA_MAX);
    assert_string_equal(to_stanza(&a, 503, "Overload", "Retry-After: 10\r\n").type, "wait");
    arena_reset(&a);
}

static void STOX_ERR_03_class_defaults(void **state)
{
    assert_stanza_error(399, "redirect", "modify");
    assert_stanza_error(499, "bad-request", "modify");
    assert_stanza_error(599, "internal-server-error", "cancel");
    assert_stanza_error(699, "recipient-unavailable", "wait");
}

/* A code nobody has heard of counts as x00 of its class; one of no class is no response at all. */
static void STOX_ERR_16_unknown_codes(void **state)
{
    static const struct {
        unsigned status, x00;
    } known[] = { { 398, 300 }, { 497, 400 }, { 598, 500 }, { 698, 600 } };
    static const unsigned no_class[] = { 0, 99, 700, 999 };
    static const struct map_aliases none = { NULL, 0 };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct map_stanza_error one, other;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        map_error_to_stanza(&a, known[i].status, NULL, &none, &one);
        map_error_to_stanza(&a, known[i].x00, NULL, &none, &other);
        assert_int_equal(one.condition, other.condition);
        assert_string_equal(one.type, other.type);
        arena_reset(&a);
    }
    for (size_t i = 0; i < sizeof(no_class) / sizeof(no_class[0]); i++) {
        char text[256];
        struct sip_msg m;
        struct arena a;
        const char *fault;
        size_t used;
        int n = snprintf(
            text, sizeof(text),
            "SIP/2.0 %03u X\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n"
            "Call-ID: 1\r\nCSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n",
            no_class[i]);

        arena_init(&a, ARENA_MAX);
        assert_int_equal(sip_msg_parse(&m, &a, text, (size_t)n, false, &used, &fault), SIP_PARSE_DROP);
        arena_reset(&a);
    }
}

static void STOX_ERR_05_gone_to_301_or_410(void **state)
{
    struct arena a;
    struct map_sip_error e;

    arena_init(&a, ARENA_MAX);
    e = to_sip(&a, "cancel", "<gone xmlns='" NS "'>xmpp:o%5C27malley@new.example</gone>", true, false);
    assert_int_equal(e.status, 301);
    assert_slice(&a, e.contact, "sip:o'malley@new.example");
    e = to_sip(&a, "cancel", "<gone xmlns='" NS "'>sip:romeo@new.example</gone>", true, false);
    assert_int_equal(e.status, 301);
    assert_slice(&a, e.contact, "sip:romeo@new.example");
    e = to_sip(&a, "cancel", "<gone xmlns='" NS "'/>", true, false);
    assert_int_equal(e.status, 410);
    assert_int_equal(e.contact.n, 0);
    e = to_sip(&a, "modify", "<redirect xmlns='" NS "'>xmpp:new@new.example</redirect>", true, false);
    assert_int_equal(e.status, 302);
    assert_slice(&a, e.contact, "sip:new@new.example");
    arena_reset(&a);
}

static void STOX_ERR_06_301_has_the_address_410_has_none(void **state)
{
    struct arena a;
    struct map_stanza_error e;

    arena_init(&a, ARENA_MAX);
    e = to_stanza(&a, 301, "Moved Permanently", "Contact: <sip:romeo@new.example>\r\n");
    assert_string_equal(map_condition_name(e.condition), "gone");
    assert_slice(&a, e.payload, "xmpp:romeo@new.example");
    e = to_stanza(&a, 301, "Moved Permanently", "Contact: <tel:+15551234>\r\n");
    assert_slice(&a, e.payload, "tel:+15551234");
    e = to_stanza(&a, 301, "Moved Permanently", "");
    assert_int_equal(e.payload.n, 0);
    e = to_stanza(&a, 410, "Gone", "Contact: <sip:romeo@new.example>\r\n");
    assert_string_equal(map_condition_name(e.condition), "gone");
    assert_int_equal(e.payload.n, 0);
    e = to_stanza(&a, 302, "Moved", "Contact: <sip:romeo@new.example>\r\n");
    assert_slice(&a, e.payload, "xmpp:romeo@new.example");
    arena_reset(&a);
}

static void STOX_ERR_07_service_unavailable_is_not_503(void **state)
{
    for (unsigned i = 0; i <= MAP_UNEXPECTED_REQUEST; i++) {
        for (unsigned flags = 0; flags < 4; flags++)
            assert_int_not_equal(map_condition_to_status((enum map_condition)i, SLICE("wait"), flags & 1, flags & 2),
                                 503);
    }
    for (unsigned status = 300; status < 700; status++) {
        struct map_stanza_error e;
        struct arena a;

        arena_init(&a, ARENA_MAX);
        map_error_to_stanza(&a, status, NULL, NULL, &e);
        assert_int_not_equal(e.condition, MAP_SERVICE_UNAVAILABLE);
        arena_reset(&a);
    }
}

static void STOX_ERR_08_full_jid_4xx_bare_jid_6xx(void **state)
{
    static const char *const split[] = { "forbidden", "item-not-found", "not-acceptable", "recipient-unavailable" };

    for (size_t i = 0; i < sizeof(split) / sizeof(split[0]); i++) {
        assert_int_equal(status_of("cancel", split[i], true, false) / 100, 4);
        assert_int_equal(status_of("cancel", split[i], false, false) / 100, 6);
    }
}

static void STOX_ERR_09_no_401_or_407(void **state)
{
    assert_int_equal(status_of("auth", "not-authorized", true, false), 403);
    assert_int_equal(status_of("auth", "registration-required", false, true), 403);
}

static void STOX_ERR_10_408_only_for_invite(void **state)
{
    assert_int_equal(status_of("wait", "remote-server-timeout", false, false), 504);
    assert_int_equal(status_of("wait", "remote-server-timeout", false, true), 408);
}

static void STOX_ERR_11_texts_are_cleaned(void **state)
{
    char text[1000];
    struct arena a;
    struct map_sip_error e;
    struct map_stanza_error s;

    arena_init(&a, ARENA_MAX);
    e = to_sip(&a, "cancel", "<item-not-found xmlns='" NS "'/><text xmlns='" NS "'>no&#13;&#10;such user</text>", true,
               false);
    assert_slice(&a, e.reason, "no  such user");
    e = to_sip(&a, "cancel", "<item-not-found xmlns='" NS "'/>", true, false);
    assert_slice(&a, e.reason, "Not Found");
    memset(text, 'x', sizeof(text));
    text[900] = 0;
    e = to_sip(&a, "cancel", text_of(&a, "<gone xmlns='" NS "'/><text xmlns='" NS "'>%s</text>", text), true, false);
    assert_int_equal(e.reason.n, 256);
    map_error_to_stanza(&a, 404, &(struct sip_msg){ .reason = SLICE("Nobody\r\nhere \x1b") }, NULL, &s);
    assert_slice(&a, s.text, "Nobody  here");
    arena_reset(&a);
}

/* Every error that the mapping can produce, as the other server reads it. */
static void STOX_ERR_12_format_of_error_stanzas(void **state)
{
    static const char *const kinds[] = { "message", "presence", "iq" };

    for (unsigned status = 300; status < 700; status++) {
        struct arena a;
        struct map_stanza_error e;
        struct jid from, to;
        struct buf b;
        struct xml *stanza;
        const struct xml *error, *condition;

        arena_init(&a, ARENA_MAX);
        buf_init(&b, ARENA_MAX);
        assert_true(jid_parse(&a, SLICE("romeo@example.net/o'r"), &from));
        assert_true(jid_parse(&a, SLICE("juliet@example.com/<balcony>"), &to));
        e = to_stanza(&a, status, "Some \"reason\" & <more>", "Contact: <sip:new@example.net>\r\n");
        map_put_error_stanza(&b, kinds[status % 3], &from, &to, SLICE("m'1"), (struct slice){ 0 }, &e);
        stanza = stanza_of(&a, buf_slice(&b));
        assert_slice(&a, stanza->name, kinds[status % 3]);
        assert_string_equal(attr_text(&a, stanza, "type"), "error");
        assert_string_equal(attr_text(&a, stanza, "from"), "romeo@example.net/o'r");
        assert_string_equal(attr_text(&a, stanza, "to"), "juliet@example.com/<balcony>");
        assert_string_equal(attr_text(&a, stanza, "id"), "m'1");
        error = xml_first_child(stanza);
        assert_true(xml_is(error, "jabber:server", "error"));
        assert_null(xml_next(error));
        assert_string_equal(attr_text(&a, error, "type"), e.type);
        assert_null(attr_text(&a, error, "by"));
        condition = xml_first_child(error);
        assert_true(xml_is(condition, NS, map_condition_name(e.condition)));
        assert_true(xml_is(xml_next(condition), NS, "text"));
        assert_slice(&a, xml_text(&a, xml_next(condition)), "Some \"reason\" & <more>");
        buf_free(&b);
        arena_reset(&a);
    }
}

static void STOX_ERR_13_an_error_makes_no_request(void **state)
{
    struct x2s x;

    x2s_run(&x, "type='error'", "<body>x</body><error type='cancel'><gone xmlns='" NS "'/></error>");
    assert_int_equal(x.result, MAP_IM_EMPTY);
    x2s_fini(&x);
}

static void STOX_ERR_15_unknown_condition_is_undefined_condition(void **state)
{
    assert_int_equal(status_of("cancel", "made-up", true, false), 400);
    assert_int_equal(map_condition_of(SLICE("made-up")), MAP_UNDEFINED_CONDITION);
}

static void STOX_ERR_17_no_echo_of_the_payload(void **state)
{
    struct arena a;
    struct buf b;
    struct jid from, to;
    struct map_stanza_error e = { .condition = MAP_POLICY_VIOLATION, .type = "modify" };

    arena_init(&a, ARENA_MAX);
    buf_init(&b, ARENA_MAX);
    assert_true(jid_parse(&a, SLICE("romeo@example.net"), &from) && jid_parse(&a, SLICE("juliet@example.com"), &to));
    map_put_error_stanza(&b, "message", &from, &to, SLICE(""), SLICE(""), &e);
    assert_slice(&a, buf_slice(&b),
                 "<message type='error' from='romeo@example.net' to='juliet@example.com'><error type='modify'>"
                 "<policy-violation xmlns='" NS "'/></error></message>");
    buf_free(&b);
    arena_reset(&a);
}

static void STOX_ERR_18_by_names_the_gateway(void **state)
{
    struct arena a;
    struct buf b;
    struct jid jid;
    struct map_stanza_error e = { .condition = MAP_FORBIDDEN, .type = "auth" };

    arena_init(&a, ARENA_MAX);
    buf_init(&b, ARENA_MAX);
    assert_true(jid_parse(&a, SLICE("romeo@example.net"), &jid));
    map_put_error_stanza(&b, "message", &jid, &jid, SLICE("1"), SLICE("example.net"), &e);
    assert_string_equal(attr_text(&a, xml_first_child(stanza_of(&a, buf_slice(&b))), "by"), "example.net");
    buf_free(&b);
    arena_reset(&a);
}

static void STOX_ERR_20_only_the_condition_counts(void **state)
{
    static const char *const types[] = { "cancel", "modify", "wait", "auth", "continue", "" };

    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        if (strcmp(conditions[i].condition, "remote-server-timeout") == 0)
            continue;
        for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++)
            assert_int_equal(status_of(types[j], conditions[i].condition, true, false), conditions[i].full);
    }
    assert_int_equal(status_of("cancel", "remote-server-timeout", false, false), 404);
    assert_int_equal(status_of("cancel", "remote-server-timeout", true, true), 404);
    assert_int_equal(status_of("modify", "remote-server-timeout", false, false), 504);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_ERR_01_conditions_to_statuses),
        cmocka_unit_test(STOX_ERR_02_statuses_to_conditions),
        cmocka_unit_test(STOX_ERR_03_class_defaults),
        cmocka_unit_test(STOX_ERR_05_gone_to_301_or_410),
        cmocka_unit_test(STOX_ERR_06_301_has_the_address_410_has_none),
        cmocka_unit_test(STOX_ERR_07_service_unavailable_is_not_503),
        cmocka_unit_test(STOX_ERR_08_full_jid_4xx_bare_jid_6xx),
        cmocka_unit_test(STOX_ERR_09_no_401_or_407),
        cmocka_unit_test(STOX_ERR_10_408_only_for_invite),
        cmocka_unit_test(STOX_ERR_11_texts_are_cleaned),
        cmocka_unit_test(STOX_ERR_12_format_of_error_stanzas),
        cmocka_unit_test(STOX_ERR_13_an_error_makes_no_request),
        cmocka_unit_test(STOX_ERR_15_unknown_condition_is_undefined_condition),
        cmocka_unit_test(STOX_ERR_16_unknown_codes),
        cmocka_unit_test(STOX_ERR_17_no_echo_of_the_payload),
        cmocka_unit_test(STOX_ERR_18_by_names_the_gateway),
        cmocka_unit_test(STOX_ERR_20_only_the_condition_counts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
