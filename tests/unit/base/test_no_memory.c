/* At stake: when memory runs out one request fails and nothing breaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../fault/oom.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/text.h"

/* n allocations succeed, and none behind them. */
static void only(long n)
{
    oom_plan(n, OOM_ALL);
    oom_on();
}

static void buf_keeps_what_it_has(void **state)
{
    for (int n = 0; n < 6; n++) {
        struct buf b;
        size_t had = 0;

        buf_init(&b, 1 << 20);
        only(n);
        for (int i = 0; i < 2000 && buf_ok(&b); i++) {
            had = b.n;
            if (i % 2)
                buf_printf(&b, "%d", i);
            else
                text_put_xml(&b, SLICE("<a>"));
        }
        oom_off();
        assert_false(buf_ok(&b));
        assert_true(b.n >= had);
        buf_clear(&b);
        buf_str(&b, "again");
        assert_true(slice_is(buf_slice(&b), "again"));
        buf_free(&b);
    }
}

static void arena_refuses_and_goes_on(void **state)
{
    struct arena a;
    size_t used;

    arena_init(&a, 1 << 20);
    only(0);
    assert_null(arena_alloc(&a, 10));
    assert_null(arena_zalloc(&a, 10));
    assert_null(arena_strdup(&a, SLICE("x")));
    assert_null(arena_dup(&a, SLICE("x")).p);
    assert_int_equal(a.used, 0);
    only(1);
    assert_non_null(arena_alloc(&a, 10));
    used = a.used;
    assert_null(arena_alloc(&a, 5000));
    assert_int_equal(a.used, used);
    assert_non_null(arena_alloc(&a, 10));
    oom_off();
    assert_non_null(arena_alloc(&a, 5000));
    arena_reset(&a);
}

static bool is_it(const struct hash_node *node, const void *key)
{
    return node == key;
}

static void hash_works_with_too_few_buckets(void **state)
{
    static struct hash_node nodes[1000];
    struct hash h;

    hash_init(&h);
    only(0);
    assert_false(hash_add(&h, &nodes[0], 1));
    assert_int_equal(h.n, 0);
    only(1);
    for (size_t i = 0; i < 1000; i++)
        assert_true(hash_add(&h, &nodes[i], i));
    oom_off();
    for (size_t i = 0; i < 1000; i++)
        assert_ptr_equal(hash_find(&h, i, is_it, &nodes[i]), &nodes[i]);
    assert_int_equal(h.n, 1000);
    hash_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buf_keeps_what_it_has),
        cmocka_unit_test(arena_refuses_and_goes_on),
        cmocka_unit_test(hash_works_with_too_few_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
