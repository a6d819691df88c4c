/* Contacts in memory: found, limited, changed, written, restored; the ledger is played by the test. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "bridge/contact_parts.h"
#include "sides.h"

#define LIMITS(all, partner, user)                                                                                     \
    SIDES_SETTINGS "gateway { contact-limit = " #all " partner-contact-limit = " #partner                              \
                   " user-contact-limit = " #user " }\n"

static struct jid jid(const char *bare)
{
    struct jid j;

    assert_true(contact_split(slice_str(bare), &j));
    return j;
}

static struct contact *find(struct sides *s, const char *local, const char *remote)
{
    const struct jid l = jid(local), r = jid(remote);

    return contact_find(s->bridge, &l, &r);
}

static struct contact *make(struct sides *s, const char *local, const char *remote)
{
    const struct jid l = jid(local), r = jid(remote);
    const char *why;
    struct contact *c = contact_make(s->bridge, &l, &r, &why);

    if (!c)
        fail_msg("%s", why);
    return c;
}

static const char *refused(struct sides *s, const char *local, const char *remote)
{
    const struct jid l = jid(local), r = jid(remote);
    const char *why;

    assert_null(contact_make(s->bridge, &l, &r, &why));
    assert_non_null(why);
    return why;
}

/* ---- what those hear who wait ---- */

struct heard {
    unsigned n_durable, n_not;
    char order[64];
    bool tidy;
};

static struct heard heard;

static void on_durable(struct bridge *b, struct contact *c, bool durable)
{
    struct slice local = contact_local(c);
    size_t n = strlen(heard.order);

    *(durable ? &heard.n_durable : &heard.n_not) += 1;
    if (n < sizeof(heard.order) - 1)
        heard.order[n] = local.p[0];
    if (heard.tidy)
        contact_tidy(b, c);
}

static struct {
    unsigned n_changed, n_removed;
    char last[200];
    enum contact_x2s x2s;
    enum contact_s2x s2x;
} told;

static void on_changed(struct bridge *b, struct contact *c, enum contact_x2s x2s, enum contact_s2x s2x)
{
    told.n_changed++;
    told.x2s = x2s;
    told.s2x = s2x;
    snprintf(told.last, sizeof(told.last), "%.*s>%.*s %u.%u%s", SLICE_FMT(contact_local(c)),
             SLICE_FMT(contact_remote(c)), c->x2s, c->s2x, c->added ? " added" : "");
}

static const struct contact_ops ops = { .changed = on_changed };

static int set_up(void **state)
{
    struct sides *s = sides_new();

    memset(&heard, 0, sizeof(heard));
    memset(&told, 0, sizeof(told));
    s->ledger_holds = true;
    s->bridge->contacts.ops = &ops;
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    sides_free(*state);
    return 0;
}

static void then(struct sides *s, struct contact *c)
{
    assert_true(contact_then(s->bridge, c, on_durable, NULL));
}

/* ---- the table ---- */

static void a_contact_is_found_by_both_addresses(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    assert_ptr_equal(find(s, "alice@contoso.example", "romeo@fabrikam.example"), c);
    assert_ptr_equal(make(s, "alice@contoso.example", "romeo@fabrikam.example"), c);
    assert_null(find(s, "alice@contoso.example", "juliet@fabrikam.example"));
    assert_null(find(s, "bob@contoso.example", "romeo@fabrikam.example"));
    assert_null(find(s, "romeo@fabrikam.example", "alice@contoso.example"));
    assert_true(slice_is(contact_local(c), "alice@contoso.example"));
    assert_true(slice_is(contact_remote(c), "romeo@fabrikam.example"));
    assert_true(slice_is(contact_local_jid(c).local, "alice"));
    assert_true(slice_is(contact_remote_jid(c).domain, "fabrikam.example"));
    c = make(s, "alice@contoso.example", "fabrikam.example");
    assert_true(slice_is(contact_remote(c), "fabrikam.example"));
    assert_int_equal(contact_remote_jid(c).local.n, 0);
}

static void what_is_no_bare_address_is_none(void **state)
{
    static const char *const cases[] = { "", "@", "a@", "@b", "a@b/c", "b/c" };
    struct jid j;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_false(contact_split(slice_str(cases[i]), &j));
}

