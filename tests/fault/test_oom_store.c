/*
 * The store with memory running out, Stox's and SQLite's: a change is there or it is not, as the result says, and the store
 * goes on when there is memory again.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <malloc.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "../unit/store/store_rig.h"
#include "oom.h"
#include "store/keeper.h"

/* ---- SQLite's memory comes from here, so that it runs out too ---- */

static void *sqlite_take(int n)
{
    return malloc((size_t)n);
}

static void *sqlite_resize(void *p, int n)
{
    return realloc(p, (size_t)n);
}

static int sqlite_size(void *p)
{
    return p ? (int)malloc_usable_size(p) : 0;
}

static int sqlite_round(int n)
{
    return (n + 7) & ~7;
}

static int sqlite_start(void *arg)
{
    return SQLITE_OK;
}

static void sqlite_stop(void *arg)
{
}

static int use_our_memory(void **state)
{
    static const sqlite3_mem_methods methods = { sqlite_take,  free,         sqlite_resize, sqlite_size,
                                                 sqlite_round, sqlite_start, sqlite_stop,   NULL };

    return sqlite3_config(SQLITE_CONFIG_MALLOC, &methods) == SQLITE_OK && sqlite3_initialize() == SQLITE_OK ? 0 : -1;
}

/* ---- scenarios ---- */

static void says_memory(const struct err *err)
{
    assert_true(oom_failed());
    if (!strstr(err->text, "memory"))
        fail_msg("without memory it says: %s", err->text);
}

static void opening(const void *arg)
{
    const struct place *p = arg;
    const struct store_conf conf = { .url = p->url };
    struct err err = { "" };
    struct store *s;

    OOM(s = store_open(&conf, &err));
    if (!s)
        says_memory(&err);
    store_close(s);
}

static void a_store_is_opened_or_says_that_memory_is_missing(void **state)
{
    struct place p;

    place_make(&p, NULL);
    store_close(place_open(&p));
    oom_each("store_open", opening, &p);
    place_remove(&p);
}

static void committing(const void *arg)
{
    struct store *s = place_open(arg);
    const struct store_write w = rig_write("partner", "a.example", "{}", "{}");
    uint64_t before = rig_head(s), after;
    enum store_result result;
    struct err err = { "" };

    OOM(result = rig_commit(s, before, &w, 1, &err));
    after = rig_head(s);
    if (result == STORE_OK) {
        assert_int_equal(after, before + 1);
    } else {
        says_memory(&err);
        assert_in_range(after, before, before + (result == STORE_AWAY));
    }
    assert_int_equal(rig_commit(s, after, &w, 1, &err), STORE_OK);
    store_close(s);
}

static void a_change_counts_or_not_as_the_result_says(void **state)
{
    struct place p;

    place_make(&p, NULL);
    oom_each("store_commit", committing, &p);
    place_remove(&p);
}

static int pass_over(void *arg, const struct store_row *row, struct err *err)
{
    return 0;
}

static void loading(const void *arg)
{
    struct store *s = place_open(arg);
    enum store_result result;
    struct err err = { "" };
    uint64_t seq = 0;

    OOM(result = store_load(s, 0, pass_over, NULL, &seq, &err));
    if (result != STORE_OK)
        says_memory(&err);
    assert_int_equal(store_load(s, 0, pass_over, NULL, &seq, &err), STORE_OK);
    store_close(s);
}

static void loading_says_that_memory_is_missing(void **state)
{
    const struct store_write w = rig_write("partner", "a.example", "{}", "{}");
    struct err err = { "" };
    struct place p;
    struct store *s;

    place_make(&p, NULL);
    s = place_open(&p);
    assert_int_equal(rig_commit(s, 0, &w, 1, &err), STORE_OK);
    store_close(s);
    oom_each("store_load", loading, &p);
    place_remove(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_is_opened_or_says_that_memory_is_missing),
        cmocka_unit_test(a_change_counts_or_not_as_the_result_says),
        cmocka_unit_test(loading_says_that_memory_is_missing),
    };

    return cmocka_run_group_tests(tests, use_our_memory, NULL);
}
