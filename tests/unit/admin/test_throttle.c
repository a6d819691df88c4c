#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "admin/session.h"
#include "admin/throttle.h"

static void five_tries_in_a_minute_and_then_one_after_the_other(void **state)
{
    struct throttle *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    for (uint64_t i = 0; i < THROTTLE_TRIES; i++)
        assert_int_equal(throttle_try(t, SLICE("anna"), 1000 + i * 1000), 0);
    assert_int_equal(throttle_try(t, SLICE("anna"), 6000), 55);
    assert_int_equal(throttle_try(t, SLICE("bert"), 6000), 0);
    assert_int_equal(throttle_try(t, SLICE("anna"), 60999), 1);
    assert_int_equal(throttle_try(t, SLICE("anna"), 61000), 0);
    assert_int_equal(throttle_try(t, SLICE("anna"), 61001), 1);
    throttle_forgive(t, SLICE("anna"));
    assert_int_equal(throttle_try(t, SLICE("anna"), 61002), 0);
    throttle_forgive(t, SLICE("nobody"));
    free(t);
}

static void many_keys_do_not_grow_it_and_recent_ones_stay(void **state)
{
    struct throttle *t = calloc(1, sizeof(*t));

    assert_non_null(t);
    for (unsigned i = 0; i < 10 * THROTTLE_KEYS; i++) {
        char key[16];

        snprintf(key, sizeof(key), "k%u", i);
        assert_int_equal(throttle_try(t, slice_str(key), 1000 + i), 0);
        if (i % 500 == 0 && i / 500 < THROTTLE_TRIES)
            assert_int_equal(throttle_try(t, SLICE("anna"), 1000 + i), 0);
    }
    free(t);
}

static void sessions_make_room_and_are_found_by_their_cookie(void **state)
{
    struct sessions *all = calloc(1, sizeof(*all));
    char first[SECRET_CHARS + 1], cookie[SECRET_CHARS + 1];

    assert_non_null(all);
    assert_non_null(session_new(all, SLICE("anna"), SLICE("x"), 1, first));
    assert_non_null(session_find(all, slice_str(first), 2, true));
    for (unsigned i = 0; i < SESSIONS_MAX; i++) {
        char name[32];

        snprintf(name, sizeof(name), "bert%u", i % (SESSIONS_MAX / SESSIONS_PER_ACCOUNT));
        assert_non_null(session_new(all, slice_str(name), SLICE("x"), 10 + i, cookie));
    }
    assert_null(session_find(all, slice_str(first), 1000, true));
    assert_non_null(session_find(all, slice_str(cookie), 1000, true));
    assert_true(session_fits(session_find(all, slice_str(cookie), 1000, true), SLICE("x")));
    assert_false(session_fits(session_find(all, slice_str(cookie), 1000, true), SLICE("y")));
    assert_null(session_find(all, SLICE(""), 1000, true));
    assert_null(session_find(all, slice_of(cookie, SECRET_CHARS - 1), 1000, true));
    sessions_end_of(all, SLICE("bert9"), NULL);
    assert_null(session_find(all, slice_str(cookie), 1000, true));
    free(all);
}

static void nobody_logs_the_others_out(void **state)
{
    struct sessions *all = calloc(1, sizeof(*all));
    char first[SECRET_CHARS + 1], second[SECRET_CHARS + 1], cookie[SECRET_CHARS + 1];

    assert_non_null(all);
    assert_non_null(session_new(all, SLICE("anna"), SLICE("x"), 1, first));
    assert_non_null(session_new(all, SLICE("bert"), SLICE("x"), 2, second));
    for (unsigned i = 0; i < 2 * SESSIONS_MAX; i++)
        assert_non_null(session_new(all, SLICE("bert"), SLICE("x"), 10 + i, cookie));
    assert_non_null(session_find(all, slice_str(first), 1000, true));
    assert_null(session_find(all, slice_str(second), 1000, true)); /* his own oldest made room */
    free(all);
}

static void sessions_end_by_idleness_and_by_age(void **state)
{
    struct sessions *all = calloc(1, sizeof(*all));
    char cookie[SECRET_CHARS + 1];
    uint64_t now = 1;

    assert_non_null(all);
    assert_non_null(session_new(all, SLICE("anna"), SLICE("x"), now, cookie));
    assert_non_null(session_find(all, slice_str(cookie), now += SESSION_IDLE_MS - 1, true));
    assert_null(session_find(all, slice_str(cookie), now += SESSION_IDLE_MS, true));
    assert_non_null(session_new(all, SLICE("anna"), SLICE("x"), 1, cookie));
    for (now = 1; now < SESSION_MS; now += SESSION_IDLE_MS / 2)
        assert_non_null(session_find(all, slice_str(cookie), now, true));
    assert_null(session_find(all, slice_str(cookie), 1 + SESSION_MS, true));
    free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(five_tries_in_a_minute_and_then_one_after_the_other),
        cmocka_unit_test(many_keys_do_not_grow_it_and_recent_ones_stay),
        cmocka_unit_test(sessions_make_room_and_are_found_by_their_cookie),
        cmocka_unit_test(nobody_logs_the_others_out),
        cmocka_unit_test(sessions_end_by_idleness_and_by_age),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
