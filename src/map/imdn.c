#include "map/imdn.h"

#include "base/clock.h"
#include "base/text.h"
#include "map/scratch.h"
#include "sip/uri.h"
#include "sip/writer.h"
#include "xmpp/writer.h"

#define NS "urn:ietf:params:xml:ns:imdn"

/* ---- what a sender asks for ---- */

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = text_lower(s.p[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-.!%*_+`'~@:/=", c))))
            return false;
    }
    return s.n > 0;
}

static void dispositions(struct map_imdn_ask *ask, struct slice value)
{
    struct slice word;
    bool more = true;

    while (more) {
        more = slice_cut(value, ',', &word, &value);
        (void)slice_cut(word, ';', &word, &(struct slice){ 0 }); /* parameters are for later standards */
        word = slice_trim(word);
        ask->positive |= slice_ieq(word, SLICE("positive-delivery"));
        ask->negative |= slice_ieq(word, SLICE("negative-delivery"));
        ask->display |= slice_ieq(word, SLICE("display"));
    }
}

/* It will stand in a request line: nothing but a SIP URI that fits there. */
static bool is_way_back(struct slice uri)
{
    struct sip_uri parsed;

    for (size_t i = 0; i < uri.n; i++)
        if ((unsigned char)uri.p[i] <= ' ' || (unsigned char)uri.p[i] >= 0x7f)
            return false;
    return uri.n <= MAP_IMDN_URI_MAX && sip_uri_parse(uri, &parsed) && parsed.scheme == SIP_SCHEME_SIP;
}

/* [ Formal-name ] "<" URI ">": a way back that cannot be kept makes the whole request one that cannot be answered. */
static void record_route(struct map_imdn_ask *ask, struct slice value)
{
    struct slice uri = slice_from(value, slice_find(value, '<'));

    uri = uri.n >= 2 && uri.p[uri.n - 1] == '>' ? slice_of(uri.p + 1, uri.n - 2) : slice_of(NULL, 0);
    if (ask->n_routes < MAP_IMDN_ROUTES_MAX && is_way_back(uri))
        ask->routes[ask->n_routes++] = uri;
    else
        ask->unanswerable = true;
}

void map_imdn_ask_header(struct map_imdn_ask *ask, struct slice name, struct slice value)
{
    if (slice_is(name, "Message-ID")) {
        if (!ask->message_id.n && value.n <= MAP_IMDN_ID_MAX && is_token(value))
            ask->message_id = value;
        else
            ask->unanswerable = true;
    } else if (slice_is(name, "Disposition-Notification")) {
        dispositions(ask, value);
    } else if (slice_is(name, "IMDN-Record-Route")) {
        record_route(ask, value);
    }
}

bool map_imdn_asks(const struct map_imdn_ask *ask)
{
    return ask->message_id.n && !ask->unanswerable && (ask->positive || ask->negative || ask->display);
}

/* ---- a notification that came ---- */

struct reading {
    struct map_imdn *out;
    struct arena *arena;
    bool no_memory, has_state;
};

static void read_status(struct reading *r, const struct xml *notification, bool delivery)
{
    const struct xml *status = xml_child(notification, NS, "status");
    const struct xml *el = status ? xml_first_child(status) : NULL;

    if (!el || r->has_state || !slice_is(el->ns, NS))
        return;
    r->has_state = true;
    r->out->state = MAP_IMDN_OTHER;
    if (!delivery)
        r->out->state = slice_is(el->name, "displayed") ? MAP_IMDN_DISPLAYED : MAP_IMDN_OTHER;
    else if (slice_is(el->name, "delivered"))
        r->out->state = MAP_IMDN_DELIVERED;
    else if (slice_is(el->name, "failed"))
        r->out->state = MAP_IMDN_FAILED;
    else if (slice_is(el->name, "error"))
        r->out->state = MAP_IMDN_ERROR;
    else if (slice_is(el->name, "forbidden"))
        r->out->state = MAP_IMDN_FORBIDDEN;
}

static void on_child(void *arg, const struct xml *el)
{
    struct reading *r = arg;
    struct slice text;

    if (xml_is(el, NS, "message-id") && !r->out->message_id.n) {
        text = xml_text(r->arena, el);
        r->out->message_id = text.p ? arena_dup(r->arena, slice_trim(text)) : text;
        r->no_memory |= !r->out->message_id.p;
    } else if (xml_is(el, NS, "delivery-notification")) {
        read_status(r, el, true);
    } else if (xml_is(el, NS, "display-notification")) {
        read_status(r, el, false);
    }
}

enum map_document_fault map_imdn_read(struct arena *a, struct slice text, struct map_imdn *out)
{
    struct reading r = { .out = out, .arena = a };
    enum map_document_fault fault;

    *out = (struct map_imdn){ .state = MAP_IMDN_OTHER };
    fault = map_document_read(text, NS, "imdn", on_child, &r);
    if (fault != MAP_DOCUMENT_OK)
        return fault;
    if (r.no_memory)
        return MAP_DOCUMENT_NO_MEMORY;
    return out->message_id.n ? MAP_DOCUMENT_OK : MAP_DOCUMENT_MALFORMED;
}

/* ---- a notification of ours ---- */

static void put_document(struct buf *b, const struct map_imdn_about *about)
{
    static const char *const states[] = { [MAP_IMDN_DELIVERED] = "delivered",
                                          [MAP_IMDN_DISPLAYED] = "displayed",
                                          [MAP_IMDN_FAILED] = "failed",
                                          [MAP_IMDN_FORBIDDEN] = "forbidden",
                                          [MAP_IMDN_ERROR] = "error" };
    const char *kind = about->state == MAP_IMDN_DISPLAYED ? "display-notification" : "delivery-notification";

    buf_str(b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<imdn xmlns=\"" NS "\">");
    xml_put_text_element(b, "message-id", about->message_id);
    xml_put_text_element(b, "datetime", about->date);
    xml_put_text_element(b, "recipient-uri", about->recipient);
    buf_printf(b, "<%s><status><%s/></status></%s></imdn>", kind, states[about->state], kind);
}

static void put_address(struct buf *b, const char *name, struct slice uri)
{
    buf_str(b, name);
    buf_str(b, ": <");
    sip_put_safe(b, uri);
    buf_str(b, ">\r\n");
}

static void put_head(struct buf *b, struct slice from, struct slice to, int64_t date_wall_s, struct slice message_id)
{
    put_address(b, "From", from);
    put_address(b, "To", to);
    buf_str(b, "DateTime: ");
    clock_put_rfc3339(b, date_wall_s);
    buf_str(b, "\r\nNS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: ");
    buf_put(b, message_id);
    buf_str(b, "\r\n");
}

/* Its length stands before it, so the document is written to be measured first. */
static size_t document_size(const struct map_imdn_about *about)
{
    struct buf b;
    size_t n;

    buf_init(&b, 64 * 1024);
    put_document(&b, about);
    n = buf_ok(&b) ? b.n : 0;
    buf_free(&b);
    return n;
}

void map_imdn_put(struct buf *b, const struct map_imdn_about *about)
{
    size_t size = document_size(about);

    if (size == 0)
        b->failed = true;
    put_head(b, about->recipient, about->sender, about->now_wall_s, about->own_id);
    for (size_t i = 0; i < about->n_routes; i++)
        put_address(b, "imdn.IMDN-Route", about->routes[i]);
    buf_str(b, "\r\nContent-Type: " MAP_IMDN_TYPE "\r\nContent-Disposition: notification\r\nContent-Length: ");
    buf_u64(b, size);
    buf_str(b, "\r\n\r\n");
    put_document(b, about);
}

/* ---- a text that asks for one ---- */

void map_imdn_put_request(struct buf *b, const struct map_imdn_request *r)
{
    put_head(b, r->from, r->to, r->date_wall_s, r->message_id);
    buf_str(b, "imdn.Disposition-Notification: ");
    if (r->received)
        buf_str(b, "positive-delivery, negative-delivery");
    if (r->displayed)
        buf_str(b, r->received ? ", display" : "display");
    buf_str(b, "\r\n\r\n");
    buf_put(b, r->type);
    buf_str(b, "\r\n");
    buf_put(b, r->text);
}
