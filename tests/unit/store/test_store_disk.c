/* A disk that fails at one call or from one call on: what the store says is what is there afterwards, also after a crash. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_rig.h"

/* ---- the disk ---- */

enum call { CALL_WRITE, CALL_SYNC, N_CALLS };

struct bad_disk {
    bool armed, for_ever, fired;
    enum call call;
    unsigned at, n; /* the call that fails, and how many there were */
    int error;
};

static struct bad_disk disk;

static bool fails(enum call call)
{
    unsigned n;

    if (!disk.armed || call != disk.call)
        return false;
    n = disk.n++;
    if (n < disk.at || (n > disk.at && !disk.for_ever))
        return false;
    disk.fired = true;
    errno = disk.error;
    return true;
}

/* These stand before libc's: SQLite calls them. */
ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at);
int fdatasync(int fd);
int fsync(int fd);

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return fails(CALL_WRITE) ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, p, n, at);
}

int fdatasync(int fd)
{
    return fails(CALL_SYNC) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return fails(CALL_SYNC) ? -1 : (int)syscall(SYS_fsync, fd);
}

/* ---- a change on it ---- */

static enum store_result change(struct store *s, uint64_t seq, const char *body, struct err *err)
{
    const struct store_write w = rig_write("partner", "a.example", NULL, body);

    return rig_commit(s, seq, &w, 1, err);
}

#define FIRED 16

/* In a child that ends without closing anything, as a crash would: what the store said. */
static int change_in_child(const struct place *p, const struct bad_disk *plan, const char *body)
{
    int status;
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        struct store *s = place_open(p);
        struct err err = { "" };
        enum store_result result;

        disk = *plan;
        disk.armed = true;
        result = change(s, 1, body, &err);
        disk.armed = false;
        if (result != STORE_OK && !err.text[0])
            _exit(99);
        _exit((int)result + (disk.fired ? FIRED : 0));
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void check_afterwards(const struct place *p, const struct bad_disk *plan, enum store_result said)
{
    struct store *s = place_open(p);
    uint64_t head = rig_head(s);
    struct err err = { "" };

    if ((said == STORE_OK && head != 2) || (said != STORE_OK && said != STORE_AWAY && head != 1))
        fail_msg("call %d number %u%s, error %d: the store said %d, but stands at %llu", plan->call, plan->at,
                 plan->for_ever ? " and further" : "", plan->error, said, (unsigned long long)head);
    assert_in_range(head, 1, 2);
    assert_int_equal(change(s, head, "{}", &err), STORE_OK);
    store_close(s);
}

/* False when the change needed fewer calls. */
static bool try_plan(const struct bad_disk *plan, const char *body, unsigned said[8])
{
    struct err err = { "" };
    struct place p;
    struct store *s;
    int code;

    place_make(&p, NULL);
    s = place_open(&p);
    assert_int_equal(change(s, 0, "{}", &err), STORE_OK);
    store_close(s);
    code = change_in_child(&p, plan, body);
    assert_in_range(code & ~FIRED, STORE_OK, STORE_FAULT);
    check_afterwards(&p, plan, (enum store_result)(code & ~FIRED));
    said[code & ~FIRED]++;
    place_remove(&p);
    return (code & FIRED) != 0;
}

static void what_the_store_says_of_a_failing_disk_is_true(void **state)
{
    static const int errors[] = { EIO, ENOSPC };
    char body[20000];
    unsigned said[8] = { 0 };

    memset(body, 'x', sizeof(body) - 1);
    body[sizeof(body) - 1] = '\0';
    for (unsigned i = 0; i < 2 * 2 * N_CALLS; i++) {
        struct bad_disk plan = { .call = i % N_CALLS, .for_ever = i / N_CALLS % 2, .error = errors[i / N_CALLS / 2] };

        while (try_plan(&plan, body, said))
            plan.at++;
        assert_true(plan.at > 0);
    }
    assert_true(said[STORE_FULL] > 0 && said[STORE_FAULT] > 0);
    assert_true(said[STORE_OK] >= 2 * 2 * N_CALLS);
}

/* The same store goes on once the disk is well again, without being opened anew. */
static void a_store_goes_on_when_its_disk_is_well_again(void **state)
{
    for (unsigned at = 0, fired = 1; fired; at++) {
        struct err err = { "" };
        enum store_result result;
        struct place p;
        struct store *s;

        place_make(&p, NULL);
        s = place_open(&p);
        assert_int_equal(change(s, 0, "{}", &err), STORE_OK);
        disk = (struct bad_disk){ .armed = true, .for_ever = true, .call = CALL_SYNC, .at = at, .error = EIO };
        result = change(s, 1, "{}", &err);
        disk.armed = false;
        fired = disk.fired;
        if (result == STORE_AWAY)
            assert_non_null(strstr(err.text, "whether it was written is unknown"));
        assert_int_equal(change(s, rig_head(s), "{}", &err), STORE_OK);
        store_close(s);
        place_remove(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_store_says_of_a_failing_disk_is_true),
        cmocka_unit_test(a_store_goes_on_when_its_disk_is_well_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
