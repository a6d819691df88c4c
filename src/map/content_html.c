#include "map/content_parts.h"

#include "base/text.h"
#include "map/scratch.h"

struct html {
    struct slice in;
    size_t at;
    struct buf out;
    bool space;         /* white space is due before the next character */
    bool line;          /* a line break is due instead */
    bool ignore_quotes; /* a tag did not end outside its quotes: '>' now ends any */
    bool no_more_tags;  /* no '>' is left */
    bool pre;           /* inside <pre> */
};

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
    c = text_lower(c);
    return c >= 'a' && c <= 'z';
}

/* Elements that begin and end on a line of their own. */
static bool is_block(struct slice name)
{
    static const char *const blocks[] = { "p",  "div", "li", "ul", "ol",   "tr",   "table",   "blockquote", "pre",
                                          "h1", "h2",  "h3", "h4", "h5",   "h6",   "section", "article",    "header",
                                          "hr", "dl",  "dt", "dd", "body", "html", "footer" };

    for (size_t i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++) {
        if (slice_ieq(name, slice_str(blocks[i])))
            return true;
    }
    return false;
}

/* Elements whose content is not text for people. */
static bool is_hidden(struct slice name)
{
    static const char *const hidden[] = { "script", "style", "title", "noscript", "template", "iframe", "object" };

    for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
        if (slice_ieq(name, slice_str(hidden[i])))
            return true;
    }
    return false;
}

static void put_gap(struct html *h)
{
    if (h->out.n && h->line)
        buf_char(&h->out, '\n');
    else if (h->out.n && h->space && h->out.p[h->out.n - 1] != '\n')
        buf_char(&h->out, ' ');
    h->line = h->space = false;
}

static void put(struct html *h, uint32_t ch)
{
    put_gap(h);
    text_put_char(&h->out, ch);
}

/* The character a numeric reference names, of which s is what stands behind the '#'; 0: it is none. */
static uint32_t numeric(struct slice s)
{
    uint32_t base = 10, ch = 0;

    if (s.n && text_lower(s.p[0]) == 'x') {
        base = 16;
        s = slice_from(s, 1);
    }
    if (s.n == 0)
        return 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = text_lower(s.p[i]);
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a') + 10
                                                : 16;

        if (digit >= base)
            return 0;
        ch = ch > 0x10ffff ? ch : ch * base + digit;
    }
    return text_xml_char(ch) ? ch : 0xfffd;
}

/* The character a reference stands for, *end behind it; 0: it is none. */
static uint32_t reference(struct slice s, size_t at, size_t *end)
{
    static const struct {
        const char *name;
        uint32_t ch;
    } names[] = {
        { "amp", '&' },      { "lt", '<' },       { "gt", '>' },        { "quot", '"' },     { "apos", '\'' },
        { "nbsp", 0xa0 },    { "copy", 0xa9 },    { "reg", 0xae },      { "trade", 0x2122 }, { "hellip", 0x2026 },
        { "mdash", 0x2014 }, { "ndash", 0x2013 }, { "lsquo", 0x2018 },  { "rsquo", 0x2019 }, { "ldquo", 0x201c },
        { "rdquo", 0x201d }, { "bull", 0x2022 },  { "euro", 0x20ac },   { "pound", 0xa3 },   { "cent", 0xa2 },
        { "yen", 0xa5 },     { "sect", 0xa7 },    { "deg", 0xb0 },      { "laquo", 0xab },   { "raquo", 0xbb },
        { "auml", 0xe4 },    { "ouml", 0xf6 },    { "uuml", 0xfc },     { "Auml", 0xc4 },    { "Ouml", 0xd6 },
        { "Uuml", 0xdc },    { "szlig", 0xdf },   { "eacute", 0xe9 },   { "egrave", 0xe8 },  { "agrave", 0xe0 },
        { "ccedil", 0xe7 },  { "ntilde", 0xf1 },  { "oslash", 0xf8 },   { "aring", 0xe5 },   { "shy", 0xad },
        { "times", 0xd7 },   { "middot", 0xb7 },  { "thinsp", 0x2009 }, { "ensp", 0x2002 },  { "emsp", 0x2003 },
    };
    struct slice name = slice_first(slice_from(s, at + 1), 12), rest;

    if (!slice_cut(name, ';', &name, &rest) || name.n == 0)
        return 0;
    *end = at + 1 + name.n + 1;
    if (name.p[0] == '#')
        return numeric(slice_from(name, 1));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (slice_is(name, names[i].name))
            return names[i].ch;
    }
    return 0;
}