static void each_limit_is_named_and_lifted(void **state)
{
    static const struct {
        const char *settings, *local, *remote, *says;
    } cases[] = {
        { LIMITS(100, 100, 2), "zoe@contoso.example", "romeo@fabrikam.example", "partner's user" },
        { LIMITS(100, 100, 3), "alice@contoso.example", "new@fabrikam.example", "SIP user" },
        { LIMITS(100, 4, 50), "zoe@contoso.example", "new@fabrikam.example", "partner-contact-limit" },
        { LIMITS(4, 100, 50), "zoe@contoso.example", "new@fabrikam.example", " contact-limit" },
    };
    struct sides *s = *state;

    make(s, "alice@contoso.example", "romeo@fabrikam.example");
    make(s, "bob@contoso.example", "romeo@fabrikam.example");
    make(s, "alice@contoso.example", "a@fabrikam.example");
    make(s, "alice@contoso.example", "b@fabrikam.example");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        sides_apply(s, cases[i].settings);
        assert_non_null(strstr(refused(s, cases[i].local, cases[i].remote), cases[i].says));
        assert_non_null(make(s, "alice@contoso.example", "a@fabrikam.example")); /* who is there stays */
    }
    assert_int_equal(s->bridge->contacts.n_refused, 4);
    sides_apply(s, LIMITS(5, 5, 5));
    make(s, "zoe@contoso.example", "new@fabrikam.example");
}

static void all_domains_of_a_partner_count_together(void **state)
{
    struct sides *s = *state;

    sides_apply(s, SIDES_ORG SIDES_DOMAINS
                "partner fabrikam.example { type = federated additional-domains = {\"tailspin.example\"} }\n"
                "gateway { partner-contact-limit = 2 }\n");
    make(s, "alice@contoso.example", "romeo@fabrikam.example");
    make(s, "alice@contoso.example", "romeo@tailspin.example");
    refused(s, "bob@contoso.example", "juliet@fabrikam.example");
    refused(s, "bob@contoso.example", "juliet@tailspin.example");
}

static void what_nobody_needs_goes(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    contact_tidy(s->bridge, c);
    assert_null(find(s, "alice@contoso.example", "romeo@fabrikam.example"));
    assert_int_equal(s->bridge->contacts.locals.n + s->bridge->contacts.remotes.n + s->bridge->contacts.domains.n, 0);
    c = make(s, "alice@contoso.example", "romeo@fabrikam.example");
    c->x2s_watch = (struct watch_x2s *)s;
    contact_tidy(s->bridge, c);
    assert_ptr_equal(find(s, "alice@contoso.example", "romeo@fabrikam.example"), c);
    c->x2s_watch = NULL;
    then(s, c);
    contact_tidy(s->bridge, c);
    assert_ptr_equal(find(s, "alice@contoso.example", "romeo@fabrikam.example"), c);
    sides_turn(s); /* whom it waited for has come */
    assert_int_equal(heard.n_durable, 1);
    assert_null(find(s, "alice@contoso.example", "romeo@fabrikam.example"));
}

/* ---- walking ---- */

struct walked {
    struct sides *s;
    unsigned n;
    bool tidy, grow;
};

static void count(void *arg, struct contact *c)
{
    struct walked *w = arg;

    w->n++;
    c->restored = true; /* seen */
    if (w->tidy)
        contact_tidy(w->s->bridge, c);
}

static void all_of_a_user_are_walked_also_while_they_go(void **state)
{
    struct sides *s = *state;
    const struct jid alice = jid("alice@contoso.example"), romeo = jid("romeo@fabrikam.example");
    struct walked w = { .s = s };
    char name[40];

    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof(name), "u%u@fabrikam.example", i);
        make(s, "alice@contoso.example", name);
        snprintf(name, sizeof(name), "u%u@contoso.example", i);
        make(s, name, "romeo@fabrikam.example");
    }
    contacts_each_of_local(s->bridge, &alice, count, &w);
    assert_int_equal(w.n, 20);
    contacts_each_of_remote(s->bridge, &romeo, count, &w);
    assert_int_equal(w.n, 40);
    assert_int_equal(contacts_of_user(s->bridge, &alice, true), 20);
    assert_int_equal(contacts_of_user(s->bridge, &romeo, false), 20);
    w.tidy = true;
    contacts_each_of_local(s->bridge, &alice, count, &w);
    contacts_each_of_local(s->bridge, &alice, count, &w);
    assert_int_equal(w.n, 60);
    contacts_each_of_remote(s->bridge, &romeo, count, &w);
    assert_int_equal(w.n, 80);
    assert_int_equal(s->bridge->contacts.by_pair.n, 0);
}

