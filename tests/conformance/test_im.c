/*
 * STOX-IM: pager-mode messages, as far as the translation itself can show it. What needs a wire, a clock or a queue
 * (21..26, 28..30, 32..34, 48..50, the second half of 51) is shown elsewhere.
 */
#include "../unit/map/im_support.h"

#include "map/error.h"

#define PLAIN "Content-Type: text/plain\r\n"

static const char *s2x_child(struct s2x *s, const char *name)
{
    return child_text(&s->arena, s->stanza, name);
}

/* The body of one S2X message with these header lines. */
static void assert_body(const char *lines, struct slice body, const char *expect)
{
    struct s2x s;

    s2x_run(&s, lines, body);
    assert_int_equal(s.result, MAP_IM_OK);
    assert_string_equal(s2x_child(&s, "body"), expect);
    s2x_fini(&s);
}

static void STOX_IM_01_message_becomes_MESSAGE(void **state)
{
    struct x2s x;

    x2s_run(&x, "", "<body>Art thou not Romeo, and a Montague?</body>");
    assert_int_equal(x.result, MAP_IM_OK);
    assert_slice(&x.arena, x.msg->uri_text, "sip:romeo@example.net");
    assert_slice(&x.arena, x.msg->to_text, "<sip:romeo@example.net>");
    assert_int_equal(x.msg->to_tag.n, 0);
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_CONTENT_TYPE), "text/plain;charset=UTF-8");
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_CONTENT_LENGTH), "35");
    assert_slice(&x.arena, x.msg->body, "Art thou not Romeo, and a Montague?");
    x2s_fini(&x);
}

static void STOX_IM_02_resource_is_gr_of_From(void **state)
{
    struct x2s x;

    x2s_run(&x, "", "<body>x</body>");
    assert_slice(&x.arena, x.msg->from.uri_text, "sip:juliet@example.com;gr=yn0cl4bnw0yr3vym");
    assert_true(x.msg->from_tag.n > 0);
    x2s_fini(&x);
}

static void STOX_IM_03_MESSAGE_becomes_message(void **state)
{
    struct s2x s;

    s2x_run(&s, PLAIN "Subject: Greeting\r\nContent-Language: en\r\n", SLICE("Neither, fair saint"));
    assert_slice(&s.arena, buf_slice(&s.out),
                 "<message from='romeo@example.net' to='juliet@example.com' id='eskdgs677' xml:lang='en'>"
                 "<subject>Greeting</subject><body>Neither, fair saint</body>"
                 "<thread>9E97FB43-85F4-4A00-8751-1124FD4C7B2E</thread></message>");
    s2x_fini(&s);
}

static void STOX_IM_04_from_is_full_only_with_gr(void **state)
{
    struct s2x s;

    s2x_run(&s, PLAIN, SLICE("x"));
    assert_string_equal(attr_text(&s.arena, s.stanza, "from"), "romeo@example.net");
    s2x_msg(&s, sip_of_bytes(&s.arena, SLICE("MESSAGE sip:juliet@example.com SIP/2.0\r\n"
                                             "Via: SIP/2.0/TCP h;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
                                             "To: <sip:juliet@example.com>\r\n"
                                             "From: <sip:romeo@example.net;gr=dr4hcr0st3lup4c>;tag=vwxyz\r\n"
                                             "Call-ID: a\r\nCSeq: 1 MESSAGE\r\nContent-Length: 1\r\n\r\nx")));
    assert_string_equal(attr_text(&s.arena, s.stanza, "from"), "romeo@example.net/dr4hcr0st3lup4c");
    s2x_fini(&s);
}

static void STOX_IM_05_no_type(void **state)
{
    struct s2x s;

    s2x_run(&s, PLAIN, SLICE("x"));
    assert_null(attr_text(&s.arena, s.stanza, "type"));
    s2x_fini(&s);
}

static void STOX_IM_06_type_chat_by_setting(void **state)
{
    struct s2x s;

    s2x_init(&s);
    s.conf.pager_chat = true;
    s2x_msg(&s, sip_message(&s.arena, PLAIN, SLICE("x")));
    assert_slice(&s.arena, buf_slice(&s.out),
                 "<message from='romeo@example.net' to='juliet@example.com' id='eskdgs677' type='chat'>"
                 "<body>x</body><thread>9E97FB43-85F4-4A00-8751-1124FD4C7B2E</thread></message>");
    s2x_fini(&s);
}