/* Index of the '>' that ends the tag at at; in.n when none does. */
static size_t tag_end(struct html *h, size_t at)
{
    char quote = 0;

    for (size_t i = at; i < h->in.n && !h->ignore_quotes; i++) {
        char c = h->in.p[i];

        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
        else if (c == '>')
            return i;
    }
    h->ignore_quotes = true;
    return at + slice_find(slice_from(h->in, at), '>');
}

/* Moves behind the end tag of a hidden element, or to the end. */
static void skip_hidden(struct html *h, struct slice name)
{
    while (h->at < h->in.n) {
        h->at += slice_find(slice_from(h->in, h->at), '<');
        struct slice rest = slice_from(h->in, h->at);

        if (rest.n > name.n + 2 && rest.p[1] == '/' && slice_istarts(slice_from(rest, 2), name)) {
            h->at += 2 + slice_find(slice_from(rest, 2), '>') + 1;
            return;
        }
        h->at++;
    }
}

/* At "<!" or "<?": <!-- ... -->, <!doctype ...>, <? ... >. */
static bool declaration(struct html *h)
{
    struct slice rest = slice_from(h->in, h->at);
    const char *end;
    size_t n;

    if (slice_starts(rest, SLICE("<!--"))) {
        end = memmem(rest.p + 4, rest.n - 4, "-->", 3);
        h->at = end ? (size_t)(end - h->in.p) + 3 : h->in.n;
        return true;
    }
    n = h->no_more_tags ? rest.n : slice_find(rest, '>');
    h->no_more_tags = n == rest.n;
    h->at += h->no_more_tags ? 0 : n + 1;
    return !h->no_more_tags;
}

/* At a '<'. False: it begins nothing and is text. */
static bool markup(struct html *h)
{
    struct slice rest = slice_from(h->in, h->at + 1);
    bool closing = rest.n && rest.p[0] == '/';
    struct slice name = slice_from(rest, closing);
    size_t end;

    if (rest.n && (rest.p[0] == '!' || rest.p[0] == '?'))
        return declaration(h);
    if (h->no_more_tags || name.n == 0 || !is_letter(name.p[0]))
        return false;
    end = tag_end(h, (size_t)(name.p - h->in.p));
    if (end >= h->in.n) {
        h->no_more_tags = true;
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (!is_letter(name.p[i]) && !(name.p[i] >= '0' && name.p[i] <= '9')) {
            name.n = i;
            break;
        }
    }
    h->at = end + 1;
    if (!closing && is_hidden(name)) {
        skip_hidden(h, name);
    } else if (slice_ieq(name, SLICE("br"))) {
        h->line = false;
        buf_char(&h->out, '\n');
        h->space = false;
    } else if (is_block(name)) {
        h->line = h->out.n && h->out.p[h->out.n - 1] != '\n';
        h->space = false;
    } else if (slice_ieq(name, SLICE("td")) || slice_ieq(name, SLICE("th"))) {
        h->space = true;
    }
    if (slice_ieq(name, SLICE("pre")))
        h->pre = !closing;
    return true;
}

struct slice map_html_to_text(struct arena *a, struct slice html)
{
    struct html h = { .in = html };

    /* Nothing gets longer: the shortest reference has as many bytes as the longest character it can name. */
    if (!scratch_init(&h.out, a, html.n + 1))
        return (struct slice){ 0 };
    while (h.at < html.n) {
        char c = html.p[h.at];
        size_t end;
        uint32_t ch;

        if (c == '<' && markup(&h))
            continue;
        if (c == '&' && (ch = reference(html, h.at, &end)) != 0) {
            put(&h, ch == 0xa0 ? ' ' : ch);
            h.at = end;
            continue;
        }
        h.at++;
        if (is_space(c) && !h.pre) {
            h.space = true;
        } else if (c != '\r') {
            put_gap(&h);
            buf_char(&h.out, c);
        }
    }
    return slice_trim(buf_slice(&h.out));
}
