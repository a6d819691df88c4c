/* The text of <handshake/>. What it should be is said by sha1sum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "xmpp/component_key.h"

static void it_is_the_digest_of_id_and_secret(void **state)
{
    static const struct {
        const char *id, *secret, *key;
    } cases[] = {
        { "3BF96D32", "sesame", "7a98dc4c9e92493d7fd66a25364c862637789c45" },
        { "", "", "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
        { "a", "b", "da23614e02469a0d7c7bd1bdab5c9c474b1904dc" },
        { "a'b<c\xc3\xbc", "\xe2\x82\xac", "04eae5a06806704e50833d5e66b1b8309eb1a8a5" },
    };
    char key[COMPONENT_KEY_LEN + 1];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_true(component_key(key, slice_str(cases[i].id), slice_str(cases[i].secret)));
        assert_string_equal(key, cases[i].key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(it_is_the_digest_of_id_and_secret) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
