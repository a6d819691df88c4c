#include "base/text.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void text_put_base64(struct buf *b, const void *p, size_t n)
{
    const unsigned char *in = p;

    for (size_t i = 0; i < n; i += 3) {
        size_t have = n - i < 3 ? n - i : 3;
        uint32_t v = (uint32_t)in[i] << 16 | (have > 1 ? (uint32_t)in[i + 1] << 8 : 0) | (have > 2 ? in[i + 2] : 0);
        char out[4] = { digits[v >> 18], digits[v >> 12 & 63], have > 1 ? digits[v >> 6 & 63] : '=',
                        have > 2 ? digits[v & 63] : '=' };

        buf_add(b, out, sizeof(out));
    }
}

static int value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four characters to n bytes; the bits that n bytes do not need must be zero (RFC 4648 section 3.5). */
static bool decode(const char *in, size_t n, char *out)
{
    uint32_t v = 0;

    for (size_t i = 0; i < 4; i++) {
        int d = i <= n ? value(in[i]) : 0;

        if (d < 0)
            return false;
        v = v << 6 | (uint32_t)d;
    }
    if (n < 3 && (v & (0xFFFFFFu >> (8 * n))) != 0)
        return false;
    for (size_t i = 0; i < n; i++)
        out[i] = (char)(v >> (16 - 8 * i));
    return true;
}

bool text_unbase64(struct buf *b, struct slice s)
{
    size_t before = b->n;

    if (s.n % 4 != 0)
        return false;
    for (size_t i = 0; i < s.n; i += 4) {
        bool last = s.n - i == 4;
        size_t n = !last || s.p[i + 3] != '=' ? 3 : s.p[i + 2] != '=' ? 2 : 1;
        char out[3];

        if (!decode(s.p + i, n, out)) {
            b->n = before;
            return false;
        }
        buf_add(b, out, n);
    }
    return buf_ok(b);
}
