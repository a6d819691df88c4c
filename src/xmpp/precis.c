#include "xmpp/precis.h"

#include <stdlib.h>

#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "base/text.h"

/* RFC 8264 section 7: a string that has not come to rest after this many applications is refused. */
#define PASSES_MAX 4

/* Preparing can shorten a string (a fullwidth letter has three bytes, its plain form one), but not by more than this. */
#define SHRINK_MAX 8

struct chars {
    uint32_t *p;
    size_t n;
};

/* RFC 5892 2.6 */
static bool exception(uint32_t ch, enum precis_property *out)
{
    switch (ch) {
    case 0x00DF:
    case 0x03C2:
    case 0x06FD:
    case 0x06FE:
    case 0x0F0B:
    case 0x3007: *out = PRECIS_PVALID; return true;
    case 0x00B7:
    case 0x0375:
    case 0x05F3:
    case 0x05F4:
    case 0x30FB:
    case 0x0660 ... 0x0669:
    case 0x06F0 ... 0x06F9: *out = PRECIS_CONTEXTO; return true;
    case 0x0640:
    case 0x07FA:
    case 0x302E:
    case 0x302F:
    case 0x3031 ... 0x3035:
    case 0x303B: *out = PRECIS_DISALLOWED; return true;
    default: return false;
    }
}

/* RFC 5892 2.9: Hangul_Syllable_Type L, V or T. */
static bool old_hangul_jamo(uint32_t ch)
{
    return (ch >= 0x1100 && ch <= 0x11FF) || (ch >= 0xA960 && ch <= 0xA97C) || (ch >= 0xD7B0 && ch <= 0xD7FB);
}

static bool has_compat(uint32_t ch)
{
    uint32_t out[UC_DECOMPOSITION_MAX_LENGTH];
    size_t n = UC_DECOMPOSITION_MAX_LENGTH;
    uint32_t *got = u32_normalize(UNINORM_NFKC, &ch, 1, out, &n);
    bool same = got && n == 1 && got[0] == ch;

    if (got != out)
        free(got);
    return !same;
}

enum precis_property precis_property(uint32_t ch)
{
    enum precis_property special;

    if (exception(ch, &special))
        return special;
    if (uc_is_property_unassigned_code_value(ch) && !uc_is_property_not_a_character(ch))
        return PRECIS_UNASSIGNED;
    if (ch >= 0x21 && ch <= 0x7E)
        return PRECIS_PVALID;
    if (uc_is_property_join_control(ch))
        return PRECIS_CONTEXTJ;
    if (old_hangul_jamo(ch) || uc_is_property_default_ignorable_code_point(ch) || uc_is_property_not_a_character(ch) ||
        uc_is_general_category_withtable(ch, UC_CATEGORY_MASK_Cc))
        return PRECIS_DISALLOWED;
    if (has_compat(ch))
        return PRECIS_FREE_PVAL;
    if (uc_is_general_category_withtable(ch, UC_CATEGORY_MASK_Ll | UC_CATEGORY_MASK_Lu | UC_CATEGORY_MASK_Lo |
                                                 UC_CATEGORY_MASK_Nd | UC_CATEGORY_MASK_Lm | UC_CATEGORY_MASK_Mn |
                                                 UC_CATEGORY_MASK_Mc))
        return PRECIS_PVALID;
    if (uc_is_general_category_withtable(ch, UC_CATEGORY_MASK_Lt | UC_CATEGORY_MASK_Nl | UC_CATEGORY_MASK_No |
                                                 UC_CATEGORY_MASK_Me | UC_CATEGORY_MASK_Zs | UC_CATEGORY_MASK_S |
                                                 UC_CATEGORY_MASK_P))
        return PRECIS_FREE_PVAL;
    return PRECIS_DISALLOWED;
}

static bool has_script(uint32_t ch, const char *name)
{
    return uc_is_script(ch, uc_script_byname(name));
}

