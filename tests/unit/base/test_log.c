/* At stake: a peer must not be able to forge a log line, and an administrator must be able to read it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static char last[8192];
static unsigned lines;

static void keep(struct log *log, const char *line, size_t n)
{
    assert_true(n < sizeof(last));
    memcpy(last, line, n);
    last[n] = '\0';
    lines++;
}

static struct log plain_log(void)
{
    return (struct log){ .level = LOG_LEVEL_INFO, .write = keep };
}

static void quotes_and_escapes_values(void **state)
{
    static const struct {
        struct slice in;
        const char *out;
    } cases[] = {
        { { "alice", 5 }, "alice" },
        { { "sip:alice@contoso.example;transport=tls", 39 }, "sip:alice@contoso.example;transport=tls" },
        { { "[2001:db8::1]:5060", 18 }, "[2001:db8::1]:5060" },
        { { NULL, 0 }, "\"\"" },
        { { "two words", 9 }, "\"two words\"" },
        { { "a\"b", 3 }, "\"a\\\"b\"" },
        { { "a\\b", 3 }, "\"a\\\\b\"" },
        { { "x\ninfo forged=1", 15 }, "\"x\\x0ainfo forged=1\"" },
        { { "\0\x1b[2J\x7f", 6 }, "\"\\x00\\x1b[2J\\x7f\"" },
        { { "gr\xC3\xBC\xC3\x9F", 6 }, "\"gr\\xc3\\xbc\\xc3\\x9f\"" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct log log = plain_log();
        char want[200];

        log_info(&log, "event-name", LOG_S("key", cases[i].in), LOG_U("n", UINT64_MAX));
        snprintf(want, sizeof(want), "info event-name key=%s n=18446744073709551615\n", cases[i].out);
        assert_string_equal(last, want);
    }
}

static void levels(void **state)
{
    struct log log = plain_log();

    lines = 0;
    log_debug(&log, "hidden", LOG_U("n", 1));
    log_debug(NULL, "hidden", LOG_U("n", 1));
    assert_int_equal(lines, 0);
    log_warning(&log, "no-fields");
    assert_string_equal(last, "warning no-fields\n");
    log_error(&log, "text", LOG_Z("why", "because"), LOG_Z("null", NULL));
    assert_string_equal(last, "error text why=because null=\"\"\n");
    log.level = LOG_LEVEL_DEBUG;
    log_debug(&log, "shown", LOG_U("n", 0));
    assert_string_equal(last, "debug shown n=0\n");
}

static void long_values_are_cut(void **state)
{
    struct log log = plain_log();
    char value[1000], want[400] = "info e k=";

    memset(value, 'v', sizeof(value));
    log_info(&log, "e", LOG_S("k", slice_of(value, 256)));
    memset(want + 9, 'v', 256);
    memcpy(want + 9 + 256, "\n", 2);
    assert_string_equal(last, want);
    log_info(&log, "e", LOG_S("k", slice_of(value, 257)));
    memcpy(want + 9 + 256, "...\n", 5);
    assert_string_equal(last, want);
}

/* What an administrator is to do stands at the end. */
static void sentences_of_ours_have_more_room(void **state)
{
    struct log log = plain_log();
    char value[770] = "", want[800] = "info e why=";

    memset(value, 'v', 768);
    log_info(&log, "e", LOG_Z("why", value));
    memset(want + 11, 'v', 768);
    memcpy(want + 11 + 768, "\n", 2);
    assert_string_equal(last, want);
    value[768] = 'v';
    log_info(&log, "e", LOG_Z("why", value));
    memcpy(want + 11 + 768, "...\n", 5);
    assert_string_equal(last, want);
}

static void lines_are_bounded_and_whole(void **state)
{
    struct log log = plain_log();
    struct log_field fields[20] = { { 0 } };
    char value[256];

    memset(value, '\n', sizeof(value));
    for (size_t i = 0; i < 19; i++)
        fields[i] = (struct log_field){ .key = "field", .s = slice_of(value, 30 * i) };
    log_line(&log, LOG_LEVEL_INFO, "e", fields);
    assert_true(strlen(last) <= 2048);
    assert_ptr_equal(strchr(last, '\n'), last + strlen(last) - 1);
    assert_string_equal(last + strlen(last) - 6, "\" ...\n"); /* a field is there or it is not */
}

