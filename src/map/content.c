#include "map/content.h"

#include "base/text.h"
#include "map/content_parts.h"
#include "map/scratch.h"
#include "sip/msg.h"

#define DEPTH_MAX 8

/* In order of preference. */
enum kind { KIND_NONE, KIND_COMPOSING, KIND_IMDN, KIND_MULTIPART, KIND_CPIM, KIND_RTF, KIND_HTML, KIND_PLAIN };

/* A multipart body that is being walked. */
struct level {
    struct slice body, boundary;
    size_t at;
};

struct reader {
    struct arena *arena;
    struct map_content *out;
    struct level levels[DEPTH_MAX];
    unsigned depth;
    enum map_content_fault refused; /* why a part was passed over, if one was */
};

static struct slice param(struct slice params, const char *name)
{
    struct slice value;

    if (!sip_param(params, name, &value))
        return (struct slice){ 0 };
    if (value.n >= 2 && value.p[0] == '"' && value.p[value.n - 1] == '"')
        value = slice_of(value.p + 1, value.n - 2);
    return value;
}

static enum kind kind_of(struct slice value, struct slice *params)
{
    struct slice type;

    *params = (struct slice){ 0 };
    if (value.n == 0)
        return KIND_PLAIN;
    if (!sip_media_type(value, &type, params))
        return KIND_NONE;
    if (slice_ieq(type, SLICE("text/plain")))
        return KIND_PLAIN;
    if (slice_ieq(type, SLICE("text/html")))
        return KIND_HTML;
    if (slice_ieq(type, SLICE("text/rtf")) || slice_ieq(type, SLICE("application/rtf")))
        return KIND_RTF;
    if (slice_ieq(type, SLICE("message/cpim")))
        return KIND_CPIM;
    if (slice_ieq(type, SLICE(MAP_COMPOSING_TYPE)))
        return KIND_COMPOSING;
    if (slice_ieq(type, SLICE(MAP_IMDN_TYPE)))
        return KIND_IMDN;
    return slice_istarts(type, SLICE("multipart/")) ? KIND_MULTIPART : KIND_NONE;
}

struct slice map_latin1_to_utf8(struct arena *a, struct slice s, bool windows)
{
    /* 80 to 9F of windows-1252. */
    static const uint16_t upper[32] = {
        0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
        0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
        0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178,
    };
    struct buf out;
    size_t size = s.n;

    for (size_t i = 0; i < s.n; i++)
        size += (unsigned char)s.p[i] < 0x80 ? 0 : 2;
    if (!scratch_init(&out, a, size))
        return (struct slice){ 0 };
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        text_put_char(&out, windows && c >= 0x80 && c < 0xa0 ? upper[c - 0x80] : c);
    }
    return buf_slice(&out);
}

/* STOX-IM-14. What is declared to be UTF-8 and is not gets U+FFFD where it is faulty, when it is written; what is not
 * declared to be anything is refused, since it may well be something else. */
static enum map_content_fault to_utf8(struct arena *a, struct slice charset, struct slice *text)
{
    bool latin1 = slice_ieq(charset, SLICE("iso-8859-1")), windows = slice_ieq(charset, SLICE("windows-1252"));

    if (charset.n == 0)
        return text_is_utf8(*text) ? MAP_CONTENT_OK : MAP_CONTENT_MALFORMED;
    if (slice_ieq(charset, SLICE("utf-8")) || slice_ieq(charset, SLICE("us-ascii")) ||
        slice_ieq(charset, SLICE("utf8")) || slice_ieq(charset, SLICE("ascii")))
        return MAP_CONTENT_OK;
    if (!latin1 && !windows)
        return MAP_CONTENT_CHARSET;
    *text = map_latin1_to_utf8(a, *text, windows);
    return text->p ? MAP_CONTENT_OK : MAP_CONTENT_NO_MEMORY;
}

static enum map_content_fault read_text(struct reader *r, const struct map_part *part, struct slice params,
                                        enum kind kind)
{
    struct slice text = part->body;
    enum map_content_fault fault = MAP_CONTENT_OK;

    if (kind == KIND_RTF) /* says in itself what its bytes are */
        text = map_rtf_to_text(r->arena, text);
    else
        fault = to_utf8(r->arena, param(params, "charset"), &text);

    if (fault != MAP_CONTENT_OK)
        return fault;
    if (kind == KIND_HTML)
        text = map_html_to_text(r->arena, text);
    if (!text.p && (kind == KIND_HTML || kind == KIND_RTF))
        return MAP_CONTENT_NO_MEMORY;
    r->out->text = text;
    if (part->language.n)
        r->out->language = part->language;
    return MAP_CONTENT_OK;
}

static bool is_identity(struct slice encoding)
{
    return encoding.n == 0 || slice_ieq(slice_trim(encoding), SLICE("identity"));
}

