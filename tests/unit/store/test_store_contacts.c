/* Contacts in the store: as a whole or not at all, in one order of changes. The first argument is the engine: "sqlite" or "pg". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contacts_rig.h"

static struct postgres cluster;
static bool is_pg;

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    place_make(p, is_pg ? &cluster : NULL);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static void put(struct store *s, uint64_t before, const struct store_contact *rows, size_t n)
{
    struct err err = { "" };
    uint64_t found = ~0ull;

    if (store_contacts_write(s, rows, n, &found, &err) != STORE_OK)
        fail_msg("%s", err.text);
    assert_int_equal(found, before);
}

static void run_sql(const struct place *p, const char *sql)
{
    sqlite3 *db;

    if (is_pg) {
        postgres_run(&cluster, "stox", sql);
        return;
    }
    assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void what_is_written_is_there_for_all_and_after_a_restart(void **state)
{
    const struct place *p = *state;
    struct store *s = place_open(p), *other = place_open(p);
    const struct store_contact rows[] = { rig_contact("a@c.example", "r@f.example", 1, 0),
                                          rig_contact("a@c.example", "j@f.example", 2, 3),
                                          rig_contact("\xc3\xbc@c.example", "f.example", 0, 1) };
    const struct store_contact again = rig_contact("a@c.example", "r@f.example", 2, 1);

    rig_contacts_are(s, 0, "0 whole");
    put(s, 0, rows, 3);
    put(other, 1, &again, 1);
    rig_contacts_are(s, 0,
                     "2 whole; a@c.example>j@f.example 2.3@1; a@c.example>r@f.example 2.1@2; "
                     "\xc3\xbc@c.example>f.example 0.1@1");
    rig_contacts_are(s, 1, "2; a@c.example>r@f.example 2.1@2");
    rig_contacts_are(s, 2, "2");
    store_close(other);
    store_close(s);
    s = place_open(p);
    rig_contacts_are(s, 1, "2; a@c.example>r@f.example 2.1@2");
    store_close(s);
}

static void a_removed_one_is_told_to_those_who_knew_it(void **state)
{
    struct store *s = place_open(*state);
    const struct store_contact made = rig_contact("a@c.example", "r@f.example", 1, 0);
    const struct store_contact gone[] = { rig_contact("a@c.example", "r@f.example", 0, 0),
                                          rig_contact("never@c.example", "r@f.example", 0, 0) };

    put(s, 0, &made, 1);
    put(s, 1, gone, 2);
    rig_contacts_are(s, 0, "2 whole");
    rig_contacts_are(s, 1, "2; a@c.example>r@f.example gone@2");
    put(s, 2, gone, 2);
    rig_contacts_are(s, 1, "3; a@c.example>r@f.example gone@2");
    put(s, 3, &made, 1);
    rig_contacts_are(s, 0, "4 whole; a@c.example>r@f.example 1.0@4");
    store_close(s);
}

static void removals_are_forgotten_after_a_while_and_who_was_away_for_longer_gets_all(void **state)
{
    struct store *s = place_open(*state);
    const struct store_contact made[] = { rig_contact("a@c.example", "r@f.example", 1, 0),
                                          rig_contact("b@c.example", "r@f.example", 1, 0) };
    const struct store_contact gone = rig_contact("a@c.example", "r@f.example", 0, 0);
    const char *head =
        is_pg ? "UPDATE stox.contacts_head SET revision = 100999" : "UPDATE contacts_head SET revision = 100999";

    put(s, 0, made, 2);
    put(s, 1, &gone, 1);
    run_sql(*state, head);
    rig_contacts_are(s, 1, "100999; a@c.example>r@f.example gone@2");
    put(s, 100999, &made[1], 1);
    rig_contacts_are(s, 1, "101000 whole; b@c.example>r@f.example 1.0@101000");
    rig_contacts_are(s, 999, "101000 whole; b@c.example>r@f.example 1.0@101000");
    rig_contacts_are(s, 1000, "101000; b@c.example>r@f.example 1.0@101000");
    store_close(s);
}

static int ignore(void *arg, const struct store_contact *c, struct err *err)
{
    return 0;
}

static int stop(void *arg, const struct store_contact *c, struct err *err)
{
    return err_set(err, "enough");
}

static void a_store_that_went_back_says_so(void **state)
{
    struct store *s = place_open(*state);
    struct store_contacts out;
    struct err err = { "" };

    assert_int_equal(store_contacts_load(s, 5, ignore, NULL, &out, &err), STORE_FAULT);
    assert_non_null(strstr(err.text, "replaced by an older one"));
    store_close(s);
}

static void who_has_had_enough_ends_the_walk(void **state)
{
    struct store *s = place_open(*state);
    const struct store_contact made = rig_contact("a@c.example", "r@f.example", 1, 0);
    struct store_contacts out;
    struct err err = { "" };

    put(s, 0, &made, 1);
    assert_int_equal(store_contacts_load(s, 0, stop, NULL, &out, &err), STORE_NO_MEMORY);
    assert_string_equal(err.text, "enough");
    rig_contacts_are(s, 0, "1 whole; a@c.example>r@f.example 1.0@1");
    store_close(s);
}

static void what_is_no_address_is_refused(void **state)
{
    static char longer[STORE_CONTACT_MAX + 1];
    struct store_contact cases[] = { rig_contact("", "r@f.example", 1, 0), rig_contact("a@c.example", "", 1, 0),
                                     rig_contact("a@\xff", "r@f.example", 1, 0), rig_contact("", "r@f.example", 1, 0) };
    struct store *s = place_open(*state);
    uint64_t before;

    memset(longer, 'a', sizeof(longer));
    cases[3].local = slice_of(longer, sizeof(longer));
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(store_contacts_write(s, &cases[i], 1, &before, NULL), STORE_FAULT);
    cases[3].local.n--;
    put(s, 0, &cases[3], 1);
    store_close(s);
}

static void ten_thousand_in_one_change(void **state)
{
    enum { N = 10000 };
    struct store *s = place_open(*state);
    struct store_contact *rows = calloc(N, sizeof(*rows));
    struct store_contacts out;
    char(*names)[40] = calloc(N, sizeof(*names));

    for (unsigned i = 0; i < N; i++) {
        snprintf(names[i], sizeof(names[i]), "user%u@c.example", i);
        rows[i] = rig_contact(names[i], "r@f.example", i % 2 ? 2 : 0, i % 2 ? 0 : 2);
    }
    put(s, 0, rows, N);
    for (unsigned i = 0; i < N; i++)
        rows[i].gone = i % 3 != 0;
    put(s, 1, rows, N);
    assert_int_equal(store_contacts_load(s, 0, ignore, NULL, &out, NULL), STORE_OK);
    assert_int_equal(out.head, 2);
    free(names);
    free(rows);
    store_close(s);
}

/* ---- cut off ---- */

