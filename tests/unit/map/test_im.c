#include "im_support.h"

#define assert_child(s, name, expected) assert_string_equal(child_text(&(s)->arena, (s)->stanza, (name)), (expected))

static void v_im_01_to_sip(void **state)
{
    struct x2s x;

    x2s_run(&x, "", "<body>Art thou not Romeo, and a Montague?</body>");
    assert_int_equal(x.result, MAP_IM_OK);
    assert_slice(&x.arena, x.m.uri, "sip:romeo@example.net");
    assert_slice(&x.arena, x.m.to, "<sip:romeo@example.net>");
    assert_slice(&x.arena, x.msg->from.uri_text, "sip:juliet@example.com;gr=yn0cl4bnw0yr3vym");
    assert_int_equal(x.msg->from_tag.n, 16);
    assert_int_equal(x.msg->call_id.n, 32);
    assert_int_equal(x.m.branch.n, 7 + 32);
    assert_slice(&x.arena, x.m.headers, "Content-Type: text/plain;charset=UTF-8\r\n");
    assert_slice(&x.arena, x.m.body, "Art thou not Romeo, and a Montague?");
    assert_true(x.m.report_errors);
    x2s_fini(&x);
}

static void v_im_02_to_xmpp(void **state)
{
    struct s2x s;

    s2x_run(&s, "Content-Type: text/plain\r\n", SLICE("Neither, fair saint, if either thee dislike."));
    assert_int_equal(s.result, MAP_IM_OK);
    assert_slice(&s.arena, buf_slice(&s.out),
                 "<message from='romeo@example.net' to='juliet@example.com' id='eskdgs677'>"
                 "<body>Neither, fair saint, if either thee dislike.</body>"
                 "<thread>9E97FB43-85F4-4A00-8751-1124FD4C7B2E</thread></message>");
    assert_slice(&s.arena, s.made.id, "eskdgs677");
    s2x_fini(&s);
}

static void v_im_04_language(void **state)
{
    struct s2x s;

    s2x_run(&s, "Content-Type: text/plain\r\nContent-Language: cs\r\n",
            SLICE("Nic z obého, má děvo spanilá,\r\nnenavidíš-li jedno nebo druhé."));
    assert_slice(&s.arena, xml_lang(s.stanza), "cs");
    assert_child(&s, "body", "Nic z obého, má děvo spanilá,\nnenavidíš-li jedno nebo druhé.");
    s2x_fini(&s);
}

/* result, and the status when it is refused. */
static const struct {
    const char *id, *lines, *body;
    enum map_im result;
    unsigned status;
    const char *header;
} outcomes[] = {
    { "V-IM-08", "Content-Type: image/png\r\n", "x", MAP_IM_REFUSED, 415, "Accept: text/plain" },
    { "optional", "Content-Type: image/png\r\nContent-Disposition: render;handling=optional\r\n", "x", MAP_IM_EMPTY, 0,
      "" },
    { "optional, quoted", "Content-Type: x/y\r\nContent-Disposition: a ; x=y;HANDLING=Optional\r\n", "x", MAP_IM_EMPTY,
      0, "" },
    { "required", "Content-Type: image/png\r\nContent-Disposition: render;handling=required\r\n", "x", MAP_IM_REFUSED,
      415, "Accept: " },
    { "encoding", "Content-Encoding: gzip\r\n", "x", MAP_IM_REFUSED, 415, "Accept-Encoding: identity, deflate\r\n" },
    { "charset", "Content-Type: text/plain;charset=utf-16\r\n", "x", MAP_IM_REFUSED, 415, "Accept: " },
    { "not UTF-8", "Content-Type: text/plain\r\n", "\xff", MAP_IM_REFUSED, 400, "" },
    { "declared UTF-8", "Content-Type: text/plain;charset=utf-8\r\n", "\xff", MAP_IM_OK, 0, "" },
    { "empty", "Content-Type: image/png\r\n", "", MAP_IM_EMPTY, 0, "" },
    { "empty HTML", "Content-Type: text/html\r\n", "<br>", MAP_IM_EMPTY, 0, "" },
    { "expired", "Date: Tue, 31 Dec 2019 23:58:00 GMT\r\nExpires: 60\r\n", "x", MAP_IM_REFUSED, 480, "" },
    { "not expired", "Date: Tue, 31 Dec 2019 23:58:00 GMT\r\nExpires: 300\r\n", "x", MAP_IM_OK, 0, "" },
    { "Expires without Date", "Expires: 0\r\n", "x", MAP_IM_OK, 0, "" },
    { "V-IM-09 mismatch", "Content-Type: message/cpim\r\n", "From: <sip:tybalt@example.net>\r\n\r\n\r\nx",
      MAP_IM_REFUSED, 403, "" },
    { "CPIM other To", "Content-Type: message/cpim\r\n", "To: <sip:nurse@example.com>\r\n\r\n\r\nx", MAP_IM_REFUSED,
      403, "" },
    { "CPIM im:", "Content-Type: message/cpim\r\n", "From: <im:Romeo@example.net>\r\n\r\n\r\nx", MAP_IM_OK, 0, "" },
    { "CPIM mailto:", "Content-Type: message/cpim\r\n", "From: <mailto:romeo@example.net>\r\n\r\n\r\nx", MAP_IM_REFUSED,
      403, "" },
    { "CPIM without From", "Content-Type: message/cpim\r\n", "Subject: s\r\n\r\n\r\nx", MAP_IM_OK, 0, "" },
};

