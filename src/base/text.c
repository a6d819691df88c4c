#include "base/text.h"

#define REPLACEMENT 0xFFFDu

/* The second byte's range depends on the first (RFC 3629 section 4); every later byte is 80..BF. */
static size_t lead(unsigned char c, unsigned char *low, unsigned char *high)
{
    *low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    *high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    if (c >= 0xC2 && c <= 0xDF)
        return 2;
    if (c >= 0xE0 && c <= 0xEF)
        return 3;
    if (c >= 0xF0 && c <= 0xF4)
        return 4;
    return 0;
}

bool text_next(struct slice s, size_t *at, uint32_t *ch)
{
    const unsigned char *p;
    unsigned char low, high;
    size_t n;
    uint32_t v;

    if (*at >= s.n)
        return false;
    p = (const unsigned char *)s.p + *at;
    if (p[0] < 0x80) {
        *ch = p[0];
        (*at)++;
        return true;
    }
    n = lead(p[0], &low, &high);
    if (n == 0 || n > s.n - *at || p[1] < low || p[1] > high)
        return false;
    v = p[0] & (0x7Fu >> n);
    v = v << 6 | (p[1] & 0x3Fu);
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return false;
        v = v << 6 | (p[i] & 0x3Fu);
    }
    *ch = v;
    *at += n;
    return true;
}

bool text_is_utf8(struct slice s)
{
    size_t at = 0;
    uint32_t ch;
    uint64_t word;

    while (at < s.n) {
        if (s.n - at >= sizeof(word)) {
            memcpy(&word, s.p + at, sizeof(word));
            if ((word & 0x8080808080808080) == 0) {
                at += sizeof(word);
                continue;
            }
        }
        if (!text_next(s, &at, &ch))
            return false;
    }
    return true;
}

void text_put_char(struct buf *b, uint32_t ch)
{
    char out[4];
    size_t n = 0;

    if (ch > 0x10FFFF || (ch >= 0xD800 && ch <= 0xDFFF))
        ch = REPLACEMENT;
    if (ch < 0x80) {
        out[n++] = (char)ch;
    } else if (ch < 0x800) {
        out[n++] = (char)(0xC0 | ch >> 6);
    } else if (ch < 0x10000) {
        out[n++] = (char)(0xE0 | ch >> 12);
        out[n++] = (char)(0x80 | (ch >> 6 & 0x3F));
    } else {
        out[n++] = (char)(0xF0 | ch >> 18);
        out[n++] = (char)(0x80 | (ch >> 12 & 0x3F));
        out[n++] = (char)(0x80 | (ch >> 6 & 0x3F));
    }
    if (ch >= 0x80)
        out[n++] = (char)(0x80 | (ch & 0x3F));
    buf_add(b, out, n);
}

bool text_xml_char(uint32_t ch)
{
    return ch == '\t' || ch == '\n' || ch == '\r' || (ch >= 0x20 && ch <= 0xD7FF) || (ch >= 0xE000 && ch <= 0xFFFD) ||
           (ch >= 0x10000 && ch <= 0x10FFFF);
}

/* What stands for the character at *at, which is moved past it; NULL when it stands for itself. */
static const char *xml_stand_in(struct slice s, size_t *at)
{
    uint32_t ch;

    if (!text_next(s, at, &ch)) {
        (*at)++;
        return "\xEF\xBF\xBD";
    }
    switch (ch) {
    case '&': return "&amp;";
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '\'': return "&apos;";
    case '"': return "&quot;";
    case '\r': return *at < s.n && s.p[*at] == '\n' ? "" : "\n";
    default: return text_xml_char(ch) ? NULL : "\xEF\xBF\xBD";
    }
}

/* ASCII that stands for itself: nearly all of nearly every text. */
static bool xml_plain(unsigned char c)
{
    static const bool plain[256] = {
        ['\t'] = true,        ['\n'] = true, [' ' ... '!'] = true,  ['#' ... '%'] = true,
        ['(' ... ';'] = true, ['='] = true,  ['?' ... 0x7F] = true,
    };

    return plain[c];
}

void text_put_xml(struct buf *b, struct slice s)
{
    size_t run = 0, at = 0;

    while (at < s.n) {
        size_t from;
        const char *stand_in;

        while (at < s.n && xml_plain((unsigned char)s.p[at]))
            at++;
        if (at == s.n)
            break;
        from = at;
        stand_in = xml_stand_in(s, &at);

        if (!stand_in)
            continue;
        buf_add(b, s.p + run, from - run);
        buf_str(b, stand_in);
        run = at;
    }
    if (at > run)
        buf_add(b, s.p + run, at - run);
}

bool text_has_control(struct slice s)
{
    const uint64_t ones = UINT64_MAX / 255, tops = ones * 0x80;
    uint64_t found = 0;
    size_t i = 0;

    for (; s.n - i >= 8; i += 8) { /* a byte borrows from the next one only where there is one to be found */
        uint64_t word, del;

        memcpy(&word, s.p + i, 8);
        del = word ^ (ones * 0x7F);
        found |= ((word - ones * 0x20) & ~word) | ((del - ones) & ~del);
    }
    for (; i < s.n; i++)
        found |= (unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7F ? tops : 0;
    return found & tops;
}

struct text_set text_set(const char *also)
{
    struct text_set set = { { 0 } };

    for (unsigned c = 0; c < 128; c++) {
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
            set.bits[c / 64] |= (uint64_t)1 << c % 64;
    }
    for (; also && *also; also++) {
        unsigned char c = (unsigned char)*also;

        set.bits[c / 64] |= (uint64_t)1 << c % 64;
    }
    return set;
}

bool text_in(const struct text_set *set, unsigned char c)
{
    return set->bits[c / 64] >> c % 64 & 1;
}

void text_put_percent(struct buf *b, struct slice s, const struct text_set *keep)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char coded[3] = { '%', "0123456789ABCDEF"[c >> 4], "0123456789ABCDEF"[c & 15] };

        if (text_in(keep, c))
            buf_char(b, (char)c);
        else
            buf_add(b, coded, sizeof(coded));
    }
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = text_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_unpercent(struct buf *b, struct slice s)
{
    size_t before = b->n;

    for (size_t i = 0; i < s.n; i++) {
        int high, low;

        if (s.p[i] != '%') {
            buf_char(b, s.p[i]);
            continue;
        }
        high = s.n - i > 2 ? hex_digit(s.p[i + 1]) : -1;
        low = s.n - i > 2 ? hex_digit(s.p[i + 2]) : -1;
        if (high < 0 || low < 0) {
            b->n = before;
            return false;
        }
        buf_char(b, (char)(high << 4 | low));
        i += 2;
    }
    return buf_ok(b);
}

void text_put_hex(struct buf *b, const void *p, size_t n)
{
    const unsigned char *in = p;

    for (size_t i = 0; i < n; i++) {
        buf_char(b, "0123456789abcdef"[in[i] >> 4]);
        buf_char(b, "0123456789abcdef"[in[i] & 15]);
    }
}

bool text_holds(struct slice s, struct slice wanted)
{
    for (size_t i = 0; i + wanted.n <= s.n; i++) {
        size_t k = 0;

        while (k < wanted.n && text_lower(s.p[i + k]) == wanted.p[k])
            k++;
        if (k == wanted.n)
            return true;
    }
    return false;
}

bool text_equal_secret(struct slice a, struct slice b)
{
    volatile unsigned char differ = 0;

    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        differ |= (unsigned char)a.p[i] ^ (unsigned char)b.p[i];
    return differ == 0;
}
