#include "link/frame.h"

#include <stdio.h>

#include "base/text.h"

#define LENGTH 4 /* bytes before the type */

enum kind { U8, U16, U32, U64, FLAG, TEXT, DATA };

struct field {
    const char *name;
    enum kind kind;
    size_t at; /* in its struct */
    uint64_t least, greatest;
};

struct row {
    const char *name;
    const struct field *fields;
    size_t n_fields;
    enum link_sender sender;
    bool numbered;
};

#define FIELD(T, kind, name, least, greatest) { #name, kind, offsetof(struct link_##T##_frame, name), least, greatest },
#define FIELDS(type, NAME, member, sender, numbered)                                                                   \
    static const struct field member##_fields[] = { LINK_FIELDS_##NAME(FIELD, member) };
LINK_FRAMES(FIELDS)

#define ROW(type, NAME, member, sender, numbered)                                                                      \
    [LINK_##NAME] = { #NAME, member##_fields, sizeof(member##_fields) / sizeof(member##_fields[0]), sender, numbered },
static const struct row rows[] = { LINK_FRAMES(ROW) };
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static const struct row *row_of(unsigned type)
{
    return type < N_ROWS && rows[type].name ? &rows[type] : NULL;
}

static size_t width(enum kind kind)
{
    switch (kind) {
    case U8:
    case FLAG: return 1;
    case U16: return 2;
    case U32:
    case TEXT:
    case DATA: return 4;
    case U64: return 8;
    }
    return 0;
}

static bool is_bytes(enum kind kind)
{
    return kind == TEXT || kind == DATA;
}

static bool is_text(struct slice s)
{
    return !text_has_control(s) && text_is_utf8(s);
}

/* The union's members begin together. */
static void *body_of(struct link_frame *frame)
{
    return &frame->hello;
}

static const void *body_of_const(const struct link_frame *frame)
{
    return &frame->hello;
}

/* ---- reading ---- */

static bool take(struct slice *rest, size_t n, struct slice *out)
{
    *out = slice_first(*rest, n);
    *rest = slice_from(*rest, n);
    return out->n == n;
}

static bool take_number(struct slice *rest, size_t n, uint64_t *out)
{
    struct slice bytes;

    *out = 0;
    if (!take(rest, n, &bytes))
        return false;
    for (size_t i = 0; i < n; i++)
        *out = *out << 8 | (unsigned char)bytes.p[i];
    return true;
}

static enum link_fault read_field(const struct field *f, struct slice *rest, void *body)
{
    char *at = (char *)body + f->at;
    struct slice bytes;
    uint64_t v;

    if (!take_number(rest, width(f->kind), &v))
        return LINK_TOO_SHORT;
    if (v < f->least || v > f->greatest)
        return LINK_OUT_OF_RANGE;
    if (f->kind == FLAG) {
        *(bool *)at = v != 0;
        return LINK_FINE;
    }
    if (!is_bytes(f->kind)) {
        *(uint64_t *)(void *)at = v;
        return LINK_FINE;
    }
    if (!take(rest, v, &bytes))
        return LINK_TOO_SHORT;
    *(struct slice *)(void *)at = bytes;
    return f->kind == TEXT && !is_text(bytes) ? LINK_NO_TEXT : LINK_FINE;
}

static enum link_fault read_fields(const struct row *row, struct slice rest, struct link_read *out)
{
    enum link_fault fault = LINK_FINE;

    for (size_t i = 0; i < row->n_fields; i++) {
        fault = read_field(&row->fields[i], &rest, body_of(&out->frame));
        if (fault != LINK_FINE) {
            out->field = row->fields[i].name;
            return fault;
        }
    }
    return rest.n ? LINK_LEFT_OVER : LINK_FINE;
}

/* No frame of its type is longer: seen before its bytes are there, so that nobody waits for them. */
static size_t longest(const struct row *row)
{
    size_t n = 1;

    for (size_t i = 0; i < row->n_fields; i++)
        n += width(row->fields[i].kind) + (is_bytes(row->fields[i].kind) ? row->fields[i].greatest : 0);
    return n;
}

enum link_fault link_frame_read(struct slice bytes, enum link_role sender, struct link_read *out)
{
    struct slice rest = bytes, type;
    const struct row *row;
    uint64_t length;

    *out = (struct link_read){ .type = "", .field = "" };
    if (!take_number(&rest, LENGTH, &length))
        return LINK_MORE;
    if (length == 0)
        return LINK_EMPTY;
    if (length > LINK_FRAME_MAX - LENGTH)
        return LINK_TOO_LONG;
    if (!take(&rest, 1, &type))
        return LINK_MORE;
    row = row_of((unsigned char)type.p[0]);
    if (!row)
        return LINK_UNKNOWN;
    out->type = row->name;
    if (!(row->sender & 1u << sender))
        return LINK_WRONG_WAY;
    if (length > longest(row))
        return LINK_TOO_LONG;
    if (rest.n < length - 1)
        return LINK_MORE;
    out->frame.type = (enum link_type)(unsigned char)type.p[0];
    out->n = LENGTH + length;
    out->numbered = row->numbered;
    return read_fields(row, slice_first(rest, length - 1), out);
}

static const char *what_is_wrong(enum link_fault fault)
{
    switch (fault) {
    case LINK_FINE: return "nothing";
    case LINK_MORE: return "its end has not come";
    case LINK_TOO_LONG: return "it is longer than any such frame may be";
    case LINK_EMPTY: return "it is empty";
    case LINK_UNKNOWN: return "its type is unknown";
    case LINK_WRONG_WAY: return "this end may not send it";
    case LINK_TOO_SHORT: return "it ends before its last field";
    case LINK_LEFT_OVER: return "there are bytes behind its last field";
    case LINK_OUT_OF_RANGE: return "a value or a length is out of its bounds";
    case LINK_NO_TEXT: return "a text has control characters, or is not UTF-8";
    }
    return "?";
}

const char *link_fault_text(enum link_fault fault, const struct link_read *at, char out[LINK_FAULT_TEXT])
{
    snprintf(out, LINK_FAULT_TEXT, "%s%s%s: %s", at->type[0] ? at->type : "a frame", at->field[0] ? ", " : "",
             at->field, what_is_wrong(fault));
    return out;
}

/* ---- writing ---- */

static void put_number(struct buf *out, uint64_t v, size_t n)
{
    while (n-- > 0)
        buf_char(out, (char)(v >> 8 * n & 0xff));
}

/* False: it is not as the table says. */
static bool write_field(struct buf *out, const struct field *f, const void *body)
{
    const char *at = (const char *)body + f->at;
    struct slice bytes = { 0 };
    uint64_t v;

    if (is_bytes(f->kind)) {
        bytes = *(const struct slice *)(const void *)at;
        v = bytes.n;
    } else {
        v = f->kind == FLAG ? *(const bool *)at : *(const uint64_t *)(const void *)at;
    }
    if (v < f->least || v > f->greatest || (f->kind == TEXT && !is_text(bytes)))
        return false;
    put_number(out, v, width(f->kind));
    buf_put(out, bytes);
    return true;
}

bool link_frame_write(struct buf *out, const struct link_frame *frame)
{
    const struct row *row = row_of(frame->type);
    size_t began = out->n;
    bool ok = row != NULL;
    uint64_t length;

    put_number(out, 0, LENGTH);
    put_number(out, frame->type, 1);
    for (size_t i = 0; ok && i < row->n_fields; i++)
        ok = write_field(out, &row->fields[i], body_of_const(frame));
    if (!ok || !buf_ok(out)) {
        out->n = began;
        return false;
    }
    length = out->n - began - LENGTH;
    for (size_t i = 0; i < LENGTH; i++)
        out->p[began + i] = (char)(length >> 8 * (LENGTH - 1 - i) & 0xff);
    return true;
}

struct slice link_frame_text(struct slice s, size_t max, char *room)
{
    size_t n = s.n < max ? s.n : max;

    while (n < s.n && n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80) /* not in the middle of a character */
        n--;
    s = slice_first(s, n);
    if (is_text(s))
        return s;
    for (size_t i = 0; i < n; i++)
        room[i] = (char)(s.p[i] >= 0x20 && s.p[i] < 0x7f ? s.p[i] : '?');
    return slice_of(room, n);
}

bool link_frame_is_numbered(enum link_type type)
{
    const struct row *row = row_of(type);

    return row && row->numbered;
}

const char *link_frame_name(enum link_type type)
{
    const struct row *row = row_of(type);

    return row ? row->name : "?";
}
