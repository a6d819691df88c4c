/* At stake: transactions are found by hash; a peer that could force collisions could stop the gateway. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/hash.h"
#include "base/list.h"

struct entry {
    struct hash_node node;
    unsigned id;
    bool in;
};

static bool is_id(const struct hash_node *node, const void *key)
{
    return container_of(node, struct entry, node)->id == *(const unsigned *)key;
}

/* SipHash-1-3 as OpenSSL has it (openssl mac -macopt c-rounds:1 -macopt d-rounds:3): key 00..0f, message 00..n-1. */
static void hashes_are_siphash_1_3(void **state)
{
    static const struct {
        size_t n;
        uint64_t want;
    } cases[] = {
        { 0, 0xabac0158050fc4dc },  { 1, 0xc9f49bf37d57ca93 },  { 2, 0x82cb9b024dc7d44d },  { 3, 0x8bf80ab8e7ddf7fb },
        { 4, 0xcf75576088d38328 },  { 5, 0xdef9d52f49533b67 },  { 6, 0xc50d2b50c59f22a7 },  { 7, 0xd3927d989bb11140 },
        { 8, 0x369095118d299a8e },  { 9, 0x25a48eb36c063de4 },  { 10, 0x79de85ee92ff097f }, { 11, 0x70c118c1f94dc352 },
        { 12, 0x78a384b157b4d9a2 }, { 13, 0x306f760c1229ffa7 }, { 14, 0x605aa111c0f95d34 }, { 15, 0xd320d86d2a519956 },
        { 63, 0x9d199062b7bbb3a8 },
    };
    struct hash h = { .key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
    char message[64];

    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (char)i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(hash_bytes(&h, slice_of(message, cases[i].n)), cases[i].want);
        if (cases[i].n >= 8) /* chaining is the same function with eight bytes in front */
            assert_int_equal(hash_more(&h, 0x0706050403020100, slice_of(message + 8, cases[i].n - 8)), cases[i].want);
    }
}

/* The vectors of SipHash's authors: key 00..0f, message 00..n-1. */
static void macs_are_siphash_2_4(void **state)
{
    static const struct {
        size_t n;
        uint64_t want;
    } cases[] = {
        { 0, 0x726fdb47dd0e0e31 },  { 1, 0x74f839c593dc67fd },  { 2, 0x0d6c8009d9a94f5a },  { 3, 0x85676696d7fb7e2d },
        { 4, 0xcf2794e0277187b7 },  { 5, 0x18765564cd99a68d },  { 6, 0xcbc9466e58fee3ce },  { 7, 0xab0200f58b01d137 },
        { 8, 0x93f5f5799a932462 },  { 9, 0x9e0082df0ba9e4b0 },  { 10, 0x7a5dbbc594ddb9f3 }, { 11, 0xf4b32f46226bada7 },
        { 12, 0x751e8fbc860ee5fb }, { 13, 0x14ea5627c0843d90 }, { 14, 0xf723ca908e7af2ee }, { 15, 0xa129ca6149be45e5 },
        { 63, 0x958a324ceb064572 },
    };
    struct hash h = { .key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
    char message[64];

    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (char)i;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(hash_mac(&h, slice_of(message, cases[i].n)), cases[i].want);
        if (cases[i].n >= 8) /* chaining is the same function with eight bytes in front */
            assert_int_equal(hash_mac_more(&h, 0x0706050403020100, slice_of(message + 8, cases[i].n - 8)),
                             cases[i].want);
    }
}

static void parts_do_not_run_together(void **state)
{
    struct hash h;

    hash_init(&h);
    assert_int_not_equal(hash_more(&h, hash_bytes(&h, SLICE("ab")), SLICE("c")),
                         hash_more(&h, hash_bytes(&h, SLICE("a")), SLICE("bc")));
    assert_int_not_equal(hash_more(&h, hash_bytes(&h, SLICE("a")), SLICE("")), hash_bytes(&h, SLICE("a")));
    hash_free(&h);
}