static void STOX_IM_07_types_that_are_delivered(void **state)
{
    static const char *const types[] = { "", "type='normal'", "type='chat'", "type='headline'", "type='made-up'" };

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct x2s x;

        x2s_run(&x, types[i], "<body>x</body>");
        assert_int_equal(x.result, MAP_IM_OK);
        assert_int_equal(x.m.report_errors, strcmp(types[i], "type='headline'") != 0);
        x2s_fini(&x);
    }
}

static void STOX_IM_08_groupchat_is_refused_headline_is_not_reported(void **state)
{
    struct x2s x;

    x2s_run(&x, "type='groupchat'", "<body>x</body>");
    assert_int_equal(x.result, MAP_IM_REFUSED);
    assert_string_equal(x.refusal.condition, "service-unavailable");
    assert_string_equal(x.refusal.type, "cancel");
    x2s_fini(&x);
    x2s_run(&x, "type='headline'", "<body>x</body>");
    assert_int_equal(x.result, MAP_IM_OK);
    assert_false(x.m.report_errors);
    x2s_fini(&x);
}

static void assert_nothing(const char *attrs, const char *inside)
{
    struct x2s x;

    x2s_run(&x, attrs, inside);
    if (x.result != MAP_IM_EMPTY)
        fail_msg("%s %s: %d", attrs, inside, x.result);
    x2s_fini(&x);
}

static void STOX_IM_09_errors_make_no_MESSAGE(void **state)
{
    assert_nothing("type='error'", "<body>x</body>");
}

static void STOX_IM_10_nothing_to_carry_is_consumed(void **state)
{
    assert_nothing("", "");
    assert_nothing("type='headline'",
                   "<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='x'/></event>");
    assert_nothing("type='chat'", "<active xmlns='http://jabber.org/protocol/chatstates'/>");
    assert_nothing("", "<subject>only</subject>");
    assert_nothing("", "<body/>");
}

static void STOX_IM_11_encrypted_without_a_body(void **state)
{
    static const char *const payloads[] = {
        "<encrypted xmlns='eu.siacs.conversations.axolotl'/>",
        "<encrypted xmlns='urn:xmpp:omemo:1'/>",
        "<encrypted xmlns='urn:xmpp:omemo:2'/>",
        "<openpgp xmlns='urn:xmpp:openpgp:0'/>",
        "<x xmlns='jabber:x:encrypted'/>",
        "<encryption xmlns='urn:xmpp:eme:0'/>",
    };

    for (size_t i = 0; i < sizeof(payloads) / sizeof(payloads[0]); i++) {
        struct x2s x;

        x2s_run(&x, "", payloads[i]);
        assert_int_equal(x.result, MAP_IM_REFUSED);
        assert_string_equal(x.refusal.condition, "not-acceptable");
        x2s_stanza(&x,
                   text_of(&x.arena,
                           "<message from='" JULIET "' to='romeo@example.net'>%s<body>[OMEMO] x</body></message>",
                           payloads[i]),
                   "", 1);
        assert_int_equal(x.result, MAP_IM_OK);
        assert_slice(&x.arena, x.m.body, "[OMEMO] x");
        x2s_fini(&x);
    }
}

static void STOX_IM_12_one_body_of_several(void **state)
{
    struct x2s x;

    x2s_run(&x, "xml:lang='cs'",
            "<body xml:lang='de'>eins</body><body xml:lang='cs'>jedna</body><body xml:lang='fr'>un</body>");
    assert_slice(&x.arena, x.m.body, "jedna");
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_CONTENT_LANGUAGE), "cs");
    x2s_fini(&x);
    x2s_run(&x, "", "<body xml:lang='de'>eins</body><body xml:lang='en'>one</body>");
    assert_slice(&x.arena, x.m.body, "one");
    x2s_fini(&x);
    x2s_run(&x, "xml:lang='it'", "<body xml:lang='de'>eins</body><body xml:lang='cs'>jedna</body>");
    assert_slice(&x.arena, x.m.body, "eins");
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_CONTENT_LANGUAGE), "de");
    x2s_fini(&x);
}

