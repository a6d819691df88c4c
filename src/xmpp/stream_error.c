#include "xmpp/stream_error.h"

#include <assert.h>

#include "xmpp/core.h"
#include "xmpp/writer.h"

static const struct {
    const char *condition, *meaning;
} errors[] = {
#define X(name, condition, meaning) { condition, meaning },
    XMPP_STREAM_ERRORS(X)
#undef X
};

const char *xmpp_stream_error_condition(enum xmpp_stream_error e)
{
    return errors[e].condition;
}

const char *xmpp_stream_error_meaning(enum xmpp_stream_error e)
{
    return errors[e].meaning;
}

enum xmpp_stream_error xmpp_stream_error_of(const struct xml *el)
{
    for (const struct xml *c = xml_first_child(el); c; c = xml_next(c)) {
        if (!slice_is(c->ns, NS_STREAM_ERROR))
            continue;
        for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
            if (slice_is(c->name, errors[i].condition))
                return (enum xmpp_stream_error)i;
    }
    return XMPP_STREAM_UNDEFINED_CONDITION;
}

enum xmpp_stream_error xmpp_stream_error_of_fault(enum xml_fault f)
{
    switch (f) {
    case XML_OK: break;
    case XML_NOT_WELL_FORMED: return XMPP_STREAM_NOT_WELL_FORMED;
    case XML_RESTRICTED: return XMPP_STREAM_RESTRICTED_XML;
    case XML_BAD_NAMESPACE_PREFIX: return XMPP_STREAM_BAD_NAMESPACE_PREFIX;
    case XML_UNSUPPORTED_ENCODING: return XMPP_STREAM_UNSUPPORTED_ENCODING;
    case XML_TOO_BIG: return XMPP_STREAM_POLICY_VIOLATION;
    case XML_NO_MEMORY: return XMPP_STREAM_RESOURCE_CONSTRAINT;
    }
    assert(!"no fault");
    return XMPP_STREAM_INTERNAL_SERVER_ERROR;
}

void xmpp_stream_error_put(struct buf *b, enum xmpp_stream_error e, const char *text, const char *extra)
{
    buf_printf(b, "<stream:error><%s xmlns='" NS_STREAM_ERROR "'/>", errors[e].condition);
    if (text) {
        buf_str(b, "<text xmlns='" NS_STREAM_ERROR "' xml:lang='en'>");
        text_put_xml(b, slice_str(text));
        buf_str(b, "</text>");
    }
    if (extra)
        buf_str(b, extra);
    buf_str(b, "</stream:error>");
}