/* RFC 5892 A.1: joined from the left, and to the right, with nothing but transparent characters between. */
static bool zwnj_joins(const struct chars *s, size_t at)
{
    size_t left = at, right = at + 1;
    int type;

    while (left > 0 && uc_joining_type(s->p[left - 1]) == UC_JOINING_TYPE_T)
        left--;
    while (right < s->n && uc_joining_type(s->p[right]) == UC_JOINING_TYPE_T)
        right++;
    if (left == 0 || right == s->n)
        return false;
    type = uc_joining_type(s->p[left - 1]);
    if (type != UC_JOINING_TYPE_L && type != UC_JOINING_TYPE_D)
        return false;
    type = uc_joining_type(s->p[right]);
    return type == UC_JOINING_TYPE_R || type == UC_JOINING_TYPE_D;
}

/* RFC 5892 A.1 and A.2 */
static bool join_control_ok(const struct chars *s, size_t at)
{
    if (at > 0 && uc_combining_class(s->p[at - 1]) == UC_CCC_VR)
        return true;
    return s->p[at] == 0x200C && zwnj_joins(s, at);
}

/* RFC 5892 A.8 and A.9: the two sets of Arabic digits are not mixed. */
static bool has_digit_of(const struct chars *s, uint32_t zero)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->p[i] >= zero && s->p[i] <= zero + 9)
            return true;
    }
    return false;
}

/* RFC 5892 A.7 */
static bool has_japanese(const struct chars *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (has_script(s->p[i], "Hiragana") || has_script(s->p[i], "Katakana") || has_script(s->p[i], "Han"))
            return true;
    }
    return false;
}

/* RFC 5892 A.3 to A.9 */
static bool context_ok(const struct chars *s, size_t at)
{
    uint32_t ch = s->p[at];
    uint32_t before = at > 0 ? s->p[at - 1] : 0, after = at + 1 < s->n ? s->p[at + 1] : 0;

    switch (ch) {
    case 0x00B7: return before == 'l' && after == 'l';
    case 0x0375: return after && has_script(after, "Greek");
    case 0x05F3:
    case 0x05F4: return before && has_script(before, "Hebrew");
    case 0x30FB: return has_japanese(s);
    default: return ch <= 0x0669 ? !has_digit_of(s, 0x06F0) : !has_digit_of(s, 0x0660);
    }
}

/* RFC 8264 section 4 */
static bool class_ok(enum precis_profile profile, const struct chars *s)
{
    bool japanese = false; /* said so once: the search goes over the whole string, and is dear */

    for (size_t i = 0; i < s->n; i++) {
        switch (precis_property(s->p[i])) {
        case PRECIS_PVALID: break;
        case PRECIS_FREE_PVAL:
            if (profile == PRECIS_USERNAME)
                return false;
            break;
        case PRECIS_CONTEXTJ:
            if (!join_control_ok(s, i))
                return false;
            break;
        case PRECIS_CONTEXTO:
            if (s->p[i] == 0x30FB && japanese)
                break;
            if (!context_ok(s, i))
                return false;
            japanese = japanese || s->p[i] == 0x30FB;
            break;
        case PRECIS_DISALLOWED:
        case PRECIS_UNASSIGNED: return false;
        }
    }
    return true;
}

static bool is_right_to_left(int bidi)
{
    return bidi == UC_BIDI_R || bidi == UC_BIDI_AL || bidi == UC_BIDI_AN;
}

