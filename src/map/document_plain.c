#include "base/text.h"
#include "map/document.h"

#define BOM "\xEF\xBB\xBF"

/* The bytes before the mark; *s goes behind it. False: it does not come. */
static bool take_until(struct slice *s, const char *mark, struct slice *out)
{
    const char *at = s->n ? memmem(s->p, s->n, mark, strlen(mark)) : NULL;

    if (!at)
        return false;
    *out = slice_of(s->p, (size_t)(at - s->p));
    *s = slice_from(*s, out->n + strlen(mark));
    return true;
}

/* Behind "<?xml": an encoding that is none but UTF-8, or a part of it. */
static bool is_our_encoding(struct slice declaration)
{
    struct slice before, value = declaration;
    char quote;

    if (!take_until(&value, "encoding", &before))
        return true;
    value = slice_trim(value);
    if (!value.n || value.p[0] != '=')
        return false;
    value = slice_trim(slice_from(value, 1));
    quote = value.n ? value.p[0] : 0;
    if (quote != '"' && quote != '\'')
        return false;
    slice_cut(slice_from(value, 1), quote, &value, &before);
    return slice_ieq(value, SLICE("UTF-8")) || slice_ieq(value, SLICE("US-ASCII"));
}

static bool skip_declaration(struct slice *s)
{
    struct slice declaration;

    if (slice_starts(*s, SLICE(BOM)))
        *s = slice_from(*s, sizeof(BOM) - 1);
    if (!slice_starts(*s, SLICE("<?xml")) || s->n < 6 || slice_trim(slice_of(s->p + 5, 1)).n)
        return true;
    *s = slice_from(*s, 5);
    return take_until(s, "?>", &declaration) && is_our_encoding(declaration);
}

/* "--" ends a comment, and does not stand in it (XML 1.0 2.5). */
static bool skip_comment(struct slice *s)
{
    struct slice comment;

    *s = slice_from(*s, 4);
    if (!take_until(s, "--", &comment) || !s->n || s->p[0] != '>')
        return false;
    *s = slice_from(*s, 1);
    return true;
}

static bool skip_instruction(struct slice *s)
{
    struct slice instruction, target;

    *s = slice_from(*s, 2);
    if (!take_until(s, "?>", &instruction))
        return false;
    slice_cut(instruction, ' ', &target, &(struct slice){ 0 });
    return target.n && !slice_ieq(slice_trim(target), SLICE("xml"));
}

static bool copy_cdata(struct buf *out, struct slice *s)
{
    struct slice all = *s, inside;

    if (!take_until(s, "]]>", &inside))
        return false;
    buf_put(out, slice_first(all, all.n - s->n));
    return true;
}

/* Up to the '>' that is in no attribute's value. */
static bool copy_tag(struct buf *out, struct slice *s)
{
    char quote = 0;
    size_t n = 0;

    while (n < s->n && (quote || s->p[n] != '>')) {
        char c = s->p[n++];

        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '"' || c == '\'')
            quote = c;
    }
    if (n == s->n)
        return false;
    buf_put(out, slice_first(*s, n + 1));
    *s = slice_from(*s, n + 1);
    return true;
}

static bool markup(struct buf *out, struct slice *s)
{
    if (slice_starts(*s, SLICE("<!--")))
        return skip_comment(s);
    if (slice_starts(*s, SLICE("<?")))
        return skip_instruction(s);
    if (slice_starts(*s, SLICE("<![CDATA[")))
        return copy_cdata(out, s);
    return !slice_starts(*s, SLICE("<!")) && copy_tag(out, s);
}

bool map_document_plain(struct buf *out, struct slice text)
{
    struct slice s = text;

    if (!skip_declaration(&s))
        return false;
    while (s.n) {
        size_t n = slice_find(s, '<');

        buf_put(out, slice_first(s, n));
        s = slice_from(s, n);
        if (s.n && !markup(out, &s))
            return false;
    }
    return true;
}
