/* Frames of the link: one way to write each, and nothing else is taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "link/frame.h"

#define BYTES_MAX (2 * LINK_FRAME_MAX)

static char filler[LINK_FRAME_MAX];

/* ---- every frame of the table, with every field at either end of its bounds ---- */

static uint64_t number_at(bool greatest, uint64_t least, uint64_t most)
{
    return greatest ? most : least;
}

static struct slice bytes_at(bool greatest, uint64_t least, uint64_t most)
{
    return slice_of(filler, greatest ? most : least);
}

#define FILL_U8 number_at
#define FILL_U16 number_at
#define FILL_U32 number_at
#define FILL_U64 number_at
#define FILL_FLAG number_at
#define FILL_TEXT bytes_at
#define FILL_DATA bytes_at
#define SAME_U8(x, y) ((x) == (y))
#define SAME_U16 SAME_U8
#define SAME_U32 SAME_U8
#define SAME_U64 SAME_U8
#define SAME_FLAG SAME_U8
#define SAME_TEXT(x, y) slice_eq(x, y)
#define SAME_DATA SAME_TEXT

#define FILL(T, kind, name, least, most) f.T.name = FILL_##kind(greatest, least, most);
#define SAME(T, kind, name, least, most) assert_true(SAME_##kind(f.T.name, back.frame.T.name));

static void round_trip(const struct link_frame *frame, enum link_sender sender, bool numbered, struct link_read *back,
                       struct buf *out)
{
    enum link_role role = sender & LINK_FROM_GATEWAY ? LINK_GATEWAY : LINK_PROXY;

    buf_clear(out);
    assert_true(link_frame_write(out, frame));
    assert_in_range(out->n, 5, LINK_FRAME_MAX);
    assert_int_equal(link_frame_read(buf_slice(out), role, back), LINK_FINE);
    assert_int_equal(back->frame.type, frame->type);
    assert_int_equal(back->n, out->n);
    assert_int_equal(back->numbered, numbered);
    assert_int_equal(link_frame_is_numbered(frame->type), numbered);
    assert_string_equal(back->type, link_frame_name(frame->type));
    if (sender != LINK_EITHER)
        assert_int_equal(link_frame_read(buf_slice(out), !role, back), LINK_WRONG_WAY);
    assert_int_equal(link_frame_read(buf_slice(out), role, back), LINK_FINE);
}

