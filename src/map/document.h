/*
 * A small XML document in a SIP body. It goes through the reader that XMPP streams go through (xmpp/xml.h), so that the same
 * is refused: DTDs, entities, comments, processing instructions, other encodings than UTF-8, and what is over a bound. Only
 * standalone may stand in its declaration, as not in that of a stream.
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

#endif
