/* Header values of sessions: RFC 4028 4, 5; RFC 3262 7; and where they are found. */
#include "fake.h"

#include "sip/msg_session.h"
#include "sip/route_set.h"

static void session_expires(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t seconds;
        enum sip_refresher refresher;
    } cases[] = {
        { "1800", true, 1800, SIP_REFRESHER_NONE },
        { " 90 ;refresher=uac", true, 90, SIP_REFRESHER_UAC },
        { "90;Refresher = UAS", true, 90, SIP_REFRESHER_UAS },
        { "90;x=y;refresher=uas;z", true, 90, SIP_REFRESHER_UAS },
        { "0", true, 0, SIP_REFRESHER_NONE },
        { "4294967296", true, UINT32_MAX, SIP_REFRESHER_NONE },
        { "99999999999999999999999", true, UINT32_MAX, SIP_REFRESHER_NONE },
        { "", false, 0, SIP_REFRESHER_NONE },
        { "-1", false, 0, SIP_REFRESHER_NONE },
        { "x", false, 0, SIP_REFRESHER_NONE },
        { "90 90", false, 0, SIP_REFRESHER_NONE },
        { "90;refresher=proxy", false, 0, SIP_REFRESHER_NONE },
        { "90;refresher", false, 0, SIP_REFRESHER_NONE },
        { "90;=", false, 0, SIP_REFRESHER_NONE },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sip_session_expires se;

        if (sip_session_expires_parse(slice_str(cases[i].text), &se) != cases[i].ok || se.seconds != cases[i].seconds ||
            se.refresher != cases[i].refresher)
            fail_msg("\"%s\"", cases[i].text);
    }
}

static void min_se(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t seconds;
    } cases[] = {
        { "90", true, 90 }, { "90;x=y", true, 90 }, { "", false, 0 }, { "90,91", false, 0 }, { "a", false, 0 }
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t seconds;

        if (sip_min_se_parse(slice_str(cases[i].text), &seconds) != cases[i].ok || seconds != cases[i].seconds)
            fail_msg("\"%s\"", cases[i].text);
    }
}

static void rseq_and_rack(void **state)
{
    static const struct {
        const char *text;
        bool rseq, rack;
    } cases[] = {
        { "1", true, false },
        { "4294967295", true, false },
        { "0", false, false },
        { "4294967296", false, false },
        { "1 2 INVITE", false, true },
        { " 1\t 2  INVITE ", false, true },
        { "1 2", false, false },
        { "1 2 ", false, false },
        { "1 INVITE", false, false },
        { "1 2 INVITE x", false, false },
        { "1 4294967296 INVITE", false, false },
        { "-1 2 INVITE", false, false },
        { "", false, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t rseq;
        struct sip_rack rack;

        if (sip_rseq_parse(slice_str(cases[i].text), &rseq) != cases[i].rseq ||
            sip_rack_parse(slice_str(cases[i].text), &rack) != cases[i].rack)
            fail_msg("\"%s\"", cases[i].text);
        if (cases[i].rack)
            assert_true(rack.rseq == 1 && rack.cseq == 2 && slice_is(rack.method, "INVITE"));
    }
}

static void parse(struct sip_msg *m, struct arena *arena, char *copy, const char *lines)
{
    const char *fault;
    size_t used;

    snprintf(copy, 4096,
             "SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n"
             "Call-ID: c\r\nCSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
             lines);
    arena_init(arena, 65536);
    assert_int_equal(sip_msg_parse(m, arena, copy, strlen(copy), false, &used, &fault), SIP_PARSE_OK);
}

static void finding_them(void **state)
{
    static const struct {
        const char *lines, *name;
        char compact;
        const char *value;
    } cases[] = {
        { "Session-Expires: 1\r\nx: 2\r\n", "session-expires", 'x', "1" },
        { "X: 2\r\nsession-expires: 1\r\n", "session-expires", 'x', "2" },
        { "X: 2\r\n", "session-expires", 0, NULL },
        { "MIN-SE: 3\r\n", "min-se", 0, "3" },
        { "RSeq: 4\r\n", "rseq", 0, "4" },
        { "Subject: 4\r\n", "subject", 0, NULL }, /* has an id of its own */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char copy[4096];
        struct arena arena;
        struct sip_msg m;
        const struct sip_header *h;

        parse(&m, &arena, copy, cases[i].lines);
        h = sip_msg_named(&m, slice_str(cases[i].name), cases[i].compact);
        if (cases[i].value ? !h || !slice_is(h->value, cases[i].value) : h != NULL)
            fail_msg("case %zu", i);
        arena_reset(&arena);
    }
}

static void option_tags(void **state)
{
    static const struct {
        const char *lines;
        bool there;
    } cases[] = {
        { "Supported: timer\r\n", true },
        { "k: path, TIMER\r\n", true },
        { "Supported: path\r\nk: timer\r\n", true },
        { "Supported: timers, time\r\n", false },
        { "Require: timer\r\n", false },
        { "", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char copy[4096];
        struct arena arena;
        struct sip_msg m;

        parse(&m, &arena, copy, cases[i].lines);
        if (sip_msg_lists(&m, SIP_H_SUPPORTED, SLICE("timer")) != cases[i].there)
            fail_msg("case %zu", i);
        arena_reset(&arena);
    }
}

/* What nobody can read is taken for a loose router: the list goes as it is. */
static void route_sets(void **state)
{
    static const struct {
        const char *routes, *uri, *lines, *next;
    } cases[] = {
        { "", "sip:t", "", "sip:t" },
        { "<sip:a;lr>", "sip:t", "Route: <sip:a;lr>\r\n", "sip:a;lr" },
        { "<sip:a;x=y;lr=on>, <sip:b>", "sip:t", "Route: <sip:a;x=y;lr=on>, <sip:b>\r\n", "sip:a;x=y;lr=on" },
        { "<sip:a>", "sip:a", "Route: <sip:t>\r\n", "sip:a" },
        { "<sip:a>, <sip:b;lr>, <sip:c>", "sip:a", "Route: <sip:b;lr>, <sip:c>, <sip:t>\r\n", "sip:a" },
        { "<<", "sip:t", "Route: <<\r\n", "sip:t" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;
        struct slice uri;

        buf_init(&b, 4096);
        sip_route_put(&b, slice_str(cases[i].routes), SLICE("sip:t"), &uri);
        if (!slice_is(uri, cases[i].uri) || !slice_is(buf_slice(&b), cases[i].lines) ||
            !slice_is(sip_route_next(slice_str(cases[i].routes), SLICE("sip:t")), cases[i].next))
            fail_msg("case %zu", i);
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(session_expires), cmocka_unit_test(min_se),      cmocka_unit_test(rseq_and_rack),
        cmocka_unit_test(finding_them),    cmocka_unit_test(option_tags), cmocka_unit_test(route_sets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
