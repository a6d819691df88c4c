/*
 * What a message carries beside its text never says who sent it, to whom, or that more is to be done (threats I7): addresses
 * inside stanzas and SIP headers are not believed, times are only times, wrappers are not unwrapped, digests not looked up.
 */
#include "../unit/map/im_support.h"

#include "map/entity.h"

#define BOSS "boss@example.net"
#define WRAPPED                                                                                                        \
    "<forwarded xmlns='urn:xmpp:forward:0'><message xmlns='jabber:client' from='" BOSS "' to='" BOSS "'>"              \
    "<body>wrapped</body></message></forwarded>"

/* ---- from XMPP ---- */

static void I7_addresses_inside_a_stanza_are_nobodys(void **state)
{
    static const char *const inside[] = {
        "<delay xmlns='urn:xmpp:delay' from='" BOSS "' stamp='2019-12-31T23:00:00Z'/>",
        "<x xmlns='jabber:x:delay' from='" BOSS "' stamp='20191231T23:00:00'/>",
        "<nick xmlns='http://jabber.org/protocol/nick'>&quot;Boss&quot; &lt;sip:" BOSS "&gt;</nick>",
        "<addresses xmlns='http://jabber.org/protocol/address'><address type='to' jid='" BOSS
        "'/><address type='replyto' jid='" BOSS "'/><address type='ofrom' jid='" BOSS "'/></addresses>",
        "<x xmlns='http://jabber.org/protocol/muc#user'><invite from='" BOSS "'/></x>",
        "<stanza-id xmlns='urn:xmpp:sid:0' by='" BOSS "' id='x'/>",
        "<reply xmlns='urn:xmpp:reply:0' to='" BOSS "' id='x'/>",
        "<headers xmlns='http://jabber.org/protocol/shim'><header name='From'>" BOSS "</header></headers>",
        "<message xmlns='jabber:server' from='" BOSS "'/>",
        WRAPPED,
    };

    for (size_t i = 0; i < sizeof(inside) / sizeof(inside[0]); i++) {
        struct arena a;
        struct x2s x;
        struct buf request;

        arena_init(&a, ARENA_MAX);
        x2s_run(&x, "", text_of(&a, "<body>x</body>%s", inside[i]));
        assert_int_equal(x.result, MAP_IM_OK);
        assert_true(slice_starts(x.m.from, SLICE("<sip:juliet@example.com;")));
        assert_true(slice_starts(x.m.to, SLICE("<sip:romeo@example.net>")));
        buf_init(&request, ARENA_MAX);
        buf_put(&request, x.m.from);
        buf_put(&request, x.m.to);
        buf_put(&request, x.m.uri);
        buf_put(&request, x.m.headers);
        buf_put(&request, x.m.body);
        if (memmem(request.p, request.n, "boss", 4) || memmem(request.p, request.n, "Boss", 4))
            fail_msg("case %zu: %.*s", i, (int)request.n, request.p);
        buf_free(&request);
        x2s_fini(&x);
        arena_reset(&a);
    }
}