static void STOX_IM_13_languages_both_ways(void **state)
{
    struct s2x s;
    struct x2s x;

    s2x_run(&s, PLAIN "Content-Language: cs, en\r\n",
            SLICE("Nic z obého, má děvo spanilá,\r\nnenavidíš-li jedno nebo druhé."));
    assert_slice(&s.arena, xml_lang(s.stanza), "cs");
    assert_string_equal(s2x_child(&s, "body"), "Nic z obého, má děvo spanilá,\nnenavidíš-li jedno nebo druhé.");
    s2x_fini(&s);
    s2x_run(&s, PLAIN "Content-Language: \"not a tag\"\r\n", SLICE("x"));
    assert_int_equal(xml_lang(s.stanza).n, 0);
    s2x_fini(&s);
    x2s_run(&x, "xml:lang='cs'", "<body>x</body>");
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_CONTENT_LANGUAGE), "cs");
    x2s_fini(&x);
    x2s_run(&x, "xml:lang='cs'", "<body xml:lang='de-CH'>x</body>");
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_CONTENT_LANGUAGE), "de-CH");
    x2s_fini(&x);
}

static void STOX_IM_14_charsets(void **state)
{
    struct s2x s;

    assert_body("Content-Type: text/plain;charset=iso-8859-1\r\n", SLICE("Z\xfcrich"), "Zürich");
    assert_body("Content-Type: text/plain;charset=us-ascii\r\n", SLICE("Zurich"), "Zurich");
    assert_body("Content-Type: text/plain; charset=\"utf-8\"\r\n", SLICE("Zürich"), "Zürich");
    assert_body("Content-Type: text/plain\r\n", SLICE("Zürich"), "Zürich");
    s2x_run(&s, "Content-Type: text/plain;charset=koi8-r\r\n", SLICE("x"));
    assert_refused(&s, 415);
    s2x_fini(&s);
}

static void STOX_IM_15_thread_is_Call_ID(void **state)
{
    struct s2x s;
    struct x2s x;

    x2s_run(&x, "", "<body>x</body><thread>29377446-0CBB-4296-8958-590D79094C50</thread>");
    assert_slice(&x.arena, x.msg->call_id, "29377446-0CBB-4296-8958-590D79094C50");
    x2s_fini(&x);
    s2x_run(&s, PLAIN, SLICE("x"));
    assert_string_equal(s2x_child(&s, "thread"), "9E97FB43-85F4-4A00-8751-1124FD4C7B2E");
    s2x_fini(&s);
}

/* A thread that cannot be a Call-ID, there, and back with the answer. */
static void STOX_IM_16_any_thread_comes_back(void **state)
{
    static const char *const threads[] = { "abc==", "a b=c", "a,b;c", "zürich", "a@b@c", "stox-YSBiPWM" };

    for (size_t i = 0; i < sizeof(threads) / sizeof(threads[0]); i++) {
        struct s2x s;
        struct x2s x;

        x2s_init(&x);
        x2s_stanza(&x,
                   text_of(&x.arena,
                           "<message from='" JULIET
                           "' to='romeo@example.net'><body>x</body><thread>%s</thread></message>",
                           threads[i]),
                   "", 1);
        assert_int_equal(x.result, MAP_IM_OK);
        assert_false(slice_is(x.msg->call_id, threads[i]));
        s2x_init(&s);
        s2x_msg(&s,
                sip_of_bytes(&s.arena,
                             slice_str(text_of(&s.arena,
                                               "MESSAGE sip:juliet@example.com SIP/2.0\r\n"
                                               "Via: SIP/2.0/TCP h;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n"
                                               "To: <sip:juliet@example.com>\r\nFrom: <sip:romeo@example.net>;tag=v\r\n"
                                               "Call-ID: %.*s\r\nCSeq: 1 MESSAGE\r\nContent-Length: 1\r\n\r\nx",
                                               SLICE_FMT(x.msg->call_id)))));
        assert_string_equal(s2x_child(&s, "thread"), threads[i]);
        x2s_fini(&x);
        s2x_fini(&s);
    }
}

