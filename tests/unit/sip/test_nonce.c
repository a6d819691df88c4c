/* Nonces of digest challenges: who may use one, how long, how often, and what is kept of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "sip/nonce.h"

#define NOW 1000000
#define WHO SLICE("192.0.2.1")

static struct sip_nonces t;

static int setup(void **state)
{
    sip_nonces_init(&t);
    return 0;
}

static int teardown(void **state)
{
    sip_nonces_fini(&t);
    return 0;
}

static enum sip_nonce check(const char *nonce, uint64_t now_ms)
{
    return sip_nonce_check(&t, slice_str(nonce), SIP_DIGEST_SHA_256, WHO, now_ms);
}

static void good_for_one_algorithm_one_address_and_a_while(void **state)
{
    char n[SIP_NONCE_TEXT], other[SIP_NONCE_TEXT];

    sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW, n);
    sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW, other);
    assert_int_equal(strlen(n), SIP_NONCE_TEXT - 1);
    assert_string_not_equal(n, other);
    assert_int_equal(check(n, NOW), SIP_NONCE_GOOD);
    assert_int_equal(check(n, NOW + SIP_NONCE_LIFE_S * 1000), SIP_NONCE_GOOD);
    assert_int_equal(check(n, NOW + SIP_NONCE_LIFE_S * 1000 + 1000), SIP_NONCE_STALE);
    assert_int_equal(check(n, NOW - 1000), SIP_NONCE_STALE);
    assert_int_equal(sip_nonce_check(&t, slice_str(n), SIP_DIGEST_MD5, WHO, NOW), SIP_NONCE_STALE);
    assert_int_equal(sip_nonce_check(&t, slice_str(n), SIP_DIGEST_SHA_256, SLICE("192.0.2.2"), NOW), SIP_NONCE_STALE);
}

static void nobody_makes_one(void **state)
{
    struct sip_nonces others;
    char n[SIP_NONCE_TEXT], changed[SIP_NONCE_TEXT];
    static const char *const bad[] = { "",
                                       "x",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n",
                                       "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(check(bad[i], NOW), SIP_NONCE_STALE);
    sip_nonces_init(&others);
    sip_nonce_make(&others, SIP_DIGEST_SHA_256, WHO, NOW, n);
    sip_nonces_fini(&others);
    assert_int_equal(check(n, NOW), SIP_NONCE_STALE);
    sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW, n);
    for (size_t i = 0; i < SIP_NONCE_TEXT - 1; i++) {
        memcpy(changed, n, sizeof(n));
        changed[i] = n[i] == 'A' ? 'B' : 'A';
        assert_int_equal(check(changed, NOW), SIP_NONCE_STALE);
    }
}

static void STOX_SEC_25_a_count_passes_once_and_never_goes_back(void **state)
{
    char n[SIP_NONCE_TEXT], other[SIP_NONCE_TEXT];

    sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW, n);
    sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW, other);
    assert_int_equal(sip_nonce_count(&t, slice_str(n), 1), SIP_NONCE_GOOD);
    assert_int_equal(sip_nonce_count(&t, slice_str(n), 1), SIP_NONCE_REPLAYED);
    assert_int_equal(sip_nonce_count(&t, slice_str(n), 5), SIP_NONCE_GOOD);
    assert_int_equal(sip_nonce_count(&t, slice_str(n), 4), SIP_NONCE_REPLAYED);
    assert_int_equal(sip_nonce_count(&t, slice_str(other), 1), SIP_NONCE_GOOD);
    assert_int_equal(sip_nonce_count(&t, slice_str(n), UINT32_MAX), SIP_NONCE_GOOD);
    assert_int_equal(sip_nonce_count(&t, slice_str(n), UINT32_MAX), SIP_NONCE_REPLAYED);
}

static void forgetting_lets_nothing_be_repeated(void **state)
{
    char n[8][SIP_NONCE_TEXT];

    t.max = 4;
    for (unsigned i = 0; i < 8; i++) {
        sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW + i * 1000, n[i]);
        assert_int_equal(sip_nonce_count(&t, slice_str(n[i]), 1), SIP_NONCE_GOOD);
        assert_in_range(t.used.n, 1, 4);
    }
    for (unsigned i = 0; i < 8; i++) {
        enum sip_nonce still = check(n[i], NOW + 8000);

        if (still == SIP_NONCE_GOOD)
            assert_int_equal(sip_nonce_count(&t, slice_str(n[i]), 1), SIP_NONCE_REPLAYED);
        else
            assert_true(i < 7);
    }
    assert_int_equal(check(n[7], NOW + 8000), SIP_NONCE_GOOD);
}

static void old_ones_take_no_memory(void **state)
{
    char n[SIP_NONCE_TEXT];

    for (unsigned i = 0; i < 3000; i++) {
        sip_nonce_make(&t, SIP_DIGEST_SHA_256, WHO, NOW + i * 1000, n);
        assert_int_equal(sip_nonce_count(&t, slice_str(n), 1), SIP_NONCE_GOOD);
    }
    assert_in_range(t.used.n, 1, SIP_NONCE_LIFE_S + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_for_one_algorithm_one_address_and_a_while, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_makes_one, setup, teardown),
        cmocka_unit_test_setup_teardown(STOX_SEC_25_a_count_passes_once_and_never_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(forgetting_lets_nothing_be_repeated, setup, teardown),
        cmocka_unit_test_setup_teardown(old_ones_take_no_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
