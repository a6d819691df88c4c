/*
 * An XML element as a tree in an arena, and the reader that makes one for each first-level element of a stream. The reader
 * is libexpat in streaming mode; DTDs, entities, comments and processing instructions are refused where they begin, and
 * every size is limited before memory is taken (STOX-S2S-85, 86, 88; threats D1-D5).
 */
#ifndef STOX_XMPP_XML_H
#define STOX_XMPP_XML_H

#include "base/arena.h"
#include "base/buf.h"

struct xml_attr {
    struct xml_attr *next;
    struct slice ns; /* empty: none; "http://www.w3.org/XML/1998/namespace" for xml:lang */
    struct slice name;
    struct slice value;
};

/* An element, or a run of character data (then is_text, and only text is set). */
struct xml {
    struct xml *next;  /* sibling */
    struct xml *first; /* child */
    struct xml *last;
    bool is_text;
    bool prefixed; /* its name was written with a namespace prefix */
    struct slice text;
    struct slice ns, name;
    struct xml_attr *attrs;
};

/* Value of an attribute without namespace; .p is NULL when it is absent (an empty value has a .p). */
struct slice xml_attr(const struct xml *el, const char *name);
struct slice xml_lang(const struct xml *el);

/* First child element with this name and namespace, or NULL. */
const struct xml *xml_child(const struct xml *el, const char *ns, const char *name);
const struct xml *xml_first_child(const struct xml *el); /* first element, whatever its name */
const struct xml *xml_next(const struct xml *el);        /* next sibling element */
bool xml_is(const struct xml *el, const char *ns, const char *name);

/* All character data directly inside, joined in the arena when there are several runs. .p NULL on memory. */
struct slice xml_text(struct arena *a, const struct xml *el);

/* Writes el and all below it; ns_outer: the default namespace in force around it. Does not recurse. */
void xml_put(struct buf *b, const struct xml *el, struct slice ns_outer);

enum xml_fault {
    XML_OK,
    XML_NOT_WELL_FORMED,      /* RFC 6120 4.9.3.13 */
    XML_RESTRICTED,           /* 4.9.3.18: comment, PI, DTD, entity */
    XML_BAD_NAMESPACE_PREFIX, /* 4.9.3.2: undeclared prefix */
    XML_UNSUPPORTED_ENCODING, /* 4.9.3.22 */
    XML_TOO_BIG,              /* 4.9.3.14 policy-violation: size, depth, attributes */
    XML_NO_MEMORY,            /* 4.9.3.17 resource-constraint */
};

struct xml_limits {
    size_t
        element_max; /* bytes of one first-level element, or of the stream header: 16 KiB before login, 256 KiB after */
    size_t tag_max;  /* bytes of one tag: 16 KiB */
    unsigned depth_max; /* 64 */
    unsigned attrs_max; /* 128 in one element */
    bool is_document;   /* no stream: its declaration may say whether it stands alone */
};

struct xml_reader;

/* Called from xml_reader_feed. Any of them may call xml_reader_stop, xml_reader_limit. */
struct xml_reader_ops {
    void (*open)(void *owner, const struct xml *root); /* the root's start tag; borrowed until return */
    void (*element)(void *owner, struct xml *el);      /* a first-level element; borrowed until return */
    void (*close)(void *owner);                        /* the root's end tag */
};

/* max_memory bounds everything this reader takes, parser included. NULL on memory. */
struct xml_reader *xml_reader_new(const struct xml_reader_ops *ops, void *owner, const struct xml_limits *limits,
                                  size_t max_memory);
void xml_reader_free(struct xml_reader *r);
void xml_reader_limit(struct xml_reader *r, const struct xml_limits *limits);

/* Feeds bytes, in pieces of any size. After a fault, or stop, feeding is an error that changes nothing (the same fault
 * again; XML_NOT_WELL_FORMED after stop). What comes behind the root's end tag is ignored. */
enum xml_fault xml_reader_feed(struct xml_reader *r, const char *p, size_t n);

/* From a callback: nothing behind the current element is looked at (STARTTLS, restart). Returns with feed. */
void xml_reader_stop(struct xml_reader *r);
bool xml_reader_stopped(const struct xml_reader *r);

/* Starts over for a new stream header, keeping limits and owner. Not from a callback. False on memory. */
bool xml_reader_reset(struct xml_reader *r);

/* Gives back what a quiet stream does not need, until something other than white space comes: about 1 KiB stays. Does
 * nothing in the middle of an element, or when called from a callback. */
void xml_reader_sleep(struct xml_reader *r);

/*
 * From now on, what is written in the namespace from is told as if it were in to, at every depth: protocols that differ in
 * nothing but that. Constants; from NULL: nothing is. What the root bound stays as it was written.
 */
void xml_reader_alias(struct xml_reader *r, const char *from, const char *to);

/* Did the root element bind this namespace, to a prefix or as its default (dialback, STOX-S2S-70)? */
bool xml_reader_root_binds(const struct xml_reader *r, const char *ns);

/* Was the root element's name written with this prefix (STOX-S2S-13)? */
bool xml_reader_root_is_prefixed(const struct xml_reader *r, const char *prefix);

#endif