/* One that does not fit an encoding: its Call-ID is legal, is the two people's own, and the thread is told to be kept. */
static void STOX_IM_16_longer_threads_are_told(void **state)
{
    struct slice first = { 0 };
    char thread[300];
    struct x2s x;
    struct s2x s;

    memset(thread, '=', sizeof(thread));
    thread[181] = '\0';
    x2s_init(&x);
    for (int i = 0; i < 3; i++) { /* again the same, and then of another sender */
        x2s_stanza(&x,
                   text_of(&x.arena,
                           "<message from='%s' to='romeo@example.net'><body>x</body><thread>%s</thread></message>",
                           i < 2 ? JULIET : "nurse@example.com", thread),
                   "", 1);
        assert_true(slice_is(x.m.thread, thread));
        assert_int_equal(x.msg->call_id.n, 32);
        if (i > 0)
            assert_int_equal(slice_eq(x.m.call_id, first), i == 1);
        first = x.m.call_id;
    }
    x2s_fini(&x);
    x2s_run(&x, "", "<body>x</body><thread>abc==</thread>");
    assert_int_equal(x.m.thread.n, 0);
    x2s_fini(&x);
    s2x_init(&s);
    s.thread = slice_str(thread);
    s2x_msg(&s, sip_message(&s.arena, PLAIN, SLICE("x")));
    assert_string_equal(s2x_child(&s, "thread"), thread);
    s2x_fini(&s);
}

static void STOX_IM_17_without_thread_the_Call_ID_is_fresh(void **state)
{
    struct x2s x;
    struct slice first;

    x2s_run(&x, "", "<body>x</body>");
    first = x.m.call_id;
    assert_true(first.n >= 16);
    x2s_stanza(&x, "<message from='" JULIET "' to='romeo@example.net'><body>x</body></message>", "", 43);
    assert_false(slice_eq(first, x.m.call_id));
    x2s_fini(&x);
}

static void STOX_IM_18_each_message_of_a_thread_has_its_From_tag(void **state)
{
    struct x2s x;
    struct slice tag, call_id;
    const char *text;

    x2s_init(&x);
    text = text_of(&x.arena, "<message from='" JULIET
                             "' to='romeo@example.net' id='1'><body>x</body><thread>t</thread></message>");
    x2s_stanza(&x, text, "", 1);
    tag = x.msg->from_tag;
    call_id = x.msg->call_id;
    x2s_stanza(&x, text, "", 2);
    assert_false(slice_eq(tag, x.msg->from_tag));
    assert_true(slice_eq(call_id, x.msg->call_id));
    x2s_fini(&x);
}

static void STOX_IM_19_branch_and_id(void **state)
{
    struct s2x s;
    struct x2s x;
    struct slice first;

    s2x_run(&s, PLAIN, SLICE("x"));
    assert_string_equal(attr_text(&s.arena, s.stanza, "id"), "eskdgs677");
    assert_slice(&s.arena, s.made.id, "eskdgs677");
    s2x_fini(&s);
    x2s_run(&x, "", "<body>x</body>");
    first = x.m.branch;
    assert_true(slice_starts(first, SLICE("z9hG4bK")) && first.n > 7 + 16);
    assert_true(slice_eq(x.msg->via.branch, first));
    x2s_stanza(&x, "<message from='" JULIET "' to='romeo@example.net' id='other'><body>x</body></message>", "", 42);
    assert_false(slice_eq(first, x.m.branch));
    x2s_fini(&x);
}

static void STOX_IM_20_no_Contact(void **state)
{
    struct x2s x;

    x2s_run(&x, "xml:lang='cs'",
            "<subject>s</subject><body>x</body><delay xmlns='urn:xmpp:delay' stamp='2020-01-01T00:00:00Z'/>");
    assert_absent(&x, SIP_H_CONTACT);
    assert_absent(&x, SIP_H_EXPIRES);
    assert_absent(&x, SIP_H_RECORD_ROUTE);
    x2s_fini(&x);
}

static void STOX_IM_27_failure_becomes_an_error_message(void **state)
{
    struct arena a;
    struct buf b;
    struct jid from, to;
    struct map_stanza_error e;
    struct xml *stanza;

    arena_init(&a, ARENA_MAX);
    buf_init(&b, ARENA_MAX);
    assert_true(jid_parse(&a, SLICE("nobody@example.net"), &from) &&
                jid_parse(&a, SLICE("juliet@example.com/balcony"), &to));
    map_error_to_stanza(&a, 404, &(struct sip_msg){ .reason = SLICE("Not Found") }, NULL, &e);
    map_put_error_stanza(&b, "message", &from, &to, SLICE("m1"), (struct slice){ 0 }, &e);
    stanza = stanza_of(&a, buf_slice(&b));
    assert_string_equal(attr_text(&a, stanza, "from"), "nobody@example.net");
    assert_string_equal(attr_text(&a, stanza, "to"), "juliet@example.com/balcony");
    assert_string_equal(attr_text(&a, stanza, "id"), "m1");
    assert_non_null(xml_child(xml_first_child(stanza), "urn:ietf:params:xml:ns:xmpp-stanzas", "item-not-found"));
    buf_free(&b);
    arena_reset(&a);
}

