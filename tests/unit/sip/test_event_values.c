/* Header values of event subscriptions: RFC 6665 8.2, 8.4; RFC 3261 20.1, 20.19, 20.23. */
#include "fake.h"
#include "sip/event_values.h"

static void event(void **state)
{
    static const struct {
        const char *text, *type, *id;
    } cases[] = {
        { "presence", "presence", "" },
        { " presence ; id=a1 ", "presence", "a1" },
        { "presence.winfo;x=\"y;id=z\";ID=3", "presence.winfo", "3" },
        { "a.b.c-d", "a.b.c-d", "" },
        { "presence;foo", "presence", "" },
        { "", "", "" },
        { ";id=1", "", "" },
        { "presence id=1", "", "" },
        { "presence;id", "", "" },
        { "presence;id=", "", "" },
        { "presence;id=\"x\"", "", "" },
        { "presence;id=1;id=2", "", "" },
        { "presence;=", "", "" },
        { "pres\xc3\xa9nce", "", "" },
        { "presence, dialog", "", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sip_event e;
        bool ok = sip_event_parse(slice_str(cases[i].text), &e);

        if (ok != (cases[i].type[0] != '\0') || !slice_is(e.type, cases[i].type) || !slice_is(e.id, cases[i].id))
            fail_msg("\"%s\"", cases[i].text);
    }
}

static void subscription_state(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        struct sip_state_value value;
    } cases[] = {
        { "active", true, { .state = SIP_SUB_ACTIVE } },
        { "Active ; Expires = 17", true, { .state = SIP_SUB_ACTIVE, .has_expires = true, .expires_s = 17 } },
        { "active;expires=0", true, { .state = SIP_SUB_ACTIVE, .has_expires = true } },
        { "pending;expires=4294967296",
          true,
          { .state = SIP_SUB_PENDING, .has_expires = true, .expires_s = UINT32_MAX } },
        { "waiting", true, { .state = SIP_SUB_ACTIVE } },
        { "terminated;reason=Rejected", true, { .state = SIP_SUB_TERMINATED, .reason = SIP_REASON_REJECTED } },
        { "terminated;reason=lunch;x=y;z", true, { .state = SIP_SUB_TERMINATED } },
        { "terminated;reason=probation;retry-after=300",
          true,
          { .state = SIP_SUB_TERMINATED, .reason = SIP_REASON_PROBATION, .retry_after_s = 300 } },
        { "", false, { 0 } },
        { ";expires=1", false, { 0 } },
        { "active expires=1", false, { 0 } },
        { "active;expires", false, { 0 } },
        { "active;expires=-1", false, { 0 } },
        { "active;expires=1x", false, { 0 } },
        { "terminated;retry-after=soon", false, { 0 } },
        { "active;", false, { 0 } },
        { "active, pending", false, { 0 } },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct sip_state_value *want = &cases[i].value;
        struct sip_state_value v;
        bool ok = sip_state_parse(slice_str(cases[i].text), &v);

        if (ok != cases[i].ok ||
            (ok && (v.state != want->state || v.reason != want->reason || v.has_expires != want->has_expires ||
                    v.expires_s != want->expires_s || v.retry_after_s != want->retry_after_s)))
            fail_msg("\"%s\"", cases[i].text);
    }
}

static void reasons(void **state)
{
    for (unsigned r = SIP_REASON_DEACTIVATED; r <= SIP_REASON_INVARIANT; r++)
        assert_int_equal(sip_sub_reason_of(slice_str(sip_sub_reason_name((enum sip_sub_reason)r))), r);
    assert_int_equal(sip_sub_reason_of(SLICE("")), SIP_REASON_NONE);
    assert_string_equal(sip_sub_reason_name(SIP_REASON_NONE), "");
}

static void delta_seconds(void **state)
{
    static const struct {
        const char *text;
        bool ok;
        uint32_t seconds;
    } cases[] = {
        { "0", true, 0 },       { " 3600 ", true, 3600 }, { "99999999999999999999999999", true, UINT32_MAX },
        { "", false, 0 },       { "-1", false, 0 },       { "1.5", false, 0 },
        { "60;x=y", false, 0 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint32_t s;

        if (sip_delta_parse(slice_str(cases[i].text), &s) != cases[i].ok || s != cases[i].seconds)
            fail_msg("\"%s\"", cases[i].text);
    }
}

static void if_match(void **state)
{
    static const struct {
        const char *lines, *tag; /* NULL: no good form */
    } cases[] = {
        { "", "" },
        { "SIP-If-Match: 0123abc\r\n", "0123abc" },
        { "sip-if-match:  x.y-z  \r\n", "x.y-z" },
        { "SIP-If-Match: \r\n", NULL },
        { "SIP-If-Match: x, y\r\n", NULL },
        { "SIP-If-Match: \"x\"\r\n", NULL },
        { "SIP-If-Match: x\r\nX-Other: a\r\nSIP-IF-MATCH: y\r\n", NULL },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[512];
        int n = snprintf(
            text, sizeof(text),
            "PUBLISH sip:a@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b.example>;tag=1\r\n"
            "To: <sip:a@b.example>\r\nCall-ID: 1\r\nCSeq: 1 PUBLISH\r\nMax-Forwards: 70\r\n%s"
            "Content-Length: 0\r\n\r\n",
            cases[i].lines);
        struct arena a;
        struct sip_msg m;
        struct slice tag;
        const char *fault;
        size_t used;
        bool ok;

        arena_init(&a, 1u << 16);
        assert_int_equal(sip_msg_parse(&m, &a, text, (size_t)n, false, &used, &fault), SIP_PARSE_OK);
        ok = sip_msg_if_match(&m, &tag);
        if (ok != (cases[i].tag != NULL) || (ok && !slice_is(tag, cases[i].tag)))
            fail_msg("%s", cases[i].lines);
        arena_reset(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(event),         cmocka_unit_test(subscription_state), cmocka_unit_test(reasons),
        cmocka_unit_test(delta_seconds), cmocka_unit_test(if_match),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
