#include "map/content_parts.h"

#include "base/text.h"
#include "map/scratch.h"

bool map_line(struct slice *in, struct slice *line)
{
    struct slice rest = { 0 };

    if (in->n == 0)
        return false;
    slice_cut(*in, '\n', line, &rest);
    if (line->n && line->p[line->n - 1] == '\r')
        line->n--;
    *in = rest.p ? rest : slice_from(*in, in->n);
    return true;
}

/* One logical line: continuation lines, which begin with white space, are joined to it by spaces. */
static enum map_content_fault unfolded_line(struct arena *a, struct slice *in, struct slice *line)
{
    struct slice all, more;
    char *copy;

    if (!map_line(in, line))
        *line = (struct slice){ 0 };
    if (line->n == 0 || in->n == 0 || (in->p[0] != ' ' && in->p[0] != '\t'))
        return MAP_CONTENT_OK;
    all = *line;
    while (in->n && (in->p[0] == ' ' || in->p[0] == '\t')) {
        map_line(in, &more);
        all.n = (size_t)(more.p + more.n - all.p);
    }
    copy = arena_alloc(a, all.n);
    if (!copy)
        return MAP_CONTENT_NO_MEMORY;
    for (size_t i = 0; i < all.n; i++)
        copy[i] = all.p[i] == '\r' || all.p[i] == '\n' ? ' ' : all.p[i];
    *line = slice_of(copy, all.n);
    return MAP_CONTENT_OK;
}

enum map_content_fault map_part_read(struct arena *a, struct slice text, struct map_part *out)
{
    *out = (struct map_part){ 0 };
    for (;;) {
        struct slice line, name, value;
        enum map_content_fault fault = unfolded_line(a, &text, &line);

        if (fault != MAP_CONTENT_OK)
            return fault;
        if (line.n == 0)
            break;
        if (!slice_cut(line, ':', &name, &value))
            return MAP_CONTENT_MALFORMED;
        name = slice_trim(name);
        value = slice_trim(value);
        if (slice_ieq(name, SLICE("Content-Type")))
            out->type = value;
        else if (slice_ieq(name, SLICE("Content-Encoding")))
            out->encoding = value;
        else if (slice_ieq(name, SLICE("Content-Transfer-Encoding")))
            out->transfer = value;
        else if (slice_ieq(name, SLICE("Content-Language")))
            out->language = value;
    }
    out->body = text;
    return MAP_CONTENT_OK;
}

static enum map_content_fault decode_base64(struct arena *a, struct slice *body)
{
    struct buf digits, plain;

    if (!scratch_init(&digits, a, body->n) || !scratch_init(&plain, a, body->n))
        return MAP_CONTENT_NO_MEMORY;
    for (size_t i = 0; i < body->n; i++) {
        if (body->p[i] != '\r' && body->p[i] != '\n' && body->p[i] != ' ' && body->p[i] != '\t')
            buf_char(&digits, body->p[i]);
    }
    if (!text_unbase64(&plain, buf_slice(&digits)))
        return MAP_CONTENT_MALFORMED;
    *body = buf_slice(&plain);
    return MAP_CONTENT_OK;
}

static int hex_digit(char c)
{
    c = text_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 2045 6.7; what is no escape stays as it is. */
static enum map_content_fault decode_quoted_printable(struct arena *a, struct slice *body)
{
    struct buf plain;

    if (!scratch_init(&plain, a, body->n))
        return MAP_CONTENT_NO_MEMORY;
    for (size_t i = 0; i < body->n; i++) {
        struct slice rest = slice_from(*body, i + 1);

        if (body->p[i] == '=' && rest.n >= 2 && hex_digit(rest.p[0]) >= 0 && hex_digit(rest.p[1]) >= 0) {
            buf_char(&plain, (char)(hex_digit(rest.p[0]) << 4 | hex_digit(rest.p[1])));
            i += 2;
        } else if (body->p[i] == '=' && slice_starts(rest, SLICE("\r\n"))) {
            i += 2;
        } else if (body->p[i] == '=' && slice_starts(rest, SLICE("\n"))) {
            i += 1;
        } else {
            buf_char(&plain, body->p[i]);
        }
    }
    *body = buf_slice(&plain);
    return MAP_CONTENT_OK;
}

enum map_content_fault map_part_decode(struct arena *a, struct map_part *part)
{
    if (part->transfer.n == 0 || slice_ieq(part->transfer, SLICE("7bit")) || slice_ieq(part->transfer, SLICE("8bit")) ||
        slice_ieq(part->transfer, SLICE("binary")))
        return MAP_CONTENT_OK;
    if (slice_ieq(part->transfer, SLICE("base64")))
        return decode_base64(a, &part->body);
    if (slice_ieq(part->transfer, SLICE("quoted-printable")))
        return decode_quoted_printable(a, &part->body);
    return MAP_CONTENT_ENCODING;
}

/* The next delimiter line at or behind at: where it begins, *end behind its line, *last for the closing one. False: none. */
static bool find_delimiter(struct slice body, struct slice boundary, size_t at, size_t *begin, size_t *end, bool *last)
{
    while (at + boundary.n + 2 <= body.n) {
        const char *p = memmem(body.p + at, body.n - at, boundary.p, boundary.n);
        struct slice rest, line;
        size_t found;

        if (!p)
            return false;
        found = (size_t)(p - body.p);
        at = found + 1;
        if (found < 2 || p[-1] != '-' || p[-2] != '-' || (found > 2 && p[-3] != '\n'))
            continue;
        rest = slice_from(body, found + boundary.n);
        *last = slice_starts(rest, SLICE("--"));
        if (!map_line(&rest, &line))
            line = rest;
        if (!*last && slice_trim(line).n)
            continue;
        *begin = found - 2;
        *end = body.n - rest.n;
        return true;
    }
    return false;
}

bool map_multipart_next(struct slice body, struct slice boundary, size_t *at, struct slice *part)
{
    size_t begin, first, next;
    bool last;

    if (!find_delimiter(body, boundary, *at, &begin, &first, &last) || last)
        return false;
    if (find_delimiter(body, boundary, first, &begin, &next, &last)) {
        *at = begin;
    } else {
        begin = body.n;
        *at = body.n;
    }
    if (begin > first && body.p[begin - 1] == '\n')
        begin--;
    if (begin > first && body.p[begin - 1] == '\r')
        begin--;
    *part = slice_of(body.p + first, begin - first);
    return true;
}
