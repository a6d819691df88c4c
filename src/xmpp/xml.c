#include "xmpp/xml.h"

#define NS_XML "http://www.w3.org/XML/1998/namespace"

static struct slice attr_of(const struct xml *el, const char *ns, const char *name)
{
    for (const struct xml_attr *at = el->attrs; at; at = at->next) {
        if (slice_is(at->name, name) && slice_is(at->ns, ns))
            return at->value;
    }
    return slice_of(NULL, 0);
}

struct slice xml_attr(const struct xml *el, const char *name)
{
    return attr_of(el, "", name);
}

struct slice xml_lang(const struct xml *el)
{
    return attr_of(el, NS_XML, "lang");
}

static const struct xml *element_from(const struct xml *node)
{
    while (node && node->is_text)
        node = node->next;
    return node;
}

const struct xml *xml_first_child(const struct xml *el)
{
    return element_from(el->first);
}

const struct xml *xml_next(const struct xml *el)
{
    return element_from(el->next);
}

bool xml_is(const struct xml *el, const char *ns, const char *name)
{
    return !el->is_text && slice_is(el->name, name) && slice_is(el->ns, ns);
}

const struct xml *xml_child(const struct xml *el, const char *ns, const char *name)
{
    const struct xml *child = xml_first_child(el);

    while (child && !xml_is(child, ns, name))
        child = xml_next(child);
    return child;
}

struct slice xml_text(struct arena *a, const struct xml *el)
{
    struct slice only = SLICE("");
    size_t runs = 0, n = 0;
    char *joined, *at;

    for (const struct xml *node = el->first; node; node = node->next) {
        if (node->is_text) {
            only = node->text;
            n += node->text.n;
            runs++;
        }
    }
    if (runs < 2)
        return only;
    joined = at = arena_alloc(a, n ? n : 1);
    if (!joined)
        return slice_of(NULL, 0);
    for (const struct xml *node = el->first; node; node = node->next) {
        if (node->is_text) {
            memcpy(at, node->text.p, node->text.n);
            at += node->text.n;
        }
    }
    return slice_of(joined, n);
}
