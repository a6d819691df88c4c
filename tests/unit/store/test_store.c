/* What every store promises, whichever engine it is: the first argument is "sqlite" or "pg". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "store_rig.h"

struct fixture {
    struct place place;
    struct store *store;
    struct buf text;
    struct err err;
};

static struct postgres cluster;
static bool is_pg;

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    place_make(&f->place, is_pg ? &cluster : NULL);
    f->store = place_open(&f->place);
    buf_init(&f->text, 16u << 20);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    store_close(f->store);
    place_remove(&f->place);
    buf_free(&f->text);
    free(f);
    return 0;
}

static void loads(struct fixture *f, uint64_t since, const char *expected)
{
    rig_load(f->store, since, &f->text);
    assert_string_equal(f->text.p, expected);
}

static void audits(struct fixture *f, struct store_audit_query q, const char *expected)
{
    rig_audit(f->store, &q, &f->text);
    assert_string_equal(f->text.p, expected);
}

/* Commits and insists. */
static void put(struct fixture *f, uint64_t seq, struct store_write w)
{
    if (rig_commit(f->store, seq, &w, 1, &f->err) != STORE_OK)
        fail_msg("%s", f->err.text);
}

static void reopen(struct fixture *f)
{
    store_close(f->store);
    f->store = place_open(&f->place);
}

static void a_new_store_is_empty(void **state)
{
    loads(*state, 0, "0");
    audits(*state, (struct store_audit_query){ .limit = 10 }, "");
}

static void a_change_is_loaded_and_audited_after_a_restart(void **state)
{
    struct fixture *f = *state;
    const struct store_write writes[] = { rig_write("partner", "fabrikam.example", NULL, "{\"tls\":1}"),
                                          rig_write("gateway", "", NULL, "{}") };

    assert_int_equal(rig_commit(f->store, 0, writes, 2, &f->err), STORE_OK);
    put(f, 1, rig_write("partner", "fabrikam.example", "{\"tls\":1}", "{\"tls\":2}"));
    put(f, 2, rig_write("gateway", "", "{}", NULL));
    for (unsigned i = 0; i < 2; i++) {
        loads(f, 0, "3; partner/fabrikam.example@2={\"tls\":2}");
        audits(f, (struct store_audit_query){ .limit = 10 },
               "3.1 remove gateway/ {}>-; 2.1 set partner/fabrikam.example {\"tls\":1}>{\"tls\":2}; "
               "1.2 new gateway/ ->{}; 1.1 new partner/fabrikam.example ->{\"tls\":1}; ");
        reopen(f);
    }
}

static void a_note_is_audited_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    struct store_write note = rig_write("trace", "alice@contoso.example", NULL, "{}");

    note.note = "trace";
    note.body = slice_of(NULL, 0);
    put(f, 0, note);
    put(f, 1, rig_write("route", "a", NULL, "{}"));
    reopen(f);
    loads(f, 0, "2; route/a@2={}");
    loads(f, 1, "2; route/a@2={}");
    audits(f, (struct store_audit_query){ .limit = 10 },
           "2.1 new route/a ->{}; 1.1 trace trace/alice@contoso.example ->{}; ");
    audits(f, (struct store_audit_query){ .limit = 10, .kind = SLICE("trace") },
           "1.1 trace trace/alice@contoso.example ->{}; ");
}

static int on_whole_row(void *arg, const struct store_audit_row *row, struct err *err)
{
    assert_int_equal(row->at_ms, 1700000000123);
    assert_true(slice_is(row->who, "anna"));
    assert_true(slice_is(row->from, "unix"));
    ++*(unsigned *)arg;
    return 0;
}

static void the_audit_says_who_when_and_from_where(void **state)
{
    struct fixture *f = *state;
    const struct store_audit_query q = { .limit = 10 };
    unsigned n = 0;

    put(f, 0, rig_write("route", "office", NULL, "{}"));
    assert_int_equal(store_audit(f->store, &q, on_whole_row, &n, &f->err), STORE_OK);
    assert_int_equal(n, 1);
}

