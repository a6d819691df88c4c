/* Records as JSON: the three forms, and members as edits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "make.h"
#include "store/json.h"

static void assert_json(const struct record *r, enum record_form form, const char *wanted)
{
    json_t *o = record_to_json(r, form);
    char *text = json_dumps(o, JSON_COMPACT);

    assert_string_equal(text, wanted);
    free(text);
    json_decref(o);
}

static void the_stored_form_is_what_was_given(void **state)
{
    struct record *r =
        make_record(&partner_kind, "f.example",
                    "additional-domains=b.example,a.example;dialback=no;connection-limit=7;type=federated");

    r->revision = 12;
    assert_json(r, RECORD_STORED,
                "{\"additional-domains\":[\"b.example\",\"a.example\"],\"type\":\"federated\",\"dialback\":false,"
                "\"connection-limit\":7}");
    assert_json(r, RECORD_SHOWN,
                "{\"name\":\"f.example\",\"revision\":12,\"additional-domains\":[\"b.example\",\"a.example\"],"
                "\"description\":\"\",\"type\":\"federated\",\"presence\":true,\"names\":true,\"photos\":false,\"tls\":"
                "\"required\",\"sasl\":"
                "\"required\",\"dialback\":false,"
                "\"keep-alive\":true,\"bidi\":false,\"connection-limit\":7,\"proxy\":\"\","
                "\"stanza-rate\":0,\"byte-rate\":0,\"pins\":[],\"component\":\"\",\"component-secret\":null}");
    record_drop(r);
    r = make_record(&org_kind, "", "");
    assert_json(r, RECORD_STORED, "{}");
    assert_json(r, RECORD_SHOWN, "{\"revision\":0,\"federation\":false,\"description\":\"\"}");
    record_drop(r);
}

static void secrets_are_stored_and_never_shown(void **state)
{
    struct record *r = make_record(&token_kind, "t", "hash=sesame");

    assert_json(r, RECORD_STORED, "{\"hash\":\"sesame\"}");
    assert_json(r, RECORD_AUDIT, "{\"hash\":\"***\"}");
    assert_json(
        r, RECORD_SHOWN,
        "{\"name\":\"t\",\"revision\":0,\"role\":\"reader\",\"hash\":\"***\",\"expires\":0,\"description\":\"\"}");
    record_drop(r);
    r = make_record(&account_kind, "anna", "");
    assert_json(r, RECORD_SHOWN,
                "{\"name\":\"anna\",\"revision\":0,\"role\":\"reader\",\"password\":null,\"description\":\"\"}");
    record_drop(r);
}

/* base with the members of text; NULL with a sentence. */
static struct record *patched(const struct record *base, const char *text, struct err *err)
{
    json_t *o = json_loads(text, JSON_DECODE_ANY, NULL);
    struct record *r = NULL;
    struct arena arena;
    struct edit *edits;
    size_t n;

    assert_non_null(o);
    arena_init(&arena, 1 << 20);
    if (json_to_edits(base->kind, o, &arena, &edits, &n, NULL, err) == 0)
        r = record_make(base->kind, base->name, base, edits, n, NULL, err);
    arena_reset(&arena);
    json_decref(o);
    return r;
}

static void members_are_edits(void **state)
{
    static const struct {
        const char *text, *after;
    } cases[] = {
        { "{}", "{\"additional-domains\":[\"a.example\"],\"tls\":\"optional\"}" },
        { "{\"name\":\"other\",\"revision\":7}", "{\"additional-domains\":[\"a.example\"],\"tls\":\"optional\"}" },
        { "{\"tls\":null,\"additional-domains\":null}", "{}" },
        { "{\"additional-domains\":[],\"dialback\":true,\"connection-limit\":5}",
          "{\"tls\":\"optional\",\"dialback\":true,\"connection-limit\":5}" },
        { "{\"dialback\":\"no\",\"connection-limit\":\"5\"}",
          "{\"additional-domains\":[\"a.example\"],\"tls\":\"optional\",\"dialback\":false,\"connection-limit\":5}" },
        { "{\"additional-domains\":{\"add\":[\"b.example\",\"c.example\"],\"remove\":[\"a.example\"]}}",
          "{\"additional-domains\":[\"b.example\",\"c.example\"],\"tls\":\"optional\"}" },
        { "{\"additional-domains\":{\"remove\":[\"a.example\"]}}", "{\"tls\":\"optional\"}" },
    };
    struct record *base = make_record(&partner_kind, "f.example", "additional-domains=a.example;tls=optional");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct record *r = patched(base, cases[i].text, &err);

        if (!r)
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_json(r, RECORD_STORED, cases[i].after);
        record_drop(r);
    }
    record_drop(base);
}

/* A list that was one value once: what was stored then is still read. */
static void one_text_may_stand_for_a_list(void **state)
{
    static const char *const texts[] = { "{\"next-hop\":\"192.0.2.1:5070\"}", "{\"next-hop\":[\"192.0.2.1:5070\"]}" };

    for (size_t i = 0; i < 2; i++) {
        struct arena arena;
        struct edit *edits;
        size_t n;
        const struct setting *fault;
        struct err err = { "" };
        json_t *v = json_loads(texts[i], 0, NULL);
        struct record *r;

        arena_init(&arena, 1 << 20);
        assert_int_equal(json_to_edits(&route_kind, v, &arena, &edits, &n, &fault, &err), 0);
        r = record_make(&route_kind, SLICE("r"), NULL, edits, n, NULL, &err);
        assert_non_null(r);
        assert_json(r, RECORD_STORED, texts[1]);
        record_drop(r);
        arena_reset(&arena);
        json_decref(v);
    }
}