#define OLD "1 whole; a@c.example>r@f.example 1.0@1; b@c.example>r@f.example 1.0@1"
#define NEW "2 whole; a@c.example>r@f.example 2.0@2; c@c.example>r@f.example 1.1@2"

static void make_old(struct store *s)
{
    const struct store_contact rows[] = { rig_contact("a@c.example", "r@f.example", 1, 0),
                                          rig_contact("b@c.example", "r@f.example", 1, 0) };

    put(s, 0, rows, 2);
}

static enum store_result make_new(struct store *s, struct err *err)
{
    const struct store_contact rows[] = { rig_contact("a@c.example", "r@f.example", 2, 0),
                                          rig_contact("b@c.example", "r@f.example", 0, 0),
                                          rig_contact("c@c.example", "r@f.example", 1, 1) };
    uint64_t before;

    return store_contacts_write(s, rows, 3, &before, err);
}

/* 0: the old state, 1: the new one; fails the test on any other. */
static int state_of(struct store *s)
{
    struct buf text;
    int found;

    buf_init(&text, 1u << 20);
    rig_contacts(s, 0, &text);
    found = strcmp(text.p, OLD) == 0 ? 0 : strcmp(text.p, NEW) == 0 ? 1 : -1;
    if (found < 0)
        fail_msg("neither the old nor the new state: %s", text.p);
    buf_free(&text);
    return found;
}

struct cut {
    unsigned at, n;
    bool kill;
};

static bool cut_at(void *arg, const char *sql)
{
    struct cut *cut = arg;

    if (cut->n++ != cut->at)
        return true;
    if (cut->kill)
        kill(getpid(), SIGKILL);
    return false;
}

static void a_fault_at_any_statement_leaves_old_or_new_as_the_result_says(void **state)
{
    unsigned at = 0;

    for (bool failed = true; failed; at++) {
        struct cut cut = { ~0u, 0, false };
        struct place p;
        struct store_conf conf = { .url = p.url, .step = cut_at, .step_arg = &cut };
        struct err err = { "" };
        enum store_result result;
        struct store *s;

        place_make(&p, is_pg ? &cluster : NULL);
        s = store_open(&conf, &err);
        assert_non_null(s);
        make_old(s);
        cut = (struct cut){ at, 0, false };
        result = make_new(s, &err);
        failed = cut.n > at;
        cut.at = ~0u;
        assert_int_equal(state_of(s), result == STORE_OK);
        if (result != STORE_OK) {
            assert_true(err.text[0]);
            assert_int_equal(make_new(s, &err), STORE_OK);
        }
        assert_int_equal(state_of(s), 1);
        store_close(s);
        place_remove(&p);
    }
    assert_in_range(at, 6, 100);
}

static bool dies(const struct place *p, unsigned at)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct cut cut = { ~0u, 0, true };
        const struct store_conf conf = { .url = p->url, .step = cut_at, .step_arg = &cut };
        struct store *s = store_open(&conf, NULL);

        cut = (struct cut){ at, 0, true };
        _exit(s && make_new(s, NULL) == STORE_OK ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (!WIFSIGNALED(status))
        assert_int_equal(WEXITSTATUS(status), 0);
    return WIFSIGNALED(status);
}

static void killed_at_any_statement_it_is_old_or_new(void **state)
{
    unsigned at = 0, n[2] = { 0, 0 };

    for (bool died = true; died; at++) {
        struct place p;
        struct store *s;

        place_make(&p, is_pg ? &cluster : NULL);
        s = place_open(&p);
        make_old(s);
        store_close(s);
        died = dies(&p, at);
        s = place_open(&p);
        n[state_of(s)]++;
        if (!died)
            assert_int_equal(state_of(s), 1);
        store_close(s);
        place_remove(&p);
    }
    assert_int_equal(n[1], 1);
    assert_in_range(n[0], 5, 100);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_written_is_there_for_all_and_after_a_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removed_one_is_told_to_those_who_knew_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(removals_are_forgotten_after_a_while_and_who_was_away_for_longer_gets_all,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_store_that_went_back_says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_has_had_enough_ends_the_walk, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_address_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ten_thousand_in_one_change, set_up, tear_down),
        cmocka_unit_test(a_fault_at_any_statement_leaves_old_or_new_as_the_result_says),
        cmocka_unit_test(killed_at_any_statement_it_is_old_or_new),
    };
    int rc;

    is_pg = argc > 1 && strcmp(argv[1], "pg") == 0;
    if (is_pg)
        postgres_make(&cluster);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    if (is_pg)
        postgres_remove(&cluster);
    return rc;
}
