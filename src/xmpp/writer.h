/* Writing XML by hand into a buf: names and namespaces are ours (constants), values are anybody's and are escaped. */
#ifndef STOX_XMPP_WRITER_H
#define STOX_XMPP_WRITER_H

#include "base/buf.h"
#include "base/text.h"
#include "xmpp/jid.h"

/* " name='value'" */
void xml_put_attr(struct buf *b, const char *name, struct slice value);
void xml_put_attr_jid(struct buf *b, const char *name, const struct jid *j);

/* "<name>text</name>" */
void xml_put_text_element(struct buf *b, const char *name, struct slice text);

/* A stanza error's inner part (RFC 6120 8.3.2): <error type='..' by='..'><cond xmlns=.../><text .../></error>. by, text
 * and payload (character data of gone and redirect) may be empty. */
void xml_put_error(struct buf *b, const char *type, const char *condition, struct slice by, struct slice text,
                   struct slice payload);

#endif