/* RFC 5893 section 2, the six conditions, for strings that hold a right-to-left character. */
static bool bidi_ok(const struct chars *s)
{
    bool any = false, en = false, an = false;
    int first = uc_bidi_class(s->p[0]), last = -1;

    for (size_t i = 0; i < s->n && !any; i++)
        any = is_right_to_left(uc_bidi_class(s->p[i]));
    if (!any)
        return true;
    /* A left-to-right string (1) may not hold what makes this rule apply (5), so only one direction is left. */
    if (first != UC_BIDI_R && first != UC_BIDI_AL)
        return false;
    for (size_t i = 0; i < s->n; i++) {
        int bidi = uc_bidi_class(s->p[i]);

        switch (bidi) {
        case UC_BIDI_EN: en = true; break;
        case UC_BIDI_AN: an = true; break;
        case UC_BIDI_R:
        case UC_BIDI_AL:
        case UC_BIDI_ES:
        case UC_BIDI_CS:
        case UC_BIDI_ET:
        case UC_BIDI_ON:
        case UC_BIDI_BN: break;
        case UC_BIDI_NSM: continue;
        default: return false;
        }
        last = bidi;
    }
    return !(en && an) && (is_right_to_left(last) || last == UC_BIDI_EN);
}

/* RFC 8265 3.3.1: fullwidth and halfwidth characters become what they are variants of. */
static uint32_t map_width(uint32_t ch)
{
    uint32_t to[UC_DECOMPOSITION_MAX_LENGTH];
    int tag, n = uc_decomposition(ch, &tag, to);

    return n == 1 && (tag == UC_DECOMP_WIDE || tag == UC_DECOMP_NARROW) ? to[0] : ch;
}

/*
 * Decodes and maps, character by character. Lower case is Unicode's toLowerCase of each character; U+0130 is the only one
 * that becomes two. A final sigma is not told apart: RFC 7622 3.5 wants table 1's examples 9 and 10 equal, 11 not.
 */
static bool decode(enum precis_profile profile, struct slice in, struct chars *out)
{
    size_t at = 0;
    uint32_t ch;

    out->n = 0;
    out->p = malloc((in.n + 1) * sizeof(*out->p)); /* every character has at least as many bytes as images */
    if (!out->p)
        return false;
    while (text_next(in, &at, &ch)) {
        if (profile == PRECIS_OPAQUE) {
            bool space = ch > 0x7F && uc_is_general_category_withtable(ch, UC_CATEGORY_MASK_Zs);

            out->p[out->n++] = space ? ' ' : ch;
            continue;
        }
        ch = map_width(ch);
        out->p[out->n++] = ch == 0x0130 ? 'i' : uc_tolower(ch);
        if (ch == 0x0130)
            out->p[out->n++] = 0x0307;
    }
    return at == in.n && out->n > 0;
}

static size_t encode(const struct chars *s, char out[PRECIS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        uint8_t bytes[6];
        int len = u8_uctomb(bytes, s->p[i], sizeof(bytes));

        if (len <= 0 || (size_t)len > PRECIS_MAX - n)
            return 0;
        memcpy(out + n, bytes, (size_t)len);
        n += (size_t)len;
    }
    return n;
}

static size_t enforce_once(enum precis_profile profile, struct slice in, char out[PRECIS_MAX])
{
    struct chars mapped, normal = { 0 };
    size_t n = 0;

    if (decode(profile, in, &mapped))
        normal.p = u32_normalize(UNINORM_NFC, mapped.p, mapped.n, NULL, &normal.n);
    free(mapped.p);
    if (normal.p && normal.n && normal.n <= PRECIS_MAX && (profile == PRECIS_OPAQUE || bidi_ok(&normal)) &&
        class_ok(profile, &normal))
        n = encode(&normal, out);
    free(normal.p);
    return n;
}

size_t precis_enforce(enum precis_profile profile, struct slice in, char out[PRECIS_MAX])
{
    char before[PRECIS_MAX];
    size_t n;

    if (in.n > (size_t)SHRINK_MAX * PRECIS_MAX)
        return 0;
    n = enforce_once(profile, in, out);
    for (int pass = 1; n && pass <= PASSES_MAX; pass++) {
        size_t n_before = n;

        if (slice_eq(slice_of(out, n), in))
            return n;
        memcpy(before, out, n);
        in = slice_of(before, n_before);
        n = enforce_once(profile, in, out);
    }
    return n && slice_eq(slice_of(out, n), in) ? n : 0;
}