static void outcomes_toward_sip(void **state)
{
    for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++) {
        struct s2x s;

        s2x_run(&s, outcomes[i].lines, slice_str(outcomes[i].body));
        if (s.result != outcomes[i].result)
            fail_msg("%s: %d", outcomes[i].id, s.result);
        if (s.result == MAP_IM_REFUSED &&
            (s.refusal.status != outcomes[i].status ||
             !slice_starts(slice_str(s.refusal.headers), slice_str(outcomes[i].header)) || !s.refusal.reason))
            fail_msg("%s: %u %s %s", outcomes[i].id, s.refusal.status, s.refusal.reason, s.refusal.headers);
        s2x_fini(&s);
    }
}

static void v_im_09_cpim(void **state)
{
    struct s2x s;
    const struct xml *delay;

    s2x_init(&s);
    s.conf.now_wall_s += 61;
    s2x_msg(&s, sip_message(&s.arena, "Content-Type: message/cpim\r\nSubject: outer\r\nContent-Language: en\r\n",
                            SLICE("From: <sip:romeo@example.net>\r\nTo: <sip:juliet@example.com>\r\n"
                                  "DateTime: 2020-01-01T00:00:00Z\r\nSubject: Greeting\r\n\r\n"
                                  "Content-Type: text/plain;charset=UTF-8\r\nContent-Language: cs\r\n\r\nhello")));
    assert_int_equal(s.result, MAP_IM_OK);
    assert_child(&s, "subject", "Greeting");
    assert_child(&s, "body", "hello");
    assert_slice(&s.arena, xml_lang(s.stanza), "cs");
    delay = xml_child(s.stanza, "urn:xmpp:delay", "delay");
    assert_string_equal(attr_text(&s.arena, delay, "stamp"), "2020-01-01T00:00:00Z");
    assert_string_equal(attr_text(&s.arena, delay, "from"), "example.net");
    s2x_fini(&s);
}