static void a_walk_in_slices_meets_each_once_while_the_table_grows(void **state)
{
    struct sides *s = *state;
    struct walked w = { .s = s };
    unsigned made = 0;
    uint64_t cursor = 0;
    char name[40];

    for (; made < 100; made++) {
        snprintf(name, sizeof(name), "u%u@fabrikam.example", made);
        make(s, "alice@contoso.example", name);
    }
    do {
        contacts_walk(s->bridge, &cursor, 7, count, &w);
        for (unsigned i = 0; i < 20 && made < 400; i++, made++) {
            snprintf(name, sizeof(name), "u%u@fabrikam.example", made);
            make(s, "alice@contoso.example", name);
        }
    } while (cursor);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "u%u@fabrikam.example", i);
        assert_true(find(s, "alice@contoso.example", name)->restored);
    }
    assert_in_range(w.n, 100, 400);
    w = (struct walked){ .s = s, .tidy = true };
    do {
        contacts_walk(s->bridge, &cursor, 7, count, &w);
    } while (cursor);
    assert_int_equal(w.n, 400);
    assert_int_equal(s->bridge->contacts.by_pair.n, 0);
    contacts_walk(s->bridge, &cursor, 1, count, &w); /* of what was emptied, a bounded part */
}

/* ---- changing ---- */

static void a_change_is_written_and_then_told(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");
    const uint64_t receipt = 77;

    assert_true(contact_set_x2s(s->bridge, c, CONTACT_X2S_ASKING));
    assert_true(c->x2s_since_s > 1700000000);
    assert_true(contact_then(s->bridge, c, on_durable, &receipt));
    assert_int_equal(heard.n_durable, 0);
    assert_int_equal(s->n_handled, 0);
    assert_false(c->stored);
    sides_settle_contacts(s, true);
    assert_int_equal(heard.n_durable, 1);
    assert_int_equal(s->n_handled, 1);
    assert_int_equal(s->handled[0], 77);
    assert_true(c->stored);
    assert_int_equal(sides_stored(s, "alice@contoso.example", "romeo@fabrikam.example")->x2s, CONTACT_X2S_ASKING);
    assert_int_equal(told.n_changed, 0);
}

static void what_is_no_change_is_not_written_but_told(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    assert_true(contact_set_x2s(s->bridge, c, CONTACT_X2S_NONE));
    assert_true(contact_set_added(s->bridge, c, false));
    assert_int_equal(s->n_puts, 0);
    then(s, c);
    assert_int_equal(heard.n_durable, 0);
    sides_turn(s);
    assert_int_equal(heard.n_durable, 1);
}

static void who_waits_for_an_earlier_change_hears_it_first(void **state)
{
    struct sides *s = *state;
    struct contact *a = make(s, "alice@contoso.example", "romeo@fabrikam.example");
    struct contact *b = make(s, "bob@contoso.example", "romeo@fabrikam.example");

    contact_set_x2s(s->bridge, a, CONTACT_X2S_ASKING);
    then(s, a);
    contact_set_s2x(s->bridge, b, CONTACT_S2X_ASKED);
    then(s, b);
    contact_set_x2s(s->bridge, a, CONTACT_X2S_AUTH);
    then(s, a);
    sides_settle_contacts(s, true);
    assert_string_equal(heard.order, "aba");
    assert_int_equal(heard.n_durable, 3);
    assert_null(a->change);
    assert_int_equal(s->bridge->contacts.n_changes, 0);
}

static void what_could_not_be_written_is_taken_back_and_told(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");
    uint32_t since;

    contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH);
    sides_settle_contacts(s, true);
    since = c->x2s_since_s;
    contact_set_x2s(s->bridge, c, CONTACT_X2S_NONE);
    contact_set_s2x(s->bridge, c, CONTACT_S2X_ASKED);
    contact_set_added(s->bridge, c, true);
    then(s, c);
    sides_settle_contacts(s, false);
    assert_int_equal(heard.n_not, 1);
    assert_int_equal(heard.n_durable, 0);
    assert_int_equal(c->x2s, CONTACT_X2S_AUTH);
    assert_int_equal(c->x2s_since_s, since);
    assert_int_equal(c->s2x, CONTACT_S2X_NONE);
    assert_false(c->added);
    assert_true(c->stored);
    assert_int_equal(told.n_changed, 1);
    assert_int_equal(told.s2x, CONTACT_S2X_ASKED);
}

static void a_new_one_that_could_not_be_written_goes(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    contact_set_s2x(s->bridge, c, CONTACT_S2X_ASKED);
    then(s, c);
    heard.tidy = true;
    sides_settle_contacts(s, false);
    assert_int_equal(heard.n_not, 1);
    assert_null(find(s, "alice@contoso.example", "romeo@fabrikam.example"));
}

