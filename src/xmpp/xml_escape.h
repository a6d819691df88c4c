/* Escaping that survives being read again exactly: what XML's own normalisation would change is written as a reference. */
#ifndef STOX_XMPP_XML_ESCAPE_H
#define STOX_XMPP_XML_ESCAPE_H

#include "base/buf.h"

/* Attribute value: TAB, LF and CR are kept (XML 1.0 3.3.3 would make them spaces). */
void xml_put_value(struct buf *b, struct slice s);

/* Character data: CR is kept (XML 1.0 2.11 would make it LF). */
void xml_put_chars(struct buf *b, struct slice s);

#endif
