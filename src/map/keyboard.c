#include "map/keyboard.h"

#include "xmpp/writer.h"

struct reading {
    bool has_status, typing;
};

static void on_child(void *arg, const struct xml *el)
{
    struct reading *r = arg;

    if (r->has_status || !xml_is(el, "", "status"))
        return;
    r->has_status = true;
    r->typing = slice_is(slice_trim(xml_attr(el, "status")), "type");
}

enum map_document_fault map_keyboard_read(struct slice text, bool *typing)
{
    struct reading r = { 0 };
    enum map_document_fault fault = map_document_read(text, "", "KeyboardActivity", on_child, &r);

    *typing = r.typing;
    if (fault != MAP_DOCUMENT_OK)
        return fault;
    return r.has_status ? MAP_DOCUMENT_OK : MAP_DOCUMENT_MALFORMED;
}

void map_keyboard_put(struct buf *b, bool typing)
{
    buf_str(b, "<?xml version=\"1.0\"?>\r\n<KeyboardActivity>\r\n<status status=\"");
    buf_str(b, typing ? "type" : "idle");
    buf_str(b, "\" />\r\n</KeyboardActivity>");
}

void map_ms_imdn_put(struct buf *b, struct slice message_id, struct slice uri, unsigned status)
{
    buf_str(b, "<?xml version=\"1.0\"?>\r\n<imdn>\r\n");
    xml_put_text_element(b, "message-id", message_id);
    buf_str(b, "\r\n<recipient");
    xml_put_attr(b, "uri", uri);
    buf_str(b, "><status>");
    buf_u64(b, status);
    buf_str(b, "</status></recipient>\r\n</imdn>");
}