static void only_the_later_change_is_taken_back(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    contact_set_x2s(s->bridge, c, CONTACT_X2S_ASKING);
    then(s, c);
    contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH);
    then(s, c);
    s->n_puts = 1; /* the second one is on its way still */
    sides_settle_contacts(s, true);
    assert_int_equal(heard.n_durable, 1);
    assert_int_equal(c->x2s, CONTACT_X2S_AUTH);
    s->puts[0] = s->puts[1];
    s->n_puts = 1;
    sides_settle_contacts(s, false);
    assert_int_equal(heard.n_not, 1);
    assert_int_equal(c->x2s, CONTACT_X2S_ASKING);
    assert_true(c->stored);
}

static void a_full_ledger_refuses_cleanly(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    s->ledger_full = true;
    assert_false(contact_set_x2s(s->bridge, c, CONTACT_X2S_ASKING));
    assert_int_equal(c->x2s, CONTACT_X2S_NONE);
    assert_null(c->change);
    assert_false(contact_then(s->bridge, c, on_durable, NULL));
    s->ledger_full = false;
    assert_true(contact_set_x2s(s->bridge, c, CONTACT_X2S_ASKING));
    s->ledger_full = true;
    assert_false(contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH));
    assert_int_equal(c->x2s, CONTACT_X2S_ASKING); /* the earlier one stands */
    s->ledger_full = false;
    sides_settle_contacts(s, true);
    assert_int_equal(c->x2s, CONTACT_X2S_ASKING);
    assert_int_equal(s->bridge->contacts.n_changes, 0);
}

static void what_is_removed_is_removed_from_the_store(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH);
    sides_settle_contacts(s, true);
    contact_set_x2s(s->bridge, c, CONTACT_X2S_NONE);
    contact_tidy(s->bridge, c);
    assert_ptr_equal(find(s, "alice@contoso.example", "romeo@fabrikam.example"), c);
    sides_settle_contacts(s, true);
    assert_null(find(s, "alice@contoso.example", "romeo@fabrikam.example"));
    assert_int_equal(s->n_rows, 0);
}

/* ---- from the store ---- */

static void all_that_was_stored_is_there_after_a_restart(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");
    uint32_t since;

    contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH);
    contact_set_s2x(s->bridge, c, CONTACT_S2X_GRANTED);
    contact_set_added(s->bridge, c, true);
    since = c->s2x_since_s;
    sides_settle_contacts(s, true);
    contact_set_x2s(s->bridge, c, CONTACT_X2S_NONE); /* not written when the process dies */
    make(s, "bob@contoso.example", "romeo@fabrikam.example");
    sides_restart_contacts(s);
    c = find(s, "alice@contoso.example", "romeo@fabrikam.example");
    assert_non_null(c);
    assert_int_equal(c->x2s, CONTACT_X2S_AUTH);
    assert_int_equal(c->s2x, CONTACT_S2X_GRANTED);
    assert_int_equal(c->s2x_since_s, since);
    assert_true(c->added && c->stored && c->restored);
    assert_null(find(s, "bob@contoso.example", "romeo@fabrikam.example"));
}

static void rows_that_make_no_sense_are_left_alone(void **state)
{
    struct sides *s = *state;
    const struct sides_row rows[] = {
        { .local = "alice@contoso.example", .remote = "romeo@fabrikam.example", .x2s = CONTACT_X2S_N },
        { .local = "alice@contoso.example", .remote = "romeo@fabrikam.example", .s2x = 200 },
        { .local = "@contoso.example", .remote = "romeo@fabrikam.example", .s2x = 1 },
        { .local = "alice@contoso.example", .remote = "romeo@fabrikam.example/x", .s2x = 1 },
        { .local = "bob@contoso.example", .remote = "romeo@fabrikam.example", .s2x = 1 },
    };

    memcpy(s->rows, rows, sizeof(rows));
    s->n_rows = sizeof(rows) / sizeof(rows[0]);
    sides_restart_contacts(s);
    assert_int_equal(s->bridge->contacts.by_pair.n, 1);
    assert_true(sides_logged(s, "contacts-unsound contacts=4"));
}

static void news(struct sides *s, const char *local, const char *remote, unsigned x2s, unsigned s2x, bool gone)
{
    const struct store_contact row = {
        .local = slice_str(local), .remote = slice_str(remote), .x2s = (uint8_t)x2s, .s2x = (uint8_t)s2x, .gone = gone
    };
    const struct ledger_news n = { .rows = &row, .n = 1, .first = true, .last = true };

    contacts_on_news(s->bridge, &n);
}

