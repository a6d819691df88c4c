/*
 * A change counts as a whole or not at all, wherever it is cut off, and one that was acknowledged is never lost. The first
 * argument is the engine: "sqlite" or "pg".
 */
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

#include "store_rig.h"

static struct postgres cluster;
static bool is_pg;

/* ---- the change that is cut off ---- */

#define OLD_STATE "1; partner/a.example@1={\"n\":1}; partner/b.example@1={\"n\":1}"
#define NEW_STATE "2; partner/a.example@2={\"n\":2}; partner/c.example@2={\"n\":2}"
#define OLD_AUDIT "1.2 new partner/b.example ->{\"n\":1}; 1.1 new partner/a.example ->{\"n\":1}; "
#define NEW_AUDIT                                                                                                      \
    "2.3 new partner/c.example ->{\"n\":2}; 2.2 remove partner/b.example {\"n\":1}>-; "                                \
    "2.1 set partner/a.example {\"n\":1}>{\"n\":2}; " OLD_AUDIT

static void make_old_state(struct store *s)
{
    const struct store_write writes[] = { rig_write("partner", "a.example", NULL, "{\"n\":1}"),
                                          rig_write("partner", "b.example", NULL, "{\"n\":1}") };
    struct err err = { "" };

    if (rig_commit(s, 0, writes, 2, &err) != STORE_OK)
        fail_msg("%s", err.text);
}

static enum store_result make_change(struct store *s, struct err *err)
{
    const struct store_write writes[] = { rig_write("partner", "a.example", "{\"n\":1}", "{\"n\":2}"),
                                          rig_write("partner", "b.example", "{\"n\":1}", NULL),
                                          rig_write("partner", "c.example", NULL, "{\"n\":2}") };

    return rig_commit(s, 1, writes, 3, err);
}

/* Which of the two states it is: 0 or 1. Fails the test when it is none, or the audit says another one. */
static int state_of(struct store *s)
{
    const struct store_audit_query q = { .limit = 100 };
    struct buf text;
    int found;

    buf_init(&text, 1u << 20);
    rig_load(s, 0, &text);
    found = strcmp(text.p, OLD_STATE) == 0 ? 0 : strcmp(text.p, NEW_STATE) == 0 ? 1 : -1;
    if (found < 0)
        fail_msg("neither the old nor the new state: %s", text.p);
    rig_audit(s, &q, &text);
    assert_string_equal(text.p, found ? NEW_AUDIT : OLD_AUDIT);
    buf_free(&text);
    return found;
}

