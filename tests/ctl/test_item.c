/* Values between text, JSON and records: what stoxctl sends is what the setting reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ctl/item.h"
#include "store/config_text.h"
#include "store/json.h"
#include "store/model.h"

static void a_value_has_the_type_of_its_setting(void **state)
{
    static const struct {
        const struct setting_kind *kind;
        const char *setting, *text, *json;
    } cases[] = { { &partner_kind, "tls", "NotSupported", "\"not-supported\"" },
                  { &partner_kind, "dialback", "on", "true" },
                  { &partner_kind, "dialback", "False", "false" },
                  { &partner_kind, "connection-limit", "12", "12" },
                  { &partner_kind, "additional-domains", "Sales.Fabrikam.Example.", "\"sales.fabrikam.example\"" },
                  { &partner_kind, "description", "", "\"\"" },
                  { &route_kind, "next-hop", "192.0.2.1:5060", "\"192.0.2.1:5060\"" },
                  { &route_kind, "next-hop", "192.0.2.1", "\"192.0.2.1\"" },
                  { &route_kind, "next-hop", "[2001:db8::1]:5070", "\"[2001:db8::1]:5070\"" },
                  { &route_kind, "sources", "192.0.2.0/24", "\"192.0.2.0/24\"" },
                  { &site_kind, "users", "SALES*@Contoso.example", "\"sales*@contoso.example\"" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct err err = { "" };
        json_t *v =
            item_value(setting_find(cases[i].kind, slice_str(cases[i].setting)), slice_str(cases[i].text), &err);
        char *text = json_dumps(v, JSON_ENCODE_ANY);

        if (!text)
            fail_msg("%s: %s", cases[i].setting, err.text);
        assert_string_equal(text, cases[i].json);
        free(text);
        json_decref(v);
    }
}

/* From the file's text to a record, as the API shows it, and back: the same record, and the same text. */
static void a_shown_object_becomes_the_record_it_was(void **state)
{
    static const char text[] =
        "gateway {\n    connection-limit = 1200\n    # dialback-passphrase is set, and not shown\n}\n"
        "route \"office\" {\n    next-hop = \"192.0.2.10:5070\"\n    sources = {\"192.0.2.0/24\"}\n}\n"
        "partner \"fabrikam.example\" {\n    additional-domains = {\"a.example\", \"b.example\"}\n"
        "    description = \"says \\\"hello\\\" for \\$5\"\n    tls = optional\n    dialback = no\n}\n";
    struct err err;
    struct config_text *blocks = config_text_read(NULL, text, &err);
    static const struct slice secret = { "x", 1 };
    struct buf out;

    assert_non_null(blocks);
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < blocks->n; i++) {
        const struct config_block *b = &blocks->blocks[i];
        struct edit edits[8];
        size_t n = b->n;
        struct record *r, *again;
        json_t *shown;

        memcpy(edits, b->edits, n * sizeof(*edits));
        if (b->kind == &gateway_kind)
            edits[n++] =
                (struct edit){ setting_find(&gateway_kind, SLICE("dialback-passphrase")), EDIT_SET, &secret, 1 };
        r = record_make(b->kind, b->name, NULL, edits, n, NULL, &err);
        assert_non_null(r);
        shown = record_to_json(r, RECORD_SHOWN);
        again = item_record(b->kind, shown, &err);
        if (!again)
            fail_msg("%s", err.text);
        assert_int_equal(r->given, again->given);
        config_text_put(&out, again);
        json_decref(shown);
        record_drop(r);
        record_drop(again);
    }
    buf_char(&out, '\0');
    assert_string_equal(out.p, text);
    buf_free(&out);
    config_text_free(blocks);
}

static void what_equals_its_default_counts_as_not_given(void **state)
{
    struct err err;
    struct record *r = record_make(&partner_kind, SLICE("a.example"), NULL, NULL, 0, NULL, &err);
    json_t *shown = record_to_json(r, RECORD_SHOWN);
    struct record *again = item_record(&partner_kind, shown, &err);

    assert_non_null(again);
    assert_int_equal(again->given, 0);
    json_decref(shown);
    record_drop(r);
    record_drop(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_has_the_type_of_its_setting),
        cmocka_unit_test(a_shown_object_becomes_the_record_it_was),
        cmocka_unit_test(what_equals_its_default_counts_as_not_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
