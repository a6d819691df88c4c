/* Threads of which a Call-ID says nothing: given back to the two they belong to, and no partner at another's expense. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/threads.h"

struct given {
    struct threads threads;
    char user[32], call_id[64], text[THREAD_MAX + 2], partner[32];
    struct jid remote, local;
    struct thread_key key;
};

static void begin(struct given *g, size_t bytes_max)
{
    threads_init(&g->threads, bytes_max);
}

/* Thread number n of this partner: what it is called and what it says. */
static void name(struct given *g, unsigned partner, unsigned n, size_t text_n)
{
    snprintf(g->partner, sizeof(g->partner), "partner%u.example", partner);
    snprintf(g->user, sizeof(g->user), "user%u", n % 7);
    snprintf(g->call_id, sizeof(g->call_id), "%u-%u", partner, n);
    memset(g->text, 'a' + (char)(n % 26), text_n);
    snprintf(g->text, sizeof(g->text), "%u-%u", partner, n);
    g->text[strlen(g->text)] = ' ';
    g->remote = (struct jid){ .local = slice_str(g->user), .domain = slice_str(g->partner) };
    g->local = (struct jid){ .local = SLICE("alice"), .domain = SLICE("contoso.example") };
    g->key = (struct thread_key){ &g->remote, &g->local, slice_str(g->call_id) };
}

static void keep(struct given *g, unsigned partner, unsigned n, size_t text_n)
{
    name(g, partner, n, text_n);
    threads_keep(&g->threads, slice_str(g->partner), &g->key, slice_of(g->text, text_n));
    assert_true(g->threads.shares.bytes <= g->threads.shares.bytes_max);
}

static bool is_kept(struct given *g, unsigned partner, unsigned n, size_t text_n)
{
    struct slice found;

    name(g, partner, n, text_n);
    found = threads_find(&g->threads, &g->key);
    if (!found.p)
        return false;
    assert_true(slice_eq(found, slice_of(g->text, text_n)));
    return true;
}

static void a_thread_is_known_to_its_two_people_only(void **state)
{
    static const struct jid romeo = { SLICE("romeo"), SLICE("fabrikam.example"), SLICE("garden") };
    static const struct jid alice = { SLICE("alice"), SLICE("contoso.example"), { 0 } };
    static const struct jid others[] = {
        { SLICE("romeo"), SLICE("tailspin.example"), { 0 } },
        { SLICE("rome"), SLICE("ofabrikam.example"), { 0 } },
        { SLICE("alice"), SLICE("contoso.example"), { 0 } },
    };
    const struct jid bare = { romeo.local, romeo.domain, { 0 } };
    struct threads t;

    threads_init(&t, 100000);
    assert_null(threads_find(&t, &(struct thread_key){ &bare, &alice, SLICE("c1") }).p);
    threads_keep(&t, SLICE("fabrikam.example"), &(struct thread_key){ &romeo, &alice, SLICE("c1") }, SLICE("a thread"));
    assert_true(slice_is(threads_find(&t, &(struct thread_key){ &bare, &alice, SLICE("c1") }), "a thread"));
    assert_null(threads_find(&t, &(struct thread_key){ &bare, &alice, SLICE("c2") }).p);
    assert_null(threads_find(&t, &(struct thread_key){ &alice, &bare, SLICE("c1") }).p);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_null(threads_find(&t, &(struct thread_key){ &others[i], &alice, SLICE("c1") }).p);
        assert_null(threads_find(&t, &(struct thread_key){ &bare, &romeo, SLICE("c1") }).p);
    }
    threads_fini(&t);
}