static void a_change_that_was_judged_against_an_older_state_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct store_write w = rig_write("route", "b", NULL, "{}");

    put(f, 0, rig_write("route", "a", NULL, "{}"));
    assert_int_equal(rig_commit(f->store, 0, &w, 1, &f->err), STORE_BEHIND);
    assert_int_equal(rig_commit(f->store, 7, &w, 1, &f->err), STORE_BEHIND);
    loads(f, 0, "1; route/a@1={}");
    audits(f, (struct store_audit_query){ .limit = 10 }, "1.1 new route/a ->{}; ");
    put(f, 1, w);
    loads(f, 0, "2; route/a@1={}; route/b@2={}");
}

static void what_changed_since_holds_what_was_removed(void **state)
{
    struct fixture *f = *state;

    put(f, 0, rig_write("route", "a", NULL, "{}"));
    put(f, 1, rig_write("route", "b", NULL, "{}"));
    put(f, 2, rig_write("route", "a", "{}", NULL));
    put(f, 3, rig_write("route", "c", NULL, "{}"));
    loads(f, 0, "4; route/b@2={}; route/c@4={}");
    loads(f, 1, "4; route/a@3=gone; route/b@2={}; route/c@4={}");
    loads(f, 3, "4; route/c@4={}");
    loads(f, 4, "4");
    put(f, 4, rig_write("route", "a", NULL, "{\"again\":1}"));
    loads(f, 3, "5; route/a@5={\"again\":1}; route/c@4={}");
}

static int count_row(void *arg, const struct store_row *row, struct err *err)
{
    ++*(unsigned *)arg;
    return 0;
}

static void a_store_that_went_back_says_so(void **state)
{
    struct fixture *f = *state;
    unsigned n = 0;
    uint64_t seq = 0;

    put(f, 0, rig_write("route", "a", NULL, "{}"));
    assert_int_equal(store_load(f->store, 9, count_row, &n, &seq, &f->err), STORE_FAULT);
    assert_non_null(strstr(f->err.text, "ends with change 1, but change 9"));
    assert_int_equal(n, 0);
}

static int stop_row(void *arg, const struct store_row *row, struct err *err)
{
    return err_set(err, "enough");
}

static void a_walk_that_is_stopped_leaves_the_store_usable(void **state)
{
    struct fixture *f = *state;
    uint64_t seq = 0;

    put(f, 0, rig_write("route", "a", NULL, "{}"));
    assert_int_equal(store_load(f->store, 0, stop_row, NULL, &seq, &f->err), STORE_NO_MEMORY);
    assert_string_equal(f->err.text, "enough");
    put(f, 1, rig_write("route", "b", NULL, "{}"));
    loads(f, 0, "2; route/a@1={}; route/b@2={}");
}

/* Every row exactly once, whatever the size of a page. */
static void the_audit_goes_by_pages(void **state)
{
    struct fixture *f = *state;
    struct buf all;

    buf_init(&all, 1u << 20);
    for (uint64_t seq = 0; seq < 7; seq++) {
        const struct store_write writes[] = { rig_write("route", "a", NULL, "1"), rig_write("route", "b", NULL, "2"),
                                              rig_write("partner", "a", NULL, "3") };

        assert_int_equal(rig_commit(f->store, seq, writes, 3, &f->err), STORE_OK);
    }
    rig_audit(f->store, &(struct store_audit_query){ .limit = 100 }, &f->text);
    for (size_t limit = 1; limit < 25; limit++) {
        struct store_audit_query q = { .limit = limit };
        struct buf page;

        buf_init(&page, 1u << 20);
        buf_clear(&all);
        for (unsigned i = 0; i < 30; i++) {
            unsigned long long seq, line;
            const char *last;

            rig_audit(f->store, &q, &page);
            if (!page.p[0])
                break;
            buf_str(&all, page.p);
            page.p[strlen(page.p) - 2] = '\0';
            last = strrchr(page.p, ';');
            assert_int_equal(sscanf(last ? last + 2 : page.p, "%llu.%llu", &seq, &line), 2);
            q.before = seq;
            q.before_line = line;
        }
        buf_char(&all, '\0');
        assert_string_equal(all.p, f->text.p);
        buf_free(&page);
    }
    audits(f, (struct store_audit_query){ .before = 2, .limit = 2 }, "1.3 new partner/a ->3; 1.2 new route/b ->2; ");
    audits(f, (struct store_audit_query){ .limit = 2, .kind = SLICE("partner") },
           "7.3 new partner/a ->3; 6.3 new partner/a ->3; ");
    audits(f, (struct store_audit_query){ .limit = 2, .name = SLICE("a") },
           "7.3 new partner/a ->3; 7.1 new route/a ->1; ");
    audits(f, (struct store_audit_query){ .limit = 2, .kind = SLICE("route"), .name = SLICE("a") },
           "7.1 new route/a ->1; 6.1 new route/a ->1; ");
    audits(f, (struct store_audit_query){ .limit = 0 }, "");
    buf_free(&all);
}

