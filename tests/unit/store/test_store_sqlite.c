/* What is particular about a store in a file: whose it is, who may read it, and what becomes of it on a bad disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_rig.h"

static int set_up(void **state)
{
    struct place *p = calloc(1, sizeof(*p));

    place_make(p, NULL);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    place_remove(*state);
    free(*state);
    return 0;
}

static void put(struct store *s, uint64_t seq, const char *body)
{
    const struct store_write w = rig_write("partner", "a.example", NULL, body);
    struct err err = { "" };

    if (rig_commit(s, seq, &w, 1, &err) != STORE_OK)
        fail_msg("%s", err.text);
}

static void run(const char *file, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static bool is_intact(const char *file)
{
    sqlite3_stmt *st = NULL;
    sqlite3 *db;
    bool ok = false;

    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, "PRAGMA integrity_check", -1, &st, NULL) == SQLITE_OK && sqlite3_step(st) == SQLITE_ROW)
        ok = strcmp((const char *)sqlite3_column_text(st, 0), "ok") == 0;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return ok;
}

/* The sentence with which opening fails. */
static void refuses(const char *url, const char *says)
{
    const struct store_conf conf = { .url = url };
    struct err err = { "" };
    struct store *s = store_open(&conf, &err);

    if (s || !strstr(err.text, says))
        fail_msg("expected \"%s\", got \"%s\"", says, s ? "opened" : err.text);
}

struct bytes {
    char *p;
    size_t n;
};

static struct bytes read_file(const char *path)
{
    struct bytes b = { NULL, 0 };
    FILE *f = fopen(path, "rb");
    struct stat st;

    if (f && fstat(fileno(f), &st) == 0) {
        b.p = malloc((size_t)st.st_size + 1);
        b.n = fread(b.p, 1, (size_t)st.st_size, f);
    }
    if (f)
        fclose(f);
    return b;
}