static void keys_differ(void **state)
{
    struct hash a, b;

    hash_init(&a);
    hash_init(&b);
    assert_int_not_equal(hash_bytes(&a, SLICE("x")), hash_bytes(&b, SLICE("x")));
}

#define ENTRIES 2000
#define MANY 8500 /* 8192 buckets become twice as many while the last of these are added */

/* A random walk beside an array of flags; few_hashes makes long chains of equal hashes. */
static void walk(bool few_hashes)
{
    static struct entry entries[ENTRIES];
    struct hash h;
    size_t n = 0;

    hash_init(&h);
    memset(entries, 0, sizeof(entries));
    srand(1);
    for (int step = 0; step < 50000; step++) {
        unsigned id = (unsigned)rand() % ENTRIES;
        struct entry *e = &entries[id];
        uint64_t hash = few_hashes ? id % 7 : hash_bytes(&h, slice_of((const char *)&id, sizeof(id)));
        struct hash_node *found = hash_find(&h, hash, is_id, &id);

        assert_ptr_equal(found, e->in ? &e->node : NULL);
        if (e->in) {
            hash_remove(&h, &e->node);
            hash_remove(&h, &e->node); /* harmless */
        } else {
            e->id = id;
            assert_true(hash_add(&h, &e->node, hash));
        }
        e->in = !e->in;
        n = e->in ? n + 1 : n - 1;
        assert_int_equal(h.n, n);
    }
    hash_free(&h);
}

static void finds_what_is_in(void **state)
{
    walk(false);
    walk(true);
}

struct sweep {
    struct hash *h;
    unsigned seen;
};

static void remove_odd(struct hash_node *node, void *arg)
{
    struct sweep *sweep = arg;

    sweep->seen++;
    if (container_of(node, struct entry, node)->id % 2)
        hash_remove(sweep->h, node);
}

static void each_may_remove(void **state)
{
    static struct entry entries[500];
    struct hash h;
    struct sweep sweep = { .h = &h };

    hash_init(&h);
    hash_each(&h, remove_odd, &sweep);
    assert_int_equal(sweep.seen, 0);
    hash_remove(&h, &entries[0].node);
    for (unsigned i = 0; i < 500; i++) {
        entries[i].id = i;
        hash_add(&h, &entries[i].node, i * 0x9E3779B97F4A7C15);
    }
    hash_each(&h, remove_odd, &sweep);
    assert_int_equal(sweep.seen, 500);
    assert_int_equal(h.n, 250);
    hash_free(&h);
    hash_free(&h);
}

struct met {
    struct hash *h;
    unsigned times[3 * MANY];
    bool removes;
};

static void meet(struct hash_node *node, void *arg)
{
    struct met *met = arg;
    unsigned id = container_of(node, struct entry, node)->id;

    met->times[id]++;
    if (met->removes && id % 3 == 0)
        hash_remove(met->h, node);
}

static void add_id(struct hash *h, struct entry *e, unsigned id)
{
    e->id = id;
    hash_add(h, &e->node, hash_bytes(h, slice_of((const char *)&id, sizeof(id))));
}

/* The first 300 stay; while they are walked through, the others come, and the table grows from 512 buckets to 2048. */
static void parts_meet_once_what_stays(void **state)
{
    static struct entry entries[ENTRIES];
    static struct met met;
    struct hash h;
    uint64_t at = 0;
    unsigned n = 0;

    hash_init(&h);
    met = (struct met){ .h = &h };
    assert_false(hash_walk(&h, &at, 7, meet, &met));
    for (; n < 300; n++)
        add_id(&h, &entries[n], n);
    while (hash_walk(&h, &at, 7, meet, &met))
        for (unsigned i = 0; i < 37 && n < ENTRIES; i++, n++)
            add_id(&h, &entries[n], n);
    assert_int_equal(n, ENTRIES);
    for (unsigned i = 0; i < ENTRIES; i++)
        assert_true(i < 300 ? met.times[i] == 1 : met.times[i] <= 1);
    assert_int_equal(at, 0); /* and from the beginning again */
    met = (struct met){ .h = &h, .removes = true };
    while (hash_walk(&h, &at, 100, meet, &met))
        ;
    for (unsigned i = 0; i < ENTRIES; i++)
        assert_int_equal(met.times[i], 1);
    assert_int_equal(h.n, ENTRIES - (ENTRIES + 2) / 3);
    hash_free(&h);
}

