/* Prints a tree. No prefixes but those that attributes need: every element is in the default namespace in force. */
#include "base/text.h"
#include "xmpp/xml.h"
#include "xmpp/xml_depth.h"
#include "xmpp/xml_escape.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"

/* Writes s; the control characters of refs become character references, the rest is escaped as usual. */
static void put_escaped(struct buf *b, struct slice s, const char *refs)
{
    size_t from = 0;

    for (size_t i = text_has_control(s) ? 0 : s.n; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= ' ' || s.p[i] == '\0' || !strchr(refs, s.p[i]))
            continue;
        text_put_xml(b, slice_of(s.p + from, i - from));
        buf_str(b, "&#");
        buf_u64(b, (unsigned char)s.p[i]);
        buf_char(b, ';');
        from = i + 1;
    }
    text_put_xml(b, slice_from(s, from));
}

void xml_put_value(struct buf *b, struct slice s)
{
    put_escaped(b, s, "\t\n\r");
}

void xml_put_chars(struct buf *b, struct slice s)
{
    put_escaped(b, s, "\r");
}

/* The number of the prefix for at's namespace, and whether an earlier attribute of the element has declared it. */
static unsigned prefix_of(const struct xml *el, const struct xml_attr *at, bool *declared)
{
    unsigned n = 0;

    *declared = false;
    for (const struct xml_attr *before = el->attrs; before != at; before = before->next) {
        if (before->ns.n && slice_eq(before->ns, at->ns)) {
            *declared = true;
            return n;
        }
        n++;
    }
    return n;
}

static void put_attr(struct buf *b, const struct xml *el, const struct xml_attr *at)
{
    buf_char(b, ' ');
    if (slice_is(at->ns, NS_XML)) {
        buf_str(b, "xml:");
    } else if (at->ns.n) {
        bool declared;
        unsigned prefix = prefix_of(el, at, &declared);

        if (!declared) {
            buf_printf(b, "xmlns:n%u='", prefix);
            xml_put_value(b, at->ns);
            buf_str(b, "' ");
        }
        buf_printf(b, "n%u:", prefix);
    }
    buf_put(b, at->name);
    buf_str(b, "='");
    xml_put_value(b, at->value);
    buf_char(b, '\'');
}

static void put_start(struct buf *b, const struct xml *el, struct slice ns_outer)
{
    buf_char(b, '<');
    buf_put(b, el->name);
    if (!slice_eq(el->ns, ns_outer)) {
        buf_str(b, " xmlns='");
        xml_put_value(b, el->ns);
        buf_char(b, '\'');
    }
    for (const struct xml_attr *at = el->attrs; at; at = at->next)
        put_attr(b, el, at);
    buf_str(b, el->first ? ">" : "/>");
}

static void put_end(struct buf *b, const struct xml *el)
{
    buf_str(b, "</");
    buf_put(b, el->name);
    buf_char(b, '>');
}

void xml_put(struct buf *b, const struct xml *el, struct slice ns_outer)
{
    const struct xml *open[XML_DEPTH_MAX]; /* elements whose end tag is due */
    unsigned depth = 0;

    for (;;) {
        if (el->is_text) {
            xml_put_chars(b, el->text);
        } else {
            put_start(b, el, depth ? open[depth - 1]->ns : ns_outer);
            if (el->first) {
                if (depth == XML_DEPTH_MAX) {
                    b->failed = true; /* no reader makes such a tree */
                    return;
                }
                open[depth++] = el;
                el = el->first;
                continue;
            }
        }
        while (depth && !el->next) {
            el = open[--depth];
            put_end(b, el);
        }
        if (!depth)
            return;
        el = el->next;
    }
}
