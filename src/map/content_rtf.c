/* RTF as old Office Communicators send it: only what people read of it. One pass, no recursion. */
#include "base/text.h"
#include "map/content_parts.h"
#include "map/scratch.h"

#define NO_SKIP UINT32_MAX
#define DEPTH_MAX 100000u

struct rtf {
    struct slice in;
    size_t at;
    struct buf out;
    uint32_t depth;
    uint32_t skip_from; /* groups from this depth on are not text */
    uint32_t uc;        /* characters that stand behind each \u for old readers */
    uint32_t owed;      /* of them, still to be passed over */
    uint32_t high;      /* first half of a surrogate pair */
};

/* A control word: letters, and a number maybe. */
struct word {
    struct slice name;
    bool has_number, negative;
    uint32_t number;
};

/* 80 to 9F of windows-1252 stand for other characters than in Latin-1. */
static void put_byte(struct rtf *r, unsigned char c)
{
    char memory[16];
    struct arena a;
    struct slice in = slice_of((const char *)&c, 1);

    if (c < 0x80) {
        buf_char(&r->out, (char)c);
        return;
    }
    arena_init_on(&a, memory, sizeof(memory), 256);
    buf_put(&r->out, map_latin1_to_utf8(&a, in, true));
    arena_reset(&a);
}

static bool shows(const struct rtf *r)
{
    return r->depth < r->skip_from;
}

/* A character of the text, unless it stands behind a \u for those who cannot read that. */
static void on_byte(struct rtf *r, unsigned char c)
{
    if (r->owed)
        r->owed--;
    else if (shows(r))
        put_byte(r, c);
}

static void on_unicode(struct rtf *r, const struct word *w)
{
    uint32_t ch = (w->negative ? 0x10000 - w->number : w->number) & 0xffff;

    r->owed = r->uc;
    if (!shows(r))
        return;
    if (ch >= 0xd800 && ch < 0xdc00) {
        r->high = ch;
        return;
    }
    if (ch >= 0xdc00 && ch < 0xe000)
        ch = r->high ? 0x10000 + ((r->high - 0xd800) << 10) + (ch - 0xdc00) : 0xfffd;
    r->high = 0;
    text_put_char(&r->out, ch);
}

/* Groups that begin with these hold tables, pictures and other things that are no text. */
static bool is_hidden(struct slice name)
{
    static const char *const hidden[] = {
        "fonttbl",   "colortbl", "stylesheet", "info",      "pict",    "object",    "header",
        "footer",    "footnote", "themedata",  "generator", "fldinst", "listtable", "listoverridetable",
        "datastore", "xmlnstbl"
    };

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++)
        if (slice_is(name, hidden[i]))
            return true;
    return false;
}

static void on_word(struct rtf *r, const struct word *w)
{
    static const struct {
        const char *name, *text;
    } marks[] = { { "par", "\n" },
                  { "line", "\n" },
                  { "row", "\n" },
                  { "tab", "\t" },
                  { "cell", "\t" },
                  { "emdash", "\xe2\x80\x94" },
                  { "endash", "\xe2\x80\x93" },
                  { "bullet", "\xe2\x80\xa2" },
                  { "lquote", "\xe2\x80\x98" },
                  { "rquote", "\xe2\x80\x99" },
                  { "ldblquote", "\xe2\x80\x9c" },
                  { "rdblquote", "\xe2\x80\x9d" } };

    if (slice_is(w->name, "u") && w->has_number) {
        on_unicode(r, w);
        return;
    }
    r->owed = 0;
    if (slice_is(w->name, "uc") && w->has_number && !w->negative && w->number <= 16)
        r->uc = w->number;
    else if (is_hidden(w->name) && shows(r))
        r->skip_from = r->depth;
    for (size_t i = 0; shows(r) && i < sizeof(marks) / sizeof(marks[0]); i++)
        if (slice_is(w->name, marks[i].name))
            buf_str(&r->out, marks[i].text);
}

static bool is_letter(char c)
{
    c = text_lower(c);
    return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Behind the backslash. A space behind the word belongs to it. */
static void take_word(struct rtf *r)
{
    const char *p = r->in.p;
    size_t start = r->at;
    struct word w = { 0 };

    while (r->at < r->in.n && is_letter(p[r->at]))
        r->at++;
    w.name = slice_of(p + start, r->at - start);
    if (r->at + 1 < r->in.n && p[r->at] == '-' && is_digit(p[r->at + 1])) {
        w.negative = true;
        r->at++;
    }
    while (r->at < r->in.n && is_digit(p[r->at])) {
        w.has_number = true;
        w.number = w.number < 100000 ? w.number * 10 + (uint32_t)(p[r->at] - '0') : w.number;
        r->at++;
    }
    if (r->at < r->in.n && p[r->at] == ' ')
        r->at++;
    on_word(r, &w);
}

static int hex(char c)
{
    c = text_lower(c);
    return is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Behind the backslash: one character. */
static void take_symbol(struct rtf *r)
{
    char c = r->in.p[r->at++];
    int high, low;

    switch (c) {
    case '\\':
    case '{':
    case '}': on_byte(r, (unsigned char)c); break;
    case '~': on_byte(r, ' '); break;
    case '_': on_byte(r, '-'); break;
    case '*':
        r->skip_from = shows(r) ? r->depth : r->skip_from;
        break; /* who does not know the word behind it, skips it */
    case '\r':
    case '\n':
        if (shows(r))
            buf_char(&r->out, '\n');
        break;
    case '\'':
        high = r->at < r->in.n ? hex(r->in.p[r->at]) : -1;
        low = r->at + 1 < r->in.n ? hex(r->in.p[r->at + 1]) : -1;
        if (high < 0 || low < 0)
            break;
        r->at += 2;
        on_byte(r, (unsigned char)(high * 16 + low));
        break;
    default: break;
    }
}

static void leave_group(struct rtf *r)
{
    if (r->depth)
        r->depth--;
    if (r->depth < r->skip_from && r->skip_from != NO_SKIP && r->depth + 1 == r->skip_from)
        r->skip_from = NO_SKIP;
    r->owed = 0;
}

struct slice map_rtf_to_text(struct arena *a, struct slice rtf)
{
    struct rtf r = { .in = rtf, .skip_from = NO_SKIP, .uc = 1 };
    struct slice text;

    if (!scratch_init(&r.out, a, 3 * rtf.n))
        return (struct slice){ 0 };
    while (r.at < rtf.n) {
        char c = rtf.p[r.at++];

        if (c == '{') {
            r.depth += r.depth < DEPTH_MAX;
            r.owed = 0;
        } else if (c == '}') {
            leave_group(&r);
        } else if (c == '\\' && r.at < rtf.n) {
            if (is_letter(rtf.p[r.at]))
                take_word(&r);
            else
                take_symbol(&r);
        } else if (c != '\r' && c != '\n' && c != '\0') {
            on_byte(&r, (unsigned char)c);
        }
    }
    text = buf_slice(&r.out);
    while (text.n && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == ' '))
        text.n--;
    return text;
}
