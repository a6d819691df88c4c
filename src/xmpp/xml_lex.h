/*
 * Goes over the bytes of a stream before the parser does, and knows just enough of XML to see where tags and first-level
 * elements end. So limits hold before the parser has taken memory, what XMPP forbids is refused at its first characters,
 * and the parser never gets a byte from behind an element that is still to be handed over (STARTTLS).
 *
 * It does not check well-formedness; that is the parser's part. On well-formed input both see the same elements; where they
 * do not, the reader ends the stream.
 */
#ifndef STOX_XMPP_XML_LEX_H
#define STOX_XMPP_XML_LEX_H

#include "xmpp/xml.h"

enum xml_lex_state {
    XML_LEX_TEXT,
    XML_LEX_LT,    /* behind "<" */
    XML_LEX_BANG,  /* in "<![CDATA[" */
    XML_LEX_CDATA, /* behind it */
    XML_LEX_DECL,  /* in "<?xml ... ?>" */
    XML_LEX_TAG,
    XML_LEX_QUOTED, /* in an attribute's value */
};

enum xml_lex_edge {
    XML_LEX_NO_EDGE,
    XML_LEX_OPENED,  /* the root's start tag is complete */
    XML_LEX_ELEMENT, /* a first-level element is complete */
    XML_LEX_CLOSED,  /* the root is complete */
    XML_LEX_OPENED_AND_CLOSED,
};

struct xml_lex {
    enum xml_lex_state state;
    unsigned depth;   /* elements open */
    unsigned n_attrs; /* of the current tag, namespace declarations included */
    unsigned matched; /* characters of a fixed string seen: "[CDATA[", "]]", "xml" */
    unsigned offset;  /* of the next byte in the stream; stops counting early */
    unsigned bom;     /* bytes of a byte order mark at the beginning: 0 to 3 */
    char quote;
    bool first;   /* the tag's '<' is the first character of the stream */
    bool closing; /* the tag is an end tag */
    bool slash;   /* the byte before in the tag was '/' */
    size_t tag_bytes;
    size_t element_bytes; /* of the first-level element, or of the stream up to its header's end */
};

void xml_lex_init(struct xml_lex *l);

/* Markup has begun and is not complete. */
bool xml_lex_in_tag(const struct xml_lex *l);

/*
 * Goes on over p..p+n up to the next edge, a fault or the end. *used: how many bytes the parser may be given; on a fault
 * those before it.
 */
enum xml_fault xml_lex(struct xml_lex *l, const struct xml_limits *limits, struct slice in, size_t *used,
                       enum xml_lex_edge *edge);

#endif
