/* The key that proves a domain: XEP-0185's own example, and that nothing near it passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

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

/* What is signed tells every two triples apart, wherever their bytes could be taken for another's. */
static void I2_no_two_triples_have_one_key(void **state)
{
    static const char *const parts[] = { "a", "b", "a b", "a.b", "ab", " a", "a ", "" };
    enum { N = sizeof(parts) / sizeof(parts[0]) };
    static char keys[N * N * N][DIALBACK_KEY_LEN + 1];
    size_t n = 0;

    for (size_t i = 0; i < (size_t)N * N * N; i++) {
        struct dialback_pair p = { slice_str(parts[i / N / N]), slice_str(parts[i / N % N]), slice_str(parts[i % N]) };

        n += dialback_key(keys[n], SECRET, &p);
    }
    assert_in_range(n, 100, (size_t)N * N * N - 1);
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 16);
}

static void I2_a_million_keys_do_not_repeat(void **state)
{
    const size_t n = 1000000;
    char(*keys)[16] = malloc(n * sizeof(*keys));

    assert_non_null(keys);
    for (size_t i = 0; i < n; i++) {
        struct dialback_pair p = pair;
        char key[DIALBACK_KEY_LEN + 1], id[32];

        p.stream_id = slice_of(id, (size_t)snprintf(id, sizeof(id), "%zx", i));
        assert_true(dialback_key(key, SECRET, &p));
        memcpy(keys[i], key, sizeof(*keys)); /* 64 bits of it are enough to be different */
    }
    qsort(keys, n, sizeof(*keys), by_bytes);
    for (size_t i = 1; i < n; i++)
        assert_memory_not_equal(keys[i], keys[i - 1], sizeof(*keys));
    free(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_s2s_01),
        cmocka_unit_test(only_the_key_passes),
        cmocka_unit_test(I2_no_two_triples_have_one_key),
        cmocka_unit_test(I2_a_million_keys_do_not_repeat),
        cmocka_unit_test(long_ids_are_no_trouble),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