static void STOX_IM_31_more_than_the_limit_is_413(void **state)
{
    static char body[70000];
    struct s2x s;

    memset(body, 'x', sizeof(body));
    s2x_run(&s, PLAIN, slice_of(body, sizeof(body)));
    assert_refused(&s, 413);
    s2x_fini(&s);
    s2x_run(&s, PLAIN, slice_of(body, 65000));
    assert_int_equal(s.result, MAP_IM_OK);
    s2x_fini(&s);
    /* It is the stanza that must not grow past what the peer takes: five bytes for each of these. */
    memset(body, '&', sizeof(body));
    s2x_run(&s, PLAIN, slice_of(body, 13200));
    assert_refused(&s, 413);
    s2x_fini(&s);
}

static void STOX_IM_35_text_plain_is_body(void **state)
{
    assert_body(PLAIN, SLICE("Neither, <fair> & 'saint' \"\t!"), "Neither, <fair> & 'saint' \"\t!");
}

static void STOX_IM_36_html_is_plain_text(void **state)
{
    struct s2x s;

    s2x_run(&s, "Content-Type: text/html\r\n",
            SLICE("<html><head><style>p{}</style><script>alert(1)</script></head><body onload='x()'>"
                  "<p>Hello <b>Juliet</b> &amp; all</p><p>Bye</p></body></html>"));
    assert_string_equal(s2x_child(&s, "body"), "Hello Juliet & all\nBye");
    for (const struct xml *el = xml_first_child(s.stanza); el; el = xml_next(el))
        assert_slice(&s.arena, el->ns, "jabber:server");
    s2x_fini(&s);
}

#define PART(type, text) "--b\r\nContent-Type: " type "\r\n\r\n" text "\r\n"

static void STOX_IM_37_wrapped_texts(void **state)
{
    assert_body("Content-Type: multipart/alternative;boundary=b\r\n",
                SLICE(PART("text/html", "<i>html</i>") PART("text/plain", "plain") "--b--\r\n"), "plain");
    assert_body("Content-Type: multipart/mixed;boundary=\"b\"\r\n",
                SLICE(PART("image/png", "x") PART("text/plain", "first") PART("text/plain", "second") "--b--\r\n"),
                "first");
    assert_body("Content-Type: multipart/signed;boundary=b\r\n",
                SLICE(PART("text/plain", "signed") PART("application/pkcs7-signature", "x") "--b--\r\n"), "signed");
    assert_body("Content-Type: message/cpim\r\n",
                SLICE("From: <sip:romeo@example.net>\r\n\r\nContent-Type: text/plain\r\n\r\ninner"), "inner");
}

static void STOX_IM_38_unsupported_is_415(void **state)
{
    struct s2x s;

    s2x_run(&s, "Content-Type: image/png\r\n", SLICE("x"));
    assert_refused(&s, 415);
    assert_true(slice_starts(slice_str(s.refusal.headers), SLICE("Accept: ")));
    assert_non_null(strstr(s.refusal.headers, "text/plain"));
    assert_non_null(strstr(s.refusal.headers, "message/cpim"));
    s2x_fini(&s);
    s2x_run(&s, PLAIN "Content-Encoding: gzip\r\n", SLICE("x"));
    assert_refused(&s, 415);
    assert_string_equal(s.refusal.headers, "Accept-Encoding: identity, deflate\r\n");
    s2x_fini(&s);
}

static void STOX_IM_39_optional_bodies_are_dropped(void **state)
{
    struct s2x s;

    s2x_run(&s, "Content-Type: image/png\r\nContent-Disposition: icon;handling=optional\r\n", SLICE("x"));
    assert_int_equal(s.result, MAP_IM_EMPTY);
    s2x_fini(&s);
    s2x_run(&s, "Content-Type: image/png\r\nContent-Disposition: icon\r\n", SLICE("x"));
    assert_refused(&s, 415);
    s2x_fini(&s);
}