static void another_nodes_change_counts_here(void **state)
{
    struct sides *s = *state;

    news(s, "alice@contoso.example", "romeo@fabrikam.example", CONTACT_X2S_AUTH, CONTACT_S2X_ASKED, false);
    assert_string_equal(told.last, "alice@contoso.example>romeo@fabrikam.example 2.1");
    assert_true(find(s, "alice@contoso.example", "romeo@fabrikam.example")->stored);
    news(s, "alice@contoso.example", "romeo@fabrikam.example", CONTACT_X2S_AUTH, CONTACT_S2X_ASKED, false);
    assert_int_equal(told.n_changed, 1); /* it was so before */
    news(s, "alice@contoso.example", "romeo@fabrikam.example", 0, 0, true);
    assert_int_equal(told.n_changed, 2);
    assert_int_equal(told.x2s, CONTACT_X2S_AUTH);
    assert_null(find(s, "alice@contoso.example", "romeo@fabrikam.example"));
    news(s, "alice@contoso.example", "romeo@fabrikam.example", 0, 0, true);
    news(s, "alice@contoso.example", "@", 1, 0, false);
    assert_int_equal(told.n_changed, 2);
    assert_int_equal(s->n_puts, 0);
}

static void what_is_to_be_written_here_comes_after_it(void **state)
{
    struct sides *s = *state;
    struct contact *c = make(s, "alice@contoso.example", "romeo@fabrikam.example");

    contact_set_x2s(s->bridge, c, CONTACT_X2S_AUTH);
    then(s, c);
    news(s, "alice@contoso.example", "romeo@fabrikam.example", CONTACT_X2S_ASKING, CONTACT_S2X_DENIED, false);
    assert_int_equal(c->x2s, CONTACT_X2S_AUTH);
    assert_int_equal(told.n_changed, 0);
    sides_settle_contacts(s, false); /* what the other node wrote is what is stored */
    assert_int_equal(c->x2s, CONTACT_X2S_ASKING);
    assert_int_equal(c->s2x, CONTACT_S2X_DENIED);
    assert_int_equal(told.n_changed, 1);
}

static void what_is_not_among_all_is_gone(void **state)
{
    struct sides *s = *state;
    const struct store_contact row = { .local = SLICE("u7@contoso.example"),
                                       .remote = SLICE("romeo@fabrikam.example"),
                                       .x2s = CONTACT_X2S_AUTH };
    const struct ledger_news all = { .rows = &row, .n = 1, .whole = true, .first = true, .last = true };
    uint64_t cursor = 0;
    char name[40];

    for (unsigned i = 0; i < 50; i++) {
        snprintf(name, sizeof(name), "u%u@contoso.example", i);
        contact_set_x2s(s->bridge, make(s, name, "romeo@fabrikam.example"), CONTACT_X2S_AUTH);
    }
    sides_settle_contacts(s, true);
    make(s, "new@contoso.example", "romeo@fabrikam.example");
    contact_set_added(s->bridge, find(s, "u8@contoso.example", "romeo@fabrikam.example"), true);
    do {
        contacts_unsee(s->bridge, &cursor, 10);
    } while (cursor);
    contacts_on_news(s->bridge, &all);
    do {
        contacts_sweep(s->bridge, &cursor, 10);
    } while (cursor);
    assert_int_equal(s->bridge->contacts.by_pair.n, 3); /* u7; u8, which is to be written; the new one */
    assert_non_null(find(s, "u7@contoso.example", "romeo@fabrikam.example"));
    assert_non_null(find(s, "u8@contoso.example", "romeo@fabrikam.example"));
    assert_int_equal(told.n_changed, 48);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_contact_is_found_by_both_addresses),
        TEST(what_is_no_bare_address_is_none),
        TEST(each_limit_is_named_and_lifted),
        TEST(all_domains_of_a_partner_count_together),
        TEST(what_nobody_needs_goes),
        TEST(all_of_a_user_are_walked_also_while_they_go),
        TEST(a_walk_in_slices_meets_each_once_while_the_table_grows),
        TEST(a_change_is_written_and_then_told),
        TEST(what_is_no_change_is_not_written_but_told),
        TEST(who_waits_for_an_earlier_change_hears_it_first),
        TEST(what_could_not_be_written_is_taken_back_and_told),
        TEST(a_new_one_that_could_not_be_written_goes),
        TEST(only_the_later_change_is_taken_back),
        TEST(a_full_ledger_refuses_cleanly),
        TEST(what_is_removed_is_removed_from_the_store),
        TEST(all_that_was_stored_is_there_after_a_restart),
        TEST(rows_that_make_no_sense_are_left_alone),
        TEST(another_nodes_change_counts_here),
        TEST(what_is_to_be_written_here_comes_after_it),
        TEST(what_is_not_among_all_is_gone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
