/* At stake: a gateway that is called right although DNS is broken, and a log that says the same every few hours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "deploy/verdict.h"

/* The marks that a check has found, as letters: o n w f. */
static struct verdict of(const char *marks, const char *text)
{
    static const char letters[] = "onwf";
    struct findings found;
    struct verdict v;

    findings_init(&found);
    for (const char *m = marks; *m; m++)
        findings_add(&found, (enum finding_mark)(strchr(letters, *m) - letters), "c", "", "%zu", (size_t)(m - marks));
    verdict_make(&v, 7, &found, text);
    findings_fini(&found);
    return v;
}

static void it_works_unless_something_failed(void **state)
{
    static const struct {
        const char *marks;
        bool works;
        size_t n_failed, n_warnings;
    } cases[] = {
        { "", true, 0, 0 },
        { "oon", true, 0, 0 },
        { "owow", true, 0, 2 },
        { "owff", false, 2, 1 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct verdict v = of(cases[i].marks, "a sentence");

        assert_int_equal(v.works, cases[i].works);
        assert_int_equal(v.n_failed, cases[i].n_failed);
        assert_int_equal(v.n_warnings, cases[i].n_warnings);
        assert_string_equal(v.text, "a sentence");
        assert_int_equal(v.check, 7);
        assert_true(v.at_s > 0 && v.at_ms > 0);
    }
}

static void what_was_left_out_is_not_called_right(void **state)
{
    struct findings found;
    struct verdict v;

    findings_init(&found);
    found.left_out = 1;
    verdict_make(&v, 1, &found, "");
    assert_false(v.works);
    findings_fini(&found);
}

static void only_what_says_something_else_is_news(void **state)
{
    static const struct {
        const char *marks, *text, *next_marks, *next_text;
        bool is_news;
    } cases[] = {
        { "o", "good", "o", "good", false },         { "o", "good", "oon", "good", false },
        { "o", "good", "f", "bad", true },           { "f", "bad", "f", "bad", false },
        { "f", "bad", "ff", "bad", true },           { "w", "good", "ww", "good", true },
        { "o", "1 domain", "o", "2 domains", true },
    };
    const struct verdict none = { .check = 0 };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct verdict was = of(cases[i].marks, cases[i].text), next = of(cases[i].next_marks, cases[i].next_text);

        next.check = 8;
        next.at_s += 3600;
        assert_int_equal(verdict_is_news(&was, &next), cases[i].is_news);
        assert_true(verdict_is_news(&none, &next));
    }
}

static void a_sentence_that_is_too_long_is_cut(void **state)
{
    char text[2 * VERDICT_TEXT];
    struct verdict v;

    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    v = of("o", text);
    assert_int_equal(strlen(v.text), VERDICT_TEXT - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_works_unless_something_failed),
        cmocka_unit_test(what_was_left_out_is_not_called_right),
        cmocka_unit_test(only_what_says_something_else_is_news),
        cmocka_unit_test(a_sentence_that_is_too_long_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
