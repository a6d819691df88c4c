/* Receipts as XMPP writes them: XEP-0184 and XEP-0333. */
#include "map/imdn.h"
#include "xmpp/writer.h"

#define NS_RECEIPTS "urn:xmpp:receipts"
#define NS_MARKERS "urn:xmpp:chat-markers:0"

bool map_receipt_is(const struct xml *el)
{
    return xml_is(el, NS_RECEIPTS, "received") || xml_is(el, NS_MARKERS, "displayed");
}

void map_receipts_of(const struct xml *message, struct map_receipts *out)
{
    const struct xml *received = xml_child(message, NS_RECEIPTS, "received");
    const struct xml *displayed = xml_child(message, NS_MARKERS, "displayed");

    out->n = 0;
    if (received && xml_attr(received, "id").n)
        out->v[out->n++] = (struct map_receipt){ MAP_RECEIPT_RECEIVED, xml_attr(received, "id") };
    if (displayed && xml_attr(displayed, "id").n)
        out->v[out->n++] = (struct map_receipt){ MAP_RECEIPT_DISPLAYED, xml_attr(displayed, "id") };
}

void map_receipts_asked(const struct xml *message, bool *received, bool *displayed)
{
    bool has_id = xml_attr(message, "id").n > 0;

    *received = has_id && xml_child(message, NS_RECEIPTS, "request");
    *displayed = has_id && xml_child(message, NS_MARKERS, "markable");
}

void map_receipt_put_asks(struct buf *b, bool received, bool displayed)
{
    if (received)
        buf_str(b, "<request xmlns='" NS_RECEIPTS "'/>");
    if (displayed)
        buf_str(b, "<markable xmlns='" NS_MARKERS "'/>");
}

void map_receipt_put(struct buf *b, const struct jid *from, const struct jid *to, struct slice type,
                     const struct map_receipt *receipt)
{
    buf_str(b, "<message");
    xml_put_attr_jid(b, "from", from);
    xml_put_attr_jid(b, "to", to);
    if (type.n)
        xml_put_attr(b, "type", type);
    buf_str(b, receipt->kind == MAP_RECEIPT_RECEIVED ? "><received xmlns='" NS_RECEIPTS "'"
                                                     : "><displayed xmlns='" NS_MARKERS "'");
    xml_put_attr(b, "id", receipt->id);
    buf_str(b, "/></message>");
}
