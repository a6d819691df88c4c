/* What is particular about a component's stream: header, handshake, and whose stanzas are taken on it. */
#include "xmpp/component.h"
#include "xmpp/component_key.h"
#include "xmpp/writer.h"

#define ERROR_MAX 65536

void xmpp_component_put_header(struct xmpp_stream *s)
{
    struct buf b;

    buf_init(&b, 16384);
    buf_str(&b, "<?xml version='1.0'?><stream:stream xmlns='" NS_COMPONENT "' xmlns:stream='" NS_STREAM "'");
    xml_put_attr(&b, "to", s->local); /* the component, not the server */
    buf_char(&b, '>');
    xmpp_stream_write_all(s, &b);
    buf_free(&b);
}

const char *xmpp_component_advice(enum xmpp_stream_error e)
{
    switch (e) {
    case XMPP_STREAM_NOT_AUTHORIZED: return "component-secret is not the one that the server has for this component";
    case XMPP_STREAM_HOST_UNKNOWN:
        return "the server has no component of this name: declare one for each SIP domain there";
    case XMPP_STREAM_CONFLICT:
        return "another connection is attached to the server under this name, perhaps another gateway's: end that one";
    case XMPP_STREAM_INVALID_NAMESPACE:
    case XMPP_STREAM_BAD_FORMAT: return "no components are taken on this port: check component";
    default: return "";
    }
}

/* ---- handshake ---- */

static void shake_hands(struct xmpp_stream *s, struct slice id)
{
    const struct xmpp_partner *p = xmpp_stream_partner(s);
    char key[COMPONENT_KEY_LEN + 1];
    struct buf b;

    if (!p || !p->component) {
        xmpp_stream_fail(s, XMPP_FATE_REFUSED, "the settings do not ask for this component any more");
        return;
    }
    if (!component_key(key, id, p->component_secret)) {
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE, "out of memory");
        return;
    }
    buf_init(&b, 100);
    buf_printf(&b, "<handshake>%s</handshake>", key);
    xmpp_stream_become(s, XMPP_STATE_HANDSHAKE);
    xmpp_stream_write_all(s, &b);
    buf_free(&b);
}

void xmpp_component_header(struct xmpp_stream *s, const struct xml *root)
{
    struct slice id = xml_attr(root, "id");

    if (!xml_is(root, NS_STREAM, "stream") || !xml_reader_root_binds(s->reader, NS_COMPONENT))
        xmpp_stream_fail(s, XMPP_FATE_UNREACHABLE,
                         "what answers there takes no components (XEP-0114): check the port of component");
    else if (id.n)
        shake_hands(s, id);
    else /* an error follows */
        xmpp_stream_become(s, XMPP_STATE_HANDSHAKE);
}

static void ready(struct xmpp_stream *s)
{
    struct xml_limits limits = {
        .element_max = s->x->conf.stanza_max, .tag_max = 16384, .depth_max = 64, .attrs_max = 128
    };

    xml_reader_limit(s->reader, &limits);
    s->method = XMPP_METHOD_COMPONENT;
    s->component->ready_ms = loop_now(s->x->loop);
    xmpp_stream_log_authenticated(s, s->local, s->remote, s->method, xmpp_confirm_name(XMPP_CONFIRM_PING));
    xmpp_stream_become(s, XMPP_STATE_READY);
    s->x->counters.streams_opened++;
    if (xmpp_tally_count(&s->x->paused, s->partner_name) > 0)
        xmpp_stream_pause(s, true, s->window_paused);
    list_each (it, &s->pairs)
        xmpp_pair_ready(container_of(it, struct xmpp_pair, on_stream), false);
    xmpp_pair_put_on(s, s->remote); /* for the keep-alive */
}

/* ---- stanzas ---- */

/* The whole world may send through the server: that is no fault of its own. */
static void refuse_foreign(struct xmpp_stream *s, const struct xml *el)
{
    struct slice type = xml_attr(el, "type"), id = xml_attr(el, "id");
    struct buf b;

    xmpp_stream_ignore(s, "a stanza of a domain that is not the partner's");
    if (slice_is(type, "error") || slice_is(type, "result") || slice_is(el->name, "presence") ||
        !xmpp_stream_has_room(s))
        return;
    buf_init(&b, ERROR_MAX);
    buf_char(&b, '<');
    buf_put(&b, el->name);
    xml_put_attr(&b, "type", SLICE("error"));
    xml_put_attr(&b, "from", xml_attr(el, "to"));
    xml_put_attr(&b, "to", xml_attr(el, "from"));
    if (id.p)
        xml_put_attr(&b, "id", id);
    buf_char(&b, '>');
    xml_put_error(&b, "auth", "forbidden", s->local, SLICE("There is no federation with your domain"),
                  (struct slice){ 0 });
    buf_str(&b, "</");
    buf_put(&b, el->name);
    buf_char(&b, '>');
    if (buf_ok(&b))
        xmpp_stream_write(s, buf_slice(&b));
    buf_free(&b);
}

static bool is_partners(const struct xmpp_stream *s, struct slice domain)
{
    const struct xmpp_partner *p = s->x->conf.ops->partner(s->x->conf.owner, domain);

    return p && slice_eq(p->name, s->remote);
}

bool xmpp_component_judge(struct xmpp_stream *s, struct arena *a, const struct xml *el, struct xmpp_parties *p)
{
    switch (xmpp_parties_read(a, xml_attr(el, "from"), xml_attr(el, "to"), p)) {
    case XMPP_PARTIES_OK: break;
    case XMPP_PARTIES_FOREIGN: xmpp_stream_ignore(s, "a stanza from an address without a domain"); return false;
    case XMPP_PARTIES_NO_MEMORY: xmpp_stream_error(s, XMPP_STREAM_RESOURCE_CONSTRAINT, NULL); return false;
    default: xmpp_stream_error(s, XMPP_STREAM_IMPROPER_ADDRESSING, NULL); return false;
    }
    /* A server may hand all our names' stanzas to any of our connections: ejabberd does, with several hosts declared. */
    if (!s->x->conf.ops->serves(s->x->conf.owner, p->to.domain)) { /* its fault, and its alone */
        xmpp_stream_error(s, XMPP_STREAM_HOST_UNKNOWN, NULL);
        return false;
    }
    if (is_partners(s, p->from.domain))
        return true;
    refuse_foreign(s, el);
    return false;
}

void xmpp_component_element(struct xmpp_stream *s, struct xml *el)
{
    if (s->state == XMPP_STATE_HANDSHAKE) {
        if (xml_is(el, NS_SERVER, "handshake"))
            ready(s);
        return;
    }
    if (s->state != XMPP_STATE_READY && s->state != XMPP_STATE_CLOSING)
        return;
    if (!slice_is(el->ns, NS_SERVER) ||
        !(slice_is(el->name, "message") || slice_is(el->name, "presence") || slice_is(el->name, "iq")))
        xmpp_stream_ignore(s, "an element that is no stanza");
    else if (el->prefixed)
        xmpp_stream_error(s, XMPP_STREAM_BAD_NAMESPACE_PREFIX, NULL);
    else
        xmpp_stream_in_stanza(s, el);
}
