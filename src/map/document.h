/*
 * A small XML document in a SIP body. It goes through the reader that XMPP streams go through (xmpp/xml.h), so that the same
 * is refused: DTDs, entities, comments, processing instructions, other encodings than UTF-8, and what is over a bound. Only
 * standalone may stand in its declaration, as not in that of a stream.
 * Documents of kinds that others write by hand may hold comments and the like (map_document_kind.lenient): those are left out before.
 */
#ifndef STOX_MAP_DOCUMENT_H
#define STOX_MAP_DOCUMENT_H

#include "xmpp/xml.h"

#define MAP_DOCUMENT_MAX ((size_t)16384) /* bytes; the kinds that are read here have some hundred */

enum map_document_fault {
    MAP_DOCUMENT_OK,
    MAP_DOCUMENT_MALFORMED, /* not XML, not all of it, another root, or too big */
    MAP_DOCUMENT_NO_MEMORY,
};

/*
 * Reads a document whose root is this element. child is called for each element directly in the root, in order; el is
 * borrowed until it returns. What stands behind the root is ignored.
 */
enum map_document_fault map_document_read(struct slice text, const char *ns, const char *root,
                                          void (*child)(void *arg, const struct xml *el), void *arg);

/* A kind of documents. */
struct map_document_kind {
    const char *ns, *root;
    size_t max;         /* bytes; the reader takes at most 64 times as much, for a moment */
    unsigned depth_max; /* elements in each other */
    bool lenient;       /* comments, processing instructions and a standalone declaration are passed over */
    /* The root's start tag, borrowed until return; may be NULL. False: the rest is not looked at, and the document is well. */
    bool (*open)(void *arg, const struct xml *root);
    void (*child)(void *arg, const struct xml *el);
};
enum map_document_fault map_document_read_as(const struct map_document_kind *kind, struct slice text, void *arg);

/*
 * Appends the document without its declaration, comments and processing instructions (document_plain.c). False: one of them is
 * malformed, another encoding than UTF-8 is declared, or there is a DTD.
 */
bool map_document_plain(struct buf *out, struct slice text);

#endif
