#include "map/document.h"

/* What the parser, its names and the largest tree of a document may take. */
#define MEMORY_MAX ((size_t)512 << 10)

struct document {
    const char *ns, *root;
    void (*child)(void *arg, const struct xml *el);
    void *arg;
    bool is_it, is_whole;
};

static void on_open(void *owner, const struct xml *root)
{
    struct document *d = owner;

    d->is_it = xml_is(root, d->ns, d->root);
}

static void on_element(void *owner, struct xml *el)
{
    struct document *d = owner;

    if (d->is_it)
        d->child(d->arg, el);
}

static void on_close(void *owner)
{
    struct document *d = owner;

    d->is_whole = true;
}

enum map_document_fault map_document_read(struct slice text, const char *ns, const char *root,
                                          void (*child)(void *arg, const struct xml *el), void *arg)
{
    static const struct xml_reader_ops ops = { .open = on_open, .element = on_element, .close = on_close };
    static const struct xml_limits limits = {
        .element_max = MAP_DOCUMENT_MAX, .tag_max = 4096, .depth_max = 16, .attrs_max = 32, .is_document = true
    };
    struct document d = { .ns = ns, .root = root, .child = child, .arg = arg };
    struct slice document = slice_trim(text);
    struct xml_reader *r;
    enum xml_fault fault;

    if (document.n == 0 || document.n > MAP_DOCUMENT_MAX)
        return MAP_DOCUMENT_MALFORMED;
    r = xml_reader_new(&ops, &d, &limits, MEMORY_MAX);
    if (!r)
        return MAP_DOCUMENT_NO_MEMORY;
    fault = xml_reader_feed(r, document.p, document.n);
    xml_reader_free(r);
    if (fault == XML_NO_MEMORY)
        return MAP_DOCUMENT_NO_MEMORY;
    return fault == XML_OK && d.is_it && d.is_whole ? MAP_DOCUMENT_OK : MAP_DOCUMENT_MALFORMED;
}
