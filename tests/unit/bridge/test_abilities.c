/* What is known of the SIP users' sides: until when, and of how many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "bridge/abilities.h"

#define DAY_MS ((uint64_t)86400 * 1000)

static const struct jid alice = { .local = SLICE("alice"), .domain = SLICE("contoso.example") };
static const struct jid bob = { .local = SLICE("bob"), .domain = SLICE("contoso.example") };

static void each_lasts_its_time(void **state)
{
    static const struct {
        enum ability ability;
        unsigned days;
    } cases[] = { { ABILITY_NO_COMPOSING, 1 }, { ABILITY_NO_CPIM, 1 }, { ABILITY_IMDN, 7 } };

    for (size_t i = 0; i < 3; i++) {
        struct abilities a;

        abilities_init(&a);
        assert_false(abilities_has(&a, &alice, cases[i].ability, 1000));
        abilities_note(&a, &alice, cases[i].ability, 1000);
        for (int other = 0; other < ABILITIES_N; other++)
            assert_int_equal(abilities_has(&a, &alice, (enum ability)other, 1000), other == (int)cases[i].ability);
        assert_false(abilities_has(&a, &bob, cases[i].ability, 1000));
        assert_true(abilities_has(&a, &alice, cases[i].ability, 999 + cases[i].days * DAY_MS));
        assert_false(abilities_has(&a, &alice, cases[i].ability, 1000 + cases[i].days * DAY_MS));
        abilities_fini(&a);
    }
}

static void who_shows_imdn_has_cpim_again(void **state)
{
    struct abilities a;

    abilities_init(&a);
    abilities_note(&a, &alice, ABILITY_NO_CPIM, 1);
    abilities_note(&a, &alice, ABILITY_IMDN, 2);
    assert_false(abilities_has(&a, &alice, ABILITY_NO_CPIM, 3));
    abilities_note(&a, &alice, ABILITY_NO_CPIM, 4);
    assert_true(abilities_has(&a, &alice, ABILITY_NO_CPIM, 5));
    abilities_fini(&a);
}

static void the_one_learned_of_longest_ago_is_forgotten(void **state)
{
    struct jid user = { .domain = SLICE("contoso.example") };
    struct abilities a;
    char local[32];

    abilities_init(&a);
    abilities_note(&a, &alice, ABILITY_IMDN, 1);
    abilities_note(&a, &bob, ABILITY_IMDN, 1);
    abilities_note(&a, &alice, ABILITY_IMDN, 1);
    for (int i = 0; i < ABILITIES_USERS_MAX - 1; i++) {
        snprintf(local, sizeof(local), "user%d", i);
        user.local = slice_str(local);
        abilities_note(&a, &user, ABILITY_IMDN, 1);
    }
    assert_int_equal(a.users.hash.n, ABILITIES_USERS_MAX);
    assert_false(abilities_has(&a, &bob, ABILITY_IMDN, 1));
    assert_true(abilities_has(&a, &alice, ABILITY_IMDN, 1));
    abilities_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_lasts_its_time),
        cmocka_unit_test(who_shows_imdn_has_cpim_again),
        cmocka_unit_test(the_one_learned_of_longest_ago_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
