/* What we write, others must read as we meant it, whatever the values hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sip/writer.h"

static void is(struct buf *b, const char *wanted)
{
    assert_true(buf_ok(b));
    if (!slice_is(buf_slice(b), wanted))
        fail_msg("\"%.*s\" is not \"%s\"", SLICE_FMT(buf_slice(b)), wanted);
    buf_clear(b);
}

static void STOX_IM_44_values_stay_on_their_line(void **state)
{
    struct buf b;

    buf_init(&b, 4096);
    sip_put_header(&b, "Subject", SLICE("x\nRoute: y"));
    is(&b, "Subject: x Route: y\r\n");
    sip_put_header(&b, "Subject", SLICE("x\r\n\r\n\0\x01\x1f\x7f\ty"));
    is(&b, "Subject: x         y\r\n");
    sip_put_header(&b, "Subject", SLICE("\xc3\xbc\x80\xff~ "));
    is(&b, "Subject: \xc3\xbc\x80\xff~ \r\n");
    sip_put_header(&b, "Subject", slice_of(NULL, 0));
    is(&b, "Subject: \r\n");
    sip_put_safe(&b, SLICE("a\r\nb"));
    is(&b, "a  b");
    sip_put_header_u64(&b, "Expires", UINT64_MAX);
    is(&b, "Expires: 18446744073709551615\r\n");
    sip_put_body(&b, SLICE("a\0b\r\n"));
    assert_true(slice_eq(buf_slice(&b), SLICE("Content-Length: 5\r\n\r\na\0b\r\n")));
    buf_free(&b);
}

static void stops_at_the_bound(void **state)
{
    struct buf b;

    buf_init(&b, 16);
    sip_put_header(&b, "Subject", SLICE("0123456789"));
    assert_false(buf_ok(&b));
    sip_put_body(&b, SLICE("x"));
    assert_true(!buf_ok(&b) && b.n <= 16);
    buf_free(&b);
}

static void names_every_status(void **state)
{
    assert_string_equal(sip_reason(100), "Trying");
    assert_string_equal(sip_reason(200), "OK");
    assert_string_equal(sip_reason(481), "Call/Transaction Does Not Exist");
    assert_string_equal(sip_reason(606), "Not Acceptable");
    assert_string_equal(sip_reason(0), "Error");
    assert_string_equal(sip_reason(499), "Error");
}

static uint32_t seed = 1;

static uint32_t below(uint32_t n)
{
    seed = seed * 1664525 + 1013904223;
    return (seed >> 8) % n;
}

static const struct {
    enum sip_header_id id;
    const char *name;
} kinds[] = {
    { SIP_H_OTHER, "X-Other" },   { SIP_H_SUBJECT, "Subject" }, { SIP_H_SUBJECT, "s" },
    { SIP_H_CONTACT, "CONTACT" }, { SIP_H_ROUTE, "route" },     { SIP_H_CONTENT_TYPE, "Content-Type" },
    { SIP_H_EXPIRES, "Expires" }, { SIP_H_WARNING, "Warning" }, { SIP_H_OTHER, "!%*_+`'~" },
};

struct random_header {
    size_t kind;
    char value[64];
    size_t n;
};

/* What a value becomes on its way: controls are spaces, and spaces around it are lost. */
static struct slice expected(struct random_header *h)
{
    for (size_t i = 0; i < h->n; i++) {
        if ((unsigned char)h->value[i] < 0x20 || h->value[i] == 0x7f)
            h->value[i] = ' ';
    }
    return slice_trim(slice_of(h->value, h->n));
}

static void write_random(struct buf *b, struct random_header *headers, size_t n, struct slice body)
{
    bool once = false;

    buf_str(b,
            "MESSAGE sip:c@d SIP/2.0\r\nVia: SIP/2.0/TLS h\r\nf: sip:a@b\r\nt: sip:c@d\r\ni: x\r\nCSeq: 1 MESSAGE\r\n");
    for (size_t i = 0; i < n; i++) {
        headers[i].kind = below(once ? 5 : sizeof(kinds) / sizeof(kinds[0]));
        once = once || headers[i].kind >= 5;
        headers[i].n = below(sizeof(headers[i].value));
        for (size_t k = 0; k < headers[i].n; k++)
            headers[i].value[k] = (char)below(256);
        sip_put_header(b, kinds[headers[i].kind].name, slice_of(headers[i].value, headers[i].n));
    }
    sip_put_body(b, body);
}

/* Reading is the inverse of writing: same number of headers, same values, same body. */
static void STOX_SEC_13_random_messages_read_as_written(void **state)
{
    struct random_header headers[40];
    char bytes[100];
    struct arena arena;
    struct sip_msg m;
    struct buf b;
    const char *fault;
    size_t used;

    for (int round = 0; round < 3000; round++) {
        size_t n = below(40);
        struct slice body = slice_of(bytes, below(sizeof(bytes)));

        for (size_t i = 0; i < body.n; i++)
            bytes[i] = (char)below(256);
        buf_init(&b, 64 * 1024);
        arena_init(&arena, 64 * 1024);
        write_random(&b, headers, n, body);
        assert_true(buf_ok(&b));
        assert_int_equal(sip_msg_parse(&m, &arena, b.p, b.n, true, &used, &fault), SIP_PARSE_OK);
        assert_int_equal(used, b.n);
        assert_int_equal(m.n_headers, n + 6);
        for (size_t i = 0; i < n; i++) {
            const struct sip_header *h = &m.headers[i + 5];

            assert_int_equal(h->id, kinds[headers[i].kind].id);
            assert_true(slice_is(h->name, kinds[headers[i].kind].name));
            assert_true(slice_eq(h->value, expected(&headers[i])));
        }
        assert_true(slice_eq(m.body, body));
        arena_reset(&arena);
        buf_free(&b);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(STOX_IM_44_values_stay_on_their_line),
        cmocka_unit_test(stops_at_the_bound),
        cmocka_unit_test(names_every_status),
        cmocka_unit_test(STOX_SEC_13_random_messages_read_as_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
