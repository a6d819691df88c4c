/* At stake: whoever sends much, under many names, makes us remember no more than so many of them, and not for longer than need be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/recent.h"

#define N_MAX 100
#define KEEP_MS 1000

struct entry {
    struct recent_entry entry;
    unsigned value;
};

static struct entry *see(struct recent *r, uint64_t hash, uint64_t now_ms)
{
    struct recent_entry *e = recent_see(r, hash, now_ms);

    assert_non_null(e);
    return container_of(e, struct entry, entry);
}

static void an_entry_is_made_once_and_found(void **state)
{
    struct recent r;

    recent_init(&r, sizeof(struct entry), N_MAX, KEEP_MS);
    assert_null(recent_find(&r, 1));
    assert_int_equal(see(&r, 1, 5)->value, 0);
    see(&r, 1, 5)->value = 7;
    assert_int_equal(see(&r, 2, 5)->value, 0);
    assert_int_equal(see(&r, 1, 6)->value, 7);
    assert_int_equal(recent_find(&r, 1)->seen_ms, 6);
    assert_int_equal(r.hash.n, 2);
    recent_fini(&r);
}

static void what_was_not_seen_for_long_goes_when_others_come(void **state)
{
    struct recent r;

    recent_init(&r, sizeof(struct entry), N_MAX, KEEP_MS);
    for (uint64_t i = 0; i < 10; i++)
        see(&r, i, 0);
    see(&r, 3, KEEP_MS);
    see(&r, 100, KEEP_MS); /* not too long yet */
    assert_int_equal(r.hash.n, 11);
    see(&r, 101, KEEP_MS + 1); /* two go */
    assert_int_equal(r.hash.n, 10);
    assert_null(recent_find(&r, 0));
    assert_null(recent_find(&r, 1));
    for (int i = 0; i < 10; i++)
        recent_trim(&r, KEEP_MS + 1);
    assert_int_equal(r.hash.n, 3);
    assert_non_null(recent_find(&r, 3));
    for (int i = 0; i < 10; i++)
        recent_trim(&r, 3 * KEEP_MS);
    assert_int_equal(r.hash.n, 0);
    recent_trim(&r, 3 * KEEP_MS);
    recent_fini(&r);
}

static void a_full_table_forgets_who_was_not_seen_for_longest(void **state)
{
    struct recent r;

    recent_init(&r, sizeof(struct entry), N_MAX, KEEP_MS);
    for (uint64_t i = 0; i < N_MAX; i++)
        see(&r, i, 0);
    see(&r, 0, 0);
    for (uint64_t i = 0; i < 50; i++) {
        see(&r, 1000 + i, 0);
        assert_int_equal(r.hash.n, N_MAX);
    }
    assert_non_null(recent_find(&r, 0));
    for (uint64_t i = 1; i <= 50; i++)
        assert_null(recent_find(&r, i));
    assert_non_null(recent_find(&r, 51));
    recent_fini(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_made_once_and_found),
        cmocka_unit_test(what_was_not_seen_for_long_goes_when_others_come),
        cmocka_unit_test(a_full_table_forgets_who_was_not_seen_for_longest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
