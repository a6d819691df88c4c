#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/audit_filter.h"

#define DAY 86400000LL

static struct slice body(const char *text)
{
    return text ? slice_str(text) : slice_of(NULL, 0);
}

static void the_search_finds_what_became_different(void **state)
{
    static const struct {
        const char *before, *after, *search;
        bool fits;
    } cases[] = {
        { NULL, NULL, "fabrikam", true }, /* the name */
        { NULL, NULL, "anna", true },     /* who */
        { NULL, NULL, "192.0.2.7", true },
        { NULL, NULL, "bert", false },
        { "{\"tls\":\"required\"}", "{\"tls\":\"optional\"}", "optional", true },
        { "{\"tls\":\"required\"}", "{\"tls\":\"optional\"}", "required", true },
        { "{\"tls\":\"required\"}", "{\"tls\":\"optional\"}", "tls", true },
        { "{\"tls\":\"required\"}", NULL, "required", true },
        { NULL, "{\"tls\":\"Required\"}", "required", true },
        { "{\"tls\":\"optional\"}", "{}", "tls", true },
        { "{\"sasl\":\"optional\",\"tls\":\"optional\"}", "{\"sasl\":\"optional\"}", "sasl", false }, /* it stayed */
        { "{}", "{\"networks\":[\"10.0.0.0/8\",\"192.168.0.0/16\"]}", "192.168", true },
        { "{\"limit\":50}", "{\"limit\":1200}", "1200", true },
        { "{}", "{\"description\":\"say \\\"hi\\\"\"}", "y \"h", true },
        { "{}", "{\"description\":\"a\\\\b\"}", "a\\b", true },
        { "{}", "{\"description\":[[[\"deep\"]]]}", "deep", false },
        { "{\"broken", "{}", "broken", false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct audit_filter f = { .search = slice_str(cases[i].search) };
        const struct store_audit_row row = { .who = SLICE("user:Anna"),
                                             .from = SLICE("192.0.2.7"),
                                             .kind = SLICE("partner"),
                                             .name = SLICE("fabrikam.example"),
                                             .before = body(cases[i].before),
                                             .after = body(cases[i].after) };
        bool fits;

        assert_true(audit_filter_fits(&f, &row, &fits));
        if (fits != cases[i].fits)
            fail_msg("%s", cases[i].search);
    }
}

static void people_means_and_times(void **state)
{
    static const struct {
        struct audit_filter filter;
        const char *who;
        bool fits;
    } cases[] = {
        { { .who = SLICE("anna") }, "user:Anna", true },
        { { .who = SLICE("ann") }, "user:Anna", true },
        { { .who = SLICE("user:ann") }, "user:anna", false }, /* another one */
        { { .who = SLICE("user:anna") }, "user:Anna", true },
        { { .who = SLICE("token:") }, "token:ci", true },
        { { .who = SLICE(":") }, "token:ci", true },
        { { .who = SLICE("bert") }, "user:anna", false },
        { { .means = AUDIT_SESSION }, "user:anna", true },
        { { .means = AUDIT_TOKEN }, "user:anna", false },
        { { .means = AUDIT_TOKEN }, "token:ci", true },
        { { .means = AUDIT_SOCKET }, "unix:root", true },
        { { .means = AUDIT_GATEWAY }, "setup", true },
        { { .means = AUDIT_GATEWAY }, "stoxd", true },
        { { .means = AUDIT_GATEWAY }, "unix:0", false },
        { { .since_ms = 1000 * DAY }, "user:anna", true },
        { { .since_ms = 1000 * DAY + 1 }, "user:anna", false },
        { { .until_ms = 1000 * DAY }, "user:anna", false },
        { { .until_ms = 1000 * DAY + 1 }, "user:anna", true },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct store_audit_row row = { .at_ms = 1000 * DAY, .who = slice_str(cases[i].who) };
        bool fits;

        assert_true(audit_filter_narrows(&cases[i].filter));
        assert_true(audit_filter_fits(&cases[i].filter, &row, &fits));
        if (fits != cases[i].fits)
            fail_msg("case %zu", i);
    }
    assert_false(audit_filter_narrows(&(struct audit_filter){ .means = AUDIT_ANY }));
}

static void a_clock_that_was_put_right_hides_nothing(void **state)
{
    const struct audit_filter f = { .since_ms = 1000 * DAY };

    assert_false(audit_filter_is_past(&f, &(struct store_audit_row){ .at_ms = 999 * DAY }));
    assert_true(audit_filter_is_past(&f, &(struct store_audit_row){ .at_ms = 999 * DAY - 1 }));
    assert_false(
        audit_filter_is_past(&(struct audit_filter){ .until_ms = 1 }, &(struct store_audit_row){ .at_ms = 1 }));
}

static void means_have_names(void **state)
{
    enum audit_means m;

    for (unsigned i = AUDIT_ANY; i <= AUDIT_GATEWAY; i++) {
        assert_true(audit_means_read(slice_str(audit_means_name((enum audit_means)i)), &m));
        assert_int_equal(m, i);
    }
    assert_false(audit_means_read(SLICE("panel"), &m));
    assert_false(audit_means_read(SLICE(""), &m));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_search_finds_what_became_different),
        cmocka_unit_test(people_means_and_times),
        cmocka_unit_test(a_clock_that_was_put_right_hides_nothing),
        cmocka_unit_test(means_have_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