static void check_file(const struct place *p)
{
    sqlite3 *db;
    sqlite3_stmt *st;

    if (is_pg)
        return;
    assert_int_equal(sqlite3_open(p->file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    assert_string_equal(sqlite3_column_text(st, 0), "ok");
    sqlite3_finalize(st);
    sqlite3_close(db);
}

/* ---- cut off by SIGKILL ---- */

struct cut {
    unsigned at, n; /* the statement with this number is the last thought */
};

static bool kill_at(void *arg, const char *sql)
{
    struct cut *cut = arg;

    if (cut->n++ == cut->at)
        kill(getpid(), SIGKILL);
    return true;
}

/* Runs fn in a child that dies at statement number at. False: it needed fewer and ended by itself. */
static bool dies(const struct place *p, unsigned at, int (*fn)(struct store *s))
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct cut cut = { at, 0 };
        const struct store_conf conf = { .url = p->url, .step = kill_at, .step_arg = &cut };
        struct store *s = store_open(&conf, NULL);

        _exit(s ? fn(s) : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

static int only_open(struct store *s)
{
    return 0;
}

static int change_in_child(struct store *s)
{
    return make_change(s, NULL) == STORE_OK ? 0 : 4;
}

static void killed_while_it_is_made_the_store_is_made_again(void **state)
{
    unsigned at = 0;

    for (bool died = true; died; at++) {
        struct place p;
        struct store *s;

        place_make(&p, is_pg ? &cluster : NULL);
        died = dies(&p, at, only_open);
        s = place_open(&p);
        make_old_state(s);
        assert_int_equal(state_of(s), 0);
        store_close(s);
        check_file(&p);
        place_remove(&p);
    }
    assert_in_range(at, 5, 100);
}

static void killed_at_any_statement_it_is_old_or_new(void **state)
{
    unsigned at = 0, n[2] = { 0, 0 };

    for (bool died = true; died; at++) {
        struct place p;
        struct store *s;
        int found;

        place_make(&p, is_pg ? &cluster : NULL);
        s = place_open(&p);
        make_old_state(s);
        store_close(s);
        died = dies(&p, at, change_in_child);
        check_file(&p);
        s = place_open(&p);
        found = state_of(s);
        n[found]++;
        if (!died)
            assert_int_equal(found, 1);
        if (found == 0)
            assert_int_equal(make_change(s, NULL), STORE_OK);
        assert_int_equal(state_of(s), 1);
        store_close(s);
        place_remove(&p);
    }
    assert_int_equal(n[1], 1);
    assert_in_range(n[0], 10, 100);
}

/* ---- cut off by a fault ---- */

static bool fail_at(void *arg, const char *sql)
{
    struct cut *cut = arg;

    return cut->n++ != cut->at;
}

static void a_fault_at_any_statement_leaves_old_or_new_as_the_result_says(void **state)
{
    unsigned at = 0;

    for (bool failed = true; failed; at++) {
        struct cut cut = { ~0u, 0 };
        struct place p;
        struct store_conf conf = { .url = p.url, .step = fail_at, .step_arg = &cut };
        struct err err = { "" };
        enum store_result result;
        struct store *s;

        place_make(&p, is_pg ? &cluster : NULL);
        s = store_open(&conf, &err);
        assert_non_null(s);
        make_old_state(s);
        cut = (struct cut){ at, 0 };
        result = make_change(s, &err);
        failed = cut.n > at;
        cut.at = ~0u;
        if (result != STORE_OK)
            assert_true(err.text[0]);
        assert_int_equal(state_of(s), result == STORE_OK);
        if (result != STORE_OK)
            assert_int_equal(make_change(s, &err), STORE_OK);
        assert_int_equal(state_of(s), 1);
        store_close(s);
        check_file(&p);
        place_remove(&p);
    }
    assert_in_range(at, 8, 100);
}

/* ---- cut off anywhere, also between sending and answer ---- */

/* Makes change after change, and tells each number that was acknowledged. */
static void acknowledge_for_ever(const struct place *p, int fd)
{
    const struct store_conf conf = { .url = p->url };
    const struct store_write w = rig_write("partner", "a.example", "{}", "{\"n\":1}");
    struct store *s = store_open(&conf, NULL);

    for (uint64_t seq = 0; s && rig_commit(s, seq, &w, 1, NULL) == STORE_OK;) {
        seq++;
        if (write(fd, &seq, sizeof(seq)) != sizeof(seq))
            break;
    }
    _exit(1);
}

static uint64_t acknowledged_before_death(const struct place *p, unsigned n)
{
    uint64_t seq = 0, last = 0;
    int fds[2];
    pid_t pid;

    assert_int_equal(pipe(fds), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(fds[0]);
        acknowledge_for_ever(p, fds[1]);
    }
    close(fds[1]);
    while (last < n && read(fds[0], &seq, sizeof(seq)) == sizeof(seq))
        last = seq;
    kill(pid, SIGKILL);
    while (read(fds[0], &seq, sizeof(seq)) == sizeof(seq))
        last = seq;
    close(fds[0]);
    waitpid(pid, NULL, 0);
    return last;
}

static void what_was_acknowledged_is_there_after_sigkill(void **state)
{
    for (unsigned n = 1; n <= 15; n++) {
        const struct store_audit_query q = { .limit = 1 };
        struct buf text;
        struct place p;
        struct store *s;
        uint64_t last, found;

        buf_init(&text, 1u << 20);
        place_make(&p, is_pg ? &cluster : NULL);
        last = acknowledged_before_death(&p, n);
        assert_true(last >= n);
        s = place_open(&p);
        if (is_pg) /* a COMMIT that it had sent may come to its end after it; until then it holds the lock */
            postgres_run(&cluster, "stox", "SELECT pg_advisory_xact_lock(1400139640)");
        rig_load(s, 0, &text);
        found = strtoull(text.p, NULL, 10);
        assert_in_range(found, last, last + 1);
        rig_audit(s, &q, &text);
        assert_int_equal(strtoull(text.p, NULL, 10), found);
        store_close(s);
        check_file(&p);
        place_remove(&p);
        buf_free(&text);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_while_it_is_made_the_store_is_made_again),
        cmocka_unit_test(killed_at_any_statement_it_is_old_or_new),
        cmocka_unit_test(a_fault_at_any_statement_leaves_old_or_new_as_the_result_says),
        cmocka_unit_test(what_was_acknowledged_is_there_after_sigkill),
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
