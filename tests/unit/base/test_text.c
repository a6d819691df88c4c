/* At stake: well-formed stanzas from any bytes (STOX-IM-43), and codings that have exactly one reading. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"

/* The reference: what RFC 3629 says, by way of encoding every character. */
static size_t encode(uint32_t ch, char out[4])
{
    struct buf b;
    size_t n;

    buf_init(&b, 4);
    text_put_char(&b, ch);
    n = b.n;
    memcpy(out, b.p, n);
    buf_free(&b);
    return n;
}

static void every_character_goes_there_and_back(void **state)
{
    for (uint32_t ch = 0; ch <= 0x10FFFF; ch++) {
        char bytes[4];
        size_t n = encode(ch, bytes), at = 0;
        uint32_t back = 0;
        bool surrogate = ch >= 0xD800 && ch <= 0xDFFF;

        assert_int_equal(n, ch < 0x80 ? 1 : ch < 0x800 ? 2 : ch < 0x10000 ? 3 : 4);
        if (!text_next(slice_of(bytes, n), &at, &back) || at != n || back != (surrogate ? 0xFFFD : ch))
            fail_msg("U+%04X", ch);
        if (n > 1 && text_is_utf8(slice_of(bytes, n - 1)))
            fail_msg("U+%04X cut", ch);
    }
}

/* All two-byte and three-byte sequences against the ranges of the well-formed table (Unicode table 3-7). */
static bool well_formed(const unsigned char *p, size_t n)
{
    size_t tails;

    if (p[0] < 0x80)
        return n == 1 || well_formed(p + 1, n - 1);
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return false;
    tails = p[0] < 0xE0 ? 1 : p[0] < 0xF0 ? 2 : 3;
    if (n < tails + 1)
        return false;
    if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) || (p[0] == 0xF0 && p[1] < 0x90) ||
        (p[0] == 0xF4 && p[1] > 0x8F))
        return false;
    for (size_t i = 1; i <= tails; i++) {
        if (p[i] < 0x80 || p[i] > 0xBF)
            return false;
    }
    return n == tails + 1 || well_formed(p + tails + 1, n - tails - 1);
}