static void each_frame_comes_back_as_it_was_at_both_ends_of_its_bounds(void **state)
{
    struct link_read back;
    struct buf out;

    memset(filler, 'x', sizeof(filler));
    buf_init(&out, BYTES_MAX);
    for (int greatest = 0; greatest < 2; greatest++) {
#define ROUND_TRIP(type_, NAME, member, sender, numbered)                                                              \
    {                                                                                                                  \
        struct link_frame f = { .type = LINK_##NAME };                                                                 \
        LINK_FIELDS_##NAME(FILL, member) round_trip(&f, sender, numbered, &back, &out);                                \
        LINK_FIELDS_##NAME(SAME, member)                                                                               \
    }
        LINK_FRAMES(ROUND_TRIP)
    }
    buf_free(&out);
}

/* ---- the wire: these bytes are what other releases send ---- */

#define ZEROES16 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

static void what_is_on_the_wire_is_what_the_table_says(void **state)
{
    static const char hello[] = "\0\0\0\x41\x01"
                                "\0\0\0\x09stox-link"
                                "\0\x01\0\x03"
                                "\x01"
                                "\0\0\0\x10" ZEROES16 "\0\0\0\0"
                                "\0\0\0\0\0\0\x01\x02"
                                "\0"
                                "\0\0\0\x05"
                                "edge1"
                                "\0\0\0\0";
    static const char send[] = "\0\0\0\x36\x20"
                               "\0\0\0\0\0\0\0\x07"
                               "\x01"
                               "\0\0\0\0\0\0\x03\xe8"
                               "\0\0\0\x09"
                               "a.example"
                               "\0\0\0\x09"
                               "b.example"
                               "\0\0\0\x06"
                               "<x\n/>\xff"; /* a stanza may be anything: it is read as XML later */
    struct link_frame frames[] = {
        { .type = LINK_HELLO,
          .hello = { .magic = SLICE("stox-link"),
                     .version_least = 1,
                     .version_greatest = 3,
                     .role = LINK_PROXY,
                     .process = SLICE(ZEROES16),
                     .taken = 258,
                     .name = SLICE("edge1") } },
        { .type = LINK_SEND,
          .send = { .id = 7,
                    .awaited = true,
                    .until_ms = 1000,
                    .local = SLICE("a.example"),
                    .remote = SLICE("b.example"),
                    .stanza = SLICE("<x\n/>\xff") } },
    };
    const struct slice bytes[] = { slice_of(hello, sizeof(hello) - 1), slice_of(send, sizeof(send) - 1) };
    struct buf out;

    buf_init(&out, BYTES_MAX);
    for (size_t i = 0; i < 2; i++) {
        buf_clear(&out);
        assert_true(link_frame_write(&out, &frames[i]));
        assert_int_equal(out.n, bytes[i].n);
        assert_memory_equal(out.p, bytes[i].p, out.n);
    }
    buf_free(&out);
}

/* ---- what is refused ---- */

#define FATE(id, fate, written, why) "\0\0\0\0\0\0\0" id fate written why

static void what_cannot_be_a_frame_is_refused_by_name(void **state)
{
    static const struct {
        struct slice bytes;
        enum link_role sender;
        enum link_fault fault;
        const char *text;
    } cases[] = {
        { SLICE(""), LINK_PROXY, LINK_MORE, NULL },
        { SLICE("\0\0\0"), LINK_PROXY, LINK_MORE, NULL },
        { SLICE("\0\0\0\x0e"), LINK_PROXY, LINK_MORE, NULL },
        { SLICE("\0\0\0\x00"), LINK_PROXY, LINK_EMPTY, "a frame: it is empty" },
        { SLICE("\0\x05\0\0"), LINK_PROXY, LINK_TOO_LONG, "a frame: it is longer than any such frame may be" },
        { SLICE("\xff\xff\xff\xff"), LINK_PROXY, LINK_TOO_LONG, NULL },
        { SLICE("\0\0\0\x02\x00"), LINK_PROXY, LINK_UNKNOWN, "a frame: its type is unknown" },
        { SLICE("\0\0\0\x02\x06"), LINK_PROXY, LINK_UNKNOWN, NULL },
        { SLICE("\0\0\0\x02\xff"), LINK_PROXY, LINK_UNKNOWN, NULL },
        { SLICE("\0\0\0\x09\x24\0\0\0\0\0\0\0\x01"), LINK_PROXY, LINK_WRONG_WAY, "HANDLED: this end may not send it" },
        { SLICE("\0\0\0\x09\x24\0\0\0\0\0\0\0\x01"), LINK_GATEWAY, LINK_FINE, NULL },
        { SLICE("\0\0\0\x0a\x24"), LINK_GATEWAY, LINK_TOO_LONG, "HANDLED: it is longer than any such frame may be" },
        { SLICE("\0\0\0\x08\x24\0\0\0\0\0\0\0"), LINK_GATEWAY, LINK_TOO_SHORT,
          "HANDLED, receipt: it ends before its last field" },
        { SLICE("\0\0\0\x09\x24\0\0\0\0\0\0\0\0"), LINK_GATEWAY, LINK_OUT_OF_RANGE,
          "HANDLED, receipt: a value or a length is out of its bounds" },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\0\0\0\x01!")), LINK_PROXY, LINK_FINE, NULL },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x02", "\0\0\0\x01!")), LINK_PROXY, LINK_OUT_OF_RANGE,
          "FATE, written: a value or a length is out of its bounds" },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x09", "\x00", "\0\0\0\x01!")), LINK_PROXY, LINK_OUT_OF_RANGE,
          "FATE, fate: a value or a length is out of its bounds" },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\0\0\0\x02!")), LINK_PROXY, LINK_TOO_SHORT,
          "FATE, why: it ends before its last field" },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\0\0\0\x00!")), LINK_PROXY, LINK_LEFT_OVER,
          "FATE: there are bytes behind its last field" },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\xff\xff\xff\xff!")), LINK_PROXY, LINK_OUT_OF_RANGE,
          NULL },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\0\0\0\x01\n")), LINK_PROXY, LINK_NO_TEXT,
          "FATE, why: a text has control characters, or is not UTF-8" },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\0\0\0\x01\x80")), LINK_PROXY, LINK_NO_TEXT, NULL },
        { SLICE("\0\0\0\x10\x22" FATE("\x01", "\x00", "\x01", "\0\0\0\x01!") "\0\0\0\x00"), LINK_PROXY, LINK_FINE,
          NULL }, /* what is behind it is the next one's fault */
    };
    char text[LINK_FAULT_TEXT];
    struct link_read r;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum link_fault fault = link_frame_read(cases[i].bytes, cases[i].sender, &r);

        if (fault != cases[i].fault)
            fail_msg("case %zu: %s", i, link_fault_text(fault, &r, text));
        if (cases[i].text)
            assert_string_equal(link_fault_text(fault, &r, text), cases[i].text);
    }
}

