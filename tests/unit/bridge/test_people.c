#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "base/list.h"
#include "bridge/people.h"

struct thing {
    unsigned number;
    struct person person;
};

static struct jid jid(const char *local, const char *domain, const char *resource)
{
    return (struct jid){ .local = slice_str(local), .domain = slice_str(domain), .resource = slice_str(resource) };
}

static struct thing *find(const struct hash *h, const struct jid *who)
{
    struct person *p = people_find(h, who);

    return p ? container_of(p, struct thing, person) : NULL;
}

static void people_are_found_by_their_bare_addresses(void **state)
{
    const struct jid all[] = { jid("romeo", "fabrikam.example", ""), jid("julia", "fabrikam.example", ""),
                               jid("romeo", "contoso.example", ""), jid("", "fabrikam.example", "") };
    const struct jid phone = jid("romeo", "fabrikam.example", "phone"), other = jid("romeo", "fabrikam.exampl", "");
    struct hash h;

    hash_init(&h);
    assert_null(people_find(&h, &all[0]));
    for (unsigned i = 0; i < 4; i++) {
        struct thing *t = PEOPLE_ADD(&h, &all[i], struct thing);

        assert_non_null(t);
        assert_int_equal(t->number, 0);
        t->number = i + 1;
    }
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(find(&h, &all[i])->number, i + 1);
    assert_ptr_equal(find(&h, &phone), find(&h, &all[0]));
    assert_null(find(&h, &other));
    assert_ptr_equal(people_find_name(&h, SLICE("julia@fabrikam.example")), &find(&h, &all[1])->person);
    for (unsigned i = 0; i < 4; i++) {
        struct thing *t = find(&h, &all[i]);

        people_remove(&h, &t->person);
        assert_null(find(&h, &all[i]));
        free(t);
    }
    assert_int_equal(h.n, 0);
    hash_free(&h);
}

static void an_address_comes_back_in_its_parts(void **state)
{
    const struct jid romeo = jid("romeo", "fabrikam.example", "phone");
    struct hash h;
    struct thing *t;

    hash_init(&h);
    t = PEOPLE_ADD(&h, &romeo, struct thing);
    assert_non_null(t);
    assert_true(slice_is(person_name(&t->person), "romeo@fabrikam.example"));
    assert_true(slice_is(person_jid(&t->person).local, "romeo"));
    assert_true(slice_is(person_jid(&t->person).domain, "fabrikam.example"));
    assert_int_equal(person_jid(&t->person).resource.n, 0);
    people_remove(&h, &t->person);
    free(t);
    hash_free(&h);
}

/* As long as addresses get. */
static void the_longest_address_fits(void **state)
{
    char local[JID_PART_MAX], domain[JID_PART_MAX];
    struct jid who = { .local = slice_of(local, sizeof(local)), .domain = slice_of(domain, sizeof(domain)) };
    struct hash h;
    struct thing *t;

    memset(local, 'l', sizeof(local));
    memset(domain, 'd', sizeof(domain));
    hash_init(&h);
    t = PEOPLE_ADD(&h, &who, struct thing);
    assert_non_null(t);
    assert_int_equal(t->person.n_name, 2 * JID_PART_MAX + 1);
    assert_ptr_equal(find(&h, &who), t);
    people_remove(&h, &t->person);
    free(t);
    hash_free(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_are_found_by_their_bare_addresses),
        cmocka_unit_test(an_address_comes_back_in_its_parts),
        cmocka_unit_test(the_longest_address_fits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