static void all_short_sequences(void **state)
{
    for (uint32_t v = 0; v < 1u << 24; v++) {
        unsigned char p[4] = { (unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v, 0 };

        if (text_is_utf8(slice_of((char *)p, 3)) != well_formed(p, 3))
            fail_msg("%06x", v);
        if ((v & 0xFF) == 0 && text_is_utf8(slice_of((char *)p, 2)) != well_formed(p, 2))
            fail_msg("%04x", v >> 8);
    }
}

static void four_byte_edges(void **state)
{
    static const unsigned char edges[] = { 0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xFF };

    for (unsigned lead = 0xEE; lead <= 0xFF; lead++) {
        for (size_t i = 0; i < 1000; i++) {
            unsigned char p[4] = { (unsigned char)lead, edges[i / 100], edges[i / 10 % 10], edges[i % 10] };

            assert_int_equal(text_is_utf8(slice_of((char *)p, 4)), well_formed(p, 4));
        }
    }
}

static void a_fault_is_found_at_any_offset(void **state)
{
    char text[40];

    for (size_t n = 1; n <= sizeof(text); n++) {
        for (size_t at = 0; at < n; at++) {
            memset(text, 'a', sizeof(text));
            assert_true(text_is_utf8(slice_of(text, n)));
            text[at] = '\x80';
            assert_false(text_is_utf8(slice_of(text, n)));
        }
    }
    assert_true(text_is_utf8(slice_of(NULL, 0)));
}

static void xml_characters(void **state)
{
    static const struct {
        uint32_t ch;
        bool ok;
    } cases[] = {
        { 0, false },      { 8, false },       { 9, true },         { 10, true },      { 11, false },
        { 12, false },     { 13, true },       { 14, false },       { 0x1F, false },   { 0x20, true },
        { 0x7F, true },    { 0x9F, true },     { 0xD7FF, true },    { 0xD800, false }, { 0xDFFF, false },
        { 0xE000, true },  { 0xFFFD, true },   { 0xFFFE, false },   { 0xFFFF, false }, { 0x10000, true },
        { 0x1FFFE, true }, { 0x10FFFF, true }, { 0x110000, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(text_xml_char(cases[i].ch), cases[i].ok);
}

#define FFFD "\xEF\xBF\xBD"

static void xml_escaping(void **state)
{
    static const struct {
        struct slice in;
        const char *out;
    } cases[] = {
        { { "", 0 }, "" },
        { { "plain", 5 }, "plain" },
        { { "a<b>&c'd\"e", 10 }, "a&lt;b&gt;&amp;c&apos;d&quot;e" },
        { { "]]>", 3 }, "]]&gt;" },
        { { "a\r\nb\rc\n\r", 8 }, "a\nb\nc\n\n" },
        { { "\r", 1 }, "\n" },
        { { "a\0b\x1b"
            "c",
            5 },
          "a" FFFD "b" FFFD "c" },
        { { "\t \x7f", 3 }, "\t \x7f" },
        { { "\xEF\xBF\xBE", 3 }, FFFD },
        { { "\xED\xA0\x80", 3 }, FFFD FFFD FFFD },
        { { "\xC3", 1 }, FFFD },
        { { "x\xF0\x9F\x98", 4 }, "x" FFFD FFFD FFFD },
        { { "\xC3\xA4\xF0\x9F\x98\x80", 6 }, "\xC3\xA4\xF0\x9F\x98\x80" },
        { { "\xC3<", 2 }, FFFD "&lt;" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf b;

        buf_init(&b, 1000);
        text_put_xml(&b, cases[i].in);
        buf_char(&b, '\0');
        assert_string_equal(b.p, cases[i].out);
        buf_free(&b);
    }
}

/* Every byte at every place among its neighbours, and no byte that is none taken for one. */
static void controls_are_found_anywhere(void **state)
{
    static const char others[] = { ' ', 'a', '~', '\x80', '\xff' };
    char text[20];

    for (size_t k = 0; k < sizeof(others); k++)
        for (unsigned c = 0; c < 256; c++)
            for (size_t at = 0; at < sizeof(text); at++) {
                memset(text, others[k], sizeof(text));
                text[at] = (char)c;
                if (text_has_control(slice_of(text, sizeof(text))) != (c < 0x20 || c == 0x7F))
                    fail_msg("%02x at %zu", c, at);
            }
    assert_false(text_has_control(SLICE("")));
}

static void percent(void **state)
{
    struct text_set keep = text_set("-_.");
    struct buf b, back;
    char all[256];
    static const char *const faults[] = { "%", "%4", "a%", "%zz", "%4g", "%%41", "% 41" };

    buf_init(&b, 1000);
    buf_init(&back, 1000);
    text_put_percent(&b, SLICE("aZ9-_.~ /\xC3\xA4%"), &keep);
    assert_true(slice_is(buf_slice(&b), "aZ9-_.%7E%20%2F%C3%A4%25"));
    buf_clear(&b);
    for (int i = 0; i < 256; i++)
        all[i] = (char)i;
    text_put_percent(&b, slice_of(all, 256), &keep);
    assert_true(text_unpercent(&back, buf_slice(&b)));
    assert_true(slice_eq(buf_slice(&back), slice_of(all, 256)));
    buf_clear(&back);
    buf_str(&back, "kept");
    assert_true(text_unpercent(&back, SLICE("%2541%7e+")));
    assert_true(slice_is(buf_slice(&back), "kept%41~+")); /* once, and + is a plus */
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        buf_clear(&back);
        buf_str(&back, "kept");
        assert_false(text_unpercent(&back, slice_str(faults[i])));
        assert_true(slice_is(buf_slice(&back), "kept"));
    }
    buf_free(&b);
    buf_free(&back);
}

static void base64(void **state)
{
    static const struct {
        const char *plain, *coded;
    } vectors[] = { /* RFC 4648 section 10 */
                    { "", "" },
                    { "f", "Zg==" },
                    { "fo", "Zm8=" },
                    { "foo", "Zm9v" },
                    { "foob", "Zm9vYg==" },
                    { "fooba", "Zm9vYmE=" },
                    { "foobar", "Zm9vYmFy" },
                    { "\xFB\xFF\xBF", "+/+/" }
    };
    static const char *const faults[] = { "Z",    "Zg",    "Zg=",   "Zh==",     "Zm9=",      "Zg==Zg==",
                                          "====", "=g==",  "Zg=g",  "Z===",     "Zm 9",      "Zm9v\n",
                                          "Zm-_", "Zm9v=", "Zm9vZ", "Zm9v====", "\xC3\xA4==" };
    struct buf b;

    buf_init(&b, 1000);
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        buf_clear(&b);
        text_put_base64(&b, vectors[i].plain, strlen(vectors[i].plain));
        assert_true(slice_is(buf_slice(&b), vectors[i].coded));
        buf_clear(&b);
        assert_true(text_unbase64(&b, slice_str(vectors[i].coded)));
        assert_true(slice_is(buf_slice(&b), vectors[i].plain));
    }
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        buf_clear(&b);
        buf_str(&b, "kept");
        assert_false(text_unbase64(&b, slice_str(faults[i])));
        assert_true(slice_is(buf_slice(&b), "kept"));
    }
    buf_free(&b);
    buf_init(&b, 2);
    assert_false(text_unbase64(&b, SLICE("Zm9v"))); /* no room */
    assert_false(buf_ok(&b));
    buf_free(&b);
}

static void base64_of_all_bytes(void **state)
{
    struct buf coded, back;
    char all[256];

    buf_init(&coded, 1000);
    buf_init(&back, 1000);
    for (int i = 0; i < 256; i++)
        all[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof(all); n++) {
        buf_clear(&coded);
        buf_clear(&back);
        text_put_base64(&coded, all, n);
        assert_int_equal(coded.n, (n + 2) / 3 * 4);
        assert_true(text_unbase64(&back, buf_slice(&coded)));
        assert_true(slice_eq(buf_slice(&back), slice_of(all, n)));
    }
    buf_free(&coded);
    buf_free(&back);
}

static void the_rest(void **state)
{
    struct buf b;

    buf_init(&b, 100);
    text_put_hex(&b, "\x00\x0f\xa5\xff", 4);
    assert_true(slice_is(buf_slice(&b), "000fa5ff"));
    buf_clear(&b);
    text_put_char(&b, 0x110000);
    text_put_char(&b, UINT32_MAX);
    assert_true(slice_is(buf_slice(&b), FFFD FFFD));
    buf_free(&b);
    assert_true(text_equal_secret(SLICE("same"), SLICE("same")));
    assert_false(text_equal_secret(SLICE("same"), SLICE("samf")));
    assert_false(text_equal_secret(SLICE("same"), SLICE("sam")));
    assert_true(text_equal_secret(SLICE(""), slice_of(NULL, 0)));
}

static void a_part_is_found_in_any_case(void **state)
{
    static const struct {
        const char *text, *wanted;
        bool holds;
    } cases[] = { { "Fabrikam.Example", "fabrikam", true },
                  { "Fabrikam.Example", "m.exam", true },
                  { "Fabrikam", "fabrikam.", false },
                  { "aab", "ab", true },
                  { "", "", true },
                  { "", "a", false },
                  { "B\xc3\xbc"
                    "cher",
                    "\xc3\xbc"
                    "CHER",
                    false } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_int_equal(text_holds(slice_str(cases[i].text), slice_str(cases[i].wanted)), cases[i].holds);
    assert_true(text_holds(slice_of(NULL, 0), SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_character_goes_there_and_back),
        cmocka_unit_test(all_short_sequences),
        cmocka_unit_test(four_byte_edges),
        cmocka_unit_test(a_fault_is_found_at_any_offset),
        cmocka_unit_test(xml_characters),
        cmocka_unit_test(xml_escaping),
        cmocka_unit_test(controls_are_found_anywhere),
        cmocka_unit_test(percent),
        cmocka_unit_test(base64),
        cmocka_unit_test(base64_of_all_bytes),
        cmocka_unit_test(the_rest),
        cmocka_unit_test(a_part_is_found_in_any_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