static void STOX_IM_40_cpim_identity(void **state)
{
    static const struct {
        const char *addresses;
        bool ok;
    } cases[] = {
        { "From: <sip:romeo@example.net>\r\nTo: <sip:juliet@example.com>", true },
        { "From: Romeo <im:ROMEO@Example.NET;gr=x>\r\nTo: <im:juliet@example.com>", true },
        { "From: <sip:tybalt@example.net>", false },
        { "From: <sip:romeo@example.org>", false },
        { "From: <sip:romeo@example.net>\r\nTo: <sip:nurse@example.com>", false },
        { "From: <sips:romeo@example.net>", false },
        { "From: <xmpp:romeo@example.net>", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct s2x s;

        s2x_init(&s);
        s2x_msg(&s, sip_message(&s.arena, "Content-Type: message/cpim\r\nSubject: outer\r\n",
                                slice_str(text_of(&s.arena,
                                                  "%s\r\nSubject: inner\r\n\r\nContent-Type: text/plain\r\n"
                                                  "Content-Language: cs\r\n\r\nhello",
                                                  cases[i].addresses))));
        if (cases[i].ok) {
            assert_int_equal(s.result, MAP_IM_OK);
            assert_string_equal(s2x_child(&s, "subject"), "inner");
            assert_slice(&s.arena, xml_lang(s.stanza), "cs");
        } else {
            assert_refused(&s, 403);
        }
        s2x_fini(&s);
    }
}

static void STOX_IM_41_cpim_grammar(void **state)
{
    static const struct {
        const char *body;
        unsigned status; /* 0: delivered */
    } cases[] = {
        { "from: <sip:evil@example.net>\r\n\r\n\r\nx", 0 },
        { "From:  <sip:romeo@example.net>\r\n\r\n\r\nx", 0 },
        { "From:<sip:romeo@example.net>\r\n\r\n\r\nx", 400 },
        { "From: <sip:romeo@example.net>\r\n folded\r\n\r\n\r\nx", 400 },
        { "Subject: \xff\r\n\r\n\r\nx", 400 },
        { "Require: Subject\r\n\r\n\r\nx", 0 },
        { "Require: x.Locale\r\n\r\n\r\nx", 415 },
        { "NS: x <urn:x>\r\nx.Locale: y\r\n\r\n\r\nx", 0 },
    };
    struct s2x s;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        s2x_run(&s, "Content-Type: message/cpim\r\n", slice_str(cases[i].body));
        if ((s.result == MAP_IM_OK ? 0 : s.refusal.status) != cases[i].status)
            fail_msg("%s: %d %u", cases[i].body, s.result, s.refusal.status);
        s2x_fini(&s);
    }
    s2x_run(&s, "Content-Type: message/cpim\r\n", SLICE("Subject:;lang=fr \\u00e9t\\u00e9 \\\\ x\r\n\r\n\r\nx"));
    assert_string_equal(s2x_child(&s, "subject"), "été \\ x");
    s2x_fini(&s);
}

static void STOX_IM_42_line_ends(void **state)
{
    struct x2s x;

    assert_body(PLAIN, SLICE("a\r\nb\nc\r\n"), "a\nb\nc\n");
    x2s_run(&x, "", "<body>a\nb\nc</body>");
    assert_slice(&x.arena, x.msg->body, "a\nb\nc");
    x2s_fini(&x);
}

static void STOX_IM_43_characters_that_XML_forbids(void **state)
{
    assert_body("Content-Type: text/plain;charset=UTF-8\r\n",
                SLICE("a\0b\x1b"
                      "c\x0b\xef\xbf\xbe\xed\xa0\x80z"),
                "a\xef\xbf\xbd"
                "b\xef\xbf\xbd"
                "c\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbdz");
}

static void STOX_IM_44_no_header_injection(void **state)
{
    struct x2s x;

    x2s_run(&x, "", "<subject>x&#13;&#10;Route: &lt;sip:evil></subject><thread>t&#10;Route: y</thread><body>x</body>");
    assert_int_equal(x.result, MAP_IM_OK);
    assert_absent(&x, SIP_H_ROUTE);
    assert_non_null(strstr(sip_value(&x.arena, x.msg, SIP_H_SUBJECT), "Route: <sip:evil>"));
    x2s_fini(&x);
}

static void STOX_IM_45_expired_on_arrival(void **state)
{
    struct s2x s;
    struct x2s x;

    s2x_run(&s, PLAIN "Date: Tue, 31 Dec 2019 23:50:00 GMT\r\nExpires: 60\r\n", SLICE("x"));
    assert_refused(&s, 480);
    s2x_fini(&s);
    s2x_run(&s, PLAIN "Expires: 60\r\n", SLICE("x"));
    assert_int_equal(s.result, MAP_IM_OK);
    s2x_fini(&s);
    x2s_run(&x, "", "<body>x</body>");
    assert_absent(&x, SIP_H_EXPIRES);
    x2s_fini(&x);
}

