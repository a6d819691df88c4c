/* Pins are compared as text: there must be one text for each key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <string.h>

#include "base/pin.h"

#define GOOD "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static void test_parse(void **state)
{
    static const struct {
        const char *text;
        bool good;
    } cases[] = {
        { GOOD, true },
        { "sha256/47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", true },
        { "", false },
        { "sha256/", false },
        { "SHA256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", false },
        { "sha1/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", false },
        { "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", false },
        { "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", false },
        { "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=", false }, /* the same hash, written otherwise */
        { "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8fIA==", false },
        { "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==", false },
        { "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdH-8=", false },
        { GOOD "=", false },
        { " " GOOD, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        unsigned char hash[PIN_HASH];

        if (pin_parse(slice_str(cases[i].text), hash) != cases[i].good)
            fail_msg("case %zu: %s", i, cases[i].text);
    }
}

static void test_print(void **state)
{
    unsigned char hash[PIN_HASH], again[PIN_HASH];
    char text[PIN_TEXT];

    for (unsigned i = 0; i < PIN_HASH; i++)
        hash[i] = (unsigned char)i;
    assert_true(pin_print(hash, text));
    assert_string_equal(text, GOOD);
    for (unsigned k = 0; k < 1000; k++) {
        for (unsigned i = 0; i < PIN_HASH; i++)
            hash[i] = (unsigned char)(hash[i] * 31 + k + i);
        assert_true(pin_print(hash, text) && pin_parse(slice_str(text), again));
        assert_memory_equal(again, hash, PIN_HASH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_print),
    };

    return cmocka_run_group_tests_name("base/pin", tests, NULL, NULL);
}