/* ---- hostile texts ---- */

struct expected {
    struct slice name, body;
    unsigned found;
};

static int expect_row(void *arg, const struct store_row *row, struct err *err)
{
    struct expected *e = arg;

    e->found += slice_eq(row->name, e->name) && slice_eq(row->body, e->body);
    return 0;
}

static void names_are_data_and_nothing_else(void **state)
{
    static const struct slice names[] = {
        SLICE("'; DROP TABLE objects; --"),
        SLICE("\"; DELETE FROM stox.audit; --"),
        SLICE("$1 ?1 :a @b %s%n\\"),
        SLICE("\x01\x02\x1b[31m\x7f\r\n\t"),
        SLICE("  spaces  "),
        SLICE("A"),
        SLICE("a"),
        SLICE("b\xc3\xbc"
              "cher \xf0\x9f\x98\x80"),
        SLICE("null"),
        SLICE("{\"a\":[1,2]}"),
    };
    struct fixture *f = *state;
    size_t n = sizeof(names) / sizeof(names[0]);

    for (size_t i = 0; i < n; i++) {
        const struct store_write w = { names[i], names[i], names[i], names[i], names[i] };

        assert_int_equal(rig_commit(f->store, i, &w, 1, &f->err), STORE_OK);
    }
    for (size_t i = 0; i < n; i++) {
        struct expected e = { names[i], names[i], 0 };
        const struct store_audit_query q = { .limit = 2, .kind = names[i], .name = names[i] };
        uint64_t seq = 0;

        assert_int_equal(store_load(f->store, 0, expect_row, &e, &seq, &f->err), STORE_OK);
        assert_int_equal(e.found, 1);
        assert_int_equal(seq, n);
        rig_audit(f->store, &q, &f->text);
        assert_int_equal(strtoul(f->text.p, NULL, 10), i + 1);
    }
}

static void what_is_no_text_is_refused(void **state)
{
    static const struct slice bad[] = { SLICE("a\0b"), SLICE("\xff"), SLICE("\xc0\x80"), SLICE("\xed\xa0\x80") };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct store_write w = rig_write("route", "a", NULL, "{}");

        w.name = bad[i];
        assert_int_equal(rig_commit(f->store, 0, &w, 1, &f->err), STORE_FAULT);
        w = rig_write("route", "a", NULL, "{}");
        w.after = bad[i];
        assert_int_equal(rig_commit(f->store, 0, &w, 1, &f->err), STORE_FAULT);
    }
    loads(f, 0, "0");
}

static void a_body_may_have_a_megabyte(void **state)
{
    struct fixture *f = *state;
    struct slice big = { malloc(1u << 20), 1u << 20 };
    struct store_write w = rig_write("partner", "big.example", NULL, NULL);
    struct expected e = { w.name, big, 0 };
    uint64_t seq = 0;

    memset((char *)big.p, 'x', big.n);
    w.body = w.after = big;
    put(f, 0, w);
    reopen(f);
    assert_int_equal(store_load(f->store, 0, expect_row, &e, &seq, &f->err), STORE_OK);
    assert_int_equal(e.found, 1);
    free((char *)big.p);
}

int main(int argc, char **argv)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_new_store_is_empty),
        T(a_change_is_loaded_and_audited_after_a_restart),
        T(a_note_is_audited_and_nothing_else),
        T(the_audit_says_who_when_and_from_where),
        T(a_change_that_was_judged_against_an_older_state_is_refused),
        T(what_changed_since_holds_what_was_removed),
        T(a_store_that_went_back_says_so),
        T(a_walk_that_is_stopped_leaves_the_store_usable),
        T(the_audit_goes_by_pages),
        T(names_are_data_and_nothing_else),
        T(what_is_no_text_is_refused),
        T(a_body_may_have_a_megabyte),
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