static void STOX_IM_46_a_wrong_Date_of_an_unsigned_message_is_no_reason(void **state)
{
    assert_body(PLAIN "Date: Fri, 01 Jan 2038 00:00:00 GMT\r\n", SLICE("x"), "x");
}

static void STOX_IM_47_delay(void **state)
{
    struct s2x s;
    struct x2s x;
    const struct xml *delay;

    s2x_run(&s, PLAIN "Date: Tue, 31 Dec 2019 23:58:59 GMT\r\n", SLICE("x"));
    delay = xml_child(s.stanza, "urn:xmpp:delay", "delay");
    assert_non_null(delay);
    assert_string_equal(attr_text(&s.arena, delay, "from"), "example.net");
    assert_string_equal(attr_text(&s.arena, delay, "stamp"), "2019-12-31T23:58:59Z");
    s2x_fini(&s);
    s2x_run(&s, PLAIN "Date: Tue, 31 Dec 2019 23:59:00 GMT\r\n", SLICE("x"));
    assert_null(xml_child(s.stanza, "urn:xmpp:delay", "delay"));
    s2x_fini(&s);
    x2s_run(&x, "", "<body>x</body><delay xmlns='urn:xmpp:delay' stamp='2010-11-14T00:29:00.5+01:00'/>");
    assert_string_equal(sip_value(&x.arena, x.msg, SIP_H_DATE), "Sat, 13 Nov 2010 23:29:00 GMT");
    x2s_fini(&x);
}

static void STOX_IM_51_full_JID_is_a_GRUU(void **state)
{
    struct x2s x;

    x2s_init(&x);
    x2s_stanza(&x, "<message from='" JULIET "' to='romeo@example.net/dr4hcr0st3lup4c'><body>x</body></message>", "", 1);
    assert_slice(&x.arena, x.msg->uri_text, "sip:romeo@example.net;gr=dr4hcr0st3lup4c");
    x2s_fini(&x);
}

/* Texts that must arrive byte for byte. */
static void assert_text(const char *inside, const char *expect)
{
    struct x2s x;

    x2s_run(&x, "type='chat'", inside);
    assert_int_equal(x.result, MAP_IM_OK);
    assert_slice(&x.arena, x.msg->body, expect);
    x2s_fini(&x);
}

static void STOX_IM_52_file_links_are_text(void **state)
{
    assert_text("<body>https://upload.example/a%20b?c=d&amp;e</body><x xmlns='jabber:x:oob'><url>https://x</url></x>",
                "https://upload.example/a%20b?c=d&e");
}

static void STOX_IM_53_corrections_and_retractions(void **state)
{
    assert_text("<body>corrected</body><replace xmlns='urn:xmpp:message-correct:0' id='1'/>", "corrected");
    assert_nothing("", "<retract xmlns='urn:xmpp:message-retract:1' id='1'/><body>fallback</body>");
}

static void STOX_IM_54_wrappers_are_not_unwrapped(void **state)
{
    static const char *const wrappers[] = {
        ("<sent xmlns='urn:xmpp:carbons:2'><forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:server'>"
         "<body>x</body></message></forwarded></sent>"),
        "<received xmlns='urn:xmpp:carbons:2'/><body>x</body>",
        "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:server'><body>x</body></message></forwarded>",
    };

    for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
        assert_nothing("", wrappers[i]);
}

static void STOX_IM_55_text_is_not_touched(void **state)
{
    assert_text("<body>/me *bold* _it_ ```x``` &gt; quote</body>", "/me *bold* _it_ ```x``` > quote");
    assert_text(
        "<body>> quoted\nanswer</body><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' "
        "end='9'/></fallback>",
        "> quoted\nanswer");
    assert_body(PLAIN, SLICE("/me *bold* _it_ ```x``` > quote"), "/me *bold* _it_ ```x``` > quote");
}

static void STOX_IM_56_no_stanza_id(void **state)
{
    struct s2x s;

    s2x_run(&s, PLAIN, SLICE("x"));
    assert_null(xml_child(s.stanza, "urn:xmpp:sid:0", "stanza-id"));
    s2x_fini(&s);
    assert_text("<body>x</body><origin-id xmlns='urn:xmpp:sid:0' id='1'/>", "x");
}

