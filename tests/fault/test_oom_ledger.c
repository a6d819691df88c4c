/* The ledger with memory running out: what it takes is written, what it does not take leaves no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>

#include "../unit/store/store_rig.h"

#include "oom.h"
#include "store/ledger.h"

#define N 5

static void on_settled(void *arg, const struct ledger_row *rows, size_t n)
{
    atomic_fetch_add((atomic_uint *)arg, (unsigned)n);
}

static void on_news(void *arg, const struct ledger_news *news)
{
}

static const struct ledger_ops ops = { on_settled, on_settled, on_news };

static int count(void *arg, const struct store_contact *c, struct err *err)
{
    ++*(unsigned *)arg;
    return 0;
}

static void put_all(struct ledger *l, atomic_uint *settled)
{
    struct ledger_place places[N] = { { NULL } };
    struct err err = { "" };
    unsigned taken = 0;

    OOM(assert_int_equal(ledger_start(l, &ops, settled, &err), 0));
    for (unsigned i = 0; i < N; i++) {
        char name[40];
        const struct store_contact c = { .local =
                                             slice_of(name, (size_t)snprintf(name, sizeof(name), "u%u@c.example", i)),
                                         .remote = SLICE("r@f.example"),
                                         .x2s = 1 };
        uint64_t number;

        OOM(number = ledger_put(l, &c, &places[i]));
        taken += number != 0;
        assert_true(number || oom_failed());
    }
    oom_over();
    ledger_close(l);
    assert_int_equal(atomic_load(settled), taken);
}

static void scenario(const void *arg)
{
    atomic_uint settled = 0;
    struct err err = { "" };
    unsigned found = 0;
    struct store_contacts state;
    struct place p;
    struct ledger *l;

    place_make(&p, NULL);
    {
        const struct ledger_conf conf = { .store = { .url = p.url } };

        OOM(l = ledger_open(&conf, &err));
    }
    if (l) {
        struct store *s;

        put_all(l, &settled);
        s = place_open(&p);
        assert_int_equal(store_contacts_load(s, 0, count, &found, &state, &err), STORE_OK);
        store_close(s);
    } else {
        assert_true(oom_failed());
        assert_non_null(strstr(err.text, "memory"));
    }
    assert_int_equal(found, atomic_load(&settled));
    oom_over();
    place_remove(&p);
}

static void what_is_taken_is_written(void **state)
{
    oom_each("the ledger", scenario, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(what_is_taken_is_written) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