/* The best part of multipart/alternative: plain text before HTML before wrappers. False: none that is known. */
static enum map_content_fault best_part(struct reader *r, const struct level *level, struct map_part *best, bool *found)
{
    struct map_part part;
    struct slice text, params;
    enum kind best_kind = KIND_NONE, kind;
    enum map_content_fault fault;
    size_t at = 0;

    while (map_multipart_next(level->body, level->boundary, &at, &text)) {
        fault = map_part_read(r->arena, text, &part);
        if (fault != MAP_CONTENT_OK)
            return fault;
        kind = is_identity(part.encoding) ? kind_of(part.type, &params) : KIND_NONE;
        if (kind > best_kind) {
            best_kind = kind;
            *best = part;
        }
    }
    *found = best_kind != KIND_NONE;
    return MAP_CONTENT_OK;
}

/* Enters a multipart body: *part becomes what is to be read of it, or *found is false. */
static enum map_content_fault enter(struct reader *r, struct map_part *part, struct slice params, bool *found)
{
    struct level level = { .body = part->body, .boundary = param(params, "boundary") };
    struct slice type = part->type, text;
    size_t at = 0;

    *found = false;
    if (level.boundary.n == 0 || level.boundary.n > 70)
        return MAP_CONTENT_MALFORMED;
    if (r->depth == DEPTH_MAX)
        return MAP_CONTENT_TYPE;
    if (!map_multipart_next(level.body, level.boundary, &at, &text))
        return MAP_CONTENT_MALFORMED;
    if (slice_istarts(slice_trim(type), SLICE("multipart/alternative")))
        return best_part(r, &level, part, found);
    r->levels[r->depth++] = level;
    return MAP_CONTENT_OK;
}

/* The next part of the innermost multipart body that has one; false: all are used up. */
static bool next_part(struct reader *r, struct slice *text)
{
    while (r->depth) {
        struct level *level = &r->levels[r->depth - 1];

        if (map_multipart_next(level->body, level->boundary, &level->at, text))
            return true;
        r->depth--;
    }
    return false;
}

/* One part: OK when its text was read or (*done false) another wrapping was taken off into *part. */
static enum map_content_fault step(struct reader *r, struct map_part *part, bool *done, bool *found)
{
    struct slice params;
    enum map_content_fault fault;
    enum kind kind;

    *done = false;
    *found = true;
    if (!is_identity(part->encoding))
        return MAP_CONTENT_ENCODING;
    kind = kind_of(part->type, &params);
    if (kind == KIND_NONE)
        return MAP_CONTENT_TYPE;
    fault = map_part_decode(r->arena, part);
    if (fault != MAP_CONTENT_OK)
        return fault;
    if (kind == KIND_MULTIPART)
        return enter(r, part, params, found);
    if (kind == KIND_CPIM)
        return r->out->has_cpim ? MAP_CONTENT_TYPE : map_cpim_read(r->arena, part->body, r->out, part);
    *done = true;
    if (kind == KIND_COMPOSING || kind == KIND_IMDN) {
        r->out->kind = kind == KIND_IMDN ? MAP_CONTENT_IMDN : MAP_CONTENT_COMPOSING;
        r->out->text = part->body;
        return MAP_CONTENT_OK;
    }
    return read_text(r, part, params, kind);
}

enum map_content_fault map_content_read(struct arena *a, struct slice type, struct slice encoding, struct slice body,
                                        struct map_content *out)
{
    struct reader r = { .arena = a, .out = out };
    struct map_part part = { .type = type, .encoding = encoding, .body = body };
    bool done, found;

    *out = (struct map_content){ 0 };
    if (slice_ieq(slice_trim(encoding), SLICE("deflate"))) { /* of the whole body; no part may have one */
        enum map_content_fault fault = map_inflate(a, &part.body);

        if (fault != MAP_CONTENT_OK)
            return fault;
        part.encoding = (struct slice){ 0 };
    }
    for (unsigned in_a_row = 0; in_a_row <= DEPTH_MAX; in_a_row++) {
        enum map_content_fault fault = step(&r, &part, &done, &found);
        struct slice text;

        if (fault == MAP_CONTENT_OK && done)
            return MAP_CONTENT_OK;
        if (fault == MAP_CONTENT_NO_MEMORY || (fault == MAP_CONTENT_MALFORMED))
            return fault;
        if (fault == MAP_CONTENT_OK && found)
            continue;
        /* A part that cannot be shown: the next one, on whichever level there is one. */
        if (fault != MAP_CONTENT_OK && !r.refused)
            r.refused = fault;
        if (!next_part(&r, &text))
            break;
        fault = map_part_read(a, text, &part);
        if (fault != MAP_CONTENT_OK)
            return fault;
        in_a_row = 0;
    }
    return r.refused ? r.refused : MAP_CONTENT_TYPE;
}