static void STOX_IM_57_there_is_always_an_id(void **state)
{
    static const char *const vias[] = { "h;branch=z9hG4bKx", "h;branch=1", "h", "h;branch=z9hG4bK" };
    const char *seen[4];
    struct s2x s;

    s2x_init(&s);
    for (size_t i = 0; i < 4; i++) {
        s2x_msg(&s, sip_of_bytes(&s.arena,
                                 slice_str(text_of(&s.arena,
                                                   "MESSAGE sip:juliet@example.com SIP/2.0\r\nVia: SIP/2.0/UDP %s\r\n"
                                                   "Max-Forwards: 70\r\nTo: <sip:juliet@example.com>\r\n"
                                                   "From: <sip:romeo@example.net>;tag=v\r\nCall-ID: c\r\n"
                                                   "CSeq: 1 MESSAGE\r\nContent-Length: 1\r\n\r\nx",
                                                   vias[i]))));
        seen[i] = attr_text(&s.arena, s.stanza, "id");
        assert_true(seen[i] && *seen[i]);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[i], seen[j]);
    }
    s2x_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_IM_01_message_becomes_MESSAGE),
        cmocka_unit_test(STOX_IM_02_resource_is_gr_of_From),
        cmocka_unit_test(STOX_IM_03_MESSAGE_becomes_message),
        cmocka_unit_test(STOX_IM_04_from_is_full_only_with_gr),
        cmocka_unit_test(STOX_IM_05_no_type),
        cmocka_unit_test(STOX_IM_06_type_chat_by_setting),
        cmocka_unit_test(STOX_IM_07_types_that_are_delivered),
        cmocka_unit_test(STOX_IM_08_groupchat_is_refused_headline_is_not_reported),
        cmocka_unit_test(STOX_IM_09_errors_make_no_MESSAGE),
        cmocka_unit_test(STOX_IM_10_nothing_to_carry_is_consumed),
        cmocka_unit_test(STOX_IM_11_encrypted_without_a_body),
        cmocka_unit_test(STOX_IM_12_one_body_of_several),
        cmocka_unit_test(STOX_IM_13_languages_both_ways),
        cmocka_unit_test(STOX_IM_14_charsets),
        cmocka_unit_test(STOX_IM_15_thread_is_Call_ID),
        cmocka_unit_test(STOX_IM_16_any_thread_comes_back),
        cmocka_unit_test(STOX_IM_16_longer_threads_are_told),
        cmocka_unit_test(STOX_IM_17_without_thread_the_Call_ID_is_fresh),
        cmocka_unit_test(STOX_IM_18_each_message_of_a_thread_has_its_From_tag),
        cmocka_unit_test(STOX_IM_19_branch_and_id),
        cmocka_unit_test(STOX_IM_20_no_Contact),
        cmocka_unit_test(STOX_IM_27_failure_becomes_an_error_message),
        cmocka_unit_test(STOX_IM_31_more_than_the_limit_is_413),
        cmocka_unit_test(STOX_IM_35_text_plain_is_body),
        cmocka_unit_test(STOX_IM_36_html_is_plain_text),
        cmocka_unit_test(STOX_IM_37_wrapped_texts),
        cmocka_unit_test(STOX_IM_38_unsupported_is_415),
        cmocka_unit_test(STOX_IM_39_optional_bodies_are_dropped),
        cmocka_unit_test(STOX_IM_40_cpim_identity),
        cmocka_unit_test(STOX_IM_41_cpim_grammar),
        cmocka_unit_test(STOX_IM_42_line_ends),
        cmocka_unit_test(STOX_IM_43_characters_that_XML_forbids),
        cmocka_unit_test(STOX_IM_44_no_header_injection),
        cmocka_unit_test(STOX_IM_45_expired_on_arrival),
        cmocka_unit_test(STOX_IM_46_a_wrong_Date_of_an_unsigned_message_is_no_reason),
        cmocka_unit_test(STOX_IM_47_delay),
        cmocka_unit_test(STOX_IM_51_full_JID_is_a_GRUU),
        cmocka_unit_test(STOX_IM_52_file_links_are_text),
        cmocka_unit_test(STOX_IM_53_corrections_and_retractions),
        cmocka_unit_test(STOX_IM_54_wrappers_are_not_unwrapped),
        cmocka_unit_test(STOX_IM_55_text_is_not_touched),
        cmocka_unit_test(STOX_IM_56_no_stanza_id),
        cmocka_unit_test(STOX_IM_57_there_is_always_an_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