/* attrs and inside of the stanza; condition NULL: result is expected as it is. */
static const struct {
    const char *id, *attrs, *inside;
    enum map_im result;
    const char *condition;
} stanzas[] = {
    { "chat", "type='chat'", "<body>x</body>", MAP_IM_OK, NULL },
    { "unknown type", "type='zzz'", "<body>x</body>", MAP_IM_OK, NULL },
    { "error", "type='error'", "<body>x</body><error type='cancel'/>", MAP_IM_EMPTY, NULL },
    { "groupchat", "type='groupchat'", "<body>x</body>", MAP_IM_REFUSED, "service-unavailable" },
    { "no body", "", "<subject>x</subject>", MAP_IM_EMPTY, NULL },
    { "empty body", "", "<body/>", MAP_IM_EMPTY, NULL },
    { "nothing", "", "", MAP_IM_EMPTY, NULL },
    { "foreign body", "", "<body xmlns='http://www.w3.org/1999/xhtml'>x</body>", MAP_IM_EMPTY, NULL },
    { "chat state", "type='chat'", "<composing xmlns='http://jabber.org/protocol/chatstates'/>", MAP_IM_EMPTY, NULL },
    { "receipt", "", "<received xmlns='urn:xmpp:receipts' id='1'/>", MAP_IM_EMPTY, NULL },
    { "omemo", "", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>", MAP_IM_REFUSED, "not-acceptable" },
    { "omemo 2", "", "<encrypted xmlns='urn:xmpp:omemo:2'/>", MAP_IM_REFUSED, "not-acceptable" },
    { "openpgp", "", "<openpgp xmlns='urn:xmpp:openpgp:0'>x</openpgp>", MAP_IM_REFUSED, "not-acceptable" },
    { "eme", "", "<encryption xmlns='urn:xmpp:eme:0' namespace='x'/>", MAP_IM_REFUSED, "not-acceptable" },
    { "omemo with body", "", "<encrypted xmlns='urn:xmpp:omemo:2'/><body>x</body>", MAP_IM_OK, NULL },
    { "carbon sent", "", "<sent xmlns='urn:xmpp:carbons:2'/><body>x</body>", MAP_IM_EMPTY, NULL },
    { "carbon received", "", "<received xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'/></received>",
      MAP_IM_EMPTY, NULL },
    { "forwarded", "",
      "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client'><body>x</body></message></forwarded>",
      MAP_IM_EMPTY, NULL },
    { "retraction", "", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><body>x</body>", MAP_IM_EMPTY, NULL },
    { "old retraction", "",
      "<apply-to xmlns='urn:xmpp:fasten:0'><retract xmlns='urn:xmpp:message-retract:0'/></apply-to><body>x</body>",
      MAP_IM_EMPTY, NULL },
    { "correction", "", "<replace xmlns='urn:xmpp:message-correct:0' id='1'/><body>x</body>", MAP_IM_OK, NULL },
};

static void outcomes_toward_xmpp(void **state)
{
    for (size_t i = 0; i < sizeof(stanzas) / sizeof(stanzas[0]); i++) {
        struct x2s x;

        x2s_run(&x, stanzas[i].attrs, stanzas[i].inside);
        if (x.result != stanzas[i].result)
            fail_msg("%s: %d", stanzas[i].id, x.result);
        if (stanzas[i].condition)
            assert_string_equal(x.refusal.condition, stanzas[i].condition);
        if (x.result == MAP_IM_OK)
            assert_slice(&x.arena, x.m.body, "x");
        x2s_fini(&x);
    }
}

static void without_an_id_there_is_no_branch(void **state)
{
    struct x2s x;

    x2s_init(&x);
    x2s_stanza(&x, "<message from='" JULIET "' to='romeo@example.net'><body>x</body></message>", "", 1);
    assert_int_equal(x.result, MAP_IM_OK);
    assert_int_equal(x.m.branch.n, 0);
    x2s_fini(&x);
}

static void addresses_that_cannot_be_written(void **state)
{
    struct x2s x;

    x2s_init(&x);
    x2s_stanza(&x, "<message from='" JULIET "' to='example.net'><body>x</body></message>", "", 1);
    assert_int_equal(x.result, MAP_IM_REFUSED);
    assert_string_equal(x.refusal.condition, "service-unavailable");
    x2s_stanza(&x, "<message from='x\\5cy@example.com' to='romeo@example.net'><body>x</body></message>", "", 1);
    assert_int_equal(x.result, MAP_IM_REFUSED);
    assert_string_equal(x.refusal.condition, "jid-malformed");
    x2s_fini(&x);
}

/* Languages of stanza, bodies and stream; the body that goes, and its Content-Language. */
static void languages_choose_the_body(void **state)
{
    static const struct {
        const char *attrs, *inside, *body, *language;
    } cases[] = {
        { "", "<body>a</body>", "a", NULL },
        { "xml:lang='cs'", "<body>a</body>", "a", "cs" },
        { "xml:lang='cs'", "<body xml:lang='de'>a</body>", "a", "de" },
        { "", "<body xml:lang='de'>a</body><body xml:lang='EN'>b</body>", "b", "EN" },
        { "xml:lang='cs'", "<body xml:lang='de'>a</body><body>b</body>", "b", "cs" },
        { "xml:lang='cs'", "<body xml:lang='de'>a</body><body xml:lang='cs'>b</body><body>c</body>", "b", "cs" },
        { "xml:lang='fr'", "<body xml:lang='de'>a</body><body xml:lang='cs'>b</body>", "a", "de" },
        { "xml:lang='x&#10;Route: y'", "<body>a</body>", "a", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct x2s x;
        const char *language;

        x2s_run(&x, cases[i].attrs, cases[i].inside);
        assert_slice(&x.arena, x.m.body, cases[i].body);
        language = sip_value(&x.arena, x.msg, SIP_H_CONTENT_LANGUAGE);
        if (!cases[i].language)
            assert_null(language);
        else
            assert_string_equal(language, cases[i].language);
        x2s_fini(&x);
    }
}

static void long_threads_keep_one_call_id(void **state)
{
    struct x2s x;
    struct slice first;
    const char *text;
    char thread[301];

    memset(thread, '=', sizeof(thread) - 1);
    thread[300] = 0;
    x2s_init(&x);
    text = text_of(&x.arena,
                   "<message from='" JULIET "' to='romeo@example.net'><body>x</body><thread>%s</thread></message>",
                   thread);
    x2s_stanza(&x, text, "", 1);
    first = x.m.call_id;
    assert_int_equal(first.n, 32);
    x2s_stanza(&x, text, "", 2);
    assert_true(slice_eq(first, x.m.call_id));
    x2s_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(v_im_01_to_sip),
        cmocka_unit_test(v_im_02_to_xmpp),
        cmocka_unit_test(v_im_04_language),
        cmocka_unit_test(outcomes_toward_sip),
        cmocka_unit_test(v_im_09_cpim),
        cmocka_unit_test(outcomes_toward_xmpp),
        cmocka_unit_test(without_an_id_there_is_no_branch),
        cmocka_unit_test(addresses_that_cannot_be_written),
        cmocka_unit_test(languages_choose_the_body),
        cmocka_unit_test(long_threads_keep_one_call_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
