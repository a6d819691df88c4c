/* Conditions: values mean what the setting reads, and wildcards what they mean in PowerShell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "ctl/where.h"
#include "store/model.h"

#define ITEM                                                                                                           \
    "{\"name\": \"fabrikam.example\", \"tls\": \"required\", \"type\": \"public-unverified\", \"dialback\": true, "    \
    "\"connection-limit\": 5, \"proxy\": \"\", \"description\": \"Fabrikam & sons\", "                                 \
    "\"additional-domains\": [\"sales.fabrikam.example\", \"x.org\"]}"

static void conditions_hold_as_the_setting_reads_them(void **state)
{
    static const struct {
        const char *text;
        bool holds;
    } cases[] = { { "tls=required", true },
                  { "tls=Required", true },
                  { "tls = REQUIRED", true },
                  { "tls=optional", false },
                  { "tls!=optional", true },
                  { "tls!=required", false },
                  { "type=PublicUnverified", true },
                  { "type=public-unverified", true },
                  { "type~public*", true },
                  { "dialback=on", true },
                  { "dialback=True", true },
                  { "dialback=no", false },
                  { "connection-limit=05", true },
                  { "proxy=", true },
                  { "description=", false },
                  { "description=Fabrikam & sons", true },
                  { "description~*SONS", true },
                  { "additional-domains=X.ORG.", true },
                  { "additional-domains=", false },
                  { "additional-domains!=", true },
                  { "additional-domains!=x.org", false },
                  { "additional-domains~*.org", true },
                  { "additional-domains~*.net", false },
                  { "name~fabrikam.*", true },
                  { "name=fabrikam.example", true },
                  { "name~[a-e]*", false },
                  { "name~[e-g]*", true } };
    json_t *item = json_loads(ITEM, 0, NULL);

    assert_non_null(item);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct where w;
        struct err err = { "" };

        arena_init(&arena, 1 << 20);
        if (where_read(&w, &partner_kind, slice_str(cases[i].text), &arena, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        if (where_holds(&w, item) != cases[i].holds)
            fail_msg("%s", cases[i].text);
        arena_reset(&arena);
    }
    json_decref(item);
}

static void faulty_conditions_say_what_is_wrong(void **state)
{
    static const struct {
        const struct setting_kind *kind;
        const char *text, *part;
    } cases[] = { { &partner_kind, "tls", "none of setting=value" },
                  { &partner_kind, "", "none of setting=value" },
                  { &partner_kind, "tls!", "none of setting=value" },
                  { &partner_kind, "!", "none of setting=value" },
                  { &partner_kind, "=x", "has no setting \"\"" },
                  { &partner_kind, "tsl=required", "did you mean tls?" },
                  { &partner_kind, "tls=maybe", "not one of required, optional" },
                  { &partner_kind, "connection-limit=many", "is not a number" },
                  { &partner_kind, "name~*a*a*a*a*a*a*a*a*a*b", "at most" },
                  { &gateway_kind, "dialback-passphrase=x", "is a secret" },
                  { &gateway_kind, "dialback-passphrase~a*", "is a secret" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct arena arena;
        struct where w;
        struct err err = { "" };

        arena_init(&arena, 1 << 20);
        assert_int_equal(where_read(&w, cases[i].kind, slice_str(cases[i].text), &arena, &err), -1);
        if (!strstr(err.text, cases[i].part))
            fail_msg("%s: %s", cases[i].text, err.text);
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conditions_hold_as_the_setting_reads_them),
        cmocka_unit_test(faulty_conditions_say_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