static void write_file(const char *path, const char *p, size_t n)
{
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(p, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static unsigned mode_of(const struct place *p, const char *suffix)
{
    char path[120];
    struct stat st;

    snprintf(path, sizeof(path), "%s%s", p->file, suffix);
    if (stat(path, &st))
        fail_msg("%s: %s", path, strerror(errno));
    return st.st_mode & 0777;
}

/* ---- whose ---- */

static void only_the_owner_can_read_it(void **state)
{
    struct place *p = *state;
    mode_t before = umask(0);

    for (unsigned i = 0; i < 2; i++) {
        struct store *s = place_open(p);

        put(s, i, "{}");
        assert_int_equal(mode_of(p, ""), 0600);
        assert_int_equal(mode_of(p, "-wal"), 0600);
        assert_int_equal(mode_of(p, "-shm"), 0600);
        store_close(s);
        assert_int_equal(chmod(p->file, 0644), 0);
    }
    umask(before);
}

static void what_another_program_made_is_refused_and_left_as_it_is(void **state)
{
    static const char *const made_by[] = { "CREATE TABLE t (a)", "PRAGMA application_id = 7",
                                           "PRAGMA user_version = 1" };
    struct place *p = *state;

    for (size_t i = 0; i < sizeof(made_by) / sizeof(made_by[0]); i++) {
        struct bytes before, after;

        unlink(p->file);
        run(p->file, made_by[i]);
        before = read_file(p->file);
        refuses(p->url, "is no store of Stox: it is a database of another program");
        after = read_file(p->file);
        assert_int_equal(before.n, after.n);
        assert_memory_equal(before.p, after.p, before.n);
        free(before.p);
        free(after.p);
    }
    write_file(p->file, "state-dir = \"/var/lib/stox\"\n", 28);
    refuses(p->url, "is no store of Stox: it is no SQLite database");
}

static void an_empty_file_becomes_a_store(void **state)
{
    struct place *p = *state;
    struct store *s;

    write_file(p->file, "", 0);
    s = place_open(p);
    put(s, 0, "{}");
    store_close(s);
}

static void a_newer_schema_is_refused(void **state)
{
    struct place *p = *state;

    store_close(place_open(p));
    run(p->file, "PRAGMA user_version = 7");
    refuses(p->url, "the store was made by a newer Stox (schema 7, this one knows 3): install that version or restore");
}

static void a_bad_place_is_named(void **state)
{
    struct place *p = *state;
    char url[200];

    refuses("sqlite:stox.db", "no absolute path");
    refuses("sqlite:", "no absolute path");
    refuses("mysql://root:secret@db.example/", "begins neither with \"sqlite:/\" nor with \"postgresql://\"");
    refuses("sqlite:/nonexistent/stox.db", "/nonexistent/stox.db cannot be made: No such file or directory");
    snprintf(url, sizeof(url), "sqlite:%s", p->dir);
    refuses(url, "cannot be opened");
}

static void drop_root(void)
{
    if (getuid() == 0 && (setgroups(0, NULL) || setgid(65534) || setuid(65534)))
        _exit(1);
}

static void what_is_not_permitted_is_named(void **state)
{
    struct place *p = *state;
    int status;
    pid_t pid;

    store_close(place_open(p));
    assert_int_equal(chmod(p->file, 0444), 0);
    assert_int_equal(chmod(p->dir, 0755), 0);
    pid = fork();
    if (pid == 0) {
        drop_root();
        refuses(p->url, "cannot be written: the file or its file system is read-only");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(p->dir, 0), 0);
    pid = fork();
    if (pid == 0) {
        drop_root();
        refuses(p->url, "Permission denied");
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_int_equal(chmod(p->dir, 0700), 0);
}

/* Processes that start at once on a place where nothing is yet. */
static void many_can_make_it_at_once(void **state)
{
    struct place *p = *state;

    place_open_at_once(p, 8);
    store_close(place_open(p));
}

/* ---- others in the way ---- */

static void a_lock_of_another_process_is_named_and_passes(void **state)
{
    const struct store_write w = rig_write("partner", "a.example", NULL, "{}");
    struct place *p = *state;
    struct store *s = place_open(p);
    struct err err = { "" };
    sqlite3 *other;

    assert_int_equal(sqlite3_open(p->file, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(rig_commit(s, 0, &w, 1, &err), STORE_AWAY);
    assert_non_null(strstr(err.text, "nothing was changed: the store"));
    assert_non_null(strstr(err.text, "is locked by another process"));
    assert_int_equal(sqlite3_exec(other, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(rig_commit(s, 0, &w, 1, &err), STORE_OK);
    sqlite3_close(other);
    store_close(s);
}

static void a_file_that_was_moved_away_takes_no_changes(void **state)
{
    const struct store_write w = rig_write("partner", "a.example", NULL, "{}");
    struct place *p = *state;
    struct store *s = place_open(p);
    struct err err = { "" };
    char other[120];

    snprintf(other, sizeof(other), "%s.old", p->file);
    assert_int_equal(rename(p->file, other), 0);
    assert_int_equal(rig_commit(s, 0, &w, 1, &err), STORE_FAULT);
    assert_non_null(strstr(err.text, "was moved away or deleted"));
    assert_int_equal(rename(other, p->file), 0);
    assert_int_equal(rig_commit(s, 0, &w, 1, &err), STORE_OK);
    store_close(s);
}

static void a_damaged_file_is_named(void **state)
{
    struct place *p = *state;
    struct store *s = place_open(p);
    struct err err = { "" };
    struct bytes b;

    put(s, 0, "{}");
    store_close(s);
    b = read_file(p->file);
    memset(b.p + 100, 0xa5, b.n - 100);
    write_file(p->file, b.p, b.n);
    free(b.p);
    s = store_open(&(struct store_conf){ .url = p->url }, &err);
    assert_null(s);
    assert_non_null(strstr(err.text, "is damaged"));
    assert_non_null(strstr(err.text, "restore the backup"));
}

/* ---- torn writes ---- */

enum tear { TEAR_CUT, TEAR_ZERO, TEAR_NOISE, TEAR_BLOCK, N_TEARS };

/* The log as a power failure may leave it: what was written after at is missing, empty, or something else. */
static void tear(char *p, size_t *n, size_t at, enum tear how)
{
    size_t end = how == TEAR_BLOCK && at + 512 < *n ? at + 512 : *n;

    if (how == TEAR_CUT) {
        *n = at;
        return;
    }
    for (size_t i = at; i < end; i++)
        p[i] = how == TEAR_ZERO ? 0 : (char)(i * 2654435761u >> 11);
}

#define TORN_STATES 3

/* What the store holds after change number n, and its audit. */
static void check_state(struct store *s, unsigned n)
{
    const struct store_audit_query q = { .limit = 10 };
    char expected[100], *at;
    struct buf text;

    buf_init(&text, 1u << 20);
    rig_load(s, 0, &text);
    snprintf(expected, sizeof(expected), "%u; partner/a.example@%u={\"n\":%u}", n, n, n);
    assert_string_equal(text.p, expected);
    rig_audit(s, &q, &text);
    at = text.p;
    for (; n; n--) {
        snprintf(expected, sizeof(expected), "%u.1 new partner/a.example ->{\"n\":%u}; ", n, n);
        assert_memory_equal(at, expected, strlen(expected));
        at += strlen(expected);
    }
    assert_string_equal(at, "");
    buf_free(&text);
}

static void put_state(struct store *s, unsigned n)
{
    char body[20];

    snprintf(body, sizeof(body), "{\"n\":%u}", n);
    put(s, n - 1, body);
}

static void check_torn(const struct place *image, unsigned found[TORN_STATES + 1])
{
    struct store *s = place_open(image);
    struct buf text;
    unsigned long n;

    buf_init(&text, 1u << 20);
    rig_load(s, 0, &text);
    n = strtoul(text.p, NULL, 10);
    assert_in_range(n, 1, TORN_STATES);
    check_state(s, (unsigned)n);
    found[n]++;
    put_state(s, (unsigned)n + 1);
    check_state(s, (unsigned)n + 1);
    store_close(s);
    assert_true(is_intact(image->file));
    buf_free(&text);
}

static void check_tear(struct bytes base, struct bytes wal, size_t at, enum tear how, unsigned found[TORN_STATES + 1])
{
    char *torn = malloc(wal.n + 1);
    struct place image;
    char log[120];
    size_t n = wal.n;

    place_make(&image, NULL);
    memcpy(torn, wal.p, wal.n);
    tear(torn, &n, at, how);
    snprintf(log, sizeof(log), "%s-wal", image.file);
    write_file(image.file, base.p, base.n);
    write_file(log, torn, n);
    check_torn(&image, found);
    place_remove(&image);
    free(torn);
}

/* The first change is in the file, the others in the log. */
static void a_torn_log_gives_one_of_the_states_that_were(void **state)
{
    struct place *p = *state;
    unsigned found[TORN_STATES + 1] = { 0 };
    struct bytes base, wal;
    struct store *s = place_open(p);
    char log[120];

    put_state(s, 1);
    store_close(s);
    s = place_open(p);
    for (unsigned n = 2; n <= TORN_STATES; n++)
        put_state(s, n);
    snprintf(log, sizeof(log), "%s-wal", p->file);
    base = read_file(p->file);
    wal = read_file(log);
    store_close(s);
    assert_true(wal.n > 8192);
    for (size_t at = 0; at < wal.n; at += 512)
        for (unsigned how = 0; how < N_TEARS; how++)
            check_tear(base, wal, at, how, found);
    check_tear(base, wal, wal.n, TEAR_CUT, found);
    for (unsigned n = 1; n <= TORN_STATES; n++)
        assert_true(found[n] > 0);
    free(base.p);
    free(wal.p);
}

/* ---- a full disk ---- */

/* With each amount of room: the result is OK or FULL and the state is what it says. Then there is room again. */
static void change_with_little_room(const struct place *p, const char *body)
{
    const struct store_write w = rig_write("partner", "a.example", NULL, body);
    struct store *s = place_open(p);
    unsigned n_full = 0, n_ok = 0;
    char ballast[120];
    struct buf text;
    uint64_t seq = 0;

    buf_init(&text, 1u << 20);
    snprintf(ballast, sizeof(ballast), "%s/ballast", p->dir);
    for (size_t leave = 0; leave <= 60 * 4096; leave += 4096) {
        struct err err = { "" };
        enum store_result result;

        rig_fill_disk(ballast, leave);
        result = rig_commit(s, seq, &w, 1, &err);
        if (result != STORE_OK && (result != STORE_FULL || !strstr(err.text, "the disk is full: make room")))
            fail_msg("with %zu bytes: %d %s", leave, result, err.text);
        seq += result == STORE_OK;
        n_full += result == STORE_FULL;
        n_ok += result == STORE_OK;
        rig_load(s, 0, &text);
        assert_int_equal(strtoull(text.p, NULL, 10), seq);
        assert_int_equal(unlink(ballast), 0);
        if (leave % (16 * 4096) == 0) {
            assert_int_equal(rig_commit(s, seq, &w, 1, &err), STORE_OK);
            seq++;
        }
    }
    store_close(s);
    assert_true(is_intact(p->file));
    if (n_full < 4 || n_ok < 4)
        fail_msg("%u times full, %u times not", n_full, n_ok);
    buf_free(&text);
}

static void open_without_room(const struct place *p)
{
    char ballast[120];

    snprintf(ballast, sizeof(ballast), "%s/ballast", p->dir);
    rig_fill_disk(ballast, 0);
    refuses(p->url, "the disk is full: make room");
    assert_int_equal(unlink(ballast), 0);
    store_close(place_open(p));
}

static void open_read_only(const struct place *p)
{
    if (mount(NULL, p->dir, NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL))
        fail_msg("remount: %s", strerror(errno));
    refuses(p->url, "read-only");
}

static void a_full_disk_refuses_changes_until_there_is_room(void **state)
{
    struct place *p = *state;
    char *body = malloc(20000);
    int status;
    pid_t pid = fork();

    memset(body, 'x', 19999);
    body[19999] = '\0';
    if (pid == 0) {
        alarm(250);
        rig_small_disk(p->dir, "size=16m");
        store_close(place_open(p));
        open_without_room(p);
        change_with_little_room(p, body);
        open_read_only(p);
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    free(body);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(only_the_owner_can_read_it),
        T(what_another_program_made_is_refused_and_left_as_it_is),
        T(an_empty_file_becomes_a_store),
        T(a_newer_schema_is_refused),
        T(a_bad_place_is_named),
        T(what_is_not_permitted_is_named),
        T(many_can_make_it_at_once),
        T(a_lock_of_another_process_is_named_and_passes),
        T(a_file_that_was_moved_away_takes_no_changes),
        T(a_damaged_file_is_named),
        T(a_torn_log_gives_one_of_the_states_that_were),
        T(a_full_disk_refuses_changes_until_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