static void what_was_used_longest_ago_goes_first(void **state)
{
    struct given g;
    unsigned n = 0;
    size_t each;

    begin(&g, 10000);
    keep(&g, 1, n++, 200);
    each = g.threads.shares.bytes;
    while (g.threads.shares.bytes + each + 20 < g.threads.shares.bytes_max)
        keep(&g, 1, n++, 200);
    assert_true(n > 10);
    assert_true(is_kept(&g, 1, 0, 200)); /* which makes it the youngest */
    keep(&g, 1, 1, 200);                 /* and so does being said again */
    keep(&g, 1, n, 200);
    keep(&g, 1, n + 1, 200);
    assert_true(is_kept(&g, 1, 0, 200));
    assert_true(is_kept(&g, 1, 1, 200));
    assert_false(is_kept(&g, 1, 2, 200));
    assert_true(is_kept(&g, 1, n, 200));
    threads_fini(&g.threads);
}

static void a_partner_cannot_push_out_the_others(void **state)
{
    struct given g;

    begin(&g, 100000);
    for (unsigned partner = 1; partner <= 5; partner++)
        for (unsigned n = 0; n < 20; n++)
            keep(&g, partner, n, 200);
    for (unsigned n = 0; n < 5000; n++)
        keep(&g, 9, n, 200 + n % 1000);
    for (unsigned partner = 1; partner <= 5; partner++)
        for (unsigned n = 0; n < 20; n++)
            assert_true(is_kept(&g, partner, n, 200));
    assert_true(g.threads.shares.bytes > 90000); /* and has the rest for itself */
    threads_fini(&g.threads);
}

/* One that has taken all while nobody else was there gives it back, thread by thread, up to the newcomers' share. */
static void newcomers_get_their_share(void **state)
{
    struct given g;
    unsigned kept = 0;

    begin(&g, 100000);
    for (unsigned n = 0; n < 1000; n++)
        keep(&g, 1, n, 200);
    for (unsigned partner = 2; partner <= 4; partner++)
        for (unsigned n = 0; n < 1000; n++)
            keep(&g, partner, n, 200);
    for (unsigned partner = 1; partner <= 4; partner++, kept = 0) {
        for (unsigned n = 0; n < 1000; n++)
            kept += is_kept(&g, partner, n, 200);
        assert_in_range(kept, 100000 / 4 / 500 - 2, 100000 / 4 / 300);
    }
    threads_fini(&g.threads);
}

static void too_long_is_not_kept(void **state)
{
    struct given g;

    begin(&g, THREADS_BYTES_MAX);
    keep(&g, 1, 1, THREAD_MAX + 1);
    assert_false(is_kept(&g, 1, 1, THREAD_MAX + 1));
    assert_int_equal(g.threads.shares.by_partner.n, 0);
    keep(&g, 1, 2, THREAD_MAX);
    assert_true(is_kept(&g, 1, 2, THREAD_MAX));
    threads_fini(&g.threads);
    begin(&g, 300); /* not even one has room */
    keep(&g, 1, 1, 200);
    assert_int_equal(g.threads.shares.bytes, 0);
    threads_fini(&g.threads);
}

/* Whatever is kept in whatever order: the sums are right, and nobody holds nothing. */
static void the_books_are_right(void **state)
{
    struct given g;
    uint32_t random = 20260131;

    begin(&g, 50000);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned partner, n;

        random = random * 1664525 + 1013904223;
        partner = random >> 16 & 31;
        n = random >> 21 & 127;
        if (random >> 28 & 1)
            keep(&g, partner < 16 ? 0 : partner, n, 181 + n * 8);
        else
            (void)is_kept(&g, partner, n, 181 + n * 8);
    }
    assert_true(g.threads.shares.bytes > 40000);
    assert_true(g.threads.shares.by_partner.n > 5);
    threads_fini(&g.threads);
    assert_int_equal(g.threads.shares.bytes, 0);
    assert_true(list_empty(&g.threads.shares.holders));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_is_known_to_its_two_people_only),
        cmocka_unit_test(what_was_used_longest_ago_goes_first),
        cmocka_unit_test(a_partner_cannot_push_out_the_others),
        cmocka_unit_test(newcomers_get_their_share),
        cmocka_unit_test(too_long_is_not_kept),
        cmocka_unit_test(the_books_are_right),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
