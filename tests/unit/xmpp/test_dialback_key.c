/* The key that proves a domain: XEP-0185's own example, and that nothing near it passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "xmpp/dialback_key.h"

#define SECRET SLICE("s3cr3tf0rd14lb4ck")
#define KEY "37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643"

static const struct dialback_pair pair = {
    .receiving = { "xmpp.example.com", 16 },
    .originating = { "example.org", 11 },
    .stream_id = { "D60000229F", 10 },
};

static void vector_s2s_01(void **state)
{
    char key[DIALBACK_KEY_LEN + 1];

    assert_true(dialback_key(key, SECRET, &pair));
    assert_string_equal(key, KEY);
}

static void only_the_key_passes(void **state)
{
    struct dialback_pair swapped = { pair.originating, pair.receiving, pair.stream_id };

    assert_true(dialback_key_ok(SECRET, &pair, SLICE(KEY)));
    assert_false(dialback_key_ok(SECRET, &pair, SLICE("")));
    assert_false(dialback_key_ok(SECRET, &pair, slice_of(KEY, DIALBACK_KEY_LEN - 1)));
    assert_false(dialback_key_ok(SECRET, &pair, slice_of(KEY "0", DIALBACK_KEY_LEN + 1)));
    assert_false(dialback_key_ok(SECRET, &pair, slice_of(KEY, DIALBACK_KEY_LEN + 1))); /* with its NUL */
    assert_false(dialback_key_ok(SECRET, &swapped, SLICE(KEY)));
    assert_false(dialback_key_ok(SLICE("another"), &pair, SLICE(KEY)));
    for (size_t i = 0; i < DIALBACK_KEY_LEN; i++) {
        char wrong[] = KEY;

        wrong[i] = wrong[i] == '0' ? '1' : '0';
        assert_false(dialback_key_ok(SECRET, &pair, slice_str(wrong)));
    }
}

/* A stream id comes from the network and may have the length of a tag. */
static void long_ids_are_no_trouble(void **state)
{
    static char id[100000];
    struct dialback_pair p = pair;
    char key[DIALBACK_KEY_LEN + 1];

    p.stream_id = slice_of(id, 16384);
    assert_true(dialback_key(key, SECRET, &p));
    p.stream_id = slice_of(id, sizeof(id));
    assert_false(dialback_key(key, SECRET, &p));
    assert_string_equal(key, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_s2s_01),
        cmocka_unit_test(only_the_key_passes),
        cmocka_unit_test(long_ids_are_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
