#include "map/document.h"

/* What the parser and its names may take, and the largest tree for each byte of a document. */
#define MEMORY_PARSER ((size_t)256 << 10)
#define MEMORY_EACH 64

struct document {
    const struct map_document_kind *kind;
    struct xml_reader *reader;
    void *arg;
    bool is_it, is_whole;
};

static void on_open(void *owner, const struct xml *root)
{
    struct document *d = owner;

    d->is_it = xml_is(root, d->kind->ns, d->kind->root);
    if (!d->is_it || !d->kind->open || d->kind->open(d->arg, root))
        return;
    d->is_whole = true;
    xml_reader_stop(d->reader);
}

static void on_element(void *owner, struct xml *el)
{
    struct document *d = owner;

    if (d->is_it)
        d->kind->child(d->arg, el);
}

static void on_close(void *owner)
{
    struct document *d = owner;

    d->is_whole = true;
}

static enum map_document_fault read_plain(const struct map_document_kind *kind, struct slice document, void *arg)
{
    static const struct xml_reader_ops ops = { .open = on_open, .element = on_element, .close = on_close };
    const struct xml_limits limits = {
        .element_max = kind->max, .tag_max = 4096, .depth_max = kind->depth_max, .attrs_max = 32, .is_document = true
    };
    struct document d = { .kind = kind, .arg = arg };
    enum xml_fault fault;

    if (document.n == 0 || document.n > kind->max)
        return MAP_DOCUMENT_MALFORMED;
    d.reader = xml_reader_new(&ops, &d, &limits, MEMORY_PARSER + MEMORY_EACH * kind->max);
    if (!d.reader)
        return MAP_DOCUMENT_NO_MEMORY;
    fault = xml_reader_feed(d.reader, document.p, document.n);
    xml_reader_free(d.reader);
    if (fault == XML_NO_MEMORY)
        return MAP_DOCUMENT_NO_MEMORY;
    return fault == XML_OK && d.is_it && d.is_whole ? MAP_DOCUMENT_OK : MAP_DOCUMENT_MALFORMED;
}

enum map_document_fault map_document_read_as(const struct map_document_kind *kind, struct slice text, void *arg)
{
    struct slice document = slice_trim(text);
    enum map_document_fault fault = MAP_DOCUMENT_MALFORMED;
    struct buf plain;

    if (!kind->lenient || document.n > kind->max)
        return read_plain(kind, document, arg);
    buf_init(&plain, kind->max);
    if (map_document_plain(&plain, document))
        fault = buf_ok(&plain) ? read_plain(kind, slice_trim(buf_slice(&plain)), arg) : MAP_DOCUMENT_NO_MEMORY;
    buf_free(&plain);
    return fault;
}

enum map_document_fault map_document_read(struct slice text, const char *ns, const char *root,
                                          void (*child)(void *arg, const struct xml *el), void *arg)
{
    const struct map_document_kind kind = {
        .ns = ns, .root = root, .max = MAP_DOCUMENT_MAX, .depth_max = 16, .child = child
    };

    return map_document_read_as(&kind, text, arg);
}
