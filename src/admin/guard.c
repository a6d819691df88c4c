#include "admin/guard.h"

#include "base/text.h"

static bool is_token_char(unsigned char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"(),/:;<=>?@[\\]{}", c);
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!is_token_char((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

/* No control characters: NUL, a lone CR or LF would end the line for some readers. */
static bool is_value(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

static bool is_target(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f)
            return false;
    return s.n > 0 && s.p[0] == '/';
}

/* Takes a line and its CRLF from *in; false when there is none or LF stands alone. */
static bool take_line(struct slice *in, struct slice *line)
{
    size_t end = slice_find(*in, '\n');

    if (end == in->n || end == 0 || in->p[end - 1] != '\r')
        return false;
    *line = slice_first(*in, end - 1);
    *in = slice_from(*in, end + 1);
    return true;
}

static bool is_request_line(struct slice line)
{
    struct slice method, target, version;

    return slice_cut(line, ' ', &method, &line) && slice_cut(line, ' ', &target, &version) && is_token(method) &&
           is_target(target) && (slice_is(version, "HTTP/1.1") || slice_is(version, "HTTP/1.0"));
}

struct counts {
    unsigned lengths, hosts;
};

static enum guard_fault check_field(struct slice line, struct counts *counts, uint64_t *length)
{
    struct slice name, value;

    /* A line that begins with white space continues the one before (obs-fold), or hides a field: its name is no token. */
    if (!slice_cut(line, ':', &name, &value) || !is_token(name) || !is_value(value))
        return GUARD_MALFORMED;
    value = slice_trim(value);
    if (slice_ieq(name, SLICE("transfer-encoding")))
        return GUARD_LENGTH;
    if (slice_ieq(name, SLICE("host")) && ++counts->hosts > 1)
        return GUARD_MALFORMED;
    if (!slice_ieq(name, SLICE("content-length")))
        return GUARD_OK;
    if (++counts->lengths > 1 || !slice_u64(value, UINT64_MAX, length))
        return GUARD_MALFORMED;
    return *length > GUARD_BODY_MAX ? GUARD_TOO_LARGE : GUARD_OK;
}

/* A head with its empty line. */
static enum guard_fault check_head(struct slice head, uint64_t *length)
{
    enum guard_fault fault = GUARD_OK;
    struct counts counts = { 0 };
    struct slice line;

    *length = 0;
    if (!take_line(&head, &line) || !is_request_line(line))
        return GUARD_MALFORMED;
    while (fault == GUARD_OK) {
        if (!take_line(&head, &line))
            return GUARD_MALFORMED;
        if (line.n == 0)
            break;
        fault = check_field(line, &counts, length);
    }
    return fault;
}

/* The end of the head, behind its empty line; 0: not there yet. An empty line counts however its ends are written. */
static size_t head_end(struct guard *g, struct slice in)
{
    for (size_t i = g->scanned; i < in.n && i < GUARD_HEAD_MAX; i++) {
        size_t before = i > 0 && in.p[i - 1] == '\r' ? i - 1 : i;

        if (in.p[i] == '\n' && (before == 0 || in.p[before - 1] == '\n'))
            return i + 1;
    }
    g->scanned = in.n;
    return 0;
}

size_t guard_pass(struct guard *g, struct slice in, enum guard_fault *fault)
{
    size_t n;

    *fault = GUARD_OK;
    if (g->body_left > 0) {
        n = in.n < g->body_left ? in.n : (size_t)g->body_left;
        g->body_left -= n;
        return n;
    }
    n = head_end(g, in);
    if (n == 0) {
        if (in.n >= GUARD_HEAD_MAX)
            *fault = GUARD_LONG_HEAD;
        return 0;
    }
    g->scanned = 0;
    *fault = check_head(slice_first(in, n), &g->body_left);
    return *fault == GUARD_OK ? n : 0;
}