static struct slice some_stanza(struct buf *out)
{
    static const struct link_frame f = { .type = LINK_STANZA,
                                         .stanza = { .receipt = 1u << 31,
                                                     .local = { "contoso.example", 15 },
                                                     .remote = { "b\xc3\xbc"
                                                                 "cher.example",
                                                                 14 },
                                                     .lang = { "de", 2 },
                                                     .stanza = { "<message/>", 10 } } };

    assert_true(link_frame_write(out, &f));
    return buf_slice(out);
}

static void a_frame_that_is_cut_is_waited_for(void **state)
{
    struct link_read r;
    struct slice all;
    struct buf out;

    buf_init(&out, BYTES_MAX);
    all = some_stanza(&out);
    for (size_t n = 0; n < all.n; n++) {
        char *exact = malloc(n + 1); /* so that one byte too far is seen */

        memcpy(exact, all.p, n);
        exact = realloc(exact, n ? n : 1);
        assert_int_equal(link_frame_read(slice_of(exact, n), LINK_PROXY, &r), LINK_MORE);
        free(exact);
    }
    assert_int_equal(link_frame_read(all, LINK_PROXY, &r), LINK_FINE);
    buf_free(&out);
}

static void whatever_is_taken_is_written_again_to_the_same_bytes(void **state)
{
    struct buf out, again;
    struct link_read r;
    size_t n_taken = 0;

    buf_init(&out, BYTES_MAX);
    buf_init(&again, BYTES_MAX);
    some_stanza(&out);
    for (size_t i = 0; i < out.n; i++)
        for (int bit = 0; bit < 8; bit++) {
            out.p[i] ^= (char)(1 << bit);
            if (link_frame_read(buf_slice(&out), LINK_PROXY, &r) == LINK_FINE) {
                n_taken++;
                buf_clear(&again);
                assert_true(link_frame_write(&again, &r.frame));
                assert_int_equal(again.n, r.n);
                assert_memory_equal(again.p, out.p, r.n);
            }
            out.p[i] ^= (char)(1 << bit);
        }
    assert_in_range(n_taken, 100, out.n * 8); /* changes of names and of the stanza */
    buf_free(&again);
    buf_free(&out);
}

static void a_frame_that_may_not_be_is_not_written_and_leaves_nothing(void **state)
{
    struct link_frame f[] = {
        { .type = (enum link_type)7 },
        { .type = LINK_HANDLED }, /* receipt 0 */
        { .type = LINK_FATE, .fate = { .id = 1, .fate = LINK_FATE_TAKEN_BACK + 1 } },
        { .type = LINK_FATE, .fate = { .id = 1, .why = slice_of(filler, LINK_WHY_MAX + 1) } },
        { .type = LINK_FATE, .fate = { .id = 1, .why = SLICE("two\nlines") } },
        { .type = LINK_LINKED },
    };
    struct link_frame good = { .type = LINK_HANDLED, .handled.receipt = 5 };
    struct buf out, small;

    memset(filler, 'x', sizeof(filler));
    buf_init(&out, BYTES_MAX);
    assert_true(link_frame_write(&out, &good));
    for (size_t i = 0; i < sizeof(f) / sizeof(f[0]); i++) {
        assert_false(link_frame_write(&out, &f[i]));
        assert_int_equal(out.n, 13);
    }
    assert_true(link_frame_write(&out, &good)); /* what was refused does no harm to the next one */
    assert_int_equal(out.n, 26);
    buf_init(&small, 12);
    assert_false(link_frame_write(&small, &good));
    assert_int_equal(small.n, 0);
    buf_free(&small);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_frame_comes_back_as_it_was_at_both_ends_of_its_bounds),
        cmocka_unit_test(what_is_on_the_wire_is_what_the_table_says),
        cmocka_unit_test(what_cannot_be_a_frame_is_refused_by_name),
        cmocka_unit_test(a_frame_that_is_cut_is_waited_for),
        cmocka_unit_test(whatever_is_taken_is_written_again_to_the_same_bytes),
        cmocka_unit_test(a_frame_that_may_not_be_is_not_written_and_leaves_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
