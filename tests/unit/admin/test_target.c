#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "admin/target.h"
#include "base/buf.h"

static const struct {
    const char *raw;
    const char *segments; /* decoded, divided by '|'; NULL: it is none */
} cases[] = {
    { "/", "" },
    { "/v1", "v1" },
    { "/v1/partners/a.example", "v1|partners|a.example" },
    { "/v1/partners/b%C3%BCcher.example", "v1|partners|b\xc3\xbc"
                                          "cher.example" },
    { "/v1/%41%42", "v1|AB" },
    { "/v1/a%2541", "v1|a%41" },
    { "/v1/a+b", "v1|a+b" },
    { "/v1?x=1", "v1" },
    { "/v1/a?/../b", "v1|a" },
    { "", NULL },
    { "v1", NULL },
    { "//", NULL },
    { "/v1/", NULL },
    { "/v1//a", NULL },
    { "/v1/.", NULL },
    { "/v1/..", NULL },
    { "/v1/%2e%2E/a", NULL },
    { "/v1/a%2fb", NULL },
    { "/v1/a%5cb", NULL },
    { "/v1/a\\b", NULL },
    { "/v1/a;b", NULL },
    { "/v1/a%3Bb", NULL },
    { "/v1/%00", NULL },
    { "/v1/%7f", NULL },
    { "/v1/%1f", NULL },
    { "/v1/%", NULL },
    { "/v1/%4", NULL },
    { "/v1/%g0", NULL },
    { "/v1/%u0041", NULL },
    { "/v1/%c0%af", NULL },
    { "/v1/%ed%a0%80", NULL },
    { "/1/2/3/4/5/6", "1|2|3|4|5|6" },
    { "/1/2/3/4/5/6/7", NULL },
    { "/v1?a=1&a=2", NULL },
    { "/v1?%61=1&a=2", NULL },
    { "/v1?=2", NULL },
    { "/v1?a=%0a", NULL },
    { "/v1?1&2&3&4&5&6&7&8&9&10&11&12&13&14&15&16&17", NULL },
};

static void join(const struct target *t, struct buf *out)
{
    for (size_t i = 0; i < t->n_segments; i++) {
        if (i > 0)
            buf_char(out, '|');
        buf_put(out, t->segments[i]);
    }
}

static void paths_are_decoded_once_or_refused(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct target t;
        struct arena arena;
        const char *why = NULL;
        struct buf b;

        arena_init(&arena, 65536);
        buf_init(&b, 4096);
        if (target_parse(&t, slice_str(cases[i].raw), &arena, &why) != (cases[i].segments != NULL))
            fail_msg("%s: %s", cases[i].raw, why ? why : "taken");
        join(&t, &b);
        if (cases[i].segments && !slice_is(buf_slice(&b), cases[i].segments))
            fail_msg("%s became %.*s", cases[i].raw, SLICE_FMT(buf_slice(&b)));
        buf_free(&b);
        arena_reset(&arena);
    }
}

static void queries_are_found_decoded(void **state)
{
    struct target t;
    struct arena arena;
    const char *why;

    arena_init(&arena, 65536);
    assert_true(target_parse(&t, SLICE("/v1/effective?user=tel+49%2B1%40a.example&dry-run&x=a=b&"), &arena, &why));
    assert_true(slice_is(target_query(&t, "user"), "tel+49+1@a.example"));
    assert_non_null(target_query(&t, "dry-run").p);
    assert_int_equal(target_query(&t, "dry-run").n, 0);
    assert_true(slice_is(target_query(&t, "x"), "a=b"));
    assert_null(target_query(&t, "y").p);
    arena_reset(&arena);
}

static void a_target_has_a_limit(void **state)
{
    char text[TARGET_MAX + 1];
    struct target t;
    struct arena arena;
    const char *why;

    memset(text, 'a', sizeof(text));
    text[0] = '/';
    arena_init(&arena, 65536);
    assert_true(target_parse(&t, slice_of(text, TARGET_MAX), &arena, &why));
    assert_false(target_parse(&t, slice_of(text, TARGET_MAX + 1), &arena, &why));
    arena_reset(&arena);
    arena_init(&arena, 16);
    assert_false(target_parse(&t, slice_of(text, 100), &arena, &why));
    assert_string_equal(why, TARGET_NO_MEMORY);
    arena_reset(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_decoded_once_or_refused),
        cmocka_unit_test(queries_are_found_decoded),
        cmocka_unit_test(a_target_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
