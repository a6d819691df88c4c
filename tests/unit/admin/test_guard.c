#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "admin/guard.h"

#define H "Host: a\r\n"

/* Bytes that go on when they come in one piece, and the fault that stops them. */
static size_t run_whole(struct slice in, enum guard_fault *fault)
{
    struct guard g = { 0 };
    size_t at = 0, used = 1;

    *fault = GUARD_OK;
    while (at < in.n && used > 0) {
        used = guard_pass(&g, slice_from(in, at), fault);
        at += used;
    }
    return at;
}

/* The same when they come one by one. */
static size_t run_bytes(struct slice in, enum guard_fault *fault)
{
    struct guard g = { 0 };
    size_t at = 0, end = 1;

    *fault = GUARD_OK;
    while (end <= in.n && *fault == GUARD_OK) {
        size_t used = guard_pass(&g, slice_of(in.p + at, end - at), fault);

        at += used;
        if (used == 0 || at == end)
            end++;
    }
    return at;
}

static const struct {
    const char *text;
    enum guard_fault fault;
    size_t passed;
} cases[] = {
    { "GET / HTTP/1.1\r\n" H "\r\n", GUARD_OK, 27 },
    { "GET / HTTP/1.0\r\n\r\n", GUARD_OK, 18 },
    { "GET / HTTP/1.1\r\n" H, GUARD_OK, 0 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabcGET", GUARD_OK, 50 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nab", GUARD_OK, 49 },
    { "POST / HTTP/1.1\r\n" H "content-LENGTH:3 \r\n\r\nabc", GUARD_OK, 50 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", GUARD_OK, 47 },
    { "GET / HTTP/1.1\r\n" H "\r\nGET / HTTP/1.1\r\n" H "\r\n", GUARD_OK, 54 },
    { "GET / HTTP/1.1\r\n" H "\r\n\r\n", GUARD_MALFORMED, 27 },
    { "GET / HTTP/1.1\n" H "\r\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n" H "\n", GUARD_MALFORMED, 0 },
    { "\r\n", GUARD_MALFORMED, 0 },
    { "\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n" H "A: b\rc\r\n\r\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n" H "A : b\r\n\r\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.1\r\n" H H "\r\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.2\r\n" H "\r\n", GUARD_MALFORMED, 0 },
    { "GET / HTTP/1.1 \r\n" H "\r\n", GUARD_MALFORMED, 0 },
    { "G@T / HTTP/1.1\r\n" H "\r\n", GUARD_MALFORMED, 0 },
    { "GET * HTTP/1.1\r\n" H "\r\n", GUARD_MALFORMED, 0 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\n", GUARD_MALFORMED, 0 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 3,3\r\n\r\n", GUARD_MALFORMED, 0 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551616\r\n\r\n", GUARD_MALFORMED, 0 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 18446744073709551615\r\n\r\n", GUARD_TOO_LARGE, 0 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 16777216\r\n\r\n", GUARD_OK, 54 },
    { "POST / HTTP/1.1\r\n" H "Content-Length: 16777217\r\n\r\n", GUARD_TOO_LARGE, 0 },
    { "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n", GUARD_LENGTH, 0 },
    { "POST / HTTP/1.1\r\n" H "TRANSFER-encoding:\r\n\r\n", GUARD_LENGTH, 0 },
};

static void what_goes_on_and_what_stops(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum guard_fault fault;
        size_t n = run_whole(slice_str(cases[i].text), &fault);

        if (n != cases[i].passed || fault != cases[i].fault)
            fail_msg("case %zu: %zu bytes, fault %d", i, n, (int)fault);
    }
}

static void pieces_do_not_matter(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum guard_fault fault;
        size_t n = run_bytes(slice_str(cases[i].text), &fault);

        if (n != cases[i].passed || fault != cases[i].fault)
            fail_msg("case %zu: %zu bytes, fault %d", i, n, (int)fault);
    }
}

static void a_head_has_a_limit(void **state)
{
    static const char begin[] = "GET / HTTP/1.1\r\nA: ", end[] = "\r\n\r\n";
    char *text = malloc(GUARD_HEAD_MAX + 1);
    enum guard_fault fault;

    assert_non_null(text);
    memset(text, 'a', GUARD_HEAD_MAX + 1);
    memcpy(text, begin, sizeof(begin) - 1);
    memcpy(text + GUARD_HEAD_MAX - 4, end, 4);
    assert_int_equal(run_whole(slice_of(text, GUARD_HEAD_MAX), &fault), GUARD_HEAD_MAX);
    assert_int_equal(fault, GUARD_OK);
    memset(text + GUARD_HEAD_MAX - 4, 'a', 4);
    memcpy(text + GUARD_HEAD_MAX - 3, end, 4);
    assert_int_equal(run_whole(slice_of(text, GUARD_HEAD_MAX + 1), &fault), 0);
    assert_int_equal(fault, GUARD_LONG_HEAD);
    assert_int_equal(run_bytes(slice_of(text, GUARD_HEAD_MAX + 1), &fault), 0);
    assert_int_equal(fault, GUARD_LONG_HEAD);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_on_and_what_stops),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(a_head_has_a_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
