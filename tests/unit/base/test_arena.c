/* At stake: a peer's message must not make us take more memory than its bound, nor hand out the same byte twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/arena.h"

static void fill_is_disjoint(struct arena *a, size_t n, size_t size)
{
    unsigned char *p[200];

    assert_true(n <= sizeof(p) / sizeof(p[0]));
    for (size_t i = 0; i < n; i++) {
        p[i] = arena_alloc(a, size + i % 7);
        assert_non_null(p[i]);
        assert_int_equal((uintptr_t)p[i] % 16, 0);
        memset(p[i], (int)i, size + i % 7);
    }
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < size + i % 7; k++)
            assert_int_equal(p[i][k], i);
    }
}

static void hands_out_disjoint_memory(void **state)
{
    static const size_t sizes[] = { 1, 15, 16, 100, 600, 5000, 20000 };
    struct arena a;

    arena_init(&a, 64 << 20);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        fill_is_disjoint(&a, 200, sizes[i]);
    assert_true(a.used <= a.max);
    arena_reset(&a);
    assert_int_equal(a.used, 0);
    fill_is_disjoint(&a, 10, 10);
    arena_reset(&a);
}

static void uses_the_first_memory_and_again_after_reset(void **state)
{
    char mem[333];
    struct arena a;

    for (size_t shift = 0; shift < 17; shift++) {
        arena_init_on(&a, mem + shift, sizeof(mem) - shift, 10000);
        for (int round = 0; round < 2; round++) {
            char *p = arena_alloc(&a, 100), *q = arena_alloc(&a, 100), *r = arena_alloc(&a, 200);

            assert_true(p >= mem && p + 100 <= mem + sizeof(mem));
            assert_true(q >= p + 100 && q + 100 <= mem + sizeof(mem));
            assert_non_null(r);
            assert_false(r >= mem && r < mem + sizeof(mem));
            memset(r, 1, 200);
            arena_reset(&a);
        }
    }
    arena_init_on(&a, mem, 3, 1000); /* too small to be of use */
    assert_non_null(arena_alloc(&a, 3));
    arena_reset(&a);
}

/* However it is used, what was asked for stays below max, and what was not refused is really there. */
static void never_goes_past_its_bound(void **state)
{
    static const size_t maxima[] = { 0, 1, 15, 16, 31, 32, 33, 100, 1000, 5000, 100000 };

    for (size_t i = 0; i < sizeof(maxima) / sizeof(maxima[0]); i++) {
        for (unsigned seed = 0; seed < 20; seed++) {
            struct arena a;
            size_t sum = 0;

            arena_init(&a, maxima[i]);
            srand(seed);
            for (int k = 0; k < 300; k++) {
                size_t n = (size_t)rand() % (seed % 2 ? 3000 : 60);
                char *p = arena_alloc(&a, n);

                if (p)
                    memset(p, 7, n);
                sum += p ? n : 0;
                assert_true(sum <= a.used && a.used <= a.max);
            }
            arena_reset(&a);
        }
    }
}

static void refuses_absurd_sizes(void **state)
{
    static const size_t sizes[] = { SIZE_MAX, SIZE_MAX - 1, SIZE_MAX - 15, SIZE_MAX - 16, SIZE_MAX / 2 };
    struct arena a;

    arena_init(&a, SIZE_MAX);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        arena_init(&a, 1 << 20);
        assert_null(arena_alloc(&a, sizes[i]));
        assert_null(arena_zalloc(&a, sizes[i]));
        assert_null(arena_dup(&a, slice_of("x", sizes[i])).p);
        assert_non_null(arena_alloc(&a, 1));
        arena_reset(&a);
    }
}

static void copies(void **state)
{
    struct arena a;
    struct slice s;
    char *p;

    arena_init(&a, 1000);
    s = arena_dup(&a, SLICE("hello"));
    assert_true(slice_is(s, "hello"));
    s = arena_dup(&a, slice_of(NULL, 0));
    assert_non_null(s.p);
    assert_int_equal(s.n, 0);
    assert_string_equal(arena_strdup(&a, SLICE("hello")), "hello");
    assert_string_equal(arena_strdup(&a, slice_of(NULL, 0)), "");
    assert_null(arena_strdup(&a, slice_of("a\0b", 3)));
    p = arena_zalloc(&a, 50);
    for (int i = 0; i < 50; i++)
        assert_int_equal(p[i], 0);
    arena_reset(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hands_out_disjoint_memory),
        cmocka_unit_test(uses_the_first_memory_and_again_after_reset),
        cmocka_unit_test(never_goes_past_its_bound),
        cmocka_unit_test(refuses_absurd_sizes),
        cmocka_unit_test(copies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
