/* What is shown: no byte steers a terminal, columns fit it, and no cell of CSV is a formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "ctl/table.h"
#include "ctl/term.h"

static void no_text_steers_the_terminal(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = { { "plain", "plain" },
                  { "\x1b[2Jx", "\\u{1b}[2Jx" },
                  { "a\nb\r\t", "a\\u{a}b\\u{d}\\u{9}" },
                  { "\xc2\x9b"
                    "31m",
                    "\\u{9b}31m" },
                  { "x\xe2\x80\xae"
                    "y",
                    "x\\u{202e}y" },
                  { "\xe2\x81\xa6", "\\u{2066}" },
                  { "\xe2\x80\x8b", "\\u{200b}" },
                  { "\xff\xfe", "\xef\xbf\xbd\xef\xbf\xbd" },
                  { "\xe2\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
                  { "caf\xc3\xa9 \xe6\xbc\xa2", "caf\xc3\xa9 \xe6\xbc\xa2" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;

        buf_init(&b, 1000);
        term_put(&b, slice_str(cases[i].in));
        buf_char(&b, '\0');
        assert_string_equal(b.p, cases[i].out);
        buf_free(&b);
    }
}

static void no_csv_cell_is_a_formula(void **state)
{
    static const struct {
        const char *in, *out;
    } cases[] = { { "plain", "plain" },    { "", "" },           { "=1+1", "\"'=1+1\"" },
                  { "+1", "\"'+1\"" },     { "-1", "\"'-1\"" },  { "@SUM(A1)", "\"'@SUM(A1)\"" },
                  { "\t=1", "\"'\t=1\"" }, { "a,b", "\"a,b\"" }, { "say \"x\"", "\"say \"\"x\"\"\"" },
                  { "a=b", "a=b" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;

        buf_init(&b, 1000);
        csv_put(&b, slice_str(cases[i].in));
        buf_char(&b, '\0');
        assert_string_equal(b.p, cases[i].out);
        buf_free(&b);
    }
}

/* The table of a few rows on a terminal of this width; the caller frees it. */
static char *printed(unsigned width, bool csv)
{
    char *text = NULL, *more = NULL;
    size_t n, m;
    struct ctl c = { .out = open_memstream(&text, &n), .diag = open_memstream(&more, &m), .width = width };
    json_t *rows = json_loads(
        "[{\"name\": \"a.example\", \"on\": true, \"n\": 5, \"text\": \"a long text that says nothing much\"},"
        "{\"name\": \"\\u6f22\\u5b57.example\", \"on\": false, \"n\": null, \"text\": \"=x\"}]",
        0, NULL);
    struct table t;

    arena_init(&c.arena, 1 << 20);
    table_init(&t, &c, csv);
    table_column(&t, "name");
    table_column(&t, "on");
    table_column(&t, "n");
    table_column(&t, "text");
    for (size_t i = 0; i < json_array_size(rows); i++)
        assert_true(table_add(&t, json_array_get(rows, i)));
    table_print(&t);
    json_decref(rows);
    arena_reset(&c.arena);
    fclose(c.out);
    fclose(c.diag);
    free(more);
    return text;
}

static void columns_fit_every_terminal(void **state)
{
    for (unsigned width = 20; width < 120; width++) {
        char *text = printed(width, false);
        struct slice rest = slice_str(text), line;
        size_t lines = 0;

        while (rest.n) {
            slice_cut(rest, '\n', &line, &rest);
            assert_true(term_width(line) <= width);
            lines++;
        }
        assert_int_equal(lines, 3);
        free(text);
    }
}

static void columns_are_aligned_by_what_is_seen(void **state)
{
    char *text = printed(0, false);

    assert_string_equal(text, "name          on   n  text\n"
                              "a.example     yes  5  a long text that says nothing much\n"
                              "\xe6\xbc\xa2\xe5\xad\x97.example  no      =x\n");
    free(text);
}

static void csv_has_a_header_and_ends_of_lines(void **state)
{
    char *text = printed(30, true);

    assert_string_equal(text, "name,on,n,text\r\na.example,yes,5,a long text that says nothing much\r\n"
                              "\xe6\xbc\xa2\xe5\xad\x97.example,no,,\"'=x\"\r\n");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_text_steers_the_terminal),        cmocka_unit_test(no_csv_cell_is_a_formula),
        cmocka_unit_test(columns_fit_every_terminal),         cmocka_unit_test(columns_are_aligned_by_what_is_seen),
        cmocka_unit_test(csv_has_a_header_and_ends_of_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
