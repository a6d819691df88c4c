/* PRECIS: derived properties, contextual rules and directions, and that preparing twice changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/text.h"
#include "xmpp/precis.h"

static const struct {
    uint32_t ch;
    enum precis_property property;
} properties[] = {
    { 0x0000, PRECIS_DISALLOWED },   { 0x0020, PRECIS_FREE_PVAL },   { 0x0021, PRECIS_PVALID },
    { 0x007E, PRECIS_PVALID },       { 0x007F, PRECIS_DISALLOWED },  { 0x0080, PRECIS_DISALLOWED },
    { 0x00A0, PRECIS_FREE_PVAL },    { 0x00A1, PRECIS_FREE_PVAL },   { 0x00AA, PRECIS_FREE_PVAL },
    { 0x00AD, PRECIS_DISALLOWED },   { 0x00B7, PRECIS_CONTEXTO },    { 0x00C0, PRECIS_PVALID },
    { 0x00D7, PRECIS_FREE_PVAL },    { 0x00DF, PRECIS_PVALID },      { 0x0132, PRECIS_FREE_PVAL },
    { 0x017F, PRECIS_FREE_PVAL },    { 0x0300, PRECIS_PVALID },      { 0x0340, PRECIS_FREE_PVAL },
    { 0x0375, PRECIS_CONTEXTO },     { 0x0378, PRECIS_UNASSIGNED },  { 0x03C2, PRECIS_PVALID },
    { 0x0488, PRECIS_FREE_PVAL },    { 0x05D0, PRECIS_PVALID },      { 0x05F3, PRECIS_CONTEXTO },
    { 0x0640, PRECIS_DISALLOWED },   { 0x0660, PRECIS_CONTEXTO },    { 0x06F9, PRECIS_CONTEXTO },
    { 0x06FD, PRECIS_PVALID },       { 0x07FA, PRECIS_DISALLOWED },  { 0x0F0B, PRECIS_PVALID },
    { 0x1100, PRECIS_DISALLOWED },   { 0x115F, PRECIS_DISALLOWED },  { 0x11FF, PRECIS_DISALLOWED },
    { 0x1E9E, PRECIS_PVALID },       { 0x200B, PRECIS_DISALLOWED },  { 0x200C, PRECIS_CONTEXTJ },
    { 0x200D, PRECIS_CONTEXTJ },     { 0x200E, PRECIS_DISALLOWED },  { 0x2028, PRECIS_DISALLOWED },
    { 0x202E, PRECIS_DISALLOWED },   { 0x2163, PRECIS_FREE_PVAL },   { 0x265A, PRECIS_FREE_PVAL },
    { 0x3000, PRECIS_FREE_PVAL },    { 0x3007, PRECIS_PVALID },      { 0x302E, PRECIS_DISALLOWED },
    { 0x3031, PRECIS_DISALLOWED },   { 0x30FB, PRECIS_CONTEXTO },    { 0x4E00, PRECIS_PVALID },
    { 0xA960, PRECIS_DISALLOWED },   { 0xAC00, PRECIS_PVALID },      { 0xD7B0, PRECIS_DISALLOWED },
    { 0xE000, PRECIS_DISALLOWED },   { 0xFDD0, PRECIS_DISALLOWED },  { 0xFE00, PRECIS_DISALLOWED },
    { 0xFEFF, PRECIS_DISALLOWED },   { 0xFF21, PRECIS_FREE_PVAL },   { 0xFFFD, PRECIS_FREE_PVAL },
    { 0xFFFF, PRECIS_DISALLOWED },   { 0x10000, PRECIS_PVALID },     { 0x1F600, PRECIS_FREE_PVAL },
    { 0x1D400, PRECIS_FREE_PVAL },   { 0xE0001, PRECIS_DISALLOWED }, { 0xF0000, PRECIS_DISALLOWED },
    { 0x10FFFF, PRECIS_DISALLOWED },
};

static void derives_properties(void **state)
{
    for (size_t i = 0; i < sizeof(properties) / sizeof(properties[0]); i++) {
        enum precis_property got = precis_property(properties[i].ch);

        if (got != properties[i].property)
            fail_msg("U+%04X: %d, not %d", properties[i].ch, got, properties[i].property);
    }
}

static const struct {
    enum precis_profile profile;
    const char *in, *out; /* out NULL: refused */
} strings[] = {
    { PRECIS_USERNAME, "", NULL },
    { PRECIS_USERNAME, "juliet@example.com", "juliet@example.com" }, /* RFC 8265 3.6 */
    { PRECIS_USERNAME, "fu\u00DFball", "fu\u00DFball" },
    { PRECIS_USERNAME, "\u03A3", "\u03C3" },
    { PRECIS_USERNAME, "\u03C2", "\u03C2" },
    { PRECIS_USERNAME, "\u039F\u03A3", "\u03BF\u03C3" },
    { PRECIS_USERNAME, "foo bar", NULL },
    { PRECIS_USERNAME, "henry\u2163", NULL },
    { PRECIS_USERNAME, "\u265A", NULL },
    { PRECIS_USERNAME, "\u0130", "i\u0307" },
    { PRECIS_USERNAME, "\u01C5", NULL }, /* titlecase DZ with caron: compatibility */
    { PRECIS_USERNAME, "\u212B", "\u00E5" },
    { PRECIS_USERNAME, "\u212A", "k" },
    { PRECIS_USERNAME, "\uFF21\uFF42", "ab" },
    { PRECIS_USERNAME, "a\u3000b", NULL },
    { PRECIS_USERNAME, "\uFF76\uFF9E", "\u30AC" }, /* halfwidth katakana composes */
    { PRECIS_USERNAME, "\u1100\u1161", "\uAC00" }, /* jamo composes before it is judged */
    { PRECIS_USERNAME, "\u1100", NULL },
    { PRECIS_USERNAME, "\xF0\x90\x90\x80", "\xF0\x90\x90\xA8" }, /* Deseret capital */
    /* middle dot, Greek numeral sign, Hebrew and katakana marks: RFC 5892 A.3 to A.7 */
    { PRECIS_USERNAME, "l\u00B7l", "l\u00B7l" },
    { PRECIS_USERNAME, "L\u00B7L", "l\u00B7l" },
    { PRECIS_USERNAME, "l\u00B7", NULL },
    { PRECIS_USERNAME, "\u00B7l", NULL },
    { PRECIS_USERNAME, "a\u00B7l", NULL },
    { PRECIS_USERNAME, "\u0375\u03B1", "\u0375\u03B1" },
    { PRECIS_USERNAME, "\u0375a", NULL },
    { PRECIS_USERNAME, "\u0375", NULL },
    { PRECIS_USERNAME, "\u05D0\u05F3", "\u05D0\u05F3" },
    { PRECIS_USERNAME, "\u05F3\u05D0", NULL },
    { PRECIS_USERNAME, "\u05D0\u05F4\u05D1", "\u05D0\u05F4\u05D1" },
    { PRECIS_USERNAME, "\u30FB", NULL },
    { PRECIS_USERNAME, "a\u30FBb", NULL },
    { PRECIS_USERNAME, "a\u30FB\u3042\u30FB", "a\u30FB\u3042\u30FB" },
    { PRECIS_USERNAME, "\u30FB\u6F22", "\u30FB\u6F22" },
    /* Arabic digits, A.8 and A.9 */
    { PRECIS_USERNAME, "\u0627\u0661\u0662", "\u0627\u0661\u0662" },
    { PRECIS_USERNAME, "\u0627\u06F1\u06F2", "\u0627\u06F1\u06F2" },
    { PRECIS_USERNAME, "\u0627\u0661\u06F2", NULL },
    { PRECIS_USERNAME, "\u0627\u06F1\u0662", NULL },
    /* joiners, A.1 and A.2 */
    { PRECIS_USERNAME, "\u0915\u094D\u200D\u0937", "\u0915\u094D\u200D\u0937" },
    { PRECIS_USERNAME, "\u0915\u094D\u200C\u0937", "\u0915\u094D\u200C\u0937" },
    { PRECIS_USERNAME, "\u0915\u200D\u0937", NULL },
    { PRECIS_USERNAME, "a\u200Cb", NULL },
    { PRECIS_USERNAME, "\u200Ca", NULL },
    { PRECIS_USERNAME, "\u0628\u200C\u0628", "\u0628\u200C\u0628" },
    { PRECIS_USERNAME, "\u0628\u064B\u200C\u064B\u0627", "\u0628\u064B\u200C\u064B\u0627" },
    { PRECIS_USERNAME, "\u0627\u200C\u0628", NULL }, /* alef does not join to its left */
    { PRECIS_USERNAME, "\u0628\u200C", NULL },
    { PRECIS_USERNAME, "\u0628\u200D\u0628", NULL },
    /* directions: RFC 5893 */
    { PRECIS_USERNAME, "\u05D0\u05D1", "\u05D0\u05D1" },
    { PRECIS_USERNAME, "\u05D0a", NULL },
    { PRECIS_USERNAME, "a\u05D0", NULL },
    { PRECIS_USERNAME, "1\u05D0", NULL },
    { PRECIS_USERNAME, "\u05D01", "\u05D01" },
    { PRECIS_USERNAME, "\u05D0-", NULL },
    { PRECIS_USERNAME, "\u05D0-\u05D1", "\u05D0-\u05D1" },
    { PRECIS_USERNAME, "\u05D0\u05B0", "\u05D0\u05B0" },
    { PRECIS_USERNAME, "\u06271\u0661", NULL }, /* both kinds of digits */
    /* OpaqueString */
    { PRECIS_OPAQUE, "", NULL },
    { PRECIS_OPAQUE, "correct horse battery staple", "correct horse battery staple" }, /* RFC 8265 4.3 */
    { PRECIS_OPAQUE, "Correct Horse Battery Staple", "Correct Horse Battery Staple" },
    { PRECIS_OPAQUE, "\u03C0\u00DF\u00E5", "\u03C0\u00DF\u00E5" },
    { PRECIS_OPAQUE, "Jack of \u2666s", "Jack of \u2666s" },
    { PRECIS_OPAQUE, "foo\u1680bar", "foo bar" },
    { PRECIS_OPAQUE,
      "my cat is a \x09"
      "by",
      NULL },
    { PRECIS_OPAQUE, "\uFF21", "\uFF21" }, /* width is kept */
    { PRECIS_OPAQUE, "a\u0301", "\u00E1" },
    { PRECIS_OPAQUE, "\u05D0a", "\u05D0a" }, /* no direction rule */
    { PRECIS_OPAQUE, "\u200B", NULL },
    { PRECIS_OPAQUE, "\uE000", NULL },
    { PRECIS_OPAQUE, "\u0378", NULL },
    { PRECIS_OPAQUE, "\u00B7", NULL },
};

