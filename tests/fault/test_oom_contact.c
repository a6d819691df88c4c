/*
 * Contacts with memory running out: what could not be made is not there, what could not be changed is as it was, and whoever was
 * promised to hear of it hears it once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "../unit/bridge/sides.h"

#include "bridge/contact_parts.h"
#include "oom.h"

#define N 20 /* more than the hash tables start with */

static unsigned n_heard;

static void on_heard(struct bridge *b, struct contact *c, bool durable)
{
    n_heard++;
}

static struct jid jid(char *mem, const char *name, int i, const char *domain)
{
    struct jid j;

    snprintf(mem, 64, "%s%d@%s", name, i, domain);
    assert_true(contact_split(slice_str(mem), &j));
    return j;
}

static struct contact *make(struct sides *s, int i)
{
    char mem[2][64];
    const struct jid local = jid(mem[0], "alice", i, "contoso.example"),
                     remote = jid(mem[1], "romeo", i / 2, "f.example");
    const char *why = NULL;
    struct contact *c;

    OOM(c = contact_make(s->bridge, &local, &remote, &why));
    if (!c) {
        assert_true(oom_failed());
        assert_non_null(why);
        assert_null(contact_find(s->bridge, &local, &remote));
    }
    return c;
}

static unsigned change(struct sides *s, struct contact *c)
{
    unsigned promised = 0;
    bool ok;

    OOM(ok = contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH));
    assert_int_equal(c->x2s, ok ? CONTACT_X2S_AUTH : CONTACT_X2S_NONE);
    OOM(promised += contact_then(s->bridge, c, on_heard, NULL));
    OOM(ok = contact_set_s2x(s->bridge, c, CONTACT_S2X_ASKED));
    assert_int_equal(c->s2x, ok ? CONTACT_S2X_ASKED : CONTACT_S2X_NONE);
    OOM(promised += contact_then(s->bridge, c, on_heard, NULL));
    return promised;
}

static void scenario(const void *arg)
{
    struct sides *s = sides_new();
    unsigned promised = 0;

    n_heard = 0;
    for (int i = 0; i < N; i++) {
        struct contact *c = make(s, i);

        if (c)
            promised += change(s, c);
    }
    OOM(sides_settle_contacts(s, true));
    assert_int_equal(n_heard, promised);
    assert_int_equal(s->bridge->contacts.n_changes, 0);
    oom_over();
    for (int i = 0; i < N; i++) {
        struct contact *c = make(s, i);

        assert_non_null(c);
        change(s, c);
    }
    sides_settle_contacts(s, true);
    assert_int_equal(n_heard, promised + 2 * N);
    assert_int_equal(s->n_rows, N);
    sides_free(s);
}

static void made_and_changed(void **state)
{
    oom_each("contacts", scenario, NULL);
}

static void heard_of(const void *arg)
{
    struct sides *s = sides_new();

    for (int i = 0; i < N; i++) {
        char mem[2][64];
        const struct jid local = jid(mem[0], "alice", i, "contoso.example"),
                         remote = jid(mem[1], "romeo", i, "f.example");
        const struct store_contact row = { .local = slice_str(mem[0]), .remote = slice_str(mem[1]), .x2s = 2 };
        const struct ledger_news news = { .rows = &row, .n = 1, .first = true, .last = true };

        OOM(contacts_on_news(s->bridge, &news));
        if (!contact_find(s->bridge, &local, &remote))
            assert_true(oom_failed());
    }
    oom_over();
    sides_free(s);
}

static void another_nodes_changes(void **state)
{
    oom_each("news of contacts", heard_of, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(made_and_changed), cmocka_unit_test(another_nodes_changes) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