static void STOX_IQ_15_a_stamp_is_read_and_its_from_is_not(void **state)
{
    static const struct {
        const char *stamp, *date; /* NULL: none */
    } cases[] = {
        { "2019-12-31T23:00:00Z", "Tue, 31 Dec 2019 23:00:00 GMT" },
        { "2020-01-01T00:30:00+01:30", "Tue, 31 Dec 2019 23:00:00 GMT" },
        { "2019-12-31T23:00:00.999Z", "Tue, 31 Dec 2019 23:00:00 GMT" },
        { "20191231T23:00:00", NULL },
        { "2019-02-29T00:00:00Z", NULL },
        { "2019-12-31T23:00:00", NULL },
        { "2019-12-31T23:00:00Z&#10;From: boss", NULL },
        { "99999999999-12-31T23:00:00Z", NULL },
        { "", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena a;
        struct x2s x;
        const char *date;

        arena_init(&a, ARENA_MAX);
        x2s_run(
            &x, "",
            text_of(&a, "<body>x</body><delay xmlns='urn:xmpp:delay' from='" BOSS "' stamp='%s'/>", cases[i].stamp));
        assert_int_equal(x.result, MAP_IM_OK);
        date = sip_value(&x.arena, x.msg, SIP_H_DATE);
        if (!cases[i].date != !date || (date && strcmp(date, cases[i].date) != 0))
            fail_msg("%s: %s", cases[i].stamp, date ? date : "none");
        assert_true(slice_starts(x.m.from, SLICE("<sip:juliet@example.com;")));
        x2s_fini(&x);
        arena_reset(&a);
    }
}

/* Copies of what was said elsewhere are for clients; and no copy of ours is asked for, nor forbidden, without a reason. */
static void STOX_IQ_16_carbons_are_neither_taken_nor_made(void **state)
{
    static const char *const carbons[] = {
        "<sent xmlns='urn:xmpp:carbons:2'>" WRAPPED "</sent>",
        "<received xmlns='urn:xmpp:carbons:2'>" WRAPPED "</received>",
        "<body>x</body><received xmlns='urn:xmpp:carbons:2'>" WRAPPED "</received>",
        "<sent xmlns='urn:xmpp:carbons:1'>" WRAPPED "</sent>",
    };
    struct s2x s;

    for (size_t i = 0; i < sizeof(carbons) / sizeof(carbons[0]); i++) {
        struct x2s x;

        x2s_run(&x, "type='chat'", carbons[i]);
        assert_int_equal(x.result, MAP_IM_EMPTY);
        x2s_fini(&x);
    }
    s2x_run(&s, "Content-Type: text/plain\r\n", SLICE("x"));
    assert_int_equal(s.result, MAP_IM_OK);
    assert_null(xml_child(s.stanza, "urn:xmpp:carbons:2", "private"));
    assert_null(xml_child(s.stanza, "urn:xmpp:hints", "no-copy"));
    s2x_fini(&s);
}

static void STOX_IQ_16_carbons_are_not_offered(void **state)
{
    static const char ask[] = "<iq type='%s' from='a@b' to='%s' id='1'>%s</iq>";
    struct map_entity e = { .version = "1" };
    struct arena a;
    struct buf out;

    arena_init(&a, ARENA_MAX);
    buf_init(&out, ARENA_MAX);
    for (int i = 0; i < 3; i++) {
        const struct xml *iq = stanza_of(
            &a, slice_str(text_of(&a, ask, i ? "set" : "get", i == 2 ? "alice@contoso.example" : "contoso.example",
                                  i ? "<enable xmlns='urn:xmpp:carbons:2'/>"
                                    : "<query xmlns='http://jabber.org/protocol/disco#info'/>")));
        struct jid from, to;

        assert_true(jid_parse(&a, SLICE("a@b"), &from) && jid_parse(&a, xml_attr(iq, "to"), &to));
        buf_clear(&out);
        assert_true(map_entity_answer(&out, &e, iq, &from, &to));
        assert_null(memmem(out.p, out.n, "carbons", 7));
        assert_int_equal(memmem(out.p, out.n, "service-unavailable", 19) != NULL, i > 0);
    }
    buf_free(&out);
    arena_reset(&a);
}

/* A digest that stands for something else than it says cannot poison what is never kept (XEP-0115 5.4). */
static void STOX_IQ_12_digests_of_others_change_nothing(void **state)
{
    static const char *const caps[] = {
        "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://stox.example/' ver='poisoned'/>",
        "<c xmlns='http://jabber.org/protocol/caps' hash='md5' node='&#39;' ver=''/>",
    };
    struct x2s plain, x;
    struct arena a;

    arena_init(&a, ARENA_MAX);
    x2s_run(&plain, "", "<body>x</body>");
    for (size_t i = 0; i < 2; i++) {
        x2s_run(&x, "", text_of(&a, "<body>x</body>%s", caps[i]));
        assert_int_equal(x.result, MAP_IM_OK);
        assert_true(slice_eq(x.m.headers, plain.m.headers) && slice_eq(x.m.from, plain.m.from));
        x2s_fini(&x);
    }
    x2s_fini(&plain);
    arena_reset(&a);
}

/* ---- from SIP ---- */

static void I7_headers_that_name_others_are_not_the_sender(void **state)
{
    static const char *const lines[] = {
        "P-Asserted-Identity: \"Boss\" <sip:" BOSS ">\r\n",
        "P-Preferred-Identity: <sip:" BOSS ">\r\n",
        "Remote-Party-ID: <sip:" BOSS ">;party=calling\r\n",
        "Reply-To: <sip:" BOSS ">\r\n",
        "Contact: <sip:" BOSS ">\r\n",
        "Referred-By: <sip:" BOSS ">\r\n",
        "History-Info: <sip:" BOSS ">;index=1\r\n",
        "Diversion: <sip:" BOSS ">\r\n",
        "Call-Info: <https://example.net/boss>;purpose=icon\r\n",
        "Record-Route: <sip:boss.example.net>\r\n",
        "Route: <sip:boss.example.net>\r\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct arena a;
        struct s2x s;

        arena_init(&a, ARENA_MAX);
        s2x_run(&s, text_of(&a, "Content-Type: text/plain\r\n%s", lines[i]), SLICE("x"));
        assert_int_equal(s.result, MAP_IM_OK);
        assert_true(slice_starts(xml_attr(s.stanza, "from"), SLICE("romeo@example.net")));
        assert_null(memmem(s.out.p, s.out.n, "boss", 4));
        assert_null(memmem(s.out.p, s.out.n, "Boss", 4));
        s2x_fini(&s);
        arena_reset(&a);
    }
}

static void I7_a_cpim_sender_that_differs_is_refused(void **state)
{
    struct s2x s;

    s2x_run(&s, "Content-Type: message/cpim\r\n",
            SLICE("From: Boss <im:" BOSS ">\r\nTo: Boss <im:" BOSS ">\r\nDateTime: 2019-12-31T23:00:00Z\r\n\r\n"
                  "Content-Type: text/plain\r\n\r\nfrom inside"));
    assert_refused(&s, 403);
    s2x_fini(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(I7_addresses_inside_a_stanza_are_nobodys),
        cmocka_unit_test(STOX_IQ_15_a_stamp_is_read_and_its_from_is_not),
        cmocka_unit_test(STOX_IQ_16_carbons_are_neither_taken_nor_made),
        cmocka_unit_test(STOX_IQ_16_carbons_are_not_offered),
        cmocka_unit_test(STOX_IQ_12_digests_of_others_change_nothing),
        cmocka_unit_test(I7_headers_that_name_others_are_not_the_sender),
        cmocka_unit_test(I7_a_cpim_sender_that_differs_is_refused),
    };

    return cmocka_run_group_tests_name("conformance/inner", tests, NULL, NULL);
}