/* The text of a message has more room than other values, and takes none from them. */
static void bodies(void **state)
{
    struct log log = plain_log();
    char value[2000];

    memset(value, '\n', sizeof(value));
    log_info(&log, "message", LOG_Z("id", "1"), LOG_BODY(NULL, slice_of(value, 10)));
    assert_string_equal(last, "info message id=1\n");
    log_info(&log, "message", LOG_Z("id", "1"), LOG_BODY("body", SLICE("a \"b\"\r\n")));
    assert_string_equal(last, "info message id=1 body=\"a \\\"b\\\"\\x0d\\x0a\"\n");
    log_info(&log, "message", LOG_S("to", slice_of(value, 256)), LOG_BODY("body", slice_of(value, 1001)));
    assert_int_equal(strlen(last), strlen("info message to=\"\" body=\"...\"\n") + 4 * 256 + 4 * 1000);
    assert_string_equal(last + strlen(last) - 9, "\\x0a...\"\n");
}

static void stamps(void **state)
{
    struct log log = plain_log();
    int n = 0;

    log.stamp = true;
    log_info(&log, "e");
    sscanf(last, "%*4[0-9]-%*2[0-9]-%*2[0-9]T%*2[0-9]:%*2[0-9]:%*2[0-9].%*3[0-9]Z info e%n", &n);
    assert_int_equal(n, 31);
}

/* The journal stamps lines itself; we know it by device and inode (systemd.exec(5)). */
static void knows_the_journal(void **state)
{
    static const char *const not [] = { "", "1", "1:", "x:y", "1:1", "99999999999999999999:1" };
    struct log log;
    struct stat st;
    char stream[64];

    unsetenv("JOURNAL_STREAM");
    log_init(&log);
    assert_true(log.stamp);
    assert_int_equal(log.level, LOG_LEVEL_INFO);
    for (size_t i = 0; i < sizeof(not ) / sizeof(not [0]); i++) {
        setenv("JOURNAL_STREAM", not [i], 1);
        log_init(&log);
        assert_true(log.stamp);
    }
    assert_int_equal(fstat(2, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_init(&log);
    assert_false(log.stamp);
    unsetenv("JOURNAL_STREAM");
}

/* What log_init's writers put on stderr, with the journal's priority prefix (sd-daemon(3)). */
static void writes_to_stderr(void **state)
{
    char got[200], stream[64];
    struct stat st;
    struct log log;
    int pipe_fd[2], kept = dup(2);
    ssize_t n;

    assert_int_equal(pipe(pipe_fd), 0);
    dup2(pipe_fd[1], 2);
    assert_int_equal(fstat(2, &st), 0);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    log_init(&log);
    log_error(&log, "a");
    log_warning(&log, "b");
    log_info(&log, "c");
    unsetenv("JOURNAL_STREAM");
    log_init(&log);
    log.stamp = false;
    log_info(&log, "d");
    dup2(kept, 2);
    close(kept);
    close(pipe_fd[1]);
    n = read(pipe_fd[0], got, sizeof(got) - 1);
    close(pipe_fd[0]);
    assert_true(n > 0);
    got[n] = '\0';
    assert_string_equal(got, "<3>error a\n<4>warning b\n<6>info c\ninfo d\n");
}

static void escapes_for_sentences(void **state)
{
    static const struct {
        const char *in, *out;
        size_t size;
    } cases[] = {
        { "abc", "abc", 4 },    { "abcd", "...", 4 },
        { "abcde", "a...", 5 }, { "a\nb", "a\\x0ab", 7 },
        { "a\nb", "a...", 6 },  { "\n\n", "\\x0a...", 8 },
        { "\\", "\\\\", 3 },    { "say \"x\"", "say \"x\"", 20 },
        { "", "", 1 },          { "a", "", 1 },
        { "ab", "", 2 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[32];

        memset(out, 'Z', sizeof(out));
        log_escape(out, cases[i].size, slice_str(cases[i].in));
        assert_string_equal(out, cases[i].out);
        assert_int_equal(out[cases[i].size], 'Z');
    }
    log_escape(NULL, 0, SLICE("x"));
}

static void limits_what_peers_can_cause(void **state)
{
    struct log_limit l = { 0 };
    unsigned held = 99;

    assert_true(log_allowed(&l, 5, 2, &held));
    assert_int_equal(held, 0);
    assert_true(log_allowed(&l, 6, 2, &held));
    for (int i = 0; i < 7; i++)
        assert_false(log_allowed(&l, 9999, 2, &held));
    assert_true(log_allowed(&l, 10000, 2, &held));
    assert_int_equal(held, 7);
    assert_true(log_allowed(&l, 10001, 2, NULL));
    assert_false(log_allowed(&l, 10001, 0, &held));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quotes_and_escapes_values),
        cmocka_unit_test(levels),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(sentences_of_ours_have_more_room),
        cmocka_unit_test(lines_are_bounded_and_whole),
        cmocka_unit_test(bodies),
        cmocka_unit_test(stamps),
        cmocka_unit_test(knows_the_journal),
        cmocka_unit_test(writes_to_stderr),
        cmocka_unit_test(escapes_for_sentences),
        cmocka_unit_test(limits_what_peers_can_cause),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
