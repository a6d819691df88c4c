/* Sentences: cut where a character ends, and known when they are about memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/err.h"
#include "base/text.h"

static void a_cut_sentence_is_still_utf8(void **state)
{
    static const char *const characters[] = { "a", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x8c\x8d" };

    for (size_t i = 0; i < 4; i++) {
        for (size_t shift = 0; shift < 8; shift++) {
            size_t n = strlen(characters[i]);
            char text[2000] = "xxxxxxxx";
            struct err err;

            text[shift] = '\0';
            while (strlen(text) < 1900)
                memcpy(text + strlen(text), characters[i], n + 1);
            assert_int_equal(err_set(&err, "%s", text), -1);
            assert_true(text_is_utf8(slice_str(err.text)));
            assert_in_range(strlen(err.text), sizeof(err.text) - n, sizeof(err.text) - 1);
            err_wrap(&err, "%.*s", (int)shift, "yyyyyyyyyy");
            assert_true(text_is_utf8(slice_str(err.text)));
        }
    }
}

static void a_sentence_that_fits_is_left_as_it_is(void **state)
{
    struct err err;

    err_set(&err, "\xff%s", "");
    assert_string_equal(err.text, "\xff");
    err_set(&err, "a");
    err_wrap(&err, "%s", "b");
    assert_string_equal(err.text, "b: a");
    err_set(&err, "%s again", err.text);
    assert_string_equal(err.text, "b: a again");
    assert_int_equal(err_set(NULL, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_int_equal(err_memory(NULL, "x"), -1);
}

static void memory_is_no_matter_of_words(void **state)
{
    struct err err;

    err_memory(&err, "reading");
    assert_string_equal(err.text, "out of memory while reading");
    assert_true(err.memory);
    err_wrap(&err, "partner");
    assert_true(err.memory);
    err_set(&err, "\"out of memory\" is not a number");
    assert_false(err.memory);
    err_wrap(&err, "hold-time");
    assert_false(err.memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cut_sentence_is_still_utf8),
        cmocka_unit_test(a_sentence_that_fits_is_left_as_it_is),
        cmocka_unit_test(memory_is_no_matter_of_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