/* All of one hash are one part: it is longer than was asked for, and nobody is met twice or not at all. */
static void parts_do_not_tear_equal_hashes_apart(void **state)
{
    static struct entry entries[50];
    static struct met met;
    struct hash h;
    uint64_t at = 0;

    hash_init(&h);
    met = (struct met){ .h = &h };
    for (unsigned i = 0; i < 50; i++) {
        entries[i].id = i;
        hash_add(&h, &entries[i].node, i % 2);
    }
    while (hash_walk(&h, &at, 1, meet, &met))
        ;
    for (unsigned i = 0; i < 50; i++)
        assert_int_equal(met.times[i], 1);
    hash_free(&h);
}

static unsigned n_met(const struct met *met, unsigned from, unsigned to, unsigned times)
{
    unsigned n = 0;

    for (unsigned i = from; i < to; i++)
        n += met->times[i] == times;
    return n;
}

/* In the middle of it: some have moved, others not. */
static void while_it_doubles_all_are_there_once(void **state)
{
    static struct entry entries[MANY + 100];
    static struct met met;
    struct hash h;
    uint64_t at = 0;

    hash_init(&h);
    met = (struct met){ .h = &h };
    for (unsigned i = 0; i < MANY; i++)
        add_id(&h, &entries[i], i);
    assert_non_null(h.before);
    assert_true(h.n_moved > 0);
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(hash_find(&h, entries[i].node.hash, is_id, &i), &entries[i].node);
    hash_each(&h, meet, &met);
    assert_int_equal(n_met(&met, 0, MANY, 1), MANY);
    met = (struct met){ .h = &h, .removes = true };
    for (unsigned n = MANY; hash_walk(&h, &at, 100, meet, &met);)
        if (n < MANY + 100) {
            add_id(&h, &entries[n], n);
            n++;
        }
    assert_int_equal(n_met(&met, 0, MANY, 1), MANY);
    for (unsigned i = 0; i < MANY; i++)
        assert_ptr_equal(hash_find(&h, entries[i].node.hash, is_id, &i), i % 3 ? &entries[i].node : NULL);
    hash_free(&h);
}

/* Begun before it doubles, and ended when it has: what was there all the while is met once. */
static void parts_meet_once_what_stays_while_it_doubles(void **state)
{
    static struct entry entries[3 * MANY];
    static struct met met;
    struct hash h;
    uint64_t at = 0;
    unsigned n = 0;

    hash_init(&h);
    met = (struct met){ .h = &h };
    for (; n < 8000; n++)
        add_id(&h, &entries[n], n);
    while (hash_walk(&h, &at, 10, meet, &met))
        for (unsigned i = 0; i < 20 && n < 3 * MANY; i++, n++)
            add_id(&h, &entries[n], n);
    assert_int_equal(n_met(&met, 0, 8000, 1), 8000);
    assert_int_equal(n_met(&met, 8000, 3 * MANY, 0) + n_met(&met, 8000, 3 * MANY, 1), 3 * MANY - 8000);
    hash_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hashes_are_siphash_1_3),
        cmocka_unit_test(macs_are_siphash_2_4),
        cmocka_unit_test(parts_do_not_run_together),
        cmocka_unit_test(keys_differ),
        cmocka_unit_test(finds_what_is_in),
        cmocka_unit_test(each_may_remove),
        cmocka_unit_test(parts_meet_once_what_stays),
        cmocka_unit_test(parts_do_not_tear_equal_hashes_apart),
        cmocka_unit_test(while_it_doubles_all_are_there_once),
        cmocka_unit_test(parts_meet_once_what_stays_while_it_doubles),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
