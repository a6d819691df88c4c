/* At stake: ids, tags and keys that an attacker cannot guess, and error sentences that arrive whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/err.h"
#include "base/rand.h"

static void hex_has_its_length_and_alphabet(void **state)
{
    char out[401];

    for (size_t n = 0; n <= 400; n++) {
        memset(out, 'Z', sizeof(out));
        rand_hex(out, n);
        assert_int_equal(strspn(out, "0123456789abcdef"), n);
        assert_int_equal(out[n], '\0');
    }
}

static void hex_uses_all_digits(void **state)
{
    unsigned count[128] = { 0 };
    char out[1601];

    rand_hex(out, 1600);
    for (size_t i = 0; i < 1600; i++)
        count[(unsigned char)out[i]]++;
    for (const char *c = "0123456789abcdef"; *c; c++)
        assert_in_range(count[(unsigned char)*c], 40, 180);
}

static void below_stays_below(void **state)
{
    static const uint64_t limits[] = { 1, 2, 3, 7, 100, UINT64_C(1) << 63, (UINT64_C(1) << 63) + 1, UINT64_MAX };
    unsigned count[3] = { 0 };

    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (int k = 0; k < 200; k++)
            assert_true(rand_below(limits[i]) < limits[i]);
    }
    for (int k = 0; k < 3000; k++)
        count[rand_below(3)]++;
    for (int i = 0; i < 3; i++)
        assert_in_range(count[i], 800, 1200);
    assert_int_not_equal(rand_u64(), rand_u64());
}

static void err_sets_and_wraps(void **state)
{
    struct err err;
    char longer[600];

    assert_int_equal(err_set(NULL, "x"), -1);
    assert_int_equal(err_wrap(NULL, "x"), -1);
    assert_int_equal(err_set(&err, "cannot bind %s: %d", "a", 7), -1);
    assert_string_equal(err.text, "cannot bind a: 7");
    err_wrap(&err, "listener \"%s\"", "edge");
    assert_string_equal(err.text, "listener \"edge\": cannot bind a: 7");
    err_set(&err, "again: %s", err.text); /* its own text as an argument */
    assert_string_equal(err.text, "again: listener \"edge\": cannot bind a: 7");
    memset(longer, 'l', sizeof(longer) - 1);
    longer[sizeof(longer) - 1] = '\0';
    err_set(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
    err_wrap(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
}

static void a_pool_gives_each_number_once(void **state)
{
    struct rand_pool pool = { .left = 0 };
    uint64_t seen[1000];

    for (size_t i = 0; i < 1000; i++) {
        seen[i] = rand_pool_u64(&pool);
        for (size_t k = 0; k < i; k++)
            assert_true(seen[k] != seen[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_gives_each_number_once),
        cmocka_unit_test(hex_has_its_length_and_alphabet),
        cmocka_unit_test(hex_uses_all_digits),
        cmocka_unit_test(below_stays_below),
        cmocka_unit_test(err_sets_and_wraps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
