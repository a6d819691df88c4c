/* At stake: when memory runs out one request fails and nothing breaks. The linker puts these allocators in the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/text.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static int left = INT32_MAX; /* allocations that succeed */

static bool fails(void)
{
    return left-- <= 0;
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return fails() ? NULL : __real_realloc(p, n);
}

static void buf_keeps_what_it_has(void **state)
{
    for (int n = 0; n < 6; n++) {
        struct buf b;
        size_t had = 0;

        buf_init(&b, 1 << 20);
        left = n;
        for (int i = 0; i < 2000 && buf_ok(&b); i++) {
            had = b.n;
            if (i % 2)
                buf_printf(&b, "%d", i);
            else
                text_put_xml(&b, SLICE("<a>"));
        }
        left = INT32_MAX;
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
    left = 0;
    assert_null(arena_alloc(&a, 10));
    assert_null(arena_zalloc(&a, 10));
    assert_null(arena_strdup(&a, SLICE("x")));
    assert_null(arena_dup(&a, SLICE("x")).p);
    assert_int_equal(a.used, 0);
    left = 1;
    assert_non_null(arena_alloc(&a, 10));
    used = a.used;
    assert_null(arena_alloc(&a, 5000));
    assert_int_equal(a.used, used);
    assert_non_null(arena_alloc(&a, 10));
    left = INT32_MAX;
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
    left = 0;
    assert_false(hash_add(&h, &nodes[0], 1));
    assert_int_equal(h.n, 0);
    left = 1;
    for (size_t i = 0; i < 1000; i++)
        assert_true(hash_add(&h, &nodes[i], i));
    left = INT32_MAX;
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