static void what_is_no_edit_is_named(void **state)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        { "[]", "an object with settings is expected" },
        { "\"tls\"", "an object with settings is expected" },
        { "{\"tsl\":\"optional\"}", "there is no setting \"tsl\"; did you mean \"tls\"?" },
        { "{\"unicorn-of-the-year\":1}", "there is no setting \"unicorn-of-the-year\" in a partner" },
        { "{\"\\u001b[31m\":1}", "there is no setting \"\\x1b[31m\"" },
        { "{\"tls\":5}", "tls: a value of another type is expected here" },
        { "{\"tls\":[\"optional\"]}", "tls: one value is expected here, no list" },
        { "{\"tls\":{\"add\":[\"optional\"]}}", "tls: one value is expected here" },
        { "{\"dialback\":1}", "dialback: a value of another type" },
        { "{\"connection-limit\":true}", "connection-limit: a value of another type" },
        { "{\"connection-limit\":1.5}", "connection-limit: a text, number, yes or no is expected here" },
        { "{\"additional-domains\":\"a.example\"}", "additional-domains: a list is expected here" },
        { "{\"additional-domains\":[null]}", "additional-domains: a text, number" },
        { "{\"additional-domains\":[[\"a.example\"]]}", "additional-domains: a text, number" },
        { "{\"additional-domains\":{}}", "additional-domains: a list, or {\"add\"" },
        { "{\"additional-domains\":{\"ad\":[]}}", "additional-domains: a list, or {\"add\"" },
        { "{\"additional-domains\":{\"add\":[],\"x\":[]}}", "additional-domains: a list, or {\"add\"" },
        { "{\"additional-domains\":{\"add\":\"a.example\"}}", "additional-domains: a list is expected" },
        { "{\"additional-domains\":{\"add\":{\"add\":[]}}}", "additional-domains: " },
        { "{\"additional-domains\":{\"remove\":[\"z.example\"]}}",
          "additional-domains: \"z.example\" is not in the list" },
    };
    struct record *base = make_record(&partner_kind, "f.example", "");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        struct record *r = patched(base, cases[i].text, &err);

        if (r || !slice_starts(slice_str(err.text), slice_str(cases[i].says)))
            fail_msg("%s: expected \"%s\", got \"%s\"", cases[i].text, cases[i].says, r ? "accepted" : err.text);
    }
    record_drop(base);
}

/* Much is refused for what it is before memory is taken for it. */
static void much_is_refused_in_little_memory(void **state)
{
    json_t *list = json_array(), *members = json_object(), *o = json_pack("{s:o}", "additional-domains", list);
    struct err err = { "" };
    struct arena arena;
    struct edit *edits;
    size_t n;

    for (unsigned i = 0; i < 100000; i++) {
        char name[16];

        snprintf(name, sizeof(name), "m%u", i);
        json_array_append_new(list, json_string(""));
        json_object_set_new(members, name, json_null());
    }
    arena_init(&arena, 16 << 10);
    assert_int_equal(json_to_edits(&partner_kind, o, &arena, &edits, &n, NULL, &err), -1);
    assert_string_equal(err.text, "additional-domains: 100000 entries are more than the 256 allowed");
    assert_int_equal(json_to_edits(&partner_kind, members, &arena, &edits, &n, NULL, &err), -1);
    assert_true(slice_starts(slice_str(err.text), SLICE("there is no setting \"m")));
    assert_false(err.memory);
    arena_reset(&arena);
    json_decref(o);
    json_decref(members);
}

static void what_is_stored_is_read_as_it_was(void **state)
{
    static const struct {
        const struct setting_kind *kind;
        const char *name, *values;
    } cases[] = {
        { &org_kind, "", "federation=on;description=\"q\"" },
        { &gateway_kind, "", "dialback-passphrase=se\"sa\\me;hold-time=9;log-message-bodies=yes" },
        { &route_kind, "r", "next-hop=[2001:db8::1]:5061;sources=192.0.2.0/24" },
        { &sip_domain_kind, "xn--bcher-kva.example", "route=r;certificate=/a b.pem" },
        { &partner_kind, "f.example", "additional-domains=a.example,xn--bcher-kva.example;proxy=p.example:5270" },
        { &policy_kind, "site:x", "federation=yes" },
        { &site_kind, "x", "users=*@c.example,a*@c.example" },
        { &sip_user_kind, "a@c.example", "served=no" },
        { &account_kind, "anna", "role=administrator;password=x" },
        { &token_kind, "t", "hash=00;expires=4294967295" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct record *r = make_record(cases[i].kind, cases[i].name, cases[i].values), *again;
        json_t *o = record_to_json(r, RECORD_STORED);
        char *text = json_dumps(o, 0);
        struct err err = { "" };

        again = record_from_stored(r->kind, r->name, slice_str(text), 42, &err);
        if (!again)
            fail_msg("%s: %s", text, err.text);
        assert_true(record_same(r, again));
        assert_true(slice_eq(r->name, again->name));
        assert_int_equal(again->revision, 42);
        record_drop(r);
        record_drop(again);
        json_decref(o);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_stored_form_is_what_was_given),
        cmocka_unit_test(secrets_are_stored_and_never_shown),
        cmocka_unit_test(members_are_edits),
        cmocka_unit_test(one_text_may_stand_for_a_list),
        cmocka_unit_test(what_is_no_edit_is_named),
        cmocka_unit_test(much_is_refused_in_little_memory),
        cmocka_unit_test(what_is_stored_is_read_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
