/* What failed at an ACME authority is known again after a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "daemon/certifier_pauses.h"

struct place {
    char dir[40], file[60];
};

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    assert_non_null(p);
    snprintf(p->dir, sizeof(p->dir), "/tmp/stox-pauses-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->file, sizeof(p->file), "%s/acme-pauses", p->dir);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct place *p = *state;

    unlink(p->file);
    assert_int_equal(rmdir(p->dir), 0); /* nothing else was left there */
    free(p);
    return 0;
}

static void put_line(void *arg, const struct certifier_pause *p)
{
    buf_printf(arg, "%u at %lld: %.*s; ", p->failures, (long long)p->next_s, SLICE_FMT(p->name));
}

static void reads(const struct place *p, const char *expected)
{
    struct err err = { "" };
    struct buf text;

    buf_init(&text, 4096);
    if (certifier_pauses_read(p->dir, put_line, &text, &err))
        fail_msg("%s", err.text);
    buf_char(&text, '\0');
    assert_string_equal(text.p, expected);
    buf_free(&text);
}

static void what_was_kept_is_read_and_the_next_file_replaces_it(void **state)
{
    const struct certifier_pause two[] = { { 3, 1800000000, SLICE("edge") }, { 1, 1800000600, SLICE("sip.2-b") } };
    const struct place *p = *state;
    struct err err = { "" };

    reads(p, "");
    assert_int_equal(certifier_pauses_write(p->dir, two, 2, &err), 0);
    reads(p, "3 at 1800000000: edge; 1 at 1800000600: sip.2-b; ");
    assert_int_equal(certifier_pauses_write(p->dir, two + 1, 1, &err), 0);
    reads(p, "1 at 1800000600: sip.2-b; ");
    assert_int_equal(certifier_pauses_write(p->dir, NULL, 0, &err), 0);
    reads(p, "");
}

static void lines_that_are_none_are_left_out(void **state)
{
    const struct place *p = *state;
    FILE *f = fopen(p->file, "w");

    assert_non_null(f);
    fputs("\n1\n1 2\n1 2 \nx 2 a\n0 2 a\n-1 2 a\n1 -2 a\n1 99999999999999999999 a\n99999999999 2 a\n", f);
    for (unsigned i = 0; i < 300; i++)
        fputs("1 2 ", f);
    fputs("\n5 1800000000 edge\n1 2 cut", f);
    fclose(f);
    reads(p, "5 at 1800000000: edge; ");
}

static void a_directory_that_is_not_there_is_named(void **state)
{
    struct err err = { "" };

    assert_int_equal(certifier_pauses_write("/nonexistent", NULL, 0, &err), -1);
    assert_non_null(strstr(err.text, "/nonexistent: No such file or directory"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(what_was_kept_is_read_and_the_next_file_replaces_it),
        T(lines_that_are_none_are_left_out),
        T(a_directory_that_is_not_there_is_named),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
