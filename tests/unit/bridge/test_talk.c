/* The table of conversations: what it says of two people, that it is bounded, and that it does without memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "bridge/talk.h"

static const uint8_t key[16] = { 1, 2, 3 };
static const struct jid alice = { SLICE("alice"), SLICE("contoso.example"), { 0 } };
static const struct talk_end delivered = { .outcome = SCORE_DELIVERED, .status = 200 };

/* Partner's user number n. */
static struct jid user(unsigned n, char name[32])
{
    snprintf(name, 32, "user%u", n);
    return (struct jid){ slice_str(name), SLICE("fabrikam.example"), SLICE("phone") };
}

static uint64_t came(struct talks *t, unsigned n, uint64_t now)
{
    char name[32];
    struct jid remote = user(n, name);

    return talks_came(t, SCORE_X2S, &alice, &remote, now);
}

static void both_ways_are_told_apart(void **state)
{
    const struct talk_end refused = {
        .outcome = SCORE_REFUSED, .status = 404, .condition = "item-not-found", .why = SLICE("there is no such user")
    };
    char name[32];
    struct jid remote = user(1, name), elsewhere = { remote.local, remote.domain, SLICE("laptop") };
    const struct talk *talk;
    struct talks t;
    uint64_t id;

    talks_init(&t, 100000, key);
    id = talks_came(&t, SCORE_S2X, &alice, &remote, 10);
    assert_true(id == talks_came(&t, SCORE_X2S, &alice, &elsewhere, 20));
    talks_ended(&t, id, SCORE_S2X, &delivered, 30);
    talks_ended(&t, id, SCORE_X2S, &refused, 40);
    talk = talks_find(&t, id);
    assert_non_null(talk);
    assert_true(slice_is(talk->local, "alice@contoso.example") && slice_is(talk->remote, "user1@fabrikam.example"));
    assert_int_equal(talk->since_ms, 10);
    assert_int_equal(talk->active_ms, 40);
    assert_int_equal(talk->ways[SCORE_S2X].n_delivered, 1);
    assert_int_equal(talk->ways[SCORE_S2X].last.why.n, 0);
    assert_int_equal(talk->ways[SCORE_X2S].n_failed, 1);
    assert_int_equal(talk->ways[SCORE_X2S].ended_ms, 40);
    assert_string_equal(talk->ways[SCORE_X2S].last.condition, "item-not-found");
    assert_true(slice_is(talk->ways[SCORE_X2S].last.why, "there is no such user"));
    talks_ended(&t, id, SCORE_X2S, &delivered, 50); /* the sentence goes with the failure */
    assert_int_equal(talks_find(&t, id)->ways[SCORE_X2S].last.why.n, 0);
    talks_bounced(&t, &alice, &elsewhere, "gone", 60);
    assert_int_equal(talk->n_bounced_late, 1);
    assert_string_equal(talk->bounced_condition, "gone");
    talks_fini(&t);
}

static void an_id_is_the_same_for_the_same_two_after_a_restart(void **state)
{
    const struct jid bob = { SLICE("bob"), SLICE("contoso.example"), { 0 } };
    char name[32];
    struct jid remote = user(1, name);
    struct talks t, again, other;
    const uint8_t another[16] = { 9 };

    talks_init(&t, 0, key);
    talks_init(&again, 100000, key);
    talks_init(&other, 100000, another);
    assert_true(talks_came(&t, SCORE_S2X, &alice, &remote, 1) == talks_came(&again, SCORE_S2X, &alice, &remote, 1));
    assert_true(talks_id(&t, &alice, &remote) != talks_id(&t, &bob, &remote));
    assert_true(talks_id(&t, &alice, &remote) != talks_id(&t, &remote, &alice));
    assert_true(talks_id(&t, &alice, &remote) != talks_id(&other, &alice, &remote));
    assert_null(talks_find(&t, talks_id(&t, &alice, &remote))); /* no room at all: nothing is kept, all goes on */
    talks_fini(&t);
    talks_fini(&again);
    talks_fini(&other);
}

static void who_was_silent_longest_is_forgotten(void **state)
{
    struct talks t;
    uint64_t first, second;

    talks_init(&t, 3000, key);
    first = came(&t, 0, 1);
    second = came(&t, 1, 2);
    talks_ended(&t, first, SCORE_X2S, &delivered, 3);
    talks_ended(&t, second, SCORE_X2S, &delivered, 4);
    for (unsigned n = 2; n < 1000; n++) {
        talks_ended(&t, came(&t, n, n), SCORE_X2S, &delivered, n);
        talks_ended(&t, first, SCORE_X2S, &delivered, n);
        assert_true(t.bytes <= t.bytes_max);
    }
    assert_non_null(talks_find(&t, first));
    assert_null(talks_find(&t, second));
    talks_fini(&t);
}

/* Strangers' attempts put out each other, not those who talk. */
static void what_never_passed_goes_first(void **state)
{
    const struct talk_end refused = { .outcome = SCORE_REFUSED, .why = SLICE("nobody may write to everybody here") };
    struct talks t;
    uint64_t good;

    talks_init(&t, 3000, key);
    good = came(&t, 0, 1);
    talks_ended(&t, good, SCORE_X2S, &delivered, 1);
    for (unsigned n = 1; n < 1000; n++) {
        talks_ended(&t, came(&t, n, n), SCORE_X2S, &refused, n);
        assert_true(t.bytes <= t.bytes_max);
    }
    assert_non_null(talks_find(&t, good));
    talks_fini(&t);
}

static void sentences_are_cut_and_charged(void **state)
{
    char text[2 * TALK_WHY_MAX];
    struct talk_end end = { .outcome = SCORE_REFUSED, .why = { text, sizeof(text) } };
    struct talks t;
    uint64_t id;
    size_t before;

    memset(text, 'x', sizeof(text));
    talks_init(&t, 100000, key);
    id = came(&t, 0, 1);
    before = t.bytes;
    talks_ended(&t, id, SCORE_X2S, &end, 2);
    assert_int_equal(t.bytes, before + TALK_WHY_MAX);
    talks_ended(&t, id, SCORE_S2X, &end, 3);
    talks_ended(&t, id, SCORE_S2X, &delivered, 4);
    assert_int_equal(t.bytes, before + TALK_WHY_MAX);
    talks_fini(&t);
}

static void the_list_goes_from_the_last_active_back_and_in_pages(void **state)
{
    struct talks_walk w;
    const struct talk *talk;
    struct talks t;
    uint64_t turn = UINT64_MAX;
    unsigned n = 0;

    talks_init(&t, 1u << 20, key);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t id = came(&t, i, i);

        if (i % 3 == 0)
            talks_ended(&t, id, SCORE_X2S, &delivered, i);
    }
    while (n < 100) { /* seven at a time */
        talks_walk(&t, &w, turn);
        for (unsigned i = 0; i < 7 && (talk = talks_next(&w)); i++, n++) {
            char name[64];

            assert_true(talk->turn < turn);
            turn = talk->turn;
            snprintf(name, sizeof(name), "user%u@fabrikam.example", 99 - n);
            assert_true(slice_is(talk->remote, name));
        }
    }
    talks_walk(&t, &w, turn);
    assert_null(talks_next(&w));
    talks_fini(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_told_apart),
        cmocka_unit_test(an_id_is_the_same_for_the_same_two_after_a_restart),
        cmocka_unit_test(who_was_silent_longest_is_forgotten),
        cmocka_unit_test(what_never_passed_goes_first),
        cmocka_unit_test(sentences_are_cut_and_charged),
        cmocka_unit_test(the_list_goes_from_the_last_active_back_and_in_pages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
