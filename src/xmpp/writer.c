#include "xmpp/writer.h"

#include "xmpp/xml_escape.h"

#define NS_STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static void open_attr(struct buf *b, const char *name)
{
    buf_char(b, ' ');
    buf_str(b, name);
    buf_str(b, "='");
}

void xml_put_attr(struct buf *b, const char *name, struct slice value)
{
    open_attr(b, name);
    xml_put_value(b, value);
    buf_char(b, '\'');
}

void xml_put_attr_jid(struct buf *b, const char *name, const struct jid *j)
{
    open_attr(b, name);
    if (j->local.n) {
        xml_put_value(b, j->local);
        buf_char(b, '@');
    }
    xml_put_value(b, j->domain);
    if (j->resource.n) {
        buf_char(b, '/');
        xml_put_value(b, j->resource);
    }
    buf_char(b, '\'');
}

void xml_put_text_element(struct buf *b, const char *name, struct slice text)
{
    buf_char(b, '<');
    buf_str(b, name);
    buf_char(b, '>');
    text_put_xml(b, text);
    buf_str(b, "</");
    buf_str(b, name);
    buf_char(b, '>');
}

void xml_put_error(struct buf *b, const char *type, const char *condition, struct slice by, struct slice text,
                   struct slice payload)
{
    buf_str(b, "<error");
    xml_put_attr(b, "type", slice_str(type));
    if (by.n)
        xml_put_attr(b, "by", by);
    buf_str(b, "><");
    buf_str(b, condition);
    buf_str(b, " xmlns='" NS_STANZAS "'");
    if (payload.n) {
        buf_char(b, '>');
        text_put_xml(b, payload);
        buf_str(b, "</");
        buf_str(b, condition);
        buf_char(b, '>');
    } else {
        buf_str(b, "/>");
    }
    if (text.n) {
        buf_str(b, "<text xmlns='" NS_STANZAS "'>");
        text_put_xml(b, text);
        buf_str(b, "</text>");
    }
    buf_str(b, "</error>");
}
