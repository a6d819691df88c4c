#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/panel.h"

static const struct {
    const char *header;
    bool gzip;
} encodings[] = {
    { "", false },
    { "gzip", true },
    { "GZip", true },
    { "br, gzip", true },
    { "deflate,gzip;q=0.5,*;q=0", true },
    { " gzip ; q=1.0", true },
    { "gzip;q=0", false },
    { "gzip; Q = 0.000", false },
    { "gzip;q=", true },
    { "gzip;q=0.001", true },
    { "gzip;level=0", true },
    { "x-gzip", false },
    { "gzip2", false },
    { "identity", false },
    { ",,;,;q=0,", false },
};

static void takes_gzip(void **state)
{
    for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
        assert_int_equal(panel_takes_gzip(slice_str(encodings[i].header)), encodings[i].gzip);
}

static const struct {
    const char *header;
    bool has;
} tags[] = {
    { "", false },
    { "\"abc\"", true },
    { "W/\"abc\"", true },
    { " \"abc\" ", true },
    { "abc", false },
    { "\"x\", \"abc\"", true },
    { "\"x\",W/\"abc\"", true },
    { "\"abc", false },
    { "abc\"", false },
    { "\"abcd\"", false },
    { "\"ab\"", false },
    { "\"\"", false },
    { "*", false },
    { "w/\"abc\"", false },
    { "\"", false },
    { ",,,", false },
};

static void knows_its_tag(void **state)
{
    for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++)
        assert_int_equal(panel_has_tag(slice_str(tags[i].header), SLICE("abc")), tags[i].has);
}

/* What is served has a place, a type and a tag of its own, and less of it travels than is there. */
static void every_file_is_whole(void **state)
{
    assert_true(panel_n_files > 20);
    for (size_t i = 0; i < panel_n_files; i++) {
        const struct panel_file *f = &panel_files[i];

        assert_true(f->path[0] == '\0' || slice_starts(slice_str(f->path), SLICE("panel/")));
        assert_true(f->n_plain > 0 && f->n_gzip > 2 && f->gzip[0] == 0x1f && f->gzip[1] == 0x8b);
        assert_int_equal(strlen(f->tag), 32);
        assert_non_null(strchr(f->type, '/'));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(f->path, panel_files[k].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_gzip),
        cmocka_unit_test(knows_its_tag),
        cmocka_unit_test(every_file_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