static void enforces_profiles(void **state)
{
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        char out[PRECIS_MAX], again[PRECIS_MAX];
        size_t n = precis_enforce(strings[i].profile, slice_str(strings[i].in), out);

        if ((n > 0) != (strings[i].out != NULL))
            fail_msg("%zu \"%s\": %s", i, strings[i].in, strings[i].out ? "refused" : "accepted");
        if (n == 0)
            continue;
        if (!slice_is(slice_of(out, n), strings[i].out))
            fail_msg("%zu \"%s\": \"%.*s\"", i, strings[i].in, (int)n, out);
        assert_int_equal(precis_enforce(strings[i].profile, slice_of(out, n), again), n);
        assert_memory_equal(out, again, n);
    }
}

/* Every character that may stand alone is a name that stays what it is once it is prepared. */
static void every_character_comes_to_rest(void **state)
{
    for (uint32_t ch = 1; ch <= 0x10FFFF; ch += ch < 0x3400 ? 1 : 7) {
        char out[PRECIS_MAX], again[PRECIS_MAX];
        struct buf b;
        size_t n;

        if (ch >= 0xD800 && ch <= 0xDFFF)
            continue;
        buf_init(&b, 16);
        text_put_char(&b, ch);
        for (enum precis_profile p = PRECIS_USERNAME; p <= PRECIS_OPAQUE; p++) {
            n = precis_enforce(p, buf_slice(&b), out);
            if (n && (precis_enforce(p, slice_of(out, n), again) != n || memcmp(out, again, n) != 0))
                fail_msg("U+%04X", ch);
        }
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(derives_properties),
        cmocka_unit_test(enforces_profiles),
        cmocka_unit_test(every_character_comes_to_rest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
